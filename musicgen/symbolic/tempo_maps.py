"""The tempo map of a MIDI file: sorted, one tempo per tick, no more than music needs. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.smf_columns import Tempos

MAX_TEMPOS = 20_000
FEW_TEMPOS = 100

TempoMap = tuple[tuple[int, int], ...]  # (tick, microseconds a quarter note)


def tempo_map(tempos: Tempos, last: int) -> tuple[TempoMap, int, int]:
    """The map up to tick `last`, how many tempos were 0 (left out), and how many were merged with their neighbours
    because there are more than MAX_TEMPOS."""
    num_zero = int(np.count_nonzero(tempos.microseconds == 0))
    if tempos.tick.size <= FEW_TEMPOS:
        rows = sorted(zip(tempos.tick.tolist(), tempos.microseconds.tolist(), strict=True), key=lambda row: row[0])
        return tuple({tick: value for tick, value in rows if value and tick <= last}.items()), num_zero, 0
    is_real = (tempos.microseconds > 0) & (tempos.tick <= last)
    tick, value = tempos.tick[is_real], tempos.microseconds[is_real]
    order = np.argsort(tick, kind="stable")
    tick, value = tick[order], value[order]
    is_last = np.append(np.diff(tick) > 0, np.ones(min(tick.size, 1), bool))
    tick, value = tick[is_last], value[is_last]
    num_joined = 0
    if tick.size > MAX_TEMPOS:
        is_change = np.diff(value, prepend=0) != 0
        tick, value = tick[is_change], value[is_change]
        num_changes = tick.size
        tick, value = _joined(tick, value, last)
        num_joined = num_changes - tick.size
    return tuple(zip(tick.tolist(), value.tolist(), strict=True)), num_zero, num_joined


def _joined(
    tick: NDArray[np.int64], value: NDArray[np.int64], last: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The mean tempo of each of MAX_TEMPOS groups of equally many changes; the time at their bounds stays the same."""
    if tick.size <= MAX_TEMPOS:
        return tick, value
    bounds = np.unique(np.linspace(0, tick.size, MAX_TEMPOS, endpoint=False).astype(np.int64))
    length = np.diff(tick, append=max(last, int(tick[-1]) + 1)).astype(np.float64)
    elapsed = np.add.reduceat(length * value, bounds) / np.add.reduceat(length, bounds)
    return tick[bounds], np.maximum(np.rint(elapsed).astype(np.int64), 1)


def seconds_at(tick: int, tempos: TempoMap, ticks_per_beat: int) -> float:
    """Seconds from the start to a tick by the tempo map (120 BPM before the first tempo)."""
    microseconds, position, tempo = 0, 0, 500_000
    for start, following in tempos:
        if start >= tick:
            break
        microseconds += (start - position) * tempo
        position, tempo = start, following
    return (microseconds + (tick - position) * tempo) / (ticks_per_beat * 1e6)
