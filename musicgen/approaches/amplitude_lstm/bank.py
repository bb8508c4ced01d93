"""A bank of linear predictors: each models how one kind of moment in the songs rings on.

A frame of sound is then two numbers: which predictor fits it best, and how loud the predictor's error is (a level: the
loudness of each part of the frame). A predictor rings on the pitches it was fitted to; its error is the excitation,
like a strike or a breath. This is linear predictive coding with a codebook (Markel and Gray, Linear prediction of
speech, 1976), fitted to music with Lloyd's algorithm on the energy of the prediction error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.amplitude_lstm.bank_playing import NOISE_FLOOR as SOFT_FLOOR
from musicgen.approaches.amplitude_lstm.bank_playing import Playing, expected_loudness, solve
from musicgen.approaches.amplitude_lstm.prediction_errors import error_energies

Samples = NDArray[np.float32]

N_PARTS = 4  # of a frame: the loudness of an attack changes faster than its pitches
WINDOW_HOPS = 8  # a predictor is fitted to windows this many hops long: neighbouring frames share what rings
MAX_WINDOWS = 4_000
WINDOWS_AT_ONCE = 64  # transformed together
MOST_LEVEL_SAMPLES = 1 << 19  # loudness patterns are found on so much of the music
ROUNDS = 6
NOISE_FLOOR = 1e-9  # for prediction, -90 dB: just enough to keep the equations solvable
COMMON = 1e-3  # share of all of the music in what each predictor is fitted to, so that it knows every pitch
QUIETEST = 1e-5  # of the RMS of the songs: anything below is silence, so its logarithm is not taken


@dataclass(frozen=True)
class Predictors:
    """What a bank measures frames with.

    Attributes:
        weights: float32 (n_predictors, order), newest sample first.
        levels: float32 (n_levels, N_PARTS), logarithm of the standard deviation of the error in each part of a frame.
        hop_length: samples in a frame.
    """

    weights: NDArray[np.float32]
    levels: NDArray[np.float32]
    hop_length: int

    @property
    def order(self) -> int:
        return int(self.weights.shape[1])

    @property
    def n_predictors(self) -> int:
        return int(self.weights.shape[0])

    @property
    def n_levels(self) -> int:
        return int(self.levels.shape[0])

    def energies(self, samples: Samples) -> NDArray[np.float32]:
        """Energy of each predictor's error in each part of each frame, (n_frames, n_predictors, N_PARTS)."""
        n_frames = samples.size // self.hop_length
        made = error_energies(samples, self.weights, self.hop_length // N_PARTS, n_frames * N_PARTS)
        return np.ascontiguousarray(made.reshape(self.n_predictors, n_frames, N_PARTS).transpose(1, 0, 2))

    def missed(self, samples: Samples, number: int) -> NDArray[np.float64]:
        """Sample minus prediction of one predictor, same shape; there is silence before the start."""
        from scipy.signal import oaconvolve

        kernel = np.concatenate([[1.0], -self.weights[number].astype(np.float64)])
        return oaconvolve(samples.astype(np.float64), kernel)[: samples.size]

    def log_likelihood(self, energies: NDArray[np.floating]) -> NDArray[np.float64]:
        """Of each frame under each pair of predictor and level, (n_frames, n_predictors, n_levels), in nats."""
        per_part = self.hop_length // N_PARTS
        constant = per_part * self.levels.astype(np.float64).sum(axis=1) + 0.5 * self.hop_length * np.log(2 * np.pi)
        precision = 0.5 * np.exp(-2.0 * self.levels.astype(np.float64))
        return -(energies @ precision.T) - constant

    def codes(self, energies: NDArray[np.floating]) -> NDArray[np.int32]:
        """(predictor, level) that fits each frame best, (n_frames, 2)."""
        likelihood = self.log_likelihood(energies)
        flat = likelihood.reshape(len(energies), self.n_predictors * self.n_levels).argmax(axis=1)
        return np.stack(np.divmod(flat, self.n_levels), axis=1).astype(np.int32)


@dataclass(frozen=True)
class Bank(Predictors):
    """Predictors that can be played. `playing`: how they sound."""

    playing: Playing

    def to_json(self) -> dict[str, Any]:
        return {
            "weights": self.weights.tolist(),
            "levels": self.levels.tolist(),
            "hop_length": self.hop_length,
            "playing": self.playing.to_json(),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Bank:
        weights, levels = (np.array(document[name], dtype=np.float32) for name in ("weights", "levels"))
        return cls(weights, levels, int(document["hop_length"]), Playing.from_json(document["playing"]))


def fit_bank(
    series: Sequence[Samples], *, order: int, n_predictors: int, n_levels: int, hop_length: int, seed: int = 0
) -> Bank:
    """The bank of some music: series in network units, at least one of them longer than a frame."""
    rng = np.random.default_rng([seed, 8])
    together = np.concatenate(list(series))[:MOST_LEVEL_SAMPLES].astype(np.float64)
    quietest = max(float(np.sqrt(np.mean(together**2))), 1e-9) * QUIETEST
    correlations = _correlations(series, order, hop_length, quietest)
    kinds = _kinds(correlations, min(n_predictors, max(1, len(correlations) // 4)), rng)
    kinds = _filled(kinds, n_predictors)
    weights = np.array([solve(each, NOISE_FLOOR) for each in kinds], dtype=np.float32)
    heard = [samples[: max(hop_length, MOST_LEVEL_SAMPLES // len(series))] for samples in series]
    unstruck = Predictors(weights, np.zeros((1, N_PARTS), np.float32), hop_length)
    energies = np.concatenate([unstruck.energies(samples) for samples in heard])
    logs = 0.5 * np.log(energies.min(axis=1) / (hop_length // N_PARTS) + quietest**2)
    levels = _filled(_levels(logs, n_levels, rng), n_levels).astype(np.float32)
    predictors = Predictors(weights, levels, hop_length)
    playing = _playing(predictors, kinds, heard, predictors.codes(energies), quietest)
    return Bank(weights, levels, hop_length, playing)


def _playing(
    predictors: Predictors,
    kinds: NDArray[np.float64],
    heard: Sequence[Samples],
    codes: NDArray[np.int32],
    quietest: float,
) -> Playing:
    """How the bank sounds. heard: stretches, codes: of their frames, (n_frames, 2)."""
    hop = predictors.hop_length
    soft = np.array([solve(each, SOFT_FLOOR) for each in kinds], dtype=np.float32)
    played = np.concatenate([replace(predictors, weights=soft).energies(samples) for samples in heard])
    own = played[np.arange(len(codes)), codes[:, 0]]
    logs = 0.5 * np.log(own / (hop // N_PARTS) + quietest**2)
    used = np.bincount(codes[:, 1], minlength=predictors.n_levels)
    sums = [np.bincount(codes[:, 1], logs[:, part], minlength=predictors.n_levels) for part in range(N_PARTS)]
    struck = np.where(used[:, None] > 0, np.array(sums).T / np.maximum(used, 1)[:, None], predictors.levels)
    frames = np.concatenate([samples[: samples.size // hop * hop].reshape(-1, hop) for samples in heard])
    loud = 0.5 * np.log((frames.astype(np.float64) ** 2).mean(axis=1) + quietest**2)
    expected = expected_loudness(loud, codes, 0.5 * np.log(np.exp(2 * struck).mean(axis=1)), predictors.n_predictors)
    spread = float(np.std(loud - expected[codes[:, 0], codes[:, 1]]))
    peak = max(float(np.abs(samples).max(initial=0.0)) for samples in heard)
    arrays = (kinds.astype(np.float32), struck.astype(np.float32), expected.astype(np.float32))
    return Playing(*arrays, spread, peak)


def _filled(rows: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """As many rows as were asked for: with little music there are fewer, so the last one is repeated."""
    return np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])


def _correlations(series: Sequence[Samples], order: int, hop_length: int, quietest: float) -> NDArray[np.float64]:
    """Autocorrelation of windows that follow each other by a hop, each divided by its energy; silence is left out."""
    length = WINDOW_HOPS * hop_length
    window = np.hanning(length)
    size = 1 << (length + order).bit_length()
    starts = [(number, at) for number, each in enumerate(series) for at in range(0, each.size - length, hop_length)]
    if not starts:  # shorter than a window: take it whole
        series = [np.pad(each, (0, max(0, length + 1 - each.size))) for each in series]
        starts = [(number, 0) for number in range(len(series))]
    chosen = starts[:: -(-len(starts) // MAX_WINDOWS)]
    found = []
    for first in range(0, len(chosen), WINDOWS_AT_ONCE):
        pieces = np.stack([series[number][at : at + length] for number, at in chosen[first : first + WINDOWS_AT_ONCE]])
        spectra = np.fft.rfft(pieces * window, size, axis=1)
        correlations = np.fft.irfft(np.abs(spectra) ** 2, size, axis=1)[:, : order + 1]
        heard = correlations[correlations[:, 0] > length * quietest**2]
        found.append(heard / heard[:, :1])
    together = np.concatenate(found)
    return together if len(together) else np.eye(1, order + 1)


def _kinds(correlations: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Lloyd's algorithm: each window goes to the predictor with the least error, which is then fitted to its windows.

    Returns:
        The autocorrelation that each predictor is fitted to, (count, order + 1).
    """
    every = correlations.mean(axis=0)
    made, weights = [every], [solve(every, NOISE_FLOOR)]
    least = np.full(len(correlations), np.inf)
    while len(made) < count:  # add one where the error of the others is largest
        least = np.minimum(least, _missed(correlations, np.array(weights[-1:]))[:, 0])
        missed = np.log(least)
        chance = missed - missed.min() + 1e-9
        near = int(rng.choice(len(correlations), p=chance / chance.sum()))
        made.append(correlations[max(0, near - 3) : near + 4].mean(axis=0))
        weights.append(solve(made[-1], NOISE_FLOOR))
    before = np.full(len(correlations), -1)
    for _ in range(ROUNDS):
        nearest = _missed(correlations, np.array(weights)).argmin(axis=1)
        changed = set(before[nearest != before].tolist()) | set(nearest[nearest != before].tolist())
        for number in changed - {-1}:
            mine = correlations[nearest == number]
            if len(mine) > 2:
                made[number] = mine.mean(axis=0)
                weights[number] = solve(made[number], NOISE_FLOOR)
        before = nearest
    return (np.array(made) + COMMON * every) / (1 + COMMON)


def _missed(correlations: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Error of each predictor as a share of each window's energy, (n_windows, n_predictors)."""
    kernels = np.concatenate([np.ones((len(weights), 1)), -weights], axis=1)
    size = 1 << (2 * kernels.shape[1]).bit_length()
    own = np.fft.irfft(np.abs(np.fft.rfft(kernels, size, axis=1)) ** 2, axis=1)[:, : kernels.shape[1]]
    own[:, 1:] *= 2
    return np.maximum(correlations @ own.T, 1e-9)


def _levels(logs: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The k-means centres of the frames' loudness patterns, from quiet to loud."""
    centres = np.unique(logs, axis=0)
    if len(centres) > count:
        centres = centres[rng.choice(len(centres), count, replace=False)]
        for _ in range(ROUNDS * 2):
            nearest = ((logs[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
            used = np.unique(nearest)
            centres[used] = [logs[nearest == number].mean(axis=0) for number in used]
    return centres[np.argsort(centres.sum(axis=1))]
