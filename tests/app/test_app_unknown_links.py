"""A link that names nothing known: the page says so, shows something else, and stops saying so when one goes on."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import ENTRY, add_output, add_run, add_song, is_clean, said, tone, visit
from streamlit.testing.v1 import AppTest

from musicgen.comparison import comparison

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def work(home: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A song, a run and an output; the id of the run."""
    monkeypatch.setattr(comparison, "comparison", lambda *_, **__: {"verdicts": [], "medium": "audio"})
    run = add_run([add_song("A song", tone(1))])
    add_output(run, tone(1), verdicts=[], metrics={})
    return run


@pytest.mark.parametrize(
    ("page", "param", "value"),
    [
        ("songs", "song", "song-000000000000"),
        ("songs", "song", "nonsense"),
        ("train", "song", "song-000000000000"),
        ("train", "song", "<b>x</b>"),
        ("runs", "run", "run-000000000000"),
        ("runs", "run", "nonsense"),
        ("generate", "run", "run-000000000000"),
        ("generate", "run", "nonsense"),
        ("compare", "output", "output-000000000000"),
        ("compare", "generated", "output-000000000000"),
        ("compare", "reference", "song-000000000000"),
        ("blind", "test", "test-000000000000"),
        ("blind", "generated", "output-000000000000"),
    ],
)
def test_a_page_says_that_a_link_names_nothing_known(page: str, param: str, value: str) -> None:
    app = visit(page, **{param: value})
    assert is_clean(app)
    assert value in said(app)
    assert len([each for each in (*app.warning, *app.error) if param[:3] in each.value or "link" in each.value]) == 1


def test_an_unknown_approach_is_told_too() -> None:
    app = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    app.query_params["approach"] = "no_such_approach"
    app.switch_page("pages/overview/approaches.py").run()
    assert "The link names an approach that is not here: no_such_approach." in said(app)


def test_it_stays_while_the_page_answers_and_goes_when_something_else_is_opened(work: str) -> None:
    app = visit("generate", run="nonsense")
    app.number_input(key="generate_seed").set_value(5).run()
    assert "The link names a run that is not here: nonsense." in said(app)
    other = add_run([add_song("Another", tone(1))])
    app.query_params["run"] = other
    app.run()
    assert "The link names" not in said(app)


def test_a_good_link_says_nothing(work: str) -> None:
    for page in ("runs", "generate"):
        assert "The link names" not in said(visit(page, run=work))
