"""What an attempt is given: a small storage folder, as rows of the record and files by their content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.runs import states
from musicgen.runs.checkpoints import Checkpoint, Checkpoints
from musicgen.runs.cluster.carrying import TEXTS
from musicgen.runs.cluster.places import Attempt, store
from musicgen.runs.folders import CHECKPOINTS, run_folder
from musicgen.runs.starting import TRAIN_FROM
from musicgen.runs.submissions import PIECES_AFTER, THEN
from musicgen.runs.versions import backend_name
from musicgen.settings import PREFIX, home
from musicgen.songs.library import song_folder
from musicgen.storage import database
from musicgen.storage.database import runs, songs, tasks

ATTEMPT = "attempt"  # in the request of a task on a node, and in the rows that it adds to a history
KEPT = 2  # checkpoints to go on from: the last one, and one more in case it is damaged
SENT_PREFIXES = ("TF_", "XLA_", "JAX_", PREFIX)
OWN_SETTINGS = ("HOME", "DATABASE_URL", "SOUND_FONT", "DEVICE")  # of this machine; those of the cluster stay here too


def order_of(task: Mapping[str, Any], attempt: Attempt, device: str) -> dict[str, Any]:
    """The order of an attempt at a training; its files are put into the shared folder. Raises OSError, MusicgenError.

    `device`: of the worker on the node."""
    run = database.one(sa.select(runs).where(runs.c.id == task["run_id"])) or {}
    request = dict(run.get("request") or {})
    for name in (PIECES_AFTER, THEN):  # they are made here, from what comes back
        request.pop(name, None)
    row = {
        **task,
        "state": states.STARTING,
        "fence": f"attempt-{attempt.number:06d}",
        "device": device,
        "wish": "",
        "pid": None,
        "submit_key": None,
        "request": {**task["request"], ATTEMPT: attempt.number},
    }
    rows = {"runs": [{**run, "request": request}] if run else [], "tasks": [row], "songs": _songs(request)}
    paths = [*_song_files(rows["songs"]), *_run_files(str(task["run_id"]))]
    start = request.get(TRAIN_FROM)
    if isinstance(start, Mapping) and "run" in start:  # a starter comes with the program, which the node has
        more_rows, more_paths = _start(str(start["run"]))
        rows = {name: [*rows[name], *more_rows.get(name, ())] for name in rows}
        paths += more_paths
    return {
        "format": 1,
        "sequence": task["sequence"],
        "rows": rows,
        "files": _stored(attempt.shared, paths),
        "environment": sent_environment(),
    }


def sent_environment() -> dict[str, str]:
    """Variables that decide how a worker computes, and this program's settings except those of this machine."""
    own = tuple(f"{PREFIX}{name}" for name in (*OWN_SETTINGS, "CLUSTER_"))
    sent = {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(SENT_PREFIXES) and not name.upper().startswith(own)
    }
    return {**sent, "KERAS_BACKEND": backend_name()}


def _songs(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that still exist: the worker says which are missing."""
    chosen = [str(song["id"]) for song in request.get("songs") or ()]
    return database.every(sa.select(songs).where(songs.c.id.in_(chosen)).order_by(songs.c.id))


def _song_files(rows: list[dict[str, Any]]) -> list[Path]:
    return [path for row in rows for path in sorted(song_folder(row["id"]).glob("*")) if path.is_file()]


def _run_files(run_id: str) -> list[Path]:
    folder = run_folder(run_id)
    complete = [each for each in Checkpoints(folder / CHECKPOINTS).newest_first() if each.is_complete]
    texts = [folder / name for name in TEXTS if (folder / name).is_file()]
    return [*texts, *(path for each in complete[:KEPT] for path in _checkpoint_files(each))]


def _start(run_id: str) -> tuple[dict[str, list[dict[str, Any]]], list[Path]]:
    """Rows and files of the run that a training starts from, as one that is at rest."""
    run = database.one(sa.select(runs).where(runs.c.id == run_id))
    task = database.one(sa.select(tasks).where(tasks.c.run_id == run_id, tasks.c.kind == "train"))
    if run is None or task is None:
        return {}, []
    best = Checkpoints(run_folder(run_id) / CHECKPOINTS).best_first()[:KEPT]
    at_rest = {**task, "state": states.PAUSED, "fence": "", "wish": "", "pid": None, "submit_key": None}
    return {"runs": [run], "tasks": [at_rest]}, [path for each in best for path in _checkpoint_files(each)]


def _checkpoint_files(checkpoint: Checkpoint) -> Iterator[Path]:
    return (path for path in sorted(checkpoint.folder.rglob("*")) if path.is_file())


def _stored(shared: Path, paths: list[Path]) -> dict[str, str]:
    """Path below the storage folder → sha256. What was removed meanwhile, such as a checkpoint, is left out."""
    files = {}
    for path in paths:
        try:
            files[path.relative_to(home()).as_posix()] = store(shared, path)
        except FileNotFoundError:
            continue
    return files


def needed_files(shared: Path) -> set[str]:
    """The sha256 of all files that present attempts are given."""
    found: set[str] = set()
    for folder in (shared / "tasks").glob("*/*/"):
        if folder.name.isdigit():
            order = Attempt(shared, folder.parent.name, int(folder.name)).order()
            found |= {str(each) for each in (order.get("files") or {}).values()}
    return found
