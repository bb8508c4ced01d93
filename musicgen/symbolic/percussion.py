"""Finds the percussion notes of a MIDI file: those of channel 10, unless the file says otherwise.

It can do so with a system exclusive message of Roland's GS ("use for rhythm part") or Yamaha's XG ("part mode"), or
with a bank select of XG or General MIDI 2. Sources: Roland SC-88 and Yamaha XG specifications, General MIDI 2 (RP-024).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.smf import MidiFile
from musicgen.symbolic.smf_columns import BANK

DRUM_CHANNEL = 9
_XG_DRUM_BANKS = (126, 127)
_GM2_DRUMS, _GM2_MELODY = 120, 121
_NOTHING_SAID = -1
_TICK_BITS = 40


def is_percussion(midi: MidiFile) -> NDArray[np.bool_]:
    """For every note of the file."""
    notes = midi.notes
    is_drum = notes.key >> 7 == DRUM_CHANNEL
    if not (midi.exclusives or midi.modes.event.size):
        return is_drum
    ports = [chunk.port for chunk in midi.chunks]
    said, standards = _part_modes(midi, ports)
    banks = _bank_changes(midi, ports, standards)
    if not (said.size or banks.size) or not notes.chunk.size:
        return is_drum
    place = np.array(ports)[notes.chunk] << 4 | notes.key >> 7
    part, bank = (_in_force(changes, place, notes.onset) for changes in (said, banks))
    is_drum = np.where(bank == 0, False, is_drum)
    is_drum = np.where(part >= 0, part == 1, is_drum)
    return np.asarray(is_drum | (bank == 1))


def _part_modes(midi: MidiFile, ports: Sequence[int]) -> tuple[NDArray[np.int64], set[str]]:
    """Changes by system exclusive messages, see `_changes`; and the standards that the file declares."""
    rows, standards = [], set[str]()
    for tick, chunk, data in midi.exclusives:
        found = _gs_part(data) or _xg_part(data)
        if found:
            rows.append((ports[chunk] << 4 | found[0], tick, found[1]))
        if data[:1] == b"\x41" and data[2:4] == b"\x42\x12":
            standards.add("GS")
        elif data[:1] == b"\x43" and data[2:7] == b"\x4c\x00\x00\x7e\x00":
            standards.add("XG")
    return _changes(rows), standards


def _gs_part(data: bytes) -> tuple[int, int] | None:
    """(channel, whether it is for rhythm) of F0 41 device 42 12 40 1x 15 mode …; x counts 10, 1-9, 11-16."""
    if len(data) < 8 or data[0] != 0x41 or data[2:5] != b"\x42\x12\x40" or data[5] >> 4 != 1 or data[6] != 0x15:
        return None
    block = data[5] & 15
    return DRUM_CHANNEL if block == 0 else block - (block <= 9), int(data[7] > 0)


def _xg_part(data: bytes) -> tuple[int, int] | None:
    """(channel, whether it is for rhythm) of F0 43 1n 4C 08 part 07 mode F7."""
    if len(data) < 7 or data[0] != 0x43 or data[2:4] != b"\x4c\x08" or data[4] > 15 or data[5] != 0x07:
        return None
    return data[4], int(data[6] > 0)


def _bank_changes(midi: MidiFile, ports: Sequence[int], standards: set[str]) -> NDArray[np.int64]:
    """Changes by bank selects. Under XG, every bank that is not a drum bank is melodic; under GS, banks are
    variations and decide nothing."""
    modes = midi.modes
    is_bank = modes.number == BANK
    if not is_bank.any() or ("GS" in standards and "XG" not in standards):
        return _changes([])
    bank = modes.value[is_bank]
    is_drum = np.isin(bank, (*_XG_DRUM_BANKS, _GM2_DRUMS))
    is_melody = ~is_drum if "XG" in standards else bank == _GM2_MELODY
    verdict = np.where(is_drum, 1, np.where(is_melody, 0, _NOTHING_SAID))
    if (verdict < 0).all():
        return _changes([])
    place = np.array(ports)[modes.chunk[is_bank]] << 4 | modes.channel[is_bank]
    return _packed(place, modes.tick[is_bank], verdict)


def _changes(rows: Sequence[tuple[int, int, int]]) -> NDArray[np.int64]:
    """Sorted (place, tick, verdict), each packed into one number."""
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return _packed(columns[:, 0], columns[:, 1], columns[:, 2])


def _packed(place: NDArray[np.int64], tick: NDArray[np.int64], verdict: NDArray[np.int64]) -> NDArray[np.int64]:
    time = place << _TICK_BITS | np.minimum(tick, (1 << _TICK_BITS) - 1)
    order = np.argsort(time, kind="stable")
    return (time[order] << 2) + verdict[order] + 1


def _in_force(changes: NDArray[np.int64], place: NDArray[np.int64], tick: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last verdict for each note's place, _NOTHING_SAID before the first."""
    if not changes.size:
        return np.full(place.size, _NOTHING_SAID)
    time = place << _TICK_BITS | tick
    found = changes[np.searchsorted(changes >> 2, time, side="right") - 1]
    is_own = (found >> 2 <= time) & (found >> 2 >> _TICK_BITS == place)
    return np.where(is_own, (found & 3) - 1, _NOTHING_SAID)
