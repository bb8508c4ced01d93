"""Assigns the notes of a MIDI file to tracks: one for each channel and program of a chunk. NumPy only.

This splits type 0 files into their channels and keeps apart the two hands that type 1 files store in two chunks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicgen.charsets import decode_texts
from musicgen.symbolic import smf
from musicgen.symbolic.percussion import DRUM_CHANNEL, is_percussion
from musicgen.symbolic.smf_columns import NO_PROGRAM

__all__ = ["DRUM_CHANNEL", "TrackReport", "assign_tracks", "clean_text"]
MAX_PROGRAM_TICK = 1 << 40


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One track of the future song: the notes of one channel and program in one chunk. Numbers count from 1.

    Attributes:
        num_notes: kept. zero_length_notes: of these, those with length 0 in the file.
        open_notes: of these, those that end only at the end of their track.
    """

    chunk: int
    channel: int
    name: str
    program: int
    is_drum: bool
    num_notes: int
    zero_length_notes: int
    open_notes: int


def assign_tracks(midi: smf.MidiFile, is_open: NDArray[np.bool_]) -> tuple[list[TrackReport], NDArray[np.int16]]:
    """The song's tracks, and the track of every note. `is_open`: for every note, whether only the end of its
    track ends it."""
    notes = midi.notes
    group = (notes.chunk << 4 | notes.key >> 7) << 9 | _programs_in_force(midi) << 1 | is_percussion(midi)
    groups, first, member = np.unique(group, return_index=True, return_inverse=True)
    size = groups.size
    still_open = np.bincount(member[is_open], minlength=size).tolist()
    zero_length = np.bincount(member[notes.offset == notes.onset], minlength=size).tolist()
    total = np.bincount(member, minlength=size).tolist()
    names = _names(midi)
    reports = []
    track_of = np.zeros(size, np.int16)
    for number, index in enumerate(
        np.lexsort((first, groups >> 9)).tolist()
    ):  # channels in order, programs in order of appearance
        place, kind = divmod(int(groups[index]), 512)
        chunk, channel = divmod(place, 16)
        counts = (total[index], zero_length[index], still_open[index])
        reports.append(TrackReport(chunk + 1, channel + 1, names[chunk], kind >> 1, bool(kind & 1), *counts))
        track_of[index] = number
    return _without_piece_title(midi, reports), track_of[member].astype(np.int16)


def _programs_in_force(midi: smf.MidiFile) -> NDArray[np.int64]:
    """The program of every note; if its chunk has none, the last one that any chunk set for its port and channel: some
    files set every channel up in one chunk."""
    program = midi.notes.program.astype(np.int64)
    unset = np.flatnonzero(program == NO_PROGRAM)
    if unset.size:
        program[unset] = 0
    if unset.size and midi.programs.tick.size:
        port = np.array([chunk.port for chunk in midi.chunks])
        changes = midi.programs
        known = (port[changes.chunk] << 4 | changes.channel) << 48
        known |= np.minimum(changes.tick, MAX_PROGRAM_TICK) << 7 | changes.program
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


def _names(midi: smf.MidiFile) -> list[str]:
    """The name of every chunk. The text encoding is guessed from all text in the file."""
    names = [chunk.name for chunk in midi.chunks]
    return [clean_text(name) for name in decode_texts(names, midi.texts)]


def clean_text(text: str) -> str:
    """A name on one line, printable, at most 80 characters."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:80]
