"""Repairs a MIDI file that breaks rules, as players do silently; here every repair is reported.

If a track's length is wrong, reading goes on to the next `MTrk`, the end of track or the end of the file, whichever
comes first. Tracks without a fault are kept unchanged; the others go through `smf_repair`. Linear in the length of
the file: no byte is read in two tracks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

from musicgen.symbolic.smf import TrackWalk, is_almost_track, is_chunk
from musicgen.symbolic.smf_events import large_data_bytes
from musicgen.symbolic.smf_readings import number, read_event
from musicgen.symbolic.smf_repair import Budget, Repair, repair_track
from musicgen.symbolic.smf_wrappers import MidiSyntaxError

FEW_LARGE, LARGE_SHARE = 8, 0.02  # more data bytes above 127 than this are a habit of the program that wrote the file
MAX_REPAIRED_BYTES = 1_500_000  # of all tracks together: they are repaired one event at a time
UNREAD, OUTSIDE, OTHER_PIECE = "bytes that are not events", "bytes outside the tracks", "bytes of another piece"
_END_OF_TRACK = b"\xff\x2f\x00"
_NOTHING = b"\xff\x20\x01\x00"  # a channel prefix: it only carries a delta time
_PADDING = bytes(8)


@dataclass
class Mended:
    """A file without a fault. `lost`: what is missing from it → how many bytes. `warnings`: one sentence each."""

    content: bytes
    lost: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)


def mend_file(content: bytes, *, max_chunks: int) -> Mended:
    """`content` begins with MThd. Raises MidiSyntaxError if its header is incomplete, or if it has too much to be
    repaired."""
    if len(content) < 14:
        raise MidiSyntaxError("the header is cut short")
    return _Mending(content, max_chunks).run()


class _Mending:
    def __init__(self, content: bytes, max_chunks: int) -> None:
        self.content = content
        self.padded = content + _PADDING
        self.max_chunks = max_chunks
        self.starts = _track_starts(content)
        self.budget = Budget()
        self.bytes_left = MAX_REPAIRED_BYTES
        self.pieces: list[bytes] = []
        self.num_tracks = 0
        self.num_clipped = 0
        self.wrong_lengths: list[int] = []
        self.lost: Counter[str] = Counter()

    def run(self) -> Mended:
        position = self.first_chunk()
        while position < len(self.content) and self.num_tracks <= self.max_chunks:
            if self.is_track(position):
                position = self.take_track(position)
            elif self.content[position : position + 4] == b"MThd" and self.num_tracks:
                self.lost[OTHER_PIECE] += len(self.content) - position
                break
            elif is_chunk(self.content, position) and self.is_boundary(stop := self.stop_of(position)):
                self.pieces.append(self.content[position:stop])
                position = stop
            else:
                following = self.next_start(position)
                self.lost[OUTSIDE] += following - position
                position = following
        header = b"MThd" + (6).to_bytes(4, "big") + self.content[8:14]
        return Mended(b"".join((header, *self.pieces)), +self.lost, self.warnings())

    def first_chunk(self) -> int:
        """Position after the header. Raises MidiSyntaxError."""
        stop = self.stop_of(0)
        if stop >= 14 and (self.is_track(stop) or is_chunk(self.content, stop)):
            return stop
        following = self.next_start(4)
        if following < 14:
            raise MidiSyntaxError("the header is cut short")
        self.lost[OUTSIDE] += following - 14
        return following

    def stop_of(self, position: int) -> int:
        """Where the chunk ends by its own length."""
        return position + 8 + int.from_bytes(self.content[position + 4 : position + 8], "big")

    def next_start(self, position: int) -> int:
        """The next `MTrk` after `position`, or the end of the file."""
        index = bisect_right(self.starts, position)
        return self.starts[index] if index < len(self.starts) else len(self.content)

    def is_boundary(self, position: int) -> bool:
        """Whether a chunk may end there."""
        is_end = position == len(self.content) or self.content[position : position + 4] in (b"MTrk", b"MThd")
        return is_end or is_chunk(self.content, position)

    def is_track(self, position: int) -> bool:
        """`MTrk`, also with one letter wrong if the length is right."""
        kind = self.content[position : position + 4]
        if kind == b"MTrk":
            return position + 8 <= len(self.content)
        stop = self.stop_of(position)
        return is_almost_track(kind) and position + 8 < stop and self.is_boundary(stop)

    def take_track(self, position: int) -> int:
        """Append the track's events; returns where reading continues."""
        start, declared, following = position + 8, self.stop_of(position), self.next_start(position)
        is_right = declared <= following and self.is_boundary(declared)
        limit = declared if is_right else following
        stop = min(declared, limit)
        self.num_tracks += 1
        body = self.whole(start, stop) if is_right or self.ends_a_track(stop) else None
        if body is not None:
            self.add(body)
            if stop < declared:
                self.wrong_lengths.append(self.num_tracks)
            return stop
        self.bytes_left -= limit - start
        if self.bytes_left < 0:
            raise MidiSyntaxError(f"more than {MAX_REPAIRED_BYTES:,} bytes with faults in them")
        repair = repair_track(self.padded, start, limit, self.budget, is_cut=declared > limit == len(self.content))
        return self.take_repaired(repair, declared, limit if is_right else 0)

    def take_repaired(self, repair: Repair, declared: int, stop: int) -> int:
        """Append what was repaired; returns where reading continues. `stop`: the end of the chunk, 0 if not known."""
        end, body = repair.end, b"".join(repair.pieces) + number(repair.delta)
        if repair.is_ended and end < stop and self.goes_on(end, stop):
            self.add(body + _NOTHING + self.content[end:stop])
            end = stop
        else:
            self.add(body + _END_OF_TRACK)
        self.lost[UNREAD] += repair.num_unread
        self.num_clipped += repair.num_clipped
        if stop:
            self.lost[UNREAD] += stop - end
            return stop
        self.wrong_lengths.append(self.num_tracks)
        following = self.next_start(end - 1)
        if not repair.is_ended:
            self.lost[UNREAD] += following - end
            return following
        return end

    def goes_on(self, start: int, stop: int) -> bool:
        """Whether valid events follow an end of track, up to another end of track at the end of the chunk."""
        position, running = start, 0
        while position < stop:
            position, running, faults = read_event(self.padded, position, stop, running)
            if not position or faults:
                return position == stop and faults < 0
        return False

    def add(self, body: bytes) -> None:
        self.pieces += (b"MTrk", len(body).to_bytes(4, "big"), body)

    def ends_a_track(self, stop: int) -> bool:
        return self.content[stop - 3 : stop] == _END_OF_TRACK

    def whole(self, start: int, stop: int) -> bytes | None:
        """The events there, if they are valid up to the end; data bytes above 127 set to 127 if there are many.
        None if they need repair. Raises MidiSyntaxError if there are too many."""
        walk = TrackWalk(self.content[start:stop])
        try:
            walk.read_track(0, stop - start)
            large = large_data_bytes(walk.bytes, walk.positions)
        except MidiSyntaxError as error:
            if error.code == "too_many_events":
                raise
            return None
        is_habit = large.size > max(FEW_LARGE, LARGE_SHARE * len(walk.positions))
        if large.size and not is_habit and stop - start <= self.bytes_left:
            return None
        self.num_clipped += large.size
        content = walk.bytes[: stop - start].copy()
        content[large] = 127
        return content.tobytes()

    def warnings(self) -> list[str]:
        told = []
        if self.num_clipped:
            told.append(
                f"Set to 127: {_many(self.num_clipped, 'data bytes')} with a larger value, which MIDI does not allow."
            )
        if self.wrong_lengths:
            which = ", ".join(str(number) for number in self.wrong_lengths[:5])
            more = "" if len(self.wrong_lengths) <= 5 else ", …"
            plural = "s" if len(self.wrong_lengths) > 1 else ""
            told.append(f"The length of track{plural} {which}{more} in the file is wrong; it was read to its real end.")
        for what, count in (+self.lost).items():
            told.append(f"Left out: {_many(count, what)}.")
        return told


def _many(count: int, things: str) -> str:
    if count == 1:
        things = things.replace("bytes", "byte").replace("that are not events", "that is not an event")
    return f"{count:,} {things}"


def _track_starts(content: bytes) -> list[int]:
    """Where `MTrk` is followed by something that may be a length or an event."""
    starts, position = [], content.find(b"MTrk")
    while position >= 0:
        if position + 8 <= len(content) and (
            content[position + 4] == 0 or content[position + 9 : position + 10] >= b"\x80"
        ):
            starts.append(position)
        position = content.find(b"MTrk", position + 4)
    return starts
