"""How the command line shows things: one JSON document on stdout; progress goes to stderr, tables to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from musicgen.cli.streams import knows_letters
from musicgen.errors import InvalidParameter, sentence

console = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="Set a parameter, name=value; may be repeated.")]


def print_json(document: Any) -> None:
    """Print the document to stdout. Letters that its encoding lacks are escaped, which JSON allows."""
    print(json.dumps(document, indent=1, ensure_ascii=not knows_letters(sys.stdout), allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table to stdout. Cells are data: markup in them is not interpreted."""
    table = Table(title=title or None, title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell).replace("[", r"\[") for cell in row))
    Console().print(table)


def read_settings(pairs: Sequence[str] | None) -> dict[str, Any]:
    """`name=value` pairs to values: parsed if they are JSON (10, true, null, [1,2], {"a":1}), else the text itself."""
    values: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidParameter(sentence("A parameter is given as --set name=value", repr(pair)))
        try:
            values[name.strip()] = json.loads(text)
        except json.JSONDecodeError:
            values[name.strip()] = text
    return values


def preset_values(approach: Any, preset: str | None, half: str) -> Mapping[str, Any]:
    """The `training` or `generation` half of a preset. Without a name: {}, so that the defaults apply."""
    if not preset:
        return {}
    if preset not in approach.presets:
        raise InvalidParameter(
            sentence(f"Presets of {approach.key} are {', '.join(approach.presets)}", repr(preset)),
        )
    return dict(getattr(approach.presets[preset], half))
