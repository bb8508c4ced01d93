"""Outputs are judged in a child: bounded, one after the other, and never at the cost of the output."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from makers_music import chords, melody, plucked

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import Cancelled
from musicgen.evaluation import judging
from musicgen.evaluation.given import Given
from musicgen.evaluation.judging import judge, song_from_json, song_to_json
from musicgen.symbolic.score import Score

RATE = 8_000


def clip(folder: Path, content: Waveform | Score) -> Clip:
    folder.mkdir()
    return write_audio_clip(folder, content) if isinstance(content, Waveform) else write_score_clip(folder, content)


def judged(clips: dict[str, Clip], songs: list[TrainingSong], **options: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    judge(clips, songs, on_judged=found.__setitem__, **options)
    return found


def test_each_clip_gets_metrics_verdicts_and_what_is_copied(home: Path, tmp_path: Path) -> None:
    learned = plucked(12 * RATE)
    songs = [TrainingSong("song-000000000001", "A song", clip(tmp_path / "song", learned))]
    clips = {
        "other": clip(tmp_path / "other", plucked(8 * RATE, seed=5)),
        "copy": clip(tmp_path / "copy", learned.between(0, 8 * RATE)),
        "prediction": clip(tmp_path / "prediction", learned.between(0, 8 * RATE)),
    }
    found = judged(clips, songs, given={"prediction": Given(1e9)})
    assert list(found) == list(clips)
    assert found["other"]["verdicts"] == []
    assert [verdict["code"] for verdict in found["copy"]["verdicts"]] == ["copied"]
    assert found["copy"]["copied"]["copied_correlation_song"] == "A song"
    assert found["copy"]["metrics"]["copied_share_training"] == 1.0
    assert found["copy"]["originality"]["share"] > 0.8
    assert {each["song"] for each in found["copy"]["originality"]["passages"]} == {"A song"}
    assert found["prediction"]["verdicts"] == []
    assert found["prediction"]["copied"] is None
    assert found["prediction"]["originality"] is None


def test_notes_are_judged_by_the_tracks_that_were_learned(home: Path, tmp_path: Path) -> None:
    score = chords(16)
    song = TrainingSong("song-000000000001", "A song", clip(tmp_path / "song", score), (1,))
    found = judged({"line": clip(tmp_path / "line", melody([60] * 40))}, [song])["line"]
    assert "stuck" in [verdict["code"] for verdict in found["verdicts"]]
    assert song_from_json(song_to_json(song)) == song
    copied = judged({"hand": clip(tmp_path / "hand", score.only_tracks((0,)))}, [song])["hand"]
    assert copied["metrics"]["copied_ngram_share_training"] < 0.5  # of the right hand nothing was learned


def test_what_cannot_be_judged_says_so_and_the_others_are(home: Path, tmp_path: Path) -> None:
    broken = clip(tmp_path / "broken", plucked(RATE))
    broken.audio_path.unlink()
    found = judged({"broken": broken, "whole": clip(tmp_path / "whole", plucked(4 * RATE))}, [])
    assert "audio.wav" in found["broken"]["error"]
    assert found["whole"]["verdicts"] == []


def test_verdicts_are_kept_where_the_songs_cannot_be_compared(home: Path, tmp_path: Path) -> None:
    song = TrainingSong("song-000000000001", "A song", clip(tmp_path / "song", chords(16)))
    (home / "yardsticks").write_text("not a folder")
    other = TrainingSong("song-000000000002", "Another", clip(tmp_path / "second", chords(16, seed=1)))
    found = judged({"line": clip(tmp_path / "line", melody([60] * 40))}, [song, other])["line"]
    assert "stuck" in [verdict["code"] for verdict in found["verdicts"]]
    assert "originality" not in found
    assert found["error"]


def test_a_child_that_hangs_or_dies_leaves_a_sentence(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = {name: clip(tmp_path / name, plucked(RATE)) for name in ("one", "other")}
    monkeypatch.setattr(judging, "SECONDS", 0.0)
    monkeypatch.setattr(judging, "SECONDS_EACH", 0.001)  # no process starts so fast
    began = time.monotonic()
    found = judged(clips, [])
    assert time.monotonic() - began < 10
    assert list(found) == ["one", "other"]
    assert all(judgement["error"] for judgement in found.values())
    monkeypatch.setattr(judging, "SECONDS", 60.0)
    monkeypatch.setattr(judging, "MEMORY_MB", 16)
    assert all(judgement["error"] for judgement in judged(clips, []).values())


def test_a_wish_to_stop_passes(home: Path, tmp_path: Path) -> None:
    def stop(name: str, judgement: dict[str, Any]) -> None:
        raise Cancelled("cancelled by the user")

    with pytest.raises(Cancelled):
        judge({"one": clip(tmp_path / "one", plucked(RATE))}, [], on_judged=stop)


def test_predictions_are_known_by_their_sidecar() -> None:
    assert Given.of({"facts": {"mode": "predict"}}).led_seconds > 1e6
    assert Given.of({"generation": {"mode": "predict"}, "facts": {}}).led_seconds > 1e6
    assert Given.of({"generation": {"mode": "free"}, "facts": {"mode": "free"}}) == Given()
    assert Given.of({"facts": {"seeded_seconds": 3.0}}) == Given(led_seconds=3.0)
    # A song that was filled in, whose length was rounded down: nothing in it counts as copied.
    assert Given(led_seconds=44.347832).is_all_of(44.3478325)
    assert not Given(led_seconds=44.0).is_all_of(44.3478325)
    assert not Given().is_all_of(0.0005)
    assert not Given(led_seconds=1.0).is_all_of(0.0)
    assert Given.of({"facts": None}) == Given()
    told = Given.of({"facts": {"own_tracks": [0, 2], "made_of_songs": True, "plan": [{"song": "A"}]}})
    assert told == Given(0.0, True, (0, 2), True) == Given.from_json(json.loads(json.dumps(told.to_json())))
