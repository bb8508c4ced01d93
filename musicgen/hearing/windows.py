"""Sound in the windows that the network hears, and the middle of its answers joined again. NumPy only, but for soxr.

A window has 43,844 samples (2 s less one frame) at 22,050 Hz and is answered by 172 frames of 256 samples. Near its
edges the network lacks what came before or comes after, so windows overlap and the outer 15 frames are not used. The
step from window to window is a whole number of frames: frame k of the joined answer is at k · 256 / 22,050 s exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22_050
HOP = 256
WINDOW = 2 * SAMPLE_RATE - HOP
WINDOW_FRAMES = 172
EDGE_FRAMES = 15
KEPT_FRAMES = WINDOW_FRAMES - 2 * EDGE_FRAMES
FRAME_SECONDS = HOP / SAMPLE_RATE

Samples = NDArray[np.float32]


def count_frames(n_samples: int) -> int:
    """Frames of a sound with this many samples at SAMPLE_RATE."""
    return -(-n_samples // HOP)


def count_windows(n_frames: int) -> int:
    return -(-n_frames // KEPT_FRAMES)


def mono(blocks: Iterable[Samples], sample_rate: int) -> Iterator[Samples]:
    """Blocks of shape (n_channels, n) as one channel at SAMPLE_RATE, shape (n,)."""
    import soxr

    stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block.mean(axis=0)))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def windows(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Blocks of shape (n,) at SAMPLE_RATE as overlapping windows of shape (WINDOW,).

    Zeros stand before the beginning and after the end. Together the windows keep at least `count_frames` frames."""
    step = KEPT_FRAMES * HOP
    waiting, n_samples, n_given = np.zeros(EDGE_FRAMES * HOP, np.float32), 0, 0
    for block in blocks:
        n_samples += block.size
        waiting = np.concatenate([waiting, block])
        while waiting.size >= WINDOW:
            yield waiting[:WINDOW]
            n_given += 1
            waiting = waiting[step:]
    for _ in range(count_windows(count_frames(n_samples)) - n_given):
        yield np.pad(waiting[:WINDOW], (0, max(WINDOW - waiting.size, 0)))
        waiting = waiting[step:]


def kept(answer: NDArray[np.float32]) -> NDArray[np.float32]:
    """The frames of one window that are used: (WINDOW_FRAMES, n) → (KEPT_FRAMES, n)."""
    return answer[EDGE_FRAMES : EDGE_FRAMES + KEPT_FRAMES]


def kept_samples(window: Samples) -> Samples:
    """The samples of one window from the first kept frame to the last, shape (KEPT_FRAMES * HOP,)."""
    return window[EDGE_FRAMES * HOP : (EDGE_FRAMES + KEPT_FRAMES) * HOP]


def rises(window: Samples) -> NDArray[np.float32]:
    """How much louder the spectrum becomes at each kept frame, shape (KEPT_FRAMES,): percussion, which has no pitch and
    so no notes, still tells where the beats are."""
    start = (EDGE_FRAMES - 1) * HOP - 2 * HOP  # spectra of four frames, centred on each frame and on the one before
    stretch = window[start : start + (KEPT_FRAMES + 4) * HOP]
    pieces = np.lib.stride_tricks.sliding_window_view(stretch, 4 * HOP)[::HOP]
    level = np.log1p(100.0 * np.abs(np.fft.rfft(pieces * np.hanning(4 * HOP).astype(np.float32), axis=1)))
    return np.maximum(np.diff(level, axis=0), 0.0).mean(axis=1)[:KEPT_FRAMES].astype(np.float32)
