"""The body of the lessons' report. Pure text: everything that people wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.comparison.report_frame import report_table, text_of


def lessons_body(facts: Mapping[str, Any]) -> str:
    """HTML of all lessons; each view with music has an empty element for its player."""
    right = sum(bool(lesson["verdict"]["is_right"]) for lesson in facts["lessons"])
    return "\n".join([
        "<h1>My lessons</h1>",
        f'<p class="quiet">{text_of(facts["made_at"])}, made with musicgen {text_of(facts["version"])}. '
        f"{right} of {len(facts['lessons'])} came out as predicted.</p>",
        '<p id="trouble" role="alert" hidden></p>',
        "<noscript><p>The players need JavaScript. Everything else can be read without it.</p></noscript>",
        *(_lesson(lesson) for lesson in facts["lessons"]),
        "<h2>The same from the command line</h2>",
        f"<pre><code>{text_of(facts['command'])}</code></pre>",
    ])  # fmt: skip


def _lesson(lesson: Mapping[str, Any]) -> str:
    verdict = lesson["verdict"]
    return "\n".join([
        f"<h2>{text_of(lesson['title'])}</h2>",
        *(f"<p>{text_of(each)}</p>" for each in lesson["idea"]),
        f'<p class="quiet">Songs: {text_of(", ".join(lesson["songs"]))}. Work: {text_of(lesson["seconds"])}.</p>',
        "<h3>Predicted</h3>",
        *(f"<p>{text_of(each)}</p>" for each in lesson["question"]),
        f"<ul>{''.join(_answer(each) for each in lesson['answers'])}</ul>",
        "<h3>Heard and seen</h3>",
        *(_view(view) for view in lesson["views"]),
        "<h3>Why</h3>",
        f'<div class="verdict"><strong>{text_of(verdict["headline"])}</strong></div>',
        *(f"<p>{text_of(each)}</p>" for each in verdict["why"]),
        report_table(("Measured in this run", "Value"), lesson["values"]),
        "<details><summary>The same from the command line</summary>"
        f"<pre><code>{text_of(lesson['command'])}</code></pre></details>",
    ])  # fmt: skip


def _answer(answer: Mapping[str, Any]) -> str:
    text = text_of(answer["text"])
    return f"<li><strong>{text}</strong> (predicted)</li>" if answer["is_chosen"] else f"<li>{text}</li>"


def _view(view: Mapping[str, Any]) -> str:
    parts = [f"<p><strong>{text_of(view['title'])}</strong></p>"]
    if view["curve"]:
        parts.append(f"<figure>{view['curve']}</figure>")
    if view["lanes"]:
        left_out = "<p>The music is left out, so that the file does not get too large.</p>"
        parts.append(left_out if view.get("is_left_out") else f'<div id="{view["place"]}"></div>')
    if view["missing"]:
        parts.append(f'<p class="quiet">Deleted since: {text_of(", ".join(view["missing"]))}.</p>')
    return "\n".join(parts)
