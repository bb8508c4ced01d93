"""Makes file names from users safe to show and to save. No such name ever becomes part of a path in our storage.

Conventions: `display_name` for what is shown and recorded, `song_name` for an upload's file name, `file_name` for a
download. All three accept any text and return a sensible name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from musicgen.charsets import decode_text
from musicgen.songs.content import KNOWN_EXTENSIONS

UNTITLED = "untitled"
MAX_GRAPHEMES = 120
MAX_CODE_POINTS = 255  # the size of the database column
MAX_NOTE = 2000
MAX_RAW = 4096  # normalising takes quadratic time in the marks on one letter
MAX_MARKS = 8  # on one letter; no script needs more
MAX_FILE_NAME_BYTES = 180  # of the 255 that file systems allow: browsers add " (1)" and ".crdownload"

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidi, zero width), surrogates, line separators
_MARKS = {"Mn", "Mc", "Me"}
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_REGIONAL = range(0x1F1E6, 0x1F200)  # two of these form a flag
_FORBIDDEN_IN_FILES = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)", re.IGNORECASE)


def display_name(raw: str) -> str:
    """`raw` in NFC without control, bidi and zero-width characters, on one line, cut to MAX_GRAPHEMES.

    What remains may still contain markup or slashes: show it as text, never as HTML, Markdown or a path."""
    return clean_name(raw) or UNTITLED


def clean_name(raw: str) -> str:
    """`display_name`, but empty if nothing visible remains."""
    if raw.isascii() and raw.isprintable() and len(raw) <= MAX_GRAPHEMES:
        return " ".join(raw.split())
    kept = "".join(_visible(character) for character in _with_letters(raw[:MAX_RAW]))
    text = " ".join(unicodedata.normalize("NFC", kept).split())
    graphemes = list(_graphemes(text))
    if len(graphemes) > MAX_GRAPHEMES:
        graphemes = [*graphemes[: MAX_GRAPHEMES - 1], "…"]
    short = "".join(_fitting(graphemes, MAX_CODE_POINTS, len)).strip()
    return short if any(unicodedata.category(character)[0] in "LNSP" for character in short) else ""


def clean_lines(raw: str) -> str:
    """A note of several lines, each as in `clean_name` but longer; MAX_NOTE characters at most. It may be empty."""
    lines = ("".join(map(_visible, _with_letters(line))).rstrip() for line in raw[:MAX_NOTE].splitlines())
    return unicodedata.normalize("NFC", "\n".join(lines)).strip()[:MAX_NOTE]


def song_name(raw: str) -> str:
    """The name of a song from its file name: without folders and without the extension of a format that we read."""
    last = re.split(r"[/\\]", _with_letters(raw).rstrip("/\\ "))[-1]
    stem, dot, extension = last.rpartition(".")
    name = display_name(stem if dot and extension.strip().lower() in KNOWN_EXTENSIONS else last)
    return name if name.strip(" .") else UNTITLED


def file_name(name: str, extension: str) -> str:
    """A download name with this extension that every file system accepts and no shell takes for an option."""
    text = _FORBIDDEN_IN_FILES.sub("_", display_name(name))
    stem = "".join(_fitting(list(_graphemes(text.lstrip(" .-~"))), MAX_FILE_NAME_BYTES, _num_bytes)).rstrip(" .")
    stem = f"_{stem}" if _RESERVED.match(stem) else stem
    return f"{stem or UNTITLED}.{re.sub('[^0-9a-z]', '', extension.lower()) or 'bin'}"


def _with_letters(raw: str) -> str:
    """Decodes file-name bytes that Python could not read, in the encoding they most likely have."""
    if not any("\udc80" <= character <= "\udcff" for character in raw):
        return raw
    try:
        return decode_text(raw.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # half of a UTF-16 surrogate pair
        return raw


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return " " if character.isspace() else ""
    return "" if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF else character


def _graphemes(text: str) -> Iterator[str]:
    """Splits into what a reader sees as one character: a letter with its marks, an emoji with its skin tone, a flag.

    A short form of Unicode Standard Annex 29, sufficient once format characters are gone."""
    cluster = ""
    for character in text:
        is_flag_end = ord(character) in _REGIONAL and len(cluster) == 1 and ord(cluster) in _REGIONAL
        is_mark = unicodedata.category(character) in _MARKS or ord(character) in _SKIN_TONES
        if not cluster or not (is_mark or is_flag_end):
            if cluster:
                yield cluster
            cluster = character
        elif len(cluster) <= MAX_MARKS:
            cluster += character
    if cluster:
        yield cluster


def _fitting(graphemes: list[str], limit: int, size: Callable[[str], int]) -> Iterator[str]:
    """As many graphemes from the start as fit into `limit`."""
    total = 0
    for grapheme in graphemes:
        total += size(grapheme)
        if total > limit:
            return
        yield grapheme


def _num_bytes(text: str) -> int:
    return len(text.encode())
