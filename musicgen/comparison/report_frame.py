"""A report as one HTML page: the player's script and style, sound and pictures in base64, and a body that is given.

Everything that people wrote is escaped, and the page's own policy allows no script and no style but the two in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from musicgen.comparison.player_script import joined_modules, player_style

CURVES = Path(__file__).resolve().parents[2] / "assets" / "curves.css"
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "report"


def report_frame(title: str, body: str, told: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        body: HTML, with an empty element for each player. told: what the players are told (assets/report/report.js).
        files: sound and pictures by name; names are ours: letters, digits and dashes.
    """
    style = "\n".join([player_style(), CURVES.read_text(encoding="utf-8"), (FOLDER / "report.css").read_text("utf-8")])
    # A module has a scope of its own, and runs once the page is there.
    script = f"{joined_modules('player.js')}\n{(FOLDER / 'report.js').read_text(encoding='utf-8')}"
    blocks = "\n".join(_block(name, "text/plain", base64.b64encode(each).decode()) for name, each in files.items())
    told_json = json.dumps(told, ensure_ascii=True).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{text_of(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
{_block("told", "application/json", told_json)}
{blocks}
<script type="module">{script}</script>
</body>
</html>
"""


def _policy(script: str, style: str) -> str:
    """Only this script and this style, by their hashes; sound and pictures only from inside the page."""
    allowed = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src blob: data:",
        "img-src blob: data:",
        "media-src blob: data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(allowed)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _block(name: str, kind: str, content: str) -> str:
    """Data, which a browser does not run."""
    return f'<script type="{kind}" id="{name}">{content}</script>'


def text_of(value: object) -> str:
    """Data as HTML on one line."""
    return escape(" ".join(str(value).split()))


def report_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column names its rows; a title that ends in "›" is a column of numbers. In a narrow window,
    rows of three cells and more become cards."""
    titles = [column.rstrip("› ") for column in columns]
    numbers = [' class="number"' if column.endswith("›") else "" for column in columns]
    head = "".join(
        f'<th scope="col"{number}>{text_of(title)}</th>' for title, number in zip(titles, numbers, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, titles, numbers)}</tr>" for row in rows)
    stacks = ' class="stacks"' if len(titles) > 2 else ""
    return f'<div class="scroll"><table{stacks}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(row: Sequence[object], titles: Sequence[str], numbers: Sequence[str]) -> str:
    first, *others = map(text_of, row)
    cells = (
        f'<td data-label="{text_of(title)}"{number}>{cell}</td>'
        for cell, title, number in zip(others, titles[1:], numbers[1:], strict=True)
    )
    return f'<th scope="row">{first}</th>{"".join(cells)}'
