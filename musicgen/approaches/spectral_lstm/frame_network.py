"""The network over frames: recurrent layers, and a chain of heads that choose the next step, one codebook at a time.

Knows vectors and choices, no sound. A head reads the recurrent output, the last step, and the sum of the choices before
it. Besides plain logits, each head predicts a vector that every entry of its codebook is compared with, so that similar
entries learn from each other.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.spectral_lstm.block_network import initial_state, recurrent_layer, recurrent_step
from musicgen.approaches.spectral_lstm.frames import FrameCodec
from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective


class _Heads:
    """The layers after the recurrent ones: made once, used on whole windows and on single steps."""

    def __init__(self, codec: FrameCodec, units: int, dropout: float, model: keras.Model | None = None) -> None:
        self.codebooks, self.units, self.dropout, self.model = codec.codebooks, units, dropout, model
        self.tolerance = np.float32(codec.tolerances[0])
        self.half = (0.5 * (codec.codebooks[0] ** 2).sum(axis=1) / self.tolerance).astype(np.float32)

    def _layer(self, name: str, make: Any) -> Any:
        return self.model.get_layer(name) if self.model is not None else make()

    def _dense(self, name: str, width: int, use_bias: bool = True) -> Any:
        return self._layer(name, lambda: keras.layers.Dense(width, use_bias=use_bias, name=name))

    def logits(self, number: int, memory: Any, heard: Any, known: Any) -> Any:
        """memory (…, units), heard and known (…, C) → logits of the choice from this codebook, (…, size)."""
        name, codebook = f"book_{number + 1}", self.codebooks[number]
        x = self._dense(f"{name}_memory", self.units)(memory)
        x = x + self._dense(f"{name}_heard", self.units, use_bias=False)(heard)
        if number:
            x = x + self._dense(f"{name}_known", self.units, use_bias=False)(known)
        x = self._layer(f"{name}_dropout", lambda: Dropout(self.dropout, name=f"{name}_dropout"))(ops.tanh(x))
        width = float(codebook.shape[1])
        meant = self._dense(f"{name}_meant", codebook.shape[1])(x)
        logits = self._dense(f"{name}_logits", len(codebook))(x) + ops.matmul(meant, codebook.T / width**0.5)
        if number:
            return logits
        # Entries similar to the last step get likelier, by a learned amount: sounds last longer than a step.
        stays = ops.softplus(self._dense(f"{name}_stays", 1)(x))
        return logits + stays * (ops.matmul(heard, codebook.T / self.tolerance) - self.half)


@architecture
def build_frame_network(codec: FrameCodec, *, units: int, num_layers: int, cell: str, dropout: float) -> keras.Model:
    """heard (batch, steps, C) and known (batch, steps, codebooks - 1, C) → logits of every choice."""
    num_components, num_codebooks = codec.num_components, len(codec.codebooks)
    heard = keras.Input((None, num_components), name="heard")
    known = keras.Input((None, num_codebooks - 1, num_components), name="known")
    x = heard
    for number in range(1, num_layers + 1):
        x = recurrent_layer(cell, units, f"memory_{number}")(x)
        x = Dropout(dropout, name=f"dropout_{number}")(x)
    heads = _Heads(codec, units, dropout)
    before = [None, *(known[:, :, number] for number in range(num_codebooks - 1))]
    outputs = [heads.logits(number, x, heard, each) for number, each in enumerate(before)]
    return keras.Model({"heard": heard, "known": known}, outputs)


def frame_objective(codec: FrameCodec) -> Objective:
    """Nats per step, all choices together and each alone. An entry that is about as near to the target as the nearest
    one counts as about as right (`frames.log_credit`), because typical sounds are close together and it is often
    arbitrary which one is nearest."""

    def nats(number: int, logits: Any, left: Any) -> Any:
        codebook = codec.codebooks[number]
        squared = (codebook**2).sum(axis=1) - 2.0 * ops.matmul(left, codebook.T)
        squared = squared + ops.sum(left**2, axis=-1, keepdims=True)
        least = ops.maximum(ops.min(squared, axis=-1, keepdims=True), 0.0)
        credit = (least - squared) / (2.0 * ops.maximum(least, codec.tolerances[number]))
        return -ops.logsumexp(ops.log_softmax(logits, axis=-1) + credit, axis=-1)

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        # Keras gives a list of one output as the output itself.
        outputs = keras.tree.flatten(model({name: batch[name] for name in ("heard", "known")}, training=training))
        weight, target = batch["mask"] * batch["weight"][:, None], batch["target"]
        left = [target, *(target - batch["known"][:, :, number] for number in range(len(outputs) - 1))]
        each = [ops.sum(weight * nats(number, *pair)) for number, pair in enumerate(zip(outputs, left, strict=True))]
        return ops.stack([ops.sum(ops.stack(each)), *each, ops.sum(weight)])

    return Objective(sums, ("loss", *(f"book_{number + 1}" for number in range(len(codec.codebooks)))))


class FrameStepper:
    """One choice at a time; see sampling.tokens.Stepper. State: recurrent states, their output, the last step, and
    the sum of the choices of this step so far."""

    def __init__(self, model: keras.Model, codec: FrameCodec, num_layers: int) -> None:
        self.model, self.codebooks, self.num_fields = model, codec.codebooks, len(codec.codebooks)
        self.layers = [model.get_layer(f"memory_{number}") for number in range(1, num_layers + 1)]
        self.heads = _Heads(codec, 0, 0.0, model)

    def start(self, batch_size: int) -> tuple[Any, Any]:
        """(logits of the first choice, state) with no input before."""
        memories = [initial_state(layer, batch_size) for layer in self.layers]
        return self._listen(ops.zeros((batch_size, self.codebooks[0].shape[1])), memories)

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,) of codebook `field` → (logits of the next choice, state)."""
        memories, said, heard, known = state
        known = known + ops.take(self.codebooks[field], token, axis=0)
        if field + 1 < self.num_fields:
            return self.heads.logits(field + 1, said, heard, known), (memories, said, heard, known)
        return self._listen(known, memories)

    def _listen(self, heard: Any, memories: Any) -> tuple[Any, Any]:
        x, after = heard, []
        for layer, before in zip(self.layers, memories, strict=True):
            x, now = recurrent_step(layer, x, before)
            after.append(now)
        logits = self.heads.logits(0, x, heard, None)
        return logits, (after, x, heard, ops.zeros_like(heard))
