"""Sound decoded by FFmpeg: whatever libsndfile does not read.

FFmpeg opens other files and addresses if a file tells it to, so it is restricted: the demuxer is forced (the format
was recognised from its magic bytes), protocols, formats and codecs are on short lists, it runs in an empty folder of
its own with limits on memory, time and files, and its output is a pipe that is closed when enough has come.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, ClassVar, cast

import numpy as np

from musicgen.audio.ffmpeg import start_ffmpeg
from musicgen.audio.riff import FLOAT, WavFormat, parse_format, walk_chunks
from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source, integers_to_float
from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings

MIN_CPU_SECONDS = 60.0
REAL_TIME_FACTOR = 20.0  # decoding is given up when it takes longer than this many times real time
MESSAGE_BYTES = 4096
PROBED_SECONDS = 0.1
REFUSED_CODEC = "not on whitelist"


class FfmpegSource(Source):
    """One sound track of a file, decoded by FFmpeg with this `demuxer`.

    Attributes:
        demuxer, formats: the name of the demuxer, and all its aliases. codecs: the only decoders that FFmpeg may use.
        rule: what such a file must hold, for the error message.
    """

    demuxer: str
    formats: str
    demuxer_options: tuple[str, ...] = ()
    codecs: tuple[str, ...]
    rule: ClassVar[str]

    def __init__(self, path: Path, *, track: int = 0, as_integers: bool = False) -> None:
        """`track`: number of the sound track, from 0. `as_integers`: keeps every bit of lossless sound."""
        super().__init__()
        self._path = path
        self._track = track
        self._part: tuple[int, int | None] = (0, None)  # start and end in the file; None: the end of the file
        self._encoding = "pcm_s32le" if as_integers else "pcm_f32le"

    def blocks(self) -> Generator[Block, None, None]:
        with self._decoding() as (stream, wav_format):
            if (wav_format.sample_rate, wav_format.n_channels) != (self.sample_rate, self.n_channels):
                what = f"{wav_format.sample_rate:,} Hz with {wav_format.n_channels} channels in one place"
                raise RejectedFile(sentence("A file must keep its sample rate and channels", what), code="damaged")
            while raw := stream.read(BLOCK_FRAMES * wav_format.frame_bytes):
                whole = raw[: len(raw) // wav_format.frame_bytes * wav_format.frame_bytes]
                if wav_format.tag == FLOAT:
                    yield np.frombuffer(whole, "<f4").reshape(-1, self.n_channels)
                else:
                    yield integers_to_float(np.frombuffer(whole, "<i4"), 32).reshape(-1, self.n_channels)

    def reaches(self, n_samples: int) -> bool:
        start = n_samples / self.sample_rate
        try:
            with self._decoding("-ss", f"{start:.3f}", seconds=PROBED_SECONDS) as (stream, wav_format):
                return len(stream.read(wav_format.frame_bytes)) == wav_format.frame_bytes
        except RejectedFile:  # nothing there
            return False

    @contextmanager
    def _decoding(self, *where: str, seconds: float | None = None) -> Iterator[tuple[BinaryIO, WavFormat]]:
        """FFmpeg's output after its header. Sets `problem` if it ends with errors.

        `where`: options before the input. `seconds`: of sound; None for all, up to just beyond the limit."""
        most = settings().max_audio_seconds + 1 if seconds is None else seconds
        cpu_seconds = max(MIN_CPU_SECONDS, most / REAL_TIME_FACTOR)
        with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
            process = start_ffmpeg(self._arguments(where, most), folder=Path(folder), cpu_seconds=cpu_seconds)
            stream = cast(IO[bytes], process.stdout)
            complaints = _Complaints(cast(IO[bytes], process.stderr))
            try:
                yield cast(BinaryIO, stream), self._read_header(cast(BinaryIO, stream), complaints)
                if seconds is None and not stream.read(1):
                    status = process.wait()
                    self.problem = complaints.first() or self.problem or ("the decoder gave up" if status else "")
            finally:
                process.kill()
                process.wait()
                stream.close()
                complaints.close()

    def _arguments(self, where: tuple[str, ...], seconds: float) -> list[str]:
        most_bytes = int(settings().max_audio_seconds + 1) * settings().max_sample_rate * 8 * 4
        return [
            *("-hide_banner", "-nostdin", "-v", "repeat+error", "-protocol_whitelist", "file,subfile"),
            *("-format_whitelist", self.formats, "-codec_whitelist", ",".join(self.codecs), *self.demuxer_options),
            *("-max_alloc", "268435456", "-probesize", "5000000", "-analyzeduration", "10000000", "-threads", "1"),
            *(*where, "-f", self.demuxer, "-i", self._address()),
            *("-map", f"0:a:{self._track}", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"),
            *("-t", f"{seconds:.3f}", "-fs", str(most_bytes), "-c:a", self._encoding),
            *("-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "wav", "pipe:1"),
        ]

    def _address(self) -> str:
        start, stop = self._part
        address = f"file:{self._path.resolve()}"
        if stop is None and not start:
            return address
        return f"subfile,,start,{start},end,{stop or self._path.stat().st_size},,:{address}"

    def _read_header(self, stream: BinaryIO, complaints: _Complaints) -> WavFormat:
        """The format in the WAV header that FFmpeg writes first; RejectedFile if it ends without one."""
        stream.read(12)
        wav_format: WavFormat | None = None
        for chunk in walk_chunks(stream):
            if chunk.name == b"data" and wav_format is not None:
                return wav_format
            body = stream.read(chunk.size + chunk.size % 2)
            if chunk.name == b"fmt ":
                wav_format = parse_format(body)
        what, code = complaints.first(with_codecs=True) or "no sound", "damaged"
        if REFUSED_CODEC in what:
            what, code = what.partition(REFUSED_CODEC)[0].strip(), "unsupported_codec"
        raise RejectedFile(sentence(self.rule, what, "Export it as WAV, FLAC or MP3."), code=code)


class _Complaints:
    """FFmpeg's messages, read while it runs (a full pipe would block it); only the first ones are kept."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while piece := self._stream.read(MESSAGE_BYTES):
            self._kept += piece[: MESSAGE_BYTES - len(self._kept)]

    def first(self, *, with_codecs: bool = False) -> str:
        """The first message, without FFmpeg's own addresses; those about codecs of other tracks only on request."""
        self._thread.join(5.0)
        lines = [line.rpartition("] ")[2] for line in self._kept.decode("utf-8", "replace").splitlines()]
        wanted = [line for line in lines if (with_codecs or REFUSED_CODEC not in line) and "file:" not in line]
        if not wanted:
            return ""
        what = wanted[0].rpartition(": ")[2]
        return (what if what[:1].isalpha() else wanted[0]).removeprefix("stream 0, ").strip()[:120]

    def close(self) -> None:
        self._thread.join(5.0)
        self._stream.close()


class FlacByFfmpeg(FfmpegSource):
    """A damaged FLAC file: FFmpeg continues after the damage."""

    rule = "A FLAC file must be decodable"
    codecs = ("flac",)

    def __init__(self, path: Path, part: tuple[int, int | None], first: Source, demuxer: str) -> None:
        """`part`: start and end of the stream in the file. `first`: the reader that ended early."""
        super().__init__(path, as_integers=True)
        self._part = part
        self.n_left_out = first.n_left_out
        self.demuxer = self.formats = demuxer
        self.format, self.sample_rate, self.n_channels = first.format, first.sample_rate, first.n_channels
        self.promised, self.problem, self.notes = first.promised, first.problem, first.notes
