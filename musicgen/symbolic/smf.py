"""The Standard MIDI File: chunks, variable-length numbers, where its events begin, and those that are not music.

Linear in the length of the file and free of recursion, so that a hostile file costs what its bytes cost. How far it is
from each byte to the next event, were one to begin there, is looked up for all bytes at once; then only the beginnings
are walked, and `smf_events` takes the events apart in columns. It knows no music: `preflight` judges what was found.
Source: MIDI 1.0 Detailed Specification, "Standard MIDI Files" (RP-001), and the RMID wrapper (RP-029).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np

from musicgen.symbolic.smf_events import Controls, MidiSyntaxError, Notes, Programs, read_events, spans_to_next

MAX_EVENTS = 750_000
MAX_CHANGES = 50_000  # tempo, time and key changes together
TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages, which do not belong in files


@dataclass(slots=True)
class TrackChunk:
    """One MTrk chunk; its notes and controls are in the columns of the file."""

    name: bytes = b""
    port: int = 0
    end_tick: int = 0
    num_events: int = 0


@dataclass(slots=True)
class MidiFile:
    """Header, track chunks, and columns of what is in them, chunk after chunk in file order.

    Attributes:
        changes: (tick, meta type, data) of tempo, time signature and key signature events.
        skipped: what is not kept → how often.
    """

    format: int
    division: int
    announced_tracks: int
    notes: Notes
    programs: Programs
    controls: Controls
    chunks: list[TrackChunk] = field(default_factory=list)
    changes: list[tuple[int, int, bytes]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    is_rmid: bool = False


def unwrap_rmid(content: bytes) -> bytes:
    """The MIDI file inside a RIFF/RMID wrapper."""
    position = 12
    while position + 8 <= len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        if content[position : position + 4] == b"data":
            return content[position + 8 : position + 8 + size]
        position += 8 + size + (size & 1)
    raise MidiSyntaxError("an RMID wrapper without a MIDI file in it")


def read_midi_file(content: bytes, *, max_chunks: int) -> MidiFile:
    """All of a MIDI file's events; chunks behind `max_chunks` are not looked at.

    Raises MidiSyntaxError with code not_midi, midi_damaged or too_many_events.
    """
    is_rmid = content[:4] == b"RIFF" and content[8:12] == b"RMID"
    if is_rmid:
        content = unwrap_rmid(content)
    if content[:4] != b"MThd":
        raise MidiSyntaxError("other content", "not_midi")
    header = int.from_bytes(content[4:8], "big")
    if header < 6 or len(content) < 8 + header:
        raise MidiSyntaxError("the header is cut short")
    format, announced, division = (int.from_bytes(content[at : at + 2], "big") for at in (8, 10, 12))
    walk = _Walk(content)
    for start, stop in _track_spans(content, 8 + header, walk):
        walk.read_track(start, stop)
        if len(walk.chunks) > max_chunks:
            break
    events = read_events(walk.bytes, walk.positions, walk.begins, walk.skipped)
    for chunk, begin, end in zip(walk.chunks, walk.begins, [*walk.begins, len(walk.positions)][1:], strict=True):
        chunk.num_events = end - begin
        chunk.end_tick = int(events.tick[end - 1]) if end > begin else 0
    changes = [(int(events.tick[event]), kind, data) for event, kind, data in walk.changes]
    columns = (events.notes, events.programs, events.controls)
    return MidiFile(format, division, announced, *columns, walk.chunks, changes, +walk.skipped, is_rmid)


def _track_spans(content: bytes, position: int, walk: _Walk) -> Iterator[tuple[int, int]]:
    """Start and end of each MTrk; other chunks are counted and passed over, stray bytes at the end ignored."""
    while position + 8 <= len(content):
        kind = content[position : position + 4]
        size = int.from_bytes(content[position + 4 : position + 8], "big")
        start = position + 8
        if kind == b"MTrk":
            if start + size > len(content):
                missing = start + size - len(content)
                raise MidiSyntaxError(f"track {len(walk.chunks) + 1} lacks its last {missing} bytes")
            yield start, start + size
        elif not kind.isascii() or start + size > len(content):
            return
        else:
            walk.skipped["chunks of other kinds"] += 1
        position = start + size


def read_variable_length(content: bytes, position: int) -> tuple[int, int]:
    """(value, next position) of a number in base 128; more than four bytes is an error by the specification."""
    value = 0
    for count in range(4):
        byte = content[position + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, position + count + 1
    raise MidiSyntaxError(f"a number of more than four bytes at byte {position}")


def variable_length(value: int) -> bytes:
    """A number below 2^28 in base 128. Inverse: `read_variable_length`."""
    encoded = [value & 0x7F]
    while value := value >> 7:
        encoded.append(value & 0x7F | 0x80)
    return bytes(reversed(encoded))


def meta_event(kind: int, data: bytes) -> bytes:
    """FF, type, length, data."""
    return bytes((0xFF, kind)) + variable_length(len(data)) + data


class _Walk:
    """From event to event through the chunks of one file.

    Attributes:
        positions: where each event begins (its delta time). begins: the first event of each chunk, as an index of it.
        changes: (event, meta type, data).
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bytes = np.frombuffer(content + bytes(8), np.uint8)
        self._spans = spans_to_next(self.bytes)
        self.positions: list[int] = []
        self.begins: list[int] = []
        self.chunks: list[TrackChunk] = []
        self.changes: list[tuple[int, int, bytes]] = []
        self.skipped: Counter[str] = Counter()
        self._after_short = -1  # the event whose running status, if it has no own one, takes one data byte

    def read_track(self, position: int, stop: int) -> None:
        """Walk one chunk."""
        self.chunks.append(TrackChunk())
        self.begins.append(len(self.positions))
        self._after_short = -1
        append, spans = self.positions.append, self._spans
        try:
            for _ in repeat(None, MAX_EVENTS + 1 - len(self.positions)):
                if position >= stop:
                    break
                append(position)
                span = spans[position]
                position = position + span if span else self._pass_special(position, stop)
        except IndexError:
            position = stop + 1
        if len(self.positions) > MAX_EVENTS:
            raise MidiSyntaxError(f"more than {MAX_EVENTS:,} events", "too_many_events")
        if position > stop:
            raise MidiSyntaxError(f"track {len(self.chunks)} ends in the middle of an event")

    def _pass_special(self, position: int, stop: int) -> int:
        """Pass an event whose length a table cannot say; where the next one begins."""
        status_at = position + 1
        if self.content[position] >= 0x80:
            _, status_at = read_variable_length(self.content, position)
        status = self.content[status_at]
        is_short = self._after_short == len(self.positions) - 1
        if status < 0xF0:  # a program change or channel pressure, and more of them without a status
            return self._pass_short(status_at + 2, stop)
        position = self._pass_system(status_at, stop)
        return self._pass_short(position, stop) if is_short else position

    def _pass_short(self, position: int, stop: int) -> int:
        content, append = self.content, self.positions.append
        for _ in repeat(None, MAX_EVENTS + 1 - len(self.positions)):
            if position >= stop:
                break
            data_at = position + 1 if content[position] < 0x80 else read_variable_length(content, position)[1]
            if content[data_at] >= 0x80:
                break
            append(position)
            position = data_at + 1
        self._after_short = len(self.positions)
        return position

    def _pass_system(self, position: int, stop: int) -> int:
        """Meta events, system exclusive and stray system messages."""
        content, status = self.content, self.content[position]
        if status == 0xFF:
            kind = content[position + 1]
            size, start = read_variable_length(content, position + 2)
            if kind == 0x2F:
                return stop
            self._keep_meta(kind, content[start : start + min(size, 256)])
            return start + size
        if status in (0xF0, 0xF7):
            size, start = read_variable_length(content, position + 1)
            self.skipped["system exclusive messages"] += 1
            return start + size
        self.skipped["system messages"] += 1
        return position + 1 + _SYSTEM_DATA.get(status, 0)

    def _keep_meta(self, kind: int, data: bytes) -> None:
        chunk = self.chunks[-1]
        if kind in (TEMPO, TIME_SIGNATURE, KEY_SIGNATURE):
            self.changes.append((len(self.positions) - 1, kind, data))
            if len(self.changes) > MAX_CHANGES:
                raise MidiSyntaxError(f"more than {MAX_CHANGES:,} changes of tempo, time and key", "too_many_events")
        elif kind in (0x03, 0x04):
            if not chunk.name.strip():  # the first track name, or an instrument name where there is none
                chunk.name = data
        elif kind == 0x21:
            chunk.port = data[0] & 15 if data else 0
        elif kind <= 0x07:
            self.skipped["texts"] += 1
        elif kind != 0x20:  # the channel prefix only says where the next text belongs
            self.skipped["other meta events"] += 1
