"""Where in the songs the prompt of a piece lies: a random training example, or a given place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.spectral_lstm.block_data import count_blocks, sequence_starts
from musicgen.approaches.spectral_lstm.blocks import BlockCodec
from musicgen.approaches.spectral_lstm.frames import FrameCodec
from musicgen.approaches.spectral_lstm.parameters import Generation, Training
from musicgen.audio.waveform import Waveform
from musicgen.codecs.sounds import Sound, open_sounds, split
from musicgen.contract.made import Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.sampling.level_facts import level_facts

LOUDEST = 0.98  # of full scale: the peak of a normalised piece
COLLAPSED_DB = -12.0  # below the level of the songs


@dataclass(frozen=True)
class SeedPlace:
    """A place in a song: sample `first` of `sound`. `example`: its number among the training examples."""

    sound: Sound
    first: int
    example: int | None = None

    @property
    def seconds(self) -> float:
        """Its time in the song."""
        return (self.sound.first + self.first) / self.sound.sample_rate

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "seed_song": self.sound.song.name,
            "seed_example": self.example,
            "seed_start_seconds": round(self.seconds, 6),
        }

    def beside(self, behind: float, seconds: float) -> Reference | None:
        """The part of the song to compare an output of this many seconds with; the output starts `behind` seconds after
        the place."""
        return Reference.following(self.sound.song, self.seconds + behind, seconds)


def seed_places(codec: BlockCodec, length: int, training: Training, order: Order[Generation]) -> list[SeedPlace | None]:
    """For each seed the place where a prompt of `length` blocks starts: a training example, or the given place; None
    without songs."""
    songs, seeds = _heard_songs(order), order.seeds
    if order.generation.start_seconds is not None or not songs:
        return _asked_for(songs, codec.sample_rate, length * codec.block_size, order)
    kept = _kept(songs, codec.sample_rate, training)
    step = max(1, round(codec.sequence_length * (1 - training.sequence_overlap)))
    starts = [
        (sound, max(0, min(first, count_blocks(sound, codec.block_size) - length)) * codec.block_size)
        for sound in kept
        for first in sequence_starts(count_blocks(sound, codec.block_size), codec.sequence_length, step)
    ] or [(kept[0], 0)]
    chosen = [int(np.random.default_rng([seed, 7]).integers(len(starts))) for seed in seeds]
    return [SeedPlace(*starts[number], number) for number in chosen]


def frame_places(
    codec: FrameCodec, length: int, training: Training, order: Order[Generation]
) -> list[SeedPlace | None]:
    """For each seed the place where a prompt of `length` steps starts: anywhere in the training music, or the given
    place; None without songs."""
    songs, seeds = _heard_songs(order), order.seeds
    n_samples = codec.count_samples(length * codec.frames_per_step)
    if order.generation.start_seconds is not None or not songs:
        return _asked_for(songs, codec.sample_rate, n_samples, order)
    kept = _kept(songs, codec.sample_rate, training)
    room = np.array([max(0, sound.n_samples - n_samples) + 1 for sound in kept], dtype=np.float64)
    found: list[SeedPlace | None] = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 7])
        number = int(rng.choice(len(kept), p=room / room.sum()))
        found.append(SeedPlace(kept[number], int(rng.integers(int(room[number])))))
    return found


def _heard_songs(order: Order[Generation]) -> Sequence[TrainingSong]:
    return [order.prompt] if order.prompt else order.songs


def _kept(songs: Sequence[TrainingSong], sample_rate: int, training: Training) -> list[Sound]:
    """The parts of these songs that training uses."""
    sounds, _ = open_sounds(
        songs, sample_rate=sample_rate, max_songs=training.max_songs, seconds=training.seconds_per_song
    )
    return split(sounds, training.validation_share)[0]


def _asked_for(
    songs: Sequence[TrainingSong], sample_rate: int, n_samples: int, order: Order[Generation]
) -> list[SeedPlace | None]:
    if not songs:
        return [None] * len(order.seeds)
    whole = open_sounds(songs[:1], sample_rate=sample_rate)[0][0]
    latest = max(0, whole.n_samples - n_samples)
    return [SeedPlace(whole, min(round((order.generation.start_seconds or 0.0) * sample_rate), latest))] * len(
        order.seeds
    )


def loudness_gain(samples: NDArray[np.floating], normalise_peak: bool) -> float:
    """The gain of a piece: up to full scale if `normalise_peak`, else 1."""
    peak = float(np.abs(samples).max(initial=0.0))
    return LOUDEST / peak if normalise_peak and peak > 0 else 1.0


def fate(content: Waveform, level: float, gain: float) -> dict[str, Any]:
    """How loud it is compared with the training music before any gain, and whether it collapsed to the mean."""
    facts = level_facts(content, level, gain=gain)
    return {
        **facts,
        "gain_db": round(20 * float(np.log10(gain)), 2),
        "collapsed_to_mean": facts["level_db"] < facts["level_of_songs_db"] + COLLAPSED_DB,
    }
