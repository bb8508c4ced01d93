"""The files that a browser draws a clip's pictures from: small, made once, kept with the clip. Light: NumPy only.

    envelope.npz      → pictures/waveform.bin      lowest and highest sample of each interval, at most MAX_BUCKETS
    spectrogram.npz   → pictures/spectrogram.bin   one byte per cell
    roll.npz or score → pictures/roll.bin          the notes as arrays

A file has 4 bytes with the length of the head, the head in JSON, and the arrays (little endian), each beginning at a
multiple of 8 bytes. The head is {sha256 (of the arrays), …facts, "arrays": {name: {kind, shape, start}}}.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.spectra import FLOOR_DB
from musicgen.audio.wav import wav_info
from musicgen.clips.clip import ENVELOPE, SPECTROGRAM, Clip
from musicgen.processes import run_child
from musicgen.storage.files import write_bytes

FOLDER = "pictures"
WAVEFORM, SPECTRUM, NOTES = "waveform", "spectrogram", "roll"
MAX_BUCKETS = 40_000  # 640 kB in stereo; five minutes at 44.1 kHz have 26,000 of 512 samples
ALIGNMENT = 8
SECONDS = 60.0
MEMORY_MB = 2048
KINDS = ("int16", "uint8", "float32")


def picture_files(clip: Clip) -> dict[str, str]:
    """The pictures that are there: name → path."""
    names = (WAVEFORM, SPECTRUM, NOTES)
    paths = {name: clip.folder / FOLDER / f"{name}.bin" for name in names}
    return {name: str(path) for name, path in paths.items() if path.is_file()}


def missing_pictures(clip: Clip) -> list[str]:
    """The pictures that the clip could have but has not."""
    there = picture_files(clip)
    return [name for name, (is_possible, _) in MAKERS.items() if name not in there and is_possible(clip)]


def ensure_pictures(clip: Clip) -> None:
    """Make what is missing, in a child process. Raises CorruptArtifact for a clip whose previews are damaged."""
    if missing_pictures(clip):
        payload = {"folder": str(clip.folder.resolve())}
        run_child("musicgen.clips.picturing", payload, seconds=SECONDS, memory_mb=MEMORY_MB)


def write_pictures(clip: Clip, *, is_draft: bool = False) -> list[str]:
    """Make what is missing in this process, which reads previews only: in workers and children. Returns the names."""
    made = missing_pictures(clip)
    for name in made:
        (clip.folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
        content = pack(*MAKERS[name][1](clip))
        write_bytes(clip.folder / FOLDER / f"{name}.bin", content, survives_power_cut=not is_draft)
    return made


def pack(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Facts (JSON) and arrays (int16, uint8 or float32) as one file; assets/player/previews.js reads it."""
    layout, contents, at = {}, [], 0
    for name, array in arrays.items():
        if array.dtype.name not in KINDS:
            raise TypeError(f"{name} has the type {array.dtype.name}; packed are {', '.join(KINDS)}")
        layout[name] = {"kind": array.dtype.name, "shape": list(array.shape), "start": at}
        content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        contents.append(content + bytes(-len(content) % ALIGNMENT))
        at += len(contents[-1])
    stamp = hashlib.sha256(b"".join(contents)).hexdigest()  # Streamlit tells large files apart by samples of them
    head = json.dumps({"sha256": stamp, **facts, "arrays": layout}, allow_nan=False).encode()
    head += b" " * (-(len(head) + 4) % ALIGNMENT)
    return b"".join((struct.pack("<I", len(head)), head, *contents))


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Inverse of `pack`: (facts, arrays)."""
    (size,) = struct.unpack("<I", content[:4])
    facts = json.loads(content[4 : 4 + size])
    arrays = {}
    for name, array in facts.pop("arrays").items():
        n, kind = int(np.prod(array["shape"])), np.dtype(array["kind"]).newbyteorder("<")
        arrays[name] = np.frombuffer(content, kind, n, 4 + size + array["start"]).reshape(array["shape"])
    return facts, arrays


def _waveform(clip: Clip) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with clip.arrays(ENVELOPE) as stored:
        buckets = sorted(int(size) for size in stored["buckets"])
        sizes = {bucket: stored[f"low_{bucket}"].shape[1] for bucket in buckets}
        bucket = next((each for each in buckets if sizes[each] <= MAX_BUCKETS), buckets[-1])
        arrays = {"low": stored[f"low_{bucket}"], "high": stored[f"high_{bucket}"]}
    return {"bucket": bucket, "sample_rate": wav_info(clip.audio_path).sample_rate}, arrays


def _spectrogram(clip: Clip) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with clip.arrays(SPECTROGRAM) as stored:
        level, frequency, seconds = stored["level"], stored["frequency"], float(stored["column_seconds"])
    facts = {"column_seconds": seconds, "floor_db": FLOOR_DB, "lowest_hz": float(frequency[0])}
    return facts, {"level": level}


def _roll(clip: Clip) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    roll = clip.roll()
    times = {"onset": roll.onset.astype(np.float32), "offset": roll.offset.astype(np.float32)}
    track = np.clip(roll.track, 0, 255).astype(np.uint8)
    return {}, {**times, "pitch": roll.pitch, "velocity": roll.velocity, "track": track}


def _has(name: str) -> Callable[[Clip], bool]:
    return lambda clip: clip.has_audio and (clip.folder / name).is_file()


Made = Callable[[Clip], tuple[dict[str, Any], dict[str, NDArray[Any]]]]
MAKERS: dict[str, tuple[Callable[[Clip], bool], Made]] = {
    WAVEFORM: (_has(ENVELOPE), _waveform),
    SPECTRUM: (_has(SPECTROGRAM), _spectrogram),
    NOTES: (lambda clip: clip.score_path.is_file(), _roll),
}
