"""Clips: what was stored is what is heard and seen, however long it is and however far one zooms in."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from musicgen.audio.formats import sniff_audio
from musicgen.audio.wav import wav_bytes, wav_info
from musicgen.audio.waveform import Waveform, float_to_pcm16, pcm16_to_float
from musicgen.clips import Clip, ensure_audio, sounding, write_audio_clip, write_score_clip
from musicgen.clips.exports import AUDIO_EXPORTS, export_clip, export_formats, export_path
from musicgen.errors import CorruptArtifact, InvalidInput, MusicgenError, WrongState
from tests.makers_audio import noise_pcm, sine
from tests.makers_midi import four_part_score, scale_score

ROOT = Path(__file__).resolve().parents[2]
RATE = 44_100


@pytest.fixture
def noise(tmp_path: Path) -> tuple[Clip, NDArray[np.float32]]:
    """A clip of 20 seconds in stereo, and its samples."""
    samples = pcm16_to_float(noise_pcm(20 * RATE, n_channels=2)) * np.float32(0.5)
    samples[:, 5 * RATE] = 1.0
    samples = pcm16_to_float(float_to_pcm16(samples))
    return write_audio_clip(tmp_path / "clip", Waveform(samples, RATE)), samples


@pytest.fixture
def melody(tmp_path: Path, home: Path) -> Clip:
    return write_score_clip(tmp_path / "melody", scale_score(8))


# --- sound ----------------------------------------------------------------------------------------------------------


def test_facts_of_sound(noise: tuple[Clip, NDArray[np.float32]]) -> None:
    clip, samples = noise
    facts = clip.facts
    assert {name: facts[name] for name in ("medium", "seconds", "sample_rate", "n_channels", "n_samples")} == {
        "medium": "audio",
        "seconds": 20.0,
        "sample_rate": RATE,
        "n_channels": 2,
        "n_samples": 20 * RATE,
    }
    assert facts["peak_db"] == 0.0
    assert facts["rms_db"] == pytest.approx(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))), abs=0.01)
    assert facts["silence_share"] == 0.0
    assert facts["sha256"] == wav_info(clip.audio_path).stamp
    assert (clip.medium, clip.seconds, clip.has_audio) == ("audio", 20.0, True)
    assert json.loads(json.dumps(facts)) == facts


def test_blocks_and_the_whole_make_the_same_clip(tmp_path: Path, noise: tuple[Clip, NDArray[np.float32]]) -> None:
    clip, samples = noise

    def blocks() -> Iterator[NDArray[np.float32]]:
        buffer = np.empty((2, 30_011), np.float32)  # one buffer for all blocks, as decoders have it
        for start in range(0, samples.shape[1], 30_011):
            piece = samples[:, start : start + 30_011]
            buffer[:, : piece.shape[1]] = piece
            yield buffer[:, : piece.shape[1]]

    other = write_audio_clip(tmp_path / "other", blocks(), RATE)
    for name in ("audio.wav", "facts.json", "envelope.npz", "spectrogram.npz"):
        assert (other.folder / name).read_bytes() == (clip.folder / name).read_bytes()
    assert sorted(path.name for path in other.folder.iterdir()) == [
        "audio.wav",
        "envelope.npz",
        "facts.json",
        "pictures",
        "spectrogram.npz",
    ]
    for picture in ("waveform.bin", "spectrogram.bin"):
        assert (other.folder / "pictures" / picture).read_bytes() == (clip.folder / "pictures" / picture).read_bytes()


def test_a_stretch_of_sound(noise: tuple[Clip, NDArray[np.float32]]) -> None:
    clip, samples = noise
    np.testing.assert_array_equal(clip.waveform().samples, samples)
    np.testing.assert_array_equal(clip.waveform(3.0, 4.5).samples, samples[:, 3 * RATE : int(4.5 * RATE)])
    assert clip.waveform(19.5, 99.0).seconds == 0.5
    assert clip.waveform(-3.0, 1.0).seconds == 1.0
    assert clip.waveform(30.0).n_samples == 0
    assert clip.waveform(5.0, 4.0).n_samples == 0


@pytest.mark.parametrize(("start", "stop"), [(0.0, None), (4.0, 6.0), (4.99, 5.01), (0.0, 20.0), (19.9, 25.0)])
def test_the_envelope_encloses_the_samples_at_every_zoom(
    noise: tuple[Clip, NDArray[np.float32]], start: float, stop: float | None
) -> None:
    clip, samples = noise
    envelope = clip.envelope(start, stop, 600)
    stretch = samples[:, round(start * RATE) : None if stop is None else round(stop * RATE)]
    assert envelope.time.size <= 600
    assert envelope.low.shape == envelope.high.shape == (2, envelope.time.size)
    assert start <= envelope.time[0] <= envelope.time[-1] <= 20.0
    assert (envelope.high.max(axis=1) >= stretch.max(axis=1)).all()
    assert (envelope.low.min(axis=1) <= stretch.min(axis=1)).all()
    if start < 5.0 < (stop or 20.0):
        assert envelope.time[np.argmax(envelope.high[0])] == pytest.approx(5.0, abs=0.04)


def test_zoomed_in_far_enough_the_envelope_is_the_sound(noise: tuple[Clip, NDArray[np.float32]]) -> None:
    clip, samples = noise
    envelope = clip.envelope(5.0, 5.0 + 100 / RATE, 600)
    np.testing.assert_array_equal(envelope.low, samples[:, 5 * RATE : 5 * RATE + 100])
    np.testing.assert_array_equal(envelope.low, envelope.high)
    assert envelope.time[0] == pytest.approx(5.0)


def test_pictures_of_nothing_are_empty(noise: tuple[Clip, NDArray[np.float32]]) -> None:
    clip, _ = noise
    assert clip.envelope(30.0, 40.0, 100).time.size == 0
    assert clip.spectrogram(30.0, 40.0).level_db.shape[1] == 0


def test_the_spectrogram_follows_the_sound(tmp_path: Path) -> None:
    notes = [220.0, 440.0, 880.0, 1760.0]
    samples = np.concatenate([sine(5.0, frequency=frequency, peak=0.25) for frequency in notes], axis=1)
    clip = write_audio_clip(tmp_path / "clip", Waveform(samples, RATE))
    for start, stop in ((0.0, None), (0.0, 20.0), (4.0, 6.0), (4.9, 5.1), (17.0, 20.0)):
        picture = clip.spectrogram(start, stop)
        assert picture.level_db.shape == (picture.frequency.size, picture.time.size)
        assert 0 < picture.time.size <= 800
        assert (np.diff(picture.frequency) > 0).all()
        assert start <= picture.time[0] <= picture.time[-1] <= 20.0
        for column in range(0, picture.time.size, 7):
            time = picture.time[column]
            if 0.1 < time % 5.0 < 4.9:
                loudest = int(np.argmax(picture.level_db[:, column]))
                assert picture.frequency[loudest] == pytest.approx(notes[int(time // 5.0)], rel=0.01)
                assert picture.level_db[loudest, column] == pytest.approx(-12.0, abs=2.0)


def test_half_a_second_and_one_sample_are_clips(tmp_path: Path) -> None:
    for n_samples in (1, 4_000):
        clip = write_audio_clip(tmp_path / str(n_samples), Waveform(sine(1.0)[:, :n_samples], 8_000))
        assert clip.envelope(0.0, None, 100).time.size == min(n_samples, 100)
        assert clip.spectrogram().level_db.shape[1] > 0


def test_long_sound_takes_little_memory(tmp_path: Path) -> None:
    block = sine(1.5, n_channels=2)
    minutes = 6

    tracemalloc.start()
    clip = write_audio_clip(tmp_path / "clip", (block for _ in range(minutes * 40)), RATE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert clip.seconds == minutes * 60
    assert peak < 40e6  # the samples alone are 127 MB as floats
    tracemalloc.start()
    clip.envelope(0.0, None, 1000)
    clip.spectrogram()
    clip.spectrogram(100.0, 130.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25e6


def test_bad_sound_leaves_nothing(tmp_path: Path) -> None:
    bad = {
        "empty": ([], "no samples"),
        "empty blocks": ([np.zeros((2, 0), np.float32)], "no samples"),
        "NaN": ([sine(1.0), np.full((1, 5), np.nan, np.float32)], "finite"),
        "other shape": ([sine(1.0), sine(1.0, n_channels=2)], "shape"),
    }
    for name, (blocks, message) in bad.items():
        with pytest.raises(InvalidInput, match=message):
            write_audio_clip(tmp_path / name, blocks, RATE)
        assert list((tmp_path / name).iterdir()) == []


def test_a_clip_that_is_not_whole_says_so(tmp_path: Path, noise: tuple[Clip, NDArray[np.float32]]) -> None:
    with pytest.raises(CorruptArtifact, match="must have facts"):
        _ = Clip(tmp_path / "nowhere").seconds
    clip, _ = noise
    (clip.folder / "envelope.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(CorruptArtifact, match=r"envelope\.npz"):
        clip.envelope()
    with pytest.raises(WrongState, match="written music"):
        clip.roll()
    with pytest.raises(WrongState, match="written music"):
        clip.score()


# --- written music --------------------------------------------------------------------------------------------------


def test_a_score_is_kept_with_its_roll_and_facts(tmp_path: Path) -> None:
    score = four_part_score(12)
    clip = write_score_clip(tmp_path / "clip", score)
    assert clip.medium == "midi"
    assert not clip.has_audio
    assert clip.facts["num_notes"] == score.num_notes
    assert clip.seconds == pytest.approx(score.seconds)
    roll = clip.roll()
    np.testing.assert_allclose(roll.onset, score.onset)
    np.testing.assert_allclose(roll.offset, score.offset)
    np.testing.assert_array_equal(roll.pitch, score.notes["pitch"])
    np.testing.assert_array_equal(roll.velocity, score.notes["velocity"])
    np.testing.assert_array_equal(roll.track, score.notes["track"])
    assert roll.seconds == pytest.approx(score.seconds)
    np.testing.assert_array_equal(clip.score().notes, score.notes)
    for read in (clip.waveform, clip.envelope, clip.spectrogram):
        with pytest.raises(WrongState, match="ensure_audio"):
            read()


def test_sound_is_made_once_whoever_asks(melody: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = sounding.run_child

    def counted(module: str, *arguments: object, **options: object) -> object:
        calls.append(module)
        return real(module, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sounding, "run_child", counted)
    threads = [threading.Thread(target=ensure_audio, args=(melody,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ensure_audio(melody)
    assert calls == ["musicgen.clips.rendering"]
    facts = melody.facts
    assert facts["medium"] == "midi"
    assert facts["num_notes"] == 8
    assert facts["audio"]["sample_rate"] == RATE
    assert facts["audio"]["rms_db"] > -60
    assert facts["audio"]["renderer"]
    assert facts["audio"]["sha256"] == wav_info(melody.audio_path).stamp
    assert melody.seconds <= melody.waveform().seconds < melody.seconds + 5
    assert melody.envelope(0.0, None, 100).high.max() > 0.05
    assert melody.spectrogram().level_db.max() > -60
    assert not list(melody.folder.glob(".rendering-*"))


def test_a_rendering_that_fails_is_said_and_can_be_tried_again(melody: Clip) -> None:
    good = melody.score_path.read_bytes()
    melody.score_path.write_bytes(b"MThd, and nothing else")
    with pytest.raises(MusicgenError):
        ensure_audio(melody)
    assert not melody.has_audio
    melody.score_path.write_bytes(good)
    ensure_audio(melody)
    assert melody.has_audio


def test_there_is_no_sound_without_sound_or_score(tmp_path: Path, home: Path) -> None:
    with pytest.raises(WrongState, match="must have sound or a score"):
        ensure_audio(Clip(tmp_path))


# --- downloads ------------------------------------------------------------------------------------------------------


def test_sound_in_every_format_and_made_once(tmp_path: Path, home: Path) -> None:
    clip = write_audio_clip(tmp_path / "clip", Waveform(sine(2.0, n_channels=2), RATE))
    assert export_formats("audio") == AUDIO_EXPORTS
    for format in AUDIO_EXPORTS:
        content = export_clip(clip, format)
        assert sniff_audio(content) == format
    assert export_clip(clip, "wav") == wav_bytes(clip.waveform())
    made = {path: path.stat().st_mtime_ns for path in (clip.folder / "exports").iterdir()}
    assert {path.name for path in made} == {"clip.mp3", "clip.flac", "clip.ogg", "clip.m4a"}
    export_path(clip, "mp3")
    assert {path: path.stat().st_mtime_ns for path in made} == made
    for format in ("mid", "musicxml", "svg", "pdf"):
        with pytest.raises(WrongState, match="Choose wav"):
            export_clip(clip, format)
    with pytest.raises(InvalidInput, match="Received: exe"):
        export_clip(clip, "exe")


def test_written_music_as_notes_and_as_sound(melody: Clip) -> None:
    assert export_clip(melody, "mid") == melody.score_path.read_bytes()
    assert b"score-partwise" in export_clip(melody, "musicxml")
    assert not melody.has_audio
    assert sniff_audio(export_clip(melody, "mp3")) == "mp3"
    assert export_clip(melody, "wav") == melody.audio_path.read_bytes()


# --- the server's half ----------------------------------------------------------------------------------------------


def test_reading_clips_loads_nothing_heavy(noise: tuple[Clip, NDArray[np.float32]]) -> None:
    code = """
