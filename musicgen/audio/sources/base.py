"""What every reader of uploads has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]  # shape (n, n_channels), as files have it; full scale is 1
BLOCK_FRAMES = 1 << 16
PCM16_SCALE = np.float32(1 / 32_767)


class Source(ABC):
    """Sound in a file.

    Attributes:
        format: wav, mp3, flac, ogg or m4a: what the file really is.
        sample_rate, n_channels: as the file says; not checked here.
        is_lossy: decoded sound may overshoot what was encoded.
        promised: samples per channel that the headers announce; None where they say nothing.
        slack_seconds: by how much a sound file of this kind may be shorter than promised and still be whole.
        notes: one sentence each on what was noticed before decoding.
        problem: what ended the latest reading early; empty where the end was reached in order.
    """

    format: str
    sample_rate: int
    n_channels: int
    promised: int | None = None
    slack_seconds: ClassVar[float] = 0.1
    channel_order: ClassVar[str] = "wav"
    is_lossy: ClassVar[bool] = False

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.problem = ""

    @abstractmethod
    def blocks(self) -> Generator[Block, None, None]:
        """The sound from its beginning; each call reads it anew. A block is valid until the next one is asked for."""

    @abstractmethod
    def reaches(self, n_samples: int) -> bool:
        """Whether there is certainly sound at sample `n_samples`, found out without decoding what lies before.

        False means: not known. A header's word is not enough; a sample at that place is."""


def integers_to_float(values: NDArray[np.integer], bits: int) -> Block:
    """Left-justified signed integers of `bits` bits to float32, on the scale on which 16-bit sound is stored exactly.

    16-bit samples come back bit for bit from `float_to_pcm16`, but for -32,768, which becomes -32,767."""
    scaled = np.multiply(values, PCM16_SCALE * np.float32(2.0 ** (16 - bits)), dtype=np.float32)
    return np.clip(scaled, -1.0, 1.0, out=scaled)
