"""Hear it learn: the short pieces of a training on the Runs page, and the choice on the Train page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stored_work import add_output, add_run, add_song, is_clean, nobody_works, players, said, tone, tune, visit

from musicgen.clips import write_audio_clip
from musicgen.runs.api import get_run, list_runs
from musicgen.runs.folders import WORKER_LOCK, run_folder
from musicgen.runs.lapse import lapse_of
from musicgen.runs.locks import FileLock

pytestmark = pytest.mark.usefixtures("home")
NOISE = {"code": "noise", "title": "Only noise", "cause": "It has not learned.", "remedies": []}


def add_pieces(run: str, *epochs: int, **about: Any) -> None:
    for epoch in epochs:

        def write(folder: Path, epoch: int = epoch) -> dict[str, Any]:
            write_audio_clip(folder, tone(1.0, frequency=220.0 * epoch))
            return {"seed": 3, "loss": 4 / epoch, "verdicts": [NOISE] if epoch == 1 else [], **about}

        lapse_of(run).publish(epoch, write)


def test_the_pieces_of_a_training_are_played_beside_the_original() -> None:
    song = add_song("The original", tone(3))
    run = add_run([song], hear_it_learn=True)
    add_pieces(run, 1, 2, 4, reference={"song_id": song, "start_seconds": 1.5, "stop_seconds": 2.5})
    app = visit("runs", run=run)
    assert is_clean(app)
    (player,) = players(app)
    assert [lane["title"] for lane in player["lanes"]] == [
        "Original: The original", "After epoch 1", "After epoch 2", "After epoch 4",
    ]  # fmt: skip
    assert player["lanes"][0]["shift"] == -1.5, "the original from the same place on"
    assert [stop["label"] for stop in player["slider"]["stops"]] == ["epoch 1", "epoch 2", "epoch 4"]
    assert {stop["lane"] for stop in player["slider"]["stops"]} == {lane["id"] for lane in player["lanes"][1:]}
    assert player["window"] == [0.0, 1.0]
    words = said(app)
    assert "Hear it learn" in words
    assert "3 short pieces with seed 3" in words
    assert "kB on the disk" in words
    assert "| 1 | 4 | Only noise |" in words
    assert "| 4 | 1 | nothing found |" in words


def test_without_the_original_the_pieces_are_played_alone() -> None:
    run = add_run(["song-000000000000"], hear_it_learn=True)
    add_pieces(run, 2)
    app = visit("runs", run=run)
    assert is_clean(app)
    assert [lane["title"] for lane in players(app)[0]["lanes"]] == ["After epoch 2"]
    assert "1 short piece with" in said(app)


def test_a_training_that_has_made_none_yet_says_when_the_first_one_comes() -> None:
    song = add_song("s", tone(2))
    runs = [add_run([song], state="running", epochs=1, wanted=9, **more) for more in ({"hear_it_learn": True}, {})]
    with nobody_works(), FileLock(run_folder(runs[0]) / WORKER_LOCK), FileLock(run_folder(runs[1]) / WORKER_LOCK):
        app = visit("runs", run=runs[0])
        assert is_clean(app)
        assert "The first short piece comes" in said(app)
        assert "The first short piece comes" not in said(visit("runs", run=runs[1]))


def test_a_damaged_piece_does_not_take_the_others_with_it() -> None:
    run = add_run([add_song("s", tone(2))], hear_it_learn=True)
    add_pieces(run, 1, 2)
    (lapse_of(run).pieces()[0].folder / "piece.json").write_text("{")
    app = visit("runs", run=run)
    assert is_clean(app)
    assert [lane["title"] for lane in players(app)[0]["lanes"]][1:] == ["After epoch 2"]


def test_a_run_that_was_imported_has_its_time_lapse() -> None:
    run = add_run([add_song("A tune", tune(50))], approach="note_lstm")
    for seed in (7, 8):  # a second piece from each checkpoint
        for epoch in (1, 4):
            weights = {"epoch": epoch, "sha256": "0" * 64, "chosen": "all"}
            add_output(run, tune(20, seed=epoch + seed), checkpoint=weights, seed=seed, seeds=[7, 8])
    add_output(run, tune(20), checkpoint={"epoch": 2, "sha256": "0" * 64, "chosen": "best"})
    app = visit("runs", run=run)
    assert is_clean(app)
    lapse = next(told for told in players(app) if told["slider"])
    assert [lane["title"] for lane in lapse["lanes"]] == ["After epoch 1", "After epoch 4"]


def test_it_can_be_switched_off_for_a_training() -> None:
    add_song("A sound", tone(12))
    with nobody_works():
        app = visit("train")
        assert app.toggle(key="train_hear").value
        assert "--no-hear-it-learn" not in said(app)
        app.toggle(key="train_hear").set_value(False).run()
        assert "--no-hear-it-learn" in said(app)
        app.button(key="train_start").click().run()
        assert is_clean(app)
        (run,) = list_runs()
        assert "hear_it_learn" not in get_run(run.id).request
