"""Which notes of a MIDI file make which track: one for each channel and program of a chunk. Standard library only.

Type 0 files are split into their channels this way, and the two hands that type 1 files keep in two chunks stay apart.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, replace

from musicgen.symbolic import smf

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


def assign_tracks(midi: smf.MidiFile) -> tuple[list[TrackReport], tuple[array[int], ...]]:
    """The song's tracks (those without a complete note last in their chunk's order) and the track of every note."""
    reports: list[TrackReport] = []
    columns = []
    num_kept = 0
    programs = _programs_of_channels(midi)
    for index, chunk in enumerate(midi.chunks):
        groups: dict[tuple[int, int], list[int]] = {}  # (channel, program) → its notes
        own = chunk.program
        for note, key in enumerate(chunk.key):
            channel = key >> 7
            program = own[note]
            if program == smf.NO_PROGRAM:
                program = _program_at(programs[chunk.port, channel], chunk.onset[note])
            groups.setdefault((channel, program), []).append(note)
        column = array("h", [-1]) * len(chunk.key)
        for channel, program in sorted(groups, key=lambda group: group[0]):
            report = _count(index, chunk, channel, program, groups[channel, program])
            if report.num_notes:
                for note in groups[channel, program]:
                    if chunk.offset[note] != smf.OPEN:
                        column[note] = num_kept
                num_kept += 1
            reports.append(report)
        columns.append(column)
    return _without_piece_title(midi, reports), tuple(columns)


def _count(index: int, chunk: smf.TrackChunk, channel: int, program: int, notes: list[int]) -> TrackReport:
    onset, offset = chunk.onset, chunk.offset
    hanging = sum(offset[note] == smf.OPEN for note in notes)
    return TrackReport(
        chunk=index + 1,
        channel=channel + 1,
        name=clean_text(chunk.name),
        program=program,
        is_drum=channel == DRUM_CHANNEL,
        num_notes=len(notes) - hanging,
        zero_length_notes=sum(offset[note] == onset[note] for note in notes),
        hanging_notes=hanging,
    )


def _programs_of_channels(midi: smf.MidiFile) -> dict[tuple[int, int], list[int]]:
    """(port, channel) → the program changes of all chunks in order: some files set every channel up in one chunk."""
    changes: dict[tuple[int, int], list[int]] = {}
    for chunk in midi.chunks:
        for channel, programs in enumerate(chunk.programs):
            changes.setdefault((chunk.port, channel), []).extend(programs)
    return {place: sorted(found) for place, found in changes.items()}


def _program_at(changes: list[int], tick: int) -> int:
    position = bisect_right(changes, tick << 7 | 127)
    return changes[position - 1] & 127 if position else 0


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
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:80]
