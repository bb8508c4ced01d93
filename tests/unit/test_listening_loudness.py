"""The loudness that excerpts are matched by: against the standard's own figures and FFmpeg's meter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from musicgen.audio.loudness import measure_loudness
from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput
from musicgen.listening.finishing import equally_loud, faded


def sine(seconds: float, *, level: float = 1.0, rate: int = 48_000, channels: int = 1) -> Waveform:
    samples = level * np.sin(2 * np.pi * 997.0 * np.arange(round(seconds * rate)) / rate)
    return Waveform(np.repeat(samples[None], channels, axis=0).astype(np.float32), rate)


def ebur128(sound: Waveform, folder: Path) -> float:
    (folder / "sound.wav").write_bytes(wav_bytes(sound))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", "sound.wav", "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


@pytest.mark.parametrize(("level_db", "channels", "lufs"), [(0.0, 1, -3.01), (-20.0, 1, -23.01), (-20.0, 2, -20.0)])
def test_a_997_hz_sine_has_the_loudness_that_the_standard_says(level_db: float, channels: int, lufs: float) -> None:
    measured = measure_loudness(sine(3.0, level=10 ** (level_db / 20), channels=channels))
    assert measured.lufs == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_excerpts_end_equally_loud_by_another_meter(rate: int, tmp_path: Path) -> None:
    """A hum, noise with a loud and a soft half, and clicks, up to 40 dB apart, measured by FFmpeg's ebur128."""
    rng, time = np.random.default_rng(3), np.arange(6 * rate) / rate
    uneven = rng.normal(0, 0.1, 6 * rate) * np.repeat([1.0, 0.02], 3 * rate)
    clicks = np.where(np.arange(6 * rate) % (rate // 4) < 30, 0.8, 0.0)
    sounds = [0.5 * np.sin(2 * np.pi * 60 * time), uneven, clicks, 0.003 * rng.normal(0, 1, 6 * rate)]
    waveforms = [faded(Waveform(np.clip(each, -1, 1).astype(np.float32), rate)) for each in sounds]
    matched, target = equally_loud(waveforms)
    for sound in matched:
        assert ebur128(sound, tmp_path) == pytest.approx(target, abs=0.3)
        assert np.abs(sound.samples).max() <= 10 ** (-1 / 20) + 1e-6


def test_silence_cannot_be_made_loud() -> None:
    with pytest.raises(InvalidInput, match="Received: 1 silent ones"):
        equally_loud([sine(1.0, level=0.1), Waveform(np.zeros((1, 48_000)), 48_000)])
