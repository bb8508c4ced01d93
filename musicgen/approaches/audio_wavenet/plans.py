"""What a conditioned network is told to play: short stretches of songs in a new order, joined where they are alike.

A walk over the frames of the songs (A. Schödl et al., Video textures, 2000, for sound): after a second or two it goes
on at another place, one where what was heard before is like what has just been heard. NumPy only; knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.conditions import Frames

SHORTEST, LONGEST = 1.2, 3.0  # seconds of a stretch; less than what counts as a passage that was copied
CHOICE = 0.5  # seconds at the end of a stretch, of which the best moment to leave is chosen
LEAVES = 5  # frames between the moments at which a stretch may be left
HEARD = tuple(range(0, 64, 8))  # frames back that are compared: six tenths of a second
APART = 1.0  # seconds between where a stretch ends and where the next one begins, at least
CHANCE = 0.05  # of the usual distance between two places: smaller differences than this are left to chance
SAME = 0.1  # of it: places that go on so much alike are the same passage, played again
PLACES = 6  # of the best places to go on, one is drawn: each half as likely as the one before


@dataclass(frozen=True)
class Stretch:
    """Frames `start` to `stop` of song number `song`."""

    song: int
    start: int
    stop: int


class Walk:
    """Plans over some songs.

    Args:
        songs: what is known of each frame, (n_frames, n_numbers); none is empty.
    """

    def __init__(self, songs: Sequence[Frames], frames_per_second: float) -> None:
        self.songs, self.rate = songs, frames_per_second
        self.stops = np.cumsum([len(song) for song in songs])
        self.firsts = self.stops - [len(song) for song in songs]
        self._scale = np.maximum(np.concatenate(songs).std(axis=0), 0.05)
        self._scaled = [song / self._scale for song in songs]
        self._heard = np.concatenate([_heard_before(song, np.arange(len(song))) for song in self._scaled])
        self._sizes = (self._heard**2).sum(axis=1)
        self._usual = 2.0 * float(self._heard.var(axis=0).sum())  # distance between two places, on average
        self._played = np.zeros(len(self._heard))
        rest = np.repeat(self.stops, self.stops - self.firsts) - np.arange(len(self._heard))
        self._is_late = rest < self._frames(SHORTEST + CHOICE)  # too near the end of a song to begin there
        if self._is_late.all():
            self._is_late[self.firsts] = False

    def new_order(self, n_frames: int, before: Frames, rng: np.random.Generator) -> list[Stretch]:
        """Stretches, `n_frames` in all, that go on after the frames `before`, which may be none."""
        self._played[:] = 0.0
        at = int(rng.choice(np.flatnonzero(~self._is_late)))
        if len(before):
            at = self._go_on(_heard_before(before / self._scale, np.array([len(before)])), slice(0, 0), rng)[1]
        left, stretches = n_frames, []
        while left > 0:
            song = int(np.searchsorted(self.stops, at, side="right"))
            first, rest = int(self.firsts[song]), int(self.stops[song]) - at
            length = min(int(rng.integers(self._frames(SHORTEST + CHOICE), self._frames(LONGEST) + 1)), rest)
            leaves = np.arange(at + length, at + max(1, length - self._frames(CHOICE)) - 1, -LEAVES)
            if left <= length:
                stretches.append(Stretch(song, at - first, at - first + left))
                break
            heard = _heard_before(self._scaled[song], leaves - first)
            near = slice(
                max(first, int(leaves[-1]) - self._frames(APART)),
                min(first + len(self.songs[song]), int(leaves[0]) + self._frames(APART)),
            )
            number, after = self._go_on(heard, near, rng, self._heard[self._later(leaves)])
            end = int(leaves[number])
            self._played[at:end] += 1.0
            stretches.append(Stretch(song, at - first, end - first))
            left -= end - at
            at = after
        return stretches

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self.rate))

    def _later(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places a shortest stretch later, or where the song ends."""
        song = np.searchsorted(self.stops, places, side="right")
        return np.minimum(places + self._frames(SHORTEST), self.stops[np.minimum(song, len(self.stops) - 1)] - 1)

    def _go_on(
        self, heard: Frames, near: slice, rng: np.random.Generator, going_on: Frames | None = None
    ) -> tuple[int, int]:
        """(row of `heard`, place): one of the places before which the like of that row was heard, none of them `near`.

        heard: what was heard before each moment at which the stretch may be left, (n, n_numbers). going_on: what the
        song itself plays after it, (n, n_numbers); a place that plays the same is taken only if there is no other."""
        apart = (heard**2).sum(axis=1)[:, None] + self._sizes - 2 * heard @ self._heard.T
        best = apart.argmin(axis=0)
        chance = CHANCE * self._usual * rng.uniform(0.5, 1.0, len(self._heard))
        cost = (np.maximum(apart.min(axis=0), 0.0) + chance) * (1.0 + self._played)
        cost[self._is_late] = np.inf
        elsewhere = cost.copy()
        elsewhere[near] = np.inf
        anew = elsewhere.copy()
        if going_on is not None:
            follows = self._heard[self._later(np.arange(len(self._heard)))]
            anew[((follows - going_on[best]) ** 2).sum(axis=1) < SAME * self._usual] = np.inf
        # A song of a second or two has no place elsewhere.
        cost = next((each for each in (anew, elsewhere) if np.isfinite(each).any()), cost)
        found: list[int] = []
        while len(found) < PLACES and np.isfinite(cost).any():
            place = int(cost.argmin())
            found.append(place)
            around = self._frames(APART / 4)
            cost[max(0, place - around) : place + around + 1] = np.inf
        chosen = found[min(int(rng.geometric(0.5)) - 1, len(found) - 1)]
        return int(best[chosen]), chosen


def joined(songs: Sequence[Frames], stretches: Sequence[Stretch]) -> Frames:
    """The frames of the stretches, one after the other."""
    return np.concatenate([songs[each.song][each.start : each.stop] for each in stretches])


def _heard_before(frames: Frames, places: NDArray[np.int64]) -> Frames:
    """What was heard just before each place of a song, (n, n_numbers); its first frame is held before it."""
    return np.concatenate([frames[np.maximum(places - 1 - back, 0)] for back in HEARD], axis=1)
