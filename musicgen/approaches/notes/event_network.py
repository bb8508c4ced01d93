"""A network over note events: an LSTM reads what came before, and a chain of heads predicts the next event by field.

Each head is conditioned on the choices before it: first when, then which voice, then which pitch (given what sounds and
the last pitch of the voice), then how long and how loud. Knows ids and sizes, no music.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.notes.event_features import FADING
from musicgen.approaches.notes.event_recall import (
    FOLLOWED_CLASS,
    LAST_DURATION,
    LAST_VELOCITY,
    N_POINTERS,
    N_STATES,
    NEXT_END,
    THEN_DURATION,
    THEN_VELOCITY,
    VOICED_CLASS,
    VOICED_DURATION,
    VOICED_PITCH,
)
from musicgen.approaches.notes.event_sizes import POINTERS, EventSizes
from musicgen.approaches.notes.events import DURATION, FIELDS, GAP, PITCH, VELOCITY, VOICE
from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM

FURTHER_POINTERS = {
    GAP: (NEXT_END,),
    PITCH: (VOICED_PITCH,),
    DURATION: (VOICED_DURATION, LAST_DURATION, THEN_DURATION),
    VELOCITY: (LAST_VELOCITY, THEN_VELOCITY),
}
FURTHER_TOLD = {GAP: NEXT_END, PITCH: LAST_DURATION, DURATION: LAST_DURATION, VELOCITY: LAST_VELOCITY}
RECALLED = ("pointers", "states", "habits")
LEAST_HABIT, USUAL_HABIT = 0.01, -3.0  # share of the used values in a choice: at least, and at first (before sigmoid)


@dataclass(frozen=True)
class Recalled:
    """What a piece recalls, as tensors: see event_recall.Recall."""

    pointers: Any
    states: Any
    habits: Any


class EventLayers:
    """The layers of an event network, by name: used on whole windows in training and on single events in sampling."""

    def __init__(self, sizes: EventSizes, model: keras.Model | None = None) -> None:
        self.sizes = sizes
        self._model = model
        self._made: dict[str, keras.layers.Layer] = {}

    def _layer(self, name: str, make: Any) -> keras.layers.Layer:
        if self._model is not None:
            return self._model.get_layer(name)
        return self._made.setdefault(name, make()) if name not in self._made else self._made[name]

    def _table(self, name: str, sizes: Sequence[int], width: int, ids: Sequence[Any]) -> Any:
        """The sum of a learned vector for each of the ids (…,); one table for all of them compiles faster than many."""
        table = self._layer(name, lambda: keras.layers.Embedding(sum(sizes), width, name=name))
        firsts = np.cumsum([0, *sizes[:-1]]).tolist()
        return ops.sum(table(ops.stack([each + first for each, first in zip(ids, firsts, strict=True)], axis=-1)), -2)

    def _dense(self, name: str, width: int, use_bias: bool = True) -> keras.layers.Layer:
        return self._layer(name, lambda: keras.layers.Dense(width, use_bias=use_bias, name=name))

    def _dropout(self, name: str) -> keras.layers.Layer:
        return self._layer(name, lambda: Dropout(self.sizes.dropout, name=name))

    def heard(self, previous: Any, phase: Any, sounding: Any) -> Any:
        """The LSTM's input for an event: previous (…, 5), phase (…, 2), sounding (…, pitches) → (…, embedding)."""
        ids = [*(previous[..., field] for field in range(len(FIELDS))), phase[..., 0], phase[..., 1]]
        seen = self._table("hear", self.sizes.heard, self.sizes.embedding, ids)
        heard = seen + self._dense("hear_sounding", self.sizes.embedding, use_bias=False)(sounding)
        return self._dropout("hear_dropout")(heard)

    def lstm(self, number: int) -> LSTM:
        name = f"lstm_{number + 1}"
        dropped = self.sizes.recurrent_dropout
        return self._layer(name, lambda: LSTM(self.sizes.units, recurrent_dropout=dropped, name=name))

    def after_lstm(self, number: int, x: Any) -> Any:
        return self._dropout(f"dropout_{number + 1}")(x)

    def logits(
        self,
        field: int,
        context: Any,
        chosen: Sequence[Any],
        phase: Any,
        sounding: Any,
        anchors: Sequence[Any],
        tonality: Any,
        recalled: Recalled | None = None,
    ) -> Any:
        """Logits of a field.

        Args:
            context: (…, units). chosen: ids (…,) of the fields already chosen. phase: (…, 2). sounding: (…, pitches).
            anchors: pitch ids (…,) that intervals are measured from: the last pitch of the voice, the pitch before.
            tonality: (…, 24), see event_features. recalled: for networks that recall.

        Returns:
            (…, values).
        """
        name, width = FIELDS[field], self.sizes.head
        hidden = self._dense(f"{name}_context", width)(context)
        pointers, heard = self._pointers(field, chosen, recalled) if recalled else ([], [])
        if told := self.sizes.told(field):
            ids = [*(chosen[before] for before in self.sizes.spoken if before < field), phase[..., 0], phase[..., 1]]
            ids = [*ids, *anchors[:1]] if field == PITCH else ids if field != GAP else []
            hidden = hidden + self._table(f"{name}_told", told, width, [*ids, *heard])
        if recalled and field == VOICE:
            hidden = hidden + self._dense("voice_states", width, use_bias=False)(recalled.states)
        if field == PITCH:
            hidden = hidden + self._dense(f"{name}_sounding", width, use_bias=False)(sounding)
        hidden = self._dropout(f"{name}_dropout")(ops.relu(hidden))
        logits = self._dense(f"{name}_logits", self.sizes.fields[field])(hidden)
        if field == PITCH:
            for number, anchor in enumerate(anchors):
                steps = self._dense(f"interval_{number + 1}", self.sizes.n_intervals, use_bias=False)(hidden)
                logits = logits + from_anchor(steps, anchor, self.sizes.n_pitches)
            logits = logits + self._harmony(hidden, sounding, tonality)
        return self._with_recall(field, logits, hidden, pointers, recalled) if recalled else logits

    def _pointers(self, field: int, chosen: Sequence[Any], recalled: Recalled) -> tuple[list[Any], list[Any]]:
        """(the values that are pointed at, what the head is told of them), ids (…,) each. What followed the longest
        match counts as long as the fields chosen before are those of that event."""
        at = recalled.pointers
        agrees = ops.ones_like(at[..., 0])
        for before in range(field):  # `==` of symbolic tensors would compare the objects
            agrees = agrees * ops.cast(ops.equal(chosen[before], at[..., before]), "int32")
        followed = ops.where(agrees > 0, at[..., field], self.sizes.fields[field])
        told = [agrees * at[..., FOLLOWED_CLASS]]
        if field == PITCH:
            told.append(at[..., VOICED_CLASS])
        if field == DURATION:
            told.append(at[..., VOICED_CLASS] * ops.cast(ops.equal(chosen[PITCH], at[..., VOICED_PITCH]), "int32"))
        if field in FURTHER_TOLD:
            told.append(at[..., FURTHER_TOLD[field]])
        return [followed, *(at[..., column] for column in FURTHER_POINTERS.get(field, ()))], told

    def _with_recall(self, field: int, logits: Any, hidden: Any, pointers: Sequence[Any], recalled: Recalled) -> Any:
        """The logits with what a piece recalls: values pointed at gain by learned strengths; voices by what they do;
        and a learned share of the choice is made among the values used so far. The strengths are the same for all
        values."""
        name, size = FIELDS[field], self.sizes.fields[field]
        strength = self._dense(f"{name}_pointers", POINTERS[field])(hidden)
        for number, pointer in enumerate(pointers):
            logits = logits + ops.one_hot(pointer, size) * strength[..., number : number + 1]
        if field == VOICE:
            moved = self._dense("voice_moved", N_STATES)(hidden)
            for number in range(N_STATES):
                state = recalled.states[..., number * size : (number + 1) * size]
                logits = logits + state * moved[..., number : number + 1]
        if field not in self.sizes.habits:
            return logits
        first = sum(self.sizes.fields[each] for each in self.sizes.habits if each < field)
        used = recalled.habits[..., first : first + size]
        share = LEAST_HABIT + 0.9 * ops.sigmoid(self._dense(f"{name}_habit", 1)(hidden) + USUAL_HABIT)
        return ops.logaddexp(ops.log_softmax(logits) + ops.log(1.0 - share), ops.log(used) + ops.log(share))

    def _harmony(self, hidden: Any, sounding: Any, tonality: Any) -> Any:
        """Logits of pitches from their relation to the pitch classes that sound, and to those of the key. These are
        measured from the pitch itself, so that what is learned in one key holds in all."""
        heard = [
            each_class(sounding),
            *(tonality[..., 12 * number : 12 * number + 12] for number in range(len(FADING))),
        ]
        liked = self._dense("harmony", 12 * len(heard))(hidden)
        parts = [
            ops.sum(turned(each) * ops.expand_dims(liked[..., 12 * number : 12 * number + 12], -2), axis=-1)
            for number, each in enumerate(heard)
        ]
        classes = np.arange(self.sizes.n_pitches) % 12
        return ops.take(parts[0] + parts[1] + parts[2], classes, axis=-1)


