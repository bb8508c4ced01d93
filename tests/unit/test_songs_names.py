"""Names: whatever a file was called, what is shown is clean and what is saved is harmless."""

from __future__ import annotations

import unicodedata

import pytest

from musicgen.songs.names import MAX_GRAPHEMES, display_name, file_name, song_name

NASTY = [
    "../../../../etc/cron.d/x",
    "..\\..\\windows\\system32\\evil.wav",
    "C:\\..\\evil.mid",
    "/etc/passwd",
    "song\x00.wav",
    "a\nb\r\nc.mp3",
    "x" * 300,
    "é" * 300 + ".wav",
    "😀🎵" * 150 + ".mid",
    "\u202egpj.exe.mp3",
    "zero\u200bwidth\u200djoiner\ufeff.wav",
    "\u2066isolate\u2069.flac",
    "-i",
    "--help.wav",
    "-rf *.mid",
    "CON.wav",
    "con",
    "LPT1 .mp3",
    "nul.tar.wav",
    "aux:",
    "trailing dot.",
    "trailing space ",
    " . ",
    "a.wav/",
    "a.wav\\",
    "",
    ".",
    "..",
    "...",
    ".hidden",
    ".mid",
    "~/.bashrc",
    "$(reboot).wav",
    "`id`.wav",
    "a;b|c&d>e<f\"g'h?i*j.mid",
    "<img src=x onerror=alert(1)>.wav",
    "![x](http://evil/p.png)",
    "%2e%2e%2fetc%2fpasswd",
    "\udcff\udcfe broken bytes.wav",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘.mid",
    "a" + "\u0301" * 5000,
    "\u0301\u0301",
    "\ufffe\uffff\ufdd0",
    "=cmd|' /C calc'!A0.mid",
    "e\u0301cole.wav",
    "line\u2028separator\u2029.wav",
    "\x1b[31mred\x1b[0m",
]


@pytest.mark.parametrize("raw", NASTY)
def test_display_names_are_short_visible_text(raw: str) -> None:
    for name in (display_name(raw), song_name(raw)):
        categories = {unicodedata.category(letter) for letter in name}
        assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert 0 < len(name) <= 255
        assert len(name.encode("utf-8")) <= 1020
        assert name == name.strip() == unicodedata.normalize("NFC", name)
        assert display_name(name) == name


@pytest.mark.parametrize("raw", NASTY)
@pytest.mark.parametrize("extension", ["wav", "mid", "../sh", ""])
def test_file_names_are_taken_everywhere(raw: str, extension: str) -> None:
    name = file_name(raw, extension)
    assert not set(name) & set('/\\:*?"<>|')
    assert name.isprintable()
    assert len(name.encode()) <= 200
    assert name[0] not in " .-~"
    stem, _, ending = name.rpartition(".")
    assert stem
    assert stem == stem.rstrip(" .")
    assert ending == {"wav": "wav", "mid": "mid", "../sh": "sh", "": "bin"}[extension]
    assert stem.split(".")[0].strip().lower() not in {"con", "aux", "nul", "lpt1"}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Prélude  n°1", "Prélude n°1"),
        ("e\u0301tude", "étude"),
        ("AC/DC", "AC/DC"),
        ("a\tb\nc", "a b c"),
        ("\u202egpj.exe", "gpj.exe"),
        ("", "untitled"),
        ("\u200b\u0000", "untitled"),
        ("🇩🇪👍🏽", "🇩🇪👍🏽"),
    ],
)
def test_display_name(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("My Song.mp3", "My Song"),
        ("My Song.MID", "My Song"),
        ("No. 1 in C", "No. 1 in C"),
        ("Op. 27 No. 2.mid", "Op. 27 No. 2"),
        ("notes.txt", "notes.txt"),
        ("../../etc/cron.d/x.wav", "x"),
        ("C:\\music\\evil.flac", "evil"),
        ("album/disc 1/track.ogg", "track"),
        ("a.wav/", "a"),
        ("..", "untitled"),
        (".mid", "untitled"),
    ],
)
def test_song_name(raw: str, name: str) -> None:
    assert song_name(raw) == name


def test_long_names_are_cut_between_graphemes() -> None:
    name = display_name("👍🏽" * 200)
    assert name == "👍🏽" * (MAX_GRAPHEMES - 1) + "…"
    flags = display_name("🇩🇪" * 200)
    assert flags == "🇩🇪" * (MAX_GRAPHEMES - 1) + "…"
    assert display_name("x" * 120) == "x" * 120
    assert display_name("x" * 121) == "x" * 119 + "…"


def test_file_name_keeps_what_it_can() -> None:
    assert file_name("Prélude 1", "mid") == "Prélude 1.mid"
    assert file_name("a/b:c", "WAV") == "a_b_c.wav"
    assert file_name("con", "mp3") == "_con.mp3"
