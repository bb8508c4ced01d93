"""Windows over frames of sound as training examples for a network that plays a bank of predictors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.amplitude_lstm.bank import N_PARTS, Bank, Samples
from musicgen.codecs.examples import Arrays


@dataclass(frozen=True)
class BankExamples:
    """Windows of `steps` frames. Frames before `first` lack a full look back and are not targets.

    Attributes:
        passes: how many times windows overlap in an epoch, because a second of sound is only one window.

    Arrays: previous (n, steps, 2), codes of the frame before (the bank's sizes stand for none); energies
    (n, steps, n_predictors, parts); mask (n, steps), 0 for padding and for frames that only warm up the LSTM.
    """

    bank: Bank
    stretches: Sequence[Samples]
    steps: int
    warm_up: int = 0
    passes: int = 1

    @cached_property
    def energies(self) -> list[NDArray[np.float32]]:
        return [self.bank.energies(samples) for samples in self.stretches]

    @cached_property
    def codes(self) -> list[NDArray[np.int32]]:
        return [self.bank.codes(energies) for energies in self.energies]

    @property
    def first(self) -> int:
        """The first frame of a series in which every sample has a full look back."""
        return -(-self.bank.order // self.bank.hop_length)

    @property
    def stride(self) -> int:
        return self.steps - self.warm_up

    @cached_property
    def tiles(self) -> NDArray[np.int64]:
        """(number of the series, first target frame) of the windows that cover everything `passes` times."""
        firsts = [
            (number, first)
            for number, samples in enumerate(self.stretches)
            for first in range(self.first, self.n_frames(samples), max(1, self.stride // self.passes))
        ]
        return np.array(firsts, dtype=np.int64).reshape(-1, 2)

    def n_frames(self, samples: Samples) -> int:
        return samples.size // self.bank.hop_length

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    @property
    def nbytes(self) -> int:
        per_frame = 4 * self.bank.n_predictors * N_PARTS
        return sum(samples.nbytes + per_frame * self.n_frames(samples) for samples in self.stretches)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        windows = [self._window(number, first, rng) for number, first in self.tiles[index].tolist()]
        previous, energies, mask = (np.stack(part) for part in zip(*windows, strict=True))
        return {"previous": previous, "energies": energies, "mask": mask}

    def _window(
        self, number: int, first: int, rng: np.random.Generator | None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        frames = self.energies[number]
        if rng is not None:
            first += int(rng.integers(-self.stride // 2, self.stride // 2 + 1))
            first = int(np.clip(first, self.first, max(self.first, len(frames) - self.stride)))
        begin = max(self.first, first - self.warm_up)
        stop = min(first + self.stride, len(frames))
        previous = np.zeros((self.steps, 2), dtype=np.int32)
        energies = np.zeros((self.steps, *frames.shape[1:]), dtype=np.float32)
        mask = np.zeros(self.steps, dtype=np.float32)
        previous[: stop - begin] = (
            self.codes[number][begin - 1 : stop - 1] if begin else self._none_before(number, stop)
        )
        energies[: stop - begin] = frames[begin:stop]
        mask[first - begin : stop - begin] = 1.0
        return previous, energies, mask

    def _none_before(self, number: int, stop: int) -> NDArray[np.int32]:
        mark = [[self.bank.n_predictors, self.bank.n_levels]]
        return np.concatenate([mark, self.codes[number][: stop - 1]]).astype(np.int32)
