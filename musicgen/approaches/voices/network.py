"""The networks over a grid of voices, as one model: one continues, step by step and voice by voice; the other fills in.

The first is an LSTM over steps, with a head that decides the voices of a step one after the other, the outer ones
first, each from those decided before it. A note is predicted as a pitch, as an interval from the voice's own last note,
as an interval from the voice decided before, as what followed the last time, and by how it would go with each voice
decided before (`PairTables`). The second is in `filling_network`.
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
from musicgen.approaches.voices.shared_network import KeyFit, PairTables, Split, ToneShares, firsts, from_anchor, leap
from musicgen.approaches.voices.sizes import MOMENTS, MOMENTS_AROUND, STRETCHES, TONES, VoiceSizes
from musicgen.networks.dropout import Dropout, WholeDropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM

# Arrays about a step that both networks are told, shape (…,): place in the bar, length of the bar, nearness of the end.
AROUND = ("place", "bar", "left")


class VoiceLayers:
    """The layers that continue a piece, by name: on whole windows in training, on single steps in sampling.

    `told` is a mapping of arrays about one step each: previous, held, last_beat (…, voices); match (…, KINDS, voices);
    match_length (…, KINDS); place, bar, left, is_beat (…,); tones (…, STRETCHES, TONES) if they are counted. Voices are
    decided in `sizes.order`; a cell is a voice in that order, and any number of cells are computed alike."""

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

    def _table(self, name: str, sizes: Sequence[int], width: int) -> Any:
        """A learned vector for each value of several facts, by id; whole ones are left out at random in training."""
        table = self._layer(name, lambda: keras.layers.Embedding(sum(sizes), width, name=name))
        drop = self._layer(f"{name}_whole", lambda: WholeDropout(self.sizes.told_dropout, name=f"{name}_whole"))
        return lambda ids: drop(table(ids))

    def _dense(self, name: str, width: int) -> Any:
        return self._layer(name, lambda: keras.layers.Dense(width, name=name))

    def _dropout(self, name: str, x: Any) -> Any:
        return self._layer(name, lambda: Dropout(self.sizes.dropout, name=name))(x)

    def _tones(self, told: Mapping[str, Any]) -> Any:
        return self._layer("tone_shares", lambda: ToneShares(name="tone_shares"))(told["tones"])

    def heard(self, told: Mapping[str, Any]) -> Any:
        """The LSTM's input for a step (…, units): everything that is known before it."""
        sizes, notes = self.sizes, told["previous"]
        chord = leap(notes[..., :-1], notes[..., -1:], sizes.values)
        matches = [told["match"][..., kind, :] for kind in range(KINDS)]
        ids = ops.concatenate([notes, told["held"], *matches, chord, _around(told)], axis=-1)
        found = ops.sum(self._table("hear", sizes.heard, sizes.units)(ids + firsts(sizes.heard)), axis=-2)
        if sizes.counts_tones:
            make = keras.layers.Dense
            dense = self._layer("hear_tones", lambda: make(sizes.units, use_bias=False, name="hear_tones"))
            found = found + dense(self._tones(told))
        return self._dropout("hear_dropout", found)

    def lstm(self, number: int) -> LSTM:
        name = f"lstm_{number + 1}"
        dropped = self.sizes.recurrent_dropout
        made: LSTM = self._layer(name, lambda: LSTM(self.sizes.units, recurrent_dropout=dropped, name=name))
        return made

    def after_lstm(self, number: int, x: Any) -> Any:
        return self._dropout(f"dropout_{number + 1}", x)

    def views(self, context: Any, told: Mapping[str, Any]) -> Any:
        """(…, units) → what each voice in order makes of it, (…, voices, head)."""
        sizes = self.sizes
        seen = self._dense("views", sizes.voices * sizes.head)(context)
        split = self._layer("by_voice", lambda: Split((sizes.voices, sizes.head), name="by_voice"))
        found = self._table("around", sizes.around, sizes.head)(_around(told) + firsts(sizes.around))
        return split(seen) + ops.sum(found, axis=-2, keepdims=True)

    def logits(self, view: Any, numbers: Any, told: Mapping[str, Any], decided: Any, struck: Any) -> tuple[Any, Any]:
        """Of some voices of a step, the cells; what is not decided before them is not looked at.

        Args:
            view: (…, cells, head). numbers: places in order of the cells' voices, (cells,). decided, struck: ids of all
            voices in order, and whether they begin at this step, (…, voices).

        Returns:
            (logits of each note (…, cells, values), logit that a note of the same pitch is struck again (…, cells), or
            None).
        """
        sizes, order = self.sizes, np.array(self.sizes.order, dtype=np.int32)
        voices, numbers = ops.take(order, numbers, axis=0), ops.convert_to_tensor(numbers)
        own, beat, held = (ops.take(told[name], voices, axis=-1) for name in ("previous", "last_beat", "held"))
        matched = ops.take(told["match"], voices, axis=-1)
        is_decided = np.arange(sizes.voices - 1) < numbers[:, None]
        note = ops.where(is_decided, decided[..., None, :-1], sizes.nothing)
        last, last_beat = (
            ops.take(told[name], order[:-1].tolist(), axis=-1)[..., None, :] for name in ("previous", "last_beat")
        )

        guesses = [matched[..., kind, :] for kind in range(KINDS)]
        about_own = ops.stack([ops.zeros_like(own) + numbers, own, held, *guesses], axis=-1)
        mine = own[..., None]
        about_others = [note, *(leap(*pair, sizes.values) for pair in ((note, mine), (last, mine), (note, last)))]
        if sizes.strikes:
            about_others.append(ops.where(is_decided, struck[..., None, :-1], 0))
        made = self._decided(view, about_own, ops.stack(about_others, axis=-1))

        pitched, by_own, by_other, likely, *again = ops.split(
            made, np.cumsum(sizes.decided_outputs)[:-1].tolist(), axis=-1
        )
        anchor = ops.take(_after_nothing(decided, sizes.nothing), numbers, axis=-1)
        by_interval = from_anchor(
            ops.stack([by_own, by_other], axis=-2), ops.stack([own, anchor], axis=-1), sizes.values
        )
        pitched = pitched + ops.sum(by_interval, axis=-2)
        for kind, guess in enumerate(guesses):
            pitched = pitched + likely[..., kind : kind + 1] * ops.one_hot(guess, sizes.values, dtype="float32")
        if sizes.counts_tones:
            fit = self._layer("key", lambda: KeyFit(sizes, name="key"))(self._tones(told))
            pitched = pitched + ops.take(fit, numbers, axis=-2)
        pair = numbers[:, None] * (sizes.voices - 1) + np.arange(sizes.voices - 1, dtype=np.int32)
        together = self._layer("together", lambda: PairTables(sizes, MOMENTS, name="together"))
        then = ops.stack([last + ops.zeros_like(note), last_beat + ops.zeros_like(note)], axis=-1)
        pitched = pitched + together(
            ops.zeros_like(note) + pair, note, ops.stack([own, beat], axis=-1), then,
            told["is_beat"][..., None, None, None],
        )  # fmt: skip
        return pitched, again[0][..., 0] if again else None

    def _decided(self, view: Any, about_own: Any, about_others: Any) -> Any:
        """(…, cells, sum of sizes.decided_outputs) from ids (…, cells, facts) and (…, cells, others, facts)."""
        sizes = self.sizes
        others = [sizes.told_decided] * (sizes.voices - 1)
        first = firsts([*sizes.told_own, *(size for other in others for size in other)])
        n_own = len(sizes.told_own)
        table = self._table("told", [*sizes.told_own, *(size for other in others for size in other)], sizes.head)
        found = ops.sum(table(about_own + first[:n_own]), axis=-2)
        found = found + ops.sum(table(about_others + np.reshape(first[n_own:], (len(others), -1))), axis=(-3, -2))
        hidden = self._dropout("told_dropout", ops.relu(view + found))
        return self._dense("decide", sum(sizes.decided_outputs))(hidden)


