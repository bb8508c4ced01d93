"""Child: compresses sound and pictures of both sides and writes the report. Started by `report.write_report`."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.audio.encoding import encode_small_mp3
from musicgen.audio.loudness import matching_gains, measure_loudness
from musicgen.audio.wav import wav_info
from musicgen.child import child_main, send_line
from musicgen.clips.clip import Clip
from musicgen.clips.pictures import NOTES, pack, picture_files, unpack
from musicgen.clips.writing import write_audio_clip
from musicgen.comparison.report_page import report_page
from musicgen.evaluation.borrowing_words import moved_words
from musicgen.storage.files import write_bytes

LONGEST = 300.0  # seconds of a side that go into a report
MAX_BYTES = 9_700_000  # of the page; text, tables and script need the rest of ten million
BASE64 = 4 / 3
SCRIPT_BYTES = 200_000
KBPS = (32, 128)  # lowest and highest rate of the sound
ROLES = ("reference", "generated")
COLOURS = ("#d9822b", "#1f9e89", "#c8557b", "#3f88c5")  # of passages, as on the Compare page


@dataclass(frozen=True)
class Part:
    """What of a side is in the report: all of it, or LONGEST seconds from the excerpt on.

    `clip`: has the sound of the part; `start`: where the part begins in the piece, in seconds."""

    clip: Clip
    start: float
    pictures: dict[str, bytes]

    @property
    def seconds(self) -> float:
        return wav_info(self.clip.audio_path).seconds


def make_report(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `facts`, `folders` of both clips, `path` of the new file. Returns its size."""
    facts = payload["facts"]
    stretches = [facts["measured"]["stretch"][role] for role in ROLES]
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        clips = [Clip(Path(each)) for each in payload["folders"]]
        parts = [
            part_of(clip, stretch[0], Path(folder, role))
            for clip, stretch, role in zip(clips, stretches, ROLES, strict=True)
        ]
        kbps = _rate(parts)
        sounds = []
        for number, part in enumerate(parts):
            send_line({"phase": "compressing the sound", "done": 2 + number})
            sounds.append(_sound(part, kbps, Path(folder, f"{ROLES[number]}.mp3")))
        send_line({"phase": "writing", "done": 4})
        gains = _gains(clips, stretches)
    lanes = _lanes(facts, parts, stretches, gains)
    files: dict[str, bytes] = {}
    for role, part, sound in zip(ROLES, parts, sounds, strict=True):
        files |= {f"{role}-{name}": content for name, content in part.pictures.items()} | {f"{role}-sound": sound}
    facts |= {"can_match": any(gains), "sound_text": _sound_text(parts, clips, sounds)}
    content = report_page(facts, lanes, _regions(facts["measured"], parts), files).encode()
    write_bytes(Path(payload["path"]), content, survives_power_cut=False)
    return {"size": len(content)}


def part_of(clip: Clip, start: float, folder: Path, *, longest: float = LONGEST) -> Part:
    """All of a clip, or `longest` seconds of it; what is cut out is written to `folder`."""
    if clip.seconds <= longest and wav_info(clip.audio_path).seconds <= longest + 30.0:
        return Part(clip, 0.0, _pictures(clip))
    start = max(0.0, min(start, clip.seconds - longest))
    cut = write_audio_clip(folder, clip.waveform(start, start + longest), is_draft=False)
    pictures = _pictures(cut)
    if path := picture_files(clip).get(NOTES):
        pictures[NOTES] = gzip.compress(_cut_roll(Path(path).read_bytes(), start, longest), mtime=0)
    return Part(cut, start, pictures)


def _pictures(clip: Clip) -> dict[str, bytes]:
    return {name: gzip.compress(Path(path).read_bytes(), mtime=0) for name, path in picture_files(clip).items()}


