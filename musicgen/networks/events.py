"""A network over note events: an LSTM hears what came before, and a chain of heads chooses the next event by field.

Each head knows what the heads before it chose: first when, then which voice, then which pitch (seeing what sounds and
what the voice sang last), then how long and how loud. Knows ids and sizes, no music.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.codecs.event_features import BEATS_IN_BAR, FADING, NOTHING_HEARD
from musicgen.codecs.note_events import DURATION, FIELDS, GAP, PITCH, STEPS_PER_BEAT, VOICE, EventCodec
from musicgen.networks.backend import Objective
from musicgen.networks.dropout import Dropout
from musicgen.networks.event_sizes import EventSizes
from musicgen.networks.recurrent import LSTM

NEVER = -1e9


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
        """What the LSTM hears of an event: previous (…, 5), phase (…, 2), sounding (…, pitches) → (…, embedding)."""
        ids = [*(previous[..., field] for field in range(len(FIELDS))), phase[..., 0], phase[..., 1]]
        seen = self._table("hear", self.sizes.heard, self.sizes.embedding, ids)
        heard = seen + self._dense("hear_sounding", self.sizes.embedding, use_bias=False)(sounding)
        return self._dropout("hear_dropout")(heard)

    def lstm(self, number: int) -> LSTM:
        name = f"lstm_{number + 1}"
        dropped = self.sizes.recurrent_dropout
        return self._layer(name, lambda: LSTM(self.sizes.units, recurrent_dropout=dropped, name=name))  # type: ignore[return-value]

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
    ) -> Any:
        """Logits of a field.

        Args:
            context: (…, units). chosen: ids (…,) of the fields already chosen. phase: (…, 2). sounding: (…, pitches).
            anchors: pitch ids (…,) that the next pitch is measured from: the last one of its voice, the one before it.
            tonality: (…, 24), see codecs.event_features.

        Returns:
            (…, values).
        """
        name, width = FIELDS[field], self.sizes.head
        hidden = self._dense(f"{name}_context", width)(context)
        if told := self.sizes.told(field):
            ids = [*(chosen[before] for before in self.sizes.spoken if before < field), phase[..., 0], phase[..., 1]]
            hidden = hidden + self._table(f"{name}_told", told, width, ids + list(anchors[:1]) * (field == PITCH))
        if field == PITCH:
            hidden = hidden + self._dense(f"{name}_sounding", width, use_bias=False)(sounding)
        hidden = self._dropout(f"{name}_dropout")(ops.relu(hidden))
        logits = self._dense(f"{name}_logits", self.sizes.fields[field])(hidden)
        if field == PITCH:
            for number, anchor in enumerate(anchors):
                steps = self._dense(f"interval_{number + 1}", self.sizes.n_intervals, use_bias=False)(hidden)
                logits = logits + from_anchor(steps, anchor, self.sizes.n_pitches)
            logits = logits + self._harmony(hidden, sounding, tonality)
        return logits

    def _harmony(self, hidden: Any, sounding: Any, tonality: Any) -> Any:
        """Logits of pitches from how each stands to the pitch classes that sound, and to those of the key. Measured
        from the pitch itself, so that what is learned in one key holds in all."""
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
    """Logits of intervals to logits of pitches: pitch p gets that of the interval p - anchor.

    The same weights serve every key, so that few songs teach much.

    Args:
        steps: (…, 2 · n_pitches - 1), the interval of no step in the middle.
        anchor: (…,) pitch ids; n_pitches means none, and then nothing is added.
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


def build_event_network(sizes: EventSizes) -> keras.Model:
    """previous, phase_before, sounding_before → LSTM layers → for each spoken field the logits of the next event."""

    def remember(layers: EventLayers, x: Any) -> Any:
        for number in range(sizes.num_layers):
            x = layers.after_lstm(number, layers.lstm(number)(x))
        return x

    return event_network(sizes, remember)


def event_network(sizes: EventSizes, remember: Callable[[EventLayers, Any], Any]) -> keras.Model:
    """The same with any memory: `remember` makes of what was heard (batch, steps, embedding) the context of each step
    (batch, steps, units), and looks at no later step."""
    shapes = {
        "previous": ((None, len(FIELDS)), "int32"),
        "phase_before": ((None, 2), "int32"),
        "sounding_before": ((None, sizes.n_pitches), "float32"),
        "chosen": ((None, len(FIELDS)), "int32"),
        "phase": ((None, 2), "int32"),
        "sounding": ((None, sizes.n_pitches), "float32"),
        "last": ((None,), "int32"),
        "tonality": ((None, 12 * len(FADING)), "float32"),
    }
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    layers = EventLayers(sizes)
    x = layers.heard(inputs["previous"], inputs["phase_before"], inputs["sounding_before"])
    x = remember(layers, x)
    chosen = [inputs["chosen"][..., field] for field in range(len(FIELDS))]
    anchors = [inputs["last"], inputs["previous"][..., PITCH]]
    told = (inputs["phase"], inputs["sounding"], anchors, inputs["tonality"])
    outputs = [layers.logits(field, x, chosen, *told) for field in sizes.spoken]
    return keras.Model(inputs, outputs)


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


