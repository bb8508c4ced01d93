"""Decodes the events of a MIDI file in columns: all delta times, statuses and data bytes at once.

NumPy only; knows no chunks of other kinds, of meta events only the tempo, and no music.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.smf_columns import (
    BANK,
    BEND,
    CHANNEL_PRESSURE,
    CONTROL,
    PITCH,
    POLY_PRESSURE,
    PROGRAM,
    SILENCERS,
    SYSTEM,
    Controls,
    Events,
    Modes,
    Programs,
    Raw,
    Tempos,
)
from musicgen.symbolic.smf_notes import read_notes
from musicgen.symbolic.smf_wrappers import MidiSyntaxError

# First byte after a delta time → bytes in the rest of the event; 0: more than this byte is needed.
_REST = np.array([2] * 0x80 + [3] * 0x40 + [0] * 0x20 + [3] * 0x10 + [0] * 0x10, np.uint8)
_REST_OF_TEMPO = 6


_NO_TICKS = np.empty(0, np.int64)
_NO_BYTES = np.empty(0, np.uint8)
_NO_CONTROLS = Controls(_NO_TICKS, _NO_TICKS, _NO_TICKS, _NO_BYTES, np.empty(0, np.uint16))
_NO_MODES = Modes(np.empty(0, np.intp), _NO_TICKS, _NO_TICKS, _NO_TICKS, _NO_BYTES, _NO_BYTES)


def spans_to_next(content: NDArray[np.uint8]) -> bytes:
    """For each byte, the length of an event that began there, assuming two data bytes for running status; 0 if more
    than a table is needed. `content`: with some zeros at its end."""
    length = _delta_lengths(content)
    behind = np.minimum(np.arange(content.size, dtype=np.int32) + length, content.size - 1)
    status = content[behind]
    rest = _REST[status]
    meta = np.flatnonzero(status == 0xFF)
    at = np.minimum(behind[meta], content.size - 3)
    rest[meta[(content[at + 1] == 0x51) & (content[at + 2] == 3)]] = _REST_OF_TEMPO
    return ((length + rest) * ((rest > 0) & (length < 5))).tobytes()


def read_events(
    content: NDArray[np.uint8],
    positions: Sequence[int],
    begins: Sequence[int],
    ports: Sequence[int],
    skipped: Counter[str],
) -> Events:
    """Decode the events that begin at `positions`; `begins`: index of the first event of each chunk;
    `ports`: port of each chunk.

    What is not kept is counted in `skipped`. Raises MidiSyntaxError."""
    at = np.array(positions, np.int64)
    counts = np.array([*begins[1:], at.size], np.intp)[: len(begins)] - np.array(begins, np.intp)
    chunk = np.repeat(np.arange(counts.size), counts)
    delta, behind = _deltas(content, at)
    elapsed = np.cumsum(delta)
    first = np.array(begins, np.intp)[counts > 0]
    tick = elapsed - np.repeat(elapsed[first] - delta[first], counts[counts > 0])
    leading = content[behind]
    status = _running_status(leading, first)
    behind += leading >= 0x80
    events = Raw(chunk, tick, status, content[behind], content[behind + 1])
    _check(events, leading < SYSTEM, at)
    programs = _programs(events, np.flatnonzero((status & 0xF0) == PROGRAM))
    controls, modes = _controls(events, skipped)
    tempos = _tempos(content, behind, events)
    notes = read_notes(events, programs, modes, ports, skipped)
    return Events(tick, notes, programs, controls, modes, tempos)


def large_data_bytes(content: NDArray[np.uint8], positions: Sequence[int]) -> NDArray[np.int64]:
    """Where the events of one chunk that begin at `positions` have data bytes above 127. Raises MidiSyntaxError
    if there is data without a status."""
    at = np.array(positions, np.int64)
    _, behind = _deltas(content, at)
    leading = content[behind]
    status = _running_status(leading, np.zeros(min(at.size, 1), np.intp))
    is_music = leading < SYSTEM
    if (is_music & (status < 0x80)).any():
        raise MidiSyntaxError("data without a status")
    low = behind + (leading >= 0x80)
    high = low[is_music & ~_is_short(status)] + 1
    places = np.concatenate([low[is_music], high])
    return places[content[places] > 127]


def _is_short(status: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether one data byte follows, not two."""
    return (status >= PROGRAM) & (status < PITCH)


