"""Tempos, time signatures and keys of a MIDI file: which are kept, and a warning about those that are not."""

from __future__ import annotations

from collections import Counter

from musicgen.symbolic import smf
from musicgen.symbolic.tempo_maps import TempoMap, tempo_map


def read_tempos(midi: smf.MidiFile, last: int, dropped: dict[str, int], warnings: list[str]) -> TempoMap:
    tempos, num_zero, num_joined = tempo_map(midi.tempos, last)
    broken = num_zero + sum(kind == smf.TEMPO for _, kind, _ in midi.changes)
    _report_impossible("tempo changes", broken, dropped, warnings)
    if num_joined:
        dropped["tempo changes merged with others"] = num_joined
        warnings.append(
            f"Merged: {num_joined:,} tempo changes with their neighbours; the timing of the music stays the same."
        )
    return tempos


def read_signatures(
    midi: smf.MidiFile, last: int, dropped: dict[str, int], warnings: list[str]
) -> tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, bool], ...]]:
    """Time and key signatures. A key without a mode, or with an invalid one, counts as major."""
    times: dict[int, tuple[int, int]] = {}
    keys: dict[int, tuple[int, bool]] = {}
    broken, num_without_mode = Counter[int](), 0
    for tick, kind, data in sorted(midi.changes, key=lambda change: change[0]):
        if kind == smf.TEMPO or tick > last:
            continue
        if kind == smf.TIME_SIGNATURE and len(data) >= 2 and data[0] and data[1] <= 6:
            times[tick] = (data[0], 1 << data[1])
        elif kind == smf.KEY_SIGNATURE and data and (data[0] <= 7 or data[0] >= 249):
            keys[tick] = (data[0] - 256 if data[0] > 7 else data[0], data[1:2] == b"\x01")
            num_without_mode += data[1:2] not in (b"\x00", b"\x01")
        else:
            broken[kind] += 1
    _report_impossible("time signatures", broken[smf.TIME_SIGNATURE], dropped, warnings)
    _report_impossible("key signatures", broken[smf.KEY_SIGNATURE], dropped, warnings)
    if num_without_mode:
        say = "says" if num_without_mode == 1 else "say"
        what = f"{many(num_without_mode, 'key signatures')} that {say} neither major nor minor"
        warnings.append(f"Read as major: {what}.")
    return (
        tuple((tick, *signature) for tick, signature in times.items()),
        tuple((tick, *signature) for tick, signature in keys.items()),
    )


def _report_impossible(what: str, count: int, dropped: dict[str, int], warnings: list[str]) -> None:
    if count:
        dropped[f"impossible {what}"] = count
        warnings.append(f"Left out: {many(count, what)} with impossible values.")


def many(count: int, things: str) -> str:
    return f"1 {things.removesuffix('s')}" if count == 1 else f"{count:,} {things}"
