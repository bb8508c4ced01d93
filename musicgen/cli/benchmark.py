"""`benchmark NAME`: measure, and write the table that `make bench` shows."""

from __future__ import annotations

from typing import Annotated

import typer

from musicgen.cli.shown import AsJson, console, print_json, print_table


def benchmark(
    name: Annotated[str, typer.Argument(help="The name of a benchmark, or all.")] = "all",
    as_json: AsJson = False,
) -> None:
    """Measure this program against the naive way, as ratios."""
    from musicgen.benchmarks import measure, publish

    console.print(f"Measuring {name}: this takes a while, and is only fair on an idle machine.")
    lines = measure(name)
    path = publish(lines)
    if as_json:
        print_json([line.to_json() for line in lines])
        return
    rows = [(x.name, f"{x.ours:,.1f}", f"{x.baseline:,.1f}", f"{x.ratio:,.1f}", x.unit, x.baseline_name) for x in lines]
    print_table(("benchmark", "ours", "baseline", "ratio", "unit", "against"), rows)
    console.print(f"Written to {path}", markup=False)
