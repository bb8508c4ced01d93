"""What every reader of uploads has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings

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
        n_left_out: bytes of the file that are neither sound nor what belongs to it.
    """

    format: str
    sample_rate: int
    n_channels: int
    promised: int | None = None
    slack_seconds: float = 0.1
    channel_order: str = "wav"
    is_lossy: bool = False
    n_left_out: int = 0

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

    def other_reader(self) -> Source | None:
        """Another way to read the same file, for where this one ended early; None where there is none."""
        return None


def check_shape(source: Source) -> None:
    """Raises RejectedFile where sample rate or number of channels are out of bounds."""
    limits = settings()
    if not limits.min_sample_rate <= source.sample_rate <= limits.max_sample_rate:
        rule = f"A song has a sample rate of {limits.min_sample_rate:,} to {limits.max_sample_rate:,} Hz"
        remedy = "Convert it to 44,100 Hz."
        raise RejectedFile(sentence(rule, f"{source.sample_rate:,} Hz", remedy), code="sample_rate")
    if not 1 <= source.n_channels <= limits.max_channels:
        rule = f"A song has 1 to {limits.max_channels} channels"
        raise RejectedFile(sentence(rule, source.n_channels, "Mix it down to stereo."), code="channels")


def integers_to_float(values: NDArray[np.integer], bits: int) -> Block:
    """Left-justified signed integers of `bits` bits to float32, on the scale on which 16-bit sound is stored exactly.

    16-bit samples come back bit for bit from `float_to_pcm16`, but for -32,768, which becomes -32,767."""
    scaled = np.multiply(values, PCM16_SCALE * np.float32(2.0 ** (16 - bits)), dtype=np.float32)
    return np.clip(scaled, -1.0, 1.0, out=scaled)
