"""The gate for MIDI uploads: every event is read and judged before anything else sees the file. NumPy only.

Rejected: what is not MIDI, damaged, beyond the limits of `settings`, or without a note. Dropped and said so: what the
product has no use for or what is broken in a file that is good otherwise. It knows no sound and makes no Score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import RejectedFile, sentence
from musicgen.settings import Settings, settings
from musicgen.symbolic import smf
from musicgen.symbolic.midi_tracks import TrackReport, assign_tracks
from musicgen.symbolic.smf_events import MidiSyntaxError

MIN_SECONDS = 0.1
MAX_CONTROLS = 400_000
CHUNKS_A_TRACK = 4  # chunks without notes (tempo maps, lyrics, empty staves) do not count as tracks, but must end
HANGING = "notes without an end"
_EXPORT_AGAIN = "Export or download it again."
_SYNTAX_RULES = {
    "not_midi": "A MIDI file starts with the letters MThd",
    "midi_damaged": "A MIDI file is complete and follows the standard",
    "too_many_events": "A MIDI file is small enough to read at once",
}


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a MIDI file holds and what of it is kept.

    Attributes:
        tempos: (tick, microseconds a quarter note). time_signatures: (tick, numerator, denominator).
        key_signatures: (tick, sharps, is_minor). All sorted, one for a tick.
        seconds: end of the last note.
        dropped: what is left out → how many. warnings: one sentence each.
        has_controls: pedals, volumes, pitch bends … are kept.
        file: the events. note_tracks: the track of every note of the file, -1 where it is left out.
    """

    format: int
    ticks_per_beat: int
    seconds: float
    tracks: tuple[TrackReport, ...]
    tempos: tuple[tuple[int, int], ...]
    time_signatures: tuple[tuple[int, int, int], ...]
    key_signatures: tuple[tuple[int, int, bool], ...]
    dropped: dict[str, int]
    warnings: tuple[str, ...]
    has_controls: bool
    file: smf.MidiFile
    note_tracks: NDArray[np.int16]

    @property
    def num_notes(self) -> int:
        return sum(track.num_notes for track in self.tracks)

    @property
    def kept(self) -> dict[str, int]:
        """What becomes part of the song → how many."""
        return {
            "tracks": len(self.tracks),
            "notes": self.num_notes,
            "tempo changes": len(self.tempos),
            "time signatures": len(self.time_signatures),
            "key signatures": len(self.key_signatures),
        }


def check_midi(content: bytes, limits: Settings | None = None) -> Preflight:
    """Read and judge a MIDI file (or an RMID wrapper around one). `limits`: the settings in force, where absent.

    Raises RejectedFile; `code` is one of not_midi, sound_font, too_large, midi_damaged, midi_type, midi_smpte,
    midi_division, midi_tempo, too_many_tracks, too_many_notes, too_many_events, too_many_ticks, too_long, too_short,
    no_notes.
    """
    limits = limits or settings()
    _check_outside(content, limits)
    try:
        midi = smf.read_midi_file(content, max_chunks=limits.max_midi_tracks * CHUNKS_A_TRACK)
    except MidiSyntaxError as error:
        raise _reject(error.code, _SYNTAX_RULES[error.code], error, _EXPORT_AGAIN) from error
    _check_header(midi)
    _check_amounts(midi, limits)
    dropped = dict(midi.skipped)
    warnings: list[str] = []
    tempos, times, keys = _changes(midi, dropped, warnings)
    tracks, note_tracks = assign_tracks(midi)
    _report_notes(tracks, dropped, warnings)
    tracks = [track for track in tracks if track.num_notes]
    seconds = _seconds_at(max(int(midi.notes.offset.max(initial=0)), 0), tempos, midi.division)
    _check_music(tracks, dropped.get(HANGING, 0), seconds, limits)
    if len(midi.chunks) != midi.announced_tracks:
        warnings.append(f"The header announces {midi.announced_tracks} tracks, the file has {len(midi.chunks)}.")
    has_controls = _keep_controls(midi, tracks, dropped, warnings)
    return Preflight(
        format=midi.format,
        ticks_per_beat=midi.division,
        seconds=seconds,
        tracks=tuple(tracks),
        tempos=tempos,
        time_signatures=times,
        key_signatures=keys,
        dropped=dropped,
        warnings=tuple(warnings),
        has_controls=has_controls,
        file=midi,
        note_tracks=note_tracks,
    )


