"""Loudness by BS.1770, its fallback, and the gains that make several pieces equally loud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicgen.audio.loudness import BS1770, RMS, Loudness, matching_gains, measure_loudness
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip
from musicgen.clips import loudness as kept
from musicgen.clips.loudness import excerpt_loudness

pytestmark = pytest.mark.usefixtures("quick_children")

RATE = 48_000


def sine(level: float, seconds: float = 3.0, channels: int = 1, frequency: float = 997.0) -> Waveform:
    wave = level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)
    return Waveform(np.tile(wave.astype(np.float32), (channels, 1)), RATE)


def test_the_reference_tone_of_the_standard() -> None:
    """A 997 Hz sine of full scale in one channel is −3.01 LUFS (BS.1770-4, annex 1); in both, 0."""
    assert measure_loudness(sine(1.0)).lufs == pytest.approx(-3.01, abs=0.05)
    assert measure_loudness(sine(1.0, channels=2)).lufs == pytest.approx(0.0, abs=0.05)
    assert measure_loudness(sine(0.1)).lufs == pytest.approx(-23.01, abs=0.05)


def test_the_gate_leaves_out_pauses() -> None:
    tone = sine(0.5).samples
    pause = np.zeros((1, RATE * 6), np.float32)
    paused = measure_loudness(Waveform(np.concatenate([tone, pause], axis=1), RATE))
    assert paused.lufs == pytest.approx(measure_loudness(sine(0.5)).lufs, abs=0.5)


def test_low_tones_count_less_than_high_ones() -> None:
    low, high = (measure_loudness(sine(0.5, frequency=frequency)).lufs for frequency in (40.0, 4_000.0))
    assert high - low > 5


@pytest.mark.parametrize("seconds", [0.01, 0.3, 0.4])
def test_what_is_too_short_is_measured_as_rms(seconds: float) -> None:
    found = measure_loudness(sine(0.5, seconds))
    assert found.method == RMS
    assert found.lufs == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.3)
    assert measure_loudness(sine(0.5, 0.45)).method == BS1770


def test_silence_has_a_finite_loudness() -> None:
    found = measure_loudness(Waveform(np.zeros((2, RATE), np.float32), RATE))
    assert found.method == RMS
    assert np.isfinite(found.lufs)


def of(*pairs: tuple[float, float]) -> list[Loudness]:
    return [Loudness(lufs, peak, BS1770) for lufs, peak in pairs]


@pytest.mark.parametrize(
    "loudnesses",
    [
        of((-12.0, -1.0), (-30.0, -20.0)),
        of((-12.0, -1.0), (-20.0, -2.0)),
        of((-30.0, -9.0), (-10.0, -0.1), (-22.0, -0.5)),
    ],
)
def test_matched_pieces_are_equally_loud_and_nothing_clips(loudnesses: list[Loudness]) -> None:
    gains = matching_gains(loudnesses)
    after = [each.lufs + gain for each, gain in zip(loudnesses, gains, strict=True)]
    assert after == pytest.approx([after[0]] * len(after))
    assert all(each.peak_db + gain <= 1e-9 for each, gain in zip(loudnesses, gains, strict=True))


def test_the_quieter_one_is_raised_before_the_louder_one_is_lowered() -> None:
    assert matching_gains(of((-12.0, -1.0), (-30.0, -20.0))) == [0.0, 18.0]


def test_silence_is_left_alone() -> None:
    assert matching_gains(of((-12.0, -1.0), (-120.0, -120.0))) == [0.0, 0.0]
    assert matching_gains(of((-12.0, -1.0), (-120.0, -120.0), (-18.0, -8.0))) == [0.0, 0.0, 6.0]
    assert matching_gains([]) == []


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    sound = np.concatenate([sine(0.5, 2.0).samples, sine(0.05, 2.0).samples], axis=1)
    return write_audio_clip(tmp_path / "clip", Waveform(sound, RATE))


@pytest.mark.real_children
def test_an_excerpt_is_measured_once_in_a_child(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    loud, quiet = excerpt_loudness(clip, 0.0, 2.0), excerpt_loudness(clip, 2.0, 4.0)
    assert loud.lufs - quiet.lufs == pytest.approx(20.0, abs=0.1)
    monkeypatch.setattr(kept, "run_child", lambda *_, **__: pytest.fail("measured again"))
    assert excerpt_loudness(clip, 0.0, 2.0) == loud
    assert excerpt_loudness(clip, 2.0, 4.0) == quiet


def test_a_damaged_note_or_another_sound_is_measured_again(clip: Clip) -> None:
    before = excerpt_loudness(clip, 0.0, 2.0)
    (clip.folder / "loudness.json").write_text("{")
    assert excerpt_loudness(clip, 0.0, 2.0) == before
    write_audio_clip(clip.folder, sine(0.05, 4.0))
    assert excerpt_loudness(clip, 0.0, 2.0).lufs == pytest.approx(before.lufs - 20, abs=0.1)
