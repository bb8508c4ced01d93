"""Mixes more than two channels to stereo. Knows no files.

Weights after ITU-R BS.775: centre and surround at -3 dB, the low-frequency channel left out; scaled so that nothing
can clip. The layouts are those that WAV and FLAC (or Vorbis and Opus) define for each number of channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 2**-0.5
LAYOUTS = {  # order of WAV, FLAC and FFmpeg
    3: ("L", "R", "C"),
    4: ("L", "R", "Ls", "Rs"),
    5: ("L", "R", "C", "Ls", "Rs"),
    6: ("L", "R", "C", "LFE", "Ls", "Rs"),
    7: ("L", "R", "C", "LFE", "B", "Ls", "Rs"),
    8: ("L", "R", "C", "LFE", "Ls", "Rs", "Ls", "Rs"),
}
VORBIS_LAYOUTS = {
    3: ("L", "C", "R"),
    4: ("L", "R", "Ls", "Rs"),
    5: ("L", "C", "R", "Ls", "Rs"),
    6: ("L", "C", "R", "Ls", "Rs", "LFE"),
    7: ("L", "C", "R", "Ls", "Rs", "B", "LFE"),
    8: ("L", "C", "R", "Ls", "Rs", "Ls", "Rs", "LFE"),
}
WEIGHTS = {  # kind of channel → (left, right)
    "L": (1.0, 0.0),
    "R": (0.0, 1.0),
    "C": (SIDE, SIDE),
    "Ls": (SIDE, 0.0),
    "Rs": (0.0, SIDE),
    "B": (0.5, 0.5),
    "LFE": (0.0, 0.0),
}


def stereo_matrix(n_channels: int, order: str = "wav") -> NDArray[np.float32]:
    """Weights (n_channels, 2) for `samples @ matrix`. `order`: "wav" or "vorbis"; 3 to 8 channels."""
    layout = (VORBIS_LAYOUTS if order == "vorbis" else LAYOUTS)[n_channels]
    matrix = np.array([WEIGHTS[name] for name in layout], np.float32)
    return matrix / matrix.sum(axis=0).max()


def left_out(n_channels: int, order: str = "wav") -> list[int]:
    """Which channels (from 1) are not in the mix: the low-frequency one of 5.1 and similar layouts."""
    layout = (VORBIS_LAYOUTS if order == "vorbis" else LAYOUTS)[n_channels]
    return [number for number, name in enumerate(layout, 1) if name == "LFE"]
