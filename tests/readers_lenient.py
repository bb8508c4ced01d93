"""Independent readers that forgive much: mido for notes, FFmpeg for sound. What they find, ours must find too."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import mido

from musicgen.audio.ffmpeg import find_ffmpeg
from tests.makers_spoiled_midi import Note


def notes_of_mido(content: bytes) -> list[Note]:
    """The note-ons that mido finds when it sets too large bytes to 127; none where it gives up."""
    try:
        file = mido.MidiFile(file=io.BytesIO(content), clip=True)
    except Exception:  # it has no one error for what it cannot read
        return []
    found = []
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                found.append((now, message.note, message.channel, message.velocity))
    return found


def seconds_by_ffmpeg(path: Path) -> float:
    program, _ = find_ffmpeg()
    command = [str(program), "-v", "quiet", "-i", str(path), "-map", "0:a:0", "-f", "wav", "-c:a", "pcm_s16le", "-"]
    content = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL).stdout
    at = content.find(b"data") + 8
    if at < 8:
        return 0.0
    n_channels, rate = int.from_bytes(content[22:24], "little"), int.from_bytes(content[24:28], "little")
    return (len(content) - at) / (2 * n_channels * rate)
