"""Converts MIDI files timed in film or video frames to beats, at 120 a minute.

Source: MIDI 1.0 Detailed Specification, "Standard MIDI Files", division in time code.
"""

from __future__ import annotations

import numpy as np

from musicgen.symbolic.smf_columns import Tempos

_MICROSECONDS = {
    24: 1_000_000,
    25: 1_000_000,
    29: 1_001_000,
    30: 1_000_000,
}  # for each frame rate of the time code
_FRAMES = {24: 24, 25: 25, 29: 30, 30: 30}


def in_beats(division: int) -> tuple[int, Tempos]:
    """Ticks per beat and the tempo that give every tick the length set by `division` (0x8000 and more); 0 ticks
    if no time code has that many frames. If a second has an odd number of ticks, the beat is a second."""
    frames, ticks = 256 - (division >> 8), division & 0xFF
    per_second = _FRAMES.get(frames, 0) * ticks
    beats = 2 if per_second % 2 == 0 else 1
    microseconds = _MICROSECONDS.get(frames, 0) // beats
    return per_second // beats, Tempos(np.zeros(1, np.int64), np.array([microseconds], np.int64))
