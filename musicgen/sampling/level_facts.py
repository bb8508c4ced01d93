"""The level of a generated piece, for its sidecar."""

from __future__ import annotations

from typing import Any

import numpy as np

from musicgen.audio.levels import FLOOR_DB, rms_db
from musicgen.audio.waveform import Waveform


def level_facts(content: Waveform, level_of_songs: float, *, gain: float = 1.0) -> dict[str, Any]:
    """The level before any gain, relative to the training music (an RMS, full scale = 1), and the share of samples
    at full scale."""
    return {
        "level_db": round(max(rms_db(content) - 20 * float(np.log10(gain)), FLOOR_DB), 2),
        "level_of_songs_db": round(20 * float(np.log10(max(level_of_songs, 1e-6))), 2),
        "clipped_share": float((np.abs(content.samples) >= 1.0).mean()),
    }
