"""Real pieces, spoiled: relatives of the faults in `makers_spoiled_midi`, and several faults in one file."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.makers_midi import chunk, control, meta, midi_file, note_on, tempo, variable_length
from tests.makers_spoiled_midi import (
    END,
    FAULTS,
    Event,
    Fault,
    Good,
    Note,
    Spoiled,
    far_from,
    large_data,
    length_at,
    lost_byte,
    some_track,
    stray_bytes,
    with_track,
    wrong_length,
)

Result = tuple[bytes, list[Note]]
CORPUS = (  # name, parts: old enough to be free, and each in another metre
    *(("bach/bwv66.6", 4), ("bach/bwv269", 4), ("verdi/laDonnaEMobile", 2), ("ryansMammoth/OffSheGoesJig", 1)),
    *(("haydn/opus74no1/movement3", 4), ("mozart/k155/movement2", 4), ("joplin/maple_leaf_rag", 2)),
    *(("schumann_clara/polonaise_op1n1", 2), ("beethoven/opus18no1/movement3", 4), ("schubert/lindenbaum", 3)),
)


def good_pieces(*, with_corpus: bool) -> list[Good]:
    """Pieces that the program composes, and some of the corpus of music21, as our own writer writes them."""
    from musicgen.songs.composed import ground_bass_variations, jazz_tune
    from musicgen.symbolic.corpus import corpus_score
    from musicgen.symbolic.midi import score_to_midi_bytes
    from musicgen.symbolic.score import Track

    scores = [ground_bass_variations(), jazz_tune()]
    programs = (0, 40, 71, 32)
    for name, num_parts in CORPUS if with_corpus else ():
        tracks = tuple(Track(f"Part {number}", programs[number]) for number in range(num_parts))
        scores.append(corpus_score(name, tracks=tracks, tempo=100.0))
    return [good_from(score_to_midi_bytes(score)) for score in scores]


def good_from(content: bytes) -> Good:
    """The events of a valid file, every one with its status."""
    at, tracks = 14, []
    while at < len(content):
        stop = at + 8 + int.from_bytes(content[at + 4 : at + 8], "big")
        tracks.append(tuple(_events(content[at + 8 : stop])))
        at = stop
    return Good(tuple(tracks), int.from_bytes(content[12:14], "big"))


def _events(body: bytes) -> list[Event]:
    at, status, events = 0, 0, []
    while at < len(body):
        delta, at = _number(body, at)
        status, at = (body[at], at + 1) if body[at] >= 0x80 else (status, at)
        if status < 0xF0:
            size = 1 if 0xC0 <= status < 0xE0 else 2
            events.append((delta, bytes((status,)) + body[at : at + size]))
        else:
            begun = at - 1
            size, at = _number(body, at + (status == 0xFF))
            events.append((delta, body[begun : at + size]))
        at += size
    return events


def _number(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value, at = value << 7 | body[at] & 0x7F, at + 1
        if body[at - 1] < 0x80:
            return value, at


# --- events -----------------------------------------------------------------------------------------------------------


def running_over_damage(good: Good, dice: random.Random) -> Result:
    """Running status throughout, and one byte of a note too many, too few, or too large."""
    index, events = some_track(good, dice)
    at = dice.choice([n for n, (_, event) in enumerate(events) if event[0] & 0xE0 == 0x80][2:-2] or [3])
    _, event = events[at]
    place, kind = dice.randrange(1, 3), dice.randrange(3)
    changed = (
        event[:place] + event[place + 1 :],
        event[:place] + bytes((dice.randrange(128),)) + event[place:],
        event[:place] + bytes((dice.randrange(128, 256),)) + event[place + 1 :],
    )[kind]
    running, short = 0, []
    for number, (wait, each) in enumerate(events):
        whole = changed if number == at else each
        is_channel = each[0] < 0xF0
        short.append((wait, whole[1:] if is_channel and each[0] == running else whole))
        running = each[0] if is_channel else 0
    return with_track(good, index, short).bytes(), far_from(good, index, at)


def overwritten(good: Good, dice: random.Random) -> Result:
    """A few bytes in the middle of a track are others."""
    return _damaged(good, dice, lambda piece: bytes(dice.randrange(256) for _ in piece))


def zeroed(good: Good, dice: random.Random) -> Result:
    return _damaged(good, dice, lambda piece: bytes(len(piece)))


def piece_missing(good: Good, dice: random.Random) -> Result:
    return _damaged(good, dice, lambda _: b"")


def piece_doubled(good: Good, dice: random.Random) -> Result:
    return _damaged(good, dice, lambda piece: piece + piece)


def _damaged(good: Good, dice: random.Random, change: Callable[[bytes], bytes]) -> Result:
    index, events = some_track(good, dice)
    first = dice.randrange(3, max(len(events) - 8, 4))
    last = min(first + dice.randrange(1, 6), len(events) - 2)
    piece = b"".join(variable_length(delta) + event for delta, event in events[first:last])
    begin = dice.randrange(len(piece))
    end = min(begin + dice.randrange(1, 12), len(piece))
    spoiled = piece[:begin] + change(piece[begin:end]) + piece[end:]
    body = [_raw(events[:first]), spoiled, _raw(events[last:])]
    content = _with_body(good, index, b"".join(body))
    far = common(far_from(good, index, first), far_from(good, index, last))
    return content, far


def common(first: list[Note], second: list[Note]) -> list[Note]:
    """What both have."""
    rest = list(second)
    return [note for note in first if note in rest and not rest.remove(note)]


def _raw(events: Sequence[Event]) -> bytes:
    return b"".join(variable_length(delta) + event for delta, event in events)


def _with_body(good: Good, index: int, body: bytes, size: int | None = None) -> bytes:
    chunks = [chunk(track, end=False) for track in good.tracks]
    chunks[index] = b"MTrk" + (len(body) if size is None else size).to_bytes(4, "big") + body
    return midi_file(*chunks, division=good.division)


def metas_in_exclusive(good: Good, dice: random.Random) -> Result:
    """What looks like events, ends and chunks, inside messages that say how long they are."""
    index, events = some_track(good, dice)
    inside = dice.choice(
        (b"\xff\x2f\x00", b"MTrk\0\0\0\4", b"\x90\x3c\x40\x00\x80\x3c\x40", b"\0\xff\x51\x03\1\2\3", b"MThd")
    )
    for _ in range(dice.randrange(1, 4)):
        opening = dice.choice((b"\xf0", b"\xf7", b"\xff\x01", b"\xff\x7f", b"\xff\x05"))
        data = inside + (b"\xf7" if opening == b"\xf0" else b"")
        events.insert(dice.randrange(1, len(events) - 1), (0, opening + variable_length(len(data)) + data))
    return with_track(good, index, events).bytes(), good.notes


def exclusive_in_packets(good: Good, dice: random.Random) -> Result:
    """A message in several parts, as the standard allows, whose last part may be missing."""
    index, events = some_track(good, dice)
    at = dice.randrange(1, len(events) - 1)
    parts = [(0, b"\xf0\x03\x43\x12\x00"), (0, b"\xf7\x06\x43\x12\x00\x43\x12\x00"), (0, b"\xf7\x04\x43\x12\x00\xf7")]
    events[at:at] = parts[: dice.randrange(1, 4)]
    return with_track(good, index, events).bytes(), good.notes


def exclusive_without_end(good: Good, dice: random.Random) -> Result:
    """One without its length whose last byte is missing too: the next status ends it."""
    index, events = some_track(good, dice)
    at = dice.randrange(3, len(events) - 1)
    events.insert(at, (0, b"\xf0\x43\x10\x4c\x00\x00\x7e\x00"))
    return with_track(good, index, events).bytes(), far_from(good, index, at)


def padded_numbers(good: Good, dice: random.Random) -> Result:
    """Delta times with zeros in front, up to more bytes than the standard allows."""
    index, events = some_track(good, dice)
    most = dice.choice((1, 2, 3, 5))
    padded = [
        (bytes([0x80] * most) if dice.random() < 0.2 else b"") + variable_length(delta) + event
        for delta, event in events
    ]
    return _with_body(good, index, b"".join(padded)), good.notes


def unknown_metas(good: Good, dice: random.Random) -> Result:
    index, events = some_track(good, dice)
    for _ in range(dice.randrange(1, 6)):
        kind, data = dice.randrange(0x60, 0x100), bytes(dice.randrange(256) for _ in range(dice.randrange(0, 200)))
        if kind not in (0x2F, 0x51, 0x58, 0x59):
            events.insert(dice.randrange(len(events) - 1), (0, meta(kind, data)))
    return with_track(good, index, events).bytes(), good.notes


def odd_tempos(good: Good, dice: random.Random) -> Result:
    """No tempo, one of another length, the slowest of all for a moment, one in every track."""
    tracks = list(good.tracks)
    for _ in range(3):
        index = dice.randrange(len(tracks))
        bad = dice.choice(
            (meta(0x51, b"\0\0\0"), meta(0x51), meta(0x51, b"\7\xa1"), meta(0x51, b"\0\7\xa1\x20"), tempo(90))
        )
        at = dice.randrange(len(tracks[index]))
        tracks[index] = (*tracks[index][:at], (0, bad), *tracks[index][at:])
    return replace(good, tracks=tuple(tracks)).bytes(), good.notes


def odd_end(good: Good, dice: random.Random) -> Result:
    """An end of track with data, twice, in the middle, or none."""
    index, events = some_track(good, dice)
    middle = dice.randrange(3, len(events))
    changed = dice.choice(
        (
            [*events[:-1], (0, b"\xff\x2f\x01\x00")],
            [*events, END, END],
            [*events[:middle], END, *events[middle:]],
            events[:-1],
            [*events[:-1], (0, b"\xff\x2f")],
            [*events[:-1], (0, b"\xff\x2f\x00\x00")],
        )
    )
    return with_track(good, index, changed).bytes(), good.notes


def orphans(good: Good, dice: random.Random) -> Result:
    """Note-offs without notes, and notes of no length."""
    index, events = some_track(good, dice)
    for _ in range(dice.randrange(1, 30)):
        events.insert(dice.randrange(len(events) - 1), (0, bytes((0x80 | dice.randrange(16), 127, 0))))
    channel, at = dice.randrange(16), dice.randrange(2, len(events) - 1)
    events[at:at] = [(0, note_on(1, 5, channel)), (0, bytes((0x80 | channel, 1, 0)))]
    spoiled = with_track(good, index, events)
    return spoiled.bytes(), spoiled.notes


def long_silence(good: Good, dice: random.Random) -> Result:
    """A text, a controller or a program change hours behind the music, in any track."""
    index = dice.randrange(len(good.tracks))
    far = dice.choice((0x0FFFFFFF, 1 << 27, 1 << 25))
    event = dice.choice(
        (meta(1, b"end"), control(7, 0), bytes((0xC0, 5)), tempo(30), b"\xf0\x01\xf7", meta(0x58, b"\4\2\x18\x08"))
    )
    return with_track(good, index, [*good.tracks[index][:-1], (far, event), END]).bytes(), good.notes


# --- chunks and wrappers ----------------------------------------------------------------------------------------------


def every_length_wrong(good: Good, dice: random.Random) -> Result:
    content = bytearray(good.bytes())
    wrong = dice.choice((0, 0xFFFFFFFF, 0x7FFFFFFF, 4, None))
    for index in range(len(good.tracks)):
        at = length_at(good, index)
        right = int.from_bytes(content[at : at + 4], "big")
        size = max(right + dice.randrange(-9, 10), 0) if wrong is None else wrong
        content[at : at + 4] = size.to_bytes(4, "big")
    return bytes(content), good.notes


def lengths_backwards(good: Good, dice: random.Random) -> Result:
    """In the byte order of another machine."""
    content = bytearray(good.bytes())
    for index in range(len(good.tracks)):
        at = length_at(good, index)
        content[at : at + 4] = content[at : at + 4][::-1]
    if dice.random() < 0.3:
        content[4:8] = content[4:8][::-1]
    return bytes(content), good.notes


def ends_missing(good: Good, dice: random.Random) -> Result:
    """No track has an end of track; the lengths may still count it."""
    chunks = []
    for track in good.tracks:
        body = _raw(track[:-1])
        size = len(body) + dice.choice((0, 0, 4))
        chunks.append(b"MTrk" + size.to_bytes(4, "big") + body)
    return midi_file(*chunks, division=good.division), good.notes


def garbage_between(good: Good, dice: random.Random) -> Result:
    """Any bytes, between some of the chunks and behind the last one."""
    pieces = [good.bytes()[:14]]
    for track in good.tracks:
        if dice.random() < 0.5:
            pieces.append(bytes(dice.randrange(256) for _ in range(dice.choice((1, 2, 3, 7, 60, 600)))))
        pieces.append(chunk(track, end=False))
    pieces.append(bytes(dice.randrange(256) for _ in range(dice.choice((0, 1, 100)))))
    return b"".join(pieces), good.notes


def odd_header(good: Good, dice: random.Random) -> Result:
    """Longer or shorter than six bytes, with anything in the rest; a type that does not fit; no count of tracks."""
    content = good.bytes(announced=dice.choice((len(good.tracks), 0, 1, 200)), format=dice.choice((0, 1, 1, 4, 0x100)))
    extra = bytes(dice.randrange(256) for _ in range(dice.choice((0, 0, 1, 2, 10, 50))))
    size = dice.choice((6 + len(extra), 6, 0, 0xFFFFFFFF))
    return content[:4] + size.to_bytes(4, "big") + content[8:14] + extra + content[14:], good.notes


def odd_names(good: Good, dice: random.Random) -> Result:
    """The letters of a chunk's name are others."""
    content = bytearray(good.bytes())
    at = length_at(good, dice.randrange(len(good.tracks))) - 4
    content[at : at + 4] = dice.choice((b"MTRK", b"mtrk", b"MTrK", b"NTrk", b"M\0rk", b"MTrj"))
    return bytes(content), good.notes


