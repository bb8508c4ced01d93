"""One sample after the other from a WaveNet on raw audio, compiled for the processor.

A ring buffer per block keeps what its taps will need, so that a sample costs one pass over the weights however far the
network hears (Paine et al., Fast WaveNet generation algorithm, 2016). Several outputs go through the weights together.
Knows no music: levels, weights and uniform numbers. Imports numba: workers only.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

f32 = np.float32
FAST: dict[str, Any] = {"fastmath": True, "nogil": True, "error_model": "numpy"}


@numba.njit(**FAST)
def add_product(x, weights, y, n_in, n_out):  # type: ignore[no-untyped-def]
    """y (batch, n_out) += x (batch, n_in) @ weights (n_in, n_out); eight rows at a time, which every output of the
    batch takes while they are in the nearest cache."""
    for i in range(0, n_in - n_in % 8, 8):
        for b in range(x.shape[0]):
            a0, a1, a2, a3 = x[b, i], x[b, i + 1], x[b, i + 2], x[b, i + 3]
            a4, a5, a6, a7 = x[b, i + 4], x[b, i + 5], x[b, i + 6], x[b, i + 7]
            for o in range(n_out):
                low = (a0 * weights[i, o] + a1 * weights[i + 1, o]) + (a2 * weights[i + 2, o] + a3 * weights[i + 3, o])
                high = (a4 * weights[i + 4, o] + a5 * weights[i + 5, o]) + (
                    a6 * weights[i + 6, o] + a7 * weights[i + 7, o]
                )
                y[b, o] += low + high
    for i in range(n_in - n_in % 8, n_in):
        for b in range(x.shape[0]):
            for o in range(n_out):
                y[b, o] += x[b, i] * weights[i, o]


@numba.njit(**FAST)
def tanh(x):  # type: ignore[no-untyped-def]
    """A quotient of polynomials, within 1e-6 everywhere: it runs on many numbers at once, which the library's does
    not."""
    x = min(max(x, f32(-9.0)), f32(9.0))
    s = x * x
    p = f32(-2.76076847742355e-16)
    p = p * s + f32(2.00018790482477e-13)
    p = p * s + f32(-8.60467152213735e-11)
    p = p * s + f32(5.12229709037114e-08)
    p = p * s + f32(1.48572235717979e-05)
    p = p * s + f32(6.37261928935436e-04)
    p = p * s + f32(4.89352455891786e-03)
    q = f32(1.19825839466702e-06)
    q = q * s + f32(1.18534705686654e-04)
    q = q * s + f32(2.26843463243900e-03)
    q = q * s + f32(4.89352518554385e-03)
    return x * p / q


@numba.njit(**FAST)
def gate(a, z, width):  # type: ignore[no-untyped-def]
    """z (batch, width) = tanh(a[:, :width]) ⊙ sigmoid(a[:, width:])"""
    for b in range(a.shape[0]):
        for i in range(width):
            z[b, i] = tanh(a[b, i]) * (f32(0.5) + f32(0.5) * tanh(f32(0.5) * a[b, width + i]))


@numba.njit(**FAST)
def fill(y, bias):  # type: ignore[no-untyped-def]
    for b in range(y.shape[0]):
        for o in range(bias.size):
            y[b, o] = bias[o]


@numba.njit(**FAST)
def rectify(y):  # type: ignore[no-untyped-def]
    for b in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[b, o] = max(y[b, o], f32(0.0))


@numba.njit(**FAST)
def block(heard, ring, step, dilation, kernel, bias, out_kernel, out_bias, gates, z, out, skip):  # type: ignore[no-untyped-def]
    """One gated block for one sample.

    heard (batch, taps × width + conditions): the last tap holds x on the way in and on the way out. ring
    ((taps - 1) × dilation, batch, width).
    """
    n_batch, width, length = ring.shape[1], ring.shape[2], ring.shape[0]
    taps = length // dilation
    for tap in range(taps):
        slot = (step + tap * dilation) % length
        for b in range(n_batch):
            for i in range(width):
                heard[b, tap * width + i] = ring[slot, b, i]
    slot, x = step % length, taps * width
    for b in range(n_batch):
        for i in range(width):
            ring[slot, b, i] = heard[b, x + i]
    fill(gates, bias)
    add_product(heard, kernel, gates, kernel.shape[0], 2 * width)
    gate(gates, z, width)
    fill(out, out_bias)
    add_product(z, out_kernel, out, width, out_bias.size)
    for b in range(n_batch):
        for i in range(width):
            heard[b, x + i] += out[b, i]
        for s in range(skip.shape[1]):
            skip[b, s] += out[b, width + s]


@numba.njit(**FAST)
def pick(logits, uniform, temperature, top_p):  # type: ignore[no-untyped-def]
    """A level drawn from logits (levels,), which are overwritten; top_p < 1 draws among the likeliest alone."""
    highest = logits[0]
    for o in range(1, logits.size):
        highest = max(highest, logits[o])
    total = f32(0.0)
    for o in range(logits.size):
        logits[o] = math.exp((logits[o] - highest) / temperature)
        total += logits[o]
    if top_p < f32(1.0):
        ranked, kept = np.sort(logits)[::-1], f32(0.0)
        least = ranked[-1]
        for probability in ranked:
            kept += probability
            if kept >= top_p * total:
                least = probability
                break
        total = f32(0.0)
        for o in range(logits.size):
            if logits[o] < least:
                logits[o] = f32(0.0)
            total += logits[o]
    wanted, passed = uniform * total, f32(0.0)
    for o in range(logits.size):
        passed += logits[o]
        if passed >= wanted and logits[o] > f32(0.0):
            return o
    return int(np.argmax(logits))


@numba.njit(**FAST)
def pick_from_mixture(answers, uniform, temperature, levels):  # type: ignore[no-untyped-def]
    """A level drawn from logistic distributions (3 × n,): one number chooses which, and its rest how far from the
    mean. Temperature narrows or widens each."""
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


@numba.njit(nogil=True, error_model="numpy")
def run(weights, dilations, rings, firsts, last, step, given, uniform, condition, rules, made, kept):  # type: ignore[no-untyped-def]
    """Go on by `given.shape[0]` samples.

    Args:
        weights: (before, now, kernels, biases, out_kernels, out_biases, dense, dense_bias, head, head_bias).
        dilations (n_blocks,): of each block. rings (slots, batch, width): of all blocks end to end; firsts
            (n_blocks + 1,): where each begins.
        last (batch, 2): the two levels before, updated. step: number of this sample since the rings were empty.
        given (n, batch): levels to hear in place of drawn ones; -1 to draw.
        uniform (n, batch): numbers in [0, 1). condition (n, batch, conditions). rules: (temperature, top_p), and
            levels where answers are mixtures, else 0.
        made (n, batch): the levels. kept (n, batch, levels) or empty: the logits, for tests.
    """
    before, now, kernels, biases, out_kernels, out_biases, dense, dense_bias, head, head_bias = weights
    n_batch, width, n_blocks = last.shape[0], before.shape[1], dilations.size
    heard = np.zeros((n_batch, kernels.shape[1]), dtype=np.float32)
    gates = np.zeros((n_batch, 2 * width), dtype=np.float32)
    z = np.zeros((n_batch, width), dtype=np.float32)
    out = np.zeros((n_batch, out_biases.shape[1]), dtype=np.float32)
    skip = np.zeros((n_batch, dense.shape[0]), dtype=np.float32)
    hidden = np.zeros((n_batch, dense.shape[1]), dtype=np.float32)
    logits = np.zeros((n_batch, head.shape[1]), dtype=np.float32)
    conditions = condition.shape[2]
    x = kernels.shape[1] - conditions - width
    temperature, top_p, levels = rules
    step_size = 2.0 / max(1, levels - 1)
    for t in range(given.shape[0]):
        for b in range(n_batch):
            if levels:
                earlier, later = f32(last[b, 0] * step_size - 1.0), f32(last[b, 1] * step_size - 1.0)
                for i in range(width):
                    heard[b, x + i] = earlier * before[0, i] + later * now[0, i]
            else:
                for i in range(width):
                    heard[b, x + i] = before[last[b, 0], i] + now[last[b, 1], i]
            for i in range(conditions):
                heard[b, x + width + i] = condition[t, b, i]
        skip[:] = f32(0.0)
        for number in range(n_blocks):
            ring = rings[firsts[number] : firsts[number + 1]]
            block(
                heard, ring, step + t, dilations[number], kernels[number], biases[number],
                out_kernels[number], out_biases[number], gates, z, out, skip,
            )  # fmt: skip
        rectify(skip)
        fill(hidden, dense_bias)
        add_product(skip, dense, hidden, dense.shape[0], dense.shape[1])
        rectify(hidden)
        fill(logits, head_bias)
        add_product(hidden, head, logits, head.shape[0], head.shape[1])
        for b in range(n_batch):
            if kept.size:
                kept[t, b] = logits[b]
            level = given[t, b]
            if level < 0 and levels:
                level = pick_from_mixture(logits[b], uniform[t, b], temperature, levels)
            elif level < 0:
                level = pick(logits[b], uniform[t, b], temperature, top_p)
            made[t, b] = level
            last[b, 0], last[b, 1] = last[b, 1], level
