"""One command for many ids: if it fails for one of them, it still goes on with the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from musicgen.cli.shown import console, print_json
from musicgen.errors import MusicgenError
from musicgen.faults import in_words

AllQueued = Annotated[bool, typer.Option("--all-queued", help="All runs and generations that wait in the queue.")]


def named_or_all(ids: Sequence[str] | None, is_all: bool, option: str) -> list[str]:
    """The ids that were given, each once; none if the option was given instead. Anything else is wrong usage."""
    if bool(ids) == is_all:
        raise typer.BadParameter(f"Give either ids or {option}, not both.", param_hint="RUN...")
    return list(dict.fromkeys(ids or ()))


def for_each(ids: Sequence[str], act: Callable[[str], object], done: str, *, as_json: bool = False) -> list[str]:
    """Do something with every id and return the ids that succeeded. `done`: a past participle, such as cancelled.

    Each failure is a line on stderr. The exit code is then 1, once all the others are done."""
    succeeded, failed = [], []
    for each in ids:
        try:
            act(each)
            succeeded.append(each)
        except (MusicgenError, OSError) as error:
            told = in_words(error)
            if told is None or (len(ids) == 1 and not as_json):
                raise
            failed.append({"id": each, "reason": str(told)})
            print(f"{each}: {told}", file=sys.stderr)
    tell(succeeded, done, failed, as_json=as_json, is_one=len(ids) == 1)
    return succeeded


def tell(
    succeeded: Sequence[str], done: str, failed: Sequence[dict[str, str]] = (), *, as_json: bool, is_one: bool = False
) -> None:
    """Print how many succeeded: a JSON document if asked for, else a line on stderr if there are several."""
    if as_json:
        print_json({done: list(succeeded), "failed": list(failed)})
    elif not is_one:
        console.print(f"{len(succeeded):,} {done}" + (f", {len(failed):,} not" if failed else ""))
    if failed:
        raise typer.Exit(1)
