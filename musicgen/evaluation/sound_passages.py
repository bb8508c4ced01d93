"""Finds the passages of a sound that also occur in another, in any of twelve keys and up to a tenth faster or slower.

    onsets in semitones → for each key and tempo: likeness of every window here with every window there
                        → the best places → their extent by alignment (recurrence quantification)
                        → their ends exactly, and whether enough speaks for them (`sound_extent`)
                        → those whose tones are alike, not only their drums

Conventions
    A window is a few seconds of music. Two windows are as like as the correlation of their onsets; how much that says
    depends on how many onsets there are: the strength is Fisher's z of the correlation times √(onsets - 2), where
    onsets are counted as the number of equally strong ones. So two held chords never count, however like they are.
    A copy at another pitch, in another timbre or with a few wrong notes is found; exact copies are for `sound_copies`.
    Drums alone are no passage, however like they are: many songs have the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.evaluation.passages import BorrowedPassage, distinct, in_order
from musicgen.evaluation.pitch_onsets import FineOnsets, pitch_onsets, transposed
from musicgen.evaluation.sound_extent import FinePair

FRAME_RATE = 5.0
SEMITONES = range(-6, 6)
TEMPO_RATIOS = (1.0, 0.95, 1.05, 0.9, 1.1)
WINDOWS = (26, 40)  # frames: 5.2 and 8 s
STRENGTH = 3.8
QUIET = 0.5  # of the median energy: windows with less count as if they had that much
MAX_CORRELATION = 0.97  # beyond it, more likeness says no more
MAX_PLACES = 40  # of each pair of sounds
DRIFT = 4  # frames by which an alignment may leave its diagonal
ALIKE = 0.6  # frames with more correlation than this lengthen a passage
# Correlation of what is no drum: of copies 0.66 or more, of other chords over the same drums 0.48 at most.
PITCHED = 0.57
LEAD = 1  # frames: a spectrum shows a note before it begins, since its window reaches ahead
GAP = 0.3  # what a frame costs that is not alike
STEPS = ((1, 1), (1, 2), (2, 1))  # of an alignment: frames here and there
CONTEXT = 5.0  # how many windows beyond a place the alignment may reach


@dataclass(frozen=True)
class _Place:
    """Windows that are alike: frames `here` and `there`, for `length` frames."""

    strength: float
    here: int
    there: int
    length: int
    semitones: int
    tempo_ratio: float


def sound_passages(
    sound: Waveform | FineOnsets, song: Waveform | FineOnsets, *, strength: float = STRENGTH
) -> list[BorrowedPassage]:
    """The passages of `sound` that also occur in `song`, in time order. Children only."""
    ours = sound if isinstance(sound, FineOnsets) else pitch_onsets(sound)
    theirs = song if isinstance(song, FineOnsets) else pitch_onsets(song)
    rows = _Rows(ours, theirs)
    found = _apart(list(_places(rows, strength)))
    passages = in_order(distinct([_passage(rows, place) for place in found], overlap=0.3))
    placed = FinePair(ours, theirs) if passages else None
    extents = [placed.extent(passage) for passage in passages] if placed else []
    certain = [each.passage for each in extents if each.is_certain and is_pitched(each.passage, ours, theirs)]
    return in_order(distinct(certain, overlap=0.3))


def is_pitched(passage: BorrowedPassage, ours: FineOnsets, theirs: FineOnsets) -> bool:
    """Whether the tones are alike, too, not only the drums: the correlation of all that is no drum."""
    tempo_ratio = passage.tempo_ratio
    one = transposed(ours.pitched.frames(FRAME_RATE, tempo_ratio), -passage.semitones)
    other = theirs.pitched.frames(FRAME_RATE)
    here, there = round(passage.start * FRAME_RATE * tempo_ratio), round(passage.song_start * FRAME_RATE)
    length = max(1, round((passage.stop - passage.start) * FRAME_RATE * tempo_ratio))
    best = 0.0
    for drift in range(-DRIFT, DRIFT + 1):
        start = max(there + drift, 0)
        first = here + start - there - drift
        rows = min(length, len(one) - first, len(other) - start)
        if rows > 0:
            a, b = one[first : first + rows], other[start : start + rows]
            size = float(np.linalg.norm(a) * np.linalg.norm(b))
            best = max(best, float((a * b).sum()) / max(size, 1e-9))
    return best >= PITCHED


def strongest(sound: FineOnsets, song: FineOnsets) -> float:
    """The strength of the best place, whether it counts or not; 0.0 if there is none."""
    return max((place.strength for place in _places(_Rows(sound, song), 0.0)), default=0.0)


class _Rows:
    """The onsets of two sounds, a few times a second. `here`: of the one, at each tempo. `there`: of the other."""

    def __init__(self, ours: FineOnsets, theirs: FineOnsets) -> None:
        self.here = {tempo_ratio: ours.frames(FRAME_RATE, tempo_ratio) for tempo_ratio in TEMPO_RATIOS}
        self.there = theirs.frames(FRAME_RATE)
        self.seconds, self.seconds_there = ours.seconds, theirs.seconds


def _places(rows: _Rows, strength: float) -> Iterator[_Place]:
    """The best window of each key, tempo and length, and all others that are strong enough, thinned out."""
    there = rows.there
    for tempo_ratio, here in rows.here.items():
        lengths = [length for length in WINDOWS if length <= min(len(here), len(there))]
        pairs = {length: _WindowPairs(here, there, length, strength) for length in lengths}
        for semitones in SEMITONES if lengths else ():
            summed = _diagonal_totals(transposed(here, -semitones) @ there.T)
            for length, windows in pairs.items():
                product = summed[length:, length:] - summed[:-length, :-length]
                for row, column, reached in windows.peaks(product):
                    yield _Place(reached, row, column, length, semitones, tempo_ratio)


class _WindowPairs:
    """Every window of `length` rows of one sound with every one of another: what their product says.

    A strength takes an inverse hyperbolic tangent, so it is computed only where the product is large enough."""

    def __init__(self, here: NDArray[np.float32], there: NDArray[np.float32], length: int, strength: float) -> None:
        self.length, self.strength = length, strength
        self.one, self.other = _Windows(here, length), _Windows(there, length)
        # The window with fewer onsets decides how much a correlation says, so it decides which one is needed.
        needed = np.maximum.outer(self.one.correlation_for(strength), self.other.correlation_for(strength))
        self.limit = (needed * np.outer(1.0 / self.one.scale, 1.0 / self.other.scale)).astype(np.float32)

    def peaks(self, product: NDArray[np.float32]) -> Iterator[tuple[int, int, float]]:
        """(row, column, strength) of the best pair, and of more of at least the strength that are a window apart."""
        rows, columns = np.divmod(np.flatnonzero(product > self.limit), product.shape[1])
        correlation = product[rows, columns] * self.one.scale[rows] * self.other.scale[columns]
        onsets = np.minimum(self.one.onsets[rows], self.other.onsets[columns])
        z = np.arctanh(np.clip(correlation, 0.0, MAX_CORRELATION)) * _power(onsets)
        for _ in range(MAX_PLACES):
            best = int(z.argmax()) if z.size else -1
            if best < 0 or z[best] <= self.strength:
                return
            yield int(rows[best]), int(columns[best]), float(z[best])
            if self.strength <= 0.0:
                return
            is_near = (np.abs(rows - rows[best]) < self.length) & (np.abs(columns - columns[best]) < self.length)
            z[is_near] = 0.0


class _Windows:
    """All windows of `length` rows. `scale`: 1 / norm of each. `onsets`: how many equally strong onsets each has."""

    def __init__(self, rows: NDArray[np.float32], length: int) -> None:
        energy = (rows.astype(np.float64) ** 2).sum(axis=1)
        total, squares = _moving_sum(energy, length), _moving_sum(energy**2, length)
        self.onsets = total**2 / np.maximum(squares, 1e-12)
        self.scale = 1.0 / np.sqrt(np.maximum(np.maximum(total, QUIET * np.median(total)), 1e-9))

    def correlation_for(self, strength: float) -> NDArray[np.float64]:
        """The correlation that makes each window as strong; infinite if none does."""
        z = strength / _power(self.onsets)
        return np.where(z < np.arctanh(MAX_CORRELATION), np.tanh(z), np.inf)


def _power(onsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """What turns z into a strength."""
    return np.sqrt(np.maximum(onsets - 2.0, 1e-6))


def _moving_sum(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    summed = np.concatenate([[0.0], np.cumsum(values)])
    return summed[length:] - summed[:-length]


def _diagonal_totals(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums down each diagonal of all entries above and left of each corner; shape (n + 1, m + 1)."""
    summed = np.zeros((matrix.shape[0] + 1, matrix.shape[1] + 1), np.float32)
    for row in range(matrix.shape[0]):
        np.add(summed[row, :-1], matrix[row], out=summed[row + 1, 1:])
    return summed


