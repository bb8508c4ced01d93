"""The Standard MIDI File, byte by byte: chunks, variable-length numbers, events. Standard library only.

Linear in the length of the file and free of recursion, so that a hostile file costs what its bytes cost. It knows no
limits and no music: `preflight` judges what was found, `midi` makes a Score of it.
Source: MIDI 1.0 Detailed Specification, "Standard MIDI Files" (RP-001), and the RMID wrapper (RP-029).
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_EVENTS = 750_000
MAX_CHANGES = 50_000  # tempo, time and key changes together
NO_PROGRAM = 255
OPEN = -1
BEND = 128  # pitch bends travel among the controllers under this number
TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages, which do not belong in files


class MidiSyntaxError(Exception):
    """The bytes are not a MIDI file. `code` is a stable word; the message says where."""

    def __init__(self, message: str, code: str = "midi_damaged") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class TrackChunk:
    """The events of one MTrk chunk; columns of equal length for the notes, in file order of their note-ons.

    Attributes:
        key: channel × 128 + pitch. program: the channel's program in this chunk, NO_PROGRAM before the first change.
        offset: tick of the note-off, OPEN where there is none.
        programs: for each channel its program changes, tick × 128 + program.
        controls: for each channel (tick, number, value), see `pack_control`.
    """

    name: bytes = b""
    port: int = 0
    end_tick: int = 0
    num_events: int = 0
    onset: array[int] = field(default_factory=lambda: array("q"))
    offset: array[int] = field(default_factory=lambda: array("q"))
    key: array[int] = field(default_factory=lambda: array("H"))
    velocity: array[int] = field(default_factory=lambda: array("B"))
    program: array[int] = field(default_factory=lambda: array("B"))
    programs: list[array[int]] = field(default_factory=lambda: [array("q") for _ in range(16)])
    controls: list[array[int]] = field(default_factory=lambda: [array("q") for _ in range(16)])


@dataclass(slots=True)
class MidiFile:
    """Header, track chunks, and what belongs to the whole piece.

    Attributes:
        changes: (tick, meta type, data) of tempo, time signature and key signature events.
        skipped: what is not kept → how often.
    """

    format: int
    division: int
    announced_tracks: int
    chunks: list[TrackChunk] = field(default_factory=list)
    changes: list[tuple[int, int, bytes]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    is_rmid: bool = False


def pack_control(tick: int, number: int, value: int) -> int:
    """A controller event as one number below 2^63: tick, 8 bits of number, 14 bits of value."""
    return (tick << 8 | number) << 14 | value


def unwrap_rmid(content: bytes) -> bytes:
    """The MIDI file inside a RIFF/RMID wrapper."""
    position = 12
    while position + 8 <= len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        if content[position : position + 4] == b"data":
            return content[position + 8 : position + 8 + size]
        position += 8 + size + (size & 1)
    raise MidiSyntaxError("an RMID wrapper without a MIDI file in it")


def read_midi_file(content: bytes, *, max_chunks: int, max_notes: int, max_ticks: int) -> MidiFile:
    """All of a MIDI file's events.

    The three limits stop the reading as soon as they are passed; what was read so far then shows the excess.
    Raises MidiSyntaxError with code not_midi or midi_damaged.
    """
    is_rmid = content[:4] == b"RIFF" and content[8:12] == b"RMID"
    if is_rmid:
        content = unwrap_rmid(content)
    if content[:4] != b"MThd":
        raise MidiSyntaxError("other content", "not_midi")
    header = int.from_bytes(content[4:8], "big")
    if header < 6 or len(content) < 8 + header:
        raise MidiSyntaxError("the header is cut short")
    fields = [int.from_bytes(content[at : at + 2], "big") for at in (8, 10, 12)]
    midi = MidiFile(fields[0], fields[2], fields[1], is_rmid=is_rmid)
    events = notes = 0
    for start, stop in _track_spans(content, 8 + header, midi):
        chunk = TrackChunk()
        midi.chunks.append(chunk)
        try:
            _read_track(content, start, stop, midi, MAX_EVENTS - events, max_notes - notes, max_ticks)
        except IndexError:
            raise MidiSyntaxError(f"track {len(midi.chunks)} ends in the middle of an event") from None
        events += chunk.num_events
        notes += len(chunk.onset)
        too_much = len(midi.chunks) > max_chunks or notes > max_notes or chunk.end_tick > max_ticks
        if too_much or events > MAX_EVENTS:
            break
    return midi


def _track_spans(content: bytes, position: int, midi: MidiFile) -> Iterator[tuple[int, int]]:
    """Start and end of each MTrk; other chunks are counted and passed over, stray bytes at the end ignored."""
    while position + 8 <= len(content):
        kind = content[position : position + 4]
        size = int.from_bytes(content[position + 4 : position + 8], "big")
        start = position + 8
        if kind == b"MTrk":
            if start + size > len(content):
                missing = start + size - len(content)
                raise MidiSyntaxError(f"track {len(midi.chunks) + 1} lacks its last {missing} bytes")
            yield start, start + size
        elif not kind.isascii() or start + size > len(content):
            return
        else:
            midi.skipped["chunks of other kinds"] += 1
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


def control_event(channel: int, number: int, value: int) -> bytes:
    """A controller, or a pitch bend where `number` is BEND."""
    if number == BEND:
        return bytes((0xE0 | channel, value & 127, value >> 7))
    return bytes((0xB0 | channel, number, value))


def _read_track(
    content: bytes, position: int, stop: int, midi: MidiFile, max_events: int, max_notes: int, max_ticks: int
) -> None:
    # One loop over plain local names: this is what keeps 5 MB within half a second.
    chunk, skipped = midi.chunks[-1], midi.skipped
    tick = status = num_events = 0
    programs = [NO_PROGRAM] * 16
    waiting: dict[int, deque[int]] = {}  # key → indices of its sounding notes: first on, first off
    onset, offset, key_column, velocity = chunk.onset, chunk.offset, chunk.key, chunk.velocity
    controls = chunk.controls
    while position < stop:
        byte = content[position]
        if byte < 0x80:
            tick += byte
            position += 1
        else:
            delta, position = read_variable_length(content, position)
            tick += delta
        byte = content[position]
        num_events += 1
        if byte >= 0xF0:
            position = _read_system(content, position, tick, midi)
            if position < 0:  # end of track
                break
            continue
        if byte >= 0x80:
            status = byte
            position += 1
        elif not status:
            raise MidiSyntaxError(f"data without a status at byte {position}")
        kind = status & 0xF0
        first = content[position]
        if kind == 0xC0 or kind == 0xD0:
            position += 1
            second = 0
        else:
            second = content[position + 1]
            position += 2
        if first > 127 or second > 127:
            raise MidiSyntaxError(f"a data byte above 127 at byte {position - 1}")
        if kind <= 0x90:
            key = (status & 15) << 7 | first
            if kind == 0x90 and second:
                if key in waiting:
                    waiting[key].append(len(onset))
                else:
                    waiting[key] = deque((len(onset),))
                onset.append(tick)
                offset.append(OPEN)
                key_column.append(key)
                velocity.append(second)
                chunk.program.append(programs[status & 15])
                if len(onset) > max_notes:
                    break
            elif waiting.get(key):
                offset[waiting[key].popleft()] = tick
            else:
                skipped["note-offs without a note"] += 1
        elif kind == 0xB0 and 1 <= first <= 119 and first != 32:
            controls[status & 15].append(pack_control(tick, first, second))
        elif kind == 0xE0:
            controls[status & 15].append(pack_control(tick, BEND, second << 7 | first))
        elif kind == 0xC0:
            programs[status & 15] = first
            chunk.programs[status & 15].append(tick << 7 | first)
        else:
            skipped["bank selects and mode messages" if kind == 0xB0 else "aftertouch events"] += 1
        if tick > max_ticks or num_events > max_events:
            break
    if position > stop:
        raise IndexError
    chunk.end_tick, chunk.num_events = tick, num_events


def _read_system(content: bytes, position: int, tick: int, midi: MidiFile) -> int:
    """Meta events, system exclusive and stray system messages. Returns the next position, or -1 at the track's end."""
    status = content[position]
    if status == 0xFF:
        kind = content[position + 1]
        size, start = read_variable_length(content, position + 2)
        if kind == 0x2F:
            return -1
        _keep_meta(kind, content[start : start + min(size, 256)], tick, midi)
        return start + size
    if status in (0xF0, 0xF7):
        size, start = read_variable_length(content, position + 1)
        midi.skipped["system exclusive messages"] += 1
        return start + size
    midi.skipped["system messages"] += 1
    return position + 1 + _SYSTEM_DATA.get(status, 0)


def _keep_meta(kind: int, data: bytes, tick: int, midi: MidiFile) -> None:
    chunk = midi.chunks[-1]
    if kind in (TEMPO, TIME_SIGNATURE, KEY_SIGNATURE):
        midi.changes.append((tick, kind, data))
        if len(midi.changes) > MAX_CHANGES:
            raise MidiSyntaxError(f"more than {MAX_CHANGES:,} changes of tempo, time and key", "too_many_events")
    elif kind in (0x03, 0x04):
        if not chunk.name.strip():  # the first track name, or an instrument name where there is none
            chunk.name = data
    elif kind == 0x21:
        chunk.port = data[0] & 15 if data else 0
    elif kind <= 0x07:
        midi.skipped["texts"] += 1
    elif kind != 0x20:  # the channel prefix only says where the next text belongs
        midi.skipped["other meta events"] += 1
