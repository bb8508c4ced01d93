"""Finished lessons as one HTML file that opens from disk, without a server and without a network.

    lessons_report([attempt, …])  →  facts, curves (here) · sound and pictures (child: reporting)  →  bytes

Light to import: sound is rendered and compressed in children.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import musicgen
from musicgen.comparison.loss_drawing import LossDrawing, run_drawing, runs_drawing
from musicgen.errors import InvalidInput, sentence
from musicgen.lessons.attempts import Attempt
from musicgen.lessons.judging import value_rows
from musicgen.lessons.lesson import paragraphs
from musicgen.lessons.showing import Shown, shown
from musicgen.processes import run_child
from musicgen.runs.records import Run
from musicgen.wording import command_line, span

MODULE = "musicgen.lessons.reporting"
SECONDS = 300.0
MEMORY_MB = 4096
COLOURS = ("#7566ee", "#1f9e89", "#d9822b", "#c8557b", "#3f88c5", "#8a9a3b")  # of runs, as on the pages

OnProgress = Callable[[str, int, int], None]


def lessons_report(attempts: Sequence[Attempt], *, on_progress: OnProgress = lambda *_: None) -> bytes:
    """The report as the content of a file. `on_progress`: called with (lesson, done, in all).

    Raises InvalidInput without a finished attempt; ResourceUnavailable if sound cannot be rendered or the disk is full.
    """
    finished = [attempt for attempt in attempts if attempt.is_finished]
    if not finished:
        rule = "A report needs a lesson that is finished"
        raise InvalidInput(sentence(rule, "none", "Run one on the Lessons page or with `lessons run`."))
    told = []
    for number, attempt in enumerate(finished):
        on_progress(attempt.lesson.title, number, len(finished) + 1)
        told.append(_lesson(attempt, number))
    on_progress("writing", len(finished), len(finished) + 1)
    moment = time.localtime()
    facts = {
        "version": musicgen.__version__,
        "made_at": f"{moment.tm_mday} {time.strftime('%B %Y', moment)}",
        "lessons": told,
        "command": command_line("lessons", "report", "lessons.html"),
    }
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        path = Path(folder, "lessons.html")
        run_child(MODULE, {"facts": facts, "path": str(path)}, seconds=SECONDS, memory_mb=MEMORY_MB)
        return path.read_bytes()


def _lesson(attempt: Attempt, number: int) -> dict[str, Any]:
    """What the report says of an attempt, as JSON."""
    lesson = attempt.lesson
    return {
        "title": f"{lesson.number}. {lesson.title}",
        "idea": list(paragraphs(lesson.idea)),
        "question": list(paragraphs(lesson.predict.question)),
        "answers": [{"text": each.text, "is_chosen": each.key == attempt.answer} for each in lesson.predict.answers],
        "songs": [song["name"] for song in attempt.songs],
        "seconds": span(float(attempt.result.get("seconds") or 0.0)),
        "verdict": attempt.verdict,
        "values": value_rows(lesson, attempt.values),
        "command": command_line(
            "lessons", "run", attempt.lesson_key, *(song["id"] for song in attempt.songs), answer=attempt.answer
        ),
        "views": [_view(each, f"view-{number}-{place}") for place, each in enumerate(shown(attempt))],
    }


def _view(each: Shown, place: str) -> dict[str, Any]:
    drawn = _drawing(each.runs) if each.runs else None
    return {
        "place": place,
        "title": each.view.title,
        "missing": list(each.missing),
        "curve": drawn.legend + drawn.svg if drawn and drawn.svg else "",
        "picture": each.view.picture,
        "lanes": [_lane(lane) for lane in each.lanes],
        "marks": [mark.__dict__ for mark in each.marks],
    }


def _lane(lane: Any) -> dict[str, Any]:
    from musicgen.clips.pictures import ensure_pictures
    from musicgen.clips.sounding import ensure_audio

    ensure_audio(lane.clip)
    ensure_pictures(lane.clip)
    return {"id": lane.id, "title": lane.title, "role": lane.role, "folder": str(lane.clip.folder.resolve())}


def _drawing(runs: Sequence[Run]) -> LossDrawing:
    if len(runs) > 1:
        return runs_drawing(runs, COLOURS)
    return run_drawing(runs[0].history, (runs[0].prepared or {}).get("floors") or {}, runs[0].best_epoch)
