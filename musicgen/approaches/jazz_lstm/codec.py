"""What turns the words of a jazz grammar back into music: the vocabulary, and the chords of the songs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.jazz_lstm.parts import Parts
from musicgen.approaches.jazz_lstm.tokens import Phrasing, Token, read_token
from musicgen.approaches.jazz_lstm.tone_weights import Shares, class_shares
from musicgen.codecs.vocabulary import Vocabulary
from musicgen.contract.prepared import TrainingSong
from musicgen.symbolic.gathering import STEPS, Event
from musicgen.symbolic.metre import Metre, bar_to_signature, metre_at
from musicgen.symbolic.rolls import main_tempo
from musicgen.symbolic.score import Score

MAX_OTHER_NOTES = 20_000  # of each other track of the accompaniment
Row = tuple[int, int, int, int]  # onset and length in twelfths of a beat, pitch, velocity


@dataclass(frozen=True)
class JazzVoice:
    """An instrument, with its notes in the passage that was learned from, counted from the first barline."""

    name: str
    program: int
    is_drum: bool = False
    notes: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Form:
    """The passage of one song without its melody: new melodies are played over it.

    Attributes:
        start_seconds: where it starts in the song. measure: length in twelfths of a beat.
        chords: of each measure; onsets from its barline (negative: held on from before).
        melody: the instrument; its `notes` are those of the song, to detect copies. harmony: the chords' instrument.
        others: all other tracks. accents: velocity of the melody by the twelfth of the beat.
        lowest, highest: pitch of the melody. tempo: BPM. numerator, denominator: time signature.
        classes: how often the melody has each pitch class; () in runs of earlier versions.
        progression: the chords that a melody is over, see Parts.harmony; () if they are those that are played.
    """

    name: str
    song_id: str
    start_seconds: float
    measure: int
    chords: tuple[tuple[Event, ...], ...]
    melody: JazzVoice
    harmony: JazzVoice
    others: tuple[JazzVoice, ...]
    accents: tuple[int, ...]
    lowest: int
    highest: int
    tempo: float
    numerator: int
    denominator: int
    classes: Shares = ()
    progression: tuple[tuple[Event, ...], ...] = ()

    @property
    def n_measures(self) -> int:
        return len(self.chords)

    def to_json(self) -> dict[str, Any]:
        chords = {name: _chords_to_json(getattr(self, name)) for name in ("chords", "progression")}
        return {**asdict(self), **chords}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Form:
        chords = {name: _chords_from_json(document.get(name, ())) for name in ("chords", "progression")}
        others = tuple(_voice_from_json(each) for each in document["others"])
        voices = {name: _voice_from_json(document[name]) for name in ("melody", "harmony")}
        accents = tuple(int(each) for each in document["accents"])
        classes = tuple(float(each) for each in document.get("classes", ()))
        return cls(**{**document, **chords, "others": others, "accents": accents, "classes": classes, **voices})


@dataclass(frozen=True)
class JazzCodec:
    """Words ↔ ids, and what is needed to play them.

    Attributes:
        phrasing: how notes became words. exact: the lengths in a measure fill it exactly.
        onsets: twelfths of a beat at which notes start in the songs.
        forms: of the songs, in their order.
        intervals, moves: see ToneWeights; () in runs of earlier versions.
    """

    vocabulary: Vocabulary
    phrasing: Phrasing
    exact: bool
    onsets: tuple[int, ...]
    forms: tuple[Form, ...]
    intervals: Shares = ()
    moves: Shares = ()

    @property
    def tokens(self) -> list[Token]:
        return [read_token(word) for word in self.vocabulary.tokens]

    def parts(self) -> NDArray[np.float32]:
        """The parts of each word (its kind, length and reach) as 1 or 0; shape (vocabulary, parts)."""
        made_of = [(("kind", t.kind), ("length", t.length), ("reach", t.reach or t.is_rest)) for t in self.tokens]
        known = {part: number for number, part in enumerate(sorted({p for parts in made_of for p in parts}, key=str))}
        matrix = np.zeros((len(made_of), len(known)), dtype=np.float32)
        for row, parts in zip(matrix, made_of, strict=True):
            row[[known[part] for part in parts]] = 1
        return matrix

    @property
    def most_beats(self) -> int:
        """Beats in the longest measure, rounded up."""
        return max(-(-form.measure // STEPS) for form in self.forms)

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary.to_json(),
            "as_written": self.phrasing.as_written,
            "linked": self.phrasing.linked,
            "exact": self.exact,
            "onsets": list(self.onsets),
            "forms": [form.to_json() for form in self.forms],
            "intervals": list(self.intervals),
            "moves": list(self.moves),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> JazzCodec:
        return cls(
            Vocabulary.from_json(document["vocabulary"]),
            Phrasing(bool(document["as_written"]), bool(document["linked"])),
            bool(document["exact"]),
            tuple(int(onset) for onset in document["onsets"]),
            tuple(Form.from_json(form) for form in document["forms"]),
            *(tuple(float(share) for share in document.get(name, ())) for name in ("intervals", "moves")),
        )


def form_of(score: Score, parts: Parts, song: TrainingSong) -> Form:
    """The form of a song, from its parts."""
    notes = [event for events in parts.line for event in events if event.pitches]
    pitches = [event.pitches[0] for event in notes]
    metre = metre_at(score, Fraction(parts.start, STEPS)) or Metre()
    beats, unit = metre.numerator, metre.denominator
    if metre.bar * STEPS != parts.measure:
        beats, unit = bar_to_signature(Fraction(parts.measure, STEPS)) or (4, 4)
    melody, harmony = score.tracks[parts.melody_track], score.tracks[_most_played(score, parts)]
    used = {parts.melody_track, *parts.chord_tracks}
    others = [n for n in np.unique(score.notes["track"]).tolist() if n not in used]
    return Form(
        name=song.name,
        song_id=song.id,
        start_seconds=float(score.ticks_to_seconds(np.array([parts.start * score.ticks_per_beat // STEPS]))[0]),
        measure=parts.measure,
        chords=_from_barlines(parts, parts.chords),
        progression=_from_barlines(parts, parts.harmony) if parts.is_gathered else (),
        melody=JazzVoice(
            melody.name or "Melody",
            melody.program,
            notes=tuple((event.onset - parts.start, event.length, event.pitches[0], event.velocity) for event in notes),
        ),
        harmony=JazzVoice(harmony.name or "Chords", harmony.program),
        others=tuple(_other_voice(score, parts, number) for number in others),
        accents=_accents(notes, parts.start),
        lowest=min(pitches),
        highest=max(pitches),
        tempo=main_tempo(score),
        numerator=beats,
        denominator=unit,
        classes=class_shares(pitches),
    )


def _from_barlines(parts: Parts, chords: Sequence[Sequence[Event]]) -> tuple[tuple[Event, ...], ...]:
    """With onsets from the barline of each measure."""
    return tuple(
        tuple(
            Event(chord.onset - parts.start - number * parts.measure, chord.length, chord.pitches, chord.velocity)
            for chord in measure
        )
        for number, measure in enumerate(chords)
    )


def _most_played(score: Score, parts: Parts) -> int:
    """The chord track with the most notes: its instrument plays the chords."""
    return max(parts.chord_tracks, key=lambda number: int((score.notes["track"] == number).sum()))


def _other_voice(score: Score, parts: Parts, number: int) -> JazzVoice:
    """What another track plays in the passage, rounded to twelfths of a beat."""
    scale = STEPS / score.ticks_per_beat
    notes = score.notes[score.notes["track"] == number]
    onset = np.rint(notes["onset_ticks"] * scale).astype(int) - parts.start
    inside = (onset >= 0) & (onset < parts.measure * parts.n_measures)
    length = np.maximum(1, np.rint(notes["duration_ticks"] * scale)).astype(int)
    columns = onset[inside], length[inside], notes["pitch"][inside], notes["velocity"][inside]
    rows = [(int(a), int(b), int(c), int(d)) for a, b, c, d in zip(*columns, strict=True)][:MAX_OTHER_NOTES]
    track = score.tracks[number]
    return JazzVoice(track.name, track.program, track.is_drum, tuple(rows))


def _accents(notes: Sequence[Event], start: int) -> tuple[int, ...]:
    """Mean velocity of the notes that start in each twelfth of the beat; the mean of all if none does."""
    velocity = np.array([event.velocity for event in notes], dtype=float)
    place = np.array([(event.onset - start) % STEPS for event in notes])
    return tuple(
        round(float(velocity[place == each].mean() if (place == each).any() else velocity.mean()))
        for each in range(STEPS)
    )


def _chords_to_json(chords: Sequence[Sequence[Event]]) -> list[list[list[Any]]]:
    return [[[each.onset, each.length, list(each.pitches), each.velocity] for each in measure] for measure in chords]


def _chords_from_json(document: Sequence[Sequence[Any]]) -> tuple[tuple[Event, ...], ...]:
    return tuple(
        tuple(
            Event(int(onset), int(length), tuple(map(int, pitches)), int(velocity))
            for onset, length, pitches, velocity in measure
        )
        for measure in document
    )


def _voice_from_json(document: Mapping[str, Any]) -> JazzVoice:
    rows = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in document["notes"])
    return JazzVoice(str(document["name"]), int(document["program"]), bool(document["is_drum"]), rows)