def _delta_lengths(content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Length in bytes of a number beginning at each byte, 5 for more than four. Same shape as `content`."""
    more = (content >= 0x80).view(np.uint8)
    two = more.copy()
    two[:-1] &= more[1:]
    two[-1] = 0
    three = two.copy()
    three[:-1] &= two[1:]
    four = three.copy()
    four[:-1] &= three[1:]
    return more + two + three + four + np.uint8(1)


def _deltas(content: NDArray[np.uint8], at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Delta times of the events that begin at `at`, and the positions after them."""
    byte = content[at]
    delta, behind = (byte & 0x7F).astype(np.int64), at + 1
    longer = np.flatnonzero(byte >= 0x80)
    while longer.size:
        byte = content[behind[longer]]
        delta[longer] = delta[longer] << 7 | byte & 0x7F
        behind[longer] += 1
        longer = longer[byte >= 0x80]
    return delta, behind


def _running_status(leading: NDArray[np.uint8], first: NDArray[np.intp]) -> NDArray[np.uint8]:
    """The status of each event: its own, or the last in its chunk that was not of a system event. Without any, it is
    less than 0x80."""
    event = np.arange(leading.size)
    has_own = (leading >= 0x80) & (leading < SYSTEM)
    has_own[first] = True
    status = np.where(leading < SYSTEM, leading, 0)[np.maximum.accumulate(np.where(has_own, event, 0))]
    return np.where(leading >= SYSTEM, leading, status)


def _check(events: Raw, is_music: NDArray[np.bool_], at: NDArray[np.int64]) -> None:
    status = events.status
    if not ((events.low | events.high | ~status) & is_music.view(np.uint8) << 7).any():
        return  # statuses have the highest bit set, data bytes do not
    lost = is_music & (status < 0x80)
    if lost.any():
        raise MidiSyntaxError(f"data without a status at byte {at[np.argmax(lost)]}")
    bad = is_music & ((events.low | np.where(_is_short(status), 0, events.high)) >= 0x80)
    if bad.any():
        raise MidiSyntaxError(f"a data byte above 127 after byte {at[np.argmax(bad)]}")


def _programs(events: Raw, index: NDArray[np.intp]) -> Programs:
    channel = events.channel(index)
    return Programs(index, events.chunk[index], channel, events.tick[index], events.low[index])


def _controls(events: Raw, skipped: Counter[str]) -> tuple[Controls, Modes]:
    of_kind = np.bincount(events.status >> 4, minlength=16).tolist()
    skipped["aftertouch events"] += of_kind[POLY_PRESSURE >> 4] + of_kind[CHANNEL_PRESSURE >> 4]
    if not of_kind[CONTROL >> 4] + of_kind[PITCH >> 4]:
        return _NO_CONTROLS, _NO_MODES
    kind = events.status & 0xF0
    index = np.flatnonzero((kind == CONTROL) | (kind == PITCH))
    low, is_bend = events.low[index], kind[index] == PITCH
    kept = is_bend | ((low >= 1) & (low <= 119) & (low != 32))
    skipped["bank selects and mode messages"] += index.size - int(np.count_nonzero(kept))
    modes = _modes(events, index[~kept & np.isin(low, (BANK, *SILENCERS))])
    index, low, is_bend = index[kept], low[kept], is_bend[kept]
    high = events.high[index].astype(np.uint16)
    value = np.where(is_bend, high << 7 | low, high)
    number = np.where(is_bend, BEND, low).astype(np.uint8)
    return Controls(events.chunk[index], events.channel(index), events.tick[index], number, value), modes


def _modes(events: Raw, index: NDArray[np.intp]) -> Modes:
    places = (events.chunk[index], events.channel(index), events.tick[index])
    return Modes(index, *places, events.low[index], events.high[index])


def _tempos(content: NDArray[np.uint8], behind: NDArray[np.int64], events: Raw) -> Tempos:
    """`behind`: the positions after the statuses of all events."""
    index = np.flatnonzero((events.status == 0xFF) & (events.low == 0x51) & (events.high == 3))
    first, second, third = (content[behind[index] + place].astype(np.int64) for place in (2, 3, 4))
    return Tempos(events.tick[index], first << 16 | second << 8 | third)
