"""Pieces measured as a listener would: beside held-out songs of the same kind, feature by feature and as a whole.

    features     what a listener notices, as numbers of one piece: see NOTE_FEATURES and SOUND_FEATURES
    percentiles  of each feature of a piece among those of held-out songs: 50 is the middle, 0 and 100 lie outside
    diversity    how different the outputs are from each other, beside how different the songs are
    distance     kernel distance (maximum mean discrepancy) from the outputs to the held-out songs, with the
                 probability of at least that distance by chance, beside the distance of real songs to real ones

Every sound is heard at the same sample rate: brightness and noise depend on it.

NumPy only. Children and scripts only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.self_similarity import chroma_entropy, onset_rate, returns
from musicgen.evaluation import audio, rhythm, tonality, voice_leading
from musicgen.symbolic.score import Score

NOTE_FEATURES = (
    *("in_key_share", "local_key_share", "consonance", "length_variety", "on_grid", "beat_share"),
    *("leap_share", "step_share", "bar_returns", "phrase_returns"),
)
SOUND_FEATURES = (
    "chroma_entropy",
    "onset_rate",
    "spectral_flatness",
    "spectral_centroid",
    "level_range_db",
    "stillness",
)
SAMPLE_RATE = 22_050  # that of the held-out music; beside it, a sound of 8 kHz is dull, as it is to a listener
INSIDE = (5.0, 95.0)  # percentiles
PERMUTATIONS = 1_000
PHRASE_BARS = 4


def features(piece: Score | Waveform) -> dict[str, float]:
    """The features of one piece, by name."""
    if isinstance(piece, Score):
        key, time, voices = tonality.describe(piece), rhythm.describe(piece), voice_leading.describe(piece)
        return {
            "in_key_share": key["in_key_share"],
            "local_key_share": key["local_key_share"],
            "consonance": 1.0 - key["dissonance_share"],
            "length_variety": time["length_variety"],
            "on_grid": 1.0 - time["off_grid_share"],
            "beat_share": time["beat_share"],
            "leap_share": voices["leap_share"],
            "step_share": voices["step_share"],
            "bar_returns": returns(piece, 1),
            "phrase_returns": returns(piece, PHRASE_BARS),
        }
    sound = resample(piece, SAMPLE_RATE)
    measured = audio.describe(sound)
    kept = ("spectral_flatness", "spectral_centroid", "level_range_db", "stillness")
    own = {"chroma_entropy": chroma_entropy(sound), "onset_rate": onset_rate(sound)}
    return own | {name: measured[name] for name in kept}


def percentiles(piece: Mapping[str, float], songs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each feature, 0 … 100: the share of songs below it, equal ones half."""
    found = {}
    for name, value in piece.items():
        known = np.array([song[name] for song in songs])
        near = np.isclose(known, value, rtol=1e-6, atol=1e-9)
        found[name] = float(100 * ((known < value) & ~near).mean() + 50 * near.mean())
    return found


def share_inside(pieces: Sequence[Mapping[str, float]], songs: Sequence[Mapping[str, float]]) -> float:
    """The share of features, over all pieces, whose percentile lies between 5 and 95."""
    places = [place for piece in pieces for place in percentiles(piece, songs).values()]
    return float(np.mean([INSIDE[0] <= place <= INSIDE[1] for place in places]))


@dataclass(frozen=True)
class Distance:
    """Kernel distances, all of the same two sizes.

    Attributes:
        distance: squared, from the outputs to the songs; about 0 for the same kind of music. p_value: the probability
            of at least that, if outputs and songs were the same kind. real: of songs to other songs, its median.
        diversity: mean distance between two outputs, over that between two songs; 1: as different as songs are.
    """

    distance: float
    p_value: float
    real: float
    diversity: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def distance(pieces: Sequence[Mapping[str, float]], songs: Sequence[Mapping[str, float]], *, seed: int = 0) -> Distance:
    """A. Gretton et al., A kernel two-sample test, JMLR 13, 2012: a Gaussian kernel as wide as the median distance of
    two songs, on features in units of their spread among the songs; the p-value by permutation.

    At least two pieces and four songs.
    """
    rng = np.random.default_rng(seed)
    table = np.array([[each[name] for name in songs[0]] for each in (*pieces, *songs)], np.float64)
    known = table[len(pieces) :]
    spread = np.maximum(known.std(axis=0), 1e-3 * np.maximum(np.abs(known.mean(axis=0)), 1e-6))
    table = np.clip((table - known.mean(axis=0)) / spread, -10, 10)
    squared = ((table[:, None] - table[None]) ** 2).sum(axis=2)
    size = len(pieces)
    songs_apart = squared[size:, size:][np.triu_indices(len(songs), 1)]
    kernel = np.exp(-squared / max(float(np.median(songs_apart)), 1e-9))
    found = _mmd(kernel, np.arange(size), np.arange(size, len(table)))
    by_chance = [_mmd(kernel, *_split(rng, len(table), size)) for _ in range(PERMUTATIONS)]
    half = min(size, len(songs) // 2)
    real = [_mmd(kernel, *(size + part for part in _split(rng, len(songs), half))) for _ in range(200)]
    pieces_apart = squared[:size, :size][np.triu_indices(size, 1)]
    diversity = float(np.sqrt(pieces_apart).mean() / max(float(np.sqrt(songs_apart).mean()), 1e-9))
    at_least = sum(each >= found - 1e-12 for each in by_chance)
    return Distance(found, (at_least + 1) / (PERMUTATIONS + 1), float(np.median(real)), diversity)


def _split(rng: np.random.Generator, of: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = rng.permutation(of)
    return order[:size], order[size:]


def _mmd(kernel: NDArray[np.float64], one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """The unbiased estimate of the squared distance."""
    within = sum(
        (kernel[np.ix_(part, part)].sum() - kernel[part, part].sum()) / max(part.size * (part.size - 1), 1)
        for part in (one, other)
    )
    return float(within - 2 * kernel[np.ix_(one, other)].mean())