def from_anchor(steps: Any, anchor: Any, n_pitches: int) -> Any:
    """Logits of intervals → logits of pitches: pitch p gets that of the interval p - anchor.

    The same weights serve every key, so that a few songs teach a lot.

    Args:
        steps: (…, 2 · n_pitches - 1), with the interval of 0 in the middle.
        anchor: (…,) pitch ids; n_pitches means none, and then the logits are 0.
    """
    place = n_pitches - 1 - ops.expand_dims(anchor, -1) + ops.arange(n_pitches)
    is_none = ops.expand_dims(anchor, -1) >= n_pitches
    taken = ops.take_along_axis(steps, ops.clip(place, 0, 2 * n_pitches - 2), axis=-1)
    return ops.where(is_none, 0.0, taken)


def each_class(sounding: Any) -> Any:
    """How many pitches of each class sound: (…, pitches) → (…, 12)."""
    n_pitches = sounding.shape[-1]
    return ops.matmul(sounding, np.eye(12, dtype="float32")[np.arange(n_pitches) % 12])


def turned(classes: Any) -> Any:
    """(…, 12) → (…, 12, 12): row c holds the same numbers counted from class c."""
    places = (np.arange(12)[:, None] + np.arange(12)) % 12
    return ops.take(classes, places, axis=-1)