def _around(told: Mapping[str, Any]) -> Any:
    """Ids of what is told of a step, see sizes.around: (…, facts)."""
    return ops.concatenate([told["match_length"], ops.stack([told[name] for name in AROUND], axis=-1)], axis=-1)


def _after_nothing(decided: Any, nothing: int) -> Any:
    """The voices in order, moved on by one: at each place the one decided before."""
    return ops.concatenate([ops.full_like(decided[..., :1], nothing), decided[..., :-1]], axis=-1)


@architecture
def build_voice_network(sizes: VoiceSizes) -> keras.Model:
    """Both networks over windows of steps (see examples): outputs `notes` (steps, voices in order, values) and, if
    they are built, `again` (steps, voices in order), `filled` (steps, voices, values)."""
    voices = sizes.voices
    shapes = {
        "previous": (None, voices), "held": (None, voices), "last_beat": (None, voices),
        "match": (None, KINDS, voices), "match_length": (None, KINDS), "place": (None,), "bar": (None,),
        "left": (None,), "is_beat": (None,), "ids": (None, voices), "struck": (None, voices),
    }  # fmt: skip
    if sizes.depth:
        shapes |= dict.fromkeys(("hidden", "before", "after"), (None, voices))
        shapes |= {"then": (None, voices, MOMENTS_AROUND), "near": (None,)}
    inputs = {name: keras.Input(shape, dtype="int32", name=name) for name, shape in shapes.items()}
    if sizes.counts_tones:
        inputs["tones"] = keras.Input((None, STRETCHES, TONES), dtype="float32", name="tones")
    outputs = _continued(sizes, inputs)
    if sizes.depth:
        outputs["filled"] = FillingLayers(sizes)(inputs)
    return keras.Model(inputs, outputs)


