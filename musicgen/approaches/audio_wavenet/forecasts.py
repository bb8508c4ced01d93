"""What linear prediction expects of the next sample: a weighted sum of the ones before it. The weights are found anew
every hundredth of a second from the sound that is told, with an order high enough for the partials of a chord (linear
predictive coding; J. Makhoul, Linear prediction: a tutorial review, 1975; for a network of samples J.-M. Valin and
J. Skoglund, LPCNet, 2019, with a low order). So the network only has to learn how the sound differs from that: attacks,
noise, and how partials lie against each other. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.ndimage import uniform_filter1d
from scipy.special import logsumexp

from musicgen.approaches.audio_wavenet.conditions import hop
from musicgen.approaches.audio_wavenet.mu_law import mu_law_to_samples

ORDER_SECONDS = 0.032
LONGEST_ORDER = 512
WINDOW_HOPS = 16  # a sixth of a second
# Share of white noise that is added. What was made is summed again: mu-law's noise (-38 dB) grows in that by as much as
# a tone stands out of the noise, at most by 30 dB with this share. More than 38 dB, and it would grow for ever.
WHITE = 1e-3
LEAST_ERROR = 1e-4  # below the distance of two mu-law levels
ERROR_SCALE = 0.2  # of the logarithm of the usual error, as the network reads it
USUAL_DEVIATION = 1.64  # standard deviation of what is drawn by `level_nats`, as a multiple of the error
SURE = 5.0  # logarithm of how much surer or less sure than usual the network may make a forecast, at most

Floats = NDArray[np.float32]


class Foretold(NamedTuple):
    """Of each frame of some sounds.

    Attributes:
        factors (n, n_frames, order): of the samples before the next one, the latest last.
        errors (n, n_frames): how far the sound itself is from what they expect, on average.
        sustaining (n, n_frames): the same, but at least so far that a sound with these factors is as loud as this one.
            A steady tone is expected almost exactly; left to itself, it would die away.
    """

    factors: Floats
    errors: Floats
    sustaining: Floats


@dataclass(frozen=True)
class LinearForecast:
    """Sizes in samples: `order` of them are summed; factors come from a `window` around a frame of `hop` samples."""

    order: int
    window: int
    hop: int

    @classmethod
    def at(cls, sample_rate: int) -> LinearForecast:
        step = hop(sample_rate)
        return cls(min(max(1, round(ORDER_SECONDS * sample_rate)), LONGEST_ORDER), WINDOW_HOPS * step, step)

    @property
    def margin(self) -> int:
        """Samples before and after a frame that its factors depend on, and that its error does; whole frames."""
        return -(-max(self.window // 2, self.order) // self.hop) * self.hop

    def foretell(self, sound: Floats) -> Foretold:
        """Of the frames of `sound` (n, margin + n_samples + margin); the last one may be shorter than a hop."""
        n, n_frames = len(sound), -(-(sound.shape[1] - 2 * self.margin) // self.hop)
        length = self.hop * n_frames + 2 * self.margin
        padded = np.pad(sound, ((0, 0), (0, length - sound.shape[1]))).astype(np.float64)
        first = self.margin + self.hop // 2 - self.window // 2
        windows = sliding_window_view(padded[:, first:], self.window, axis=1)[:, : self.hop * n_frames : self.hop]
        windowed = windows.reshape(-1, self.window) * np.hanning(self.window)
        power = np.abs(np.fft.rfft(windowed, 2 * self.window, axis=1)) ** 2
        likeness = np.fft.irfft(power, axis=1)[:, : self.order + 1]
        likeness[:, 0] = likeness[:, 0] * (1 + WHITE) + self.window * LEAST_ERROR**2
        factors = [solve_toeplitz(each[:-1], each[1:], check_finite=False)[::-1] for each in likeness]
        found = np.array(factors, dtype=np.float32).reshape(n, n_frames, self.order)
        heard = padded[:, self.margin - self.order : length - self.margin].astype(np.float32)
        away = np.abs(heard[:, self.order :] - self.expected(heard, found))
        errors = np.maximum(away.reshape(n, n_frames, self.hop).mean(axis=2), LEAST_ERROR)
        # Linear prediction's own error, of which the power of the whole sound follows.
        own = [each[0] - each[1:] @ weights[::-1] for each, weights in zip(likeness, factors, strict=True)]
        power = np.reshape(own, (n, n_frames)) / (np.hanning(self.window) ** 2).sum()
        usual = uniform_filter1d(errors**2, WINDOW_HOPS // 2, axis=1, mode="nearest")
        lift = np.sqrt(np.maximum(power / (USUAL_DEVIATION**2 * usual), 1.0))
        return Foretold(found, errors.astype(np.float32), (errors * lift).astype(np.float32))

    def expected(self, heard: Floats, factors: Floats) -> Floats:
        """(n, n_frames × hop) samples from `order` on; heard (n, order + n_frames × hop), factors (n, n_frames, order).
        The last sample that was heard is not read."""
        length = self.order + self.hop - 1
        sums = [
            np.correlate(sound[frame * self.hop :][:length], weights, "valid")
            for sound, of_sound in zip(heard, factors, strict=True)
            for frame, weights in enumerate(of_sound)
        ]
        return np.clip(np.reshape(sums, (len(heard), -1)), -1.0, 1.0)

    def forecasts(self, heard: Floats, foretold: Foretold) -> Floats:
        """(n, n_frames × hop, 2): what is expected, and how far off that usually is; see `expected`."""
        errors = np.repeat(foretold.errors, self.hop, axis=1)
        return np.stack([self.expected(heard, foretold.factors), errors], axis=-1).astype(np.float32)


@cache
def level_samples() -> tuple[Floats, Floats]:
    """(sample of each of the 256 mu-law levels, how wide each is)"""
    samples = mu_law_to_samples(np.arange(256), 256).astype(np.float64)
    between = (samples[1:] + samples[:-1]) / 2
    edges = np.concatenate([[2 * samples[0] - between[0]], between, [2 * samples[-1] - between[-1]]])
    return samples.astype(np.float32), np.diff(edges).astype(np.float32)


def level_nats(levels: NDArray[np.int32], forecasts: Floats) -> NDArray[np.float64]:
    """-log probability of each level (n,) if there is nothing but its forecast (n, 2), as the layer AroundForecast."""
    samples, widths = (each.astype(np.float64) for each in level_samples())
    away = (samples - forecasts[:, :1]) / forecasts[:, 1:]
    likely = np.log(widths) - np.sqrt(1.0 + away**2)
    return logsumexp(likely, axis=1) - likely[np.arange(len(levels)), levels]
