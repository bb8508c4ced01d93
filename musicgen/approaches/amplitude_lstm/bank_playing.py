"""How a bank of predictors is played, and what keeps its sound from growing without bound.

The predictors that fit music best cannot be played as they are. They predict nearly pure tones almost to the last bit,
but other sounds make them unstable: when one predictor follows another, what still rings is foreign to the new one and
grows without bound. So a second bank is used for playing:

    softer      fitted to the same moments with a noise floor at -50 dB
    overlapping at a change, the autocorrelations of the two moments are mixed and a predictor is solved for each
                mixture; the share of the old one falls by 7 dB in each part of a frame. Each of them is stable
                (autocorrelation method; Makhoul, Linear prediction, Proc. IEEE 63, 1975) and knows the tones that
                still ring, until they have faded.
    as loud     as frames with the same codes were in the songs, give or take their spread, and nowhere louder than the
                loudest moment of the songs
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOISE_FLOOR = 1e-5
FADING = 0.9999  # per sample, of all that rings: half a second at 22 kHz. Keeps rounding errors from growing
SHARES = 0.5 * 0.2 ** np.arange(8)  # of the predictor before, in each part of a frame after a change
FEW = 8.0  # frames: codes with fewer are taken to be about as loud as their predictor and level suggest
Samples = NDArray[np.float32]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Playing:
    """Attributes:
    correlations: float32 (n_predictors, order + 1), autocorrelation of what each was fitted to, 1 at lag 0.
    levels: float32 (n_levels, parts), logarithm of how hard each part of a frame is struck.
    loudness: float32 (n_predictors, n_levels), mean logarithm of the RMS of a frame with these codes.
    spread: standard deviation of that logarithm about it. peak: of the songs.
    """

    correlations: NDArray[np.float32]
    levels: NDArray[np.float32]
    loudness: NDArray[np.float32]
    spread: float
    peak: float

    def kernels(
        self, predictors: NDArray[np.integer], progress: Callable[[], None] = lambda: None
    ) -> tuple[Samples, Codes]:
        """Which filter plays each part of each frame.

        Args:
            predictors: (batch, n_frames). progress: called for each filter, of which there may be thousands.

        Returns:
            (n_kernels, order), newest sample first; (batch, n_frames · parts), row of each part.
        """
        parts, n = self.levels.shape[1], len(self.correlations)
        index = np.repeat(predictors, parts, axis=1).astype(np.int32)
        mixed: dict[tuple[int, int, int], int] = {}
        for row, chosen in zip(index, index.copy(), strict=True):
            changes = (np.flatnonzero(np.diff(chosen)) + 1).tolist()
            for at, stop in pairwise([*changes, len(row)]):
                for number in range(min(len(SHARES), stop - at)):
                    key = (int(chosen[at - 1]), int(chosen[at]), number)
                    row[at + number] = mixed.setdefault(key, n + len(mixed))
        correlations = [
            *self.correlations,
            *(SHARES[k] * self.correlations[old] + (1 - SHARES[k]) * self.correlations[new] for old, new, k in mixed),
        ]
        fading = FADING ** np.arange(1, self.correlations.shape[1])
        filters = []
        for each in correlations:
            progress()
            filters.append(fading * solve(each, NOISE_FLOOR))
        return np.array(filters, dtype=np.float32), index

    def to_json(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).tolist() for name in ("correlations", "levels", "loudness")}
        return arrays | {"spread": self.spread, "peak": self.peak}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Playing:
        arrays = [np.array(document[name], dtype=np.float32) for name in ("correlations", "levels", "loudness")]
        return cls(arrays[0], arrays[1], arrays[2], float(document["spread"]), float(document["peak"]))


def solve(correlation: NDArray[np.floating], noise_floor: float) -> NDArray[np.float64]:
    """Weights of the best linear predictor of this autocorrelation, newest sample first.

    Args:
        noise_floor: share of the energy that is added as white noise. It keeps the equations solvable and the poles off
            the unit circle: the more noise, the sooner what rings dies away.
    """
    from scipy.linalg import solve_toeplitz

    correlation = correlation.astype(np.float64)
    correlation[0] *= 1 + noise_floor
    return np.asarray(solve_toeplitz(correlation[:-1], correlation[1:]))


def expected_loudness(
    logs: NDArray[np.float64], codes: Codes, strikes: NDArray[np.floating], n_predictors: int
) -> NDArray[np.float64]:
    """Mean logarithm of the RMS of frames with these codes, (n_predictors, n_levels).

    Args:
        logs: of each frame. codes: (n_frames, 2). strikes: logarithm of how hard each level strikes, (n_levels,).
    """
    rung = logs - strikes[codes[:, 1]]  # how much louder than it was struck
    gains = _means(rung, codes[:, 0], n_predictors, np.full(n_predictors, rung.mean()))
    table = gains[:, None] + strikes
    pair = codes[:, 0] * strikes.size + codes[:, 1]
    return _means(logs, pair, table.size, table.reshape(-1)).reshape(table.shape)


def _means(
    values: NDArray[np.float64], group: NDArray[np.integer], count: int, otherwise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of each group; that of a small group is pulled towards `otherwise`."""
    sums = np.bincount(group, values, minlength=count)
    return (sums + FEW * otherwise) / (np.bincount(group, minlength=count) + FEW)
