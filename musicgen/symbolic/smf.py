"""The Standard MIDI File: chunks, variable-length numbers, the positions of events, and non-musical events.

Linear in the length of the file and without recursion, so a hostile file costs no more than its size. The distance
from each byte to the next event, if one began there, is looked up for all bytes at once; then only the starts
are visited, and `smf_events` decodes the events in columns. It knows no music: `preflight` checks what was found.

It is strict. If a file breaks a rule, `smf_mending` turns it into one that breaks none, and that one is read.
Source: MIDI 1.0 Detailed Specification, "Standard MIDI Files" (RP-001).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np

from musicgen.symbolic.smf_columns import Controls, Events, Modes, Notes, Programs, Tempos
from musicgen.symbolic.smf_events import read_events, spans_to_next
from musicgen.symbolic.smf_wrappers import MidiSyntaxError

MAX_EVENTS = 750_000
MAX_SIGNATURES = 50_000  # time and key changes together; later ones are only counted
MAX_TEXT_BYTES, MAX_SYSTEM_EXCLUSIVES = 16_384, 10_000  # the most that is kept
TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages that do not belong in files
MAX_EXCLUSIVE = 1024  # bytes searched for the end of a system exclusive message
_SHORT = 16  # the longest system exclusive message that may set the use of a channel


@dataclass(slots=True)
class TrackChunk:
    """One MTrk chunk; its notes and controls are in the columns of the file."""

    name: bytes = b""
    port: int = 0
    end_tick: int = 0
    num_events: int = 0


@dataclass(slots=True)
class MidiFile:
    """Header, track chunks, and columns of their events, chunk by chunk in file order.

    Attributes:
        changes: (tick, meta type, data) of time and key signatures, and of tempos of another length than 3 bytes.
        exclusives: (tick, chunk, data without F0) of short system exclusive messages.
        texts: text in the file, including names, up to MAX_TEXT_BYTES.
        skipped: what was not kept → how often.
    """

    format: int
    division: int
    announced_tracks: int
    notes: Notes
    programs: Programs
    controls: Controls
    modes: Modes
    tempos: Tempos
    chunks: list[TrackChunk] = field(default_factory=list)
    changes: list[tuple[int, int, bytes]] = field(default_factory=list)
    exclusives: list[tuple[int, int, bytes]] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def read_midi_file(content: bytes, *, max_chunks: int) -> MidiFile:
    """All of a MIDI file's events; chunks after `max_chunks` are not read.

    Raises MidiSyntaxError with code not_midi, midi_damaged or too_many_events.
    """
    if content[:4] != b"MThd":
        raise MidiSyntaxError("other content", "not_midi")
    header = int.from_bytes(content[4:8], "big")
    if header < 6 or len(content) < 8 + header:
        raise MidiSyntaxError("the header is cut short")
    format, announced, division = (int.from_bytes(content[at : at + 2], "big") for at in (8, 10, 12))
    walk = TrackWalk(content)
    for start, stop in _track_spans(content, 8 + header, walk):
        walk.read_track(start, stop)
        if len(walk.chunks) > max_chunks:
            break
    events = walk.events()
    for chunk, begin, end in zip(walk.chunks, walk.begins, [*walk.begins, len(walk.positions)][1:], strict=True):
        chunk.num_events = end - begin
        chunk.end_tick = int(events.tick[end - 1]) if end > begin else 0
    return MidiFile(
        format,
        division,
        announced,
        *(events.notes, events.programs, events.controls, events.modes, events.tempos),
        chunks=walk.chunks,
        changes=[(int(events.tick[event]), kind, data) for event, kind, data in walk.changes],
        exclusives=[(int(events.tick[event]), chunk, data) for event, chunk, data in walk.exclusives],
        texts=walk.texts,
        skipped=+walk.skipped,
    )


def ends_early(content: bytes | bytearray, start: int, stop: int) -> bool:
    """Whether a system exclusive message has a status, such as its own last byte, before the end given by its length:
    then that is no length. `start`: of its data."""
    return not content[start : min(stop - 1, start + MAX_EXCLUSIVE)].isascii()


def is_almost_track(kind: bytes) -> bool:
    """Whether these four letters are `MTrk` with one of them wrong, or in other cases."""
    return kind != b"MTrk" and sum(a == b for a, b in zip(kind.lower(), b"mtrk", strict=False)) >= 3


def is_chunk(content: bytes, position: int) -> bool:
    """Whether there is a chunk of any kind except another file's header, judged by its first eight bytes."""
    kind = content[position : position + 4]
    if kind != b"MTrk" and (len(kind) < 4 or kind == b"MThd" or not all(0x20 <= byte < 0x7F for byte in kind)):
        return False
    return position + 8 + int.from_bytes(content[position + 4 : position + 8], "big") <= len(content)