@architecture
def build_event_network(sizes: EventSizes) -> keras.Model:
    """previous, phase_before, sounding_before → LSTM layers → for each predicted field the logits of the next event."""

    def remember(layers: EventLayers, x: Any) -> Any:
        for number in range(sizes.num_layers):
            x = layers.after_lstm(number, layers.lstm(number)(x))
        return x

    return event_network(sizes, remember)


def event_network(sizes: EventSizes, remember: Callable[[EventLayers, Any], Any]) -> keras.Model:
    """The same with any layers in the middle: `remember` maps the inputs (batch, steps, embedding) to the context of
    each step (batch, steps, units), and looks at no later step."""
    shapes = {
        "previous": ((None, len(FIELDS)), "int32"),
        "phase_before": ((None, 2), "int32"),
        "sounding_before": ((None, sizes.n_pitches), "float32"),
        "chosen": ((None, len(FIELDS)), "int32"),
        "phase": ((None, 2), "int32"),
        "sounding": ((None, sizes.n_pitches), "float32"),
        "last": ((None,), "int32"),
        "tonality": ((None, 12 * len(FADING)), "float32"),
        **(_recalled_shapes(sizes) if sizes.recalls else {}),
    }
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    layers = EventLayers(sizes)
    x = layers.heard(inputs["previous"], inputs["phase_before"], inputs["sounding_before"])
    x = remember(layers, x)
    chosen = [inputs["chosen"][..., field] for field in range(len(FIELDS))]
    anchors = [inputs["last"], inputs["previous"][..., PITCH]]
    recalled = Recalled(*(inputs[each] for each in RECALLED)) if sizes.recalls else None
    told = (inputs["phase"], inputs["sounding"], anchors, inputs["tonality"], recalled)
    outputs = [layers.logits(field, x, chosen, *told) for field in sizes.spoken]
    return keras.Model(inputs, outputs)


def _recalled_shapes(sizes: EventSizes) -> dict[str, tuple[tuple[int | None, ...], str]]:
    return {
        "pointers": ((None, N_POINTERS), "int32"),
        "states": ((None, N_STATES * sizes.fields[VOICE]), "float32"),
        "habits": ((None, sum(sizes.fields[field] for field in sizes.habits)), "float32"),
    }


def event_objective(sizes: EventSizes) -> Objective:
    """Nats per note, all fields together and each one alone."""

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        given = {name: array for name, array in batch.items() if name not in ("mask", "weight")}
        outputs = model(given, training=training)
        weight = batch["mask"] * batch["weight"][:, None]
        nats = [
            ops.sum(weight * keras.losses.sparse_categorical_crossentropy(batch["chosen"][..., field], logits, True))
            for field, logits in zip(sizes.spoken, outputs, strict=True)
        ]
        return ops.stack([ops.sum(ops.stack(nats)), *nats, ops.sum(weight)])

    return Objective(sums, ("loss", *(FIELDS[field] for field in sizes.spoken)))
