"""What the Generate page shows of a piece while it is being generated."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from stored_work import add_run, add_song, is_clean, lanes, nobody_works, players, said, tone, tune, visit

from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.runs import drafts
from musicgen.runs.drafts import DraftWriter, remove_drafts
from musicgen.runs.folders import task_folder
from musicgen.storage import database
from musicgen.symbolic.score import Score

pytestmark = pytest.mark.usefixtures("home")


def add_generation(run: str, content: Waveform | Score, *, done: int, total: int) -> Path:
    """Add a running generation with a draft of its piece; return its folder."""
    row = {
        "id": database.new_id("task"), "kind": "generate", "run_id": run, "state": "running", "device": "cpu",
        "request": {"seeds": [0], "device": "cpu"}, "fence": "f", "created_at": 1.0, "started_at": 1.0,
    }  # fmt: skip
    database.change(sa.insert(database.tasks).values(**row))
    folder = task_folder("generate", run, row["id"])
    add_draft(folder, content, done=done, total=total)
    return folder


def add_draft(folder: Path, content: Waveform | Score, *, done: int, total: int) -> None:
    clock = iter([0.0, 100.0, 100.0])
    mark = f"at{done:09d}"  # a newer one has a later name
    writer = DraftWriter(folder, mark, clock=lambda: next(clock))
    writer.offer(lambda: content, done - 1, total)
    writer.offer(lambda: content, done, total)


def test_a_piece_can_be_played_and_seen_while_it_is_generated() -> None:
    run = add_run([add_song("s", tone(2))])
    with nobody_works():
        folder = add_generation(run, tone(1), done=8_000, total=32_000)
        app = visit("generate", run=run)
        assert is_clean(app)
        assert "**So far**: 1.0 of 4 s" in said(app)
        (heard,) = lanes(app)
        assert heard["sound"]["grows"]
        assert heard["seconds"] == 1.0
        add_draft(folder, tone(2.5), done=20_000, total=32_000)
        app.run()
        assert "**So far**: 2.5 of 4 s" in said(app)
        (longer,) = lanes(app)
        assert longer["id"] == heard["id"], "the same lane goes on"
        assert longer["seconds"] == 2.5
        assert longer["sound"]["content"] != heard["sound"]["content"]
        remove_drafts(folder)
        app.run()
        assert is_clean(app)
        assert "So far" not in said(app)
        assert not lanes(app)


def test_notes_of_an_unfinished_piece_are_rendered_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "draft_sound", lambda draft: wav_bytes(tone(1)))
    run = add_run([add_song("s", tune())], approach="note_lstm")
    with nobody_works():
        add_generation(run, tune(8), done=8, total=32)
        app = visit("generate", run=run)
        assert is_clean(app)
        assert "**So far**: 0:02, 25% of the piece" in said(app)
        assert len(players(app)) == 1, "its notes can be seen"
        assert not lanes(app)
        app.button(key="draft_listen").click().run()
        app.run()
        assert is_clean(app)
        assert len(lanes(app)) == 1
