"""How loud an excerpt of a clip is: measured once, in a child process, and kept with the clip. Light.

loudness.json    {excerpt: {lufs, peak_db, method}}, of the sound whose sha256 is also in it
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.audio.loudness import Loudness
from musicgen.audio.wav import wav_info
from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.processes import run_child
from musicgen.storage.files import read_json, write_json

KEPT = "loudness.json"
MAX_EXCERPTS = 200
SECONDS = 120.0
MEMORY_MB = 4096
LONGEST = 600.0  # seconds that are measured of a longer excerpt; its loudness hardly depends on the rest


def excerpt_loudness(clip: Clip, start_seconds: float, stop_seconds: float) -> Loudness:
    """The loudness of an excerpt. Raises WrongState for a clip without sound, and errors of the child."""
    stamp, key = wav_info(clip.audio_path).stamp, f"{start_seconds:.2f}-{stop_seconds:.2f}"
    known = _recall(clip, stamp)
    if key not in known:
        payload = {"folder": str(clip.folder.resolve()), "start": start_seconds, "stop": stop_seconds}
        found = run_child("musicgen.clips.loudness", payload, seconds=SECONDS, memory_mb=MEMORY_MB)
        known = {**_recall(clip, stamp), key: found}  # another excerpt may have been measured meanwhile
        write_json(clip.folder / KEPT, {"sha256": stamp, "excerpts": dict(list(known.items())[-MAX_EXCERPTS:])})
    return Loudness(**known[key])


def _recall(clip: Clip, stamp: str) -> dict[str, Any]:
    with suppress(ValueError):  # a damaged file is measured again
        kept = read_json(clip.folder / KEPT)
        if isinstance(kept, dict) and kept.get("sha256") == stamp:
            return dict(kept["excerpts"])
    return {}


def measure(payload: dict[str, Any]) -> dict[str, Any]:
    """The child's side. payload: `folder` of the clip, `start` and `stop` in seconds."""
    from musicgen.audio.loudness import measure_loudness

    start, stop = payload["start"], min(payload["stop"], payload["start"] + LONGEST)
    return measure_loudness(Clip(Path(payload["folder"])).waveform(start, stop)).to_json()


if __name__ == "__main__":
    child_main(measure)
