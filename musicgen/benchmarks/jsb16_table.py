"""The published table of the chorales: `benchmarks/jsb16.json` for programs, `benchmarks/jsb16.md` for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from musicgen.benchmarks.table import RESULTS, machine

OURS = {"mixture": "voices, mixture", "single": "voices, one network", "counted": "counted, all keys"}


def ladder(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(what, valid, test) of what was measured and published, the best first; empty where there is none."""
    rows = [(label, found[name].get("valid"), found[name].get("test")) for name, label in OURS.items()]
    rows += [(name, nats, None) for name, nats in [*found["floors"].items(), *found["published"].items()]]
    rows.sort(key=lambda row: row[1])
    return [(name, _figure(valid), _figure(test)) for name, valid, test in rows]


def _figure(nats: float | None) -> str:
    return "" if nats is None else f"{nats:.4f}"


def publish(found: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write both files, beside the results of other lengths of training; returns the path of the table."""
    folder.mkdir(exist_ok=True)
    path = folder / "jsb16.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else []
    new = {**found, "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine()}
    kept = [each for each in there if _kind(each) != _kind(new)]
    rows = sorted([*kept, new], key=lambda each: each["minutes"])
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    table = folder / "jsb16.md"
    table.write_text("\n".join(_text(rows)) + "\n", "utf-8")
    return table


def _kind(found: dict[str, Any]) -> tuple[int, str | None, int]:
    return round(found["minutes"]), found["preset"], found["networks"]


def _text(rows: list[dict[str, Any]]) -> list[str]:
    best = min(rows, key=lambda each: each["valid"])
    text = [
        "# Bach chorales, nats per note",
        "",
        "Written by `python -m musicgen benchmark jsb16 FILE`. Lower is better.",
    ]
    text += [
        "",
        "| minutes | processor minutes | preset | networks | one network | mixture |",
        "|---:|---:|---|---:|---:|---:|",
    ]
    for each in rows:
        figures = (each["minutes"], each["cpu_minutes"], each["preset"] or "", each["networks"])
        text.append("| " + " | ".join(map(str, (*figures, each["single"]["valid"], each["mixture"]["valid"]))) + " |")
    text += ["", f"The best of these, after {best['minutes']} minutes, beside what is published:", ""]
    text += ["| what | valid | test |", "|---|---:|---:|", *("| " + " | ".join(row) + " |" for row in ladder(best))]
    text += ["", f"`valid` is {best['valid_is']}.", "", f"Measured {best['measured']} on {best['machine']}."]
    return text
