"""Sound from a trained WaveNet: several pieces at once, sample by sample, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.expecting import expecting
from musicgen.approaches.audio_wavenet.forecasts import Foretold
from musicgen.approaches.audio_wavenet.kernel import run
from musicgen.approaches.audio_wavenet.level_keeping import LevelKeeper
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.approaches.audio_wavenet.weight_layout import empty_memory, laid_out
from musicgen.machine import usable_cores

SAMPLES_PER_CALL = 1000
Levels = NDArray[np.int32]


class Hiss:
    """The same noise on the input as in training. A network that has learned from noisy input takes clean sound for
    softer than it is, and fades.

    Args:
        deviation: see CropExamples.noise. seeds: of the pieces.
    """

    def __init__(self, deviation: float, seeds: Sequence[int]) -> None:
        self.deviation = np.float32(deviation)
        self._rngs = [np.random.default_rng([seed, 7]) for seed in seeds]

    def next(self, n_steps: int) -> NDArray[np.float32]:
        """Of the following samples of each piece, (n_steps, n_pieces)."""
        return self.deviation * np.stack([rng.standard_normal(n_steps, dtype=np.float32) for rng in self._rngs], axis=1)


class RawAudioSampler:
    """A WaveNet with the state of some pieces: their samples so far."""

    def __init__(self, model: Any, sizes: RawAudioSizes, n_pieces: int, order: int = 0) -> None:
        """order: of the forecast that the network hears, if it hears one."""
        self.sizes, self.order = sizes, order
        self.weights = laid_out(model, sizes)
        shares = np.array_split(np.arange(n_pieces), min(usable_cores(), n_pieces))
        self.shares = [slice(int(share[0]), int(share[-1]) + 1) for share in shares]
        self.memories = [empty_memory(sizes, len(share)) for share in shares]
        self.states = [expecting(order, len(share), sizes.silence) for share in shares]
        self.step = 0
        self.rest()

    def rest(self) -> None:
        """Read a whole receptive field of silence, as before the start of a training song."""
        self.run(np.full((self.sizes.receptive_field, self.shares[-1].stop), self.sizes.silence, dtype=np.int32))

    def hear(
        self,
        levels: Levels,
        condition: NDArray[np.float32] | None = None,
        foretold: Foretold | None = None,
        held: int = 1,
    ) -> None:
        """Read the prompt: levels (n_pieces, n_samples), of which only the end counts: a receptive field, or the order
        of the forecast if that is longer.

        `condition`: of each sample. `foretold`: of the last frames, each of them `held` for so many samples.
        """
        last = slice(-max(self.sizes.receptive_field, self.order), None)
        told = None if condition is None else condition[:, last].transpose(1, 0, 2)
        given = np.ascontiguousarray(levels[:, last].T)
        back = np.arange(-len(given), 0) // held  # frames before the end of the prompt; the first one may be too early
        known = foretold.errors.shape[1] if foretold else 0
        frames = np.maximum(back + known, 0)
        few = Foretold(*(each[:, frames[0] :] for each in foretold)) if foretold and known and len(given) else None
        self.run(given, None, told, foretold=self._foretold(few, frames))

    def say(
        self,
        uniform: NDArray[np.float32],
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        condition: NDArray[np.float32] | None = None,
        foretell: Callable[[int, int], Foretold] | None = None,
        held: int = 1,
        hiss: Hiss | None = None,
        keeper: LevelKeeper | None = None,
        progress: Callable[[int], None] = lambda done: None,
        so_far: Callable[[Levels], None] = lambda made: None,
    ) -> Levels:
        """New levels, (n_pieces, n_samples), one for each uniform number (n_pieces, n_samples).

        `condition`: (n_pieces, n_frames, conditions), each of them `held` for so many samples. `foretell`: called with
        the first and the last of the next frames, excluded. `hiss`: noise on the input. `keeper`: keeps the pieces as
        loud as the songs. `progress` is called with the number of samples so far, `so_far` with these, (n_pieces, n).
        """
        n_pieces, n_samples = uniform.shape
        made = np.empty((n_pieces, n_samples), dtype=np.int32)
        for start in range(0, n_samples, SAMPLES_PER_CALL):
            piece = slice(start, min(start + SAMPLES_PER_CALL, n_samples))
            given = np.full((piece.stop - start, n_pieces), -1, dtype=np.int32)
            frames = np.arange(piece.start, piece.stop) // held
            described = None if condition is None else condition[:, frames].transpose(1, 0, 2)
            noise = hiss.next(len(given)) if hiss else None
            turns = keeper.turns(made[:, :start]) if keeper else None
            made[:, piece] = self.run(
                given, uniform[:, piece].T, described, (temperature, top_p), noise, turns,
                foretold=self._foretold(foretell(int(frames[0]), int(frames[-1]) + 1) if foretell else None, frames),
            ).T  # fmt: skip
            progress(piece.stop)
            so_far(made[:, : piece.stop])
        return made

    def run(
        self,
        given: Levels,
        uniform: NDArray[np.float32] | None = None,
        condition: NDArray[np.float32] | None = None,
        rules: tuple[float, float] = (1.0, 1.0),
        noise: NDArray[np.float32] | None = None,
        turns: NDArray[np.float32] | None = None,
        kept: NDArray[np.float32] | None = None,
        foretold: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]] | None = None,
    ) -> Levels:
        """The kernel over given (n, n_pieces), with the pieces divided among the cores; see `kernel.run`."""
        n_steps, n_pieces = given.shape
        uniform = np.zeros((n_steps, n_pieces), dtype=np.float32) if uniform is None else uniform
        if condition is None:
            condition = np.zeros((n_steps, n_pieces, self.sizes.conditions), dtype=np.float32)
        made = np.empty((n_steps, n_pieces), dtype=np.int32)
        turns = np.zeros(n_pieces, dtype=np.float32) if turns is None else turns
        noise = np.zeros((n_steps, n_pieces), dtype=np.float32) if noise is None else noise
        if foretold is None:
            foretold = self._foretold(None, np.zeros(n_steps, dtype=np.int64))
        float_rules = (np.float32(rules[0]), np.float32(rules[1]), self.sizes.levels if self.sizes.mixtures else 0)

        def work(number: int) -> None:
            share = self.shares[number]
            part = np.empty((n_steps, share.stop - share.start), dtype=np.int32)
            logits = np.zeros((0, 0, 0) if kept is None else kept[:, share].shape, dtype=np.float32)
            run(
                self.weights, self.memories[number], self.states[number], self.step,
                np.ascontiguousarray(given[:, share]), np.ascontiguousarray(noise[:, share]), turns[share],
                np.ascontiguousarray(uniform[:, share]), np.ascontiguousarray(condition[:, share]),
                (np.ascontiguousarray(foretold[0][:, share]), np.ascontiguousarray(foretold[1][:, share]), foretold[2]),
                float_rules, part, logits,
            )  # fmt: skip
            made[:, share] = part
            if kept is not None:
                kept[:, share] = logits

        with ThreadPoolExecutor(len(self.shares)) as side_by_side:
            list(side_by_side.map(work, range(len(self.shares))))
        self.step += n_steps
        return made

    def _foretold(
        self, foretold: Foretold | None, frames: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """What is foretold, from the first of these frames on, as the kernel reads it; silence, if nothing is."""
        if foretold is None:
            n_pieces = self.shares[-1].stop
            factors = np.zeros((1, n_pieces, self.order), dtype=np.float32)
            return factors, np.zeros((1, n_pieces), dtype=np.float32), np.zeros_like(frames)
        return foretold.factors.transpose(1, 0, 2), foretold.sustaining.T, frames - frames[0]