def _reject(code: str, rule: str, received: object, remedy: str = "") -> RejectedFile:
    return RejectedFile(sentence(rule, received, remedy), code=code)


def _check_outside(content: bytes, limits: Settings) -> None:
    if not content:
        raise _reject("not_midi", "A MIDI file starts with the letters MThd", "an empty file", _EXPORT_AGAIN)
    if len(content) > limits.max_midi_mb * 1_000_000:
        size = f"{len(content):,} bytes"
        raise _reject("too_large", f"A MIDI file has at most {limits.max_midi_mb} MB", size)
    if content[:4] == b"RIFF" and content[8:12] in (b"sfbk", b"DLS "):
        raise _reject(
            "sound_font",
            "A song is music, not a set of instruments",
            "a sound font",
            "Upload a .mid file; the sound font is a setting.",
        )


def _check_header(midi: smf.MidiFile) -> None:
    if midi.format == 2:
        raise _reject(
            "midi_type",
            "A song is one piece of music (MIDI type 0 or 1)",
            "type 2, a set of independent patterns",
            "Export it as type 1 or each pattern as a file.",
        )
    if midi.format > 2:
        raise _reject("midi_type", "A MIDI file is of type 0, 1 or 2", f"type {midi.format}", _EXPORT_AGAIN)
    if midi.division >= 0x8000:
        raise _reject(
            "midi_smpte",
            "Time in a song is counted in beats",
            "SMPTE time code, which has no beats",
            "Export it with ticks per quarter note.",
        )
    if midi.division == 0:
        raise _reject("midi_division", "A beat has at least one tick", "0 ticks per quarter note", _EXPORT_AGAIN)


def _check_amounts(midi: smf.MidiFile, limits: Settings) -> None:
    num_notes = midi.notes.onset.size
    end = max((chunk.end_tick for chunk in midi.chunks), default=0)
    if len(midi.chunks) > limits.max_midi_tracks * CHUNKS_A_TRACK:
        count = max(len(midi.chunks), midi.announced_tracks)
        raise _reject("too_many_tracks", f"A MIDI file has at most {limits.max_midi_tracks} tracks", count)
    if end > limits.max_midi_ticks:
        beats = f"{end:,} ticks ({end / max(midi.division, 1):,.0f} beats)"
        rule = f"A MIDI file ends within {limits.max_midi_ticks:,} ticks"
        raise _reject("too_many_ticks", rule, beats, "Look for an event far behind the music.")
    if num_notes > limits.max_midi_notes:
        rule = f"A MIDI file has at most {limits.max_midi_notes:,} notes"
        raise _reject("too_many_notes", rule, "more than that", "Split it.")


def _check_music(tracks: list[TrackReport], num_hanging: int, seconds: float, limits: Settings) -> None:
    if not tracks:
        received = f"{_many(num_hanging, 'notes')} without an end" if num_hanging else "a MIDI file without notes"
        raise _reject("no_notes", "A song has at least one note with an end", received)
    if len(tracks) > limits.max_midi_tracks:
        rule = f"A song has at most {limits.max_midi_tracks} tracks"
        raise _reject("too_many_tracks", rule, f"{len(tracks)}, one for each channel and program of a track")
    if seconds > limits.max_midi_seconds:
        rule = f"A MIDI song lasts at most {limits.max_midi_seconds:,.0f} s"
        raise _reject("too_long", rule, f"{seconds:,.0f} s", "Cut it or check its tempo.")
    if seconds < MIN_SECONDS:
        rule = f"A MIDI song lasts at least {MIN_SECONDS} s"
        raise _reject("too_short", rule, f"{seconds:.3g} s", "Check its tempo and the lengths of its notes.")


