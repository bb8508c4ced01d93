"""Checks MIDI uploads: every event is read and checked before anything else uses the file. NumPy only.

Rejects what is not MIDI, exceeds the limits of `settings`, or has no notes. Where a player would go on, so do we:
what is broken is dropped or repaired, and reported. It knows no sound and makes no Score.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import RejectedFile, sentence
from musicgen.settings import Settings, settings
from musicgen.symbolic import smf
from musicgen.symbolic.midi_changes import many, read_signatures, read_tempos
from musicgen.symbolic.midi_tracks import TrackReport, assign_tracks
from musicgen.symbolic.smf_endings import OPEN, end_of_track
from musicgen.symbolic.smf_mending import OUTSIDE, mend_file
from musicgen.symbolic.smf_wrappers import MidiSyntaxError, unwrap
from musicgen.symbolic.tempo_maps import seconds_at, tempo_map
from musicgen.symbolic.time_codes import in_beats

MIN_SECONDS = 0.1
SILENCE_SECONDS = 10.0  # after the last note; anything later is cut off
MAX_CONTROLS = 400_000
CHUNKS_A_TRACK = (
    4  # chunks without notes (tempo maps, lyrics, empty staves) do not count as tracks, but their number is limited too
)
_EXPORT_AGAIN = "Export or download it again."
_SYNTAX_RULES = {
    "not_midi": "A MIDI file must start with the letters MThd",
    "midi_damaged": "A MIDI file must be complete and follow the standard",
    "too_many_events": "A MIDI file must be small enough to read at once",
}


@dataclass(frozen=True, slots=True)
class Preflight:
    """The content of a MIDI file and what is kept of it.

    Attributes:
        tempos: (tick, microseconds a quarter note). time_signatures: (tick, numerator, denominator).
        key_signatures: (tick, sharps, is_minor). All sorted, one per tick.
        seconds: end of the last note.
        dropped: what is left out → how many. warnings: one sentence each.
        has_controls: pedals, volumes, pitch bends … are kept.
        last_tick: everything after it is silence and left out.
        file: the events. note_tracks: the track of every note of the file.
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
    last_tick: int
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
    """Read and check a MIDI file, plain or in a wrapper. `limits`: the current settings by default.

    Raises RejectedFile; `code` is one of not_midi, sound_font, too_large, midi_damaged, midi_type, midi_smpte,
    midi_division, too_many_tracks, too_many_notes, too_many_events, too_many_beats, too_long, too_short, no_notes.
    """
    limits = limits or settings()
    _check_outside(content, limits)
    try:
        midi, lost, warnings = _read(content, limits.max_midi_tracks * CHUNKS_A_TRACK)
    except MidiSyntaxError as error:
        raise _reject(error.code, _SYNTAX_RULES[error.code], error, _EXPORT_AGAIN) from error
    _check_header(midi)
    _check_amounts(midi, limits)
    midi, is_open = _with_ends(_in_beats(midi, warnings))
    dropped = dict(midi.skipped | lost)
    end = int(midi.notes.offset.max(initial=0))
    _check_beats(end, midi, limits)
    last_tick = _cut_silence(midi, end, dropped, warnings)
    tempos = read_tempos(midi, last_tick, dropped, warnings)
    times, keys = read_signatures(midi, last_tick, dropped, warnings)
    tracks, note_tracks = assign_tracks(midi, is_open)
    _report_notes(tracks, warnings)
    seconds = seconds_at(end, tempos, midi.division)
    _check_music(tracks, seconds, limits)
    if len(midi.chunks) != midi.announced_tracks:
        warnings.append(f"The header announces {midi.announced_tracks} tracks, but the file has {len(midi.chunks)}.")
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
        last_tick=last_tick,
        file=midi,
        note_tracks=note_tracks,
    )


