"""What a network over blocks learns from: sequences read from disk when needed, their statistics and floors.

The authors cut a song of n blocks into sequences of L while `start + L < n`: the last block of a song is only ever
a target, an exact last sequence and every remainder are dropped, and the block of zeros that they append is never
trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.spectral_lstm.blocks import LEAST_STD, BlockCodec, blocks_to_features, n_features
from musicgen.approaches.spectral_lstm.parameters import Training
from musicgen.codecs.examples import Arrays
from musicgen.codecs.sounds import Sound, open_sounds, root_mean_square, split
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.wording import count


@dataclass(frozen=True)
class BlockExamples:
    """Sequences of `codec.sequence_length` blocks; the target is the sequence one block later.

    Attributes:
        starts: (sound, first block) of each.

    Arrays: inputs, targets (n, L, features); mask (n, L), 0 if the song ends before the sequence.
    """

    codec: BlockCodec
    sounds: Sequence[Sound]
    starts: NDArray[np.int64]

    @property
    def n_examples(self) -> int:
        return len(self.starts)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        pairs = [self.pair(int(number)) for number in index]
        inputs, targets, mask = (np.stack(part) for part in zip(*pairs, strict=True))
        return {"inputs": inputs, "targets": targets, "mask": mask}

    def pair(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """(inputs, targets, mask) of one example."""
        codec, length = self.codec, self.codec.sequence_length
        sound, first = self.sounds[self.starts[number, 0]], int(self.starts[number, 1])
        values = codec.encode(sound.read(first * codec.block_size, (first + length + 1) * codec.block_size))
        known = min(length, count_blocks(sound, codec.block_size) - 1 - first)
        values[known + 1 :] = 0.0
        inputs = values[:-1].copy()
        inputs[known:] = 0.0
        return inputs, values[1:], (np.arange(length) < known).astype(np.float32)


def count_blocks(sound: Sound, block_size: int) -> int:
    """Blocks of a sound; the last one is padded with zeros."""
    return -(-sound.n_samples // block_size)


def sequence_starts(n_blocks: int, length: int, step: int) -> list[int]:
    """First blocks of the sequences of a song; one shortened sequence if the song is not longer than that."""
    if n_blocks < 2:
        return []
    return list(range(0, n_blocks - length, step)) or [0]


def prepare_blocks(songs: Sequence[TrainingSong], training: Training) -> Prepared:
    """Songs → BlockCodec, examples, facts and floors. Raises InvalidInput if no song has two blocks."""
    sounds, warnings = open_sounds(
        songs, sample_rate=training.sample_rate, max_songs=training.max_songs, seconds=training.seconds_per_song
    )
    kept, held_out = split(sounds, training.validation_share)
    size, rate = training.block_size, sounds[0].sample_rate
    wanted = max(1, round(training.clip_seconds * rate / size))
    counts = [count_blocks(sound, size) for sound in kept]
    _check_long_enough(kept, size)
    length = min(wanted, max(counts) - 1)
    if short := sum(0 < count <= wanted for count in counts):
        warnings = (*warnings, _too_short(short, len(counts), wanted, length, training.clip_seconds))
    features = n_features(size, training.transform)
    raw = BlockCodec(
        rate, size, training.transform, length, np.zeros(features, np.float32), np.ones(features, np.float32),
        root_mean_square(kept),
    )  # fmt: skip
    data = _examples(raw, kept, training)
    codec = _normalised(raw, data) if training.normalise else raw
    data, checked = replace(data, codec=codec), _examples(codec, held_out, training)
    validation = checked if checked.n_examples else None
    if training.validation_share and validation is None:
        warnings = (
            *warnings,
            "Too little music is left to hold out, so there is no validation loss: choose longer songs.",
        )
    facts = _facts(songs, kept, held_out, data, checked)
    return Prepared(codec, data, validation, facts, _floors(validation or data, training.loss), warnings)


def _examples(codec: BlockCodec, sounds: Sequence[Sound], training: Training) -> BlockExamples:
    step = max(1, round(codec.sequence_length * (1 - training.sequence_overlap)))
    starts = [
        (number, first)
        for number, sound in enumerate(sounds)
        for first in sequence_starts(count_blocks(sound, codec.block_size), codec.sequence_length, step)
    ]
    return BlockExamples(codec, sounds, np.array(starts, dtype=np.int64).reshape(-1, 2))


def _normalised(codec: BlockCodec, data: BlockExamples) -> BlockCodec:
    """The codec with mean and standard deviation of every feature over all inputs, in one pass.

    Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979."""
    count, mean, squares = 0, np.zeros(codec.n_features), np.zeros(codec.n_features)
    for features in _input_features(codec, data):
        n_new, mean_new = len(features), features.mean(axis=0)
        apart = mean_new - mean
        squares += ((features - mean_new) ** 2).sum(axis=0) + apart**2 * (count * n_new / (count + n_new))
        mean += apart * (n_new / (count + n_new))
        count += n_new
    std = np.maximum(np.sqrt(squares / count), LEAST_STD)
    return replace(codec, mean=mean.astype(np.float32), std=std.astype(np.float32))


def _input_features(codec: BlockCodec, data: BlockExamples) -> Iterator[NDArray[np.float64]]:
    """For each example, the features of its input blocks, float64 (≤ L, features)."""
    size, length = codec.block_size, codec.sequence_length
    for number, first in data.starts.tolist():
        sound = data.sounds[number]
        known = min(length, count_blocks(sound, size) - 1 - first)
        samples = sound.read(first * size, (first + known) * size)
        yield blocks_to_features(samples.reshape(known, size), codec.transform)


def _floors(data: BlockExamples, loss: str) -> dict[str, float]:
    """Losses of two predictions that need no network, in the unit of the loss: the mean, and the last block repeated.

    In normalised numbers the first is near 1 and the second above 2, because the phase of a block does not predict that
    of the next. That is why a network trained on squared errors tends to the mean, which is near silence."""
    sums, count = np.zeros(2), 0.0
    for number in range(data.n_examples):
        inputs, targets, mask = data.pair(number)
        for place, error in enumerate((targets, targets - inputs)):
            each = np.square(error) if loss == "mse" else np.abs(error)
            sums[place] += float((each.mean(axis=1, dtype=np.float64) * mask).sum())
        count += float(mask.sum())
    return {"zero (the mean)": float(sums[0] / count), "repeat the last block": float(sums[1] / count)}


def _facts(
    songs: Sequence[TrainingSong],
    kept: Sequence[Sound],
    held_out: Sequence[Sound],
    data: BlockExamples,
    checked: BlockExamples,
) -> dict[str, Any]:
    codec = data.codec
    shape = [data.n_examples, codec.sequence_length, codec.n_features]
    return {
        "inputs_shape": shape,
        "targets_shape": shape,
        "n_windows": data.n_examples,
        "n_validation_windows": checked.n_examples,
        "n_songs": len(songs),
        "n_songs_used": len(kept),
        "sample_rate": codec.sample_rate,
        "block_size": codec.block_size,
        "n_blocks": sum(count_blocks(sound, codec.block_size) for sound in kept),
        "n_features": codec.n_features,
        "sequence_length": codec.sequence_length,
        "training_seconds": round(sum(sound.seconds for sound in kept), 3),
        "held_out_seconds": round(sum(sound.seconds for sound in held_out), 3),
        "level_db": round(20 * float(np.log10(codec.level)), 2),
        "loss_unit": "error of the normalised spectrum",
    }


def _check_long_enough(sounds: Sequence[Sound], block_size: int) -> None:
    longest = max(sound.n_samples for sound in sounds)
    if longest <= block_size:
        raise InvalidInput(
            sentence(
                f"Training needs a song with at least two blocks, that is {block_size + 1:,} samples",
                f"{longest:,} samples to train on in the longest of {count(len(sounds), 'song')}",
                "Choose longer songs or a shorter block length.",
            ),
            code="too_short",
        )


def _too_short(n_short: int, n_songs: int, wanted: int, length: int, seconds: float) -> str:
    """The sentence about songs shorter than a sequence."""
    if n_short < n_songs:
        return f"{n_short} of {n_songs} songs are shorter than {seconds:g} s; each gives one shortened sequence."
    return f"No song is longer than {seconds:g} s ({wanted} blocks), so sequences have {count(length, 'block')}."
