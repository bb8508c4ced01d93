"""MIDI files ↔ Score. Reading goes through `preflight`; writing gives a type 1 file that reads back the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.storage.files import write_bytes
from musicgen.symbolic.midi_writing import assign_channels, score_to_midi_bytes
from musicgen.symbolic.preflight import Preflight, check_midi
from musicgen.symbolic.score import (
    CONTROL_DTYPE,
    NOTE_DTYPE,
    KeySignature,
    Score,
    TempoChange,
    TimeSignature,
    Track,
)

__all__ = ["assign_channels", "preflight_to_score", "read_midi", "score_to_midi_bytes", "write_midi"]


def read_midi(content: bytes | Path) -> Score:
    """The score of a MIDI file (plain or in a wrapper). Tracks without notes are left out.

    Raises RejectedFile, see `preflight.check_midi`.
    """
    return preflight_to_score(check_midi(content.read_bytes() if isinstance(content, Path) else content))


def preflight_to_score(preflight: Preflight) -> Score:
    """The score of a file that was already checked."""
    return Score(
        notes=_notes(preflight),
        ticks_per_beat=preflight.ticks_per_beat,
        tracks=tuple(Track(track.name, track.program, track.is_drum) for track in preflight.tracks),
        tempos=tuple(TempoChange(tick, 60e6 / microseconds) for tick, microseconds in preflight.tempos),
        time_signatures=tuple(TimeSignature(*signature) for signature in preflight.time_signatures),
        key_signatures=tuple(KeySignature(*signature) for signature in preflight.key_signatures),
        controls=_controls(preflight),
    )


def write_midi(score: Score, path: Path) -> None:
    """Write the score to a MIDI file atomically."""
    write_bytes(path, score_to_midi_bytes(score))


def _notes(preflight: Preflight) -> NDArray[np.void]:
    found = preflight.file.notes
    notes = np.empty(found.onset.size, NOTE_DTYPE)
    notes["onset_ticks"] = found.onset
    notes["duration_ticks"] = found.offset - found.onset
    notes["pitch"] = found.key & 127
    notes["velocity"] = found.velocity
    notes["track"] = preflight.note_tracks
    return notes


def _controls(preflight: Preflight) -> NDArray[np.void]:
    """The controls of each channel, given to every track that plays on it (a piano's pedal holds both hands)."""
    found = preflight.file.controls
    if not (preflight.has_controls and found.tick.size):
        return np.empty(0, CONTROL_DTYPE)
    port = np.array([chunk.port for chunk in preflight.file.chunks])
    place = np.where(found.tick <= preflight.last_tick, port[found.chunk] << 4 | found.channel, -1)
    given = []
    for index, track in enumerate(preflight.tracks):
        own = place == (port[track.chunk - 1] << 4 | track.channel - 1)
        controls = np.empty(int(np.count_nonzero(own)), CONTROL_DTYPE)
        controls["tick"], controls["number"], controls["value"] = found.tick[own], found.number[own], found.value[own]
        controls["track"] = index
        given.append(controls)
    return np.concatenate(given)
