"""Metrics of a generated score and a reference score, and of the two together.

Conventions
    Both are Scores; the reference comes first, the generated one second. Notes and chords that begin together are one
    event (see `events`). Drum notes are left out unless a score has nothing else. An empty score has defined
    results: 0 for each of its own metrics; two empty scores are equal (distance 0, ratio 1), an empty and another one
    differ completely (distance 1, ratio 0). No metric is ever NaN. Times are seconds.

Metrics
    num_notes, num_distinct_pitches              how many
    lowest_pitch, highest_pitch, pitch_range     lowest and highest note, and the semitones between them
    longest_run                                  the most times one note or chord is repeated in a row
    top_note_share                               share of the most frequent event among all events
    loop_share                                   share of the events that repeat the one a period earlier, best period
    longest_loop                                 the most events in a row that are one figure, four times or more
    distinct_share                               different events among all events
    pitch_class_entropy                          how evenly the twelve pitch classes are used, in bits
    note_density                                 notes per second
    mean_duration                                of a note
    polyphony                                    how many notes sound at once on average, pauses left out
    pause_share                                  share of the time in pauses of a second or longer
    lowest_centre, highest_centre                lowest and highest mean pitch of sixteen consecutive notes
    in_key_share … thinnest_share                see `tonality`, `rhythm`, `voice_leading` and `texture`
    pitch_class_distance                         between the two pitch-class histograms: total variation, 0 … 1
    note_density_ratio                           generated density / reference density
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation import rhythm, texture, tonality, voice_leading
from musicgen.evaluation.note_events import events_of, pitched
from musicgen.symbolic.score import Score

PAUSE_SECONDS = 1.0  # a shorter one is part of the rhythm
CENTRE_NOTES = 16  # enough that one high note is not a drift, few enough to notice a drift
MAX_PERIOD = 64  # events: four bars of sixteenths
LOOP_TIMES = 4  # real pieces play a figure two or three times


def validate(reference: object, generated: object) -> None:
    """Raises InvalidInput where either is not a Score."""
    for name, score in (("original", reference), ("generated piece", generated)):
        if not isinstance(score, Score):
            raise InvalidInput(sentence(f"The {name} of a MIDI comparison must be a Score", type(score).__name__))


def num_notes(score: Score) -> int:
    return pitched(score).num_notes


def num_distinct_pitches(score: Score) -> int:
    return int(np.unique(pitched(score).notes["pitch"]).size)


def lowest_pitch(score: Score) -> int:
    """MIDI number; 60 is C4."""
    return int(pitched(score).notes["pitch"].min(initial=127)) if score.num_notes else 0


def highest_pitch(score: Score) -> int:
    """MIDI number; 60 is C4."""
    return int(pitched(score).notes["pitch"].max(initial=0))


def pitch_range(score: Score) -> int:
    """Semitones from the lowest to the highest pitch."""
    return highest_pitch(score) - lowest_pitch(score)


def longest_run(score: Score) -> int:
    """The most events in a row that are the same note or chord."""
    return max((sum(1 for _ in run) for _, run in groupby(events_of(score)[0])), default=0)


def top_note_share(score: Score) -> float:
    """Share of the most frequent event (a note or a chord) among all events, 0 … 1."""
    events = events_of(score)[0]
    return max(Counter(events).values()) / len(events) if events else 0.0


def loop_share(score: Score) -> float:
    """Share of the events that repeat the one a period earlier, at the best period of up to 64 events, 0 … 1.

    A period must fit at least three times, so that two like halves are not a loop; 0 for fewer than three events.
    """
    return max((float(np.mean(repeats)) for _, repeats in _repeats(score, times=3)), default=0.0)


def longest_loop(score: Score) -> int:
    """The most events in a row that are one figure of up to 64 events, at least four times; 0: there is none."""
    longest = 0
    for period, repeats in _repeats(score, times=LOOP_TIMES):
        ends = np.flatnonzero(np.diff(np.concatenate([[0], repeats, [0]])))
        most = int((ends[1::2] - ends[::2]).max(initial=0))
        if most >= (LOOP_TIMES - 1) * period:
            longest = max(longest, most + period)
    return longest


def _repeats(score: Score, *, times: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Each period that fits so many times, and which events repeat the one a period earlier."""
    events = events_of(score)[0]
    known: dict[int, int] = {}
    numbers = np.array([known.setdefault(event, len(known)) for event in events])
    for period in range(1, min(MAX_PERIOD, len(events) // times) + 1):
        yield period, numbers[period:] == numbers[:-period]


def distinct_share(score: Score) -> float:
    """Number of different events over number of events, 0 … 1. Naturally lower for longer pieces."""
    events = events_of(score)[0]
    return len(set(events)) / len(events) if events else 0.0


def pitch_class_histogram(score: Score) -> NDArray[np.float64]:
    """Share of each pitch class among the notes, C first, shape (12,); all 0.0 for an empty score."""
    counts = np.bincount(pitched(score).notes["pitch"] % 12, minlength=12)
    return counts / max(counts.sum(), 1)


def pitch_class_entropy(score: Score) -> float:
    """Entropy of the pitch-class histogram in bits: 0 (only one class) … 3.585 (all twelve equally often)."""
    shares = pitch_class_histogram(score)
    used = shares[shares > 0]
    return float(abs(used @ np.log2(used)))


def note_density(score: Score, seconds: float | None = None) -> float:
    """Notes per second, over `seconds` or to the end of the last note."""
    seconds = score.seconds if seconds is None else seconds
    return num_notes(score) / seconds if seconds > 0 else 0.0


def mean_duration(score: Score) -> float:
    """Mean length of a note in seconds."""
    score = pitched(score)
    return float((score.offset - score.onset).mean()) if score.num_notes else 0.0


def polyphony(score: Score) -> float:
    """Mean number of notes that sound at once, over the time in which any note sounds."""
    score = pitched(score)
    if not score.num_notes:
        return 0.0
    already = np.maximum.accumulate(np.concatenate([[0.0], score.offset[:-1]]))
    sounding = np.maximum(score.offset - np.maximum(score.onset, already), 0.0).sum()
    return float((score.offset - score.onset).sum() / sounding) if sounding > 0 else 0.0


def pause_share(score: Score) -> float:
    """Share of the time, from the first onset to the last end, in pauses of a second or longer, 0 … 1."""
    score = pitched(score)
    if score.num_notes < 2:
        return 0.0
    gaps = score.onset[1:] - np.maximum.accumulate(score.offset)[:-1]
    seconds = float(score.offset.max() - score.onset[0])
    return float(gaps[gaps >= PAUSE_SECONDS].sum() / seconds) if seconds > 0 else 0.0


def pitch_centres(score: Score) -> tuple[float, float]:
    """(lowest, highest) mean pitch of sixteen consecutive notes (of all, if there are fewer); (0.0, 0.0): no notes."""
    pitches = pitched(score).notes["pitch"].astype(np.float64)
    if not pitches.size:
        return 0.0, 0.0
    count = min(CENTRE_NOTES, pitches.size)
    means = np.convolve(pitches, np.full(count, 1.0 / count), mode="valid")
    return float(means.min()), float(means.max())


def pitch_class_distance(reference: Score, generated: Score) -> float:
    """Total variation between the pitch-class histograms: the share of notes that would have to change class, 0 … 1."""
    if not (num_notes(reference) and num_notes(generated)):
        return float(num_notes(reference) != num_notes(generated))
    return float(np.abs(pitch_class_histogram(reference) - pitch_class_histogram(generated)).sum() / 2)


def note_density_ratio(
    reference: Score,
    generated: Score,
    *,
    reference_seconds: float | None = None,
    generated_seconds: float | None = None,
) -> float:
    """Density of the generated score over that of the reference; 2: twice as many notes a second."""
    densities = note_density(reference, reference_seconds), note_density(generated, generated_seconds)
    return densities[1] / densities[0] if densities[0] else float(not densities[1])


def describe(score: Score, seconds: float | None = None) -> dict[str, float]:
    """All metrics of one score. `seconds`: length of the excerpt it was cut from."""
    validate(score, score)
    lowest, highest = pitch_centres(score)
    return {
        "num_notes": num_notes(score),
        "num_distinct_pitches": num_distinct_pitches(score),
        "lowest_pitch": lowest_pitch(score),
        "highest_pitch": highest_pitch(score),
        "pitch_range": pitch_range(score),
        "longest_run": longest_run(score),
        "top_note_share": top_note_share(score),
        "loop_share": loop_share(score),
        "longest_loop": longest_loop(score),
        "distinct_share": distinct_share(score),
        "pitch_class_entropy": pitch_class_entropy(score),
        "note_density": note_density(score, seconds),
        "mean_duration": mean_duration(score),
        "polyphony": polyphony(score),
        "pause_share": pause_share(score),
        "lowest_centre": lowest,
        "highest_centre": highest,
        **tonality.describe(score),
        **rhythm.describe(score),
        **voice_leading.describe(score),
        **texture.describe(score),
    }


def evaluate(
    reference: Score,
    generated: Score,
    *,
    reference_seconds: float | None = None,
    generated_seconds: float | None = None,
) -> dict[str, dict[str, float]]:
    """All metrics: of `reference`, of `generated`, and `between` the two."""
    validate(reference, generated)
    between = {
        "pitch_class_distance": pitch_class_distance(reference, generated),
        "note_density_ratio": note_density_ratio(
            reference, generated, reference_seconds=reference_seconds, generated_seconds=generated_seconds
        ),
    }
    return {
        "reference": describe(reference, reference_seconds),
        "generated": describe(generated, generated_seconds),
        "between": between,
    }
