"""The first draft of what is to be filled in, by the network that continues: it hears the song as far as there, and
goes on around the notes that stay, so that these, and the ones that follow, are likely.

The network that fills in knows best what one note should be when all others are there; of an empty stretch it knows
little. So it gets a draft to work on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.events import events_of, grid_of
from musicgen.approaches.voices.examples import GridSong
from musicgen.approaches.voices.matches import MEMORY
from musicgen.approaches.voices.sampling_around import FREE, TRIES, sample_around
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.approaches.voices.stepper import VoiceStepper
from musicgen.networks.backend import rows
from musicgen.sampling.rules import Rules
from musicgen.sampling.token_sampler import hear

if TYPE_CHECKING:
    import keras

AFTER_BEATS = 4  # after the last new note, whose notes are asked how well it leads to them

Ids = NDArray[np.int32]
Cells = NDArray[np.bool_]


def cells_anew(free: Cells, share: float, beat: int, seed: int) -> Cells:
    """The free cells (steps, voices) to be drafted: all, or a share of the beats of each voice."""
    if share >= 1:
        return free
    n_beats = -(-len(free) // beat)
    drawn = np.random.default_rng([seed, 11]).random((n_beats, free.shape[1])) < share
    return free & np.repeat(drawn, beat, axis=0)[: len(free)]


def drafted(
    model: keras.Model,
    sizes: VoiceSizes,
    codec: GridCodec,
    song: GridSong,
    free: Cells,
    rules: Rules,
    seeds: Sequence[int],
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[Ids, Cells]:
    """(ids, struck) of the song for each seed, with its `free` cells chosen anew; all (batch, steps, voices).
    `progress`: called with the share that is done."""
    ids, struck = np.repeat(song.ids[None], len(seeds), axis=0), np.repeat(song.struck[None], len(seeds), axis=0)
    steps = np.flatnonzero(free.any(axis=(0, 2)))
    if not steps.size:
        return ids, struck
    first, after = int(steps[0]), min(len(song), int(steps[-1]) + 1 + AFTER_BEATS * song.beat)
    start = max(0, first - MEMORY)
    stepper = VoiceStepper(model, sizes, codec)
    place = (song.start + start) % song.bar
    begin = stepper.start(*(np.full(1, value, dtype=np.int32) for value in (place, song.bar, len(song) - start)))
    if first > start:
        begin = hear(stepper, begin, events_of(sizes, song.ids[start:first], song.struck[start:first])[None])
    begin = rows(begin, np.zeros(TRIES * len(seeds), dtype=np.int32))
    known = events_of(sizes, song.ids[first:after], song.struck[first:after])
    is_free = free[:, first:after, list(sizes.order)].reshape(len(seeds), -1, 1)
    made = sample_around(
        stepper, begin, np.where(is_free, FREE, known), song.beat * sizes.voices, rules, seeds,
        lambda done: progress(done / len(known)),
    )  # fmt: skip
    for piece, events in enumerate(made):
        ids[piece, first:after], struck[piece, first:after] = grid_of(sizes, events)
    return ids, struck
