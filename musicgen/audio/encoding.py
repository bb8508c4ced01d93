"""Encodes our own WAV files as mp3, flac, ogg and m4a for downloads. Children only: imports soundfile, starts FFmpeg.

Block by block, so that two hours need no more memory than a minute. libsndfile writes mp3, flac and ogg; FFmpeg is
only needed for m4a.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.ffmpeg import start_ffmpeg
from musicgen.audio.wav import WavInfo, read_pcm, wav_info
from musicgen.audio.waveform import pcm16_to_float
from musicgen.errors import InvalidInput, ResourceUnavailable, sentence

AUDIO_DOWNLOADS = ("wav", "mp3", "flac", "ogg", "m4a")
BLOCK_FRAMES = 1 << 16
MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
MP3_KBPS = {32_000: (32, 320), 16_000: (8, 160), 0: (8, 64)}  # from this sample rate on: lowest and highest rate
VORBIS_RATES = (8_000, 192_000)
SNDFILE: dict[str, dict[str, Any]] = {
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "VARIABLE", "compression_level": 0.2},  # V2
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "ogg": {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.4},  # quality 6, about 190 kbit/s in stereo
}
AAC_BITS_PER_CHANNEL = 96_000
MIN_CPU_SECONDS = 60.0
REAL_TIME_FACTOR = 5.0
MESSAGE_CHARACTERS = 200


def encode_audio(path: Path, format: str) -> bytes:
    """One of our own WAV files as the bytes of a file in `format`; see `encode_file`."""
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        target = Path(folder, f"clip.{format}")
        encode_file(path, target, format)
        return target.read_bytes()


def encode_file(path: Path, target: Path, format: str) -> None:
    """Write one of our own WAV files as a file in `format`.

    A sample rate that the format does not support (mp3: above 48,000 Hz, and odd ones) is changed to the next it does.

    Raises:
        InvalidInput: no such format. ResourceUnavailable: FFmpeg is missing or fails (m4a).
    """
    if format not in AUDIO_DOWNLOADS:
        rule = f"The format for sound must be one of {', '.join(AUDIO_DOWNLOADS)}"
        raise InvalidInput(sentence(rule, format), code="unknown_format")
    if format == "wav":
        shutil.copyfile(path, target)
    elif format == "m4a":
        _encode_m4a(path, target)
    else:
        _encode_sndfile(path, target, format)


def encode_small_mp3(path: Path, target: Path, kbps: int) -> None:
    """Write one of our own WAV files as an MP3 file of about this rate (kbit/s), for a page that has its sound inside.

    Every browser decodes MP3, and the file says how many samples are to be taken off in front and at the end."""
    import soundfile

    info = wav_info(path)
    rate = _known_rate(info.sample_rate, "mp3")
    low, high = next(limits for lowest, limits in MP3_KBPS.items() if rate >= lowest)
    level = float(np.clip((high - kbps) / (high - low), 0.0, 1.0))  # libsndfile: a level from the highest rate down
    settings = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "AVERAGE", "compression_level": level}
    channels = min(info.n_channels, 2)
    with soundfile.SoundFile(target, "w", rate, channels, **settings) as file:
        for block in _blocks(path, info, rate):
            sound = pcm16_to_float(block)
            file.write(sound if info.n_channels <= 2 else np.repeat(sound.mean(axis=1, keepdims=True), 2, axis=1))


def _encode_sndfile(path: Path, target: Path, format: str) -> None:
    import soundfile

    info = wav_info(path)
    sample_rate = _known_rate(info.sample_rate, format)
    with soundfile.SoundFile(target, "w", sample_rate, info.n_channels, **SNDFILE[format]) as file:
        for block in _blocks(path, info, sample_rate):
            # libsndfile 1.2.2 garbles stereo mp3 that is written from 16-bit integers
            file.write(block if format == "flac" else pcm16_to_float(block))


def _blocks(path: Path, info: WavInfo, sample_rate: int) -> Iterator[NDArray[np.int16]]:
    """The sound in blocks of shape (n, n_channels)."""
    starts = range(0, info.n_samples, BLOCK_FRAMES)
    pieces = (read_pcm(path, info, start, start + BLOCK_FRAMES).T for start in starts)
    if sample_rate == info.sample_rate:
        yield from (np.ascontiguousarray(piece) for piece in pieces)
        return
    import soxr

    stream = soxr.ResampleStream(info.sample_rate, sample_rate, info.n_channels, dtype="int16", quality="HQ")
    for start, piece in zip(starts, pieces, strict=True):
        yield stream.resample_chunk(np.ascontiguousarray(piece), last=start + BLOCK_FRAMES >= info.n_samples)


def _known_rate(sample_rate: int, format: str) -> int:
    if format == "mp3" and sample_rate not in MP3_RATES:
        return next((rate for rate in MP3_RATES if rate > sample_rate), MP3_RATES[-1])
    return int(np.clip(sample_rate, *VORBIS_RATES)) if format == "ogg" else sample_rate


def _encode_m4a(path: Path, target: Path) -> None:
    """AAC by FFmpeg, with the index in front."""
    info = wav_info(path)
    arguments = [
        *("-hide_banner", "-nostdin", "-y", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", "wav"),
        *("-threads", "1", "-f", "wav", "-i", f"file:{path.resolve()}", "-map", "0:a:0", "-map_metadata", "-1"),
        *("-c:a", "aac", "-b:a", str(AAC_BITS_PER_CHANNEL * info.n_channels), "-movflags", "+faststart"),
        *("-f", "ipod", f"file:{target.resolve()}"),
    ]
    cpu_seconds = max(MIN_CPU_SECONDS, info.seconds / REAL_TIME_FACTOR)
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        process = start_ffmpeg(
            arguments, folder=Path(folder), cpu_seconds=cpu_seconds, file_bytes=path.stat().st_size + (1 << 20)
        )
        _, messages = process.communicate()
    if process.returncode or not target.is_file():
        what = messages.decode("utf-8", "replace").strip()[-MESSAGE_CHARACTERS:] or f"status {process.returncode}"
        raise ResourceUnavailable(
            sentence("FFmpeg must be able to encode AAC", what, "Choose another format."), code="encoder_failed"
        )
