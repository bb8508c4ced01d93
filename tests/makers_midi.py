"""MIDI bytes and scores made by hand, good and bad, for every test that needs some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicgen.symbolic.score import KeySignature, Score, TempoChange, TimeSignature, Track, make_notes

END_OF_TRACK = (0, b"\xff\x2f\x00")


def variable_length(value: int) -> bytes:
    encoded = [value & 0x7F]
    value >>= 7
    while value:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(reversed(encoded))


def chunk(events: Sequence[tuple[int, bytes]], *, end: bool = True, kind: bytes = b"MTrk") -> bytes:
    """A track chunk of (delta ticks, event) pairs."""
    events = [*events, END_OF_TRACK] if end else events
    body = b"".join(variable_length(delta) + event for delta, event in events)
    return kind + len(body).to_bytes(4, "big") + body


def midi_file(*chunks: bytes, format: int = 1, division: int = 480, announced: int | None = None) -> bytes:
    numbers = (format, len(chunks) if announced is None else announced, division)
    return b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in numbers) + b"".join(chunks)


def note_on(pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return bytes((0x90 | channel, pitch, velocity))


def note_off(pitch: int, channel: int = 0) -> bytes:
    return bytes((0x80 | channel, pitch, 64))


def program(number: int, channel: int = 0) -> bytes:
    return bytes((0xC0 | channel, number))


def control(number: int, value: int, channel: int = 0) -> bytes:
    return bytes((0xB0 | channel, number, value))


def meta(kind: int, data: bytes = b"") -> bytes:
    return bytes((0xFF, kind)) + variable_length(len(data)) + data


def track_name(name: str | bytes) -> bytes:
    return meta(0x03, name.encode() if isinstance(name, str) else name)


def tempo(beats_per_minute: float) -> bytes:
    return meta(0x51, round(60e6 / beats_per_minute).to_bytes(3, "big"))


def one_note(pitch: int = 60, ticks: int = 480, channel: int = 0) -> list[tuple[int, bytes]]:
    return [(0, note_on(pitch, channel=channel)), (ticks, note_off(pitch, channel))]


def rmid(content: bytes) -> bytes:
    body = b"RMID" + b"data" + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def melody_score(pitches: Sequence[int], *, beats: float = 1.0, tempo: float = 120.0, program: int = 0) -> Score:
    """One track, one note after the other."""
    ticks = round(480 * beats)
    notes = make_notes(np.arange(len(pitches)) * ticks, ticks, np.array(pitches, dtype=int), 80)
    return Score(
        notes,
        tracks=(Track("Melody", program),),
        tempos=(TempoChange(0, tempo),),
        time_signatures=(TimeSignature(0, 4, 4),),
    )


def scale_score(num_notes: int = 64) -> Score:
    """C major up and down in quarters at 120 BPM: something to hear, to see and to learn from."""
    steps = [0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2]
    return melody_score([60 + steps[i % len(steps)] for i in range(num_notes)])


def four_part_score(num_chords: int = 48, *, seed: int = 0) -> Score:
    """Four tracks of chords that follow each other by rule: enough order for a network to learn in seconds."""
    generator = np.random.default_rng(seed)
    roots = np.array([0, 5, 7, 0, 9, 2, 7, 0])
    degrees = (
        (0, 4, 7, 12),
        (0, 4, 7, 12),
        (0, 4, 7, 10),
        (0, 4, 7, 12),
        (0, 3, 7, 12),
        (0, 3, 7, 10),
        (0, 4, 7, 10),
        (0, 4, 7, 12),
    )
    onset, pitch, track = [], [], []
    for index in range(num_chords):
        place = index % len(roots)
        for voice, interval in enumerate(degrees[place]):
            onset.append(index * 480)
            pitch.append(48 + int(roots[place]) + interval + (12 if generator.random() < 0.2 and voice == 3 else 0))
            track.append(3 - voice)
    notes = make_notes(np.array(onset), 480, np.array(pitch), 80, np.array(track))
    names = ("Soprano", "Alto", "Tenor", "Bass")
    return Score(
        notes,
        tracks=tuple(Track(name, 52) for name in names),
        tempos=(TempoChange(0, 96.0),),
        time_signatures=(TimeSignature(0, 4, 4),),
        key_signatures=(KeySignature(0, 0),),
    )


def midi_bytes(score: Score | None = None) -> bytes:
    """A small good MIDI file."""
    from musicgen.symbolic.midi import score_to_midi_bytes

    return score_to_midi_bytes(score or four_part_score())


def bad_midi_files() -> dict[str, tuple[bytes, str]]:
    """name → (content, expected code of the rejection): one for each way in which a MIDI upload is refused."""
    note = chunk(one_note())
    many = b"".join(b"\x00\x3c\x50" for _ in range(250_000))
    flood = b"\x00\x90\x3c\x50" + many
    return {
        "empty": (b"", "not_midi"),
        "text": (b"this is no music at all", "not_midi"),
        "sound font": (b"RIFF\x10\x00\x00\x00sfbkLIST" + b"\0" * 16, "sound_font"),
        "down-loadable sounds": (b"RIFF\x10\x00\x00\x00DLS LIST" + b"\0" * 16, "sound_font"),
        "empty wrapper": (b"RIFF\x04\x00\x00\x00RMID", "midi_damaged"),
        "header cut": (b"MThd\x00\x00\x00\x06\x00\x01", "midi_damaged"),
        "track before the header's end": (b"MThd\x00\x00\x00\x06\x00\x01" + note, "midi_damaged"),
        "event cut": (midi_file(chunk([(0, b"\x90\x3c")], end=False)), "no_notes"),
        "data without status": (midi_file(chunk([(0, b"\x3c\x50")])), "no_notes"),
        "endless number": (midi_file(chunk([(0, b"")], end=False)[:4] + b"\0\1\0\0" + b"\x80" * 65_536), "no_notes"),
        "endless status": (midi_file(_raw_chunk(b"\xff" * 900_000)), "no_notes"),
        "endless clocks": (midi_file(_raw_chunk(b"\x00\xf8" * 700_000)), "no_notes"),
        "faults everywhere": (midi_file(_raw_chunk(b"\x80" * 1_600_000)), "midi_damaged"),
        "tracks everywhere": (midi_file(b"MTrk\0\xff\xff\xff\0\x90\x3c\x50" * 80_000), "too_many_tracks"),
        "no tracks": (midi_file(), "no_notes"),
        "no notes": (midi_file(chunk([(0, track_name("nothing")), (0, tempo(90))])), "no_notes"),
        "type 2": (midi_file(note, note, format=2), "midi_type"),
        "time code of 40 frames": (midi_file(note, division=0xD828), "midi_smpte"),
        "time code without ticks": (midi_file(note, division=0xE700), "midi_smpte"),
        "division 0": (midi_file(note, division=0), "midi_division"),
        "a thousand million ticks": (midi_file(chunk(one_note(ticks=0x0FFFFFFF) * 4)), "too_many_beats"),
        "hours": (midi_file(chunk(one_note(ticks=9_000_000)), division=96), "too_long"),
        "571 years": (
            midi_file(chunk([(0, meta(0x51, b"\xff\xff\xff")), *one_note(ticks=9_000_000)]), division=1),
            "too_many_beats",
        ),
        "no time": (midi_file(chunk([(0, meta(0x51, b"\0\0\1")), *one_note()])), "too_short"),
        "one note of no length": (midi_file(chunk(one_note(ticks=0))), "too_short"),
        "note flood": (midi_file(b"MTrk" + len(flood).to_bytes(4, "big") + flood), "too_many_notes"),
        "track flood": (midi_file(*[note] * 65), "too_many_tracks"),
        "chunk flood": (midi_file(*[chunk([])] * 60_000), "too_many_tracks"),
        "program flood": (
            midi_file(*[chunk([(0, program(n)), *one_note(), (0, program(n + 1)), *one_note()]) for n in range(40)]),
            "too_many_tracks",
        ),
        "pressure flood": (_flood(b"\xd0\x00", b"\x00\x00", 4_900_000), "too_many_events"),
        "tempo flood": (
            _flood(b"\xff\x51\x03\x07\xa1\x20", b"\x00\xff\x51\x03\x07\xa1\x20", 4_900_000),
            "no_notes",
        ),
        "too many bytes": (midi_file(note) + b"\0" * 5_000_001, "too_large"),
    }


def _raw_chunk(body: bytes) -> bytes:
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def _flood(first: bytes, following: bytes, size: int) -> bytes:
    body = b"\x00" + first + following * (size // len(following))
    return midi_file(_raw_chunk(body))


def full_midi_file() -> bytes:
    """As much as the limits allow: 200,000 notes on 64 tracks, and all the controllers that these can share."""
    on = b"\x00\x90\x3c\x50" + b"\x01\x3e\x50\x00\x3c\x00\x01\x3c\x50\x00\x3e\x00" * 1_562 + b"\x01\x3c\x00"
    bends = b"\x00\xe0" + b"\x00\x00\x00" * 6_000 + b"\x00\x00"
    chunks = []
    for index in range(64):
        body = (b"" if index else bends) + on + b"\x00\xff\x2f\x00"
        chunks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
    return midi_file(*chunks)
