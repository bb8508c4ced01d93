"""One sample after another from a WaveNet on raw audio, compiled for the CPU.

A ring buffer per block keeps what its taps will need, so that a sample costs one pass over the weights however far the
network looks back (Paine et al., Fast WaveNet generation algorithm, 2016). The past input of a block is known as many
samples ahead as its dilation, so its share of the gates is computed for many samples in one pass: only three quarters
of the weights remain to be read for each sample. Several outputs go through the weights together.

Knows no music: levels, weights and uniform numbers. Imports numba: workers only.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from musicgen.approaches.audio_wavenet.choice import heard_as, pick, pick_from_mixture
from musicgen.approaches.audio_wavenet.expecting import around, expect, learn, tell_network
from musicgen.approaches.audio_wavenet.panels import add_product

f32 = np.float32
EXACT: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
FAST: dict[str, Any] = {"fastmath": True, **EXACT}


@numba.njit(**FAST)
def tanh(x):  # type: ignore[no-untyped-def]
    """A quotient of polynomials, accurate to 1e-6. Unlike the library's, it runs on many numbers at once."""
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
def gate(gates, z, width):  # type: ignore[no-untyped-def]
    """z (batch, width) = tanh(gates[:, :width]) ⊙ sigmoid(gates[:, width:])"""
    for b in range(gates.shape[0]):
        for i in range(width):
            z[b, i] = tanh(gates[b, i]) * (f32(0.5) + f32(0.5) * tanh(f32(0.5) * gates[b, width + i]))


@numba.njit(**FAST)
def fill(y, bias):  # type: ignore[no-untyped-def]
    """Each row of y (rows, padded outputs) = bias (outputs,), and zeros after it."""
    for b in range(y.shape[0]):
        for o in range(bias.size):
            y[b, o] = bias[o]
        for o in range(bias.size, y.shape[1]):
            y[b, o] = f32(0.0)


@numba.njit(**FAST)
def rectify(y):  # type: ignore[no-untyped-def]
    for b in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[b, o] = max(y[b, o], f32(0.0))


@numba.njit(**FAST)
def look_ahead(ring, step, dilation, condition, weights, bias, heard, gates):  # type: ignore[no-untyped-def]
    """gates (n × batch, outputs) of the samples from `step` on, as far as they depend on what came before it.

    ring ((taps - 1) × dilation, batch, width), condition (n, batch, conditions), heard: working space for the input.
    """
    n_batch, width, length = ring.shape[1], ring.shape[2], ring.shape[0]
    conditions, taps = condition.shape[2], length // dilation
    n_in = taps * width + conditions
    for row in range(gates.shape[0]):
        ahead, b = row // n_batch, row % n_batch
        for tap in range(taps):
            slot = (step + ahead + tap * dilation) % length
            for i in range(width):
                heard[row, tap * width + i] = ring[slot, b, i]
        for i in range(conditions):
            heard[row, taps * width + i] = condition[ahead, b, i]
    fill(gates, bias)
    add_product(heard[: gates.shape[0]], n_in, weights, gates)


@numba.njit(**FAST)
def remember(ring, slot, x, bias):  # type: ignore[no-untyped-def]
    """ring[slot] = x (batch, width); then x += bias, that of the block's output."""
    for b in range(ring.shape[1]):
        for i in range(ring.shape[2]):
            ring[slot, b, i] = x[b, i]
            x[b, i] += bias[i]


@numba.njit(**FAST)
def hear(x, last, before, now, levels):  # type: ignore[no-untyped-def]
    """x (batch, width): the first convolution over the two levels `last` (batch, 2). `levels`: their number if they are
    scaled instead of looked up, else 0."""
    step = f32(2.0 / max(1, levels - 1))
    for b in range(x.shape[0]):
        earlier, later = last[b, 0], last[b, 1]
        for i in range(before.shape[1]):
            if levels:
                x[b, i] = (earlier * step - f32(1.0)) * before[0, i] + (later * step - f32(1.0)) * now[0, i]
            else:
                x[b, i] = before[earlier, i] + now[later, i]


