"""What an output borrows from its training songs: as its worker found it, or, for earlier outputs, measured once now.

Light to import: measuring runs in a child.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.comparison.sides import existing_songs
from musicgen.evaluation.borrowing_words import VERSION
from musicgen.evaluation.borrowing_words import passages_between as passages_of_song
from musicgen.evaluation.given import Given
from musicgen.evaluation.judging import MEMORY_MB, ONE_THREAD, song_from_json, song_to_json
from musicgen.processes import child_main, run_child
from musicgen.runs.records import Output, get_output
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

MODULE = "musicgen.comparison.borrowed"
SECONDS = 180.0


def originality(output_id: str) -> dict[str, Any] | None:
    """See `evaluation.borrowing_words`. None if there is nothing to compare with: its songs are gone, or led all of it.

    May take a minute for an output of an earlier version; the result is stored.

    Raises NotFound, and what the child raises.
    """
    output = get_output(output_id)
    if (found := stored_originality(output)) is not None:
        return found.get("originality")
    songs = existing_songs(output.sidecar.get("songs", ()))
    payload = {
        "folder": str(output.clip.folder),
        "songs": [song_to_json(each.song) for each in songs],
        "given": Given.of(output.sidecar).to_json(),
    }
    measured = run_child(MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD))
    write_json(_path(output), measured)
    return measured["originality"]  # type: ignore[no-any-return]


def stored_originality(output: Output) -> dict[str, Any] | None:
    """{originality: …} if it is known already; None if it has to be measured."""
    if "originality" in output.sidecar:
        return {"originality": output.sidecar["originality"]}
    with suppress(ValueError):  # a damaged file is measured again
        return read_json(_path(output))  # type: ignore[no-any-return]
    return None


def passages_between(output_id: str, song_id: str) -> list[dict[str, Any]]:
    """The passages of an output that stand in this training song: linked stretches, in time order."""
    return passages_of_song(originality(output_id), song_id)


def _measure(payload: dict[str, Any]) -> dict[str, Any]:
    """The child's side of `originality`."""
    from musicgen.clips import Clip
    from musicgen.evaluation.borrowing import originality_of

    songs = [song_from_json(song) for song in payload["songs"]]
    clip = Clip(Path(payload["folder"]))
    return {"originality": originality_of(clip, songs, Given.from_json(payload["given"]))}


def _path(output: Output) -> Path:
    given = Given.of(output.sidecar)
    parts = [output.sidecar.get("content_sha256"), output.sidecar.get("songs"), given.led_seconds]
    parts += [given.own_tracks, VERSION]
    key = hashlib.sha256(json.dumps(["originality", *parts], sort_keys=True).encode()).hexdigest()
    return home() / "comparisons" / f"{key}.json"


if __name__ == "__main__":
    child_main(_measure)
