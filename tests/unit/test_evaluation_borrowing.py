"""The yardstick: what an output borrows, against what its songs borrow from each other; stored, bounded, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_evaluation_passages import tune

from musicgen.benchmarks.planted_copies import rendered
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import borrowing
from musicgen.evaluation.borrowing import originality_of
from musicgen.evaluation.borrowing_words import (
    Yardstick,
    epochs_words,
    moved_words,
    passages_between,
    shares_by_epoch,
    verdict_words,
)
from musicgen.evaluation.given import Given
from musicgen.evaluation.knowledge import Knowledge
from musicgen.symbolic.score import Score, Track


def clip(folder: Path, content: Score) -> Clip:
    folder.mkdir(parents=True)
    return write_score_clip(folder, content)


def song(folder: Path, content: Score, number: int) -> TrainingSong:
    return TrainingSong(f"song-{number:012x}", f"Song {number}", clip(folder / str(number), content))


@pytest.fixture
def songs(home: Path, tmp_path: Path) -> list[TrainingSong]:
    """Four songs; the last begins as the first does."""
    scores = [tune(seed, num_notes=80) for seed in range(4)]
    first, last = scores[0], scores[3]
    shared = first.notes[:30]
    rest = last.notes[last.notes["onset_ticks"] >= shared["onset_ticks"][-1] + 480]
    scores[3] = replace(last, notes=np.concatenate([shared, rest]))
    return [song(tmp_path / "songs", score, number) for number, score in enumerate(scores)]


def test_a_copy_copies_and_something_new_does_not(songs: list[TrainingSong], tmp_path: Path) -> None:
    copied = originality_of(clip(tmp_path / "copy", tune(1, num_notes=80)), songs)
    other = originality_of(clip(tmp_path / "other", tune(50, num_notes=80)), songs)
    assert copied is not None
    assert other is not None
    assert (copied["level"], copied["share"] > 0.9) == ("copies", True)
    assert copied["text"].startswith("It copies: ")
    assert other["level"] == "as_much"
    assert other["share"] < 0.1
    assert {each["song_id"] for each in copied["passages"]} == {songs[1].id}
    (linked,) = passages_between(copied, songs[1].id)
    assert linked["start"] == pytest.approx(linked["song_start"], abs=0.7)
    assert passages_between(copied, songs[2].id) == []


def test_the_yardstick_is_what_the_songs_share(songs: list[TrainingSong], tmp_path: Path) -> None:
    found = originality_of(clip(tmp_path / "new", tune(50)), songs)
    assert found is not None
    shares = found["yardstick"]["shares"]
    assert min(shares[0], shares[3]) > 0.2  # the thirty notes that both have
    assert max(shares[1], shares[2]) < 0.15
    assert (found["yardstick"]["num_songs"], found["of_songs"], found["is_partial"]) == (4, 4, False)


def test_the_songs_are_compared_once(
    songs: list[TrainingSong], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = clip(tmp_path / "new", tune(50))
    first = originality_of(piece, songs)
    monkeypatch.setattr(borrowing, "yardstick_of", lambda *_: pytest.fail("compared again"))
    assert originality_of(piece, songs) == first


def test_a_damaged_yardstick_is_made_again(home: Path, songs: list[TrainingSong], tmp_path: Path) -> None:
    piece = clip(tmp_path / "new", tune(50))
    first = originality_of(piece, songs)
    (kept,) = (home / "yardsticks").glob("*.json")
    kept.write_text("{")
    assert originality_of(piece, songs) == first


def test_of_many_songs_a_part_is_compared_and_said(
    songs: list[TrainingSong], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(borrowing.YARDSTICK_SONGS, "midi", 2)
    found = originality_of(clip(tmp_path / "new", tune(50)), songs)
    assert found is not None
    assert len(found["yardstick"]["shares"]) == 2
    assert found["text"].endswith(" 2 of the 4 songs were compared with each other.")
    monkeypatch.setattr(borrowing, "SEARCH_SECONDS", -1.0)
    part = originality_of(clip(tmp_path / "part", tune(51)), songs)
    assert part is not None
    assert (part["num_songs"], part["is_partial"]) == (1, True)
    monkeypatch.setattr(borrowing, "YARDSTICK_SECONDS", -1.0)
    monkeypatch.setitem(borrowing.YARDSTICK_SONGS, "midi", 4)
    short = originality_of(clip(tmp_path / "short", tune(52)), songs)
    assert short is not None
    assert "in the time allowed" in short["text"]


def test_one_song_is_no_yardstick(home: Path, tmp_path: Path) -> None:
    only = song(tmp_path / "songs", tune(0), 0)
    found = originality_of(clip(tmp_path / "copy", tune(0)), [only])
    assert found is not None
    assert (found["yardstick"], found["level"]) == (None, "")
    assert "With one training song there is no yardstick" in found["text"]
    assert originality_of(clip(tmp_path / "none", tune(0)), []) is None


def test_what_a_song_led_is_left_out(songs: list[TrainingSong], tmp_path: Path) -> None:
    copied = clip(tmp_path / "copy", tune(1, num_notes=80))
    assert originality_of(copied, songs, Given(1e9)) is None
    late = originality_of(copied, songs, Given(10.0))
    assert late is not None
    assert min(each["start"] for each in late["passages"]) >= 10.0
    assert late["share"] <= 1.0


def test_sounds_have_a_yardstick_too(home: Path, tmp_path: Path) -> None:
    def sound(name: str, seed: int) -> Clip:
        (tmp_path / name).mkdir()
        return write_audio_clip(tmp_path / name, rendered(tune(seed, num_notes=30, voices=2)))

    songs = [TrainingSong(f"song-{number:012x}", f"Song {number}", sound(f"s{number}", number)) for number in range(2)]
    found = originality_of(sound("copy", 1), songs)
    assert found is not None
    assert (found["medium"], found["level"]) == ("audio", "copies")
    assert {each["song"] for each in found["passages"]} == {"Song 1"}


def test_the_levels_and_their_sentences() -> None:
    yardstick = Yardstick((0.1, 0.2, 0.3), 3)
    assert yardstick.interval == (0.11, 0.29)
    levels = {share: verdict_words(share, share, yardstick, 3)[0] for share in (0.0, 0.1, 0.3, 0.4, 0.6)}
    assert levels == {0.0: "less", 0.1: "as_much", 0.3: "as_much", 0.4: "more", 0.6: "copies"}
    text = verdict_words(0.4, 0.4, yardstick, 3)[1]
    assert text == (
        "It borrows more than these songs do from each other: 40% of it also occurs in a training song; of each of "
        "these songs, 11% to 29% occurs in another."
    )
    assert verdict_words(0.0, 0.0, Yardstick((0.0, 0.0), 2), 2)[1] == (
        "It borrows as much as these songs do from each other: none of it occurs in a training song; no two of "
        "these songs share a passage."
    )
    alike = Yardstick((0.9, 0.95), 2)  # songs that are versions of each other: copying them is as usual
    assert alike.level(0.9) == "as_much"
    assert Yardstick.from_json(yardstick.to_json()) == yardstick


def test_moves_are_said_in_words() -> None:
    assert moved_words({"semitones": -1, "tempo_ratio": 1.1}) == "down 1 semitone, 10% faster"
    assert moved_words({"semitones": 5, "tempo_ratio": 0.95}) == "up 5 semitones, 5% slower"
    assert moved_words({"semitones": 0, "tempo_ratio": 1.001}) == "same key and tempo"


def test_originality_along_the_checkpoints() -> None:
    def sidecar(epoch: int, share: float | None) -> dict[str, object]:
        return {"checkpoint": {"epoch": epoch}, "originality": None if share is None else {"share": share}}

    made = [sidecar(9, 0.5), sidecar(3, 0.1), sidecar(3, 0.2), sidecar(5, None), {}]
    shares = shares_by_epoch(made)
    assert [(each["epoch"], each["num_outputs"]) for each in shares] == [(3, 2), (9, 1)]
    assert epochs_words(shares) == (
        "Outputs of epoch 9 borrow more than those of epoch 3: 50% of their time, against 15%."
    )
    assert epochs_words(shares[:1]) == ""


def test_chords_taken_from_the_song_are_no_copy(home: Path, tmp_path: Path) -> None:
    """As under a solo: one track is the network's own, the other one the song's."""
    tracks = (Track("Melody"), Track("Chords"))

    def with_chords(melody: Score) -> Score:
        chords = tune(9, num_notes=60).notes.copy()
        chords["track"] = 1
        return replace(melody, notes=np.concatenate([melody.notes, chords]), tracks=tracks)

    only = song(tmp_path / "songs", with_chords(tune(0, num_notes=60)), 0)
    solo = clip(tmp_path / "solo", with_chords(tune(77, num_notes=60)))
    recital = clip(tmp_path / "recital", with_chords(tune(0, num_notes=60)))
    for piece, given, is_copy in ((solo, Given(), True), (solo, Given(own_tracks=(0,)), False),
                                  (recital, Given(own_tracks=(0,)), True)):  # fmt: skip
        judgement: dict[str, Any] = {}
        Knowledge([only]).judge(piece, judgement, given=given)
        codes = [verdict["code"] for verdict in judgement["verdicts"]]
        assert ("copied" in codes) == is_copy, given
        assert (judgement["originality"]["share"] > 0.5) == is_copy, given
