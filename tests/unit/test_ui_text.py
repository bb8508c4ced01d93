"""Words on a page: numbers are worded once, and what users named never becomes markup."""

from __future__ import annotations

import re

import pytest

from musicgen.wording import count, span
from pages.ui.commands import command_line
from pages.ui.text import WORD_JOINER, ago, clock, escape, setting_words, shorten, size

HOSTILE = [
    "![x](http://evil/p.png)",
    "[link](http://evil)",
    "<img src=x onerror=alert(1)>",
    "**bold** _it_ ~~no~~ `code`",
    "$\\frac{1}{2}$",
    ":smile: :red[colour] :material/home:",
    "# heading",
    "- item",
    "1. item",
    "| a | b |",
    "http://evil www.evil.com me@evil.com",
    "&lt;b&gt;",
    "a\n\n# b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_escaping_leaves_no_markdown_and_loses_no_character(text: str) -> None:
    escaped = escape(text)
    bare = re.sub(r"\\[^A-Za-z0-9\s]", "", escaped)  # what is left when every escaped character is taken out
    assert not re.search(r"[*_`\[\]<>#$~|!&\\]", bare)
    assert "\n" not in escaped
    shown = re.sub(r"\\([^A-Za-z0-9\s])", r"\1", escaped).replace(WORD_JOINER, "")
    assert shown == " ".join(text.split())


@pytest.mark.parametrize("text", ["http://evil", ":smile:", "me@evil.com", "WWW.evil.com"])
def test_escaping_breaks_what_becomes_a_link_or_an_emoji_by_itself(text: str) -> None:
    assert not re.search(r":/|:smile|@evil|www\\?\.", escape(text), re.IGNORECASE)


def test_shortening_keeps_both_ends() -> None:
    name = "symphony no. 5, second movement, take 17.flac"
    short = shorten(name, 30)
    assert len(short) <= 30
    assert short.startswith("symphony")
    assert short.endswith("17.flac")
    assert shorten("short", 30) == "short"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (245, "4:05"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0.4 s"),
        (12, "12 s"),
        (59.4, "59 s"),
        (89, "1 min 29 s"),
        (180, "3 min"),
        (4800, "1 h 20 min"),
        (7200, "2 h"),
        (0, "under 0.1 s"),
        (0.04, "under 0.1 s"),
        (-86_192, "under 0.1 s"),
        (9.96, "10 s"),
    ],
)
def test_span(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    [(3, "just now"), (300, "5 min ago"), (7300, "2 h ago"), (90_000, "yesterday"), (3 * 86_400, "3 days ago")],
)
def test_ago(passed: float, shown: str) -> None:
    assert ago(1_000_000.0, now=1_000_000.0 + passed) == shown


def test_a_clock_that_was_set_back_shows_no_negative_time() -> None:
    assert ago(2_000.0, now=1_000.0) == "just now"


def test_counts_and_sizes() -> None:
    assert count(1, "song") == "1 song"
    assert count(12_000, "song") == "12,000 songs"
    assert count(2, "approach", "approaches") == "2 approaches"
    assert [size(n) for n in (12, 1_200, 125_000_000, 3.4e9)] == ["12 B", "1.2 kB", "125 MB", "3.4 GB"]


def test_the_command_line_can_be_pasted() -> None:
    command = command_line("train", "note_lstm", "my song.mid", preset="quick", seed=0, name=None, json=True,
                           settings={"epochs": 3, "units": (50, 25), "use_velocity": True})  # fmt: skip
    assert command == (
        "python -m musicgen train note_lstm 'my song.mid' --preset quick --seed 0 --json "
        "--set epochs=3 --set units=50,25 --set use_velocity=true"
    )


def test_a_password_in_a_database_address_stays_hidden() -> None:
    assert setting_words("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert setting_words("sqlite:////tmp/musicgen.db") == "sqlite:////tmp/musicgen.db"
    assert setting_words(None) == "not set"
