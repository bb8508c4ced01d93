"""Measurements as ratios against the naive way, taken in one run. One file per benchmark, found by itself.

Each module offers `measure() -> Line`. These machines differ and are noisy, so the ratio is the figure that matters:
`paired` runs both ways in turn and the medians are compared.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from musicgen.errors import NotFound, sentence

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks"


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes:
        ours, baseline: medians in `unit` (more is better). ratio: ours / baseline.
        limit_share: ours as a share of what this machine could do at most, where that was measured.
    """

    name: str
    ours: float
    baseline: float
    baseline_name: str
    unit: str
    limit_share: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ratio": self.ratio}


def paired(ours: Callable[[], float], baseline: Callable[[], float], *, rounds: int = 3) -> tuple[float, float]:
    """Medians of `rounds` runs of each, in turn, so that a slow minute hits both. Each returns a rate."""
    pairs = [(ours(), baseline()) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def rate(work: Callable[[], int]) -> float:
    """Items per second of one call; `work` returns how many items it did."""
    started = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - started)


@cache
def benchmarks() -> dict[str, Callable[[], Line]]:
    """name → measure, sorted by name."""
    modules = (importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__))
    return {module.__name__.rsplit(".", 1)[1]: module.measure for module in modules}


def measure(name: str) -> list[Line]:
    """The lines of one benchmark, or of all of them."""
    if name == "all":
        return [run() for run in benchmarks().values()]
    if name not in benchmarks():
        raise NotFound(sentence(f"Benchmarks are all, {', '.join(benchmarks())}", repr(name)))
    return [benchmarks()[name]()]


def publish(lines: list[Line]) -> Path:
    """Write `benchmarks/results.json` and `.md`, keeping the lines of other benchmarks; path of the JSON file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "results.json"
    kept = {row["name"]: row for row in (json.loads(path.read_text()) if path.exists() else [])}
    kept |= {line.name: line.to_json() for line in lines}
    rows = [kept[name] for name in sorted(kept)]
    path.write_text(json.dumps(rows, indent=1) + "\n")
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    text = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {when}: {platform.machine()}, Python {platform.python_version()}. Ratios are the",
        "figures that carry over to another machine; both sides of each were measured in turn in one process.",
        "",
        "| what | ours | against | baseline | ratio | unit |",
        "|---|---:|---|---:|---:|---|",
    ]
    text += [
        f"| {row['name']} | {row['ours']:,.1f} | {row['baseline_name']} | {row['baseline']:,.1f} "
        f"| {row['ratio']:,.1f} × | {row['unit']} |"
        for row in rows
    ]
    (RESULTS / "results.md").write_text("\n".join(text) + "\n")
    return path
