"""Long lists, one page at a time: a table shows the first hundred and says how many more there are. JSON has all of
them, written as they are read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from musicgen.cli.shown import print_table

IN_A_TABLE = 100

Limit = Annotated[
    int | None, typer.Option(min=1, help=f"Show at most this many. Default: {IN_A_TABLE} in a table, all in JSON.")
]
After = Annotated[str | None, typer.Option(metavar="ID", help="Show what follows this id, usually the last of a page.")]


def print_json_list(items: Iterable[Mapping[str, Any]], limit: int | None) -> None:
    """A JSON list with one line per item, so that items need not be held in memory."""
    print("[", end="")
    before = "\n"
    for item in islice(items, limit):
        print(f"{before} {json.dumps(item, ensure_ascii=False, allow_nan=False)}", end="")
        before = ",\n"
    print("\n]" if before != "\n" else "]")


def print_page(columns: Sequence[str], rows: Sequence[Sequence[object]], total: int, *, last: str | None) -> None:
    """A table of one page and, if there is more, how to see the rest. `last`: the id of the last row."""
    print_table(columns, rows)
    if (more := total - len(rows)) > 0 and last is not None:
        print(f"{more:,} more. See the next with --after {last}, or set the number with --limit N.")
