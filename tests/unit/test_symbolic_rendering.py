"""Scores to sound, by whatever synthesiser this machine has and by the one that comes with pip."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest
from makers_midi import four_part_score, melody_score, midi_bytes, scale_score

from musicgen.audio.wav import read_wav, wav_info
from musicgen.errors import RejectedFile, ResourceUnavailable
from musicgen.symbolic import rendering, sound_fonts, synthesis
from musicgen.symbolic.midi import assign_channels, write_midi
from musicgen.symbolic.rendering import render_midi, render_score
from musicgen.symbolic.score import CONTROL_DTYPE, Score, Track, make_notes
from musicgen.symbolic.sound_fonts import bundled_sound_font, fluidsynth_program, system_sound_font

has_fluidsynth = pytest.mark.skipif(
    not (fluidsynth_program() and (system_sound_font() or bundled_sound_font())), reason="FluidSynth is not installed"
)


@pytest.fixture(params=["installed", "pip only"])
def synthesiser(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip only":
        monkeypatch.setattr(rendering, "fluidsynth_program", lambda: None)
        return "symusic"
    if not fluidsynth_program():
        pytest.skip("FluidSynth is not installed")
    return "FluidSynth"


def test_a_scale_becomes_sound_of_the_right_length_and_level(synthesiser: str, tmp_path: Path) -> None:
    write_midi(scale_score(12), tmp_path / "scale.mid")
    name = render_midi(tmp_path / "scale.mid", tmp_path / "scale.wav")
    assert name.startswith(synthesiser)
    info = wav_info(tmp_path / "scale.wav")
    assert (info.sample_rate, info.n_channels) == (44_100, 2)
    assert 6.05 <= info.seconds <= 8.0
    samples = read_wav(tmp_path / "scale.wav").samples
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-1.0, abs=0.05)
    assert np.sqrt((samples**2).mean()) > 0.02
    assert np.abs(samples[:, -10:]).max() < 1e-3


def test_the_sound_has_the_pitches_of_the_score_at_their_times(synthesiser: str, tmp_path: Path) -> None:
    render_score(melody_score([69, 57, 81], program=73), tmp_path / "notes.wav")
    samples = read_wav(tmp_path / "notes.wav").samples.mean(axis=0)
    for index, frequency in enumerate((440.0, 220.0, 880.0)):
        piece = samples[int((0.5 * index + 0.1) * 44_100) :][:16_384] * np.hanning(16_384)
        spectrum = np.abs(np.fft.rfft(piece))
        near = {
            harmonic: spectrum[round(harmonic * 16_384 / 44_100) + np.arange(-3, 4)].max()
            for harmonic in (220.0, 440.0, 880.0)
        }
        assert near[frequency] > 0.3 * max(near.values())
        assert near[frequency] > 20 * np.median(spectrum)


def test_a_late_start_stays_where_it_is(synthesiser: str, tmp_path: Path) -> None:
    render_score(Score(make_notes(4 * 960, 480, 60, 100)), tmp_path / "late.wav")
    samples = np.abs(read_wav(tmp_path / "late.wav").samples).max(axis=0)
    first = np.flatnonzero(samples > 0.05)[0] / 44_100
    assert first == pytest.approx(4.0, abs=0.08)


def test_drums_and_notes_of_no_length_are_heard(synthesiser: str, tmp_path: Path) -> None:
    for score in (
        Score(make_notes(np.arange(8) * 240, 120, [36, 42, 38, 42] * 2, 90), tracks=(Track("Kit", 0, True),)),
        Score(make_notes(np.arange(8) * 240, 0, 60, 90)),
    ):
        render_score(score, tmp_path / "short.wav")
        assert np.abs(read_wav(tmp_path / "short.wav").samples).max() > 0.8


def test_another_sample_rate(synthesiser: str, tmp_path: Path) -> None:
    render_score(scale_score(4), tmp_path / "low.wav", sample_rate=22_050)
    info = wav_info(tmp_path / "low.wav")
    assert info.sample_rate == 22_050
    assert 2.0 < info.seconds < 4.1


def test_the_same_score_sounds_the_same_twice(synthesiser: str, tmp_path: Path) -> None:
    for name in ("one.wav", "two.wav"):
        render_score(four_part_score(4), tmp_path / name)
    assert wav_info(tmp_path / "one.wav").stamp == wav_info(tmp_path / "two.wav").stamp


def test_more_instruments_than_channels_are_all_heard(synthesiser: str, tmp_path: Path) -> None:
    tracks = tuple(Track(str(index), 73) for index in range(40))
    notes = make_notes(np.arange(40) * 480, 470, 60, 90, np.arange(40))
    score = Score(notes, tracks=tracks)
    assert len({port for port, _ in assign_channels(tracks)}) == 3
    render_score(score, tmp_path / "forty.wav")
    samples = read_wav(tmp_path / "forty.wav").samples
    levels = [np.abs(samples[:, int((0.5 * i + 0.1) * 44_100) :][:, :8_000]).max() for i in range(40)]
    assert min(levels) > 0.5 * max(levels)


def test_windows_of_the_second_synthesiser_join_without_a_seam(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = bundled_sound_font()
    assert font is not None
    score = four_part_score(8)
    whole = np.concatenate(list(synthesis.symusic_blocks(score, font, 22_050)), axis=1)
    monkeypatch.setattr(synthesis, "WINDOW_SECONDS", 1.0)
    pieces = np.concatenate(list(synthesis.symusic_blocks(score, font, 22_050)), axis=1)
    length = round(score.seconds * 22_050)
    assert np.abs(whole[:, :length] - pieces[:, :length]).max() < 0.02 * np.abs(whole).max()


@has_fluidsynth
def test_the_pedal_is_heard(home: Path, tmp_path: Path) -> None:
    notes = make_notes([0, 1_920], 100, [60, 61], [100, 30])
    pedal = np.array([(0, 64, 127, 0), (1_900, 64, 0, 0)], CONTROL_DTYPE)
    levels = []
    for controls in (np.empty(0, CONTROL_DTYPE), pedal):
        render_score(Score(notes, controls=controls), tmp_path / "pedal.wav")
        piece = read_wav(tmp_path / "pedal.wav", int(1.0 * 44_100), int(1.5 * 44_100))
        levels.append(float(np.sqrt((piece.samples**2).mean())))
    assert levels[1] > 5 * levels[0]


@has_fluidsynth
def test_a_fluidsynth_that_takes_too_long_is_ended_and_replaced(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("musicgen.symbolic.fluidsynth.fluidsynth_program", lambda: _program(tmp_path, "exec sleep 60"))
    monkeypatch.setenv("MUSICGEN_RENDER_SECONDS", "0.3")
    start = time.monotonic()
    blocks = synthesis.fluidsynth_blocks(scale_score(4), Path("any.sf2"), 44_100, seconds=0.3)
    with pytest.raises(ResourceUnavailable) as caught:
        next(blocks)
    assert caught.value.code == "timeout"
    assert render_score(scale_score(4), tmp_path / "sound.wav").startswith("symusic")
    assert time.monotonic() - start < 10


@has_fluidsynth
@pytest.mark.parametrize("script", ["exit 3", "exit 0", "printf abc; exit 1", "head -c 80000 /dev/zero; kill -9 $$"])
def test_a_failing_fluidsynth_is_replaced(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr("musicgen.symbolic.fluidsynth.fluidsynth_program", lambda: _program(tmp_path, script))
    assert render_score(scale_score(4), tmp_path / "sound.wav").startswith("symusic")
    assert np.abs(read_wav(tmp_path / "sound.wav").samples).max() > 0.8


def test_without_any_synthesiser_one_sentence_says_what_to_do(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "fluidsynth_program", lambda: None)
    monkeypatch.setattr(rendering, "bundled_sound_font", lambda: None)
    with pytest.raises(ResourceUnavailable, match="synthesiser and a sound font"):
        render_score(scale_score(4), tmp_path / "never.wav")


def test_a_bad_midi_file_is_rejected_before_any_synthesiser(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mid").write_bytes(midi_bytes()[:12])
    with pytest.raises(RejectedFile):
        render_midi(tmp_path / "bad.mid", tmp_path / "bad.wav")


def test_the_sound_font_of_the_settings_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = tmp_path / "my.sf2"
    font.write_bytes(b"RIFF")
    monkeypatch.setenv("MUSICGEN_SOUND_FONT", str(font))
    assert system_sound_font() == font
    monkeypatch.setenv("MUSICGEN_SOUND_FONT", str(tmp_path / "missing.sf2"))
    with pytest.raises(ResourceUnavailable, match="MUSICGEN_SOUND_FONT"):
        system_sound_font()


def test_sound_fonts_are_looked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSICGEN_SOUND_FONT", raising=False)
    monkeypatch.setattr(sound_fonts, "FOLDERS", (tmp_path,))
    assert system_sound_font() is None
    for name in ("a.sf2", "FluidR3_GM.sf2", "default.sf3"):
        (tmp_path / name).touch()
    assert system_sound_font() == tmp_path / "FluidR3_GM.sf2"
    assert bundled_sound_font() is not None


def _program(folder: Path, script: str) -> str:
    path = folder / "fluidsynth"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return os.fspath(path)
