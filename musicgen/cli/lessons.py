"""`lessons list | show | run | stop | delete | report`: lessons without a browser: predict, run, and read why."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.bringing import Strict
from musicgen.cli.shown import AsJson, console, print_json, print_table
from musicgen.cli.train import say_left_out, song_ids
from musicgen.errors import MusicgenError
from musicgen.wording import count, span

app = typer.Typer(help="Guided lessons: predict what a network will do, let it run, and see why.", no_args_is_help=True)

Attempts = Annotated[list[str] | None, typer.Argument(help="Ids of attempts; none: the newest of each lesson.")]
AttemptId = Annotated[str, typer.Argument(metavar="ATTEMPT", help="The id of an attempt.", show_default=False)]
Key = Annotated[str, typer.Argument(metavar="LESSON", help="The name of a lesson.", show_default=False)]
LOOK_SECONDS = 0.5


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the lessons, with what came of the newest attempt at each."""
    from musicgen.lessons.attempts import newest_attempts
    from musicgen.lessons.shelf import shelf

    there, newest = shelf(), newest_attempts()
    if as_json:
        lessons = [_summary(key, lesson, newest.get(key)) for key, lesson in there.lessons.items()]
        print_json({"lessons": lessons, "faults": list(there.faults)})
        return
    rows = [
        (key, lesson.title, lesson.medium, span(lesson.seconds), _state(newest.get(key)))
        for key, lesson in there.lessons.items()
    ]
    print_table(("lesson", "title", "learns from", "computing, about", "newest attempt"), rows)
    for fault in there.faults:
        console.print(fault, markup=False, highlight=False, soft_wrap=True)


def _summary(key: str, lesson: Any, attempt: Any) -> dict[str, Any]:
    return {
        "lesson": key, "number": lesson.number, "title": lesson.title, "summary": lesson.summary,
        "medium": lesson.medium, "sample": lesson.sample, "seconds": lesson.seconds,
        "attempt": None if attempt is None else attempt.id,
    }  # fmt: skip


def _state(attempt: Any) -> str:
    if attempt is None:
        return "none"
    if not attempt.is_finished:
        return f"{attempt.id}, not finished"
    return f"{attempt.id}, {'right' if attempt.verdict['is_right'] else 'otherwise'}"


