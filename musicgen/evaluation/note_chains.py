"""Chains: notes of two lines that agree, in any key, at any tempo, with a few notes changed; see `note_passages`.

    words of four notes out of five (three intervals each) that both scores have
          → words on one diagonal of one transposition → chains with a score in bits

Conventions
    A chain is a run of notes of one line of each score, equal up to one transposition, with at most `MAX_SKIPPED`
    changed notes in a row. Its score is how surprising it is, in bits: each note that agrees adds that of its
    interval, given the two before, and of its rhythm, where that agrees too; each changed note costs `CHANGED_BITS`.
    What is common (scales, repeated notes, even rhythms) adds little: see `surprise`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.melodic_lines import MelodicLines
from musicgen.evaluation.surprise import MAX_INTERVAL, Surprise

WORDS = ((0, 1, 2, 3), (0, 1, 2, 4), (0, 1, 3, 4), (0, 2, 3, 4))  # one note in five may be another
MAX_SAME = 32  # places of one word in a song: of a figure that it repeats for minutes, the first are enough
MAX_LOOKED_AT = 40_000  # notes of all lines of a score
MAX_SKIPPED = 2
CHANGED_BITS = 2.0
UNLIKE_RHYTHM_BITS = 8.0
LOST_RHYTHM_BITS = 1.0  # of each note, in a passage that is found by its intervals alone
OTHER_TEMPO_BITS, OTHER_KEY_BITS = 5.0, 4.0  # most copies are moved by less than the two limits that follow
USUAL_TEMPO, USUAL_SEMITONES = 0.35, 6  # log2 of the tempo ratio: a quarter faster or slower
EDGE_BITS = 4.0  # notes that agree beyond a changed one belong to the passage if they cost no more
CHAIN_BITS = 7.0  # shorter chains are not looked at
MAX_CHAINS = 300
RHYTHM_TOLERANCE = 0.2  # of log2 of the ratio between two tempos: a seventh faster or slower
EDGE_TOLERANCE = 0.03  # of log2: a note that lasts as long as it should, to two hundredths


@dataclass(frozen=True)
class Chain:
    """Notes of two lines that agree. `ours`, `theirs`: indices into the lines. `score`: bits."""

    lines: tuple[MelodicLines, MelodicLines]
    ours: NDArray[np.int64]
    theirs: NDArray[np.int64]
    score: float
    semitones: int

    @property
    def unusual_bits(self) -> float:
        """What it costs that few copies are moved so far, or are so much faster or slower."""
        is_far, is_other = abs(self.semitones) > USUAL_SEMITONES, abs(np.log2(self.tempo_ratio)) > USUAL_TEMPO
        return OTHER_KEY_BITS * is_far + OTHER_TEMPO_BITS * is_other

    @cached_property
    def times(self) -> tuple[float, float, float, float]:
        """(start, stop) here, (start, stop) there."""
        ours, theirs = self.lines
        here, there = int(self.ours[0]), int(self.theirs[0])
        last, end = int(self.ours[-1]), int(self.theirs[-1])
        before, after = int(self._is_changed_note(-1)), int(self._is_changed_note(1))
        return (
            float(ours.onset[here - before]),
            float(ours.offset[last + after]),
            float(theirs.onset[there - before]),
            float(theirs.offset[end + after]),
        )

    def _is_changed_note(self, side: int) -> bool:
        """Whether the next note on this side belongs to the passage at another pitch: it comes when it should and lasts
        as long as it should."""
        edge = -1 if side > 0 else 0
        steps = []
        for lines, at in zip(self.lines, (int(self.ours[edge]), int(self.theirs[edge])), strict=True):
            beside = at + side
            if not 0 <= beside < lines.note.size or lines.line[beside] != lines.line[at]:
                return False
            step, length = abs(lines.onset[beside] - lines.onset[at]), lines.offset[beside] - lines.onset[beside]
            steps.append(np.log2(np.maximum([step, length], 1e-3)))
        return bool(np.all(np.abs(steps[1] - steps[0] - np.log2(self.tempo_ratio)) < EDGE_TOLERANCE))

    @cached_property
    def tempo_ratio(self) -> float:
        """How many times as fast as the song: the middle of the steps, which a held last note does not change."""
        ours, theirs = self.lines
        here, there = np.diff(ours.onset[self.ours]), np.diff(theirs.onset[self.theirs])
        ratios = there / np.maximum(here, 1e-6)
        return float(np.median(ratios)) if ratios.size else 1.0


def chains_of(ours: MelodicLines, theirs: MelodicLines, surprise: Surprise) -> list[Chain]:
    """The best of them, at most `MAX_CHAINS`, the best first."""
    here, there = _matches(ours, theirs)
    if not here.size:
        return []
    semitones = ours.pitch[here] - theirs.pitch[there]
    diagonal = here - there + theirs.note.size
    # Lines are numbered one after the other, so two lines can share a diagonal: a change of line begins a new chain.
    key = (semitones + 128) * (ours.note.size + theirs.note.size + 1) + diagonal
    code = np.unique(key * ours.note.size + here)
    key, here = code // ours.note.size, code % ours.note.size
    there = here - (key % (ours.note.size + theirs.note.size + 1) - theirs.note.size)
    gap = np.diff(here, prepend=-1)
    is_new = (np.diff(key, prepend=-1) != 0) | (gap > MAX_SKIPPED + 1)
    is_new |= (np.diff(ours.line[here], prepend=-1) != 0) | (np.diff(theirs.line[there], prepend=-1) != 0)
    with_rhythm, without = _chain_bits(ours, theirs, here, there, is_new, gap, surprise)
    chains = _best_runs(ours, theirs, here, there, is_new, with_rhythm)
    chains += _best_runs(ours, theirs, here, there, is_new, without - LOST_RHYTHM_BITS)
    return sorted(chains, key=lambda chain: -chain.score)[:MAX_CHAINS]


def _matches(ours: MelodicLines, theirs: MelodicLines) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The notes of all words that both have: (indices here, indices there)."""
    heres, theres = [], []
    known, begins, shapes = _words(theirs)
    order = np.argsort(known, kind="stable")
    known, begins, shapes = known[order], begins[order], shapes[order]
    wanted, starts, forms = _words(ours)
    first, last = np.searchsorted(known, wanted, "left"), np.searchsorted(known, wanted, "right")
    count = np.minimum(last - first, MAX_SAME)
    which = np.repeat(np.arange(wanted.size), count)
    place = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count) + first[which]
    is_same = forms[which] == shapes[place]  # the same note left out in both: a changed note, not one more
    which, place = which[is_same], place[is_same]
    offsets = np.array(WORDS)[forms[which]]  # (n, 4)
    for number in range(4):
        heres.append(starts[which] + offsets[:, number])
        theres.append(begins[place] + offsets[:, number])
    return np.concatenate(heres), np.concatenate(theres)


