"""The notes of a MIDI file: pairs each note-on with its end and its program. NumPy only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.smf_columns import BANK, NO_PROGRAM, NOTE_ON, POLY_PRESSURE, Modes, Notes, Programs, Raw
from musicgen.symbolic.smf_endings import OPEN, next_silence, pair, replay


@dataclass(frozen=True, slots=True)
class _KeyColumns:
    """Note-ons and note-offs in file order. `place`: chunk, channel and key. `channel`: port × 16 + channel."""

    place: NDArray[np.int64]
    channel: NDArray[np.int64]
    is_on: NDArray[np.bool_]
    tick: NDArray[np.int64]


def read_notes(events: Raw, programs: Programs, modes: Modes, ports: Sequence[int], skipped: Counter[str]) -> Notes:
    """All notes; those that neither a note-off nor a silence ends have the offset OPEN. `ports`: port of each chunk.

    Note-offs that end nothing are counted in `skipped`."""
    index = np.flatnonzero(events.status < POLY_PRESSURE)
    key = events.channel(index) << 7 | events.low[index]
    chunk = events.chunk[index]
    keys = _KeyColumns(
        place=chunk << 11 | key,
        channel=np.array(ports, np.int64)[chunk] << 4 | key >> 7,
        is_on=(events.status[index] >= NOTE_ON) & (events.high[index] > 0),
        tick=events.tick[index],
    )
    ons, offs = pair(keys.place, keys.is_on)
    offset = np.where(offs >= 0, keys.tick[offs], OPEN)
    num_used = int(np.count_nonzero(offs >= 0))
    if num_used < ons.size and (modes.number != BANK).any():
        offset, num_used = _silenced(keys, ons, offs, _silences(modes, ports))
    skipped["note-offs without a note"] += index.size - ons.size - num_used
    began = index[ons]
    return Notes(
        event=began,
        chunk=chunk[ons],
        onset=keys.tick[ons],
        offset=offset,
        key=key[ons],
        velocity=events.high[began],
        program=_programs_of(began, events, programs),
    )


def _silences(modes: Modes, ports: Sequence[int]) -> NDArray[np.int64]:
    """Where a channel is silenced: sorted places (port × 16 + channel) × 2^48 + ticks."""
    is_silence = modes.number != BANK
    place = np.array(ports)[modes.chunk[is_silence]] << 4 | modes.channel[is_silence]
    return np.sort(place << 48 | modes.tick[is_silence])


def _silenced(
    keys: _KeyColumns, ons: NDArray[np.intp], offs: NDArray[np.intp], silences: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """The ends of all notes, the doubtful ones found again with the silences; and how many note-offs ended one."""
    in_doubt = np.isin(keys.place, np.unique(keys.place[ons[offs < 0]]))
    chosen = np.flatnonzero(in_doubt)
    silent_at = next_silence(keys.channel[chosen], keys.tick[chosen], silences)
    ends, num_used = replay(keys.place[chosen], keys.is_on[chosen], keys.tick[chosen], silent_at)
    end = np.full(keys.tick.size, OPEN)
    is_sure = (offs >= 0) & ~in_doubt[ons]
    end[ons[is_sure]] = keys.tick[offs[is_sure]]
    end[chosen[list(ends)]] = list(ends.values())
    return end[ons], num_used + int(np.count_nonzero(is_sure))


def _programs_of(began: NDArray[np.intp], events: Raw, programs: Programs) -> NDArray[np.uint8]:
    """The program of its chunk and channel when each note began."""
    if not programs.event.size:
        return np.full(began.size, NO_PROGRAM, np.uint8)
    changes = (programs.chunk << 4 | programs.channel) << 32 | programs.event
    order = np.argsort(changes)
    changes = changes[order]
    notes = (events.chunk[began] << 4 | events.channel(began)) << 32 | began
    last = np.searchsorted(changes, notes) - 1
    is_known = (last >= 0) & (changes[last] >> 32 == notes >> 32)
    return np.where(is_known, programs.program[order][last], NO_PROGRAM)
