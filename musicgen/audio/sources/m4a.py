"""M4A uploads, decoded by FFmpeg: the one format that libsndfile does not read.

FFmpeg opens other files and addresses where a file tells it to, unless it is held: the demuxer is forced (the format
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
from musicgen.audio.mp4 import survey_boxes
from musicgen.audio.riff import FLOAT, WavFormat, parse_format, walk_chunks
from musicgen.audio.sources.base import BLOCK_FRAMES, Block, Source
from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings

CODECS = ("aac", "aac_latm", "alac", "flac", "mp3float", "mp3", "opus", "ac3", "eac3")
CPU_SECONDS_LEAST = 60.0
REAL_TIME_FACTOR = 20.0  # slower than this many times real time, decoding is given up
MESSAGE_BYTES = 4096
PROBED_SECONDS = 0.1
REFUSED_CODEC = "not on whitelist"


class M4aSource(Source):
    """AAC or ALAC (and MP3, FLAC, Opus, AC-3) in an MP4 container; pictures and further tracks are left out."""

    format = "m4a"
    is_lossy: ClassVar[bool] = True
    slack_seconds: ClassVar[float] = 0.5  # encoder delay and padding are in the header's figure

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        with open(path, "rb") as file:
            survey = survey_boxes(file)
        _check_boxes(survey.has_contents, survey.refers_outside, survey.n_sound)
        if survey.n_pictures:
            self.notes.append("The picture track of the file was left out.")
        if survey.n_sound > 1:
            self.notes.append(f"The file has {survey.n_sound} sound tracks; the first one was read.")
        with self._decoding() as (_, wav_format):
            self.sample_rate, self.n_channels = wav_format.sample_rate, wav_format.n_channels
        if survey.seconds is not None and not survey.is_fragmented:
            self.promised = int(survey.seconds * self.sample_rate)
        if survey.is_cut:
            self.problem = "the file ends inside its sound"

    def blocks(self) -> Generator[Block, None, None]:
        with self._decoding() as (stream, wav_format):
            while raw := stream.read(BLOCK_FRAMES * wav_format.frame_bytes):
                whole = len(raw) // wav_format.frame_bytes * wav_format.frame_bytes
                yield np.frombuffer(raw[:whole], "<f4").reshape(-1, self.n_channels)
        if not self.problem:  # what is missing was left out by the file's own list of edits
            self.promised = None

    def reaches(self, n_samples: int) -> bool:
        start = n_samples / self.sample_rate
        try:
            with self._decoding("-ss", f"{start:.3f}", seconds=PROBED_SECONDS) as (stream, wav_format):
                return len(stream.read(wav_format.frame_bytes)) == wav_format.frame_bytes
        except RejectedFile:  # nothing there
            return False

    @contextmanager
    def _decoding(self, *where: str, seconds: float | None = None) -> Iterator[tuple[BinaryIO, WavFormat]]:
        """FFmpeg's output behind its header. Sets `problem` where it ends with complaints.

        `where`: options in front of the input. `seconds`: of sound; None for all, up to just beyond the limit."""
        most = settings().max_audio_seconds + 1 if seconds is None else seconds
        cpu_seconds = max(CPU_SECONDS_LEAST, most / REAL_TIME_FACTOR)
        with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
            process = start_ffmpeg(self._arguments(where, most), folder=Path(folder), cpu_seconds=cpu_seconds)
            stream = cast(IO[bytes], process.stdout)
            complaints = _Complaints(cast(IO[bytes], process.stderr))
            try:
                yield cast(BinaryIO, stream), _read_header(cast(BinaryIO, stream), complaints)
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
            *("-hide_banner", "-nostdin", "-v", "repeat+error", "-protocol_whitelist", "file"),
            *("-format_whitelist", "mov,mp4,m4a", "-codec_whitelist", ",".join(CODECS), "-enable_drefs", "0"),
            *("-max_alloc", "268435456", "-probesize", "5000000", "-analyzeduration", "10000000", "-threads", "1"),
            *(*where, "-f", "mov", "-i", f"file:{self._path.resolve()}"),
            *("-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"),
            *("-t", f"{seconds:.3f}", "-fs", str(most_bytes), "-c:a", "pcm_f32le"),
            *("-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "wav", "pipe:1"),
        ]


class _Complaints:
    """FFmpeg's messages, read while it works (a full pipe would stop it); only the first ones are kept."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while piece := self._stream.read(MESSAGE_BYTES):
            self._kept += piece[: MESSAGE_BYTES - len(self._kept)]

    def first(self, *, with_codecs: bool = False) -> str:
        """The first one, without FFmpeg's own addresses; those about codecs of other tracks only where asked for."""
        self._thread.join(5.0)
        lines = [line.rpartition("] ")[2] for line in self._kept.decode("utf-8", "replace").splitlines()]
        wanted = [line for line in lines if (with_codecs or REFUSED_CODEC not in line) and "file:" not in line]
        return wanted[0].removeprefix("stream 0, ").rpartition(": ")[2].strip()[:120] if wanted else ""

    def close(self) -> None:
        self._thread.join(5.0)
        self._stream.close()


def _check_boxes(has_contents: bool, refers_outside: bool, n_sound: int) -> None:
    if refers_outside:
        rule = "An m4a file holds its own sound"
        raise RejectedFile(sentence(rule, "one that refers to another file", "Export it anew."), code="refers_outside")
    if not has_contents:
        raise RejectedFile(
            sentence(
                "An m4a file has a table of contents (moov)",
                "none: the file is cut off or was never finished",
                "Export or download it again.",
            ),
            code="damaged",
        )
    if not n_sound:
        raise RejectedFile(sentence("An m4a file has a sound track", "none"), code="no_sound")


def _read_header(stream: BinaryIO, complaints: _Complaints) -> WavFormat:
    """The format in the WAV header that FFmpeg writes first; RejectedFile where it ends without one."""
    stream.read(12)
    wav_format: WavFormat | None = None
    for chunk in walk_chunks(stream):
        if chunk.name == b"data" and wav_format is not None and wav_format.tag == FLOAT:
            return wav_format
        body = stream.read(chunk.size + chunk.size % 2)
        if chunk.name == b"fmt ":
            wav_format = parse_format(body)
    what, code = complaints.first(with_codecs=True) or "no sound", "damaged"
    if REFUSED_CODEC in what:
        what, code = what.partition(REFUSED_CODEC)[0].strip(), "unsupported_codec"
    raise RejectedFile(sentence("An m4a file holds AAC or ALAC", what, "Export it as WAV, FLAC or MP3."), code=code)
