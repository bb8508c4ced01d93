"""Linear prediction within the compiled sampler, see `forecasts`: its memory, and what happens for each sample. Imports
numba: workers only."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.forecasts import ERROR_SCALE, LEAST_ERROR, SURE, level_samples

f32 = np.float32
FAST: dict[str, Any] = {"fastmath": True, "nogil": True, "error_model": "numpy"}
Floats = NDArray[np.float32]


class Expecting(NamedTuple):
    """The past of some pieces as samples, and what is expected; not read without a forecast.

    Attributes:
        past (batch, 2 × order): the last samples that were heard, in a ring that is kept twice, so that it can be read
            from any place on.
        expected (batch,): the next sample. error (batch,): how far off it usually is.
        samples, log_widths (levels,): of each level, and the logarithm of how wide it is.
    """

    past: Floats
    expected: Floats
    error: Floats
    samples: Floats
    log_widths: Floats


def expecting(order: int, n_pieces: int, silence: int) -> Expecting:
    """As after a long silence, which is this level. Order 0: no forecast."""
    samples, widths = level_samples()
    return Expecting(
        past=np.full((n_pieces, 2 * order), samples[silence] if order else 0.0, dtype=np.float32),
        expected=np.zeros(n_pieces, dtype=np.float32),
        error=np.full(n_pieces, LEAST_ERROR, dtype=np.float32),
        samples=samples,
        log_widths=np.log(widths),
    )


@numba.njit(**FAST)
def expect(state, factors, errors, step):  # type: ignore[no-untyped-def]
    """What sample number `step` of each piece will be, with the factors (batch, order) and errors (batch,) of now."""
    past, order = state.past, factors.shape[1]
    for b in range(past.shape[0]):
        total, begin = f32(0.0), step % order
        for i in range(order):
            total += factors[b, i] * past[b, begin + i]
        state.expected[b] = min(max(total, f32(-1.0)), f32(1.0))
        state.error[b] = max(errors[b], f32(LEAST_ERROR))


@numba.njit(**FAST)
def tell_network(state, weights, x):  # type: ignore[no-untyped-def]
    """x (batch, width) += what is expected, and how far off it usually is, times weights (2, width)."""
    for b in range(state.expected.size):
        expected = state.expected[b]
        size = f32(math.log1p(f32(255.0) * abs(expected)) / math.log(256.0))
        size = size if expected >= f32(0.0) else -size
        error = f32(ERROR_SCALE) * f32(math.log(state.error[b])) + f32(1.0)
        for i in range(weights.shape[1]):
            x[b, i] += size * weights[0, i] + error * weights[1, i]


@numba.njit(**FAST)
def around(state, b, answers):  # type: ignore[no-untyped-def]
    """answers (levels + 1,) of piece `b` → logits (levels,), in place; as the layer AroundForecast."""
    n, expected = state.samples.size, state.expected[b]
    sure = f32(math.exp(min(max(answers[n], f32(-SURE)), f32(SURE)))) / state.error[b]
    for o in range(n):
        away = (state.samples[o] - expected) * sure
        answers[o] += state.log_widths[o] - math.sqrt(f32(1.0) + away * away)


@numba.njit(**FAST)
def learn(state, b, step, level):  # type: ignore[no-untyped-def]
    """Sample number `step` of piece `b` is this level; noise that is added to it would grow in the sum."""
    order = state.past.shape[1] // 2
    for place in (step % order, step % order + order):
        state.past[b, place] = state.samples[level]