def rmid_variants(good: Good, dice: random.Random) -> Result:
    content = good.bytes()
    info = b"LIST" + (14).to_bytes(4, "little") + b"INFOINAM\2\0\0\0A\0"
    size = dice.choice((len(content), len(content), 0, 0xFFFFFFFF, len(content) + 3, max(len(content) - 3, 20)))
    data = b"data" + size.to_bytes(4, "little") + content + bytes(len(content) % 2)
    body = b"RMID" + dice.choice((data, info + data, data + info, b"JUNK\3\0\0\0abc\0" + data))
    return b"RIFF" + dice.choice((len(body), 0, 0xFFFFFFFF)).to_bytes(4, "little") + body, good.notes


def in_time_code(good: Good, dice: random.Random) -> Result:
    frames, ticks = dice.choice((24, 25, 29, 30)), dice.choice((4, 8, 40, 80, 100))
    return replace(good, division=(256 - frames) << 8 | ticks).bytes(), good.notes


def one_pattern(good: Good, dice: random.Random) -> Result:
    """Type 2 with a single pattern, which is spoiled."""
    index, _ = some_track(good, dice)
    single = Good((good.tracks[index],), good.division)
    fault = dice.choice((large_data, metas_in_exclusive, odd_tempos, unknown_metas))
    content, notes = fault(Good(((END,), single.tracks[0]), good.division), dice)
    return content[:8] + b"\0\2" + content[10:], notes


