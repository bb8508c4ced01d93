"""The units that a piece may use, those of all songs that go together, and how well two of them join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.codec import SongUnits
from musicgen.approaches.collage.frames import Floats
from musicgen.codecs.sounds import Sound

BEFORE, AFTER = 1.0, 0.4  # how much the two sides of a joint count
OTHER_PLACE, OTHER_HALF = 0.4, 1.0  # cost of a unit from another place in the bar; from the other half of a beat
SOFT_DB = 20.0  # a unit this much softer than the song usually is, in an intro or fade-out, is only used in passing


class UnitBank:
    """All units of some songs, end to end.

    Attributes:
        songs: index of the song of each unit. numbers: of the unit in its song. codes, places, loudness: see SongUnits.
        following: the unit that comes after it in the song; -1 for the last.
        before, after: what each unit's beginning joins to, (n, EDGE_WIDTH); end_before, end_after: the same at its end.
        is_usable: whether a jump may lead to it.
    """

    def __init__(self, songs: Sequence[SongUnits], sounds: Mapping[str, Sound]) -> None:
        self.parts, self.sounds = list(songs), [sounds[song.stamp] for song in songs]
        lengths = [len(song) for song in songs]
        self.firsts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.songs = np.repeat(np.arange(len(songs)), lengths)
        self.numbers = np.concatenate([np.arange(length) for length in lengths])
        self.codes = np.concatenate([song.codes for song in songs])
        self.places = np.concatenate([song.places for song in songs])
        self.loudness = np.concatenate([song.loudness for song in songs])
        self.following = np.arange(1, len(self.codes) + 1)
        self.following[self.firsts[1:][np.array(lengths) > 0] - 1] = -1
        self.before, self.after = (np.concatenate([song.around[:-1, side] for song in songs]) for side in (0, 1))
        self.end_before, self.end_after = (np.concatenate([song.around[1:, side] for song in songs]) for side in (0, 1))
        self.is_usable = self.loudness >= float(np.median(self.loudness)) - SOFT_DB

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def usual_loudness(self) -> float:
        """dB."""
        return float(np.median(self.loudness))

    def edges(self, unit: int) -> tuple[int, int]:
        """The first sample of a unit in its song, and the first after it."""
        song = self.parts[int(self.songs[unit])]
        number = int(self.numbers[unit])
        return int(song.edges[number]), int(song.edges[number + 1])

    def unit_of(self, song: int, seconds: float, sample_rate: int) -> int:
        """The unit of a song that sounds at this time, or the nearest."""
        edges = self.parts[song].edges
        number = int(np.searchsorted(edges, seconds * sample_rate + 1, side="right")) - 1
        return int(self.firsts[song]) + min(max(number, 0), len(edges) - 2)

    def join_costs(self, end: tuple[Floats, Floats] | None, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """How badly the beginnings of these units fit to an end (what comes just before it, and just after it in its
        song); 0: exactly, as in the song."""
        if end is None:
            return np.zeros(len(units))
        before = ((self.before[units] - end[0]) ** 2).sum(axis=1)
        after = ((self.after[units] - end[1]) ** 2).sum(axis=1)
        return np.asarray(BEFORE * before + AFTER * after, dtype=np.float64)

    def place_costs(self, units: NDArray[np.int64], place: int) -> NDArray[np.float64]:
        """What it costs that these units come from other places in the bar."""
        own = self.places[units]
        other_half = (own - place) % 2 != 0
        return np.where(own == place, 0.0, np.where(other_half, OTHER_HALF, OTHER_PLACE))
