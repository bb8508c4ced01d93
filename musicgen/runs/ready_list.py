"""Which processes are kept ready, for people. Light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psutil
import sqlalchemy as sa

from musicgen.errors import MusicgenError
from musicgen.runs.folders import planner_file, ready_file
from musicgen.runs.identity import is_same
from musicgen.storage import database
from musicgen.storage.database import runs
from musicgen.storage.files import read_json


@dataclass(frozen=True)
class Ready:
    """`what`: the work that it is kept for. memory: in bytes; None if the system does not tell."""

    pid: int
    what: str
    memory: int | None


def ready_processes() -> list[Ready]:
    """Those that live and have no task now; [] if there are none, or if that cannot be read."""
    try:
        told = read_json(ready_file(), [])
        return [_described(each) for each in told if not each["task_id"] and is_same(each)] + _planners()
    except (OSError, ValueError, KeyError, TypeError, MusicgenError):
        return []


def _planners() -> list[Ready]:
    told = read_json(planner_file(), {})
    return [Ready(told["pid"], "plans on the Train page", _memory(told["pid"]))] if is_same(told) else []


def _described(each: dict[str, Any]) -> Ready:
    return Ready(each["pid"], _what(each["run_id"], each.get("rehearsed", "")), _memory(each["pid"]))


def _memory(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _what(run_id: str, rehearsed: str) -> str:
    if not run_id:
        return f"any training or generation{', first of all the training on the Train page' if rehearsed else ''}"
    run = database.one(sa.select(runs.c.name).where(runs.c.id == run_id))
    return "generations of a run that was deleted" if run is None else f"generations of “{run['name']}”"