def _read(content: bytes, max_chunks: int) -> tuple[smf.MidiFile, Counter[str], list[str]]:
    """The file, repaired where it breaks rules; what was lost, and the warnings. Raises MidiSyntaxError."""
    unwrapped = unwrap(content)
    lost = Counter({OUTSIDE: unwrapped.num_before}) if unwrapped.num_before else Counter[str]()
    warnings = [f"Left out: {unwrapped.num_before:,} bytes before the header."] if unwrapped.num_before else []
    try:
        return smf.read_midi_file(unwrapped.content, max_chunks=max_chunks), lost, warnings
    except MidiSyntaxError as error:
        if error.code != "midi_damaged":
            raise
    mended = mend_file(unwrapped.content, max_chunks=max_chunks)
    midi = smf.read_midi_file(mended.content, max_chunks=max_chunks)
    return midi, lost + mended.lost, warnings + mended.warnings


def _in_beats(midi: smf.MidiFile, warnings: list[str]) -> smf.MidiFile:
    """The same with ticks per beat if it counts ticks per second."""
    if midi.division < 0x8000:
        return midi
    warnings.append("The file is timed in seconds, not beats: it was read at 120 beats a minute.")
    division, tempos = in_beats(midi.division)
    return replace(midi, division=division, tempos=tempos)


def _with_ends(midi: smf.MidiFile) -> tuple[smf.MidiFile, NDArray[np.bool_]]:
    """The same with an end for every note, and which notes end only with their track."""
    notes = midi.notes
    is_open = notes.offset == OPEN
    if not is_open.any():
        return midi, is_open
    ends = np.array([chunk.end_tick for chunk in midi.chunks], np.int64)
    last = max(int(notes.onset.max()), int(notes.offset.max()))
    offset = notes.offset.copy()
    offset[is_open] = end_of_track(notes.onset[is_open], ends[notes.chunk[is_open]], last, midi.division)
    return replace(midi, notes=replace(notes, offset=offset)), is_open


def _reject(code: str, rule: str, received: object, remedy: str = "") -> RejectedFile:
    return RejectedFile(sentence(rule, received, remedy), code=code)


def _check_outside(content: bytes, limits: Settings) -> None:
    if not content:
        raise _reject("not_midi", _SYNTAX_RULES["not_midi"], "an empty file", _EXPORT_AGAIN)
    if len(content) > limits.max_midi_mb * 1_000_000:
        size = f"{len(content):,} bytes"
        raise _reject("too_large", f"A MIDI file may have at most {limits.max_midi_mb} MB", size)
    if content[:4] == b"RIFF" and content[8:12] in (b"sfbk", b"DLS "):
        raise _reject(
            "sound_font",
            "A song must be music, not a set of instruments",
            "a sound font",
            "Upload a .mid file; a sound font belongs in the settings.",
        )


def _check_header(midi: smf.MidiFile) -> None:
    with_notes = np.unique(midi.notes.chunk).size
    if midi.format == 2 and with_notes > 1:
        raise _reject(
            "midi_type",
            "A song must be one piece of music",
            f"a MIDI file of type 2 with {with_notes} pieces",
            "Export it as type 1, or each piece as its own file.",
        )
    if midi.division >= 0x8000 and not in_beats(midi.division)[0]:
        raise _reject(
            "midi_smpte", "Time code must have 24, 25, 29 or 30 frames", f"{midi.division:#06x}", _EXPORT_AGAIN
        )
    if midi.division == 0:
        raise _reject("midi_division", "A beat must have at least one tick", "0 ticks per quarter note", _EXPORT_AGAIN)


def _check_amounts(midi: smf.MidiFile, limits: Settings) -> None:
    num_notes = midi.notes.onset.size
    if len(midi.chunks) > limits.max_midi_tracks * CHUNKS_A_TRACK:
        count = max(len(midi.chunks), midi.announced_tracks)
        raise _reject("too_many_tracks", f"A MIDI file may have at most {limits.max_midi_tracks} tracks", count)
    if num_notes > limits.max_midi_notes:
        rule = f"A MIDI file may have at most {limits.max_midi_notes:,} notes"
        raise _reject("too_many_notes", rule, "more than that", "Split it.")
    if num_notes == 0:
        raise _reject("no_notes", "A song must have at least one note", "a MIDI file without notes")


