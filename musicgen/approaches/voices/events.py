"""Voices on a grid as the events of the network that continues: one for each voice of each step, in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.sizes import VoiceSizes

Ids = NDArray[np.int32]


def events_of(sizes: VoiceSizes, ids: Ids, struck: NDArray[np.bool_]) -> Ids:
    """(steps, voices) → events of the stepper, (steps · voices, fields)."""
    fields = np.stack([ids, struck] if sizes.strikes else [ids], axis=-1)[:, list(sizes.order)]
    return fields.reshape(-1, fields.shape[-1]).astype(np.int32)


def grid_of(sizes: VoiceSizes, events: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Inverse of `events_of`: (ids, struck), (steps, voices)."""
    fields = events.reshape(-1, sizes.voices, events.shape[-1])[:, np.argsort(sizes.order)]
    ids = fields[..., 0]
    if sizes.strikes:
        return ids, fields[..., 1] > 0
    changed = np.ones(ids.shape, dtype=bool)
    changed[1:] = ids[1:] != ids[:-1]
    return ids, changed & (ids > 0)
