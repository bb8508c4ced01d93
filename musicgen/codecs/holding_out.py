"""Chooses the music held out for validation: whole songs if there are enough, else the end of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SONGS_ENOUGH = 5


def held_out_parts(lengths: Sequence[int], share: float, *, shortest: int, seed: int) -> list[tuple[slice, slice]]:
    """The (training, held-out) parts of each song; they never overlap.

    Args:
        lengths: of the songs, in tokens. share: of all music, the most to hold out, approximately.
        shortest: a shorter part is useless; then nothing of that song is held out.
        seed: decides which songs, if whole songs are held out.
    """
    if share <= 0:
        return [(slice(0, length), slice(0, 0)) for length in lengths]
    if len(lengths) >= SONGS_ENOUGH:
        chosen = _whole_songs(lengths, share, shortest, seed)
        if chosen:
            return [
                (slice(0, 0), slice(0, length)) if number in chosen else (slice(0, length), slice(0, 0))
                for number, length in enumerate(lengths)
            ]
    parts = []
    for length in lengths:
        split = length - round(share * length)
        is_useful = length - split >= shortest and split >= shortest
        parts.append((slice(0, split), slice(split, length)) if is_useful else (slice(0, length), slice(0, 0)))
    return parts


def _whole_songs(lengths: Sequence[int], share: float, shortest: int, seed: int) -> set[int]:
    """Songs in random order, as long as they fit into the share; at least one."""
    usable = [number for number, length in enumerate(lengths) if length >= shortest]
    order = np.random.default_rng([seed, 4]).permutation(usable).tolist()
    room, chosen = share * sum(lengths), set[int]()
    for number in order:
        if not chosen or lengths[number] <= room:
            chosen.add(number)
            room -= lengths[number]
    others = sum(length for number, length in enumerate(lengths) if number not in chosen)
    return chosen if others >= shortest else set()
