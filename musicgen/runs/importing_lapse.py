"""In the child that imports a run: its time-lapse. Music is read by our own readers and written again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicgen.runs.archive_bounds import refused
from musicgen.runs.archived_outputs import ArchivedPiece
from musicgen.runs.importing_outputs import written_anew
from musicgen.runs.lapse import Lapse


def bring_piece(lapse: Lapse, found: ArchivedPiece, music: Path, medium: str, ids: Mapping[str, str]) -> None:
    """Publish one piece in the time-lapse of the new run. Raises RejectedFile if its music cannot be read.

    Args:
        medium: that the approach makes. ids: of songs, in the archive → here.
    """

    def write(folder: Path) -> dict[str, Any]:
        clip = written_anew(music, folder)
        if clip.medium != medium:
            raise refused(
                "A short piece in an archive has the music that its approach makes", f"a clip of {clip.medium}"
            )
        about = found.model_dump(mode="json")
        if found.reference is not None:
            about["reference"]["song_id"] = ids.get(found.reference.song_id, found.reference.song_id)
        return about

    lapse.publish(found.epoch, write)
