"""The player's modules in assets/player/ joined into one script, without a build step: for pages and reports."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "player"
ENTRY = "index.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) )", re.MULTILINE)


def joined_modules(entry: str = ENTRY) -> str:
    """All modules that `entry` imports, each before those that need it, as one module with the default export of the
    entry. They share one scope, so no two may define the same name (a test looks)."""
    done: dict[str, str] = {}

    def take(name: str) -> None:
        if name in done:
            return
        text = (FOLDER / name).read_text(encoding="utf-8")
        done[name] = ""  # a circle would not end
        for imported in IMPORT.findall(text):
            take(imported)
        del done[name]
        done[name] = EXPORT.sub("", IMPORT.sub("", text))

    take(entry)
    return "\n".join(done.values())


def player_style() -> str:
    return (FOLDER / "player.css").read_text(encoding="utf-8")
