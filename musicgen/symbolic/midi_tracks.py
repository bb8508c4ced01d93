"""Which notes of a MIDI file make which track: one for each channel and program of a chunk. NumPy only.

Type 0 files are split into their channels this way, and the two hands that type 1 files keep in two chunks stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic import smf
from musicgen.symbolic.smf_events import NO_PROGRAM, OPEN

DRUM_CHANNEL = 9


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One track of the song to be: the notes of one channel and program in one chunk. Counts from 1 as people do.

    Attributes:
        num_notes: kept. zero_length_notes: kept too, with the length 0 that the file gives them.
        hanging_notes: left out, for their end is missing.
    """

    chunk: int
    channel: int
    name: str
    program: int
    is_drum: bool
    num_notes: int
    zero_length_notes: int
    hanging_notes: int


def assign_tracks(midi: smf.MidiFile) -> tuple[list[TrackReport], NDArray[np.int16]]:
    """The song's tracks (among them those without a complete note) and for every note the track it is in, counting
    those with one; -1 for notes that are left out."""
    notes = midi.notes
    group = (notes.chunk << 4 | notes.key >> 7) << 8 | _programs_in_force(midi)
    groups, first, member = np.unique(group, return_index=True, return_inverse=True)
    size = groups.size
    is_hanging = notes.offset == OPEN
    hanging = np.bincount(member[is_hanging], minlength=size).tolist()
    zero_length = np.bincount(member[notes.offset == notes.onset], minlength=size).tolist()
    total = np.bincount(member, minlength=size).tolist()
    reports = []
    track_of = np.full(size, -1, np.int16)
    num_kept = 0
    for index in np.lexsort((first, groups >> 8)).tolist():  # channels in order, their programs as they come
        place, program = divmod(int(groups[index]), 256)
        chunk, channel = divmod(place, 16)
        name = clean_text(midi.chunks[chunk].name)
        kept = total[index] - hanging[index]
        counts = (kept, zero_length[index], hanging[index])
        reports.append(TrackReport(chunk + 1, channel + 1, name, program, channel == DRUM_CHANNEL, *counts))
        if kept:
            track_of[index] = num_kept
            num_kept += 1
    return _without_piece_title(midi, reports), np.where(is_hanging, -1, track_of[member]).astype(np.int16)


def _programs_in_force(midi: smf.MidiFile) -> NDArray[np.int64]:
    """The program of every note; without one in its chunk, the last one that any chunk gave its port and channel: some
    files set every channel up in one chunk."""
    program = midi.notes.program.astype(np.int64)
    unset = np.flatnonzero(program == NO_PROGRAM)
    if unset.size:
        program[unset] = 0
    if unset.size and midi.programs.tick.size:
        port = np.array([chunk.port for chunk in midi.chunks])
        changes = midi.programs
        known = (port[changes.chunk] << 4 | changes.channel) << 48 | changes.tick << 7 | changes.program
        known.sort()
        chunk, channel = midi.notes.chunk[unset], midi.notes.key[unset] >> 7
        asked = (port[chunk] << 4 | channel) << 48 | midi.notes.onset[unset] << 7 | 127
        last = known[np.searchsorted(known, asked, side="right") - 1]
        program[unset] = np.where((last >> 48 == asked >> 48) & (last <= asked), last & 127, 0)
    return program


def _without_piece_title(midi: smf.MidiFile, reports: list[TrackReport]) -> list[TrackReport]:
    """In a one-chunk file with many channels the chunk's name is the title of the piece, not of each instrument."""
    if len(midi.chunks) > 1 or len({report.channel for report in reports}) < 2:
        return reports
    return [replace(report, name="") for report in reports]


def clean_text(data: bytes) -> str:
    """A name as written in the file: UTF-8 where it is that, else Latin-1; printable, at most 80 characters."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:80]
