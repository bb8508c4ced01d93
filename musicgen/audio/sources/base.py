"""What all readers of uploads have in common."""

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
        format: wav, mp3, flac, ogg or m4a: the real format.
        sample_rate, n_channels: as in the file; not checked here.
        is_lossy: decoded sound may overshoot what was encoded.
        promised: samples per channel that the headers announce; None if they do not say.
        slack_seconds: how much shorter than promised a file of this kind may be and still count as complete.
        notes: what was noticed before decoding, one sentence each.
        problem: what ended the last reading early; empty if it reached the end.
        n_left_out: bytes of the file that are neither sound nor metadata.
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
        """The sound from its beginning; each call reads it again. A block is valid until the next is requested."""

    @abstractmethod
    def reaches(self, n_samples: int) -> bool:
        """Whether there is certainly sound at sample `n_samples`, found without decoding what comes before.

        False means: not known. A header is not enough evidence; a sample at that place is."""

    def other_reader(self) -> Source | None:
        """Another reader for the same file, for when this one ends early; None if there is none."""
        return None


def check_shape(source: Source) -> None:
    """Raises RejectedFile if the sample rate or the number of channels is out of bounds."""
    limits = settings()
    if not limits.min_sample_rate <= source.sample_rate <= limits.max_sample_rate:
        rule = f"A song must have a sample rate of {limits.min_sample_rate:,} to {limits.max_sample_rate:,} Hz"
        remedy = "Convert it to 44,100 Hz."
        raise RejectedFile(sentence(rule, f"{source.sample_rate:,} Hz", remedy), code="sample_rate")
    if not 1 <= source.n_channels <= limits.max_channels:
        rule = f"A song must have 1 to {limits.max_channels} channels"
        raise RejectedFile(sentence(rule, source.n_channels, "Mix it down to stereo."), code="channels")


def integers_to_float(values: NDArray[np.integer], bits: int) -> Block:
    """Left-justified signed integers of `bits` bits to float32, on a scale that keeps 16-bit sound exact.

    16-bit samples come back exactly from `float_to_pcm16`, except -32,768, which becomes -32,767."""
    scaled = np.multiply(values, PCM16_SCALE * np.float32(2.0 ** (16 - bits)), dtype=np.float32)
    return np.clip(scaled, -1.0, 1.0, out=scaled)
