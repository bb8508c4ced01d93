"""Reads single events of a damaged track of a MIDI file, and counts what is wrong with them."""

from __future__ import annotations

from musicgen.symbolic.smf import ends_early, variable_length

MAX_ZEROS = 8  # in front of a number
END = -1  # instead of a number of faults: the end of the track
_LONG_DELTA = 1 << 21
UNUSUAL = 0x100  # added to a running status in a track that gives nearly every event a status of its own
UNUSUAL_FAULT = 0.3  # what using it counts: shifted by some bytes, such a track may look like one with running status
LONG_FAULT = 1.6  # what a delta time of millions of ticks counts: more than a stray byte
HABIT_EVENTS, HABIT_SHARE = 8, 0.1

_Read = tuple[int, int, float]  # where the next event begins (0: none is readable), running status, faults or END


class Habit:
    """Whether the events of a track have statuses of their own."""

    def __init__(self) -> None:
        self.num_own = self.num_running = 0

    def seen(self, content: bytearray, position: int, running: int) -> int:
        """Note the event whose delta time is at `position`; returns its running status, marked if it is unusual."""
        at = number_at(content, position)[1]
        self.num_own += content[at] >= 0x80
        self.num_running += content[at] < 0x80
        is_unusual = self.num_own >= HABIT_EVENTS and self.num_running <= HABIT_SHARE * self.num_own
        return running & 0xFF | (UNUSUAL if is_unusual else 0)


def read_event(content: bytearray | bytes, position: int, limit: int, running: int) -> _Read:
    """The event whose delta time is at `position`."""
    at = position
    while content[at] >= 0x80:
        at += 1
        if at - position > 3:
            break
    faults = LONG_FAULT if at - position == 3 and content[position] > 0x81 else 0.0
    if at - position > 3:
        delta, at = number_at(content, position)
        if delta < 0:
            return 0, running, 0
        at, faults = at - 1, 1.0
    following, running, others = read_body(content, at + 1, limit, running)
    return following, running, others if others == END else faults + others


def read_body(content: bytearray | bytes, at: int, limit: int, running: int) -> _Read:
    """The event whose status, or data after a running status, is at `at`."""
    if at >= limit:
        return 0, running, 0
    status, habit, faults = content[at], running & UNUSUAL, 0.0
    if status < 0x80:
        status = running & 0xFF
        faults = UNUSUAL_FAULT if habit else 0.0
        if not status:
            return 0, habit, 0
    else:
        at += 1
    if status < 0xF0:
        stop = at + (1 if 0xC0 <= status < 0xE0 else 2)
        if stop > limit:
            return 0, running, 0
        return stop, habit | status, faults + (content[at] > 127) + (stop - at == 2 and content[at + 1] > 127)
    return _read_system(content, at, limit, running, status)


def _read_system(content: bytearray | bytes, at: int, limit: int, running: int, status: int) -> _Read:
    if status not in (0xFF, 0xF0, 0xF7):
        stop = at + {0xF1: 1, 0xF2: 2, 0xF3: 1}.get(status, 0)
        return (stop, running, 1) if stop <= limit else (0, running, 0)
    kind = content[at] if status == 0xFF else 0
    if kind == 0x2F and at + 1 >= limit:
        return limit, running, END  # whose last byte is missing
    size, start = number_at(content, at + (status == 0xFF))
    stop = start + size
    if stop > limit or start > limit or size < 0:
        return 0, running, 0
    if kind == 0x2F:  # also one with data
        return stop, running, END
    if status == 0xF0:
        return stop, running, _faults_of_exclusive(content, start, stop)
    return stop, running, int(kind > 127)


def _faults_of_exclusive(content: bytearray | bytes, start: int, stop: int) -> float:
    """Little if it ends as it should, though it has a status inside."""
    is_right = start < stop and content[stop - 1] == 0xF7
    if ends_early(content, start, stop):
        return 0.5 if is_right else 2.0
    return 0.0 if is_right else 1.0


def number_at(content: bytearray | bytes, at: int) -> tuple[int, int]:
    """(value, next position) of a number in base 128; (-1, …) if it has more than four bytes, not counting zeros that
    some programs put in front."""
    value, first = 0, at
    while content[first] == 0x80 and first - at < MAX_ZEROS:
        first += 1
    for place in range(first, min(first + 4, len(content))):
        value = value << 7 | content[place] & 0x7F
        if content[place] < 0x80:
            return value, place + 1
    return -1, at


def number(value: int) -> bytes:
    """A delta time; larger values become the largest possible."""
    return variable_length(min(value, (1 << 28) - 1))


def begins_well(content: bytearray | bytes, position: int) -> bool:
    """Whether there is a delta time and a status."""
    delta, at = number_at(content, position)
    return 0 <= delta < _LONG_DELTA and content[at] >= 0x80