def one_track(good: Good, dice: random.Random) -> Result:
    """All channels in one track of type 0, in the order of time, and spoiled."""
    timed = []
    for track in good.tracks:
        now = 0
        for delta, event in track[:-1]:
            now += delta
            timed.append((now, event))
    timed.sort(key=lambda each: each[0])
    ticks = [0, *(now for now, _ in timed)]
    events = [(now - before, event) for before, (now, event) in zip(ticks, timed, strict=False)]
    merged = Good(((END,), (*events, END)), good.division)
    fault = dice.choice((large_data, stray_bytes, lost_byte, overwritten, metas_in_exclusive, running_over_damage))
    content, notes = fault(merged, dice)
    first = len(chunk([END], end=False))
    return content[:8] + b"\0\0\0\1" + content[12:14] + content[14 + first :], notes


def cut_anywhere(good: Good, dice: random.Random) -> Result:
    """The rest of the file is missing."""
    content = good.bytes()
    at = dice.randrange(14 + len(chunk(good.tracks[0], end=False)) + 40, len(content))
    kept, position = [], 14
    for track in good.tracks:
        position += 8
        events = []
        for delta, event in track:
            position += len(variable_length(delta)) + len(event)
            events.append((delta, event if position <= at else control(0, 0)))
        kept.append(tuple(events))
    return content[:at], replace(good, tracks=tuple(kept)).notes


