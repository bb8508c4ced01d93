"""`benchmark NAME`: measure and write the table; `make bench` calls it."""

from __future__ import annotations

from typing import Annotated

import typer

from musicgen.cli.shown import AsJson, console, print_json, print_table


def benchmark(
    name: Annotated[str, typer.Argument(help="A line of the table, a topic (several lines), or all.")] = "all",
    as_json: AsJson = False,
) -> None:
    """Measure how many times faster this program is than the naive way."""
    from musicgen.benchmarks.running import measured, names_of
    from musicgen.benchmarks.table import publish

    wanted = names_of(name)
    console.print(f"Measuring {len(wanted)} lines, each for up to two minutes. Leave the machine idle meanwhile.")
    rows = []
    for row in measured(name):
        rows.append(row)
        console.print(f"{len(rows)} of {len(wanted)}  {row['name']}: {_outcome(row)}", markup=False)
        path = publish([row])  # at once, so that nothing is lost if a later line is stopped
    if as_json:
        print_json(rows)
    else:
        columns = ("benchmark", "ours", "baseline", "ratio", "unit", "against")
        print_table(columns, [_cells(row) for row in rows if "ratio" in row])
    console.print(f"Written to {path}", markup=False)
    if any("failed" in row for row in rows):
        raise typer.Exit(1)


def _outcome(row: dict[str, object]) -> str:
    if "ratio" in row:
        return f"{row['ratio']:,.2f} × ({row['took_seconds']} s)"
    return f"skipped. {row['skipped']}" if "skipped" in row else f"failed. {row['failed']}"


def _cells(row: dict[str, object]) -> tuple[object, ...]:
    figures = (f"{row[key]:,.4g}" for key in ("ours", "baseline", "ratio"))
    return row["name"], *figures, row["unit"], row["baseline_name"]
