"""MP3, FLAC and Ogg uploads, decoded by libsndfile block by block.

What a header says about the length is never used to size anything. libsndfile itself stops at the announced length, so
a header that announces too little would silently cost the rest: it is shown a better one.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.mp3 import id3_size, summary_frame, survey_frames
from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source, integers_to_float
from musicgen.audio.sources.viewed_file import View, ViewedFile
from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings

if TYPE_CHECKING:
    import soundfile

READ_FRAMES = 4_096  # at once: an error costs what was read with it
MOST_FRAMES = 1 << 50  # what libsndfile says of an unknown length is far beyond
STREAMINFO_AT = 8  # behind "fLaC" and the header of the block
TOTAL_BITS = 36
FRAME_BYTES = 1_024
OGG_PAGE_BYTES = 65_307
OGG_PAGE_HEADER = 27  # bytes, in front of the table of sizes; the last of them is the length of the table
OGG_END = 4  # flag of the last page of a stream
INTEGER_BITS = {"PCM_S8": 16, "PCM_U8": 16, "PCM_16": 16, "PCM_24": 32, "PCM_32": 32}  # as we ask for them


class SndfileSource(Source):
    """A file that libsndfile reads. `container`, `codecs`: what it must find inside."""

    container: ClassVar[str]
    codecs: ClassVar[frozenset[str]]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._view = View()
        self._survey()
        with self._open() as file:
            self.sample_rate, self.n_channels, self._codec = file.samplerate, file.channels, file.subtype
            if file.format != self.container or file.subtype not in self.codecs:
                what = f"{file.subtype} in {file.format}"
                raise RejectedFile(
                    sentence(f"{self.format} files hold {self._codec_names()}", what), code="unsupported_codec"
                )
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

        with ViewedFile(self._path, self._view) as stream:
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
    """FLAC. Its `total_samples` may be 0 for "unknown"; libsndfile is always told so, and reads to the real end.

    It is also told a small size of frames, from which it guesses places when it searches: where the real one is unknown
    it assumes uncompressed frames, and then searches a bomb by decoding all of it."""

    format = "flac"
    container = "FLAC"
    codecs = frozenset(INTEGER_BITS)

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            start = id3_size(file.read(10)) + STREAMINFO_AT
            file.seek(start)
            info = file.read(18)
        packed = int.from_bytes(info[10:], "big")
        self._total = packed & (1 << TOTAL_BITS) - 1
        if len(info) == 18:
            unknown = (packed >> TOTAL_BITS << TOTAL_BITS).to_bytes(8, "big")
            self._view = View(overlay={start + 4: FRAME_BYTES.to_bytes(3, "big") * 2, start + 10: unknown})

    def _promise(self) -> None:
        self.promised = self._total or None


class OggSource(SndfileSource):
    """Vorbis or Opus in Ogg. The length is in the last page, so a cut file promises what it has, and says so."""

    format = "ogg"
    container = "OGG"
    codecs = frozenset(("VORBIS", "OPUS"))
    channel_order = "vorbis"
    is_lossy = True

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 2 * OGG_PAGE_BYTES, 0))
            tail = file.read()
        if not _ends_in_order(tail):
            self.problem = "its end is missing"

    def _promise(self) -> None:
        self.promised = self._announced


class Mp3Source(SndfileSource):
    """MPEG layer III, constant or variable bit rate.

    The frames are counted, and libsndfile is told that number: where a file has no summary in its first frame it
    guesses from the bit rate, and it stops where a summary or its own guess is too low.
    """

    format = "mp3"
    container = "MP3"
    codecs = frozenset(("MPEG_LAYER_III",))
    is_lossy = True

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            survey = survey_frames(file, settings().max_audio_seconds)
        if survey is None:
            rule = "An mp3 file consists of MPEG layer III frames"
            raise RejectedFile(sentence(rule, "no frame", "Export or download it again."), code="damaged")
        if survey.summary_at is None:
            self._view = View(prefix=summary_frame(survey.first, survey.n_frames), start=survey.start)
        elif survey.summary_frames != survey.n_frames:
            self._view = View(overlay={survey.summary_at: survey.n_frames.to_bytes(4, "big")})
        self._lost = max((survey.summary_frames or 0) - survey.n_frames, 0) * survey.frame_samples
        if survey.missing_bytes:
            self.problem = "its last frame is incomplete"

    def _promise(self) -> None:
        self.promised = (self._announced or 0) + self._lost or None


def _ends_in_order(tail: bytes) -> bool:
    """Whether the last Ogg page in a file's last bytes is complete and marked as the last one; True without a page."""
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if not page.startswith(b"OggS"):
        return True
    sizes = page[OGG_PAGE_HEADER : OGG_PAGE_HEADER + page[OGG_PAGE_HEADER - 1]] if len(page) > OGG_PAGE_HEADER else b""
    return bool(sizes and page[5] & OGG_END and len(page) >= OGG_PAGE_HEADER + len(sizes) + sum(sizes))


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
