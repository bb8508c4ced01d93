"""Names are data on every page: no picture, link or tag in them becomes one, also in labels that are not shown."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import NASTY, add_output, add_run, add_song, add_study, is_clean, markup, tone, tune, visit

pytestmark = pytest.mark.usefixtures("home")


def test_no_page_takes_a_name_for_markup() -> None:
    songs = [add_song(NASTY, tune()), add_song(f"{NASTY} 2", tune(seed=3))]
    sound = add_song(f"{NASTY} 3", tone())
    run = add_run(songs, approach="note_lstm", name=NASTY)
    other = add_run([sound], approach="amplitude_lstm", name=f"{NASTY} 2", state="failed", reason=NASTY)
    output = add_output(run, tune(seed=9), name=NASTY)
    add_output(run, tune(seed=8), name=f"{NASTY} 2")
    study = add_study(songs, name=NASTY)
    pages: list[tuple[str, dict[str, Any]]] = [
        ("home", {}), ("songs", {}), ("songs", {"song": songs[0]}), ("songs", {"song": sound}), ("train", {}),
        ("runs", {"run": run}), ("runs", {"run": other}), ("generate", {"run": run}), ("blind", {"generated": output}),
        ("compare", {"reference": songs[0], "generated": output}), ("versus", {"runs": f"{run},{other}"}),
        ("study", {"study": study}), ("lessons", {"lesson": "floor"}), ("approaches", {}), ("system", {}),
    ]  # fmt: skip
    for page, query in pages:
        app = visit(page, **query)
        assert is_clean(app), page
        assert markup(app) == "", (page, query)
