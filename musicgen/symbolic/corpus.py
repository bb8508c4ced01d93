"""Public-domain scores from the corpus that comes with music21. Children only."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from musicgen.errors import NotFound, sentence
from musicgen.symbolic.music21_locked import music21_locked
from musicgen.symbolic.score import NOTE_DTYPE, KeySignature, Score, TempoChange, TimeSignature, Track

TICKS_PER_BEAT = 480


def corpus_score(
    name: str,
    *,
    tracks: tuple[Track, ...],
    tempo: float,
    velocities: tuple[int, ...] = (),
    with_repeats: bool = False,
    number: int | None = None,
) -> Score:
    """A piece of the corpus, such as 'bach/bwv269'.

    Args:
        tracks: name and instrument of each part, in the order of the staves. Staves beyond the
            last entry join it, which is how the two staves of a piano become one track.
        tempo: quarter notes a minute; most encodings have no useful one.
        velocities: of each track; 80 by default.
        with_repeats: play the repeats in the score.
        number: which tune, if the file is a collection of several; they count as the file says.

    Raises NotFound if this installation of music21 lacks the piece.
    """
    music21 = music21_locked()
    try:
        path = music21.corpus.getWork(name)
    except music21.corpus.CorpusException as error:
        received = f"an installation of music21 without {name}"
        raise NotFound(sentence("Samples need the corpus of music21", received, "Reinstall it.")) from error
    paths = path if isinstance(path, list) else [path]  # some pieces exist in two formats
    path = next((each for each in paths if str(each).endswith(("xml", "mxl"))), paths[0])
    piece = music21.converter.parseFile(path, number=number, forceSource=True)
    if with_repeats:
        piece = piece.expandRepeats()
    piece = piece.stripTies()
    rows = []
    for index, part in enumerate(piece.parts):
        track = min(index, len(tracks) - 1)
        velocity = velocities[track] if track < len(velocities) else 80
        rows += [(onset, duration, pitch, velocity, track) for onset, duration, pitch in _notes(part)]
    return Score(
        notes=np.array(list(dict.fromkeys(rows)), NOTE_DTYPE),
        ticks_per_beat=TICKS_PER_BEAT,
        tracks=tracks,
        tempos=(TempoChange(0, tempo),),
        time_signatures=tuple(_time_signatures(piece.parts[0])),
        key_signatures=tuple(_key_signatures(piece.parts[0].flatten())),
    )


def _notes(part: Any) -> Iterator[tuple[int, int, int]]:
    """(onset, duration, pitch) in ticks; ornaments without a duration of their own are left out."""
    for element in part.flatten().notes:
        duration = _ticks(element.duration.quarterLength)
        if duration > 0 and not element.duration.isGrace and not hasattr(element, "chordKind"):
            for pitch in element.pitches:
                yield _ticks(element.offset), duration, int(pitch.midi)


def _ticks(quarter_length: float | Fraction) -> int:
    return round(quarter_length * TICKS_PER_BEAT)


def _time_signatures(part: Any) -> Iterator[TimeSignature]:
    """The signatures of a part; an upbeat gets its own, so that the barlines after it are right."""
    found = {_ticks(element.getOffsetInHierarchy(part)): element for element in part["TimeSignature"]}
    measures = part.getElementsByClass("Measure")
    upbeat = _ticks(measures[0].quarterLength) if len(measures) > 1 else 0
    for tick, signature in found.items():
        if tick == 0 and 0 < upbeat < _ticks(signature.barDuration.quarterLength):
            yield TimeSignature(0, *_as_signature(upbeat))
            tick = upbeat
        yield TimeSignature(tick, signature.numerator, signature.denominator)


def _as_signature(ticks: int) -> tuple[int, int]:
    """The simplest signature of a measure with this many ticks: (1, 4) for a quarter note."""
    length = Fraction(ticks, 4 * TICKS_PER_BEAT)  # of a whole note
    denominator = max(length.denominator, 4)
    return length.numerator * denominator // length.denominator, denominator


def _key_signatures(part: Any) -> Iterator[KeySignature]:
    for found in _changes(part, "KeySignature"):
        yield KeySignature(_ticks(found.offset), found.sharps, getattr(found, "mode", None) == "minor")


def _changes(part: Any, kind: str) -> list[Any]:
    """The elements of one kind, one for each moment."""
    return list({_ticks(element.offset): element for element in part.getElementsByClass(kind)}.values())
