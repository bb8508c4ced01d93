"""Downloads: what other programs get is the clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicgen.audio import ffmpeg
from musicgen.audio.decoding import decode
from musicgen.audio.encoding import AUDIO_DOWNLOADS, encode_audio
from musicgen.audio.formats import sniff_audio
from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform, float_to_pcm16, pcm16_to_float
from musicgen.errors import InvalidInput, ResourceUnavailable
from tests.makers_audio import noise_pcm, sine


def stored(folder: Path, waveform: Waveform) -> Path:
    path = folder / "audio.wav"
    path.write_bytes(wav_bytes(waveform))
    return path


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("format", AUDIO_DOWNLOADS)
def test_a_download_sounds_like_the_clip(tmp_path: Path, format: str, n_channels: int) -> None:
    waveform = Waveform(sine(3.0, n_channels=n_channels), 44_100)
    content = encode_audio(stored(tmp_path, waveform), format)
    assert sniff_audio(content) == format
    path = tmp_path / "download"
    path.write_bytes(content)
    decoded = decode(path)
    assert (decoded.sample_rate, decoded.n_channels, decoded.warnings) == (44_100, n_channels, ())
    assert decoded.seconds == pytest.approx(3.0, abs=0.03)
    sound = np.concatenate([block.copy() for block in decoded.blocks()], axis=1)[:, 44_100 : 2 * 44_100]
    np.testing.assert_allclose(sound, waveform.samples[:, 44_100 : 2 * 44_100], atol=0.03)


def test_flac_is_lossless(tmp_path: Path) -> None:
    pcm = noise_pcm(200_000, n_channels=2)
    path = tmp_path / "download"
    path.write_bytes(encode_audio(stored(tmp_path, Waveform(pcm16_to_float(pcm), 96_000)), "flac"))
    decoded = decode(path)
    sound = np.concatenate([block.copy() for block in decoded.blocks()], axis=1)
    np.testing.assert_array_equal(float_to_pcm16(sound), np.maximum(pcm, -32_767))
    assert decoded.sample_rate == 96_000


@pytest.mark.parametrize(
    ("format", "sample_rate", "expected"),
    [
        ("mp3", 192_000, 48_000),
        ("mp3", 9_000, 11_025),
        ("mp3", 8_000, 8_000),
        ("ogg", 7_000, 8_000),
        ("m4a", 96_000, 96_000),
    ],
)
def test_sample_rates_that_a_format_does_not_know(tmp_path: Path, format: str, sample_rate: int, expected: int) -> None:
    waveform = Waveform(sine(2.0, sample_rate=sample_rate, n_channels=2), sample_rate)
    path = tmp_path / "download"
    path.write_bytes(encode_audio(stored(tmp_path, waveform), format))
    decoded = decode(path)
    assert decoded.sample_rate == expected
    assert decoded.seconds == pytest.approx(2.0, abs=0.05)
    sound = np.concatenate([block.copy() for block in decoded.blocks()], axis=1)[0, expected // 2 : expected // 2 * 3]
    assert np.argmax(np.abs(np.fft.rfft(sound[:expected]))) == 440


def test_no_such_format(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Received: wma"):
        encode_audio(stored(tmp_path, Waveform(sine(1.0), 44_100)), "wma")


def test_without_ffmpeg_only_m4a_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "_programs", list)
    ffmpeg.find_ffmpeg.cache_clear()
    try:
        path = stored(tmp_path, Waveform(sine(1.0), 44_100))
        assert encode_audio(path, "mp3")
        with pytest.raises(ResourceUnavailable, match="M4A files need FFmpeg"):
            encode_audio(path, "m4a")
    finally:
        ffmpeg.find_ffmpeg.cache_clear()


def test_the_newer_ffmpeg_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {Path("/a"): (5, 1, 9), Path("/b"): (9, 0, 2), Path("/c"): None, Path("/d"): (0,)}
    monkeypatch.setattr(ffmpeg, "_programs", lambda: list(versions))
    monkeypatch.setattr(ffmpeg, "_version", versions.__getitem__)
    ffmpeg.find_ffmpeg.cache_clear()
    try:
        assert ffmpeg.find_ffmpeg() == (Path("/b"), (9, 0, 2))
    finally:
        ffmpeg.find_ffmpeg.cache_clear()
    assert ffmpeg.find_ffmpeg  # the real one again
