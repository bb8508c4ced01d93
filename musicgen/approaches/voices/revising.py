"""New notes revised by the network that fills in: settled, then repaired. The network that continues never looks ahead,
and decides each voice before it knows the lower ones; so it leads voices in parallels, and lets them clash, far more
often than songs do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.examples import whereabouts
from musicgen.approaches.voices.filling_sampler import FillingSampler
from musicgen.approaches.voices.parameters import Generation
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.sampling.rules import Rules

if TYPE_CHECKING:
    import keras

NEAR_STEPS = 64  # before and after the new notes, that the network looks at

Ids = NDArray[np.int32]
Cells = NDArray[np.bool_]


def revised(
    model: keras.Model,
    sizes: VoiceSizes,
    codec: GridCodec,
    pieces: tuple[Ids, Cells],
    free: Cells,
    place: tuple[int, int],
    generation: Generation,
    seeds: Sequence[int],
    progress: Callable[[int, Ids, Cells], None],
) -> tuple[Ids, Cells]:
    """Pieces (ids, struck) with their `free` notes chosen again, as often as `generation` says.

    Args:
        pieces, free: (batch, steps, voices). place: steps from a barline to the first step, and steps in a bar.
        progress: called with the number of rounds so far and the pieces.
    """
    steps = np.flatnonzero(free.any(axis=(0, 2)))
    if not steps.size:
        return pieces
    n_steps, beat = free.shape[1], codec.steps_per_beat
    part = slice(max(0, int(steps[0]) - NEAR_STEPS), int(steps[-1]) + 1 + NEAR_STEPS)
    whole_ids, whole_struck = pieces[0].copy(), pieces[1].copy()
    around = whereabouts(np.arange(n_steps)[part], n_steps, *place, beat)
    now = {name: np.repeat(array[None], len(seeds), axis=0) for name, array in around.items()}
    now |= {"ids": whole_ids[:, part], "struck": whole_struck[:, part].astype(np.int32)}

    def put(done: int, now: dict[str, NDArray[np.int32]]) -> None:
        whole_ids[:, part], whole_struck[:, part] = now["ids"], now["struck"] > 0
        progress(done, whole_ids, whole_struck)

    rules = Rules(generation.temperature, top_p=generation.top_p)
    sampler = FillingSampler(model, sizes, codec.allowed(), rules)
    now = sampler.settled(now, free[:, part], beat, generation.rounds, seeds, put)
    if codec.faults is not None:
        now = sampler.repaired(
            now, free[:, part], codec.faults, beat, generation.repairs, seeds, lambda now: put(generation.rounds, now)
        )
    put(generation.rounds, now)
    return whole_ids, whole_struck