def _continued(sizes: VoiceSizes, inputs: Mapping[str, Any]) -> dict[str, Any]:
    layers = VoiceLayers(sizes)
    x = layers.heard(inputs)
    for number in range(sizes.num_layers):
        x = layers.after_lstm(number, layers.lstm(number)(x))
    order, numbers = np.array(sizes.order), np.arange(sizes.voices, dtype=np.int32)
    decided, struck = (ops.take(inputs[name], order, axis=-1) for name in ("ids", "struck"))
    pitched, again = layers.logits(layers.views(x, inputs), numbers, inputs, decided, struck)
    return {"notes": pitched} if again is None else {"notes": pitched, "again": again}


def voice_objective(sizes: VoiceSizes) -> Objective:
    """`loss` is that of continuing; with filling in, the sum of both is minimised and both are reported."""

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        given = {name: array for name, array in batch.items() if name not in ("mask", "weight")}
        outputs = model(given, training=training)
        weight = batch["mask"] * batch["weight"][:, None]
        continued = ops.sum(weight[..., None] * _continued_nats(batch, outputs, np.argsort(sizes.order)))
        n_notes = sizes.voices * ops.sum(weight)
        if not sizes.depth:
            return ops.stack([continued, n_notes])
        filled = _filled(batch, _nats(batch["ids"], outputs["filled"]), weight)
        return ops.stack([continued + filled, continued, filled, n_notes])

    return Objective(sums, ("total", "loss", "filling_in") if sizes.depth else ("loss",))


def log_probabilities(model: keras.Model, sizes: VoiceSizes, batch: dict[str, Any]) -> Any:
    """Of every value of each note of windows, from the notes before it: (batch, steps, voices, values)."""
    logits = ops.take(model(batch, training=False)["notes"], np.argsort(sizes.order), axis=2)
    return ops.log_softmax(logits, axis=-1)


def _nats(ids: Any, logits: Any) -> Any:
    return keras.losses.sparse_categorical_crossentropy(ids, logits, from_logits=True)


def _continued_nats(batch: dict[str, Any], outputs: dict[str, Any], back: Any) -> Any:
    """Nats of each cell (batch, steps, voices): of its note and, where the note stays the same, of whether it is struck
    again. `back`: the places in order of the voices."""
    outputs = {name: ops.take(outputs[name], back, axis=2) for name in ("notes", "again") if name in outputs}
    nats = _nats(batch["ids"], outputs["notes"])
    if "again" not in outputs:
        return nats
    stays = ops.cast(ops.logical_and(batch["ids"] == batch["previous"], batch["ids"] > 0), "float32")
    struck = ops.cast(batch["struck"], "float32")
    return nats + stays * (ops.softplus(outputs["again"]) - struck * outputs["again"])


def _filled(batch: dict[str, Any], nats: Any, weight: Any) -> Any:
    """The mean over the hidden cells of each window, times its number of cells: every window counts the same, however
    much of it is hidden."""
    hidden = ops.cast(batch["hidden"], "float32") * weight[..., None]
    cells = ops.sum(weight, axis=1) * nats.shape[-1]
    return ops.sum(cells * ops.sum(hidden * nats, axis=(1, 2)) / ops.maximum(ops.sum(hidden, axis=(1, 2)), 1.0))
