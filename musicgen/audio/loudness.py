"""Loudness by ITU-R BS.1770-4 (integrated, gated), measured by pyloudnorm. Children only: it imports SciPy.

The standard needs at least one block of 400 ms. Anything shorter, and sound that the gate leaves nothing of, is
measured as its RMS level instead.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.audio.levels import measure_levels
from musicgen.audio.waveform import Waveform

BLOCK_SECONDS = 0.4
BS1770, RMS = "BS.1770", "RMS"


@dataclass(frozen=True)
class Loudness:
    """How loud a sound is.

    Attributes:
        lufs: loudness units relative to full scale. peak_db: the largest sample, dB of full scale.
        method: BS.1770, or RMS where that cannot be measured.
    """

    lufs: float
    peak_db: float
    method: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_loudness(waveform: Waveform) -> Loudness:
    """The integrated loudness. More than two channels are measured as their mean, as players sum them."""
    levels = measure_levels(waveform)
    if waveform.n_samples > BLOCK_SECONDS * waveform.sample_rate:
        from pyloudnorm import Meter

        sound = waveform if waveform.n_channels <= 2 else waveform.to_mono()
        measured = float(Meter(waveform.sample_rate).integrated_loudness(sound.samples.T.astype(np.float64)))
        if np.isfinite(measured):
            return Loudness(measured, levels["peak_db"], BS1770)
    return Loudness(levels["rms_db"], levels["peak_db"], RMS)


def matching_gains(loudnesses: list[Loudness], *, silence_db: float = -70.0) -> list[float]:
    """Gains in dB after which all are equally loud and no sample is beyond full scale.

    The common loudness is that of the loudest, or less if a quieter one would clip there. Silence, and a single sound,
    keep a gain of 0."""
    heard = [each for each in loudnesses if each.lufs > silence_db]
    if len(heard) < 2:
        return [0.0] * len(loudnesses)
    common = min(max(each.lufs for each in heard), *(each.lufs - each.peak_db for each in heard))
    return [common - each.lufs if each.lufs > silence_db else 0.0 for each in loudnesses]