def several(good: Good, dice: random.Random) -> Result:
    """Each track has a fault of its own, and the file one more."""
    conductor = good.tracks[0]
    opening = len(chunk(conductor, end=False)) + 14
    chunks, notes = [chunk(conductor, end=False)], []
    for track in good.tracks[1:]:
        fault = dice.choice(OF_A_TRACK)
        content, found = fault(Good((conductor, track), good.division), dice)
        chunks.append(content[opening:])
        notes += found
    content = midi_file(*chunks, division=good.division, announced=dice.choice((len(chunks), 1)))
    if dice.random() < 0.3:
        content = b"junk" * dice.randrange(1, 20) + content
    if dice.random() < 0.3:
        content += b"\0" * dice.randrange(1, 200)
    return content, sorted(notes)


OF_A_TRACK: tuple[Fault, ...] = (
    *(large_data, stray_bytes, lost_byte, wrong_length, overwritten, zeroed, piece_missing, metas_in_exclusive),
    *(running_over_damage, unknown_metas, odd_end, orphans, padded_numbers, exclusive_in_packets),
)
RELATIVES: tuple[Fault, ...] = (
    *(running_over_damage, overwritten, zeroed, piece_missing, piece_doubled, metas_in_exclusive, exclusive_in_packets),
    *(exclusive_without_end, padded_numbers, unknown_metas, odd_tempos, odd_end, orphans, long_silence),
    *(every_length_wrong, lengths_backwards, ends_missing, garbage_between, odd_header, odd_names, rmid_variants),
    *(in_time_code, one_pattern, one_track, cut_anywhere, several),
)
LOOSE = frozenset(  # what comes behind the fault may begin earlier or later
    (
        *("stray_bytes", "lost_byte", "running_over_damage", "overwritten", "zeroed", "piece_missing", "piece_doubled"),
        *("one_track", "several", "exclusive_without_end", "in_time_code", "cut_anywhere"),
    )
)


def spoiled_pieces(count: int, pieces: Sequence[Good], seed: int = 9) -> list[Spoiled]:
    """`count` files: each fault in turn, each piece in turn."""
    dice = random.Random(seed)
    faults = (*FAULTS, *RELATIVES)
    made = []
    for number in range(count):
        fault = faults[number % len(faults)]
        content, notes = fault(pieces[dice.randrange(len(pieces))], dice)
        made.append(Spoiled(fault.__name__, content, notes))
    return made
