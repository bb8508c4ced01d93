"""Sound from a network that plays a bank of predictors: choices first, then the samples that follow from them.

Knows no files and no songs. The random numbers come from the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.amplitude_lstm.bank import N_PARTS, Bank, Samples
from musicgen.approaches.amplitude_lstm.bank_network import BankStepper
from musicgen.networks.backend import compiled, ops
from musicgen.sampling.rules import Rules
from musicgen.sampling.token_sampler import hear, sample

FRAMES_PER_CALL = 16
FRAMES_HEARD = 576
WARM_UP = 64
BOUND = 1e3
MOST_GAIN = 3.0  # on the struck part, if a frame would be too quiet


def choose_codes(
    stepper: BankStepper,
    prompt: NDArray[np.int32],
    uniform: NDArray[np.float32],
    temperature: float,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.int32]:
    """Predictor and level of each new frame after the prompt's, (batch, n_frames, 2).

    Args:
        prompt: codes of its frames, (batch, n, 2). uniform: (batch, n_frames, 2) in [0, 1).
        temperature: of the choices; 0 always takes the likeliest. progress: called with the number of frames chosen.
    """
    begin = stepper.start(uniform.shape[0])
    if prompt.shape[1]:
        begin = hear(stepper, begin, prompt)
    rules = Rules(temperature) if temperature else Rules(greedy=True)
    return sample(stepper, begin, uniform, rules, progress=progress)


def play_codes(
    bank: Bank,
    codes: NDArray[np.int32],
    history: Samples,
    noise: Samples,
    *,
    limit: float,
    progress: Callable[[Samples], None] = lambda made: None,
) -> Samples:
    """The samples that a series of codes makes: the chosen predictor continues the sound, driven by noise as loud as
    the chosen level; see bank_playing for what keeps that within bounds.

    Args:
        codes: (batch, n_frames, 2). history: (batch, order), what sounded before. noise: (batch, n_frames · hop).
        limit: full scale; nothing is louder. progress: called with the samples made so far, (batch, n).

    Returns:
        (batch, n_frames · hop).
    """
    batch_size, n_frames, _ = codes.shape
    hop, per_call, playing = bank.hop_length, FRAMES_PER_CALL, bank.playing
    made = np.empty((batch_size, n_frames * hop), dtype=np.float32)
    kernels, index = playing.kernels(codes[:, :, 0], lambda: progress(made[:, :0]))
    kernels = np.ascontiguousarray(_rounded_up(kernels)[:, ::-1])  # oldest sample first, as the history lies
    struck = noise * np.exp(np.repeat(playing.levels[codes[:, :, 1]], hop // N_PARTS, axis=2)).reshape(noise.shape)
    loudness = playing.loudness[codes[:, :, 0], codes[:, :, 1]]
    peak = min(limit, playing.peak)
    run = compiled(lambda *given: _play_frames(*given, spread=playing.spread, peak=peak))
    for first in range(0, n_frames, per_call):
        count = min(per_call, n_frames - first)
        at = slice(first * hop, (first + count) * hop)
        given = (
            _turned(index[:, first * N_PARTS : (first + count) * N_PARTS], per_call * N_PARTS),
            _turned(struck[:, at], per_call * hop),
            _turned(loudness[:, first : first + count], per_call),
        )
        samples, history = run(history, *given, kernels)
        made[:, at] = np.asarray(samples).reshape(-1, batch_size).T[:, : count * hop]
        progress(made[:, : at.stop])
    return made


def _play_frames(
    history: Any, index: Any, struck: Any, loudness: Any, kernels: Any, *, spread: float, peak: float
) -> tuple[Any, Any]:
    """index (n_frames · parts, batch), struck (n_frames · hop, batch), loudness (n_frames, batch) → (samples of each
    frame (n_frames, hop, batch), history)."""
    n_frames, batch_size = loudness.shape
    hop = struck.shape[0] // n_frames
    part = hop // N_PARTS

    order = history.shape[1]

    def ring(number: Any, heard: Any) -> Any:
        """One part of a frame. What rings on and what is newly struck are kept apart (the sound is their sum)."""
        kernel = ops.take(kernels, index[number], axis=0)
        first = number * part

        def body(t: Any, heard: Any) -> Any:
            at = t % hop
            value = ops.sum(ops.slice(heard, (0, 0, at), (2, batch_size, order)) * kernel, axis=2)
            # Music never reaches this bound; without it, a frame that rings up would end in NaN.
            value = ops.clip(value + ops.stack([ops.zeros((batch_size,)), struck[t]]), -BOUND * peak, BOUND * peak)
            return t + 1, ops.slice_update(heard, (0, 0, order + at), value[:, :, None])

        return ops.while_loop(lambda t, _: t < first + part, body, (first, heard), maximum_iterations=part)[1]

    def play(number: Any, history: Any, made: Any) -> Any:
        before = ops.stack([history, ops.zeros_like(history)])
        heard = ops.concatenate([before, ops.zeros((2, batch_size, hop))], axis=2)
        for piece in range(N_PARTS):
            heard = ring(number * N_PARTS + piece, heard)
        ringing, added = ops.transpose(heard[0, :, order:]), ops.transpose(heard[1, :, order:])
        samples = _as_loud(ringing, added, loudness[number], spread, peak)
        history = ops.concatenate([history, ops.transpose(samples)], axis=1)[:, -order:]
        return number + 1, history, ops.slice_update(made, (number, 0, 0), samples[None])

    begin = (ops.convert_to_tensor(0, "int32"), history, ops.zeros((n_frames, hop, batch_size)))
    end = ops.while_loop(lambda number, *_: number < n_frames, play, begin, maximum_iterations=n_frames)
    return end[2], end[1]


def _as_loud(ringing: Any, struck: Any, loudness: Any, spread: float, peak: float) -> Any:
    """What rings, plus enough of what is struck to make the frame as loud as it should be: (hop, batch). If what rings
    is too loud by itself, it is faded within the frame."""
    power = ops.mean(ringing * ringing, axis=0)
    own = ops.mean(struck * struck, axis=0) + 1e-20
    shared = ops.mean(ringing * struck, axis=0)
    least, most = ops.exp(2.0 * (loudness - spread)), ops.exp(2.0 * (loudness + spread))
    wanted = ops.clip(power + 2.0 * shared + own, least, most)
    inside = shared * shared + own * (wanted - power)
    gain = ops.where(inside > 0, (ops.sqrt(ops.maximum(inside, 0.0)) - shared) / own, 0.0)
    room = ops.maximum(peak - ringing * ops.sign(struck), 0.0) / (ops.absolute(struck) + 1e-20)
    gain = ops.clip(gain, 0.0, ops.minimum(MOST_GAIN, ops.min(room, axis=0)))
    samples = ringing + gain * struck
    power = ops.mean(samples * samples, axis=0) + 1e-20
    fade = ops.minimum(
        1.0, ops.minimum(ops.sqrt(most / power), peak / (ops.max(ops.absolute(samples), axis=0) + 1e-20))
    )
    ramp = ops.arange(1, samples.shape[0] + 1, dtype="float32")[:, None] / samples.shape[0]
    return ops.clip(samples * (1.0 + ramp * (fade - 1.0)), -peak, peak)


def _turned(rows: NDArray[Any], length: int) -> NDArray[Any]:
    """(batch, n) → (length, batch), zeros at the end."""
    made = np.zeros((length, rows.shape[0]), dtype=rows.dtype)
    made[: rows.shape[1]] = rows.T
    return made


def _rounded_up(rows: Samples) -> Samples:
    """With rows of zeros at the end, so that few different shapes have to be compiled."""
    count = 256 * -(-len(rows) // 256)
    return np.concatenate([rows, np.zeros((count - len(rows), rows.shape[1]), rows.dtype)])


def frame_priors(model: Any, bank: Bank, codes: NDArray[np.int32]) -> NDArray[np.float32]:
    """What the network predicts for every frame of given sound, from the frames before it: log probability of each
    pair, (n_frames, n_predictors, n_levels). Long sounds are read in pieces that overlap by a warm-up."""
    mark = np.array([[bank.n_predictors, bank.n_levels]], dtype=np.int32)
    previous = np.concatenate([mark, codes[:-1]])
    run, stride = compiled(model, model), FRAMES_HEARD - WARM_UP
    made = []
    for first in range(0, len(codes), stride):
        begin = max(0, first - WARM_UP)
        piece = previous[begin : first + stride]
        padded = np.zeros((1, FRAMES_HEARD, 2), dtype=np.int32)
        padded[0, : len(piece)] = piece
        made.append(np.asarray(run(padded))[0, first - begin : len(piece)])
    return np.concatenate(made)


def guess_samples(
    bank: Bank, samples: Samples, prior: NDArray[np.floating], progress: Callable[[Samples], None] = lambda made: None
) -> Samples:
    """One-step predictions of given sound: those of the predictors, weighted by the network's prior for the frame and
    by how well each has done in the frame so far.

    Args:
        samples: (n_frames · hop,). prior: of each frame, see `frame_priors`.
        progress: called with the predictions so far, (1, n).

    Returns:
        Same shape as `samples`.
    """
    made = np.empty_like(samples)
    for first in range(0, len(prior), FRAMES_HEARD):  # some at a time: every predictor predicts every sample
        piece = prior[first : first + FRAMES_HEARD]
        start, stop = first * bank.hop_length, (first + len(piece)) * bank.hop_length
        before = min(start, bank.order)
        missed = [bank.missed(samples[start - before : stop], k)[before:] for k in range(bank.n_predictors)]
        made[start:stop] = samples[start:stop] - _weighed(bank, np.array(missed), piece)
        progress(made[None, :stop])
    return made


def _weighed(bank: Bank, missed: NDArray[np.float64], prior: NDArray[np.floating]) -> NDArray[np.float64]:
    """Error of the weighted prediction, (n_frames · hop,). missed: of each one, (n_predictors, n_frames · hop)."""
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