def _cut_roll(content: bytes, start: float, longest: float = LONGEST) -> bytes:
    """The notes that sound in the part, at its own times."""
    facts, arrays = unpack(content)
    inside = (arrays["offset"] > start) & (arrays["onset"] < start + longest)
    kept = {name: values[inside] for name, values in arrays.items()}
    for name in ("onset", "offset"):
        kept[name] = np.clip(kept[name] - start, 0.0, longest).astype(np.float32)
    facts.pop("sha256", None)
    return pack(facts, kept)


def _rate(parts: Sequence[Part]) -> int:
    """The rate of the sound in kbit/s with which the page stays below its size."""
    pictures = sum(len(content) for part in parts for content in part.pictures.values())
    left = (MAX_BYTES - SCRIPT_BYTES) / BASE64 - pictures
    seconds = max(sum(part.seconds for part in parts), 1.0)
    return int(np.clip(8 * left / seconds / 1000, *KBPS))


def _sound(part: Part, kbps: int, path: Path) -> bytes:
    encode_small_mp3(part.clip.audio_path, path, kbps)
    return path.read_bytes()


def _gains(clips: Sequence[Clip], stretches: Sequence[Sequence[float]]) -> list[float]:
    """dB that make both excerpts equally loud."""
    heard = [
        clip.waveform(start, min(stop, start + LONGEST)) for clip, (start, stop) in zip(clips, stretches, strict=True)
    ]
    return matching_gains([measure_loudness(each) for each in heard])


def _lanes(
    facts: Mapping[str, Any], parts: Sequence[Part], stretches: Sequence[Sequence[float]], gains: Sequence[float]
) -> list[dict[str, Any]]:
    """What the player is told; both excerpts begin at the same moment of the common axis."""
    shifts = (0.0, stretches[0][0] - stretches[1][0])
    lanes = []
    for number, (role, part) in enumerate(zip(ROLES, parts, strict=True)):
        info, side = wav_info(part.clip.audio_path), facts["sides"][number]
        name = side["name"] if len(side["name"]) <= 60 else f"{side['name'][:59]}…"
        lanes.append({
            "id": role, "title": f"{side['heading']}: {name}", "note": "", "role": role, "colour": "",
            "seconds": part.seconds, "shift": shifts[number] + part.start, "gain_db": 0.0,
            "matched_db": round(gains[number], 2), "picture": NOTES if NOTES in part.pictures else "waveform",
            "pictures": {name: f"{role}-{name}" for name in part.pictures}, "voices": [], "score": None,
            "sound": {
                "file": f"{role}-sound", "sample_rate": info.sample_rate, "n_channels": info.n_channels,
                "n_samples": info.n_samples,
            },
        })  # fmt: skip
    return lanes


def _regions(measured: Mapping[str, Any], parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Passages that occur in both pieces, linked, as far as they are in the report."""
    regions = []
    for number, passage in enumerate(measured.get("passages") or ()):
        edges = ((passage["song_start"], passage["song_stop"]), (passage["start"], passage["stop"]))
        for role, part, (start, stop) in zip(ROLES, parts, edges, strict=True):
            inside = (max(start - part.start, 0.0), min(stop - part.start, part.seconds))
            if inside[0] < inside[1]:
                label = f"Passage {number + 1}: {moved_words(passage)}"
                mark = {"group": f"p{number}", "label": label, "colour": COLOURS[number % len(COLOURS)]}
                regions.append({"lane": role, "start": inside[0], "stop": inside[1], **mark})
    return regions


def _sound_text(parts: Sequence[Part], clips: Sequence[Clip], sounds: Sequence[bytes]) -> str:
    """What a listener should know of the sound in the file."""
    kbps = 8 * sum(map(len, sounds)) / sum(part.seconds for part in parts) / 1000
    said = f"The sound is compressed (MP3, about {kbps:.0f} kbit/s), so that the file stays small."
    if any(part.clip.folder != clip.folder for part, clip in zip(parts, clips, strict=True)):
        said += f" Of a piece of more than {LONGEST / 60:g} minutes, {LONGEST / 60:g} minutes are in it."
    return said


if __name__ == "__main__":
    child_main(make_report)
