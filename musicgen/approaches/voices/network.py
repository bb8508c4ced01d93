"""The networks over a grid of voices, as one model: one continues, step by step and voice by voice; the other fills in.

The first is an LSTM over steps, with a head that decides the voices of a step one after the other, the outer ones
first, each from those decided before it. A note is predicted as a pitch, as an interval from the voice's own last note,
as an interval from the voice decided before, and as what followed the last time. The second is in `filling_network`.
Both know ids and sizes, no music. The loss is in nats per note: a note is a voice at a step.

Huang et al., Counterpoint by convolution, ISMIR 2017; Hadjeres et al., DeepBach, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.voices.filling_network import FillingLayers
from musicgen.approaches.voices.matches import KINDS
from musicgen.approaches.voices.shared_network import Split, from_anchor, leap
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.networks.dropout import Dropout, WholeDropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM

# Arrays about a step that both networks are told, shape (…,): place in the bar, length of the bar, nearness of the end.
AROUND = ("place", "bar", "left")


class VoiceLayers:
    """The layers that continue a piece, by name: on whole windows in training, on single steps in sampling.

    `told` is a mapping of arrays about one step each: previous, held (…, voices); match (…, KINDS, voices);
    match_length (…, KINDS); place, bar, left (…,)."""

    def __init__(self, sizes: VoiceSizes, model: keras.Model | None = None) -> None:
        self.sizes = sizes
        self._model = model
        self._made: dict[str, keras.layers.Layer] = {}

    def _layer(self, name: str, make: Any) -> Any:
        if self._model is not None:
            return self._model.get_layer(name)
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _table(self, name: str, sizes: Sequence[int], width: int, ids: Sequence[Any]) -> Any:
        """The sum of a learned vector for each of the ids (…,)."""
        table = self._layer(name, lambda: keras.layers.Embedding(sum(sizes), width, name=name))
        firsts = np.cumsum([0, *sizes[:-1]]).tolist()
        found = table(ops.stack([each + first for each, first in zip(ids, firsts, strict=True)], axis=-1))
        drop = self._layer(f"{name}_whole", lambda: WholeDropout(self.sizes.told_dropout, name=f"{name}_whole"))
        return ops.sum(drop(found), axis=-2)

    def _dense(self, name: str, width: int) -> Any:
        return self._layer(name, lambda: keras.layers.Dense(width, name=name))

    def _dropout(self, name: str, x: Any) -> Any:
        return self._layer(name, lambda: Dropout(self.sizes.dropout, name=name))(x)

    def heard(self, told: Mapping[str, Any]) -> Any:
        """The LSTM's input for a step (…, units): everything that is known before it."""
        voices = range(self.sizes.voices)
        ids = [told["previous"][..., voice] for voice in voices] + [told["held"][..., voice] for voice in voices]
        ids += [told["match"][..., kind, voice] for kind in range(KINDS) for voice in voices]
        x = self._table("hear", self.sizes.heard, self.sizes.units, ids + self._around(told))
        return self._dropout("hear_dropout", x)

    def lstm(self, number: int) -> LSTM:
        name = f"lstm_{number + 1}"
        dropped = self.sizes.recurrent_dropout
        made: LSTM = self._layer(name, lambda: LSTM(self.sizes.units, recurrent_dropout=dropped, name=name))
        return made

    def after_lstm(self, number: int, x: Any) -> Any:
        return self._dropout(f"dropout_{number + 1}", x)

    def views(self, context: Any) -> Any:
        """The context (…, units) as each voice in order sees it, (…, voices, head)."""
        sizes = self.sizes
        seen = self._dense("views", sizes.voices * sizes.head)(context)
        split = self._layer("by_voice", lambda: Split((sizes.voices, sizes.head), name="by_voice"))
        return split(seen)

    def ids_told(self, number: int, told: Mapping[str, Any], decided: Sequence[Any], struck: Sequence[Any]) -> Any:
        """What is told of the `number`-th voice in order, (…, len(sizes.told)).

        Args:
            decided: ids (…,) of the voices before it in order, at this step. struck: whether each of these begins
            here."""
        sizes, voice = self.sizes, self.sizes.order[number]
        own = told["previous"][..., voice]
        matched = [told["match"][..., kind, voice] for kind in range(KINDS)]
        zero = ops.zeros_like(own)
        ids = [zero + number, own, told["held"][..., voice], *matched, *self._around(told)]
        for place in range(sizes.voices - 1):
            is_decided = place < number
            note = decided[place] if is_decided else zero + sizes.nothing
            last = told["previous"][..., sizes.order[place]]
            # What makes parallels: the interval before, and the other voice's move.
            ids += [note, *(leap(*pair, sizes.values) for pair in ((note, own), (last, own), (note, last)))]
            if sizes.strikes:
                ids.append(struck[place] if is_decided else zero)
        return ops.stack(ids, axis=-1)

    def logits(self, view: Any, ids: Any, anchor: Any) -> tuple[Any, Any]:
        """Of one voice, or of several alike: all share these layers.

        Args:
            view: (…, head). ids: (…, len(sizes.told)), see `ids_told`. anchor: id (…,) of the voice decided before.

        Returns:
            (logits of its note (…, values), logit that a note of the same pitch is struck again (…,), or None).
        """
        sizes = self.sizes
        hidden = view + self._table("told", sizes.told, sizes.head, [ids[..., n] for n in range(len(sizes.told))])
        hidden = self._dropout("told_dropout", ops.relu(hidden))
        parts = sizes.decided_outputs
        made = self._dense("decide", sum(parts))(hidden)
        pitched, by_own, by_other, likely, *again = ops.split(made, np.cumsum(parts)[:-1].tolist(), axis=-1)
        own, matched = ids[..., 1], [ids[..., 3 + kind] for kind in range(KINDS)]
        pitched = pitched + from_anchor(by_own, own, sizes.values) + from_anchor(by_other, anchor, sizes.values)
        for kind, guess in enumerate(matched):
            pitched = pitched + likely[..., kind : kind + 1] * ops.one_hot(guess, sizes.values, dtype="float32")
        return pitched, again[0][..., 0] if again else None

    def _around(self, told: Mapping[str, Any]) -> list[Any]:
        lengths = [told["match_length"][..., kind] for kind in range(KINDS)]
        return lengths + [told[name] for name in AROUND]


