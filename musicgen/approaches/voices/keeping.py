"""What stays of a song and what is made anew, told by voices and bars."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.assigning import LEFT_OUT
from musicgen.approaches.voices.grid import REST, VoiceGrid
from musicgen.errors import InvalidParameter, sentence

BARS = re.compile(r"(\d{1,5})(?:\s*[-–]\s*(\d{1,5}))?\Z")


def read_voices(text: str, names: Sequence[str]) -> list[int]:
    """'soprano, 4' → numbers of voices, from 0. Raises InvalidParameter."""
    known = {name.lower(): number for number, name in enumerate(names)}
    known |= {str(number + 1): number for number in range(len(names))}
    found = []
    for part in filter(None, (part.strip().lower() for part in text.split(","))):
        if part not in known:
            raise InvalidParameter(
                sentence(f"keep_voices takes {', '.join(names).lower()}, or 1 to {len(names)}", repr(part))
            )
        found.append(known[part])
    return sorted(set(found))


def read_bars(text: str, n_bars: int) -> list[int]:
    """'1, 5-8' → bars, from 0; all of them if it is empty. Raises InvalidParameter."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        return list(range(n_bars))
    found: set[int] = set()
    for part in parts:
        match = BARS.match(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= n_bars:
            raise InvalidParameter(sentence(f"new_bars takes bars from 1 to {n_bars}, such as 2-4 or 1, 3", repr(part)))
        found.update(range(first - 1, last))
    return sorted(found)


def bar_of_steps(grid: VoiceGrid, steps_per_beat: int, bar: int) -> NDArray[np.int64]:
    """The bar of each step, from 0; an upbeat belongs to the first bar."""
    upbeat = round(grid.metre.upbeat * steps_per_beat)
    return np.maximum(0, (np.arange(len(grid)) - upbeat) // bar)


def new_cells(
    grid: VoiceGrid, stays: Sequence[int], bars: NDArray[np.int64], anew: Sequence[int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells are made anew, and which notes of the song that removes.

    A note belongs to the bar in which it begins: one that is held into a bar made anew stays as long as it is; one
    that begins there goes with its whole length.

    Args:
        grid: of the song. stays: voices that stay as they are. bars: of each step. anew: the bars made anew.

    Returns:
        (cells (steps, voices), True for each note of `grid.numbers` that is removed).
    """
    free = np.isin(bars, np.array(anew))[:, None] & np.ones(grid.pitches.shape, dtype=bool)
    free[:, list(stays)] = False
    begins_anew = np.isin(bars[np.minimum(grid.onsets, len(bars) - 1)], np.array(anew))
    stays_put = np.isin(grid.voices, np.array(stays, dtype=np.int64))
    removed = begins_anew & ~stays_put
    if len(stays) == grid.pitches.shape[1]:
        removed[:] = False
    for voice, onset, end, goes in zip(grid.voices, grid.onsets, grid.ends, removed, strict=True):
        if voice != LEFT_OUT:
            free[onset:end, voice] = goes
    return free, removed


def is_line(grid: VoiceGrid) -> bool:
    """Whether only the top voice sings: a tune to be given other voices."""
    return bool((grid.pitches[:, 1:] == REST).all())
