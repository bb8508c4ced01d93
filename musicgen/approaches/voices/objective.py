"""The loss of both networks, in nats per note: a note is a voice at a step."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.networks.objectives import Objective


def voice_objective(sizes: VoiceSizes) -> Objective:
    """`loss` is that of continuing; with filling in, the sum of both is minimised and both are reported."""

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        given = {name: array for name, array in batch.items() if name not in ("mask", "weight")}
        outputs = model(given, training=training)
        weight = batch["mask"] * batch["weight"][:, None]
        continued = ops.sum(weight[..., None] * _nats(batch, outputs, "notes", "again", np.argsort(sizes.order)))
        n_notes = sizes.voices * ops.sum(weight)
        if not sizes.depth:
            return ops.stack([continued, n_notes])
        filled = _filled(batch, _nats(batch, outputs, "filled", "filled_again"), weight)
        return ops.stack([continued + filled, continued, filled, n_notes])

    return Objective(sums, ("total", "loss", "filling_in") if sizes.depth else ("loss",))


def _nats(batch: dict[str, Any], outputs: dict[str, Any], notes: str, again: str, back: Any = None) -> Any:
    """Nats of each cell (batch, steps, voices): of its note and, where the note stays the same, of whether it is struck
    again. `back`: the voices of the outputs in the order of the batch, if that is another."""
    ids, struck, before = batch["ids"], batch["struck"], batch["previous"]
    if back is not None:
        outputs = {name: ops.take(outputs[name], back, axis=2) for name in (notes, again) if name in outputs}
    nats = keras.losses.sparse_categorical_crossentropy(ids, outputs[notes], from_logits=True)
    if again not in outputs:
        return nats
    stays = ops.cast(ops.logical_and(ids == before, ids > 0), "float32")
    return nats + stays * (ops.softplus(outputs[again]) - ops.cast(struck, "float32") * outputs[again])


def _filled(batch: dict[str, Any], nats: Any, weight: Any) -> Any:
    """The mean over the hidden cells of each window, times its number of cells: every window counts the same, however
    much of it is hidden."""
    hidden = ops.cast(batch["hidden"], "float32") * weight[..., None]
    cells = ops.sum(weight, axis=1) * nats.shape[-1]
    return ops.sum(cells * ops.sum(hidden * nats, axis=(1, 2)) / ops.maximum(ops.sum(hidden, axis=(1, 2)), 1.0))