def _words(lines: MelodicLines) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(the three intervals of each word as one number, where it begins, which of WORDS it is)."""
    codes, begins, shapes = [], [], []
    for shape, word in enumerate(WORDS):
        count = min(max(lines.note.size - word[-1], 0), MAX_LOOKED_AT)
        start = np.arange(count)[lines.line[:count] == lines.line[word[-1] : word[-1] + count]]
        pitches = [lines.pitch[start + each] for each in word]
        steps = [np.clip(b - a, -MAX_INTERVAL, MAX_INTERVAL) for a, b in pairwise(pitches)]
        code = np.zeros(start.size, np.int64)
        for step in steps:
            code = code * (2 * MAX_INTERVAL + 1) + step + MAX_INTERVAL
        codes.append(code)
        begins.append(start)
        shapes.append(np.full(start.size, shape))
    return np.concatenate(codes), np.concatenate(begins), np.concatenate(shapes)


def _chain_bits(
    ours: MelodicLines,
    theirs: MelodicLines,
    here: NDArray[np.int64],
    there: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    gap: NDArray[np.int64],
    surprise: Surprise,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each note adds to its chain, by its interval and rhythm, and by its interval alone (some networks keep no
    rhythm). The first adds nothing, since it may be at any pitch and time."""
    pitch_bits, rhythm_bits = surprise.of(theirs)
    steps_here = np.maximum(np.diff(ours.onset[here], prepend=0.0), 1e-3)
    steps_there = np.maximum(np.diff(theirs.onset[there], prepend=0.0), 1e-3)
    ratio = np.log2(steps_here / steps_there)
    has_rhythm = ~is_new & ~np.concatenate([[True], is_new[:-1]])  # two steps in a chain make a ratio
    is_like = np.abs(np.diff(ratio, prepend=0.0)) < RHYTHM_TOLERANCE
    rhythm = np.where(is_like, rhythm_bits[there], -UNLIKE_RHYTHM_BITS)
    bits = np.where(is_new, 0.0, pitch_bits[there] - CHANGED_BITS * np.maximum(gap - 1, 0))
    return bits + np.where(has_rhythm, rhythm, 0.0), bits


def _best_runs(
    ours: MelodicLines,
    theirs: MelodicLines,
    here: NDArray[np.int64],
    there: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    bits: NDArray[np.float64],
) -> list[Chain]:
    """The best part of each run between two chain starts (Kadane's maximum subarray), the best first."""
    starts = np.flatnonzero(is_new)
    stops = np.append(starts[1:], here.size)
    total = np.add.reduceat(np.maximum(bits, 0.0), starts)
    chains = []
    for number in np.flatnonzero(total >= CHAIN_BITS):
        first, last = starts[number], stops[number]
        summed = np.cumsum(bits[first:last])
        lowest = np.minimum.accumulate(summed)
        end = int(np.argmax(summed - lowest))
        begin = int(np.argmin(summed[: end + 1]))
        score = float(summed[end] - summed[begin])
        if score >= CHAIN_BITS:
            while_cheap = np.flatnonzero(summed[begin] - summed[: begin + 1] >= -EDGE_BITS)
            begin = int(while_cheap[0])
            end += int(np.flatnonzero(summed[end:] - summed[end] >= -EDGE_BITS)[-1])
            part = slice(first + begin, first + end + 1)
            semitones = int(ours.pitch[here[first]] - theirs.pitch[there[first]])
            chain = Chain((ours, theirs), here[part], there[part], score, semitones)
            chains.append(replace(chain, score=score - chain.unusual_bits))
    return chains
