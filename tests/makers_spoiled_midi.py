"""Good MIDI files, spoiled at random places in the ways in which files on people's disks are spoiled.

Each fault is a function (good file, dice) → bytes. `Good.notes` are the notes that were meant; a fault that changes one
says so by leaving it out of `Spoiled.notes`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.makers_midi import chunk, control, meta, midi_file, note_off, note_on, program, rmid, tempo, track_name

Event = tuple[int, bytes]  # delta ticks, event
Note = tuple[int, int, int, int]  # onset, pitch, channel, velocity
END = (0, b"\xff\x2f\x00")


@dataclass(frozen=True)
class Good:
    """A file of type 1: the events of each chunk, the end of track among them."""

    tracks: tuple[tuple[Event, ...], ...]
    division: int = 480

    def bytes(self, **header: int) -> bytes:
        chunks = [chunk(track, end=False) for track in self.tracks]
        return midi_file(*chunks, **{"division": self.division, **header})

    @property
    def notes(self) -> list[Note]:
        found = []
        for track in self.tracks:
            now = 0
            for delta, event in track:
                now += delta
                if event[0] & 0xF0 == 0x90 and event[2]:
                    found.append((now, event[1], event[0] & 15, event[2]))
        return sorted(found)


@dataclass(frozen=True)
class Spoiled:
    kind: str
    content: bytes
    notes: list[Note]  # those that every reader must find


Fault = Callable[[Good, random.Random], tuple[bytes, list[Note]]]


def good_file(dice: random.Random) -> Good:
    """One to four tracks of chords and melodies, with what else is in files."""
    conductor = [
        (0, track_name("Song of the day")),
        (0, tempo(dice.randrange(60, 180))),
        (0, meta(0x58, bytes((dice.choice((3, 4, 6)), dice.choice((2, 3)), 24, 8)))),
        (0, meta(0x59, bytes((dice.randrange(8), dice.randrange(2))))),
        *((dice.randrange(1, 960), tempo(dice.randrange(60, 180))) for _ in range(dice.randrange(4))),
        END,
    ]
    melodies = [_melody(dice, channel) for channel in dice.sample(range(16), dice.randrange(1, 5))]
    return Good((tuple(conductor), *melodies), dice.choice((96, 120, 384, 480, 960)))


def _melody(dice: random.Random, channel: int) -> tuple[Event, ...]:
    events: list[Event] = [(0, track_name("Melody")), (0, program(dice.randrange(128), channel))]
    events.append((0, control(7, dice.randrange(128), channel)))
    for _ in range(dice.randrange(12, 60)):
        chord = dice.sample(range(30, 100), dice.choice((1, 1, 1, 2, 3)))
        gap = dice.choice((0, 0, 0, 60, 240))
        for pitch in chord:
            events.append((gap, note_on(pitch, dice.randrange(1, 127), channel)))
            gap = 0
        length = dice.choice((30, 60, 120, 240, 480))
        for pitch in chord:
            is_on = dice.random() < 0.3
            events.append((length, note_on(pitch, 0, channel) if is_on else note_off(pitch, channel)))
            length = 0
        if dice.random() < 0.2:
            events.append((0, control(dice.choice((1, 10, 11, 64)), dice.randrange(128), channel)))
        if dice.random() < 0.05:
            events.append((0, meta(dice.choice((1, 5, 6)), b"la la")))
        if dice.random() < 0.03:
            events.append((0, b"\xf0\x05\x7e\x7f\x09\x01\xf7"))
    return (*events, END)


def with_track(good: Good, index: int, events: list[Event]) -> Good:
    tracks = list(good.tracks)
    tracks[index] = tuple(events)
    return replace(good, tracks=tuple(tracks))


def some_track(good: Good, dice: random.Random) -> tuple[int, list[Event]]:
    index = dice.randrange(1, len(good.tracks))
    return index, list(good.tracks[index])


def length_at(good: Good, index: int) -> int:
    """Where the length of a chunk stands in the bytes."""
    return 14 + sum(len(chunk(track, end=False)) for track in good.tracks[:index]) + 4


def _with_length(good: Good, index: int, change: int) -> bytes:
    content, at = bytearray(good.bytes()), length_at(good, index)
    size = max(int.from_bytes(content[at : at + 4], "big") + change, 0)
    content[at : at + 4] = min(size, 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(content)


def _large_data(good: Good, dice: random.Random, *, share: float = 0.0) -> tuple[bytes, list[Note]]:
    index, events = some_track(good, dice)
    places = [number for number, (_, event) in enumerate(events) if event[0] < 0xF0]
    chosen = [p for p in places if dice.random() < share] or dice.sample(places, dice.choice((1, 1, 2, 5)))
    touched: list[Event] = list(events)
    for number in chosen:
        delta, event = events[number]
        place = dice.randrange(1, len(event))
        large = event[:place] + bytes((dice.randrange(128, 256),)) + event[place + 1 :]
        events[number] = (delta, large)
        touched[number] = (delta, control(0, 0))
    return with_track(good, index, events).bytes(), with_track(good, index, touched).notes


def large_data(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    return _large_data(good, dice)


def eight_bit_values(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    return _large_data(good, dice, share=0.5)


def stray_status(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index, events = some_track(good, dice)
    for _ in range(dice.randrange(1, 4)):
        events.insert(dice.randrange(len(events)), (0, bytes((dice.choice((0xF4, 0xF5, 0xF6, 0xF8, 0xFA, 0xFE)),))))
    return with_track(good, index, events).bytes(), good.notes


def wrong_length(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index = dice.randrange(len(good.tracks))
    change = dice.choice((1, 2, 3, 4, 5, 7, 20, 1000, 1 << 20, 0xFFFFFFFF, -1, -2, -3, -4, -9, -(1 << 30)))
    return _with_length(good, index, change), good.notes


def swallows_the_next(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index = dice.randrange(len(good.tracks) - 1)
    return _with_length(good, index, len(chunk(good.tracks[index + 1], end=False))), good.notes


def last_bytes_missing(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    return good.bytes()[: -dice.randrange(1, 5)], good.notes


def many_ticks_a_beat(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    factor = 32_767 // good.division
    tracks = tuple(tuple((delta * factor, event) for delta, event in track) for track in good.tracks)
    fine = Good(tracks, 32_767)
    return fine.bytes(), fine.notes


def far_end(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index, events = some_track(good, dice)
    far = dice.randrange(1 << 24, 1 << 27)
    ending: list[Event] = [(far, END[1])]
    if dice.random() < 0.5:
        ending = [(far, control(64, 0)), END]
    return with_track(good, index, [*events[:-1], *ending]).bytes(), good.notes


def many_tempos(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    events = [(dice.randrange(2), tempo(dice.randrange(60, 180))) for _ in range(dice.choice((2_000, 60_000)))]
    return with_track(good, 0, [*good.tracks[0][:-1], *events, END]).bytes(), good.notes


def silenced(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    """Some note-offs, or all, are commands to be silent."""
    index, events = some_track(good, dice)
    share = dice.choice((0.1, 1.0))
    for number, (delta, event) in enumerate(events):
        is_off = event[0] & 0xF0 == 0x80 or (event[0] & 0xF0 == 0x90 and event[2] == 0)
        if is_off and dice.random() < share:
            events[number] = (delta, control(dice.choice((120, 123)), 0, event[0] & 15))
    return with_track(good, index, events).bytes(), good.notes


def without_the_last_offs(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index, events = some_track(good, dice)
    last = max(number for number, (_, event) in enumerate(events) if event[0] & 0xF0 == 0x90 and event[2])
    kept = [*events[: last + 1], (dice.randrange(1, 960), END[1])]
    return with_track(good, index, kept).bytes(), good.notes


def bad_signatures(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    bad = dice.choice(
        (meta(0x59, b"\xfd\xff"), meta(0x59, b"\x02"), meta(0x58, b"\0\x02\x18\x08"), meta(0x51, b"\0\0\0"), meta(0x51))
    )
    return with_track(good, 0, [(0, bad), *good.tracks[0]]).bytes(), good.notes


def other_texts(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index, events = some_track(good, dice)
    name, encoding = dice.choice(
        (("ピアノ", "cp932"), ("钢琴", "gbk"), ("Скрипка", "cp1251"), ("Flöte", "cp1252"), ("Гусли", "utf-16"))
    )
    events[0] = (0, track_name(name.encode(encoding)))
    return with_track(good, index, events).bytes(), good.notes


def wrapped(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    content = good.bytes()
    mac = bytes((0, 8)) + b"song.mid" + bytes(73) + len(content).to_bytes(4, "big") + bytes(41)
    padding = bytes(-len(content) % 128)
    junk = bytes(dice.randrange(1, 256) for _ in range(dice.randrange(1, 300)))
    return dice.choice(
        (rmid(content), mac + content + padding + b"rsrc" * 32, mac[:83] + bytes(45) + content, junk + content)
    ), (good.notes)


def lying_header(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    content = good.bytes(announced=dice.choice((0, 1, 99, 65_535))) if dice.random() < 0.4 else good.bytes(format=3)
    if dice.random() < 0.4:
        size = dice.choice((0, 4, 8, 10, 1 << 20))
        content = (
            content[:4] + size.to_bytes(4, "big") + content[8:14] + bytes(max(min(size, 10) - 6, 0)) + content[14:]
        )
    return content, good.notes


def between_chunks(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    content = good.bytes()
    at = length_at(good, dice.randrange(len(good.tracks))) - 4 if dice.random() < 0.7 else len(content)
    other = dice.choice((b"XFIH\0\0\0\4abcd", b"\0", b"\0" * 9, b"\r\n", b"\x1a" * 30, b"\xff\x2f\0", b"JUNK\0\0"))
    return content[:at] + other + content[at:], good.notes


def behind_the_end(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    index, events = some_track(good, dice)
    rest = dice.choice((b"\0", b"\0" * 7, b"\0\xff\x2f\0", b"\xff" * 3, b"some text"))
    return with_track(good, index, [*events[:-1], (0, END[1] + rest)]).bytes(), good.notes


def running_on(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    """Running status throughout, also behind meta events."""
    tracks = []
    for track in good.tracks:
        running, short = 0, []
        for delta, event in track:
            is_channel = event[0] < 0xF0
            short.append((delta, event[1:] if is_channel and event[0] == running else event))
            running = event[0] if is_channel else 0 if event[0] == 0xF0 else running
        tracks.append(tuple(short))
    return Good(tuple(tracks), good.division).bytes(), good.notes


def overlong_meta(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    """A text in the middle of a track that says that it goes on behind the end of the file."""
    index, events = some_track(good, dice)
    at = dice.randrange(2, len(events) - 1)
    while events[at][1][0] >= 0xF0:
        at -= 1
    events.insert(at, (0, b"\xff\x01\xff\xff\x7f"))
    return with_track(good, index, events).bytes(), good.notes


def endless_exclusive(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    """A system exclusive message as it goes over a cable, without its length."""
    index, events = some_track(good, dice)
    events.insert(dice.randrange(1, len(events)), (0, b"\xf0\x43\x10\x4c\x00\x00\x7e\x00\xf7"))
    return with_track(good, index, events).bytes(), good.notes


def stray_bytes(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    """A byte too many somewhere among the events; the notes around it may be lost to any reader."""
    index, events = some_track(good, dice)
    at = dice.randrange(3, len(events) - 1)
    delta, event = events[at]
    stray = bytes((dice.randrange(256),))
    events[at] = (delta, stray + event if dice.random() < 0.5 else event + stray)
    return with_track(good, index, events).bytes(), far_from(good, index, at)


def lost_byte(good: Good, dice: random.Random) -> tuple[bytes, list[Note]]:
    """A byte of an event is gone."""
    index, events = some_track(good, dice)
    at = dice.randrange(3, len(events) - 1)
    delta, event = events[at]
    place = dice.randrange(len(event))
    events[at] = (delta, event[:place] + event[place + 1 :])
    return with_track(good, index, events).bytes(), far_from(good, index, at)


def far_from(good: Good, index: int, at: int) -> list[Note]:
    """The notes, but for those within six events of one place."""
    kept = [(d, e if abs(number - at) > 6 else control(0, 0)) for number, (d, e) in enumerate(good.tracks[index])]
    return with_track(good, index, kept).notes


FAULTS: tuple[Fault, ...] = (
    *(large_data, eight_bit_values, stray_status, wrong_length, swallows_the_next, last_bytes_missing),
    *(many_ticks_a_beat, far_end, many_tempos, silenced, without_the_last_offs, bad_signatures, other_texts),
    *(wrapped, lying_header, between_chunks, behind_the_end, running_on, overlong_meta, endless_exclusive, stray_bytes),
    lost_byte,
)


def spoiled_files(count: int, seed: int = 9) -> list[Spoiled]:
    """`count` files, each fault in turn."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        fault = FAULTS[number % len(FAULTS)]
        content, notes = fault(good_file(dice), dice)
        made.append(Spoiled(fault.__name__, content, notes))
    return made
