"""`benchmark NAME`: measure and write the table; `make bench` calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.approaches import approach
from musicgen.cli.shown import AsJson, console, preset_values, print_json, print_table

JSB16 = "jsb16"


def benchmark(
    name: Annotated[str, typer.Argument(help="A line of the table, a topic (several lines), all, or jsb16.")] = "all",
    file: Annotated[Path | None, typer.Argument(help="For jsb16: the chorales, as JSON.", show_default=False)] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="For jsb16: how long to train.")] = 60.0,
    preset: Annotated[str, typer.Option(help="For jsb16: a preset of voices; otherwise its defaults.")] = "",
    networks: Annotated[
        int, typer.Option(min=0, max=8, help="For jsb16: how many share the time. 0: by the time.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="For jsb16: seed of everything random.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure how many times faster this program is than the naive way; or (jsb16) how well voices are predicted."""
    if name == JSB16:
        _chorales(file, minutes, preset, networks, seed, as_json)
        return
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


def _chorales(file: Path | None, minutes: float, preset: str, networks: int, seed: int, as_json: bool) -> None:
    """Train on the file and print nats per note on its held-out pieces, beside what was published."""
    from musicgen.benchmarks import jsb16, jsb16_table

    if file is None:
        raise typer.BadParameter("Give the file with the chorales, as JSON.", param_hint="FILE")
    preset_values(approach("voices"), preset or None, "training")  # an unknown one is refused at once

    def tell(line: dict[str, Any]) -> None:
        console.print(
            f"network {line['network']} of {line['of']}, {line['minutes']:.1f} min, epoch {line['epoch']}: "
            f"{line['valid']:.4f} nats",
            markup=False, highlight=False,
        )  # fmt: skip

    found = jsb16.run(file, minutes, preset=preset, networks=networks, seed=seed, on_line=tell)
    if as_json:
        print_json(found)
    else:
        print_table(("nats per note", "valid", "test"), jsb16_table.ladder(found))
    try:
        console.print(f"Written to {jsb16_table.publish(found)}", markup=False)
    except OSError as error:  # what was measured is told all the same
        console.print(f"The table could not be written: {error}", markup=False)


def _outcome(row: dict[str, object]) -> str:
    if "ratio" in row:
        return f"{row['ratio']:,.2f} × ({row['took_seconds']} s)"
    return f"skipped. {row['skipped']}" if "skipped" in row else f"failed. {row['failed']}"


def _cells(row: dict[str, object]) -> tuple[object, ...]:
    figures = (f"{row[key]:,.4g}" for key in ("ours", "baseline", "ratio"))
    return row["name"], *figures, row["unit"], row["baseline_name"]
