"""What an output borrows from its songs: on its card, on demand for earlier outputs, and along a run's checkpoints."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import add_output, add_run, add_song, is_clean, said, tune, until, visit

from musicgen.comparison.borrowed import originality, passages_between
from musicgen.runs.api import get_run

pytestmark = pytest.mark.usefixtures("home")
JUDGED = {"verdicts": [], "metrics": {}, "copied": None}


def found(share: float, song_id: str = "song-000000000000", name: str = "A *tune*") -> dict[str, Any]:
    passage = {
        "start": 1.0, "stop": 4.5, "song_id": song_id, "song": name, "song_start": 10.0, "song_stop": 13.5,
        "semitones": -3, "tempo_ratio": 1.1, "similarity": 0.9, "num_notes": 14,
    }  # fmt: skip
    text = "It borrows more than these songs do from each other: 40% of it also occurs in a training song."
    return {
        "medium": "midi", "passages": [passage], "num_passages": 1, "share": share, "compared_share": share,
        "num_songs": 2, "of_songs": 2, "is_partial": False, "yardstick": None, "level": "more", "text": text,
    }  # fmt: skip


def a_run() -> tuple[str, str]:
    """(run id, id of its first song)."""
    first = add_song("A *tune*", tune(60))
    return add_run([first, add_song("Another", tune(60, seed=1))], approach="note_lstm"), first


def test_a_card_says_what_is_borrowed_and_leads_to_the_song() -> None:
    run_id, song_id = a_run()
    add_output(run_id, tune(), **JUDGED, originality=found(0.4, song_id))
    app = visit("generate", run=run_id)
    assert is_clean(app)
    words = said(app)
    assert "It borrows more than these songs do from each other" in words
    assert "1.0–4.5 s" in words
    assert "down 3 semitones, 10% faster; 90% alike" in words


@pytest.mark.real_children
def test_an_earlier_output_is_compared_with_its_songs_on_demand() -> None:
    run_id, song_id = a_run()
    output_id = add_output(run_id, tune(60), **JUDGED)  # the same notes as the first song
    app = visit("generate", run=run_id)
    app.button(key=f"borrowed_now_{output_id}").click().run()
    app = until(app, lambda now: "also occurs in a training song" in said(now))
    assert is_clean(app)
    stored = originality(output_id)
    assert stored is not None
    assert stored["share"] > 0.9
    assert [each["song_id"] for each in passages_between(output_id, song_id)] == [song_id] * len(stored["passages"])


def test_without_songs_nothing_is_said() -> None:
    run_id, _ = a_run()
    add_output(run_id, tune(), **JUDGED, originality=None)
    app = visit("generate", run=run_id)
    assert is_clean(app)
    assert "also occurs in" not in said(app)


@pytest.mark.real_children
def test_a_run_shows_originality_along_its_checkpoints() -> None:
    run_id, song_id = a_run()
    for epoch, share in ((2, 0.1), (4, 0.5)):
        checkpoint = {"epoch": epoch, "sha256": "0" * 64, "is_complete": True, "chosen": "best"}
        add_output(run_id, tune(seed=epoch), **JUDGED, originality=found(share, song_id), checkpoint=checkpoint)
    assert not get_run(run_id).is_active
    app = visit("runs", run=run_id)
    assert is_clean(app)
    assert "Outputs of epoch 4 borrow more than those of epoch 2" in said(app)