@architecture
def build_voice_network(sizes: VoiceSizes) -> keras.Model:
    """Both networks over windows of steps (see examples): outputs `notes` (steps, voices in order, values) and, if
    they are built, `again` (steps, voices in order), `filled` (steps, voices, values), `filled_again`."""
    voices = sizes.voices
    shapes = {
        "previous": (None, voices), "held": (None, voices), "match": (None, KINDS, voices),
        "match_length": (None, KINDS), "place": (None,), "bar": (None,), "left": (None,),
        "ids": (None, voices), "struck": (None, voices),
    }  # fmt: skip
    if sizes.depth:
        shapes |= {"hidden": (None, voices), "near": (None,)}
    inputs = {name: keras.Input(shape, dtype="int32", name=name) for name, shape in shapes.items()}
    outputs = _continued(sizes, inputs)
    if sizes.depth:
        outputs |= FillingLayers(sizes)(inputs)
    return keras.Model(inputs, outputs)


def _continued(sizes: VoiceSizes, inputs: Mapping[str, Any]) -> dict[str, Any]:
    layers = VoiceLayers(sizes)
    x = layers.heard(inputs)
    for number in range(sizes.num_layers):
        x = layers.after_lstm(number, layers.lstm(number)(x))
    notes = [inputs["ids"][..., voice] for voice in sizes.order]
    struck = [inputs["struck"][..., voice] for voice in sizes.order]
    numbers = range(sizes.voices)
    ids = ops.stack([layers.ids_told(number, inputs, notes[:number], struck[:number]) for number in numbers], axis=-2)
    none_before = ops.full_like(notes[0], sizes.nothing)
    anchors = ops.stack([none_before, *notes[:-1]], axis=-1)
    pitched, again = layers.logits(layers.views(x), ids, anchors)
    return {"notes": pitched} if again is None else {"notes": pitched, "again": again}


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


def log_probabilities(model: keras.Model, sizes: VoiceSizes, batch: dict[str, Any]) -> Any:
    """Of every value of each note of windows, from the notes before it: (batch, steps, voices, values)."""
    logits = ops.take(model(batch, training=False)["notes"], np.argsort(sizes.order), axis=2)
    return ops.log_softmax(logits, axis=-1)


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
