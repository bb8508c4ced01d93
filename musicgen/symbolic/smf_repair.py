"""Repairs one damaged track of a MIDI file: turns it into valid events.

It reads event by event, like a player: a data byte above 127 is set to 127. If that soon leads to more faults, other
readings are tried (an event cut short, stray bytes before or after a delta time, a missing delta time, a system
exclusive message without a length), and the one followed by the fewest faults is used. What remains unread is
counted. The work is bounded: after MAX_STEPS steps of look-ahead, events are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from musicgen.symbolic.smf import MAX_EXCLUSIVE, ends_early
from musicgen.symbolic.smf_readings import (
    END,
    LONG_FAULT,
    Habit,
    begins_well,
    number,
    number_at,
    read_body,
    read_event,
)

MAX_STEPS = 100_000
EVENTS_AHEAD, BYTES_AHEAD, WORST_AHEAD = 12, 48, 4.0
EVENTS_OF_PROOF = 4  # if these are valid, a large data byte was the only fault
MAX_GAP = 256  # bytes skipped in search of an event
CUT_BYTES = 300  # an event that runs past the end of the file, this close to it, is the last one
_VERY_LONG_DELTA = 1 << 22
ABSURD_DELTA = 1 << 24  # ticks: in a damaged track, hours of rest are a part of the damage

ABSURD_FAULT = 0.9  # what one counts that is left out


@dataclass
class Repair:
    """The result for one track.

    Attributes:
        pieces: valid events, without the end of track. end: where reading ended.
        is_ended: it has an end of track. delta: ticks from the last event to the end.
        num_clipped: data bytes set to 127. num_unread: bytes that are not events.
    """

    end: int
    is_ended: bool = False
    delta: int = 0
    num_clipped: int = 0
    num_unread: int = 0
    pieces: list[bytes] = field(default_factory=list)


@dataclass
class Budget:
    """Steps of look-ahead left for a file."""

    steps: int = MAX_STEPS


@dataclass(frozen=True)
class _Way:
    """One way to read on. `cost`: its penalty. `event`: what is kept, without its delta time; `delta`: what it adds to
    the time, for the next event if none is kept."""

    next: int
    running: int
    cost: float
    delta: int = 0
    event: bytes = b""
    num_clipped: int = 0
    num_unread: int = 0


def repair_track(content: bytes, start: int, limit: int, budget: Budget, *, is_cut: bool) -> Repair:
    """Read the track whose events begin at `start`, at most to `limit`. `content`: with some zeros after its end;
    `is_cut`: the file ends at `limit` though the track should not."""
    repair = Repair(end=start)
    data = bytearray(content[start:limit]) + bytes(8)
    position, copied, running, size = 0, 0, 0, limit - start
    habit = Habit()
    while position < size:
        following, status, faults = read_event(data, position, size, running)
        if following and faults == 0 and not repair.delta:
            running = habit.seen(data, position, status)
            position = following
            continue
        repair.pieces.append(bytes(data[copied:position]))
        copied = position
        if faults == END:
            repair.is_ended = True
            repair.delta += max(number_at(data, position)[0], 0)
            position = copied = following
            break
        if not following and is_cut and size - position <= CUT_BYTES and begins_well(data, position):
            break
        way = _plain_way(data, position, size, running) if following and faults == 0 else None
        way = way or _best_way(data, position, size, running, budget)
        if way is None:
            break
        if way.delta < ABSURD_DELTA:
            repair.delta += way.delta
        else:
            repair.num_unread += len(number(way.delta))
        if way.event:
            repair.pieces += (number(repair.delta), way.event)
            repair.delta = 0
        repair.num_clipped += way.num_clipped
        repair.num_unread += way.num_unread
        running = habit.seen(data, position, way.running) if way.event else way.running
        position = copied = way.next
    repair.pieces.append(bytes(data[copied:position]))
    repair.end = start + position
    return repair


def _plain_way(content: bytearray, position: int, limit: int, running: int) -> _Way | None:
    """The event as it is; None if there is none."""
    delta, at = number_at(content, position)
    return next(_ways_behind_delta(content, at, limit, running, delta), None) if delta >= 0 else None


def _best_way(content: bytearray | bytes, position: int, limit: int, running: int, budget: Budget) -> _Way | None:
    """The way with the fewest faults in it and after it, of equal ones the simplest; None if there is none."""
    best, least = None, float("inf")
    for way in _ways(content, position, limit, running, budget):
        budget.steps -= 2
        if budget.steps <= 0:
            return best or (way if way.event and budget.steps > -MAX_STEPS else None)
        if (
            best is None
            and way.num_clipped
            and way.delta < _VERY_LONG_DELTA
            and not _faults_ahead(content, way.next, limit, way.running, 1.0, budget, EVENTS_OF_PROOF)
        ):
            return way
        if way.cost >= least:
            if way.num_unread > 1:
                break  # the later ones cost even more
            continue
        faults = way.cost + _faults_ahead(content, way.next, limit, way.running, least - way.cost, budget)
        if faults < least:
            best, least = way, faults
    return best


def _faults_ahead(
    content: bytearray | bytes,
    position: int,
    limit: int,
    running: int,
    bound: float,
    budget: Budget,
    events: int = EVENTS_AHEAD,
) -> float:
    faults, horizon = 0.0, position + BYTES_AHEAD
    for _ in range(events):
        if position >= min(limit, horizon) or faults >= bound:
            break
        budget.steps -= 1
        position, running, found = read_event(content, position, limit, running)
        if found == END:
            break
        if not position:
            return faults + WORST_AHEAD
        faults += found
    return faults


def _ways(content: bytearray | bytes, position: int, limit: int, running: int, budget: Budget) -> Iterator[_Way]:
    delta, at = number_at(content, position)
    has_delta = delta >= 0 and at < limit
    if has_delta:
        cost = ABSURD_FAULT if delta >= ABSURD_DELTA else LONG_FAULT if delta >= _VERY_LONG_DELTA else 0.0
        for way in _ways_behind_delta(content, at, limit, running, delta):
            yield replace(way, cost=way.cost + cost)
    if content[position] >= 0x80:
        following, status, faults = read_body(content, position, limit, running)
        if following and faults >= 0:
            yield _kept(content, position, following, status, 1.5 + faults)
    for gap in range(1, min(MAX_GAP, limit - position) + 1):
        budget.steps -= 1
        if gap <= 4 or position + gap == limit or begins_well(content, position + gap):
            is_later = (
                has_delta and number_at(content, position + gap)[0] > delta
            )  # of two delta times, the shorter one
            yield _Way(position + gap, running, 1.0 + gap / 4 + 0.2 * is_later, num_unread=gap)
        if has_delta and gap <= 4 and at + gap < limit and content[at + gap] >= 0x80:
            following, status, faults = read_body(content, at + gap, limit, running)
            if following and faults >= 0:
                cost = 1.1 + gap / 4 + (content[at] >= 0x80)  # a status where one belongs is hardly a stray byte
                yield _kept(content, at + gap, following, status, cost + faults, delta, gap)


def _ways_behind_delta(content: bytearray | bytes, at: int, limit: int, running: int, delta: int) -> Iterator[_Way]:
    following, status, faults = read_body(content, at, limit, running)
    if following and faults >= 0:
        yield _kept(content, at, following, status, faults, delta)
    is_channel = running & 0xFF if content[at] < 0x80 else content[at] < 0xF0
    if following and is_channel and faults >= 1:
        bad = next(place for place in range(at + (content[at] >= 0x80), following) if content[place] > 127)
        yield _Way(bad, running, 1.5, delta, num_unread=bad - at)
    if content[at] == 0xF0:
        close = content.find(b"\xf7", at, min(at + MAX_EXCLUSIVE, limit))
        data = bytes(content[at + 1 : close + 1])
        if close > 0 and data[:-1].isascii():
            yield _Way(close + 1, running, 0.5, delta, b"\xf0" + number(len(data)) + data)
        else:
            yield from _ways_behind_exclusive(content, at, limit, running, delta)
    if not following and content[at] in (0xFF, 0xF0, 0xF7):
        start = number_at(content, at + 1 + (content[at] == 0xFF))[1]
        for gap in range(min(MAX_GAP, limit - start)):
            if begins_well(content, start + gap):
                yield _Way(start + gap, running, 0.5 + gap / 32, delta, num_unread=start + gap - at)


def _ways_behind_exclusive(content: bytearray | bytes, at: int, limit: int, running: int, delta: int) -> Iterator[_Way]:
    """A system exclusive message without a length and without its last byte: the next status ends it."""
    stop = next((place for place in range(at + 1, min(at + MAX_EXCLUSIVE, limit)) if content[place] > 127), 0)
    for begin in (stop - 1, stop):
        if begin > at and begins_well(content, begin):
            yield _Way(begin, running, 1.1, delta, num_unread=begin - at)


def _kept(
    content: bytearray | bytes, at: int, following: int, running: int, cost: float, delta: int = 0, num_unread: int = 0
) -> _Way:
    """The event at `at` with data bytes above 127 set to 127."""
    event = bytes(content[at:following])
    is_channel = content[at] < 0xF0
    num_clipped = 0
    if is_channel:
        skip = int(content[at] >= 0x80)
        clipped = event[:skip] + bytes(min(byte, 127) for byte in event[skip:])
        num_clipped = sum(byte > 127 for byte in event[skip:])
        event = clipped
    elif event[0] == 0xF0 and ends_early(event, number_at(event, 1)[1], len(event)):
        event = b"\xf7" + event[1:]  # as bytes of any kind
    return _Way(following, running, cost, delta, event, num_clipped, num_unread)