def _changes(
    midi: smf.MidiFile, dropped: dict[str, int], warnings: list[str]
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int, int], ...], tuple[tuple[int, int, bool], ...]]:
    tempos: dict[int, int] = {}
    times: dict[int, tuple[int, int]] = {}
    keys: dict[int, tuple[int, bool]] = {}
    broken = {smf.TEMPO: 0, smf.TIME_SIGNATURE: 0, smf.KEY_SIGNATURE: 0}
    for tick, kind, data in sorted(midi.changes, key=lambda change: change[0]):
        if kind == smf.TEMPO and len(data) == 3:
            tempos[tick] = int.from_bytes(data, "big")
            if not tempos[tick]:
                raise _reject(
                    "midi_tempo", "A quarter note lasts some time", "a tempo of 0 µs a quarter", _EXPORT_AGAIN
                )
        elif kind == smf.TIME_SIGNATURE and len(data) >= 2 and data[0] and data[1] <= 6:
            times[tick] = (data[0], 1 << data[1])
        elif kind == smf.KEY_SIGNATURE and len(data) >= 2 and data[1] <= 1 and (data[0] <= 7 or data[0] >= 249):
            keys[tick] = (data[0] - 256 if data[0] > 7 else data[0], bool(data[1]))
        else:
            broken[kind] += 1
    names = {smf.TEMPO: "tempo changes", smf.TIME_SIGNATURE: "time signatures", smf.KEY_SIGNATURE: "key signatures"}
    for kind, count in broken.items():
        if count:
            dropped[f"impossible {names[kind]}"] = count
            warnings.append(f"Left out: {_many(count, names[kind])} that no music can have.")
    return (
        tuple(tempos.items()),
        tuple((tick, *signature) for tick, signature in times.items()),
        tuple((tick, *signature) for tick, signature in keys.items()),
    )


def _report_notes(tracks: list[TrackReport], dropped: dict[str, int], warnings: list[str]) -> None:
    hanging = sum(track.hanging_notes for track in tracks)
    if hanging:
        dropped[HANGING] = hanging
    for track in tracks:
        where = f"track {track.chunk}, channel {track.channel}" + (f" ({track.name})" if track.name else "")
        if track.hanging_notes:
            warnings.append(f"Left out: {_many(track.hanging_notes, 'notes')} of {where} without an end.")
        if track.zero_length_notes:
            warnings.append(f"Kept: {_many(track.zero_length_notes, 'notes')} of {where} without a length.")
    if tracks and all(track.is_drum for track in tracks):
        warnings.append("Only drums: approaches that learn notes cannot learn from this song.")


def _many(count: int, things: str) -> str:
    return f"1 {things.removesuffix('s')}" if count == 1 else f"{count:,} {things}"


def _keep_controls(midi: smf.MidiFile, tracks: list[TrackReport], dropped: dict[str, int], warnings: list[str]) -> bool:
    """Whether the controls can be kept: every track gets those of its channel, which multiplies a flood of them."""
    num_controls = midi.controls.tick.size
    if num_controls * len(tracks) <= MAX_CONTROLS:
        return True
    port = np.array([chunk.port for chunk in midi.chunks])
    on_channel = np.bincount(port[midi.controls.chunk] << 4 | midi.controls.channel, minlength=256)
    if sum(on_channel[port[track.chunk - 1] << 4 | track.channel - 1] for track in tracks) <= MAX_CONTROLS:
        return True
    dropped["controllers"] = num_controls
    warnings.append("The file has so many controller events that they were left out: pedals and bends are not heard.")
    return False


def _seconds_at(tick: int, tempos: tuple[tuple[int, int], ...], ticks_per_beat: int) -> float:
    """Seconds from the start to a tick through the tempo map (120 BPM before the first tempo)."""
    microseconds, position, tempo = 0, 0, 500_000
    for start, following in tempos:
        if start >= tick:
            break
        microseconds += (start - position) * tempo
        position, tempo = start, following
    return (microseconds + (tick - position) * tempo) / (ticks_per_beat * 1e6)
