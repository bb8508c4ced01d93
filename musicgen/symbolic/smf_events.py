"""The events of a MIDI file in columns: all delta times, statuses and data bytes at once.

NumPy only; knows no chunks of other kinds, of meta events only the tempo, and no music. Which event ends which note:
`note_ends`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.note_ends import OPEN, next_silence, pair, replay
from musicgen.symbolic.smf_wrappers import MidiSyntaxError

NO_PROGRAM = 255
BANK, SILENCERS = 0, (120, 123)  # All Sound Off, All Notes Off
BEND = 128  # pitch bends travel among the controllers under this number
NOTE_ON, POLY_PRESSURE, CONTROL, PROGRAM, CHANNEL_PRESSURE, PITCH, SYSTEM = 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0

# What stands behind a delta time → bytes of the rest of the event; 0: not to be told from here.
_REST = np.array([2] * 0x80 + [3] * 0x40 + [0] * 0x20 + [3] * 0x10 + [0] * 0x10, np.uint8)
_REST_OF_TEMPO = 6


@dataclass(frozen=True, slots=True)
class Notes:
    """Columns of equal length, in file order of the note-ons.

    Attributes:
        event: the number of the note-on among all events.
        key: channel × 128 + pitch. program: the channel's program in this chunk, NO_PROGRAM before the first change.
        offset: tick of the note-off, OPEN where there is none.
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
    """Program changes, as columns in file order. `event`: the number of the event."""

    event: NDArray[np.intp]
    chunk: NDArray[np.int64]
    channel: NDArray[np.int64]
    tick: NDArray[np.int64]
    program: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Modes:
    """What tells a channel how to sound rather than what: bank selects (number 0) and the commands that silence it
    (120, 123), as columns in file order. `event`: the number of the event."""

    event: NDArray[np.intp]
    chunk: NDArray[np.int64]
    channel: NDArray[np.int64]
    tick: NDArray[np.int64]
    number: NDArray[np.uint8]
    value: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tempos:
    """Tempo changes in file order: microseconds a quarter note, as they stand there."""

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


_NO_TICKS = np.empty(0, np.int64)
_NO_BYTES = np.empty(0, np.uint8)
_NO_CONTROLS = Controls(_NO_TICKS, _NO_TICKS, _NO_TICKS, _NO_BYTES, np.empty(0, np.uint16))
_NO_MODES = Modes(np.empty(0, np.intp), _NO_TICKS, _NO_TICKS, _NO_TICKS, _NO_BYTES, _NO_BYTES)


@dataclass(frozen=True, slots=True)
class Events:
    """`tick`: of every event, those that are no music among them."""

    tick: NDArray[np.int64]
    notes: Notes
    programs: Programs
    controls: Controls
    modes: Modes
    tempos: Tempos


