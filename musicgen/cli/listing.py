"""Long lists a page at a time: a table shows the first hundred and says how many more there are; JSON has all of them,
written as they are read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from musicgen.cli.shown import print_table

IN_A_TABLE = 100

Limit = Annotated[
    int | None, typer.Option(min=1, help=f"At most so many; without it {IN_A_TABLE} in a table, all in JSON.")
]
After = Annotated[str | None, typer.Option(metavar="ID", help="Only those behind this one, the last of a page.")]


def print_json_list(items: Iterable[Mapping[str, Any]], limit: int | None) -> None:
    """A JSON list with a line for each item, so that nothing has to be kept until the last one is there."""
    print("[", end="")
    before = "\n"
    for item in islice(items, limit):
        print(f"{before} {json.dumps(item, ensure_ascii=False, allow_nan=False)}", end="")
        before = ",\n"
    print("\n]" if before != "\n" else "]")


def print_page(columns: Sequence[str], rows: Sequence[Sequence[object]], total: int, *, last: str | None) -> None:
    """A table of the page, and where it is not all, how to see what follows. `last`: the id of the last row."""
    print_table(columns, rows)
    if (more := total - len(rows)) > 0 and last is not None:
        print(f"{more:,} more. The next ones: --after {last}. As many as you like: --limit N.")
