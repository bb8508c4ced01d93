"""The time-lapse of a run: short pieces on the way of a training, which change nothing that is learned."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import add_song, epochs, nobody_supervises, ticking, weights, work_here

from musicgen.clips.clip import FACTS
from musicgen.contract.approach import Approach
from musicgen.errors import RejectedFile
from musicgen.runs import api, lapse, lapse_budget, lapse_making
from musicgen.runs.lapse import MAX_PIECES, PIECE, lapse_of, least_needed
from musicgen.runs.lapse_seconds import FILE

QUICK = {"epochs": 12, "epoch_ms": 20.0, "best": 30}


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (home / FILE).write_text(json.dumps({"ticking/cpu": [0.001, 0.001]}))
    monkeypatch.setattr(lapse_budget, "PARTS", 100)
    monkeypatch.setattr(lapse_budget, "SHARE", 10.0)  # a piece after almost every epoch
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture
def song(approach: None) -> str:
    return add_song("A song")


def train(song: str, *, hears: bool = True, **training: Any) -> api.Run:
    run_id = api.submit_training(
        "ticking", [api.SongChoice(song)], {**QUICK, **training}, preset="short", seed=5, hear_it_learn=hears
    )
    run: api.Run = work_here(run_id)
    return run


def test_a_training_makes_pieces_and_learns_the_same(song: str, home: Path) -> None:
    random.seed(3)
    np.random.seed(3)
    with_pieces = train(song, lucky=True)
    random.seed(3)
    np.random.seed(3)
    without = train(song, hears=False, lucky=True)
    assert with_pieces.state == without.state == "succeeded"
    assert weights(with_pieces.id).tobytes() == weights(without.id).tobytes()
    assert not lapse_of(without.id).pieces()
    assert "hear_it_learn" not in without.request
    pieces = lapse_of(with_pieces.id).pieces()
    assert pieces[0].epoch == 1
    assert len(pieces) >= 2
    assert len({piece.clip.facts["sha256"] for piece in pieces}) == len(pieces), "other weights, other music"
    for piece in pieces:
        assert piece.clip.seconds == pytest.approx(0.25), "the preset's length is short already"
        assert piece.about["seed"] == 5
        assert piece.about["loss"] == pytest.approx(1 / piece.epoch)
        assert {verdict["code"] for verdict in piece.about["verdicts"]} == {"learned_little"}
        assert piece.size_bytes > 4000
    assert f"Made a short piece after epoch {pieces[-1].epoch}." in "\n".join(with_pieces.log_tail(100))
    first, _ = json.loads((home / FILE).read_text())["ticking/cpu"]
    assert first > 0.01, "what it took is remembered"


def test_a_piece_is_what_these_weights_make(song: str) -> None:
    run = train(song)
    last = lapse_of(run.id).pieces()[-1]
    task = work_here(api.submit_generation(run.id, {"seconds": 0.25}, seed=5, checkpoint=last.epoch))
    (output,) = task.output_ids
    assert api.get_output(output).sidecar["content_sha256"] == last.clip.facts["sha256"]


@pytest.mark.parametrize("works_for", [0, 3])
def test_a_piece_that_fails_never_fails_the_training(
    song: str, works_for: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(song, piece_fails_after=works_for)
    assert run.state == "succeeded"
    assert epochs(run) == list(range(1, 13))
    assert [piece.epoch for piece in lapse_of(run.id).pieces()] == list(range(1, works_for + 1))
    first = works_for + 1
    said = f"The short piece after epoch {first} could not be made. ZeroDivisionError: a piece that fails"
    assert run.advice.startswith(said)
    lines = [line for line in run.log_tail(200) if "could not be made" in line]
    assert len(lines) == 3, "then it gives up"
    assert lines[-1].endswith("No more are made.")


def test_nor_do_settings_of_pieces_that_cannot_be_used(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("no such settings")

    monkeypatch.setattr(Approach, "short_generation", broken)
    run = train(song)
    assert run.state == "succeeded"
    assert "could not be made. ZeroDivisionError: no such settings" in run.advice


def test_what_is_random_is_as_before_after_all_that_makes_a_piece(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what writes and judges it."""
    after_saving, states = lapse_making.LapseMaker.after_saving, list[tuple[float, float]]()

    def watched(maker: Any, *arguments: Any) -> float:
        state = np.random.get_state()
        seconds = after_saving(maker, *arguments)
        after = np.random.random()
        np.random.set_state(state)
        states.append((np.random.random(), after))
        return seconds

    def draws(*_: Any, **__: Any) -> list[dict[str, Any]]:
        np.random.random(7)
        return []

    monkeypatch.setattr(lapse_making.LapseMaker, "after_saving", watched)
    monkeypatch.setattr(lapse_making, "verdicts_on_weights", draws)
    assert len(lapse_of(train(song).id).pieces()) >= 2
    assert all(before == after for before, after in states)


