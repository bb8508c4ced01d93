"""MP3, FLAC and Ogg uploads, decoded by libsndfile block by block.

What a header says about the length is never used to size anything. libsndfile itself stops at the announced length, so
a header that announces too little would silently cost the rest: such a header is hidden from it.
"""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.mp3 import id3_size, survey_frames
from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source, integers_to_float
from musicgen.errors import RejectedFile, sentence

if TYPE_CHECKING:
    import soundfile

READ_FRAMES = 4_096  # at once: an error costs what was read with it
MOST_FRAMES = 1 << 50  # what libsndfile says of an unknown length is far beyond
OGG_PAGE_BYTES = 65_307
OGG_END = 4  # flag of the last page of a stream
INTEGER_BITS = {"PCM_S8": 16, "PCM_U8": 16, "PCM_16": 16, "PCM_24": 32, "PCM_32": 32}  # as we ask for them


class SndfileSource(Source):
    """A file that libsndfile reads. `container`, `codecs`: what it must find inside."""

    container: ClassVar[str]
    codecs: ClassVar[frozenset[str]]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._overlay: dict[int, bytes] = {}  # position → bytes that libsndfile sees in place of the file's own
        self._survey()
        with self._open() as file:
            self.sample_rate, self.n_channels, self._codec = file.samplerate, file.channels, file.subtype
            if file.format != self.container or file.subtype not in self.codecs:
                what = f"{file.subtype} in {file.format}"
                raise RejectedFile(sentence(f"{self.format} files hold {self._codec_names()}", what), code="codec")
            self._announced = file.frames if 0 < file.frames < MOST_FRAMES else None
        self._promise()

    @abstractmethod
    def _survey(self) -> None:
        """Look at the file's own structure before libsndfile does."""

    @abstractmethod
    def _promise(self) -> None:
        """Set `promised`, and `problem` where the structure shows that the file is cut off."""

    def blocks(self) -> Generator[Block, None, None]:
        bits = INTEGER_BITS.get(self._codec)
        buffer = np.empty((BLOCK_FRAMES, self.n_channels), f"int{bits}" if bits else np.float32)
        n_before = 0
        with self._open() as file:
            while n_filled := self._fill(buffer, file, n_before):
                n_before += n_filled
                yield integers_to_float(buffer[:n_filled], bits) if bits else buffer[:n_filled]

    def _fill(self, buffer: NDArray[Any], file: soundfile.SoundFile, n_before: int) -> int:
        """Read on, behind `n_before` samples; how many came. Sets `problem` where decoding fails short of the promise.

        A read never crosses the promised end, so that junk behind it costs nothing of what lies before."""
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
                break
            if not n_read:
                break
            n_filled += n_read
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

        with _Overlaid(self._path, self._overlay) as stream:
            try:
                file = _forward_reader()(stream, mode="r")
            except (soundfile.LibsndfileError, ValueError) as error:  # ValueError: no channels, or the like
                rule = f"A file that begins like {self.format} can be decoded"
                text = sentence(rule, _words(error), "Export or download it again.")
                raise RejectedFile(text, code="damaged") from error
            with file:
                yield file

    def _codec_names(self) -> str:
        return " or ".join(sorted(self.codecs))


class FlacSource(SndfileSource):
    """FLAC. Its `total_samples` may be 0 for "unknown"; libsndfile is always told so, and reads to the real end."""

    format = "flac"
    container = "FLAC"
    codecs = frozenset(INTEGER_BITS)

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            start = id3_size(file.read(10))
            file.seek(start + 18)
            field = file.read(8)
        self._total = int.from_bytes(field, "big") & (1 << 36) - 1
        if len(field) == 8:
            self._overlay = {start + 18: (int.from_bytes(field, "big") >> 36 << 36).to_bytes(8, "big")}

    def _promise(self) -> None:
        self.promised = self._total or None


class OggSource(SndfileSource):
    """Vorbis or Opus in Ogg. The length is in the last page, so a cut file promises what it has, and says so."""

    format = "ogg"
    container = "OGG"
    codecs = frozenset(("VORBIS", "OPUS"))
    channel_order = "vorbis"

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 2 * OGG_PAGE_BYTES, 0))
            tail = file.read()
        last = tail.rfind(b"OggS")
        if last >= 0 and len(tail) > last + 5 and not tail[last + 5] & OGG_END:
            self.problem = "its end mark is missing"

    def _promise(self) -> None:
        self.promised = self._announced


class Mp3Source(SndfileSource):
    """MPEG layer III, constant or variable bit rate. The frames are counted; a summary that promises less is hidden."""

    format = "mp3"
    container = "MP3"
    codecs = frozenset(("MPEG_LAYER_III",))

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            survey = survey_frames(file)
        if survey is None:
            rule = "An mp3 file consists of MPEG layer III frames"
            raise RejectedFile(sentence(rule, "no frame", "Export or download it again."), code="damaged")
        self._frames = survey
        n_frames = survey.n_frames - (survey.summary_at is not None)
        self._has_summary = survey.summary_frames is not None and survey.summary_frames >= n_frames - 1
        if survey.summary_at is not None and not self._has_summary:
            self._overlay = {survey.summary_at: bytes(4)}
        if survey.missing_bytes:
            self.problem = "its last frame is incomplete"

    def _promise(self) -> None:
        if self._has_summary:
            self.promised = self._announced


@lru_cache(maxsize=1)
def _forward_reader() -> Any:
    import soundfile

    class ForwardReader(soundfile.SoundFile):
        """soundfile seeks after each read where it can, which fails at the end of a stream of unknown length."""

        def seekable(self) -> bool:
            return False

    return ForwardReader


def _words(error: Exception) -> str:
    """What libsndfile says, without its decoration."""
    text = str(getattr(error, "error_string", "") or error)
    text = text.removeprefix("Error : ").removeprefix("Error opening ").rstrip(".")
    return "a part of it cannot be decoded" if "internal error" in text else text


class _Overlaid(io.RawIOBase):
    """A file, read-only, with some of its bytes replaced."""

    def __init__(self, path: Path, overlay: dict[int, bytes]) -> None:
        super().__init__()
        self._file = open(path, "rb")  # noqa: SIM115 (closed by close)
        self._overlay = overlay

    def readinto(self, buffer: Any) -> int:
        start = self._file.tell()
        view = memoryview(buffer).cast("B")
        n_read = self._file.readinto(view)
        for position, content in self._overlay.items():
            first, last = max(position, start), min(position + len(content), start + n_read)
            if first < last:
                view[first - start : last - start] = content[first - position : last - position]
        return n_read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with suppress(OSError, ValueError):  # damaged files send libsndfile before the beginning
            self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