class EventStepper:
    """One field of one event at a time, with the bookkeeping of `codecs.event_features`.

    It allows what the songs had: chords rise and are no larger, a voice that sings one note at a time is not given two,
    no voice repeats a pitch more often, and none leaves its range (learned from in all keys, songs would wander off).

    State, a dict: memory (LSTM states), context (batch, units), chosen (batch, 5), position, bar, together (batch,),
    left (batch, pitches), latest, repeats, singing, floor, ceiling (batch, voices), heard (batch, 2, 12), lowest
    (batch,).
    """

    def __init__(self, model: keras.Model, sizes: EventSizes, codec: EventCodec) -> None:
        self.model, self.sizes = model, sizes
        self.layers = EventLayers(sizes, model)
        self.num_fields = len(FIELDS)
        self.gaps = np.asarray(codec.values[GAP], dtype=np.int32)
        self.durations = np.maximum(np.asarray(codec.values[DURATION], dtype=np.int32), 1)
        self.is_single = np.asarray(codec.is_single)
        first = codec.values[PITCH][0]
        self.floor = np.array([low - first for low, _ in codec.ranges], dtype=np.int32)
        self.ceiling = np.array([high - first for _, high in codec.ranges], dtype=np.int32)
        self.most_together, self.most_repeats = codec.most_together, codec.most_repeats
        self.zero_gap = codec.values[GAP].index(0)

    def start(self, position: Any, bar: Any) -> tuple[Any, Any]:
        """(logits of the first field, state) of pieces that begin at `position` (batch,) of bars of length `bar`."""
        batch_size = position.shape[0]
        mark = ops.broadcast_to(ops.convert_to_tensor(self.sizes.fields, "int32"), (batch_size, self.num_fields))
        zeros = ops.zeros((batch_size,), "int32")
        state = {
            "memory": self._empty_memory(batch_size),
            "context": ops.zeros((batch_size, self.sizes.units)),
            "chosen": mark,
            "position": position,
            "bar": bar,
            "together": zeros,
            "left": ops.zeros((batch_size, self.sizes.n_pitches), "int32"),
            "latest": ops.full((batch_size, self.sizes.fields[VOICE]), self.sizes.n_pitches, "int32"),
            "repeats": ops.zeros((batch_size, self.sizes.fields[VOICE]), "int32"),
            "singing": ops.zeros((batch_size, self.sizes.fields[VOICE]), "int32"),
            "heard": ops.zeros((batch_size, len(FADING), 12)),
            "lowest": zeros,
            "floor": ops.broadcast_to(ops.convert_to_tensor(self.floor), (batch_size, self.floor.size)),
            "ceiling": ops.broadcast_to(ops.convert_to_tensor(self.ceiling), (batch_size, self.ceiling.size)),
        }
        return self._listen(state, is_start=True)

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """`token` (batch,) was chosen for `field` → (logits of the next field, state)."""
        state = {**state, "chosen": _put(state["chosen"], field, token)}
        if field == GAP:
            state = self._moved_on(state, token)
        if field == PITCH:
            state["lowest"] = token
        if field == len(FIELDS) - 1:
            return self._listen(self._sung(state), is_start=False)
        return self._logits(field + 1, state), state

    def _empty_memory(self, batch_size: int) -> Any:
        return [self.layers.lstm(number).initial_state(batch_size) for number in range(self.sizes.num_layers)]

    def _remember(self, x: Any, memory: Any) -> tuple[Any, Any]:
        """What was heard (batch, embedding), memory → (context (batch, units), memory)."""
        after = []
        for number, before in enumerate(memory):
            state = self.layers.lstm(number).step(x, before)
            after.append(state)
            x = self.layers.after_lstm(number, state[0])
        return x, after

    def _moved_on(self, state: Any, token: Any) -> Any:
        gap = ops.take(ops.convert_to_tensor(self.gaps), token)
        is_chord = gap == 0
        return {
            **state,
            "position": state["position"] + gap,
            "left": ops.maximum(state["left"] - gap[:, None], 0),
            "together": ops.where(is_chord, state["together"] + 1, 1),
            "lowest": ops.where(is_chord, state["lowest"], 0),
            "singing": ops.where(is_chord[:, None], state["singing"], 0),
        }

    def _sung(self, state: Any) -> Any:
        chosen = state["chosen"]
        pitch, voice = chosen[:, PITCH], chosen[:, VOICE]
        length = ops.take(ops.convert_to_tensor(self.durations), chosen[:, DURATION])
        is_pitch = ops.one_hot(pitch, self.sizes.n_pitches, dtype="int32")
        is_voice = ops.one_hot(voice, self.sizes.fields[VOICE], dtype="int32")
        is_class = ops.one_hot(pitch % 12, 12)[:, None]
        is_again = ops.cast(state["latest"] == pitch[:, None], "int32")
        return {
            **state,
            "repeats": ops.where(is_voice > 0, state["repeats"] * is_again + 1, state["repeats"]),
            "singing": ops.maximum(state["singing"], is_voice),
            "heard": state["heard"] * np.array(FADING, dtype="float32")[:, None] + is_class,
            "left": ops.maximum(state["left"], is_pitch * length[:, None]),
            "latest": ops.where(is_voice > 0, pitch[:, None], state["latest"]),
            # A prompt may reach further than the songs did.
            "floor": ops.where(is_voice > 0, ops.minimum(state["floor"], pitch[:, None]), state["floor"]),
            "ceiling": ops.where(is_voice > 0, ops.maximum(state["ceiling"], pitch[:, None]), state["ceiling"]),
        }

    def _listen(self, state: Any, *, is_start: bool) -> tuple[Any, Any]:
        """Hear the event that was just chosen (or the start mark), and say what may come first in the next one."""
        sounding = ops.cast(state["left"] > 0, "float32")
        x = self.layers.heard(state["chosen"], self._phase(state), sounding)
        context, memory = self._remember(x, state["memory"])
        state = {**state, "memory": memory, "context": context}
        logits = self._logits(GAP, state)
        is_zero = ops.arange(self.sizes.fields[GAP]) == self.zero_gap
        if is_start:
            return ops.where(is_zero, logits, NEVER), state
        is_full = state["together"] >= self.most_together
        is_full = ops.logical_or(is_full, ops.all(self._is_taken(state), axis=1))[:, None]
        return ops.where(ops.logical_and(is_zero, is_full), NEVER, logits), state

    def _logits(self, field: int, state: Any) -> Any:
        batch_size = state["position"].shape[0]
        if field not in self.sizes.spoken:
            return ops.zeros((batch_size, self.sizes.fields[field]))
        voice = ops.minimum(state["chosen"][:, VOICE], self.sizes.fields[VOICE] - 1)
        last = ops.squeeze(ops.take_along_axis(state["latest"], voice[:, None], axis=1), axis=1)
        chosen = [state["chosen"][:, number] for number in range(self.num_fields)]
        sounding = ops.cast(state["left"] > 0, "float32")
        anchors = [last, chosen[PITCH]]  # not chosen anew yet: that of the event before
        heard = state["heard"]
        shares = ops.reshape(heard / (ops.sum(heard, axis=2, keepdims=True) + NOTHING_HEARD), (batch_size, -1))
        logits = self.layers.logits(field, state["context"], chosen, self._phase(state), sounding, anchors, shares)
        if field == VOICE:
            is_taken = self._is_taken(state)
            is_taken = ops.logical_and(is_taken, ops.logical_not(ops.all(is_taken, axis=1, keepdims=True)))
            return ops.where(is_taken, NEVER, logits)
        if field == PITCH:
            return ops.where(self._is_excluded(state, voice, last), NEVER, logits)
        return logits

    def _is_taken(self, state: Any) -> Any:
        """Voices that the chord so far leaves no note for, (batch, voices): they sing already, or lie below it."""
        is_singing = ops.logical_and(state["singing"] > 0, self.is_single)
        return ops.logical_or(is_singing, state["ceiling"] < state["lowest"][:, None])

    def _is_excluded(self, state: Any, voice: Any, last: Any) -> Any:
        """Pitches below the chord so far, outside the range of the voice, and one that it has sung often enough:
        (batch, pitches). Where that leaves none, the range gives way first."""
        pitches = ops.arange(self.sizes.n_pitches)

        def of_voice(name: str) -> Any:
            return ops.take_along_axis(state[name], voice[:, None], axis=1)

        is_worn = ops.logical_and(pitches == last[:, None], of_voice("repeats") >= self.most_repeats)
        excluded = ops.logical_or(pitches < state["lowest"][:, None], is_worn)
        is_outside = ops.logical_or(pitches < of_voice("floor"), pitches > of_voice("ceiling"))
        every = ops.logical_or(excluded, is_outside)
        excluded = ops.where(ops.all(every, axis=1, keepdims=True), excluded, every)
        return ops.logical_and(excluded, ops.logical_not(ops.all(excluded, axis=1, keepdims=True)))

    def _phase(self, state: Any) -> Any:
        place, bar = state["position"], state["bar"]
        beat = (place % bar) // STEPS_PER_BEAT % BEATS_IN_BAR
        return ops.stack([place % STEPS_PER_BEAT, beat], axis=-1)


def _put(chosen: Any, field: int, token: Any) -> Any:
    """`chosen` (batch, 5) with `token` (batch,) in the place of `field`."""
    return ops.where(ops.arange(chosen.shape[1]) == field, token[:, None], chosen)
