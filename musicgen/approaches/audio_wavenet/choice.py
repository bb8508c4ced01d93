"""Sampling the next level from the network's output and one uniform number. Imports numba: workers only."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

f32 = np.float32
FAST: dict[str, Any] = {"fastmath": True, "nogil": True, "error_model": "numpy"}


@intrinsic
def as_float(typing: Any, bits: Any) -> Any:
    """The float32 with these 32 bits."""
    return types.float32(types.int32), lambda context, builder, signature, arguments: builder.bitcast(
        arguments[0], ir.FloatType()
    )


@numba.njit(**FAST)
def exp(x):  # type: ignore[no-untyped-def]
    """e to the power x <= 0, to within 3e-7: a power of two by its bits, and a polynomial for the rest, as in Cephes.
    Unlike the library's, it runs on many numbers at once."""
    x = max(x, f32(-87.0))
    whole = math.floor(x * f32(1.4426950408889634) + f32(0.5))
    rest = (x - whole * f32(0.693359375)) + whole * f32(2.12194440e-4)
    p = f32(1.9875691500e-4)
    p = p * rest + f32(1.3981999507e-3)
    p = p * rest + f32(8.3334519073e-3)
    p = p * rest + f32(4.1665795894e-2)
    p = p * rest + f32(1.6666665459e-1)
    p = p * rest + f32(5.0000001201e-1)
    return (p * rest * rest + rest + f32(1.0)) * as_float(np.int32((np.int32(whole) + 127) << 23))  # type: ignore[call-arg]


@numba.njit(**FAST)
def drop_unlikely(chances, wanted):  # type: ignore[no-untyped-def]
    """Sets all but the largest of `chances` (each at most 1) that together reach `wanted` to 0, and returns the sum."""
    least, most = f32(0.0), f32(1.0)
    for _ in range(24):  # halvings: as fine as a float32
        middle, total = f32(0.5) * (least + most), f32(0.0)
        for chance in chances:
            total += chance if chance >= middle else f32(0.0)
        if total >= wanted:
            least = middle
        else:
            most = middle
    total = f32(0.0)
    for o in range(chances.size):
        chances[o] = chances[o] if chances[o] >= least else f32(0.0)
        total += chances[o]
    return total


@numba.njit(**FAST)
def pick(logits, uniform, temperature, top_p):  # type: ignore[no-untyped-def]
    """A level sampled from logits (levels,), which are overwritten; top_p < 1 samples only from the likeliest."""
    highest = logits[0]
    for o in range(1, logits.size):
        highest = max(highest, logits[o])
    colder, total = f32(1.0) / temperature, f32(0.0)
    for o in range(logits.size):
        logits[o] = exp((logits[o] - highest) * colder)
        total += logits[o]
    if top_p < f32(1.0):
        total = drop_unlikely(logits, top_p * total)
    wanted, passed = uniform * total, f32(0.0)
    for o in range(logits.size):
        passed += logits[o]
        if passed >= wanted and logits[o] > f32(0.0):
            return o
    return int(np.argmax(logits))


@numba.njit(**FAST)
def pick_from_mixture(answers, uniform, temperature, levels):  # type: ignore[no-untyped-def]
    """A level sampled from logistic distributions (3 × n,): the uniform number chooses one of them, and the rest of it
    how far from the mean. Temperature narrows or widens each."""
    n = answers.size // 3
    highest, total = answers[0], f32(0.0)
    for i in range(1, n):
        highest = max(highest, answers[i])
    for i in range(n):
        total += math.exp(answers[i] - highest)
    rest, chosen = uniform * total, n - 1
    for i in range(n):
        share = math.exp(answers[i] - highest)
        if rest < share or i == n - 1:
            chosen = i
            break
        rest -= share
    place = min(max(rest / share, f32(1e-5)), f32(1.0 - 1e-5))
    width = math.exp(max(answers[2 * n + chosen], f32(-9.0))) * temperature
    value = answers[n + chosen] + width * math.log(place / (f32(1.0) - place))
    level = round((min(max(value, f32(-1.0)), f32(1.0)) + f32(1.0)) * f32(0.5) * (levels - 1))
    return min(max(level, 0), levels - 1)


@numba.njit(**FAST)
def heard_as(level, noise, turn, levels, highest):  # type: ignore[no-untyped-def]
    """A level turned up by `turn` dB, with noise added as in `RawAudioCodec.disturbed`. `levels`: their number if they
    are evenly spaced, else 0."""
    place = f32(2.0) * level / f32(highest) - f32(1.0)
    loudness, width = abs(place), f32(1.0)
    if levels:
        width = f32(levels - 1) * f32(math.log(256.0) / 255.0) * (f32(1.0 / 255.0) + loudness)
        share = f32(255.0) * loudness / (f32(1.0) + f32(255.0) * loudness)
    else:
        share = f32(1.0) - exp(-loudness * f32(math.log(256.0)))
    # A factor moves every mu-law level by the same amount, except those next to silence.
    louder = turn * f32(math.log(10.0) / 20.0 * 127.5 / math.log(256.0)) * share
    moved = noise + (louder if place >= f32(0.0) else -louder)
    return min(max(round(level + moved * width), 0), highest)
