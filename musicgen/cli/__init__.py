"""The command line. Exit codes: 0 done, 1 the user can fix it (one sentence on stderr), 2 wrong usage, 70 our bug."""

from __future__ import annotations

import sys
import traceback

import typer

from musicgen.cli import (
    benchmark,
    blind,
    compare,
    describe,
    generate,
    lessons,
    outputs,
    runs,
    search,
    songs,
    streams,
    studies,
    train,
)
from musicgen.errors import MusicgenError, sentence
from musicgen.faults import in_words

OUR_BUG = 70

app = typer.Typer(
    help="Train neural networks on your own songs and hear what they make.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("approaches")(describe.approaches)
app.command("doctor")(describe.doctor)
app.add_typer(songs.app, name="songs")
app.command("train")(train.train)
app.command("search")(search.search)
app.add_typer(studies.app, name="studies")
app.command("generate")(generate.generate)
app.command("compare")(compare.compare)
app.add_typer(blind.app, name="blind")
app.add_typer(lessons.app, name="lessons")
app.add_typer(runs.app, name="runs")
app.add_typer(outputs.app, name="outputs")
app.command("benchmark")(benchmark.benchmark)


def main() -> None:
    """Run one command and exit with its code. Typer itself reports wrong usage and exits with 2."""
    streams.prepare()
    try:
        code = _called()
        streams.finish()
    except Exception as error:  # the outermost boundary: whatever was not handled before
        code = _tell(error)
    streams.remark()
    streams.let_go()
    sys.exit(code)


def _called() -> int | str | None:
    try:
        app(prog_name="python -m musicgen")
    except SystemExit as end:  # typer always ends like this
        return end.code
    return 0


def _tell(error: Exception) -> int:
    """Print what went wrong and return the exit code."""
    told = in_words(error)
    if isinstance(error, BrokenPipeError):
        return MusicgenError.exit_code  # the reader closed the pipe, as `head` does
    if told is not None:
        advice = getattr(told, "advice", "")
        print(f"{told} {advice}".strip(), file=sys.stderr)
        return told.exit_code
    if isinstance(error, MemoryError):
        print(sentence("The work must fit into memory", "more than there is", "Try with less music."), file=sys.stderr)
        return MusicgenError.exit_code
    traceback.print_exc()
    print("This is a bug in musicgen, not in your files. Please include the lines above in a report.", file=sys.stderr)
    return OUR_BUG