@app.command()
def show(
    lesson: Annotated[str, typer.Argument(help="The name of a lesson, or the id of an attempt.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show a lesson with its question and answers; of an attempt also what came out."""
    from musicgen.lessons.attempts import get_attempt
    from musicgen.lessons.shelf import find_lesson

    if lesson.startswith("attempt-"):
        _show_attempt(get_attempt(lesson), as_json=as_json)
        return
    found = find_lesson(lesson)
    if as_json:
        print_json({"lesson": lesson, **found.model_dump(mode="json"), "seconds": found.seconds})
        return
    _print_texts([found.title, *_paragraphs(found.idea), *_paragraphs(found.predict.question)])
    print_table(("answer", ""), [(each.key, each.text) for each in found.predict.answers])
    print(f"Computing on two cores, about: {span(found.seconds)}.")


def _paragraphs(text: str) -> list[str]:
    from musicgen.lessons.lesson import paragraphs

    return list(paragraphs(text))


def _print_texts(texts: list[str]) -> None:
    for text in texts:
        print(f"{text}\n")


@app.command()
def run(
    lesson: Key,
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="SONGS...", help="Files, folders or ids of songs; none: the sample of the lesson."),
    ] = None,
    answer: Annotated[str, typer.Option(help="What you predict; `lessons show` lists the answers.")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, gpu:N or gpu:all")] = "auto",
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Predict, run, and read why. The answer is fixed before anything runs."""
    from musicgen.lessons.attempts import get_attempt, start_attempt
    from musicgen.lessons.finishing import finish
    from musicgen.lessons.shelf import find_lesson

    found = find_lesson(lesson)
    if not answer:
        known = ", ".join(each.key for each in found.predict.answers)
        raise typer.BadParameter(f"Predict first: one of {known}.", param_hint="--answer")
    found.answer(answer)
    ids, left_out = song_ids(given, is_strict=strict) if given else ([], [])
    say_left_out(left_out)
    attempt_id = start_attempt(lesson, answer, ids, device=device)
    _wait(attempt_id)
    _show_attempt(finish(get_attempt(attempt_id)), as_json=as_json)


def _wait(attempt_id: str) -> None:
    """Until all its work is done. Ctrl-C stops it. Raises MusicgenError if a part of it ended early."""
    from musicgen.lessons.attempts import get_attempt
    from musicgen.lessons.finishing import stop
    from musicgen.lessons.following import attempt_work

    attempt = get_attempt(attempt_id)
    with console.status("Waiting") as status:
        try:
            while not (work := attempt_work(attempt)).is_done:
                if (broken := work.broken) is not None:
                    stop(attempt_id)  # what waits behind it would teach nothing
                    raise MusicgenError(f"“{broken.title}” ended early ({broken.state}). {broken.reason}".strip())
                now = next((part for part in work.parts if part.is_active), work.parts[-1])
                left = span(work.seconds_left)
                status.update(f"{now.title}: {now.state}, {work.share:.0%} of the lesson, {left} left")
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            stop(attempt_id)
            raise MusicgenError("The lesson was stopped. What was made is kept.") from None


def _show_attempt(attempt: Any, *, as_json: bool) -> None:
    from musicgen.lessons.following import attempt_work, outputs_of
    from musicgen.lessons.judging import value_rows

    work, lesson = attempt_work(attempt), attempt.lesson
    document: dict[str, Any] = {
        "attempt": attempt.id, "lesson": attempt.lesson_key, "title": lesson.title, "songs": attempt.songs,
        "predicted": attempt.answer, "finished": attempt.is_finished, "runs": [],
    }  # fmt: skip
    outputs = outputs_of(attempt)
    for each in lesson.runs:
        pieces = {one.name: [output.id for output in outputs.get(one.name, ())] for one in each.pieces}
        document["runs"].append({"name": each.name, "run": attempt.run_id(each.name), "pieces": pieces})
    if attempt.is_finished:
        document |= {"values": attempt.values, "seconds": attempt.result.get("seconds"), **attempt.verdict}
    if as_json:
        print_json(document)
        return
    _print_texts([lesson.title, f"You predicted: {lesson.answer(attempt.answer).text}"])
    if not attempt.is_finished:
        print(f"This attempt {work.words}.")
        return
    _print_texts([attempt.verdict["headline"], *attempt.verdict["why"]])
    print_table(("measured", ""), value_rows(lesson, attempt.values))
    made = sum(len(each) for each in outputs.values())
    print(f"{attempt.id}: {count(made, 'piece')}, {span(float(attempt.result.get('seconds') or 0.0))} of computing.")


@app.command()
def stop(attempt: AttemptId) -> None:
    """Stop the work of an attempt. What was made is kept."""
    from musicgen.lessons import finishing

    finishing.stop(attempt)


@app.command()
def delete(attempt: AttemptId) -> None:
    """Forget an attempt. Its runs and pieces are kept."""
    from musicgen.lessons.finishing import delete_attempt

    delete_attempt(attempt)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="The HTML file to write.", show_default=False)],
    attempts: Attempts = None,
) -> None:
    """Write finished lessons as one HTML file that plays without a server: predictions, answers, pictures, music."""
    from musicgen.cli.waiting import counting
    from musicgen.lessons.attempts import get_attempt, newest_finished
    from musicgen.lessons.report import lessons_report
    from musicgen.storage.files import write_out

    chosen = [get_attempt(each) for each in attempts] if attempts else newest_finished()
    with counting("report", "lessons") as on_progress:
        content = lessons_report(chosen, on_progress=on_progress)
    write_out(content, out)
    console.print(f"Written to {out}", markup=False, highlight=False)
