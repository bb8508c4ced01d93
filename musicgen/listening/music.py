"""The pieces of a blind test, as recorded sound or as notes: where excerpts may lie, and how they sound. Children only.

Piece 0 is the output; the others are the songs, or the other output of an ABX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip
from musicgen.errors import InvalidInput, sentence
from musicgen.listening import scores, sounds
from musicgen.listening.excerpts import Ground

Document = Mapping[str, Any]  # a piece as `material` describes it


@dataclass(frozen=True)
class Taken:
    """An excerpt: of which piece, from where (seconds, or beats of notes), and the tempo at which notes are played."""

    number: int
    start: float
    tempo: float = 0.0


class Music(Protocol):
    grounds: list[Ground]

    def tempo(self, number: int) -> float:
        """The tempo of a piece; 0 for sound."""

    def seconds_at(self, taken: Taken) -> tuple[float, float]:
        """Start and stop of an excerpt in seconds of its piece."""

    def sounds(self, excerpts: Sequence[Taken]) -> list[Waveform]:
        """All excerpts, levelled, with exactly the same shape and sample rate."""

    def levelled(self) -> list[str]:
        """What differs between the pieces and was made equal, in words."""


class SoundMusic:
    """Recorded sound."""

    def __init__(self, pieces: Sequence[Document], seconds: float) -> None:
        self.seconds = seconds
        self.pieces = [sounds.open_sound(Clip(Path(each["folder"]))) for each in pieces]
        self.grounds = [
            opened.ground(seconds, each["skipped_seconds"]) for opened, each in zip(self.pieces, pieces, strict=True)
        ]
        self.format = sounds.common_format(self.pieces)

    def tempo(self, number: int) -> float:
        return 0.0

    def seconds_at(self, taken: Taken) -> tuple[float, float]:
        return taken.start, taken.start + self.seconds

    def sounds(self, excerpts: Sequence[Taken]) -> list[Waveform]:
        return [sounds.cut(self.pieces[each.number], each.start, self.seconds, self.format) for each in excerpts]

    def levelled(self) -> list[str]:
        channels = "mono" if self.format.n_channels == 1 else "stereo"
        levelled = ["loudness", f"sample rate ({self.format.sample_rate / 1000:g} kHz)", f"channels ({channels})"]
        return [*levelled, *(["highest frequencies"] if self.format.is_dulled else [])]


class NoteMusic:
    """Written music. `folder`: for the rendering. Raises InvalidInput if a piece has no notes that can be compared."""

    def __init__(self, pieces: Sequence[Document], seconds: float, folder: Path) -> None:
        self.seconds, self.folder = seconds, folder
        stored = [Clip(Path(each["folder"])).score() for each in pieces]
        self.levelling = scores.how_to_level(stored, [each["tracks"] for each in pieces])
        self.pieces = [self._opened(score, each) for score, each in zip(stored, pieces, strict=True)]
        tempos = [piece.tempo for piece in self.pieces]
        fastest = max(tempos[1:])  # the output is played at the tempo of what it is compared with
        self.grounds = [
            piece.ground(seconds * (tempo if number else fastest) / 60, each["skipped_onsets"])
            for number, (piece, tempo, each) in enumerate(zip(self.pieces, tempos, pieces, strict=True))
        ]

    def _opened(self, score: scores.Score, piece: Document) -> scores.ScorePiece:
        opened = scores.open_score(score, piece["tracks"], with_drums=not self.levelling.instruments)
        if opened is None:
            rule = "Both sides of a blind test must have notes of pitched instruments"
            raise InvalidInput(sentence(rule, f"none in “{piece['name']}”"), code="no_notes")
        return opened

    def tempo(self, number: int) -> float:
        return self.pieces[number].tempo

    def seconds_at(self, taken: Taken) -> tuple[float, float]:
        piece = self.pieces[taken.number]
        return piece.seconds_at(taken.start), piece.seconds_at(taken.start + self._beats(taken))

    def sounds(self, excerpts: Sequence[Taken]) -> list[Waveform]:
        asked = [
            scores.ScoreExcerpt(self.pieces[each.number], each.start, self._beats(each), each.tempo)
            for each in excerpts
        ]
        return scores.render_excerpts(asked, self.seconds, self.levelling, self.folder)

    def levelled(self) -> list[str]:
        return ["loudness", "tempo", *self.levelling.words()]

    def _beats(self, taken: Taken) -> float:
        return self.seconds * taken.tempo / 60