def _apart(places: list[_Place]) -> list[_Place]:
    """The strongest places; others that overlap with a stronger one, here and there, are the same passage."""
    kept: list[_Place] = []
    for place in sorted(places, key=lambda each: -each.strength):
        start = place.here / place.tempo_ratio
        is_new = all(
            abs(start - other.here / other.tempo_ratio) >= place.length / 2
            or abs(place.there - other.there) >= place.length / 2
            for other in kept
        )
        if is_new:
            kept.append(place)
        if len(kept) == MAX_PLACES:
            break
    return kept


def _passage(rows: _Rows, place: _Place) -> BorrowedPassage:
    """The whole passage around a place: the best path near its diagonal."""
    here, there = rows.here[place.tempo_ratio], rows.there
    reach = round(CONTEXT * place.length)
    first, start = max(place.here - reach, 0), max(place.there - reach, 0)
    one = transposed(here[first : place.here + place.length + reach], -place.semitones)
    other = there[start : place.there + place.length + reach]
    alike = _near_diagonal(_smoothed_cosine(one, other), (place.there - start) - (place.here - first))
    path = best_path(alike)
    if len(path) < place.length // 2:
        path = np.array([(place.here - first, place.there - start)]) + np.arange(place.length)[:, None]
    ((begin, song_begin), (end, song_end)) = path[0], path[-1]
    agree = alike[path[:, 0].clip(max=len(one) - 1), path[:, 1].clip(max=len(other) - 1)]
    first, start = first + LEAD, start + LEAD
    to_seconds = 1.0 / FRAME_RATE / place.tempo_ratio
    return BorrowedPassage(
        start=float((first + begin) * to_seconds),
        stop=float(min((first + end + 1) * to_seconds, rows.seconds)),
        song_id="",
        song="",
        song_start=float((start + song_begin) / FRAME_RATE),
        song_stop=float(min((start + song_end + 1) / FRAME_RATE, rows.seconds_there)),
        semitones=place.semitones,
        tempo_ratio=place.tempo_ratio,
        similarity=float(np.clip((agree + ALIKE).mean(), 0.0, 1.0)),
    )