@numba.njit(**EXACT)
def go_through(weights, memory, condition, step, t):  # type: ignore[no-untyped-def]
    """z of all blocks for sample `t` of this call, which is sample `step` of the pieces."""
    gates, x, width = memory.gates, memory.x, weights.before.shape[1]
    cut = width * gates.shape[3]  # where the weights of the gates end and those to the next block start
    for block in range(memory.dilations.size):
        ring = memory.rings[memory.firsts[block] : memory.firsts[block + 1]]
        dilation, nearest, z = memory.dilations[block], weights.nearest[block], memory.z[block]
        span = min(dilation, gates.shape[1])
        if t % span == 0:
            told = condition[t : t + span]
            coming = gates[block].reshape(-1, gates.shape[3])[: told.shape[0] * x.shape[0]]
            look_ahead(ring, step, dilation, told, weights.past[block], weights.biases[block], memory.heard, coming)
        here = gates[block, t % span]
        add_product(x, width, nearest[:cut], here)
        remember(ring, step % ring.shape[0], x, weights.out_biases[block])
        gate(here, z, width)
        add_product(z, width, nearest[cut:], x)


@numba.njit(**EXACT)
def answer(weights, memory):  # type: ignore[no-untyped-def]
    """logits (batch, outputs) from z of all blocks."""
    skip, hidden, logits = memory.skip, memory.hidden, memory.logits
    fill(skip, weights.skip_bias)
    for block in range(memory.z.shape[0]):
        add_product(memory.z[block], memory.z.shape[2], weights.skips[block], skip)
    rectify(skip)
    fill(hidden, weights.dense_bias)
    add_product(skip, weights.skip_bias.size, weights.dense, hidden)
    rectify(hidden)
    fill(logits, weights.head_bias)
    add_product(hidden, weights.dense_bias.size, weights.head, logits)


@numba.njit(**EXACT)
def run(weights, memory, state, step, given, noise, turns, uniform, condition, foretold, rules, made, kept):  # type: ignore[no-untyped-def]
    """Generate or read `given.shape[0]` samples.

    Args:
        weights, memory: see `weight_layout`; state: see `expecting`. Memory and state are updated.
        step: number of the first sample since the memory was empty.
        given (n, batch): levels to read instead of sampling; -1 to sample. noise (n, batch), turns (batch,): applied
            to each level before it is read.
        uniform (n, batch): numbers in [0, 1). condition (n, batch, conditions). foretold: factors (frames, batch,
            order) and errors (frames, batch) of a forecast, and the frame of each sample (n,). rules: (temperature,
            top_p), and the number of levels if outputs are mixtures, else 0.
        made (n, batch): the levels. kept (n, batch, outputs) or empty: the logits, for tests.
    """
    temperature, top_p, levels = rules
    factors, errors, frames = foretold
    last, has_forecast = memory.last, weights.expected.shape[0] > 0
    n_outputs = weights.head_bias.size - has_forecast
    highest = (levels or n_outputs) - 1
    for t in range(given.shape[0]):
        hear(memory.x, last, weights.before, weights.now, levels)
        if has_forecast:
            expect(state, factors[frames[t]], errors[frames[t]], step + t)
            tell_network(state, weights.expected, memory.x)
        go_through(weights, memory, condition, step + t, t)
        answer(weights, memory)
        for b in range(last.shape[0]):
            if has_forecast:
                around(state, b, memory.logits[b])
            answers, level = memory.logits[b, :n_outputs], given[t, b]
            for o in range(kept.shape[2]):
                kept[t, b, o] = answers[o]
            if level < 0 and levels:
                level = pick_from_mixture(answers, uniform[t, b], temperature, levels)
            elif level < 0:
                level = pick(answers, uniform[t, b], temperature, top_p)
            made[t, b] = level
            last[b, 0], last[b, 1] = last[b, 1], heard_as(level, noise[t, b], turns[b], levels, highest)
            if has_forecast:
                learn(state, b, step + t, level)
