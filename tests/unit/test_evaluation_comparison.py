"""Comparisons of real clips, songs, outputs and files, in the child that really does them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.comparison import comparison as module
from musicgen.comparison.comparison import compare_clips, comparison
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import DamagedFile, InvalidInput, MusicgenError, NotFound, RejectedFile
from musicgen.evaluation.description import describe_clip
from musicgen.processes import ROOT
from musicgen.storage import database
from musicgen.symbolic.midi import score_to_midi_bytes
from musicgen.symbolic.score import Score, Track, make_notes

pytestmark = pytest.mark.usefixtures("quick_children")

RATE = 8_000
PITCHES = np.random.default_rng(1).integers(48, 84, 120)


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> Waveform:
    samples = np.random.default_rng(seed).normal(0, level, (2, round(seconds * RATE)))
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), RATE)


def tune(pitches: Any, track: Any = 0) -> Score:
    onsets = np.arange(len(pitches)) * 240
    return Score(make_notes(onsets, 240, pitches, 80, track), 480, (Track("one"), Track("two")))


def sound_clip(folder: Path, waveform: Waveform) -> Clip:
    folder.mkdir(parents=True)
    return write_audio_clip(folder, waveform)


def score_clip(folder: Path, score: Score) -> Clip:
    folder.mkdir(parents=True)
    return write_score_clip(folder, score)


def add_song(home: Path, content: Waveform | Score, name: str = "Song") -> str:
    song_id = database.new_id("song")
    make = sound_clip if isinstance(content, Waveform) else score_clip
    clip = make(home / "songs" / song_id, content)  # type: ignore[operator]
    row = {"id": song_id, "sha256": os.urandom(32).hex(), "name": name, "medium": clip.medium, "format": "wav"}
    row |= {"source": "upload", "seconds": clip.seconds, "facts": clip.facts, "report": {}, "created_at": 0.0}
    database.change(database.songs.insert().values(**row))
    return song_id


def add_output(home: Path, content: Waveform | Score, **sidecar: Any) -> str:
    output_id = database.new_id("output")
    make = sound_clip if isinstance(content, Waveform) else score_clip
    clip = make(home / "outputs" / output_id, content)  # type: ignore[operator]
    sidecar = {"content_sha256": clip.facts["sha256"], "reference": None, "songs": [], **sidecar}
    row = {"id": output_id, "run_id": "run-000000000000", "task_id": "task-000000000000", "name": "Output"}
    row |= {"medium": clip.medium, "seconds": clip.seconds, "sidecar": sidecar, "created_at": 0.0}
    database.change(database.outputs.insert().values(**row))
    return output_id


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, measuring anew is an error."""

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(module, "run_child", refuse)


@pytest.mark.real_children
def test_a_prediction_is_compared_with_the_stretch_it_predicts(home: Path):
    song = noise(4.0)
    song_id = add_song(home, song)
    start = 1.25
    part = song.between(round(start * RATE), round(start * RATE) + 2 * RATE)
    place = {"song_id": song_id, "start_seconds": start, "stop_seconds": start + 2.0}
    songs = [{"id": song_id, "name": "Song", "tracks": None}]
    output_id = add_output(home, part, reference=place, songs=songs, generation={"mode": "predict"})
    found = comparison(song_id, output_id)
    assert found["medium"] == "audio"
    assert found["stretch"]["kind"] == "aligned"
    assert found["stretch"]["reference"] == [1.25, 3.25]
    assert found["between"]["best_lag_correlation"] == pytest.approx(1.0, abs=1e-4)
    assert found["between"]["best_lag_seconds"] == 0.0
    assert found["between"]["log_spectral_distance_db"] == 0.0
    assert found["reference"] == found["generated"]
    assert found["verdicts"] == []
    assert "training" not in found
    copy_id = add_output(home, part, reference=place, songs=songs, generation={"mode": "free"})
    found = comparison(song_id, copy_id)
    assert [verdict["code"] for verdict in found["verdicts"]] == ["copied"]
    assert found["between"]["copied_share_training"] == 1.0
    assert found["training"]["copied_correlation_song_seconds"] == pytest.approx(1.25, abs=0.01)


def test_sounds_without_a_common_place_are_compared_from_the_start(home: Path):
    found = comparison(add_song(home, noise(3.0, 1)), add_output(home, noise(2.0, 2, level=0.002)))
    assert found["stretch"]["reference"] == found["stretch"]["generated"] == [0.0, 2.0]
    assert abs(found["between"]["best_lag_correlation"]) < 0.1
    assert found["between"]["level_difference_db"] == pytest.approx(-34.0, abs=0.5)
    assert [verdict["code"] for verdict in found["verdicts"]] == ["faint"]


