"""MIDI files ↔ Score. Reading goes through `preflight`; what is written is a type 1 file that reads back the same."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InvalidInput, sentence
from musicgen.storage.files import write_bytes
from musicgen.symbolic import smf
from musicgen.symbolic.midi_tracks import DRUM_CHANNEL
from musicgen.symbolic.preflight import Preflight, check_midi
from musicgen.symbolic.score import (
    CONTROL_DTYPE,
    NOTE_DTYPE,
    KeySignature,
    Score,
    TempoChange,
    TimeSignature,
    Track,
)

MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_SLOWEST_TEMPO = (1 << 24) - 1  # microseconds a quarter note: 3.6 BPM


def read_midi(content: bytes | Path) -> Score:
    """The score of a MIDI file (type 0 or 1, or RMID). Tracks without notes are left out.

    Raises RejectedFile, see `preflight.check_midi`.
    """
    return preflight_to_score(check_midi(content.read_bytes() if isinstance(content, Path) else content))


def preflight_to_score(preflight: Preflight) -> Score:
    """The score of a file that has been checked already."""
    return Score(
        notes=_notes(preflight),
        ticks_per_beat=preflight.ticks_per_beat,
        tracks=tuple(Track(track.name, track.program, track.is_drum) for track in preflight.tracks),
        tempos=tuple(TempoChange(tick, 60e6 / microseconds) for tick, microseconds in preflight.tempos),
        time_signatures=tuple(TimeSignature(*signature) for signature in preflight.time_signatures),
        key_signatures=tuple(KeySignature(*signature) for signature in preflight.key_signatures),
        controls=_controls(preflight),
    )


def write_midi(score: Score, path: Path) -> None:
    """Publish the score as a MIDI file."""
    write_bytes(path, score_to_midi_bytes(score))


def score_to_midi_bytes(score: Score) -> bytes:
    """The score as a type 1 MIDI file: a chunk for the tempo map, then one for each track.

    `read_midi` gives back the same score, except that tracks without notes are gone, that drum tracks share their
    controls as they share their channel, and that notes of one track and pitch which lie inside each other exchange
    their ends (a file only says "key 60 up": first on, first off).
    """
    chunks = [_chunk(_conductor_events(score))]
    _check_writable(score)
    places = assign_channels(score.tracks)
    for index, (track, (port, channel)) in enumerate(zip(score.tracks, places, strict=True)):
        sharing = [other for other, place in enumerate(places) if place == (port, channel)]
        notes = score.notes[score.notes["track"] == index]
        controls = _unique_controls(score, sharing) if index == sharing[0] else []
        chunks.append(_chunk(_track_events(track, port, channel, notes, controls)))
    header = b"MThd" + b"".join(
        number.to_bytes(size, "big") for number, size in ((6, 4), (1, 2), (len(chunks), 2), (score.ticks_per_beat, 2))
    )
    return header + b"".join(chunks)


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
    """MIDI has 15 bits for the ticks of a beat, 28 for a distance, and only powers of two under a time signature."""
    if score.ticks_per_beat > 32_767:
        raise InvalidInput(sentence("A MIDI file has at most 32767 ticks a beat", score.ticks_per_beat))
    if score.num_notes and (score.notes["onset_ticks"] + score.notes["duration_ticks"]).max() >= 1 << 28:
        raise InvalidInput(sentence("A MIDI file ends before tick 2^28", "a note beyond it"))
    for signature in score.time_signatures:
        if signature.denominator.bit_count() != 1 or not 1 <= signature.numerator <= 255:
            raise InvalidInput(sentence("MIDI time signatures are 1-255 over a power of two", signature))
    for key in score.key_signatures:
        if not -7 <= key.sharps <= 7:
            raise InvalidInput(sentence("Key signatures have -7 (flats) to 7 sharps", key.sharps))
    for track in score.tracks:
        if not 0 <= track.program <= 127:
            raise InvalidInput(sentence("General MIDI programs are 0-127", track.program))


def _notes(preflight: Preflight) -> NDArray[np.void]:
    columns = []
    for chunk, tracks in zip(preflight.file.chunks, preflight.note_tracks, strict=True):
        track = _column(tracks, np.int16)
        kept = track >= 0
        notes = np.empty(int(kept.sum()), NOTE_DTYPE)
        onset = _column(chunk.onset, np.int64)[kept]
        notes["onset_ticks"] = onset
        notes["duration_ticks"] = _column(chunk.offset, np.int64)[kept] - onset
        notes["pitch"] = _column(chunk.key, np.uint16)[kept] & 127
        notes["velocity"] = _column(chunk.velocity, np.uint8)[kept]
        notes["track"] = track[kept]
        columns.append(notes)
    return np.concatenate(columns)


def _column(values: array[int], dtype: type[np.integer]) -> NDArray[Any]:
    return np.frombuffer(values, dtype=dtype) if len(values) else np.empty(0, dtype)


def _controls(preflight: Preflight) -> NDArray[np.void]:
    """The controls of each channel, given to every track that plays on it (a piano's pedal holds both hands)."""
    found = [np.empty(0, CONTROL_DTYPE)]
    chunks = preflight.file.chunks
    for index, track in enumerate(preflight.tracks if preflight.has_controls else ()):
        port = chunks[track.chunk - 1].port
        for chunk in chunks:
            if chunk.port == port:
                packed = _column(chunk.controls[track.channel - 1], np.int64)
                controls = np.empty(len(packed), CONTROL_DTYPE)
                controls["tick"] = packed >> 22
                controls["number"] = packed >> 14 & 255
                controls["value"] = packed & 16_383
                controls["track"] = index
                found.append(controls)
    return np.concatenate(found)


def _conductor_events(score: Score) -> Iterator[tuple[int, bytes]]:
    for tempo in score.tempos:
        microseconds = min(max(round(60e6 / tempo.tempo), 1), _SLOWEST_TEMPO)
        yield tempo.tick, smf.meta_event(smf.TEMPO, microseconds.to_bytes(3, "big"))
    for time in score.time_signatures:
        data = bytes((time.numerator, time.denominator.bit_length() - 1, 24, 8))
        yield time.tick, smf.meta_event(smf.TIME_SIGNATURE, data)
    for key in score.key_signatures:
        yield key.tick, smf.meta_event(smf.KEY_SIGNATURE, bytes((key.sharps % 256, key.is_minor)))


def _unique_controls(score: Score, tracks: list[int]) -> list[tuple[int, int, int]]:
    """(tick, number, value) of the tracks that share a channel, each event once, in order."""
    controls = score.controls[np.isin(score.controls["track"], tracks)]
    return list(dict.fromkeys((tick, number, value) for tick, number, value, _ in controls.tolist()))


def _track_events(
    track: Track, port: int, channel: int, notes: NDArray[np.void], controls: list[tuple[int, int, int]]
) -> Iterator[tuple[int, bytes]]:
    """Events in their order within one tick: set-up, note-offs, controls, notes of no length, other note-ons."""
    yield 0, smf.meta_event(0x03, track.name.encode())
    if port:
        yield 0, smf.meta_event(0x21, bytes((port,)))
    yield 0, bytes((0xC0 | channel, track.program))
    for onset, duration, pitch, _, _ in notes.tolist():
        if duration:
            yield onset + duration, bytes((0x80 | channel, pitch, 64))
    for tick, number, value in controls:
        yield tick, smf.control_event(channel, number, value)
    for onset, duration, pitch, velocity, _ in notes[np.argsort(notes["duration_ticks"] > 0, kind="stable")].tolist():
        yield onset, bytes((0x90 | channel, pitch, max(velocity, 1)))
        if not duration:
            yield onset, bytes((0x80 | channel, pitch, 64))


def _chunk(events: Iterator[tuple[int, bytes]]) -> bytes:
    body = bytearray()
    position = 0
    for tick, event in sorted(events, key=lambda timed: timed[0]):
        body += smf.variable_length(tick - position) + event
        position = tick
    body += b"\x00\xff\x2f\x00"
    return b"MTrk" + len(body).to_bytes(4, "big") + bytes(body)
