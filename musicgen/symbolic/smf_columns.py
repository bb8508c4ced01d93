"""The columns that hold the events of a MIDI file, and the constants that identify them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_PROGRAM = 255
BANK, SILENCERS = 0, (120, 123)  # All Sound Off, All Notes Off
BEND = 128  # pitch bends are stored among the controllers under this number
NOTE_ON, POLY_PRESSURE, CONTROL, PROGRAM, CHANNEL_PRESSURE, PITCH, SYSTEM = 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0


@dataclass(frozen=True, slots=True)
class Raw:
    """All events as columns: `low` and `high` are the data bytes."""

    chunk: NDArray[np.int64]
    tick: NDArray[np.int64]
    status: NDArray[np.uint8]
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]

    def channel(self, index: NDArray[np.intp]) -> NDArray[np.int64]:
        return (self.status[index] & 15).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Notes:
    """Columns of equal length, in file order of the note-ons.

    Attributes:
        event: index of the note-on among all events.
        key: channel × 128 + pitch. program: the channel's program in this chunk, NO_PROGRAM before the first change.
        offset: tick of the note-off, OPEN if there is none.
    """

    event: NDArray[np.intp]
    chunk: NDArray[np.int64]
    onset: NDArray[np.int64]
    offset: NDArray[np.int64]
    key: NDArray[np.int64]
    velocity: NDArray[np.uint8]
    program: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Programs:
    """Program changes, as columns in file order. `event`: index of the event."""

    event: NDArray[np.intp]
    chunk: NDArray[np.int64]
    channel: NDArray[np.int64]
    tick: NDArray[np.int64]
    program: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Modes:
    """Messages that set how a channel sounds: bank selects (number 0) and the commands that silence it
    (120, 123), as columns in file order. `event`: index of the event."""

    event: NDArray[np.intp]
    chunk: NDArray[np.int64]
    channel: NDArray[np.int64]
    tick: NDArray[np.int64]
    number: NDArray[np.uint8]
    value: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tempos:
    """Tempo changes in file order: microseconds a quarter note, as stored."""

    tick: NDArray[np.int64]
    microseconds: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Controls:
    """Controllers and pitch bends (BEND, 14 bits), as columns in file order."""

    chunk: NDArray[np.int64]
    channel: NDArray[np.int64]
    tick: NDArray[np.int64]
    number: NDArray[np.uint8]
    value: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Events:
    """`tick`: of every event, including non-musical ones."""

    tick: NDArray[np.int64]
    notes: Notes
    programs: Programs
    controls: Controls
    modes: Modes
    tempos: Tempos
