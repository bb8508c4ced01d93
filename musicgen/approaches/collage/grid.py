"""Where a song is cut into units: half beats, or from onset to onset if it has no steady beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.beats import Beats, find_beats
from musicgen.approaches.collage.frames import SongFrames
from musicgen.approaches.collage.onsets import cut_at_onsets
from musicgen.approaches.collage.parameters import Training
from musicgen.codecs.sounds import Sound
from musicgen.errors import InvalidInput, sentence

LEAST_PULSE = 0.2
MOST_SCATTER = 0.08  # of a beat
UNITS_PER_BEAT = 2
BAR_LENGTHS = (4, 3)  # the first one unless the second is clearly better
CLEARLY = 1.15


@dataclass(frozen=True)
class Grid:
    """The cuts of a song.

    Attributes:
        cut_at: what they follow. edges: seconds, (n + 1,). places: number of each unit in its bar, (n,); 0 without
            beats. tempo: BPM, 0 without beats. beats_per_bar: 0 without beats.
    """

    cut_at: Literal["beats", "onsets"]
    edges: NDArray[np.float64]
    places: NDArray[np.int32]
    tempo: float = 0.0
    beats_per_bar: int = 0


def cut_song(sound: Sound, frames: SongFrames, training: Training) -> Grid:
    """The grid of a song, as the parameters ask for."""
    beats = find_beats(sound, frames) if training.cut_at != "onsets" else None
    if beats is None and training.cut_at == "beats":
        raise InvalidInput(
            sentence(
                "Cutting at beats needs a song with beats",
                f"none in the {sound.n_samples:,} samples of “{sound.song.name}”",
                "Set cut_at to auto or onsets, or choose another song.",
            ),
            code="no_beats",
        )
    if beats is not None and (training.cut_at == "beats" or is_steady(beats)):
        return _grid_of_beats(beats, frames, sound.seconds, training.beats_per_bar)
    edges = cut_at_onsets(frames, sound.seconds, training.longest_unit)
    return Grid("onsets", edges, np.zeros(len(edges) - 1, np.int32))


def is_steady(beats: Beats) -> bool:
    """Whether the beats are there in the music, and not only in the search for them."""
    return beats.pulse >= LEAST_PULSE and beats.scatter <= MOST_SCATTER


def _grid_of_beats(beats: Beats, frames: SongFrames, seconds: float, beats_per_bar: int) -> Grid:
    length, first = _bars(beats, frames, beats_per_bar)
    number = np.arange(len(beats.times))
    halves = np.arange(UNITS_PER_BEAT * (len(number) - 1) + 1) / UNITS_PER_BEAT
    edges = np.interp(halves, number, beats.times)
    per_bar = UNITS_PER_BEAT * length
    places = (np.arange(len(edges) - 1) - UNITS_PER_BEAT * first) % per_bar
    inside = (edges[:-1] >= 0.0) & (edges[1:] <= seconds)
    which = np.flatnonzero(inside)
    kept = slice(which[0], which[-1] + 1) if which.size else slice(0, 0)
    last = kept.stop + 1 if which.size else 1
    return Grid("beats", edges[kept.start : last], places[kept].astype(np.int32), beats.tempo, length)


def _bars(beats: Beats, frames: SongFrames, asked: int) -> tuple[int, int]:
    """(beats in a bar, number of a beat that is the first of one): where the harmony changes most, on average."""
    spans = zip(beats.times[:-1], beats.times[1:], strict=True)
    harmony = np.array([frames.harmony[frames.part(*span)].mean(axis=0) for span in spans])
    change = np.concatenate([[0.0], np.linalg.norm(np.diff(harmony, axis=0), axis=1)])
    usual, other = ((_at_bars(change, each), each) for each in BAR_LENGTHS)
    length = asked or (other[1] if other[0].max() > CLEARLY * usual[0].max() else usual[1])
    return length, int(_at_bars(change, length).argmax())


def _at_bars(change: NDArray[np.floating], length: int) -> NDArray[np.float64]:
    """The mean change at the beginnings of bars of this length, for each beat that may be the first."""
    return np.array([change[first::length].mean() for first in range(min(length, len(change)))])
