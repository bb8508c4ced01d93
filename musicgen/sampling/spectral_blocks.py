"""Sound from a network over blocks: it hears a stretch of a song, then only what it said before.

What it says while it still hears the song is kept, as the authors did: the first part of an output is the song as the
network followed it, one block ahead, and only the rest is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.base import Made, Monitor, Reference, TrainingSong
from musicgen.codecs.spectral_blocks import BlockCodec
from musicgen.networks.backend import compiled, ops
from musicgen.networks.spectral import BlockStepper
from musicgen.sampling.pace import Pace
from musicgen.sampling.spectral_seeds import Place, fate, loudness_gain, seed_places

BLOCKS_PER_CALL = 4


def block_pieces(
    model: Any,
    codec: BlockCodec,
    training: Any,
    generation: Any,
    songs: Sequence[TrainingSong],
    seeds: Sequence[int],
    monitor: Monitor,
) -> Iterator[Made]:
    """One piece for each seed, all of them made together."""
    length = codec.sequence_length * generation.seed_len
    n_new = generation.steps - 1 if generation.steps else _blocks(generation.seconds, codec)
    places = seed_places(songs, codec, length, training, generation, seeds)
    heard = np.stack([_heard(place, codec, length, seed) for place, seed in zip(places, seeds, strict=True)])
    pace, total = Pace(), heard.shape[1] + n_new

    def progress(done: int) -> None:
        pace.note(done)
        monitor.progress("generating", done * len(seeds), total * len(seeds))

    progress(0)
    made = play_blocks(BlockStepper(model, training.num_layers), heard, n_new, progress)
    for seed, place, values in zip(seeds, places, made, strict=True):
        kept = values if generation.keep_seed else values[heard.shape[1] :]
        samples = codec.decode(kept)
        gain = loudness_gain(samples, generation.normalise_peak)
        content = codec.to_waveform(kept, gain=gain)
        seconds = heard.shape[1] * codec.block_size / codec.sample_rate
        facts = {
            "steps": int(made.shape[1]),
            **pace.facts(len(seeds)),
            "n_blocks": len(kept),
            "seeded_seconds": round(seconds, 6) if generation.keep_seed else 0.0,
            **(place.facts if place else {"seed_song": None}),
            **fate(content, codec.level, gain),
        }
        # What is said at a block is a guess of the next one: the output lies a block behind its seed.
        behind = codec.block_size / codec.sample_rate + (0.0 if generation.keep_seed else seconds)
        yield Made(content, seed, facts, _beside(place, behind, content.seconds))


def play_blocks(
    stepper: BlockStepper, heard: NDArray[np.float32], n_new: int, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """What the network says: after each block it hears, then after each block of its own.

    Args:
        heard: (batch, n_heard, features), n_heard ≥ 1. n_new: blocks of its own that it hears afterwards.

    Returns:
        (batch, n_heard + n_new, features).
    """
    batch_size, n_heard, n_features = heard.shape
    total = n_heard + n_new

    def play(given: Any, n_given: Any, n_steps: Any, last: Any, state: Any) -> Any:
        def body(t: Any, last: Any, state: Any, made: Any) -> Any:
            said, state = stepper.step(ops.where(t < n_given, given[t], last), state)
            return t + 1, said, state, ops.slice_update(made, (t, 0, 0), said[None])

        start = (ops.convert_to_tensor(0, "int32"), last, state, ops.zeros(given.shape))
        return ops.while_loop(lambda t, *_: t < n_steps, body, start, maximum_iterations=BLOCKS_PER_CALL)[1:]

    run = compiled(play, stepper.model, key="blocks")
    state, last = stepper.start(batch_size), np.zeros((batch_size, n_features), np.float32)
    made = np.empty((batch_size, total, n_features), dtype=np.float32)
    for first in range(0, total, BLOCKS_PER_CALL):
        given = np.zeros((BLOCKS_PER_CALL, batch_size, n_features), dtype=np.float32)
        piece = heard[:, first : first + BLOCKS_PER_CALL]
        given[: piece.shape[1]] = piece.transpose(1, 0, 2)
        n_steps = min(BLOCKS_PER_CALL, total - first)
        last, state, said = run(given, np.int32(piece.shape[1]), np.int32(n_steps), last, state)
        made[:, first : first + n_steps] = np.asarray(said)[:n_steps].transpose(1, 0, 2)
        progress(first + n_steps)
    return made


def _blocks(seconds: float, codec: BlockCodec) -> int:
    return max(1, round(seconds * codec.sample_rate / codec.block_size))


def _heard(place: Place | None, codec: BlockCodec, length: int, seed: int) -> NDArray[np.float32]:
    """(length, features): a stretch of a song, or noise where there is no song any more."""
    if place is None:
        drawn = np.random.default_rng([seed, 4]).standard_normal((length, codec.n_features), dtype=np.float32)
        return drawn if codec.mean.any() else drawn * np.float32(codec.level)
    return codec.encode(place.sound.read(place.first, place.first + length * codec.block_size))


def _beside(place: Place | None, behind: float, seconds: float) -> Reference | None:
    """The stretch of the song that the output can be laid beside."""
    if place is None:
        return None
    start = place.seconds + behind
    stop = min(start + seconds, place.sound.song.clip.seconds)
    return Reference(place.sound.song.id, start, stop) if stop > start else None
