"""Sound from a network that plays a bank of predictors: choices first, then the samples that follow from them.

Knows no files and no songs. Chance comes in as numbers that the caller drew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.bank import N_PARTS, Bank, Samples
from musicgen.networks.backend import compiled, ops
from musicgen.networks.bank import BankStepper
from musicgen.sampling.decoding import Rules
from musicgen.sampling.tokens import hear, sample

FRAMES_PER_CALL = 16
FRAMES_HEARD = 576
WARM_UP = 64


def choose_codes(
    stepper: BankStepper, prompt: NDArray[np.int32], uniform: NDArray[np.float32], temperature: float
) -> NDArray[np.int32]:
    """Predictor and level of each new frame after the prompt's, (batch, n_frames, 2).

    Args:
        prompt: codes of the frames heard, (batch, n, 2). uniform: (batch, n_frames, 2) in [0, 1).
        temperature: of the choices; 0 always takes the likeliest.
    """
    begin = stepper.start(uniform.shape[0])
    if prompt.shape[1]:
        begin = hear(stepper, begin, prompt)
    rules = Rules(temperature) if temperature else Rules(greedy=True)
    return sample(stepper, begin, uniform, rules)


def play_codes(
    bank: Bank,
    codes: NDArray[np.int32],
    history: Samples,
    noise: Samples,
    *,
    limit: float,
    progress: Callable[[int], None] = lambda done: None,
) -> Samples:
    """The samples that a series of codes makes: each the chosen predictor's guess from those before it, plus noise as
    loud as the chosen level.

    Args:
        codes: (batch, n_frames, 2). history: (batch, order), what sounded before. noise: (batch, n_frames · hop).
        limit: full scale; what is fed back stays within ± limit.

    Returns:
        (batch, n_frames · hop).
    """
    batch_size, n_frames, _ = codes.shape
    per_call, n_samples = FRAMES_PER_CALL, FRAMES_PER_CALL * bank.hop_length
    weights = np.ascontiguousarray(bank.weights[:, ::-1])  # oldest sample first, as the history lies
    struck = noise * np.exp(np.repeat(bank.levels[codes[:, :, 1]], bank.hop_length // N_PARTS, axis=2)).reshape(
        batch_size, -1
    )

    def play(history: Any, chosen: Any, struck: Any, weights: Any) -> tuple[Any, Any]:
        def body(t: Any, history: Any, made: Any) -> Any:
            kernel = ops.take(weights, chosen[t // bank.hop_length], axis=0)  # (batch, order)
            value = ops.clip(ops.sum(history * kernel, axis=1) + struck[t], -limit, limit)
            history = ops.concatenate([history[:, 1:], value[:, None]], axis=1)
            return t + 1, history, ops.slice_update(made, (t, 0), value[None])

        start = (ops.convert_to_tensor(0, "int32"), history, ops.zeros(struck.shape))
        end = ops.while_loop(lambda t, *_: t < n_samples, body, start, maximum_iterations=n_samples)
        return end[2], end[1]

    run, made = compiled(play), np.empty((batch_size, n_frames * bank.hop_length), dtype=np.float32)
    for first in range(0, n_frames, per_call):
        chosen = np.zeros((per_call, batch_size), dtype=np.int32)
        given = np.zeros((n_samples, batch_size), dtype=np.float32)
        at = slice(first * bank.hop_length, min(first + per_call, n_frames) * bank.hop_length)
        piece = codes[:, first : first + per_call, 0]
        chosen[: piece.shape[1]] = piece.T
        given[: at.stop - at.start] = struck[:, at].T
        samples, history = run(history, chosen, given, weights)
        made[:, at] = np.asarray(samples).T[:, : at.stop - at.start]
        progress(at.stop)
    return made


def frame_priors(model: Any, bank: Bank, codes: NDArray[np.int32]) -> NDArray[np.float32]:
    """What the network expects of every frame of given sound, from the frames before it: log probability of each pair,
    (n_frames, n_predictors, n_levels). Long sounds are heard in pieces that overlap by a warm-up."""
    mark = np.array([[bank.n_predictors, bank.n_levels]], dtype=np.int32)
    previous = np.concatenate([mark, codes[:-1]])
    run, stride = compiled(model, model, key="expect"), FRAMES_HEARD - WARM_UP
    made = []
    for first in range(0, len(codes), stride):
        begin = max(0, first - WARM_UP)
        piece = previous[begin : first + stride]
        padded = np.zeros((1, FRAMES_HEARD, 2), dtype=np.int32)
        padded[0, : len(piece)] = piece
        made.append(np.asarray(run(padded))[0, first - begin : len(piece)])
    return np.concatenate(made)


def guess_samples(
    bank: Bank, samples: Samples, prior: NDArray[np.floating], progress: Callable[[int], None] = lambda done: None
) -> Samples:
    """One-step guesses of given sound: the predictors' guesses, weighed by what the network expects of the frame and
    by how each has done in the frame so far.

    Args:
        samples: (n_frames · hop,). prior: of each frame, see `frame_priors`.

    Returns:
        Same shape as `samples`.
    """
    made = np.empty_like(samples)
    for first in range(0, len(prior), FRAMES_HEARD):  # some at a time: every predictor guesses every sample
        piece = prior[first : first + FRAMES_HEARD]
        start, stop = first * bank.hop_length, (first + len(piece)) * bank.hop_length
        before = min(start, bank.order)
        missed = [bank.missed(samples[start - before : stop], k)[before:] for k in range(bank.n_predictors)]
        made[start:stop] = samples[start:stop] - _weighed(bank, np.array(missed), piece)
        progress(stop)
    return made


def _weighed(bank: Bank, missed: NDArray[np.float64], prior: NDArray[np.floating]) -> NDArray[np.float64]:
    """What the weighed guess misses. missed: of each predictor, (n_predictors, n_frames · hop); → (n_frames · hop,)."""
    n_frames, part = len(prior), bank.hop_length // N_PARTS
    parts = missed.reshape(bank.n_predictors, n_frames, N_PARTS, part)
    precision = 0.5 * np.exp(-2.0 * bank.levels.astype(np.float64))  # (n_levels, parts)
    weight, made = prior.astype(np.float64), np.empty((n_frames, N_PARTS, part))
    for number in range(N_PARTS):
        chance = np.exp(weight - weight.max(axis=(1, 2), keepdims=True)).sum(axis=2)  # (n_frames, n_predictors)
        chance /= chance.sum(axis=1, keepdims=True)
        made[:, number] = np.einsum("fk,kft->ft", chance, parts[:, :, number])
        energy = (parts[:, :, number] ** 2).sum(axis=2).T  # (n_frames, n_predictors)
        weight = weight - energy[:, :, None] * precision[:, number] - part * bank.levels[:, number]
    return made.reshape(-1)
