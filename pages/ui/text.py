"""Text on a page. Names given by users are data: `escape` them before they go through Markdown, or use `st.text`."""

from __future__ import annotations

import re
import time

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$^&=\"'])")
_AUTOMATIC = re.compile(r"[:@]|www(?=\.)", re.IGNORECASE)  # emoji and directive colons, mail and web links
WORD_JOINER = "\u2060"


def escape(text: object) -> str:
    """`text` as Markdown that shows exactly these characters on one line: no link, image, colour, emoji or formula."""
    line = " ".join(str(text).split())
    return _MARKDOWN.sub(r"\\\1", _AUTOMATIC.sub(lambda match: match.group() + WORD_JOINER, line))


def shorten(text: str, length: int = 48) -> str:
    """At most `length` characters. The middle is left out, because endings distinguish files as often as beginnings."""
    if len(text) <= length:
        return text
    tail = length // 3
    return f"{text[: length - tail - 1].rstrip()}…{text[-tail:].lstrip()}"


def clock(seconds: float) -> str:
    """0:07, 4:05, 1:02:03."""
    whole = round(max(seconds, 0.0))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def ago(moment: float, now: float | None = None) -> str:
    """A past wall-clock time in words: just now, 5 min ago, yesterday, 3 March 2026."""
    passed = (time.time() if now is None else now) - moment
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{int(passed // 60)} min ago"
    if passed < 86_400:
        return f"{int(passed // 3600)} h ago"
    if passed < 7 * 86_400:
        return "yesterday" if passed < 2 * 86_400 else f"{int(passed // 86_400)} days ago"
    return time.strftime("%d %B %Y", time.localtime(moment)).lstrip("0")


def size(n_bytes: float) -> str:
    """512 B, 12 kB, 3.4 MB, 1.2 GB (powers of ten)."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if n_bytes >= 10 or unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def setting_words(value: object) -> str:
    """A setting as text; a password inside a database address stays hidden."""
    if value is None:
        return "not set"
    return re.sub(r"(password=)[^&\s]*", r"\1***", re.sub(r"//([^:/@]*):.*@", r"//\1:***@", str(value)), flags=re.I)