def spans_to_next(content: NDArray[np.uint8]) -> bytes:
    """For each byte: how long an event would be that began there, running status meaning two data bytes; 0 where more
    than a table is needed to say it. `content`: with some zeros at its end."""
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
    """Take the events apart that begin at `positions`; `begins`: the first one of each chunk, as an index of it;
    `ports`: that of each chunk.

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
    events = _Raw(chunk, tick, status, content[behind], content[behind + 1])
    _check(events, leading < SYSTEM, at)
    programs = _programs(events, np.flatnonzero((status & 0xF0) == PROGRAM))
    controls, modes = _controls(events, skipped)
    tempos = _tempos(content, behind, events)
    notes = _notes(events, programs, _silences(modes, ports), ports, skipped)
    return Events(tick, notes, programs, controls, modes, tempos)


def large_data_bytes(content: NDArray[np.uint8], positions: Sequence[int]) -> NDArray[np.int64]:
    """Where data bytes above 127 stand in the events of one chunk that begin at `positions`. Raises MidiSyntaxError
    where there is data without a status."""
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
    """Bytes of the number that would begin at each byte, 5 for more than four. Shape as `content`."""
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
    """Delta times of the events that begin at `at`, and the positions behind them."""
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
    """The status of each event: its own, or the last one of its chunk that was not a system event's. Without any, it is
    less than 0x80."""
    event = np.arange(leading.size)
    has_own = (leading >= 0x80) & (leading < SYSTEM)
    has_own[first] = True
    status = np.where(leading < SYSTEM, leading, 0)[np.maximum.accumulate(np.where(has_own, event, 0))]
    return np.where(leading >= SYSTEM, leading, status)


def _check(events: _Raw, is_music: NDArray[np.bool_], at: NDArray[np.int64]) -> None:
    status = events.status
    if not ((events.low | events.high | ~status) & is_music.view(np.uint8) << 7).any():
        return  # statuses have their highest bit, data bytes have not
    lost = is_music & (status < 0x80)
    if lost.any():
        raise MidiSyntaxError(f"data without a status at byte {at[np.argmax(lost)]}")
    bad = is_music & ((events.low | np.where(_is_short(status), 0, events.high)) >= 0x80)
    if bad.any():
        raise MidiSyntaxError(f"a data byte above 127 behind byte {at[np.argmax(bad)]}")


@dataclass(frozen=True, slots=True)
class _Raw:
    """All events as columns: `low` and `high` are the data bytes."""

    chunk: NDArray[np.int64]
    tick: NDArray[np.int64]
    status: NDArray[np.uint8]
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]

    def channel(self, index: NDArray[np.intp]) -> NDArray[np.int64]:
        return (self.status[index] & 15).astype(np.int64)


def _silences(modes: Modes, ports: Sequence[int]) -> NDArray[np.int64]:
    """Where a channel falls silent: sorted places (port × 16 + channel) × 2^48 + ticks."""
    is_silence = modes.number != BANK
    if not is_silence.any():
        return _NO_TICKS
    place = np.array(ports)[modes.chunk[is_silence]] << 4 | modes.channel[is_silence]
    return np.sort(place << 48 | modes.tick[is_silence])


def _notes(
    events: _Raw, programs: Programs, silences: NDArray[np.int64], ports: Sequence[int], skipped: Counter[str]
) -> Notes:
    index = np.flatnonzero(events.status < POLY_PRESSURE)
    key = events.channel(index) << 7 | events.low[index]
    place = events.chunk[index] << 11 | key
    is_on = (events.status[index] >= NOTE_ON) & (events.high[index] > 0)
    ons, offs = pair(place, is_on)
    tick = events.tick[index]
    offset = np.where(offs >= 0, tick[offs], OPEN)
    num_used = int(np.count_nonzero(offs >= 0))
    if silences.size and num_used < ons.size:
        ticks, num_used = _silence(place, is_on, tick, ports, silences, offs, ons)
        offset = ticks
    skipped["note-offs without a note"] += index.size - ons.size - num_used
    began = index[ons]
    return Notes(
        event=began,
        chunk=events.chunk[began],
        onset=tick[ons],
        offset=offset,
        key=key[ons],
        velocity=events.high[began],
        program=_programs_of(began, events, programs),
    )


def _silence(
    place: NDArray[np.int64],
    is_on: NDArray[np.bool_],
    tick: NDArray[np.int64],
    ports: Sequence[int],
    silences: NDArray[np.int64],
    offs: NDArray[np.intp],
    ons: NDArray[np.intp],
) -> tuple[NDArray[np.int64], int]:
    """The ends of all notes, those in doubt told anew with the silences; and how many note-offs ended one."""
    in_doubt = np.isin(place, np.unique(place[ons[offs < 0]]))
    channel = np.array(ports)[place >> 11] << 4 | place >> 7 & 15
    chosen = np.flatnonzero(in_doubt)
    silent_at = next_silence(channel[chosen], tick[chosen], silences)
    ends, num_used = replay(place[chosen], is_on[chosen], tick[chosen], silent_at)
    end = np.full(tick.size, OPEN)
    is_sure = (offs >= 0) & ~in_doubt[ons]
    end[ons[is_sure]] = tick[offs[is_sure]]
    end[chosen[list(ends)]] = list(ends.values())
    return end[ons], num_used + int(np.count_nonzero(is_sure))


def _programs(events: _Raw, index: NDArray[np.intp]) -> Programs:
    channel = events.channel(index)
    return Programs(index, events.chunk[index], channel, events.tick[index], events.low[index])


def _programs_of(began: NDArray[np.intp], events: _Raw, programs: Programs) -> NDArray[np.uint8]:
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


def _controls(events: _Raw, skipped: Counter[str]) -> tuple[Controls, Modes]:
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


def _modes(events: _Raw, index: NDArray[np.intp]) -> Modes:
    places = (events.chunk[index], events.channel(index), events.tick[index])
    return Modes(index, *places, events.low[index], events.high[index])


def _tempos(content: NDArray[np.uint8], behind: NDArray[np.int64], events: _Raw) -> Tempos:
    """`behind`: the positions behind the statuses of all events."""
    index = np.flatnonzero((events.status == 0xFF) & (events.low == 0x51) & (events.high == 3))
    first, second, third = (content[behind[index] + place].astype(np.int64) for place in (2, 3, 4))
    return Tempos(events.tick[index], first << 16 | second << 8 | third)
