"""Child: compresses the sound and the pictures of finished lessons and writes their report. Started by `report`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from musicgen.audio.encoding import encode_small_mp3
from musicgen.audio.wav import wav_info
from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.clips.pictures import NOTES
from musicgen.comparison.report_frame import report_frame
from musicgen.comparison.reporting import Part, part_of
from musicgen.lessons.report_page import lessons_body
from musicgen.storage.files import write_bytes

LONGEST = 40.0  # seconds of a piece that go into the report
KBPS = 64
MAX_BYTES = 14_000_000  # of sound and pictures; later players are left out if there is more


def make_report(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `facts`, see `report`; `path` of the new file. Returns its size."""
    facts = payload["facts"]
    files: dict[str, bytes] = {}
    players = []
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        for view in (view for lesson in facts["lessons"] for view in lesson["views"]):
            if not view["lanes"]:
                continue
            made, told = _player(view, Path(folder, view["place"]))
            if sum(map(len, (*files.values(), *made.values()))) > MAX_BYTES:
                view["is_left_out"] = True
                continue
            files |= made
            players.append(told)
    content = report_frame("My lessons", lessons_body(facts), {"players": players}, files).encode()
    write_bytes(Path(payload["path"]), content, survives_power_cut=False)
    return {"size": len(content)}


def _player(view: Mapping[str, Any], folder: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """(files by name, what the player is told) of one view."""
    files: dict[str, bytes] = {}
    lanes, starts = [], {}
    for number, lane in enumerate(view["lanes"]):
        folder_of_lane = folder / str(number)
        folder_of_lane.mkdir(parents=True)
        name = f"{view['place']}-{number}"
        part = part_of(Clip(Path(lane["folder"])), 0.0, folder_of_lane / "part", longest=LONGEST)
        sound = folder_of_lane / "sound.mp3"
        encode_small_mp3(part.clip.audio_path, sound, KBPS)
        files |= {f"{name}-{kind}": content for kind, content in part.pictures.items()}
        files[f"{name}-sound"] = sound.read_bytes()
        lanes.append(_lane(lane, part, name, view["picture"]))
        starts[lane["id"]] = part
    regions = list(_regions(view, starts))
    longest = max(lane["seconds"] for lane in lanes)
    return files, {"place": view["place"], "lanes": lanes, "regions": regions, "window": [0.0, longest]}


def _lane(lane: Mapping[str, Any], part: Part, name: str, picture: str | None) -> dict[str, Any]:
    info = wav_info(part.clip.audio_path)
    usual = NOTES if NOTES in part.pictures else "waveform"
    return {
        "id": lane["id"], "title": lane["title"], "note": "", "role": lane["role"], "colour": "",
        "seconds": part.seconds, "shift": 0.0, "gain_db": 0.0, "matched_db": 0.0,
        "picture": picture if picture in part.pictures else usual,
        "pictures": {kind: f"{name}-{kind}" for kind in part.pictures}, "voices": [], "score": None,
        "sound": {
            "file": f"{name}-sound", "sample_rate": info.sample_rate, "n_channels": info.n_channels,
            "n_samples": info.n_samples,
        },
    }  # fmt: skip


def _regions(view: Mapping[str, Any], parts: Mapping[str, Part]) -> Iterator[dict[str, Any]]:
    """The marked passages, as far as they are in the report."""
    for mark in view["marks"]:
        stop = min(mark["stop"], parts[mark["lane"]].seconds)
        if mark["start"] < stop:
            yield {**mark, "stop": stop}


if __name__ == "__main__":
    child_main(make_report)
