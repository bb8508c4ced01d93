"""Where a passage that two sounds share begins and ends, to a fraction of a beat, and how much speaks for it.

`sound_passages` finds it in windows of seconds, five frames a second. Here both sounds are laid on each other as
exactly as they can be, at the rate of the onsets. An onset that both have speaks for the passage, one that only one has
speaks against it; the passage is the stretch for which most speaks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen.evaluation.passages import BorrowedPassage
from musicgen.evaluation.pitch_onsets import FINE_RATE, FineOnsets, transposed

Rows = NDArray[np.float32]

BLUR = 1.2  # frames: standard deviation of how far onsets may lie apart
AGAINST = 0.45  # the weight of an onset that only one sound has; one that both have counts 1
REACH = 6.0  # seconds beyond an end that was found in windows
LAID = 12.0  # seconds at an end that are laid on each other: the tempo may change in longer passages
SLOPES = np.linspace(0.94, 1.06, 7)  # tempo, against that of the windows
SHIFTS = np.arange(-8, 9, 2)  # frames
NEARER = (-0.01, 0.0, 0.01), (-1, 0, 1)  # around the best of these
# An onset shows up a little early, since the window of a spectrum reaches ahead; the last note sounds on to the next.
BEGINS, ENDS = 0.17, 0.08  # seconds that an extent is moved by


EVIDENCE, RATIO = 11.0, 1.9  # what a passage needs at least; set with the strength of `sound_passages`


@dataclass(frozen=True)
class Extent:
    """A passage with its ends.

    Attributes:
        evidence: what speaks for it, less what speaks against it; an onset in one semitone is about 1.
        ratio: the same by the square root of all that is there: large where little speaks against it.
    """

    passage: BorrowedPassage
    evidence: float
    ratio: float

    @property
    def is_certain(self) -> bool:
        """Whether enough speaks for it."""
        return self.evidence >= EVIDENCE and self.ratio >= RATIO


@dataclass(frozen=True)
class _Line:
    """Which frame there belongs to a frame here."""

    here: float
    there: float
    slope: float

    def __call__(self, frames: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(self.there + (np.asarray(frames, np.float64) - self.here) * self.slope)


class FinePair:
    """Two sounds whose passages are placed. Rows are `FINE_RATE` a second."""

    def __init__(self, ours: FineOnsets, theirs: FineOnsets) -> None:
        self.here, self.there = _blurred(ours), _blurred(theirs)
        self.seconds, self.seconds_there = ours.seconds, theirs.seconds

    def extent(self, passage: BorrowedPassage) -> Extent:
        """The passage with its ends where most speaks for it."""
        moved = transposed(self.here, -passage.semitones)
        middle = (passage.start + passage.stop) / 2
        is_long = passage.stop - passage.start > LAID
        first = self._line(moved, passage, passage.start, passage.start + LAID if is_long else passage.stop)
        last = self._line(moved, passage, passage.stop - LAID, passage.stop) if is_long else first
        begin, evidence, energy = self._reach(moved, first, middle, passage.start - REACH)
        end, more, energy_after = self._reach(moved, last, middle, passage.stop + REACH)
        begin, end = begin / FINE_RATE + BEGINS, end / FINE_RATE + ENDS
        total = evidence + more
        placed = replace(
            passage,
            start=float(np.clip(begin, 0.0, self.seconds)),
            stop=float(np.clip(max(end, begin), 0.0, self.seconds)),
            song_start=float(np.clip(first(begin * FINE_RATE) / FINE_RATE, 0.0, self.seconds_there)),
            song_stop=float(np.clip(last(end * FINE_RATE) / FINE_RATE, 0.0, self.seconds_there)),
        )
        return Extent(placed, total, total / float(np.sqrt(max(energy + energy_after, 1e-9))))

    def _line(self, moved: Rows, passage: BorrowedPassage, start: float, stop: float) -> _Line:
        """The line on which most onsets from `start` to `stop` (seconds) fall together."""
        frames = np.arange(max(round(start * FINE_RATE), 0), min(round(stop * FINE_RATE) + 1, len(moved)))
        slope = (passage.song_stop - passage.song_start) / max(passage.stop - passage.start, 1e-6)
        here = float(frames.mean()) if frames.size else 0.0
        there = (passage.song_start + (here / FINE_RATE - passage.start) * slope) * FINE_RATE
        heard = moved[frames]

        def best(lines: list[_Line]) -> _Line:
            return max(lines, key=lambda line: float(np.vdot(heard, _rows_at(self.there, line(frames)))))

        found = best([_Line(here, there + shift, slope * by) for by in SLOPES for shift in SHIFTS])
        by, shifts = NEARER
        return best([_Line(here, found.there + shift, found.slope + more * slope) for more in by for shift in shifts])

    def _reach(self, moved: Rows, line: _Line, middle: float, to: float) -> tuple[float, float, float]:
        """From the middle (seconds) towards `to`, the frame up to which most speaks for the passage, how much, and the
        energy on the way."""
        start, stop = round(middle * FINE_RATE), round(np.clip(to, 0.0, self.seconds) * FINE_RATE)
        frames = np.arange(start, stop) if stop >= start else np.arange(start - 1, stop - 1, -1)
        frames = frames[(frames >= 0) & (frames < len(moved))]
        ours, theirs = moved[frames], _rows_at(self.there, line(frames))
        energy = ((ours**2).sum(axis=1) + (theirs**2).sum(axis=1)) / 2
        speaks = np.cumsum((ours * theirs).sum(axis=1) - AGAINST * energy)
        if not speaks.size or speaks.max() <= 0.0:
            return float(start), 0.0, 0.0
        count = len(speaks) - int(np.argmax(speaks[::-1]))  # up to the next onset that does not fit
        end = start + count if stop >= start else start - count
        return float(end), float(speaks[count - 1]), float(energy[:count].sum())


def _blurred(sound: FineOnsets) -> Rows:
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(sound.frames(FINE_RATE), BLUR, axis=0, mode="constant"), np.float32)


def _rows_at(rows: Rows, positions: NDArray[np.float64]) -> Rows:
    """Rows between those that are there, by linear interpolation; zeros outside."""
    if len(rows) < 2:
        return np.zeros((len(positions), rows.shape[1]), np.float32)
    whole = np.floor(positions).astype(np.int64)
    part = (positions - whole).astype(np.float32)[:, None]
    is_inside = ((whole >= 0) & (whole < len(rows) - 1))[:, None]
    at = np.clip(whole, 0, len(rows) - 2)
    return np.asarray(((1 - part) * rows[at] + part * rows[at + 1]) * is_inside, np.float32)
