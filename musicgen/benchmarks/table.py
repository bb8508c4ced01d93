"""The published table: `benchmarks/results.json` for programs, `benchmarks/results.md` for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from musicgen.benchmarks.running import Row, lines
from musicgen.machine import memory_bytes, usable_cores

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks"
FIGURES = ("ours", "baseline", "baseline_name", "ratio", "unit", "limit_share", "held_back")
PACKAGES = ("tensorflow", "keras", "numpy", "numba", "streamlit")


def publish(rows: Iterable[Row]) -> Path:
    """Write both files, keeping earlier results of other lines; returns the path of the JSON file.

    A line that no longer exists is dropped; for one that failed, the earlier result stays."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "results.json"
    there = {row["name"]: row for row in (json.loads(path.read_text("utf-8")) if path.exists() else [])}
    there |= {row["name"]: _dated(row) for row in rows if "failed" not in row}
    kept = [there[name] for name in sorted(lines()) if name in there]
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (RESULTS / "results.md").write_text("\n".join(_text(kept)) + "\n", "utf-8")
    return path


def _dated(row: Row) -> Row:
    told = {"name": row["name"], **{name: row.get(name) for name in FIGURES}}
    skipped = {"skipped": row["skipped"]} if "skipped" in row else {}
    return {**told, **skipped, "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine()}


def machine() -> str:
    """The machine measured on: processor, cores, memory, system, Python and the main libraries."""
    memory = (memory_bytes() or 0) / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return (
        f"{_processor()}, {usable_cores()} cores, {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, {libraries}; networks on {backend}"
    )


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _text(rows: list[Row]) -> list[str]:
    heads = "| what | ours | against | baseline | ratio | unit | share of the limit |"
    text = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`make bench ONLY=name` for one line). Both sides of a line were measured in turn in",
        "one run. The ratio says how many times better ours is, and is what holds on other machines too. The share of",
        "the limit compares ours with the most that the machine could do, measured in the same run.",
        "",
        heads,
        "|---|---:|---|---:|---:|---|---:|",
        *(_row_text(row) for row in rows if row["ratio"] is not None),
        "",
    ]
    skipped = [f"- {row['name']}: {row['skipped']}" for row in rows if "skipped" in row]
    if skipped:
        text += ["Not measured here:", "", *skipped, ""]
    held_back = [f"- {row['name']}: {row['held_back']}" for row in rows if row.get("held_back")]
    if held_back:
        text += ["What holds them back (from profiles):", "", *held_back, ""]
    return [*text, *_machines(rows)]


def _row_text(row: dict[str, Any]) -> str:
    share = "" if row["limit_share"] is None else f"{row['limit_share']:.0%}"
    return (
        f"| {row['name']} | {_figure(row['ours'])} | {row['baseline_name']} | {_figure(row['baseline'])} "
        f"| {_figure(row['ratio'])} × | {row['unit']} | {share} |"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machines(rows: list[Row]) -> list[str]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row["measured"], row["machine"]), []).append(row["name"])
    if len(found) == 1:
        ((when, where),) = found
        return [f"Measured on {when}: {where}."]
    return [f"- {when}, {where}: {', '.join(names)}" for (when, where), names in found.items()]
