"""What a conditioned network is told to play: short stretches of songs in a new order, joined where they are alike.

A walk over the frames of the songs (A. Schödl et al., Video textures, 2000, for sound): after a second or two it goes
on at another place, one where what has just been heard is like what was heard here. NumPy only; knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]

SHORTEST, LONGEST = 1.2, 3.0  # seconds of a stretch; less than what counts as a passage that was copied
CHOICE = 0.5  # seconds at the end of a stretch, of which the best moment to leave is chosen
HEARD = tuple(range(0, 64, 8))  # frames back that must be alike: six tenths of a second
APART = 1.0  # seconds between where a stretch ends and where the next one begins, at least
CHANCE = 0.05  # of how far apart places usually are: what is nearer than this is as good
PLACES = 6  # of the best places to go on, one is drawn: each half as likely as the one before


@dataclass(frozen=True)
class Stretch:
    """Frames `start` to `stop` of song number `song`."""

    song: int
    start: int
    stop: int

    def to_json(self, names: Sequence[str], frames_per_second: float) -> dict[str, Any]:
        """By the name of its song, in seconds."""
        start, stop = (round(each / frames_per_second, 3) for each in (self.start, self.stop))
        return {"song": names[self.song], "start": start, "stop": stop}


def new_order(
    songs: Sequence[Frames], n_frames: int, begin: tuple[int, int], frames_per_second: float, rng: np.random.Generator
) -> list[Stretch]:
    """Stretches of songs, `n_frames` in all.

    Args:
        songs: what is known of each frame, (n_frames, n_numbers); none is empty.
        begin: song and frame after which the plan goes on.
    """
    walk = _Walk(songs, round(APART * frames_per_second))
    shortest, longest = (max(1, round(each * frames_per_second)) for each in (SHORTEST, LONGEST))
    choice = round(CHOICE * frames_per_second)
    at, left = walk.place(*begin), n_frames
    stretches: list[Stretch] = []
    while left > 0:
        at = walk.go_on(np.array([at]), rng)[1] if walk.frames_left(at) < choice or not stretches else at
        length = min(int(rng.integers(shortest, longest + 1)), walk.frames_left(at), left)
        leaves = np.arange(at + max(1, length - choice), at + length + 1)
        end, after = walk.go_on(leaves, rng) if left > length else (at + length, at + length)
        stretches.append(walk.stretch(at, end))
        left -= end - at
        at = after
    return stretches


def joined(songs: Sequence[Frames], stretches: Sequence[Stretch]) -> Frames:
    """The frames of the stretches, one after the other."""
    return np.concatenate([songs[each.song][each.start : each.stop] for each in stretches])


class _Walk:
    """Places in all songs, counted through. A place is the frame that would be played next."""

    def __init__(self, songs: Sequence[Frames], apart: int) -> None:
        self.apart = apart
        self.stops = np.cumsum([len(song) for song in songs])
        self.firsts = self.stops - [len(song) for song in songs]
        frames = np.concatenate(songs)
        frames = frames / np.maximum(frames.std(axis=0), 0.05)
        self._frames = frames
        self._heard = self._heard_before(np.arange(len(frames)), np.repeat(self.firsts, self.stops - self.firsts))
        self._sizes = (self._heard**2).sum(axis=1)
        self._usual = 2.0 * float(self._heard.var(axis=0).sum())  # how far apart two places are on average
        self._played = np.zeros(len(frames))

    def place(self, song: int, frame: int) -> int:
        return int(min(self.firsts[song] + frame, self.stops[song] - 1))

    def frames_left(self, place: int) -> int:
        return int(self.stops[self._song(place)]) - place

    def stretch(self, start: int, stop: int) -> Stretch:
        """Which has now been played; what was played is less likely to come again."""
        self._played[start:stop] += 1.0
        song = self._song(start)
        first = int(self.firsts[song])
        return Stretch(song, start - first, stop - first)

    def go_on(self, leaves: NDArray[np.int64], rng: np.random.Generator) -> tuple[int, int]:
        """(Which of the places `leaves` to leave at, where to go on): where the same has been heard before."""
        here = self._heard_before(leaves)
        apart = (here**2).sum(axis=1)[:, None] + self._sizes - 2 * here @ self._heard.T
        best = apart.argmin(axis=0)
        chance = CHANCE * self._usual * rng.uniform(0.5, 1.0, len(self._heard))
        cost = (np.maximum(apart.min(axis=0), 0.0) + chance) * (1.0 + self._played)
        cost[max(0, int(leaves[0]) - self.apart) : int(leaves[-1]) + self.apart] = np.inf
        found: list[int] = []
        while len(found) < PLACES and np.isfinite(cost).any():
            place = int(cost.argmin())
            found.append(place)
            cost[max(0, place - self.apart // 4) : place + self.apart // 4 + 1] = np.inf
        if not found:  # a song of a second: again from its start
            return int(leaves[-1]), int(self.firsts[self._song(int(leaves[-1]) - 1)])
        chosen = found[min(int(rng.geometric(0.5)) - 1, len(found) - 1)]
        return int(leaves[best[chosen]]), chosen

    def _song(self, place: int) -> int:
        return int(np.searchsorted(self.stops, place, side="right"))

    def _heard_before(self, places: NDArray[np.int64], firsts: NDArray[np.int64] | None = None) -> Frames:
        """What was heard just before each place, (n, n_numbers); a song's first frame is held before it.

        `firsts`: first frames of the songs; by default, those of what was played last."""
        if firsts is None:
            firsts = self.firsts[np.searchsorted(self.stops, places - 1, side="right")]
        return np.concatenate([self._frames[np.maximum(places - 1 - back, firsts)] for back in HEARD], axis=1)
