"""Sound from a network over blocks: it reads a prompt from a song, then only its own output.

The predictions during the prompt can be kept, as in the authors' code: the first part of such an output is the song as
the network followed it, one block ahead, and only the rest is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.spectral_lstm.block_network import BlockStepper
from musicgen.approaches.spectral_lstm.blocks import BlockCodec
from musicgen.approaches.spectral_lstm.parameters import Generation, Training
from musicgen.approaches.spectral_lstm.seeds import SeedPlace, fate, loudness_gain, seed_places
from musicgen.audio.waveform import Waveform
from musicgen.contract.made import Made, Order
from musicgen.networks.backend import compiled, ops
from musicgen.sampling.pace import Pace
from musicgen.sampling.portions import in_portions

BLOCKS_PER_CALL = 16  # at most, because a block is large


def block_pieces(
    model: Any,
    codec: BlockCodec,
    training: Training,
    order: Order[Generation],
) -> Iterator[Made]:
    """One piece for each seed, all made together."""
    generation, seeds, monitor = order.generation, order.seeds, order.monitor
    length = codec.sequence_length * generation.seed_len
    n_new = generation.steps - 1 if generation.steps else _blocks(generation.seconds, codec)
    places = seed_places(codec, length, training, order)
    heard = np.stack([_heard(place, codec, length, seed) for place, seed in zip(places, seeds, strict=True)])
    pace, total = Pace(), heard.shape[1] + n_new

    begin = 0 if generation.keep_seed else heard.shape[1]

    def sounding(values: NDArray[np.float32]) -> tuple[Waveform, float]:
        """values: (n, features) → (sound, its gain)."""
        gain = loudness_gain(codec.decode(values[begin:]), generation.normalise_peak)
        return codec.to_waveform(values[begin:], gain=gain), gain

    def progress(made: NDArray[np.float32]) -> None:
        done = made.shape[1]
        pace.note(done)
        monitor.progress("generating", done * len(seeds), total * len(seeds))
        if done > begin:
            monitor.so_far(lambda: sounding(made[0])[0], done, total)

    monitor.progress("generating", 0, total * len(seeds))
    made = play_blocks(BlockStepper(model, training.num_layers), heard, n_new, progress)
    for seed, place, values in zip(seeds, places, made, strict=True):
        content, gain = sounding(values)
        seconds = heard.shape[1] * codec.block_size / codec.sample_rate
        facts = {
            "steps": int(made.shape[1]),
            **pace.facts(len(seeds)),
            "n_blocks": len(values) - begin,
            "seeded_seconds": round(seconds, 6) if generation.keep_seed else 0.0,
            **(place.facts if place else {"seed_song": None}),
            **fate(content, codec.level, gain),
        }
        # The output at a block predicts the next one, so the output starts one block after its place.
        behind = codec.block_size / codec.sample_rate + (0.0 if generation.keep_seed else seconds)
        yield Made(content, seed, facts, place.beside(behind, content.seconds) if place else None)


def play_blocks(
    stepper: BlockStepper,
    heard: NDArray[np.float32],
    n_new: int,
    progress: Callable[[NDArray[np.float32]], None] = lambda made: None,
) -> NDArray[np.float32]:
    """The network's predictions after each block of the prompt, then after each block of its own.

    Args:
        heard: (batch, n_heard, features), n_heard ≥ 1. n_new: blocks of its own that it reads afterwards.
        progress: called with the predictions so far, (batch, n, features).

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

    run = compiled(play, stepper.model)
    state, last = stepper.start(batch_size), np.zeros((batch_size, n_features), np.float32)
    made = np.empty((batch_size, total, n_features), dtype=np.float32)

    def work(portion: slice) -> None:
        nonlocal last, state
        given = np.zeros((BLOCKS_PER_CALL, batch_size, n_features), dtype=np.float32)
        piece, n_steps = heard[:, portion], portion.stop - portion.start
        given[: piece.shape[1]] = piece.transpose(1, 0, 2)
        last, state, said = run(given, np.int32(piece.shape[1]), np.int32(n_steps), last, state)
        made[:, portion] = np.asarray(said)[:n_steps].transpose(1, 0, 2)

    for portion in in_portions(total, BLOCKS_PER_CALL, work):
        progress(made[:, : portion.stop])
    return made


def _blocks(seconds: float, codec: BlockCodec) -> int:
    return max(1, round(seconds * codec.sample_rate / codec.block_size))


def _heard(place: SeedPlace | None, codec: BlockCodec, length: int, seed: int) -> NDArray[np.float32]:
    """(length, features): the prompt from a song, or noise if the song no longer exists."""
    if place is None:
        drawn = np.random.default_rng([seed, 4]).standard_normal((length, codec.n_features), dtype=np.float32)
        return drawn if codec.mean.any() else drawn * np.float32(codec.level)
    return codec.encode(place.sound.read(place.first, place.first + length * codec.block_size))
