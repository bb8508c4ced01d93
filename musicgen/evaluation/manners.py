"""How surprising the melodies and the rhythms of a piece are to someone who knows its songs; see `surprise`.

The songs themselves are measured leave-one-out: each beside the others. Fewer than `MIN_SONGS` songs say nothing about
what others of their kind do.

Metrics
    interval_bits_training    bits of each interval, given the two before it, mean over the notes
    rhythm_bits_training      the same for the times from note to note
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation.degeneracy import learned_from
from musicgen.evaluation.melodic_lines import MelodicLines, melodic_lines
from musicgen.evaluation.note_copies import score_of
from musicgen.evaluation.note_events import first_notes
from musicgen.evaluation.surprise import Surprise, surprise_of
from musicgen.symbolic.score import Score

MIN_SONGS = 3
MAX_SONGS = 24
MAX_NOTES = 2_000


@dataclass(frozen=True)
class Manners:
    """What is usual in the songs. `songs`: the metrics of each song beside the others."""

    surprise: Surprise
    songs: tuple[dict[str, float], ...]

    def metrics(self, score: Score) -> dict[str, float]:
        """Of a piece; 0 without notes."""
        return _bits(self.surprise, _lines(score))

    def learned(self) -> dict[str, float]:
        """What the songs do: see `degeneracy.learned_from`."""
        return learned_from(self.songs)


def manners_of(songs: Sequence[TrainingSong]) -> Manners | None:
    """Of the scores among these, at most `MAX_SONGS`, evenly spread; None if there are too few."""
    known = [song for song in songs if song.clip.medium == "midi"]
    if len(known) < MIN_SONGS:
        return None
    places = np.unique(np.linspace(0, len(known) - 1, min(len(known), MAX_SONGS)).astype(int))
    lines = [_lines(score_of(known[place])) for place in places]
    counts = [surprise_of([each]) for each in lines]
    alone = (_joined([other for other in counts if other is not each]) for each in counts)
    return Manners(_joined(counts), tuple(_bits(rest, each) for rest, each in zip(alone, lines, strict=True)))


def _lines(score: Score) -> MelodicLines:
    return melodic_lines(first_notes(score, MAX_NOTES))


def _joined(counts: Sequence[Surprise]) -> Surprise:
    intervals: Counter[tuple[int, ...]] = Counter()
    rhythms: Counter[tuple[int, ...]] = Counter()
    for each in counts:
        intervals.update(each.intervals)
        rhythms.update(each.rhythms)
    return Surprise(intervals, rhythms)


def _bits(surprise: Surprise, lines: MelodicLines) -> dict[str, float]:
    found = surprise.of(lines) if lines.note.size else (np.zeros(1), np.zeros(1))
    counted = lines.is_first if lines.note.size else np.ones(1, bool)
    intervals, rhythms = (float(bits[counted].mean()) for bits in found)
    return {"interval_bits_training": intervals, "rhythm_bits_training": rhythms}