def _smoothed_cosine(one: NDArray[np.float32], other: NDArray[np.float32], width: int = 5) -> NDArray[np.float64]:
    """Correlation of `width` frames around each pair of frames, less ALIKE; shape (n, m)."""
    padded = [np.pad(each, ((width // 2, width // 2), (0, 0))) for each in (one, other)]
    summed = _diagonal_totals(padded[0] @ padded[1].T)
    sums = summed[width:, width:] - summed[:-width, :-width]
    energies = [_moving_sum((each.astype(np.float64) ** 2).sum(axis=1), width) for each in padded]
    floors = [0.2 * float(np.median(each)) + 1e-9 for each in energies]
    scales = [1.0 / np.sqrt(np.maximum(each, floor)) for each, floor in zip(energies, floors, strict=True)]
    return sums * np.outer(*scales) - ALIKE


def _near_diagonal(alike: NDArray[np.float64], offset: int) -> NDArray[np.float64]:
    rows, columns = np.indices(alike.shape)
    return np.where(np.abs(columns - rows - offset) <= DRIFT, alike, -1.0)


def best_path(alike: NDArray[np.float64]) -> NDArray[np.int64]:
    """The best path through what is alike, shape (n, 2), by steps of (1, 1), (1, 2) and (2, 1), with GAP for a frame
    that is not (J. Serrà et al., Cross recurrence quantification for cover song identification, 2009).

    As `librosa.sequence.rqa`, which is first compiled for half a minute on a new machine, and leaves the matrix if the
    path begins in its first columns. No step stays in a row, so a whole row is found at once."""
    gains = np.maximum(alike, 0.0)
    scores = np.zeros((gains.shape[0] + 2, gains.shape[1] + 2))  # two rows and columns of nothing before the first
    came = np.zeros(gains.shape, np.int8)
    for row, gain in enumerate(gains):
        before = np.stack([scores[row + 2 - up, 2 - left : 2 - left + len(gain)] for up, left in STEPS])
        came[row] = before.argmax(axis=0)
        best = before.max(axis=0)
        scores[row + 2, 2:] = np.where(gain > 0, best + gain, np.maximum(best - GAP, 0.0))
    scores = scores[2:, 2:]
    path: list[tuple[int, int]] = []
    row, column = (int(each) for each in np.unravel_index(int(scores.argmax()), scores.shape))
    while row >= 0 and column >= 0 and scores[row, column] > 0:
        path.append((row, column))
        up, left = STEPS[came[row, column]]
        row, column = row - up, column - left
    return np.array(path[::-1], np.int64).reshape(-1, 2)
