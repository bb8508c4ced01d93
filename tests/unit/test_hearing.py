"""Songs heard as notes: windows, posteriors to notes, beats, the score, and the whole of it on one short piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import CommandLine
from makers_audio import sine

from musicgen.audio.waveform import Waveform
from musicgen.clips import write_audio_clip
from musicgen.errors import Cancelled, InvalidInput, ResourceUnavailable
from musicgen.hearing import USUAL_CONFIDENCE, network, onsets
from musicgen.hearing.beats import BeatGrid, even_beats, find_bars, from_zero, steady_beats
from musicgen.hearing.heard import add_heard, draft, hear, heard_name, read_heard
from musicgen.hearing.network import Posteriors
from musicgen.hearing.notes import HeardNotes, find_notes, stretches
from musicgen.hearing.onsets import Moments, find_moments, looks, peaks
from musicgen.hearing.spectra import MIDDLE, NUM_BANDS, QUIET, SIZES, SPREAD, beside_level, pitch_spectra
from musicgen.hearing.windows import (
    EDGE_FRAMES,
    FRAME_SECONDS,
    HOP,
    KEPT_FRAMES,
    SAMPLE_RATE,
    WINDOW,
    count_frames,
    count_windows,
    rises,
    windows,
)
from musicgen.hearing.writing_down import heard_score
from musicgen.processes import run_child
from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import get_song
from musicgen.symbolic.midi import read_midi, score_to_midi_bytes
from musicgen.symbolic.rendering import render_score
from musicgen.symbolic.rolls import main_tempo, main_time_signature
from musicgen.symbolic.score import TempoChange
from tests.makers_midi import melody_score, midi_bytes


def heard_notes(onset: object, pitch: object = 60, *, seconds: float = 0.3, confidence: object = 0.9) -> HeardNotes:
    onset = np.sort(np.atleast_1d(np.asarray(onset, np.float64)))
    pitches = np.broadcast_to(np.asarray(pitch, np.uint8), onset.shape)
    sure = np.broadcast_to(np.asarray(confidence, np.float64), onset.shape)
    notes = HeardNotes(onset, onset + seconds, onset + seconds, pitches, np.full(onset.size, 80, np.uint8), sure)
    return notes.above(0.0)


def posteriors(n_frames: int = 200) -> Posteriors:
    """Of silence: what the network answers where there is nothing."""
    quiet = [np.full((n_frames, 88), 0.1, np.float16) for _ in range(3)]
    spectra = np.full((n_frames, len(SIZES), NUM_BANDS), (np.log(QUIET) - MIDDLE) / SPREAD, np.float16)
    return Posteriors(*quiet, np.zeros(n_frames, np.float32), spectra)


def strike_at(heard: Posteriors, pitch: int, start: int, stop: int) -> None:
    """A note of a piano: a broad peak of the onset posterior, and a note posterior that rises fast and decays."""
    key = pitch - 21
    heard.onset[start - 3 : start + 4, key] = [0.2, 0.4, 0.75, 0.95, 0.75, 0.4, 0.2]
    heard.note[start - 3 : start + 3, key] = np.linspace(0.15, 0.8, 6)
    heard.note[start + 3 : stop, key] = np.linspace(0.8, 0.45, stop - start - 3)
    heard.contour[start:stop, key] = np.linspace(0.9, 0.4, stop - start)
    heard.rise[start - 1 : start + 2] = [0.05, 0.2, 0.1]


@pytest.mark.parametrize("n_samples", [1, HOP, WINDOW - EDGE_FRAMES * HOP, WINDOW, KEPT_FRAMES * HOP, 200_001])
def test_kept_frames_of_the_windows_are_the_frames_of_the_sound(n_samples: int) -> None:
    sound = np.arange(1, n_samples + 1, dtype=np.float32)
    given = list(windows(iter(np.array_split(sound, 7))))
    assert {window.shape for window in given} == {(WINDOW,)}
    n_frames = count_frames(n_samples)
    assert len(given) == count_windows(n_frames)
    kept = np.concatenate([w[EDGE_FRAMES * HOP : (EDGE_FRAMES + KEPT_FRAMES) * HOP : HOP] for w in given])
    assert np.array_equal(kept[:n_frames], sound[::HOP])


def test_the_spectrum_rises_where_a_tone_begins() -> None:
    sound = np.zeros(WINDOW, np.float32)
    sound[60 * HOP :] = sine(2.0, sample_rate=SAMPLE_RATE)[0][: WINDOW - 60 * HOP]
    rise = rises(sound)
    assert rise.shape == (KEPT_FRAMES,)
    assert abs(int(rise.argmax()) + EDGE_FRAMES - 60) <= 2


def test_spectra_show_a_tone_at_its_pitch_and_when_it_begins() -> None:
    sound = np.zeros(WINDOW, np.float32)
    sound[60 * HOP :] = sine(2.0, frequency=440.0, sample_rate=SAMPLE_RATE)[0][: WINDOW - 60 * HOP]
    level = float(np.sqrt(np.mean(sound**2)))
    short, long = np.moveaxis(beside_level(pitch_spectra(sound), level), 1, 0)
    assert short.shape == (KEPT_FRAMES, NUM_BANDS)
    assert long[-1].argmax() == 69 - 21
    first = int(np.argmax(short[:, 69 - 21] > 0.5)) + EDGE_FRAMES
    assert abs(first - 60) <= 2
    softer = beside_level(pitch_spectra(0.01 * sound), 0.01 * level)
    assert softer[-1, 1, 69 - 21] == pytest.approx(long[-1, 69 - 21], abs=0.01)
    assert np.isfinite(beside_level(pitch_spectra(np.zeros(WINDOW, np.float32)), 0.0)).all()


def test_peaks_and_stretches() -> None:
    curve = np.array([0, 0.5, 0.4, 0.5, 0, 0.9, 0.9, 0, 0.1], np.float32)
    assert peaks(curve, 0.3, 1).tolist() == [1, 3, 5]
    assert peaks(curve, 0.3, 2).tolist() == [1, 5]
    up = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert stretches(up, 1).tolist() == [[1, 5], [8, 9]]
    assert stretches(up, 0).tolist() == [[1, 3], [4, 5], [8, 9]]
    assert stretches(np.zeros(4, bool), 3).shape == (0, 2)


def test_a_moment_sees_what_is_around_it() -> None:
    heard = posteriors(60)
    strike_at(heard, 60, 30, 50)
    moments = find_moments(heard)
    assert (moments.frame.tolist(), moments.pitch.tolist()) == ([30], [39])
    (seen,) = looks(heard, moments)
    assert seen[20:40] == pytest.approx(heard.onset[22:42, 39].astype(float))
    assert seen[40:60] == pytest.approx(np.full(20, 0.1), abs=1e-3)
    (edge,) = looks(heard, Moments(np.array([0]), np.array([87])))
    assert np.isfinite(edge).all()


def test_notes_begin_at_onsets_and_end_with_the_note_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    """Onsets are believed as they are: how they are judged is tested on music."""
    heard = posteriors()

    def believe(heard: Posteriors, moments: Moments) -> tuple[object, object]:
        return heard.onset[moments.frame, moments.pitch].astype(np.float32), np.zeros(moments.frame.size, np.float32)

    monkeypatch.setattr("musicgen.hearing.notes.judge", believe)
    for start, stop in ((20, 60), (60, 100)):  # the same pitch struck again
        strike_at(heard, 64, start, stop)
    strike_at(heard, 72, 120, 150)
    heard.note[130:134, 72 - 21] = 0.2  # a dip
    notes = find_notes(heard).above(USUAL_CONFIDENCE)
    assert notes.pitch.tolist() == [64, 64, 72]
    assert notes.onset / FRAME_SECONDS == pytest.approx([20, 60, 120], abs=3)
    assert notes.offset[0] == notes.onset[1]
    assert notes.offset[1:] / FRAME_SECONDS == pytest.approx([100, 150])


def test_a_note_goes_on_when_the_one_that_cut_it_off_is_left_out() -> None:
    notes = heard_notes([1.0, 1.5], seconds=1.0, confidence=[0.9, 0.3])
    assert notes.offset.tolist() == [1.5, 2.5]
    assert notes.above(0.5).offset.tolist() == [2.0]
    assert notes.above(0.95).num_notes == 0


def test_one_tempo_is_found_exactly_and_free_playing_has_none() -> None:
    rng = np.random.default_rng(0)
    onset = 0.23 + 0.57 / 2 * np.arange(200) + rng.normal(0, 0.01, 200)
    tracked = 0.23 + 0.57 * np.arange(100) + rng.normal(0, 0.02, 100)
    beats = steady_beats(tracked, heard_notes(onset))
    assert beats is not None
    assert np.diff(beats) == pytest.approx(0.57, abs=1e-4)
    assert abs(beats - 0.23).min() < 0.005
    slower = np.cumsum(np.linspace(0.4, 0.8, 200))
    assert steady_beats(slower, heard_notes(slower)) is None


@pytest.mark.parametrize("first", [0.05, 0.24, 0.26, 0.5, 1.2])
def test_the_first_beat_is_at_zero_and_the_others_stay(first: float) -> None:
    times = from_zero(first + 0.5 * np.arange(20), 0.5, 15.0)
    assert times[0] == 0.0
    assert 0.25 <= times[1] <= 0.75
    assert times[1:] == pytest.approx(times[1] + 0.5 * np.arange(times.size - 1))
    assert np.abs((times[1] - first) / 0.5 - np.rint((times[1] - first) / 0.5)) < 1e-9
    assert times[-1] >= 15.0


@pytest.mark.parametrize(("metre", "upbeat"), [(3, 0), (3, 2), (4, 0), (4, 1), (4, 3)])
def test_bars_begin_at_the_bass_notes(metre: int, upbeat: int) -> None:
    times = even_beats(0.0, 0.5, 48.0)
    beat = np.arange(times.size)
    pitch = np.where((beat - upbeat) % metre == 0, 40, 67)
    assert find_bars(times, heard_notes(times, pitch)) == (metre, upbeat)


@pytest.mark.parametrize("is_steady", [True, False])
def test_a_score_keeps_every_time_in_seconds_and_has_bars(is_steady: bool) -> None:
    rng = np.random.default_rng(1)
    steps = np.full(40, 0.6) if is_steady else rng.uniform(0.4, 0.8, 40)
    times = np.concatenate([[0.0], 0.2 + np.cumsum(steps)])
    notes = heard_notes(rng.uniform(0, 24, 100), rng.integers(40, 80, 100))
    score = heard_score(notes, BeatGrid(times, 3, 2, 100.0, is_steady, True))
    read = read_midi(score_to_midi_bytes(score))
    assert np.sort(read.onset) == pytest.approx(notes.onset, abs=2e-3)
    assert np.sort(read.offset) == pytest.approx(np.sort(notes.offset), abs=4e-3)
    assert main_time_signature(read) == "3/4"
    assert read.time_signatures[1].tick == 2 * 480
    if is_steady:
        assert main_tempo(read) == pytest.approx(100.0, abs=0.01)
        assert len(read.tempos) == 2  # the first beat begins at 0


def test_a_missing_or_other_network_is_told_in_one_sentence(tmp_path: Path) -> None:
    for content in (None, b"other"):
        path = tmp_path / "nmp.tflite"
        if content:
            path.write_bytes(content)
        with pytest.raises(ResourceUnavailable, match="Restore the file") as caught:
            network._content(path)
        assert caught.value.code == "no_model"
    with pytest.raises(ResourceUnavailable, match="Restore the file"):
        onsets._layers(tmp_path / "none.npz")
    assert network._content(network.MODEL)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def test_a_midi_song_is_not_heard_and_names_stay_short(home: Path, tmp_path: Path, command: CommandLine) -> None:
    (tmp_path / "tune.mid").write_bytes(midi_bytes())
    song = get_song(add_uploads([Upload("tune.mid", path=tmp_path / "tune.mid")]).song_ids[0])
    with pytest.raises(InvalidInput, match="already has notes"):
        hear(song)
    assert "already has notes" in command("songs", "notes", song.id, code=1).err
    assert len(heard_name("x" * 120)) <= 120
    assert heard_name("Song") == "Song, heard as notes"


@pytest.mark.framework
def test_a_short_piece_is_heard_added_and_says_where_it_comes_from(
    home: Path, tmp_path: Path, command: CommandLine
) -> None:
    """Rendered, heard in a child and added: the right notes at their times, at the right tempo."""
    pitches = [60, 64, 67, 72, 71, 67, 65, 62, 60, 64, 67, 72, 71, 67, 62, 60]
    render_score(melody_score(pitches, tempo=100.0), tmp_path / "Tune.wav")
    song = get_song(add_uploads([Upload("Tune.wav", path=tmp_path / "Tune.wav")]).song_ids[0])
    with pytest.raises(Cancelled):
        hear(song, should_stop=lambda: True)
    assert read_heard(song.clip) is None
    told: list[tuple[str, int, int]] = []
    heard = hear(song, on_progress=lambda *progress: told.append(progress))
    assert told[0][0] == "listening"
    assert told[-1] == ("finding beats", told[0][2], told[0][2])
    sure = heard.notes.above(0.25)
    assert sure.pitch.tolist() == pitches
    assert sure.onset == pytest.approx(0.6 * np.arange(16), abs=0.05)
    assert heard.grid.tempo == pytest.approx(100.0, abs=1.0)
    (report,) = add_heard(song, 0.25).files
    added = get_song(str(report.id))
    assert (added.name, added.medium) == ("Tune, heard as notes", "midi")
    assert added.source == f"heard from “Tune” ({song.id})"
    assert report.dropped == {}
    assert added.clip.score().notes["pitch"].tolist() == pitches
    assert draft(song, 0.25).seconds == pytest.approx(sure.offset.max(), abs=0.01)
    document = command("songs", "notes", song.id, "--json").document  # heard and added already
    assert (document["id"], document["from"]) == (added.id, song.id)
    assert [note["pitch"] for note in document["notes"]] == pitches
    assert min(note["confidence"] for note in document["notes"]) >= document["confidence"] == USUAL_CONFIDENCE
    with pytest.raises(InvalidInput, match="smaller confidence"):
        draft(song, 1.0)


@pytest.mark.slow
def test_sound_without_a_tone_has_no_notes(home: Path, tmp_path: Path) -> None:
    clip = write_audio_clip(tmp_path / "clip", Waveform(np.zeros((1, 44_100), np.float32), 44_100))
    with pytest.raises(InvalidInput, match="tones of a clear pitch"):
        run_child("musicgen.hearing.hearing", {"folder": str(clip.folder)}, seconds=120)


def test_an_empty_score_has_a_tempo() -> None:
    grid = BeatGrid(even_beats(0.0, 0.5, 4.0), 4, 0, 120.0, True, False)
    score = heard_score(heard_notes([]), grid)
    assert score.num_notes == 0
    assert score.tempos == (TempoChange(0, 120.0),)
