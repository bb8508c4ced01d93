"""The outputs of a run and their finished blind tests, as files for its archive.

outputs/0001/output.json    name, sidecar, blind tests: see `archived_outputs`
outputs/0001/score.mid      or audio.wav, of a network that makes sound; the rest of a clip is made from it again
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from musicgen.clips.clip import AUDIO, SCORE
from musicgen.runs.archived_outputs import ArchivedOutput
from musicgen.runs.records import Output, list_outputs
from musicgen.storage import database
from musicgen.storage.database import blind_tests

OUTPUTS, OUTPUT = "outputs", "output.json"
MAX_OUTPUTS, MAX_OUTPUTS_MB = 500, 1_000
FINISHED = "finished"


@dataclass(frozen=True)
class ArchivedFiles:
    """One piece in an archive: its folder there, what is written about it, and the file with its music.

    `description`: the name of the file that says it."""

    folder: str
    about: dict[str, Any]
    music: Path
    description: str = OUTPUT


def outputs_to_archive(run_id: str) -> tuple[list[ArchivedFiles], int]:
    """The newest outputs, as many as an archive may hold, oldest first; and how many were left out, among them those
    whose record or music is damaged."""
    made = list_outputs(run_id)
    taken: list[tuple[dict[str, Any], Path]] = []
    left = MAX_OUTPUTS_MB * 1_000_000
    for output in made[:MAX_OUTPUTS]:
        music = output.folder / (SCORE if output.medium == "midi" else AUDIO)
        about = _about(output)
        if about is None or not music.is_file():
            continue
        left -= music.stat().st_size
        if left < 0:
            break
        taken.append((about, music))
    files = [
        ArchivedFiles(f"{OUTPUTS}/{number:04d}", about, music)
        for number, (about, music) in enumerate(reversed(taken), 1)
    ]
    return files, len(made) - len(taken)


def _about(output: Output) -> dict[str, Any] | None:
    """What an import will read: the same fields within the same bounds. None if they are not there."""
    document = {name: getattr(output, name) for name in ("id", "name", "medium", "sidecar")}
    try:
        found = ArchivedOutput.model_validate({**document, "tests": _tests(output.id)})
    except ValidationError:
        return None
    return found.model_dump(mode="json", exclude_unset=True)


def _tests(output_id: str) -> list[dict[str, Any]]:
    """The finished blind tests of an output. Which was which is known once a test has ended."""
    chosen = sa.select(blind_tests).where(blind_tests.c.output_id == output_id, blind_tests.c.state == FINISHED)
    return [
        {
            "kind": row["kind"],
            "other_id": row["other_id"],
            "rounds": row["sealed"].get("rounds", []),
            "answers": row["answers"].get("given", []),
            "facts": row["facts"],
            "created_at": row["created_at"],
            "finished_at": row["finished_at"],
        }
        for row in database.every(chosen.order_by(blind_tests.c.sequence))
    ]
