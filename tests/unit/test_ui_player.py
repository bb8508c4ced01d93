"""Stretches of WAV files: the very samples, stamped, in bounded memory."""

from __future__ import annotations

import io
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from musicgen.audio.wav import WavWriter, wav_bytes, wav_info, wav_stretch
from musicgen.audio.waveform import Waveform


def a_waveform(seconds: float = 2.0, n_channels: int = 2) -> Waveform:
    noise = np.random.default_rng(7).uniform(-0.6, 0.6, (n_channels, int(seconds * 8_000)))
    return Waveform(noise.astype(np.float32), 8_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "audio.wav"
    target.write_bytes(wav_bytes(a_waveform()))
    return target


def samples_of(content: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())


def test_a_stretch_is_what_wav_bytes_makes_of_it(path: Path) -> None:
    assert wav_stretch(path, 100, 900) == wav_bytes(a_waveform().between(100, 900))


def test_the_whole_file_is_itself(path: Path) -> None:
    assert wav_stretch(path) == path.read_bytes()


def test_equal_lengths_have_different_stamps(path: Path, tmp_path: Path) -> None:
    stamps = []
    for start in (0, 1_000):
        target = tmp_path / f"{start}.wav"
        target.write_bytes(wav_stretch(path, start, start + 500))
        stamps.append(wav_info(target).stamp)
    assert stamps[0] != stamps[1]


def test_stretches_beyond_the_end_are_cut_there(path: Path) -> None:
    assert len(samples_of(wav_stretch(path, 15_000, 99_000))) == 1_000
    assert len(samples_of(wav_stretch(path, 99_000))) == 0


def test_a_long_stretch_takes_little_more_than_itself(tmp_path: Path) -> None:
    target = tmp_path / "long.wav"
    block = np.zeros((2, 1 << 18), np.float32)
    with WavWriter(target, 44_100, 2) as writer:
        for _ in range(20):
            writer.write(block)
    tracemalloc.start()
    content = wav_stretch(target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(content) + 16_000_000  # the result and some blocks