def _track_spans(content: bytes, position: int, walk: TrackWalk) -> Iterator[tuple[int, int]]:
    """Start and end of each MTrk; other chunks are counted and skipped."""
    while position < len(content):
        if not is_chunk(content, position) or is_almost_track(content[position : position + 4]):
            raise MidiSyntaxError(f"neither a chunk nor the end at byte {position}")
        start = position + 8
        stop = start + int.from_bytes(content[position + 4 : start], "big")
        if content[position : position + 4] == b"MTrk":
            yield start, stop
        else:
            walk.skipped["chunks of other kinds"] += 1
        position = stop


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


class TrackWalk:
    """Goes from event to event through the chunks of one file.

    Attributes:
        positions: where each event begins (its delta time). begins: index of the first event of each chunk.
        changes: (event, meta type, data). exclusives: (event, chunk, data).
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bytes = np.frombuffer(content + bytes(8), np.uint8)
        self._spans = spans_to_next(self.bytes)
        self.positions: list[int] = []
        self.begins: list[int] = []
        self.chunks: list[TrackChunk] = []
        self.changes: list[tuple[int, int, bytes]] = []
        self.exclusives: list[tuple[int, int, bytes]] = []
        self.texts: list[bytes] = []
        self.skipped: Counter[str] = Counter()
        self._text_bytes = 0
        self._after_short = -1  # the event that, if it uses running status, has one data byte

    def events(self) -> Events:
        """The events visited, in columns. Raises MidiSyntaxError."""
        ports = [chunk.port for chunk in self.chunks]
        return read_events(self.bytes, self.positions, self.begins, ports, self.skipped)

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
        """Skip an event whose length is not in the table; returns where the next one begins."""
        status_at = position + 1
        if self.content[position] >= 0x80:
            _, status_at = read_variable_length(self.content, position)
        status = self.content[status_at]
        is_short = self._after_short == len(self.positions) - 1
        if status < 0xF0:  # a program change or channel pressure, and others that follow without a status
            return self._pass_short(status_at + 2, stop)
        position = self._pass_system(status_at, stop)
        return self._pass_short(position, stop) if is_short else position

    def _pass_short(self, position: int, stop: int) -> int:
        content, append = self.content, self.positions.append
        for _ in repeat(None, MAX_EVENTS + 1 - len(self.positions)):
            if position >= stop:
                break
            data_at = position + 1 if content[position] < 0x80 else read_variable_length(content, position)[1]
            if content[data_at] < 0x80:
                append(position)
                position = data_at + 1
            elif (
                content[data_at : data_at + 3] == b"\xff\x51\x03"
            ):  # the table skips tempos, whatever the running status was
                append(position)
                position = data_at + 6
            else:
                break
        self._after_short = len(self.positions)
        return position

    def _pass_system(self, position: int, stop: int) -> int:
        """Meta events, system exclusive and stray system messages."""
        content, status = self.content, self.content[position]
        if status == 0xFF:
            kind = content[position + 1]
            size, start = read_variable_length(content, position + 2)
            if kind == 0x2F and start + size != stop:
                raise MidiSyntaxError(f"bytes after the end of track {len(self.chunks)}")
            self._keep_meta(kind, content[start : start + min(size, 256)])
            return start + size
        if status in (0xF0, 0xF7):
            size, start = read_variable_length(content, position + 1)
            if status == 0xF0 and ends_early(content, start, start + size):
                raise MidiSyntaxError(f"a system exclusive message without its length at byte {position}")
            if size <= _SHORT and len(self.exclusives) < MAX_SYSTEM_EXCLUSIVES:
                self.exclusives.append((len(self.positions) - 1, len(self.chunks) - 1, content[start : start + size]))
            self.skipped["system exclusive messages"] += 1
            return start + size
        self.skipped["system messages"] += 1
        return position + 1 + _SYSTEM_DATA.get(status, 0)

    def _keep_meta(self, kind: int, data: bytes) -> None:
        chunk = self.chunks[-1]
        if kind in (TEMPO, TIME_SIGNATURE, KEY_SIGNATURE):
            if len(self.changes) < MAX_SIGNATURES:
                self.changes.append((len(self.positions) - 1, kind, data))
            else:
                self.skipped["surplus time and key signatures"] += 1
        elif kind in (0x03, 0x04):
            self._keep_text(data)
            if not chunk.name.strip():  # the first track name, or an instrument name if there is none
                chunk.name = data
        elif kind == 0x21:
            chunk.port = data[0] & 15 if data else 0
        elif 0x01 <= kind <= 0x0F:
            self._keep_text(data)
            self.skipped["texts"] += 1
        elif kind not in (0x20, 0x2F):  # the channel prefix only says what the next text belongs to
            self.skipped["other meta events"] += 1

    def _keep_text(self, data: bytes) -> None:
        if self._text_bytes < MAX_TEXT_BYTES:
            self.texts.append(data)
            self._text_bytes += len(data)
