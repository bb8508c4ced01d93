"""Keeps raw audio about as loud as the songs: a network that looks back only a moment forgets how loud it started."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.codec import RawAudioCodec

HEARD_SECONDS = 0.25  # of sound that the level is measured over
FREE_DB = 3.0  # differences from the songs up to this size are left alone
SHARE, MAX_DB = 0.1, 1.0  # share of the rest that is corrected with each sample, and the most in dB


class LevelKeeper:
    """How much each piece is turned up before the network reads it, in dB, given its recent level."""

    def __init__(self, codec: RawAudioCodec) -> None:
        self.codec = codec
        self.n_samples = round(HEARD_SECONDS * codec.sample_rate)
        self.song_db = 20 * math.log10(max(codec.level, 1e-4))

    def turns(self, made: NDArray[np.int32]) -> NDArray[np.float32]:
        """made: levels (n_pieces, n) so far → dB (n_pieces,); 0 while there is not enough to tell."""
        if made.shape[1] < self.n_samples:
            return np.zeros(len(made), dtype=np.float32)
        samples = self.codec.levels_to_samples(made[:, -self.n_samples :]).astype(np.float64)
        missing = self.song_db - 10 * np.log10((samples**2).mean(axis=1) + 1e-12)
        beyond = np.sign(missing) * np.maximum(np.abs(missing) - FREE_DB, 0.0)
        return np.clip(SHARE * beyond, -MAX_DB, MAX_DB).astype(np.float32)