def test_without_room_on_the_disk_there_is_no_piece(song: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lapse, "check_free_space", full)
    run = train(song)
    assert run.state == "succeeded"
    assert "could not be made" in run.advice
    assert not lapse_of(run.id).pieces()


def test_few_pieces_are_kept_the_first_and_the_last_among_them(home: Path) -> None:
    kept: list[int] = []
    for epoch in range(1, 200):
        kept.append(epoch)
        while len(kept) > MAX_PIECES:
            kept.pop(least_needed(kept))
        assert kept[0] == 1
        assert kept[-1] == epoch
    assert len(kept) == MAX_PIECES
    assert sum(epoch <= 50 for epoch in kept) >= 3, "a network learns most at first"


def write(place: Path, loss: float = 1.0) -> dict[str, Any]:
    (place / FACTS).write_text(json.dumps({"medium": "audio", "seconds": 1.0}))
    return {"loss": loss}


def test_pieces_are_whole_or_absent_and_never_there_twice(home: Path) -> None:
    kept = lapse.Lapse(home / "lapse")
    assert kept.pieces() == []
    for epoch in range(1, 21):
        kept.publish(epoch, write)
    again = kept.publish(20, lambda place: write(place, 0.5))
    assert len(list(kept.folder.iterdir())) == len(kept.pieces()) == MAX_PIECES
    assert kept.pieces()[-1] == again
    assert again.about == {"epoch": 20, "loss": 0.5}

    def fail(place: Path) -> dict[str, Any]:
        write(place)
        raise MemoryError

    with pytest.raises(MemoryError):
        kept.publish(21, fail)
    (kept.folder / ".000030-aaaaaaaa.left-over").mkdir()
    (kept.folder / "notes").mkdir()
    kept.clean()
    assert [path.name for path in kept.folder.iterdir() if path.name.startswith(".")] == []
    kept.forget_after(3)
    assert {piece.epoch for piece in kept.pieces()} <= {1, 2, 3}
    damaged = kept.pieces()[0]
    (damaged.folder / PIECE).write_text("{")
    assert lapse.LapsePiece(damaged.folder, 1).about == {}


def test_resuming_drops_pieces_of_epochs_that_are_trained_again(song: str) -> None:
    run = train(song)
    kept = lapse_of(run.id)
    kept.publish(40, write)
    api.resume(run.id, epochs=14)
    assert work_here(run.id).state == "succeeded"
    found = [piece.epoch for piece in kept.pieces()]
    assert found == sorted(set(found))
    assert max(found) <= 14


def test_the_time_lapse_goes_with_the_archive_and_with_the_run(song: str) -> None:
    run = train(song)
    pieces = lapse_of(run.id).pieces()
    archive = api.export_run(run.id)
    assert api.export_run(run.id).read_bytes() == archive.read_bytes()
    brought = api.get_run(api.import_run(archive))
    assert brought.request == run.request
    there = lapse_of(brought.id).pieces()
    assert [piece.epoch for piece in there] == [piece.epoch for piece in pieces]
    for mine, theirs in zip(pieces, there, strict=True):
        assert (mine.folder / "audio.wav").read_bytes() == (theirs.folder / "audio.wav").read_bytes()
        assert theirs.about["verdicts"] == mine.about["verdicts"]
        assert theirs.about["loss"] == mine.about["loss"]
    assert not list(lapse_of(brought.id).folder.glob(".*"))
    api.delete_run(run.id)
    assert not lapse_of(run.id).folder.exists()


def test_archives_with_pieces_that_do_harm_are_refused(song: str, tmp_path: Path) -> None:
    from test_runs_archives import unzip, zip_up

    run = train(song, epochs=2)
    good = unzip(api.export_run(run.id))
    spoiled = {
        "no music": {name: content for name, content in good.items() if name != "lapse/000001/audio.wav"},
        "no words": {name: content for name, content in good.items() if name != f"lapse/000001/{PIECE}"},
        "a program": {**good, "lapse/000001/run.sh": b"true"},
        "another epoch": {
            name.replace("lapse/000001", "lapse/000009"): content for name, content in good.items()
        },
        "not music": {**good, "lapse/000001/audio.wav": b"RIFF" * 20},
        "no verdict": {**good, f"lapse/000001/{PIECE}": b'{"epoch": 1, "seed": 1, "verdicts": [3]}'},
        "too many": {
            **good,
            **{f"lapse/{epoch:06d}/{name}": good[f"lapse/000001/{name}"]
               for epoch in range(10, 20) for name in ("audio.wav", PIECE)},
        },
    }  # fmt: skip
    runs = len(api.list_runs())
    for what, files in spoiled.items():
        with pytest.raises(RejectedFile):
            api.import_run(zip_up(tmp_path / f"{what}.zip", files))
    assert len(api.list_runs()) == runs
    assert "lapse/000001/audio.wav" in good
