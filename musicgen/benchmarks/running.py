"""Finds all lines and measures each in a process of its own, so that one cannot slow down the next."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import musicgen.benchmarks
from musicgen.benchmarks import Line, Skipped
from musicgen.errors import MusicgenError, NotFound, sentence
from musicgen.processes import ChildError, child_main, run_child

MAX_SECONDS = 1800.0

Row = dict[str, Any]  # a Line as JSON, or `skipped` or `failed` with a sentence


@cache
def topics() -> dict[str, dict[str, Callable[[], Line]]]:
    """topic → its lines, by name."""
    package = musicgen.benchmarks
    names = sorted(each.name for each in pkgutil.iter_modules(package.__path__))
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name: module.LINES for name, module in modules.items() if hasattr(module, "LINES")}


def lines() -> dict[str, Callable[[], Line]]:
    """name → the function that measures it, topic by topic."""
    return {name: measure for topic in topics().values() for name, measure in topic.items()}


def names_of(name: str) -> list[str]:
    """The lines for `all`, a topic, or the name of a line. Raises NotFound."""
    if name == "all":
        return list(lines())
    if name in lines():
        return [name]
    if name in topics():
        return list(topics()[name])
    known = ", ".join(["all", *topics(), *lines()])
    raise NotFound(sentence(f"The benchmarks are {known}", repr(name)))


def measured(name: str) -> Iterator[Row]:
    """The rows of `names_of(name)`, each as soon as it is measured. If one fails, the others are still measured."""
    for line in names_of(name):
        began = time.monotonic()
        try:
            row = run_child("musicgen.benchmarks.running", {"name": line}, seconds=MAX_SECONDS)
        except (MusicgenError, ChildError) as error:
            row = {"name": line, "failed": str(error).strip().splitlines()[-1]}
        yield {**row, "took_seconds": round(time.monotonic() - began, 1)}


def _measure(payload: dict[str, Any]) -> Row:
    name = payload["name"]
    try:
        return lines()[name]().to_json()
    except Skipped as reason:
        return {"name": name, "skipped": str(reason)}


if __name__ == "__main__":
    child_main(_measure)