def _check_beats(end: int, midi: smf.MidiFile, limits: Settings) -> None:
    beats = end / midi.division
    if beats > limits.max_midi_beats:
        rule = f"The last note of a MIDI file must end within {limits.max_midi_beats:,} beats"
        raise _reject("too_many_beats", rule, f"{beats:,.0f} beats", "Look for a stray note far after the music.")


def _check_music(tracks: list[TrackReport], seconds: float, limits: Settings) -> None:
    if len(tracks) > limits.max_midi_tracks:
        rule = f"A song may have at most {limits.max_midi_tracks} tracks"
        raise _reject("too_many_tracks", rule, f"{len(tracks)}, counting each channel and program of a track")
    if seconds > limits.max_midi_seconds:
        rule = f"A MIDI song may last at most {limits.max_midi_seconds:,.0f} s"
        raise _reject("too_long", rule, f"{seconds:,.0f} s", "Cut it or check its tempo.")
    if seconds < MIN_SECONDS:
        rule = f"A MIDI song must last at least {MIN_SECONDS} s"
        raise _reject("too_short", rule, f"{seconds:.3g} s", "Check its tempo and the lengths of its notes.")


def _cut_silence(midi: smf.MidiFile, end: int, dropped: dict[str, int], warnings: list[str]) -> int:
    """The last tick to keep: some seconds after the last note, which ends at `end`. Reports what is cut off."""
    silence = max(chunk.end_tick for chunk in midi.chunks)
    if silence <= end + midi.division:
        return max(silence, end)
    whole, *_ = tempo_map(midi.tempos, silence)
    until_end = seconds_at(end, whole, midi.division)
    tempo = next((value for tick, value in reversed(whole) if tick <= end), 500_000)
    last = end + max(int(SILENCE_SECONDS * 1e6 * midi.division / tempo), midi.division)
    if silence > last:
        seconds = seconds_at(silence, whole, midi.division) - until_end
        warnings.append(f"Cut off: {_duration(seconds)} of silence after the last note.")
        controls = int(np.count_nonzero(midi.controls.tick > last))
        if controls:
            dropped["controllers after the last note"] = controls
    return last


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.0f} h"


def _report_notes(tracks: list[TrackReport], warnings: list[str]) -> None:
    for track in tracks:
        where = f"track {track.chunk}, channel {track.channel}" + (f" ({track.name})" if track.name else "")
        if track.open_notes:
            warnings.append(
                f"Kept: {many(track.open_notes, 'notes')} of {where} without a note-off, held to the end of the track."
            )
        if track.zero_length_notes:
            warnings.append(f"Kept: {many(track.zero_length_notes, 'notes')} of {where} with zero length.")
    if tracks and all(track.is_drum for track in tracks):
        warnings.append("Only drums: note networks cannot learn from this song.")


def _keep_controls(midi: smf.MidiFile, tracks: list[TrackReport], dropped: dict[str, int], warnings: list[str]) -> bool:
    """Whether the controls can be kept: every track gets those of its channel, which multiplies their number."""
    num_controls = midi.controls.tick.size
    if num_controls * len(tracks) <= MAX_CONTROLS:
        return True
    port = np.array([chunk.port for chunk in midi.chunks])
    on_channel = np.bincount(port[midi.controls.chunk] << 4 | midi.controls.channel, minlength=256)
    if sum(on_channel[port[track.chunk - 1] << 4 | track.channel - 1] for track in tracks) <= MAX_CONTROLS:
        return True
    dropped["controllers"] = num_controls
    warnings.append(
        "The file has too many controller events; they were left out, so pedals and pitch bends have no effect."
    )
    return False
