"""Writes a Score as a MIDI file of type 1: all notes of all tracks are laid out at once, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic import smf
from musicgen.symbolic.midi_tracks import DRUM_CHANNEL
from musicgen.symbolic.score import PITCH_BEND, Score, Track

MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_SLOWEST_TEMPO = (1 << 24) - 1  # microseconds a quarter note: 3.6 BPM
_OFF_VELOCITY = 64
_END_OF_TRACK = b"\x00\xff\x2f\x00"

_Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]  # ticks, tracks, events: 3 bytes, 0


def score_to_midi_bytes(score: Score) -> bytes:
    """The score as a type 1 MIDI file: a chunk for the tempo map, then one for each track.

    `read_midi` returns the same score, except that tracks without notes are gone, that drum tracks share their
    controls as they share their channel, and that nested notes of one track and pitch exchange
    their ends (a note-off names only its key: first on, first off).
    """
    conductor = _chunk(b"".join(_conductor_events(score)))
    _check_writable(score)
    places = assign_channels(score.tracks)
    bodies = _event_bytes(len(score.tracks), *_in_order(score, places))
    chunks = [
        _chunk(_set_up(track, *place) + body) for track, place, body in zip(score.tracks, places, bodies, strict=True)
    ]
    header = b"MThd" + b"".join(
        number.to_bytes(size, "big")
        for number, size in ((6, 4), (1, 2), (1 + len(chunks), 2), (score.ticks_per_beat, 2))
    )
    return b"".join((header, conductor, *chunks))


def assign_channels(tracks: tuple[Track, ...]) -> list[tuple[int, int]]:
    """(port, channel) of each track: instruments get a channel each, 15 on a port; drum tracks of one kit share one."""
    places, num_melodic, kits = [], 0, list[int]()
    for track in tracks:
        if track.is_drum:
            if track.program not in kits:
                kits.append(track.program)
            places.append((kits.index(track.program), DRUM_CHANNEL))
        else:
            port, channel = divmod(num_melodic, len(MELODIC_CHANNELS))
            places.append((port, MELODIC_CHANNELS[channel]))
            num_melodic += 1
    return places


def _check_writable(score: Score) -> None:
    """MIDI has 15 bits for the ticks of a beat, 28 for a delta time, and only powers of two as denominators."""
    if score.ticks_per_beat > 32_767:
        raise InvalidInput(sentence("A MIDI file may have at most 32767 ticks a beat", score.ticks_per_beat))
    for signature in score.time_signatures:
        if signature.denominator.bit_count() != 1 or not 1 <= signature.numerator <= 255:
            raise InvalidInput(sentence("A MIDI time signature must be 1-255 over a power of two", signature))
    for key in score.key_signatures:
        if not -7 <= key.sharps <= 7:
            raise InvalidInput(sentence("A key signature must have -7 (flats) to 7 (sharps)", key.sharps))
    for track in score.tracks:
        if not 0 <= track.program <= 127:
            raise InvalidInput(sentence("A General MIDI program must be 0-127", track.program))


def _conductor_events(score: Score) -> Iterator[bytes]:
    """The tempo map with its delta times; within one tick: tempos, then time and key signatures."""
    events = []
    for tempo in score.tempos:
        microseconds = min(max(round(60e6 / tempo.tempo), 1), _SLOWEST_TEMPO)
        events.append((tempo.tick, smf.meta_event(smf.TEMPO, microseconds.to_bytes(3, "big"))))
    for time in score.time_signatures:
        data = bytes((time.numerator, time.denominator.bit_length() - 1, 24, 8))
        events.append((time.tick, smf.meta_event(smf.TIME_SIGNATURE, data)))
    for key in score.key_signatures:
        events.append((key.tick, smf.meta_event(smf.KEY_SIGNATURE, bytes((key.sharps % 256, key.is_minor)))))
    position = 0
    for tick, event in sorted(events, key=lambda timed: timed[0]):
        yield smf.variable_length(tick - position) + event
        position = tick


def _set_up(track: Track, port: int, channel: int) -> bytes:
    """The events at the beginning of a track: its name, port and program."""
    name = b"\x00" + smf.meta_event(0x03, track.name.encode())
    return (
        name
        + (b"\x00" + smf.meta_event(0x21, bytes((port,))) if port else b"")
        + bytes((0, 0xC0 | channel, track.program))
    )


def _in_order(score: Score, places: Sequence[tuple[int, int]]) -> _Columns:
    """All notes and controls, track by track; within one tick: note-offs, controls, notes of no length, note-ons."""
    notes = score.notes
    tracks = notes["track"].astype(np.int64)
    onset, duration = notes["onset_ticks"], notes["duration_ticks"]
    is_long = duration > 0
    of_track = np.array([channel for _, channel in places], np.uint32)[tracks]
    key = of_track | notes["pitch"].astype(np.uint32) << 8
    on = key | 0x90 | np.maximum(notes["velocity"], 1).astype(np.uint32) << 16
    off = key | (0x80 | _OFF_VELOCITY << 16)
    if is_long.all():
        parts = [(onset + duration, tracks, off), _controls(score, places), (onset, tracks, on)]
    else:
        parts = [((onset + duration)[is_long], tracks[is_long], off[is_long]), _controls(score, places)]
        short = np.repeat(np.flatnonzero(~is_long), 2)  # a note of zero length is on and off at once
        both = on[short]
        both[1::2] = off[short[1::2]]
        parts.append((onset[short], tracks[short], both))
        parts.append((onset[is_long], tracks[is_long], on[is_long]))
    tick, track, event = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((tick, track))
    return tick[order], track[order], event[order]


def _controls(score: Score, places: Sequence[tuple[int, int]]) -> _Columns:
    """The controls of each channel once, in the first of the tracks that share it."""
    rows: list[tuple[int, int]] = []
    events: list[int] = []
    if score.controls.size:
        for index, (_, channel) in enumerate(places):
            sharing = [other for other, place in enumerate(places) if place == places[index]]
            own = score.controls[np.isin(score.controls["track"], sharing if index == sharing[0] else [])]
            for tick, number, value in dict.fromkeys((t, n, v) for t, n, v, _ in own.tolist()):
                rows.append((tick, index))
                is_bend = number == PITCH_BEND
                low, high = (value & 127, value >> 7) if is_bend else (number, value)
                events.append((0xE0 if is_bend else 0xB0) | channel | low << 8 | high << 16)
    columns = np.array(rows, np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1], np.array(events, np.uint32)


def _event_bytes(
    num_tracks: int, tick: NDArray[np.int64], track: NDArray[np.int64], event: NDArray[np.uint32]
) -> Iterator[bytes]:
    """Delta times and events of each track, one piece for each. The columns are sorted by track, then tick."""
    bounds = np.searchsorted(track, np.arange(num_tracks + 1))
    delta = tick.copy()
    delta[1:] -= tick[:-1]
    first = bounds[:-1][bounds[1:] > bounds[:-1]]
    delta[first] = tick[first]
    if delta.max(initial=0) >= 1 << 28:
        raise InvalidInput(sentence("A MIDI file must have fewer than 2^28 ticks between two events", int(delta.max())))
    longest = max(int(delta.max(initial=0)).bit_length() - 1, 0) // 7  # bytes of a delta time before its last one
    row = np.empty((tick.size, longest + 4), np.uint8)
    used = np.ones((tick.size, longest + 4), np.bool_)
    for column in range(longest):
        rest = delta >> 7 * (longest - column)
        row[:, column] = rest & 0x7F | 0x80
        used[:, column] = rest > 0
    row[:, longest] = delta & 0x7F
    row[:, longest + 1 :] = event.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    content = row[used].tobytes()
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(used, axis=1))])[bounds].tolist()
    for start, stop in pairwise(ends):
        yield content[start:stop]


def _chunk(body: bytes) -> bytes:
    body += _END_OF_TRACK
    return b"MTrk" + len(body).to_bytes(4, "big") + body
