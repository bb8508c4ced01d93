"""What MP3, FLAC and Ogg uploads have in common: libsndfile decodes them, block by block.

Lengths in headers are never used to size anything. libsndfile itself stops at the announced length, at
the first damage and at the end of the first of several recordings, so it is shown a view of the file without these.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source, integers_to_float
from musicgen.audio.sources.viewed_file import View, ViewedFile
from musicgen.errors import RejectedFile, sentence

if TYPE_CHECKING:
    import soundfile

READ_FRAMES = 4_096  # at once: an error loses everything in the same read
MAX_FRAMES = 1 << 50  # libsndfile reports an unknown length as far more
INTEGER_BITS = {"PCM_S8": 16, "PCM_U8": 16, "PCM_16": 16, "PCM_24": 32, "PCM_32": 32}  # as requested from libsndfile


class SndfileSource(Source):
    """A file that libsndfile reads. `container`, `codecs`: what it must contain."""

    container: ClassVar[str]
    codecs: ClassVar[frozenset[str]]

    def __init__(self, path: Path, view: View) -> None:
        super().__init__()
        self._path = path
        self._view = view
        self._position_at_end = 0
        with self._open() as file:
            self.sample_rate, self.n_channels, self._codec = file.samplerate, file.channels, file.subtype
            if file.format != self.container or file.subtype not in self.codecs:
                what = f"{file.subtype} in {file.format}"
                raise RejectedFile(
                    sentence(f"{self.format} files must hold {self._codec_names()}", what), code="unsupported_codec"
                )
            self._announced = file.frames if 0 < file.frames < MAX_FRAMES else None
        self._promise()

    @abstractmethod
    def _promise(self) -> None:
        """Set `promised`, given the length that libsndfile announces."""

    def _behind_promised_end(self, position: int) -> None:
        """What follows the promised length cannot be decoded. `position`: how far into the view the library had
        read when it returned the last sample, a little too far."""

    def blocks(self) -> Generator[Block, None, None]:
        bits = INTEGER_BITS.get(self._codec)
        buffer = np.empty((BLOCK_FRAMES, self.n_channels), f"int{bits}" if bits else np.float32)
        n_before = 0
        with self._open() as file:
            while n_filled := self._fill(buffer, file, n_before):
                n_before += n_filled
                yield integers_to_float(buffer[:n_filled], bits) if bits else buffer[:n_filled]

    def _fill(self, buffer: NDArray[Any], file: soundfile.SoundFile, n_before: int) -> int:
        """Read on after `n_before` samples; returns how many came. Sets `problem` if it fails before the promised end.

        A read never crosses the promised end, so that junk after it loses no sound before it."""
        import soundfile

        n_filled = 0
        while n_filled < len(buffer):
            n_wanted = min(READ_FRAMES, len(buffer) - n_filled)
            n_promised = (self.promised or 0) - n_before - n_filled
            if 0 < n_promised < n_wanted:
                n_wanted = n_promised
            try:
                n_read = len(file.read(out=buffer[n_filled : n_filled + n_wanted]))
            except soundfile.LibsndfileError as error:
                if self.promised is None or n_promised > 0:
                    self.problem = _words(error)
                else:
                    self._behind_promised_end(self._position_at_end)
                break
            if not n_read:
                break
            n_filled += n_read
            if n_before + n_filled == self.promised:
                self._position_at_end = self._stream.tell()
        return n_filled

    def reaches(self, n_samples: int) -> bool:
        import soundfile

        try:
            with self._open() as file:
                return file.seek(n_samples) == n_samples and len(file.read(READ_FRAMES, dtype="float32")) > 0
        except (soundfile.LibsndfileError, ValueError):
            return False

    @contextmanager
    def _open(self) -> Iterator[soundfile.SoundFile]:
        import soundfile

        with ViewedFile(self._path, self._view) as stream:
            self._stream = stream
            try:
                file = _forward_reader()(stream, mode="r")
            except (soundfile.LibsndfileError, ValueError) as error:  # ValueError: no channels, or the like
                rule = f"A file that begins like {self.format} must be decodable"
                text = sentence(rule, _words(error), "Export or download it again.")
                raise RejectedFile(text, code="damaged") from error
            with file:
                yield file

    def _codec_names(self) -> str:
        return " or ".join(sorted(self.codecs))


@lru_cache(maxsize=1)
def _forward_reader() -> Any:
    import soundfile

    class ForwardReader(soundfile.SoundFile):
        """soundfile seeks after each read if it can, which fails at the end of a stream of unknown length."""

        def seekable(self) -> bool:
            return False

    return ForwardReader


def _words(error: Exception) -> str:
    """The text of a libsndfile error, without its prefix."""
    text = str(getattr(error, "error_string", "") or error)
    text = text.removeprefix("Error : ").removeprefix("Error opening ").rstrip(".")
    return "a part of it cannot be decoded" if "internal error" in text else text
