"""The entry point: every page opens, directly and from every other page, and the links between them work."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.navigation import PLACES, SECTIONS

ROOT = Path(__file__).resolve().parents[2]


def open_app() -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)


def test_every_place_is_in_the_menu_once() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(PLACES)
    assert all((ROOT / place.file).is_file() for place in PLACES.values())


def test_no_script_lies_directly_in_pages() -> None:
    """Streamlit would run it without the entry point at the first visit of a deep link."""
    assert list((ROOT / "pages").glob("*.py")) == []


@pytest.mark.parametrize("name", [name for name in PLACES if name != "system"])
def test_every_page_opens_on_an_empty_installation(name: str, home: Path) -> None:
    at = open_app().run()
    if name != "home":
        at.switch_page(PLACES[name].file).run()
    assert not at.exception
    assert not at.error
    assert at.title[0].value


def test_pages_open_one_after_the_other_in_one_visit(home: Path) -> None:
    at = open_app().run()
    for name in ("songs", "train", "runs", "generate", "compare", "blind", "approaches", "home"):
        at.switch_page(PLACES[name].file).run()
        assert not at.exception, name


@pytest.mark.parametrize("name", ["songs", "train", "runs", "generate", "compare", "blind"])
@pytest.mark.parametrize("value", ["song-000000000000", "../../etc/passwd", "<script>", ""])
def test_strange_addresses_do_no_harm(name: str, value: str, home: Path) -> None:
    at = open_app()
    for kind in ("song", "run", "output"):
        at.query_params[kind] = value
    at.run()
    at.switch_page(PLACES[name].file)
    for kind in ("song", "run", "output"):
        at.query_params[kind] = value
    at.run()
    assert not at.exception