import json, re, sys
from pathlib import Path
from musicgen.clips import Clip
from musicgen.clips.exports import export_clip, export_formats
from musicgen.audio.levels import rms_db
from musicgen.audio.wav import wav_bytes
clip = Clip(Path(sys.argv[1]))
clip.facts, clip.envelope(0, None, 500), clip.spectrogram(), clip.spectrogram(1, 2), rms_db(clip.waveform(1, 2))
wav_bytes(clip.waveform(0, 5))
heavy = {"tensorflow", "keras", "librosa", "music21", "numba", "scipy", "symusic", "soundfile", "soxr", "pydub"}
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([sorted(heavy & set(sys.modules)), peak]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(noise[0].folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy, megabytes = json.loads(done.stdout)
    assert heavy == []
    assert megabytes < 120


@pytest.mark.slow
def test_an_hour_in_stereo_within_a_minute_and_400_mb(tmp_path: Path) -> None:
    code = """
import json, re, sys, time
from pathlib import Path
import numpy as np
from musicgen.clips import write_audio_clip
block = np.random.default_rng(0).normal(0, 0.1, (2, 65536)).astype(np.float32)
start = time.process_time()
clip = write_audio_clip(Path(sys.argv[1]), (block for _ in range(3600 * 44100 // 65536)), 44100)
spent = time.process_time() - start
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([clip.seconds, spent, peak]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "clip")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, processor_seconds, megabytes = json.loads(done.stdout)
    assert seconds > 3590
    assert processor_seconds < 60
    assert megabytes < 400
