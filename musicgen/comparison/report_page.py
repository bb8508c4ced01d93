"""The page of a comparison's report: text, tables and curve from facts, around one player.

Everything that people wrote is escaped. report_frame.py is the page around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from musicgen.comparison.loss_drawing import run_drawing
from musicgen.comparison.report_frame import report_frame, report_table, text_of
from musicgen.evaluation.borrowing_words import moved_words
from musicgen.evaluation.figures import checked_words, evidence, metric_rows


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
    title = f"{facts['sides'][0]['name']} and {facts['sides'][1]['name']}"
    told = {"lanes": lanes, "regions": regions, "window": facts["window"]}
    return report_frame(title, _body(facts), told, files)


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
        f"<h1>{text_of(one['name'])} and {text_of(other['name'])}</h1>"
        f'<p class="quiet">A comparison of {text_of(facts["made_at"])}, made with musicgen '
        f"{text_of(facts['version'])}.</p>"
        f"<p>{text_of(one['heading'])}: {text_of(one['name'])} ({text_of(one['summary'])}).<br>"
        f"{text_of(other['heading'])}: {text_of(other['name'])} ({text_of(other['summary'])}).</p>"
    )


def _player(facts: Mapping[str, Any]) -> str:
    same = '<label class="same"><input type="checkbox" id="same-loudness"> Same loudness (ITU-R BS.1770)</label>'
    keys = "Space: play · 1 and 2: hear one or the other · ← →: seek · L: loop · + −: zoom."
    return (
        "<h2>Listen and look</h2>"
        f"{same if facts['can_match'] else ''}"
        '<div id="player"></div><p id="trouble" role="alert" hidden></p>'
        "<noscript><p>The player needs JavaScript. Everything else can be read without it.</p></noscript>"
        f'<p class="quiet">{keys} {text_of(facts["sound_text"])}</p>'
    )


def _found(facts: Mapping[str, Any]) -> str:
    measured = facts["measured"]
    boxes = [_verdict(verdict) for verdict in measured.get("verdicts") or ()]
    training = measured.get("training") or {}
    made_of_songs = bool(training.get("made_of_songs"))
    words = checked_words(str(measured.get("medium", "audio")), _metrics(measured), made_of_songs=made_of_songs)
    none = f"<p>No faults were found in the generated piece. {text_of(words)}</p>"
    said = [training.get("text"), facts.get("originality")]
    copied = "".join(f"<p>{text_of(each)}</p>" for each in said if each)
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
    return said + report_table(("In the generated piece", "In the original", "Moved", "Alike ›"), rows)


def _span(start: float, stop: float) -> str:
    return f"{start:.1f} to {stop:.1f} s"


def _verdict(verdict: Mapping[str, Any]) -> str:
    advice = [str(remedy["text"]) for remedy in verdict.get("remedies") or ()]
    words = " ".join([str(verdict["cause"]), evidence(verdict), *advice])
    return f'<div class="verdict"><strong>{text_of(verdict["title"])}.</strong> {text_of(words)}</div>'


def _listening(facts: Mapping[str, Any]) -> str:
    items = "".join(f"<li>{text_of(words)}</li>" for words in facts.get("listening") or ())
    return f"<h2>Blind tests</h2><ul>{items}</ul>" if items else ""


def _measurements(facts: Mapping[str, Any]) -> str:
    measured = facts["measured"]
    both, between = metric_rows(measured)
    heading = facts["sides"][0]["heading"]
    said = (measured.get("stretch") or {}).get("text")
    return (
        "<h2>Measurements compared</h2>"
        + (f'<p class="quiet">{text_of(said)}</p>' if said else "")
        + report_table(("Measure", f"{heading} ›", "Generated ›", "Unit", "What it means"), both)
        + (report_table(("Between the two", "Value ›", "Unit", "What it means"), between) if between else "")
    )


def _making(facts: Mapping[str, Any]) -> str:
    parts = [_made(made) for made in facts["made"]]
    songs = facts["songs"]
    if songs:
        parts.append("<h3>Songs</h3>" + report_table(("Song", "Length", "Where it comes from"), songs))
    return f"<h2>How it was made</h2>{''.join(parts)}" if parts else ""


def _made(made: Mapping[str, Any]) -> str:
    said = "".join(f"<p>{text_of(words)}</p>" for words in made["said"])
    drawn = run_drawing(made["history"], made["floors"], made["best_epoch"])
    curve = f"<figure><figcaption>{drawn.legend}</figcaption>{drawn.svg}</figure>" if drawn.svg else ""
    tables = "".join(
        f"<details open><summary>{text_of(title)}</summary>{report_table(('Setting', 'Value'), rows)}</details>"
        for title, rows in made["tables"]
        if rows
    )
    return f"<h3>{text_of(made['heading'])}: {text_of(made['name'])}</h3>{said}{curve}{tables}"


def _again(facts: Mapping[str, Any]) -> str:
    lines = "\n".join(escape(line) for line in facts["commands"])
    return f"<h2>The same from the command line</h2><pre><code>{lines}</code></pre>"
