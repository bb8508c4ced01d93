"""Windows over the words of jazz melodies: each step has the word before, the place in the measure, and the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays

Ids = NDArray[np.int32]
MEASURES_OF_A_PHRASE = 4
NOTHING = -1  # the id for no word: an input of zeros


@dataclass(frozen=True)
class Melody:
    """The words of one song.

    Attributes:
        ids: shape (n,). places: shape (n, 2): where each word starts (twelfths of a beat from its barline), and the
            number of its measure in the passage.
    """

    ids: Ids
    places: Ids

    def __len__(self) -> int:
        return int(self.ids.size)

    def part(self, start: int, stop: int) -> Melody:
        return Melody(self.ids[start:stop], self.places[start:stop])


@dataclass(frozen=True)
class Windows:
    """Arrays: inputs (n, window) ids, places (n, window, 2), target (n, window) ids, known (n, window): 1 where the
    target counts.

    Attributes:
        melodies: of the songs.
        chosen: (song, first word, first word that counts, end of those that count) of each window.
        as_authors: the first input and the last target are empty, although there are words for both.
        shift: windows move back at random by fewer words than this, anew each epoch.
    """

    melodies: Sequence[Melody]
    chosen: NDArray[np.int64]
    window: int
    as_authors: bool = False
    shift: int = 0

    @property
    def n_examples(self) -> int:
        return len(self.chosen)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        chosen = self.chosen[index]
        if rng is not None and self.shift:
            back = rng.integers(0, self.shift, len(chosen))
            chosen = np.column_stack([chosen[:, 0], np.maximum(0, chosen[:, 1] - back), chosen[:, 2:]])
        windows = [self._window(*map(int, row)) for row in chosen]
        return {name: np.stack([window[name] for window in windows]) for name in windows[0]}

    def _window(self, song: int, start: int, first: int, stop: int) -> Arrays:
        melody, steps = self.melodies[song], np.arange(self.window)
        at = start + steps + int(self.as_authors)
        known = (at >= first) & (at < stop)
        if self.as_authors:
            known[-1] = False
        inside = np.minimum(at, len(melody) - 1)
        is_empty = steps == 0 if self.as_authors else at == 0
        return {
            "inputs": np.where(is_empty, NOTHING, melody.ids[np.maximum(inside - 1, 0)]).astype(np.int32),
            "places": melody.places[inside],
            "target": melody.ids[inside],
            "known": known.astype(np.float32),
        }


def one_hot_arrays(windows: Windows, vocabulary_size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(X, Y) as in the authors' code: X (n, window, vocabulary), Y (window, n, vocabulary); empty steps are zeros."""
    arrays = windows.gather(np.arange(windows.n_examples), None)
    eye = np.eye(vocabulary_size + 1, vocabulary_size, dtype=np.float32)  # the last row is empty: NOTHING
    targets = eye[arrays["target"]] * arrays["known"][:, :, None]
    return eye[arrays["inputs"]], targets.transpose(1, 0, 2)


def drawn_windows(melodies: Sequence[Melody], window: int, num_windows: int, seed: int) -> Windows:
    """Random windows with replacement, chosen as in the authors' code: NumPy's old generator, one call for each."""
    starts = [(song, start) for song, melody in enumerate(melodies) for start in range(len(melody) - window)]
    random = np.random.RandomState(seed)
    drawn = [starts[int(random.choice(len(starts)))] for _ in range(num_windows)]
    chosen = [(song, start, 0, len(melodies[song])) for song, start in drawn]
    return Windows(melodies, np.array(chosen, dtype=np.int64), window, as_authors=True)


def all_windows(melodies: Sequence[Melody], window: int, step: int) -> Windows:
    """Windows that cover each song, `step` words apart; those at the end are padded with words that do not count."""
    chosen = [
        (song, start, 0, len(melody))
        for song, melody in enumerate(melodies)
        for start in range(0, max(1, len(melody) - window + step), step)
        if len(melody)
    ]
    return Windows(melodies, np.array(chosen, dtype=np.int64).reshape(-1, 4), window, shift=step)


def checking_windows(melodies: Sequence[Melody], parts: Sequence[Sequence[slice]], window: int) -> Windows:
    """Windows of the held-out parts. Each word counts once, after a window of the words before it."""
    chosen = [
        (song, max(0, first - window), first, min(first + window, part.stop))
        for song, held_out in enumerate(parts)
        for part in held_out
        for first in range(part.start, part.stop, window)
    ]
    return Windows(melodies, np.array(chosen, dtype=np.int64).reshape(-1, 4), 2 * window)
