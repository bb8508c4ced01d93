"""The command line. Exit codes: 0 done, 1 the user can fix it (one sentence on stderr), 2 wrong usage, 70 our bug."""

from __future__ import annotations

import sys
import traceback

import typer

from musicgen.cli import benchmark, compare, describe, generate, outputs, runs, songs, train
from musicgen.errors import MusicgenError

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
app.command("generate")(generate.generate)
app.command("compare")(compare.compare)
app.add_typer(runs.app, name="runs")
app.add_typer(outputs.app, name="outputs")
app.command("benchmark")(benchmark.benchmark)


def main() -> None:
    """Run one command and leave with its exit code. Wrong usage is told, and left with 2, by typer itself."""
    try:
        app(prog_name="python -m musicgen")
    except MusicgenError as error:
        print(str(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception:  # the outermost boundary: a bug of ours, told as one
        traceback.print_exc()
        print("This is a bug in musicgen, not in your files. The lines above belong in a report.", file=sys.stderr)
        sys.exit(OUR_BUG)