def test_a_result_is_kept_and_recalled(home: Path, request: pytest.FixtureRequest):
    pair = add_song(home, tune(PITCHES)), add_output(home, tune(PITCHES[:50] + 1))
    first = comparison(*pair)
    (kept,) = (home / "comparisons").glob("*.json")
    assert json.loads(kept.read_text()) == first
    request.getfixturevalue("no_child")
    assert comparison(*pair) == first
    with pytest.raises(AssertionError, match="measured again"):
        comparison(*reversed(pair))
    with pytest.raises(AssertionError, match="measured again"):
        comparison(*pair, generated_stretch=(0.0, 5.0))
    kept.write_text("{half a docu")
    with pytest.raises(AssertionError, match="measured again"):
        comparison(*pair)


def test_only_the_newest_results_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "KEPT", 3)
    monkeypatch.setattr(module, "run_child", lambda *_arguments, **_options: {"medium": "midi"})
    song, output = add_song(home, tune(PITCHES)), add_output(home, tune(PITCHES[:30]))
    for number in range(5):
        comparison(song, output, generated_stretch=(0.0, 1.0 + number))
    assert len(list((home / "comparisons").glob("*.json"))) == 3


def test_scores_are_compared_whole_and_copies_are_found_in_the_training_songs(home: Path):
    songs = [add_song(home, tune(PITCHES[:60]), "First"), add_song(home, tune(PITCHES[60:]), "Second")]
    chosen = [{"id": song_id, "name": "?", "tracks": None} for song_id in (*songs, "song-00000000dead")]
    output_id = add_output(home, tune([50, 50, *(PITCHES[70:100] - 2)]), songs=chosen)
    found = comparison(songs[0], output_id)
    assert found["medium"] == "midi"
    assert found["stretch"]["kind"] == "whole"
    assert (found["reference"]["num_notes"], found["generated"]["num_notes"]) == (60, 32)
    assert found["between"]["longest_copied_notes"] < 6
    assert found["between"]["longest_copied_notes_training"] == 30
    assert found["between"]["copied_ngram_share_training"] == pytest.approx(23 / 25)
    assert found["training"] == {
        "num_songs": 2,
        "text": "The longest passage that also occurs in a training song has 30 notes or chords: at 0.5 s here, "
        "at 2.5 s of “Second”.",
        "longest_copied_notes_song": "Second",
        "longest_copied_notes_song_seconds": 2.5,
        "longest_copied_notes_generated_seconds": 0.5,
    }
    assert [verdict["code"] for verdict in found["verdicts"]] == ["copied"]


def test_only_the_tracks_that_were_learned_from_are_searched(tmp_path: Path):
    both = tune(PITCHES, track=np.repeat([0, 1], 60))
    clip = score_clip(tmp_path / "song", both)
    generated = score_clip(tmp_path / "generated", tune(PITCHES[60:]))
    longest = {}
    for tracks in (None, (0,), (1,)):
        songs = [TrainingSong("song-1", "Duet", clip, tracks)]
        between = compare_clips(clip, generated, training_clips=songs)["between"]
        longest[tracks] = between["longest_copied_notes_training"]
        assert between["longest_copied_notes"] == 60
    assert longest[None] == longest[(1,)] == 60
    assert longest[(0,)] < 10


def test_chosen_stretches_of_scores_count_what_begins_inside(tmp_path: Path):
    one = score_clip(tmp_path / "one", tune(PITCHES))  # four notes a second
    other = score_clip(tmp_path / "other", tune(PITCHES[:40]))
    found = compare_clips(one, other, reference_stretch=(10.0, 12.0), generated_stretch=(0.0, 1.0))
    assert (found["reference"]["num_notes"], found["generated"]["num_notes"]) == (8, 4)
    assert found["reference"]["note_density"] == found["generated"]["note_density"] == 4.0
    assert found["between"]["longest_copied_notes_exact"] == 4  # looked for in the whole reference


def test_a_score_and_a_sound_are_compared_as_sounds(home: Path):
    song_id, output_id = add_song(home, noise(2.0)), add_output(home, tune(PITCHES[:8]))
    found = comparison(song_id, output_id)
    assert found["medium"] == "audio"
    assert found["generated"]["rms_db"] > -60
    assert Clip(home / "outputs" / output_id).has_audio


