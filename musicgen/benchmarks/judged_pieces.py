"""How often real pieces are blamed, and how many bad ones are named; see `bad_pieces` and `bad_sounds`.

A piece is judged as an output is, against other pieces of its collection as the training songs. Children and scripts
only.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import audio, midi
from musicgen.evaluation.degeneracy import COPIED, verdicts
from musicgen.evaluation.description import describe_training
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.knowledge import Knowledge
from musicgen.evaluation.manners import manners_of
from musicgen.symbolic.score import Score

NUM_SONGS = 8


@dataclass(frozen=True)
class HeldClip:
    """A score in memory, with what is asked of a clip when it is judged."""

    content: Score
    medium: str = "midi"

    @property
    def seconds(self) -> float:
        return self.content.seconds

    @property
    def facts(self) -> dict[str, Any]:
        return {"sha256": hashlib.sha256(self.content.notes.tobytes()).hexdigest()}

    def score(self) -> Score:
        return self.content


class Judge(Protocol):
    """What gives verdicts; see `Knowledge`."""

    def judge(self, clip: Any, judgement: dict[str, Any]) -> None: ...


class RulesOnly:
    """Judges pieces by their metrics alone, many times faster: what is copied is not looked for."""

    def __init__(self, songs: Sequence[TrainingSong]) -> None:
        self.medium: Medium = "midi" if all(song.clip.medium == "midi" for song in songs) else "audio"
        self.manners = manners_of(songs)
        self.learned = describe_training(songs, self.medium) | (self.manners.learned() if self.manners else {})

    def metrics(self, content: Score | Waveform) -> dict[str, float]:
        """Of a piece, beside the songs."""
        if isinstance(content, Waveform):
            return audio.describe(content)
        return midi.describe(content) | (self.manners.metrics(content) if self.manners else {})

    def judge(self, clip: Any, judgement: dict[str, Any]) -> None:
        content = clip.score() if self.medium == "midi" else clip.waveform()
        found = verdicts(self.medium, self.metrics(content), self.learned)
        judgement["verdicts"] = [verdict.to_json() for verdict in found]


@dataclass
class Tally:
    """Counts of one kind of piece.

    Attributes:
        num_pieces: judged. named: with any verdict. right: with one of those that are expected of it.
        codes: how often each verdict was given. missed: names of the pieces without any (bad ones), or of those that
            were blamed (real ones).
    """

    num_pieces: int = 0
    named: int = 0
    right: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    noted: list[str] = field(default_factory=list)

    def add(self, name: str, codes: Sequence[str], expected: Sequence[str] = ()) -> None:
        self.num_pieces += 1
        self.named += bool(codes)
        self.right += any(code in expected for code in codes)
        self.codes.update(codes)
        if bool(codes) != bool(expected):
            self.noted.append(f"{name}: {', '.join(codes)}".rstrip(": "))

    def to_json(self) -> dict[str, Any]:
        return {
            "num_pieces": self.num_pieces, "named": self.named, "right": self.right,
            "codes": dict(self.codes.most_common()), "noted": self.noted,
        }  # fmt: skip


@dataclass(frozen=True)
class Material:
    """A piece of a collection, to be judged or to be a training song."""

    name: str
    collection: str
    content: Score | Waveform


Makers = Mapping[str, Callable[[Sequence[Any], Any, np.random.Generator], Any]]


def tallies(
    pieces: Sequence[Material],
    makers: Makers,
    expected: Mapping[str, Sequence[str]],
    folder: Path,
    *,
    num_songs: int = NUM_SONGS,
    seed: int = 0,
    judge_of: Callable[[Sequence[TrainingSong]], Judge] = Knowledge,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Tally]:
    """`real` and each kind of bad piece → its counts: every piece once in every kind.

    Args:
        folder: for the sounds, which are judged as files. judge_of: what judges a piece, from its songs. It judges real
            pieces and copies; other bad pieces are judged by their metrics alone, since to look for what is copied
            takes many times longer, and could only name more of them. progress: told how many pieces are done, of how
            many, after each.
    """
    rng = np.random.default_rng(seed)
    found = {"real": Tally(), **{kind: Tally() for kind in makers}}
    clips = {piece.name: _clip(piece.content, folder / f"piece-{number}") for number, piece in enumerate(pieces)}
    for done, piece in enumerate(pieces, 1):
        others = [each for each in pieces if each.collection == piece.collection and each.name != piece.name]
        chosen = [others[int(place)] for place in rng.permutation(len(others))[:num_songs]]
        songs = [_song(each.name, clips[each.name]) for each in chosen]
        knowledge = judge_of(songs)
        rules = knowledge if isinstance(knowledge, RulesOnly) else RulesOnly(songs)
        found["real"].add(piece.name, _codes(clips[piece.name], knowledge))
        contents = [each.content for each in chosen]
        for kind, content in _spoiled(makers, contents, piece.content, rng):
            bad = folder / "bad"
            judge = knowledge if COPIED in expected[kind] else rules
            found[kind].add(piece.name, _codes(_clip(content, bad), judge), expected[kind])
            shutil.rmtree(bad, ignore_errors=True)
        progress(done, len(pieces))
    return found


def _spoiled(makers: Makers, songs: Sequence[Any], piece: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    for kind, make in makers.items():
        if (made := make(songs, piece, rng)) is not None:
            yield kind, made


def _codes(clip: Any, knowledge: Judge) -> list[str]:
    judgement: dict[str, Any] = {}
    knowledge.judge(clip, judgement)
    return [verdict["code"] for verdict in judgement["verdicts"]]


def _clip(content: Score | Waveform, folder: Path) -> Any:
    if isinstance(content, Score):
        return HeldClip(content)
    folder.mkdir(parents=True, exist_ok=True)
    return write_audio_clip(folder, content)


def _song(name: str, clip: Clip | HeldClip) -> TrainingSong:
    return TrainingSong(name, name, clip, None)  # type: ignore[arg-type]
