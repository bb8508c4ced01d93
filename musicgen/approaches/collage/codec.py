"""The units of all songs of a collage, with the code of each, and how a unit's sound becomes a code.

The sound itself stays where it is: a unit is a place in a song, and a piece needs the songs to be made.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.frames import Floats
from musicgen.approaches.collage.unit_features import EDGE_WIDTH, WIDTH
from musicgen.codecs.arrays import array_to_text, text_to_array
from musicgen.codecs.clustering import nearest
from musicgen.contract.prepared import TrainingSong

STAMP_SECONDS = 0.5
SAME_TEMPO = 0.03


@dataclass(frozen=True)
class SongUnits:
    """The units of one song.

    Attributes:
        stamp: see `stamp_of`. cut_at: `beats` or `onsets`. tempo: BPM; beats_per_bar; both 0 without beats.
        edges: samples, int64 (n + 1,). places: in the bar, int32 (n,). codes: int32 (n,).
        around: timbre, harmony and level just before and after each edge, float32 (n + 1, 2, EDGE_WIDTH), scaled so
            that the squared distance of two edges is usually 1. loudness: dB of the music around each unit, (n,).
    """

    stamp: str
    name: str
    cut_at: str
    tempo: float
    beats_per_bar: int
    edges: NDArray[np.int64]
    places: NDArray[np.int32]
    codes: NDArray[np.int32]
    around: Floats
    loudness: Floats

    def __len__(self) -> int:
        return len(self.codes)

    def goes_with(self, other: SongUnits) -> bool:
        """Whether the units of both fit into one piece: both without beats, or both at about the same tempo."""
        if self.cut_at != other.cut_at or self.beats_per_bar != other.beats_per_bar:
            return False
        return abs(self.tempo - other.tempo) <= SAME_TEMPO * self.tempo

    def to_json(self) -> dict[str, Any]:
        return {
            "stamp": self.stamp,
            "name": self.name,
            "cut_at": self.cut_at,
            "tempo": self.tempo,
            "beats_per_bar": self.beats_per_bar,
            "edges": self.edges.tolist(),
            "places": self.places.tolist(),
            "codes": self.codes.tolist(),
            "around": array_to_text(self.around),
            "loudness": array_to_text(self.loudness),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> SongUnits:
        codes = np.array(document["codes"], dtype=np.int32)
        return cls(
            stamp=str(document["stamp"]),
            name=str(document["name"]),
            cut_at=str(document["cut_at"]),
            tempo=float(document["tempo"]),
            beats_per_bar=int(document["beats_per_bar"]),
            edges=np.array(document["edges"], dtype=np.int64),
            places=np.array(document["places"], dtype=np.int32),
            codes=codes,
            around=text_to_array(document["around"], (len(codes) + 1, 2, EDGE_WIDTH)),
            loudness=text_to_array(document["loudness"], (len(codes),)),
        )


@dataclass(frozen=True)
class CollageCodec:
    """Attributes:
    sample_rate, n_channels: of the pieces. level: RMS of the training music, full scale = 1.
    num_places: places in the longest bar. mean, scale: (WIDTH,), of unit vectors; see unit_features.scaling.
    centres: float32 (codes, WIDTH). usual: (2,), see unit_features.usual_distance.
    """

    sample_rate: int
    n_channels: int
    level: float
    num_places: int
    mean: Floats
    scale: Floats
    centres: Floats
    usual: Floats
    songs: tuple[SongUnits, ...]

    @property
    def num_codes(self) -> int:
        return len(self.centres)

    @cached_property
    def by_stamp(self) -> dict[str, SongUnits]:
        return {song.stamp: song for song in self.songs}

    def encode(self, vectors: Floats) -> NDArray[np.int32]:
        """Unit vectors (n, WIDTH) → codes (n,)."""
        return nearest((vectors - self.mean) * self.scale, self.centres).astype(np.int32)

    def to_json(self) -> dict[str, Any]:
        return {
            "sample_rate": self.sample_rate,
            "n_channels": self.n_channels,
            "level": self.level,
            "num_places": self.num_places,
            "num_codes": self.num_codes,
            "mean": array_to_text(self.mean),
            "scale": array_to_text(self.scale),
            "centres": array_to_text(self.centres),
            "usual": array_to_text(self.usual),
            "songs": [song.to_json() for song in self.songs],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> CollageCodec:
        return cls(
            sample_rate=int(document["sample_rate"]),
            n_channels=int(document["n_channels"]),
            level=float(document["level"]),
            num_places=int(document["num_places"]),
            mean=text_to_array(document["mean"], (WIDTH,)),
            scale=text_to_array(document["scale"], (WIDTH,)),
            centres=text_to_array(document["centres"], (int(document["num_codes"]), WIDTH)),
            usual=text_to_array(document["usual"], (2,)),
            songs=tuple(SongUnits.from_json(song) for song in document["songs"]),
        )


def stamp_of(song: TrainingSong) -> str:
    """A name for the sound of a song, made from its length and half a second of it: the same in every library."""
    head, middle = song.clip.waveform(0.0, 0.0), song.clip.seconds / 2
    excerpt = song.clip.waveform(max(0.0, middle - STAMP_SECONDS / 2), middle + STAMP_SECONDS / 2)
    told = f"{head.sample_rate} {head.n_channels} {song.clip.seconds:.6f}".encode()
    return hashlib.sha256(told + excerpt.samples.tobytes()).hexdigest()[:16]
