"""Removes what crashes left behind: half-written folders, drafts, and folders that the record does not know. Nothing is
removed while a worker lives, nor anything recent, which may still be in use."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import sqlalchemy as sa

from musicgen.runs import states
from musicgen.runs.folders import DRAFTS
from musicgen.settings import home
from musicgen.storage import database
from musicgen.storage.database import outputs, runs

OLD_SECONDS = 3600.0


def tidy(old_seconds: float = OLD_SECONDS) -> list[Path]:
    """Remove leftovers below runs/, outputs/ and exports/ that are older than this; returns their paths."""
    if states.tasks_at_work():
        return []
    removed: list[Path] = []
    for name, table in (("runs", runs), ("outputs", outputs)):
        known = {row["id"] for row in database.every(sa.select(table.c.id))}
        removed += [path for path in _old(home() / name, old_seconds) if path.name not in known]
    removed += _old(home() / "exports", old_seconds)
    generations = (home() / "runs").glob("*/generations/*")
    removed += [path for folder in generations for path in _old(folder, old_seconds) if path.name == DRAFTS]
    for path in removed:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return removed


def _old(folder: Path, old_seconds: float) -> list[Path]:
    limit = time.time() - old_seconds
    return [path for path in folder.iterdir() if path.stat().st_mtime < limit] if folder.is_dir() else []
