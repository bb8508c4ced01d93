"""Outputs: a clip and a sidecar with everything needed to make it again, published in one step. Knows no approach."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.errors import DamagedFile
from musicgen.runs import states
from musicgen.runs.folders import SIDECAR, output_folder
from musicgen.runs.progress import finite
from musicgen.storage import database
from musicgen.storage.database import outputs, tasks
from musicgen.storage.files import check_free_space, publishing, read_json, write_json


def publish_output(
    task: Mapping[str, Any], fence: str, name: str, sidecar: dict[str, Any], write_clip: Callable[[Path], Any]
) -> str | None:
    """Store a clip and its sidecar, then record it; returns the output's id, or None if this worker was superseded.

    Args:
        write_clip: writes the clip's files into a folder and returns the Clip.
        sidecar: JSON; id, name, `content_sha256` and `created_at` are added.
    """
    check_free_space()
    output_id = database.new_id("output")
    created_at = database.now()
    with publishing(output_folder(output_id)) as folder:
        clip = write_clip(folder)
        facts = clip.facts
        sidecar = finite({**sidecar, "id": output_id, "name": name, "content_sha256": facts["sha256"]})
        sidecar["created_at"] = created_at
        if original := sidecar.get("regenerates"):
            sidecar |= _compared(original, facts["sha256"], sidecar["versions"])
        write_json(folder / SIDECAR, sidecar)
    row = {
        "id": output_id,
        "run_id": task["run_id"],
        "task_id": task["id"],
        "name": name,
        "medium": facts["medium"],
        "seconds": float(facts["seconds"]),
        "sidecar": sidecar,
        "created_at": created_at,
    }
    is_recorded = False
    try:
        is_recorded = _record(row, task["id"], fence)
    finally:
        if not is_recorded:
            shutil.rmtree(output_folder(output_id), ignore_errors=True)
    return output_id if is_recorded else None


def _compared(original: Mapping[str, Any], content_sha256: str, versions: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a piece made again is the same; if not, which parts of machine and versions differ.

    Bit-identical results are promised on one machine only. Another processor rounds sums differently, by about a
    ten-millionth: a very close choice may fall the other way, and the music differs from there on."""
    if original["content_sha256"] == content_sha256:
        return {"is_same_as_original": True}
    then = original.get("versions") or {}
    changed = {name: [then[name], now] for name, now in versions.items() if name in then and then[name] != now}
    return {"is_same_as_original": False, "made_with_other": changed}


def amend_output(output_id: str, task_id: str, fence: str, more: Mapping[str, Any]) -> None:
    """Add facts about an output to its sidecar. Does nothing if this worker was superseded or the output is gone."""
    path = output_folder(output_id) / SIDECAR
    with suppress(FileNotFoundError, DamagedFile), database.engine().begin() as connection:
        sidecar = read_json(path)
        if sidecar is None or connection.execute(_mine(task_id, fence)).first() is None:
            return
        sidecar = finite({**sidecar, **more})
        connection.execute(sa.update(outputs).where(outputs.c.id == output_id).values(sidecar=sidecar))
        write_json(path, sidecar)


def _mine(task_id: str, fence: str) -> sa.Select[Any]:
    return sa.select(tasks.c.id).where(
        tasks.c.id == task_id, tasks.c.fence == fence, tasks.c.state.in_(states.WITH_WORKER)
    )


def _record(row: dict[str, Any], task_id: str, fence: str) -> bool:
    with database.engine().begin() as connection:
        if connection.execute(_mine(task_id, fence)).first() is None:
            return False
        connection.execute(sa.insert(outputs).values(**row))
    return True


def made_indices(task_id: str) -> set[int]:
    """Which pieces of a generation exist already (it may go on after a restart of the machine)."""
    rows = database.every(
        sa.select(outputs.c.sidecar["index"].as_integer().label("index")).where(outputs.c.task_id == task_id)
    )
    return {int(row["index"]) for row in rows}


def count_outputs(run_id: str) -> int:
    row = database.one(sa.select(sa.func.count().label("n")).where(outputs.c.run_id == run_id))
    return int(row["n"]) if row else 0


def pinned_checkpoints(run_id: str) -> set[str]:
    """The sha256 of the run's checkpoints that existing outputs were made with, or present generations use."""
    made = sa.select(outputs.c.sidecar["checkpoint"]["sha256"].as_string().label("sha256")).where(
        outputs.c.run_id == run_id
    )
    being_made = sa.select(tasks.c.request["pinned"]["sha256"].as_string().label("sha256")).where(
        tasks.c.run_id == run_id, tasks.c.kind == "generate", tasks.c.state.in_(states.ACTIVE)
    )
    return {row["sha256"] for statement in (made, being_made) for row in database.every(statement) if row["sha256"]}