def test_files_are_compared_and_nothing_of_them_is_kept(home: Path, tmp_path: Path, request: pytest.FixtureRequest):
    sound, score = tmp_path / "a name.wav", tmp_path / "notes.mid"
    sound.write_bytes(wav_bytes(noise(1.5)))
    score.write_bytes(score_to_midi_bytes(tune(PITCHES[:16])))
    found = comparison(sound, str(sound))
    assert found["between"]["best_lag_correlation"] == pytest.approx(1.0, abs=1e-4)
    assert comparison(str(score), score)["between"]["longest_copied_notes"] == 16
    left = [path for path in home.rglob("*") if path.is_file() and path.parent.name != "comparisons"]
    assert [path.name for path in left if not path.name.startswith("musicgen.db")] == []
    request.getfixturevalue("no_child")
    assert comparison(sound, sound) == found


def test_a_file_that_is_in_the_library_is_that_song(home: Path, tmp_path: Path):
    from musicgen.songs.intake import Upload, add_uploads

    path = tmp_path / "song.wav"
    path.write_bytes(wav_bytes(noise(2.0)))
    song_id = add_uploads([Upload("song.wav", path)]).files[0].id
    place = {"song_id": song_id, "start_seconds": 0.5, "stop_seconds": 1.5}
    output_id = add_output(home, noise(2.0).between(RATE // 2, 3 * RATE // 2), reference=place)
    assert comparison(str(path), output_id)["stretch"]["kind"] == "aligned"


def test_what_cannot_be_compared_is_said_in_a_sentence(home: Path, tmp_path: Path):
    song_id = add_song(home, noise(1.0))
    (tmp_path / "text.mp3").write_text("this is not music")
    (tmp_path / "empty.wav").write_bytes(b"")
    cut = wav_bytes(noise(1.0))[:60]
    (tmp_path / "cut.wav").write_bytes(cut)
    (tmp_path / "pack.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    cases: list[tuple[str, type[MusicgenError]]] = [
        ("song-000000000000", NotFound),
        ("output-000000000000", NotFound),
        ("run-000000000000", NotFound),
        (str(tmp_path / "missing.wav"), NotFound),
        (str(tmp_path / "text.mp3"), RejectedFile),
        (str(tmp_path / "empty.wav"), RejectedFile),
        (str(tmp_path / "cut.wav"), RejectedFile),
        (str(tmp_path / "pack.zip"), RejectedFile),
        (str(tmp_path), RejectedFile),
    ]
    for text, kind in cases:
        with pytest.raises(kind) as caught:
            comparison(song_id, text)
        assert "Received: " in str(caught.value), text
    with pytest.raises(InvalidInput, match="excerpt of the original piece must end"):
        comparison(song_id, song_id, reference_stretch=(5.0, 6.0))
    assert not list((home / "comparisons").glob("*.json")) if (home / "comparisons").exists() else True


def test_missing_files_of_a_song_are_named(home: Path):
    song_id, output_id = add_song(home, tune(PITCHES)), add_output(home, tune(PITCHES))
    (home / "songs" / song_id / "score.mid").unlink()
    with pytest.raises(DamagedFile, match=rf"{song_id}/score.mid has the notes of this piece"):
        comparison(song_id, output_id)


def test_damaged_training_songs_are_left_out(home: Path):
    songs = [add_song(home, tune(PITCHES[:60]), "First"), add_song(home, tune(PITCHES[60:]), "Second")]
    output_id = add_output(home, tune(PITCHES[70:100]), songs=[{"id": song_id, "name": "?"} for song_id in songs])
    for path in (home / "songs" / songs[1]).iterdir():
        if path.is_file():
            path.unlink()
    found = comparison(songs[0], output_id)
    assert found["training"]["num_songs"] == 1
    assert found["between"]["longest_copied_notes_training"] < 6


def test_an_output_is_described_with_verdicts(tmp_path: Path):
    learned = score_clip(tmp_path / "learned", tune(PITCHES))
    stuck = score_clip(tmp_path / "stuck", tune([60] * 30))
    described = describe_clip(stuck, training_clips=[learned])
    assert described["medium"] == "midi"
    assert described["metrics"]["longest_run"] == 30
    assert [verdict["code"] for verdict in described["verdicts"]] == ["stuck", "monotonous"]
    loud = sound_clip(tmp_path / "loud", noise(2.0, level=0.2))
    faint = sound_clip(tmp_path / "faint", noise(2.0, 5, level=0.01))
    assert [verdict["code"] for verdict in describe_clip(faint, training_clips=[loud])["verdicts"]] == ["faint"]
    assert describe_clip(loud)["verdicts"] == []
    json.dumps([described, describe_clip(loud)], allow_nan=False)


def test_the_process_that_asks_stays_light():
    heavy = ["tensorflow", "keras", "librosa", "music21", "numba", "scipy", "symusic", "soundfile", "soxr", "pydub"]
    script = (
        "import sys, musicgen.comparison.comparison, musicgen.evaluation.glossary, musicgen.evaluation.degeneracy\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
