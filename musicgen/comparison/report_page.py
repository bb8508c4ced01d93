"""A report as one HTML page: text, tables and curve from facts, the player's script, sound and pictures in base64.

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

from musicgen.comparison.loss_drawing import run_drawing
from musicgen.comparison.player_script import joined_modules, player_style
from musicgen.evaluation.borrowing_words import moved_words
from musicgen.evaluation.figures import checked_words, evidence, metric_rows

CURVES = Path(__file__).resolve().parents[2] / "assets" / "curves.css"
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "report"


def report_page(
    facts: Mapping[str, Any],
    lanes: Sequence[Mapping[str, Any]],
    regions: Sequence[Mapping[str, Any]],
    files: Mapping[str, bytes],
) -> str:
    """The page.

    Args:
        facts: see `report_facts`.
        lanes: what the player is told, with names of `files` in place of addresses. regions: passages to mark in them.
        files: sound and pictures by name; names are ours: letters, digits and dashes.
    """
    style = "\n".join([player_style(), CURVES.read_text(encoding="utf-8"), (FOLDER / "report.css").read_text("utf-8")])
    # A module has a scope of its own, and runs once the page is there.
    script = f"{joined_modules('player.js')}\n{(FOLDER / 'report.js').read_text(encoding='utf-8')}"
    title = f"{facts['sides'][0]['name']} and {facts['sides'][1]['name']}"
    blocks = "\n".join(_block(name, "text/plain", base64.b64encode(each).decode()) for name, each in files.items())
    told = json.dumps({"lanes": lanes, "regions": regions, "window": facts["window"]}, ensure_ascii=True).replace(
        "<", "\\u003c"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{_text(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{_body(facts)}
</main>
{_block("told", "application/json", told)}
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


def _text(value: object) -> str:
    return escape(" ".join(str(value).split()))


def _body(facts: Mapping[str, Any]) -> str:
    sections = (
        _head(facts),
        _player(facts),
        _found(facts),
        _listening(facts),
        _measurements(facts),
        _making(facts),
        _again(facts),
    )
    return "\n".join(section for section in sections if section)


def _head(facts: Mapping[str, Any]) -> str:
    one, other = facts["sides"]
    return (
        f"<h1>{_text(one['name'])} and {_text(other['name'])}</h1>"
        f'<p class="quiet">A comparison of {_text(facts["made_at"])}, made with musicgen {_text(facts["version"])}.</p>'
        f"<p>{_text(one['heading'])}: {_text(one['name'])} ({_text(one['summary'])}).<br>"
        f"{_text(other['heading'])}: {_text(other['name'])} ({_text(other['summary'])}).</p>"
    )


def _player(facts: Mapping[str, Any]) -> str:
    same = '<label class="same"><input type="checkbox" id="same-loudness"> Same loudness (ITU-R BS.1770)</label>'
    keys = "Space: play · 1 and 2: hear one or the other · ← →: seek · L: loop · + −: zoom."
    return (
        "<h2>Listen and look</h2>"
        f"{same if facts['can_match'] else ''}"
        '<div id="player"></div><p id="trouble" role="alert" hidden></p>'
        "<noscript><p>The player needs JavaScript. Everything else can be read without it.</p></noscript>"
        f'<p class="quiet">{keys} {_text(facts["sound_text"])}</p>'
    )


def _found(facts: Mapping[str, Any]) -> str:
    measured = facts["measured"]
    boxes = [_verdict(verdict) for verdict in measured.get("verdicts") or ()]
    training = measured.get("training") or {}
    made_of_songs = bool(training.get("made_of_songs"))
    words = checked_words(str(measured.get("medium", "audio")), _metrics(measured), made_of_songs=made_of_songs)
    none = f"<p>No faults were found in the generated piece. {_text(words)}</p>"
    said = [training.get("text"), facts.get("originality")]
    copied = "".join(f"<p>{_text(each)}</p>" for each in said if each)
    return f"<h2>What was found</h2>{''.join(boxes) or none}{copied}{_passages(measured)}"


def _metrics(measured: Mapping[str, Any]) -> dict[str, Any]:
    return {**(measured.get("generated") or {}), **(measured.get("between") or {})}


def _passages(measured: Mapping[str, Any]) -> str:
    """Where both have the same music; the player shows it, too."""
    rows = [
        (_span(each["start"], each["stop"]), _span(each["song_start"], each["song_stop"]), moved_words(each), likeness)
        for each in measured.get("passages") or ()
        for likeness in [f"{each['similarity']:.0%}"]
    ]
    if not rows:
        return ""
    said = "<p>These passages occur in both. They are marked in the player: a click plays one after the other.</p>"
    return said + _table(("In the generated piece", "In the original", "Moved", "Alike ›"), rows)


def _span(start: float, stop: float) -> str:
    return f"{start:.1f} to {stop:.1f} s"


def _verdict(verdict: Mapping[str, Any]) -> str:
    advice = [str(remedy["text"]) for remedy in verdict.get("remedies") or ()]
    words = " ".join([str(verdict["cause"]), evidence(verdict), *advice])
    return f'<div class="verdict"><strong>{_text(verdict["title"])}.</strong> {_text(words)}</div>'


def _listening(facts: Mapping[str, Any]) -> str:
    items = "".join(f"<li>{_text(words)}</li>" for words in facts.get("listening") or ())
    return f"<h2>Blind tests</h2><ul>{items}</ul>" if items else ""


def _measurements(facts: Mapping[str, Any]) -> str:
    measured = facts["measured"]
    both, between = metric_rows(measured)
    heading = facts["sides"][0]["heading"]
    said = (measured.get("stretch") or {}).get("text")
    return (
        "<h2>Measurements compared</h2>"
        + (f'<p class="quiet">{_text(said)}</p>' if said else "")
        + _table(("Measure", f"{heading} ›", "Generated ›", "Unit", "What it means"), both)
        + (_table(("Between the two", "Value ›", "Unit", "What it means"), between) if between else "")
    )


def _making(facts: Mapping[str, Any]) -> str:
    parts = [_made(made) for made in facts["made"]]
    songs = facts["songs"]
    if songs:
        parts.append("<h3>Songs</h3>" + _table(("Song", "Length", "Where it comes from"), songs))
    return f"<h2>How it was made</h2>{''.join(parts)}" if parts else ""


def _made(made: Mapping[str, Any]) -> str:
    said = "".join(f"<p>{_text(words)}</p>" for words in made["said"])
    drawn = run_drawing(made["history"], made["floors"], made["best_epoch"])
    curve = f"<figure><figcaption>{drawn.legend}</figcaption>{drawn.svg}</figure>" if drawn.svg else ""
    tables = "".join(
        f"<details open><summary>{_text(title)}</summary>{_table(('Setting', 'Value'), rows)}</details>"
        for title, rows in made["tables"]
        if rows
    )
    return f"<h3>{_text(made['heading'])}: {_text(made['name'])}</h3>{said}{curve}{tables}"


def _again(facts: Mapping[str, Any]) -> str:
    lines = "\n".join(escape(line) for line in facts["commands"])
    return f"<h2>The same from the command line</h2><pre><code>{lines}</code></pre>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column names its rows; a title that ends in "›" is a column of numbers. In a narrow window,
    rows of three cells and more become cards."""
    titles = [column.rstrip("› ") for column in columns]
    numbers = [' class="number"' if column.endswith("›") else "" for column in columns]
    head = "".join(
        f'<th scope="col"{number}>{_text(title)}</th>' for title, number in zip(titles, numbers, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, titles, numbers)}</tr>" for row in rows)
    stacks = ' class="stacks"' if len(titles) > 2 else ""
    return f'<div class="scroll"><table{stacks}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(row: Sequence[object], titles: Sequence[str], numbers: Sequence[str]) -> str:
    first, *others = map(_text, row)
    cells = (
        f'<td data-label="{_text(title)}"{number}>{cell}</td>'
        for cell, title, number in zip(others, titles[1:], numbers[1:], strict=True)
    )
    return f'<th scope="row">{first}</th>{"".join(cells)}'
