"""Judges outputs in a separate process with bounded time and memory. Whatever happens there, the output is kept.

    judge({"output-…": clip}, songs, …)  →  child: `Knowledge.judge` of each  →  on_judged(id, judgement)

Light to import: nothing is decoded or measured in the process that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.contract.prepared import TrainingSong
from musicgen.errors import MusicgenError
from musicgen.evaluation.given import NOTHING, Given
from musicgen.processes import ChildError, child_main, run_child, send_line

if TYPE_CHECKING:
    from musicgen.clips import Clip

MODULE = "musicgen.evaluation.judging"
SECONDS = 120.0  # to start, and to measure the songs
SECONDS_EACH = 30.0  # for each piece; usually a tenth of a second is enough
MEMORY_MB = 4096
MISTAKE = "The program made a mistake:"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Judgement = dict[str, Any]  # {metrics, verdicts, copied, originality}, or {error: a sentence}


def judge(
    clips: Mapping[str, Clip],
    songs: Sequence[TrainingSong],
    *,
    on_judged: Callable[[str, Judgement], None],
    given: Mapping[str, Given] | None = None,
) -> None:
    """Judge each clip against its training songs; `on_judged(name, judgement)` is called as each is ready.
    `given`: what the songs gave each on purpose.

    Never raises when judging fails: the judgement of that clip, and of all that were not
    reached, is then an error. What `on_judged` raises is passed on.
    """
    waiting = dict.fromkeys(clips)
    payload = {
        "clips": [
            {
                "name": name,
                "folder": str(clip.folder),
                "given": (given or {}).get(name, NOTHING).to_json(),
            }
            for name, clip in clips.items()
        ],
        "songs": [song_to_json(song) for song in songs],
    }

    def hear(message: dict[str, Any]) -> None:
        waiting.pop(message["name"])
        on_judged(message["name"], message["judgement"])

    error = "It was left out."
    try:
        seconds = SECONDS + SECONDS_EACH * len(clips)
        run_child(MODULE, payload, seconds=seconds, on_line=hear, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD))
    except MusicgenError as failed:
        error = str(failed)
    except ChildError as failed:
        error = f"{MISTAKE} {str(failed).strip().splitlines()[-1][:300]}"
    for name in list(waiting):
        on_judged(name, {"error": error})


def song_to_json(song: TrainingSong) -> dict[str, Any]:
    """A song for the payload of a child."""
    return {"id": song.id, "name": song.name, "clip": str(song.clip.folder), "tracks": song.tracks}


def song_from_json(document: Mapping[str, Any]) -> TrainingSong:
    """The inverse of `song_to_json`."""
    from musicgen.clips import Clip

    tracks = document["tracks"]
    clip = Clip(Path(document["clip"]))
    return TrainingSong(document["id"], document["name"], clip, None if tracks is None else tuple(tracks))


def _judge_folders(payload: dict[str, Any]) -> None:
    """The child's side of `judge`."""
    from musicgen.clips import Clip
    from musicgen.evaluation.knowledge import Knowledge

    knowledge = Knowledge([song_from_json(song) for song in payload["songs"]])
    for piece in payload["clips"]:
        judgement: Judgement = {}
        try:
            knowledge.judge(Clip(Path(piece["folder"])), judgement, given=Given.from_json(piece["given"]))
        # A boundary: whatever is wrong with one piece, the others are still judged, and what is known of it is kept.
        except Exception as error:
            is_told = isinstance(error, MusicgenError)
            judgement["error"] = str(error) if is_told else f"{MISTAKE} {type(error).__name__}: {str(error)[:300]}"
        send_line({"name": piece["name"], "judgement": judgement})


if __name__ == "__main__":
    child_main(_judge_folders)
