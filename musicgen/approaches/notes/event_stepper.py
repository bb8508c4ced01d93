"""An event network one field at a time, for sampling: the state of a piece, and what the songs rule out next."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.notes.event_features import BEATS_IN_BAR, FADING, NOTHING_HEARD
from musicgen.approaches.notes.event_network import EventLayers
from musicgen.approaches.notes.event_recall_stepper import RecallStepper
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.events import DURATION, FIELDS, GAP, PITCH, STEPS_PER_BEAT, VOICE, EventCodec

NEVER = -1e9
NO_LIMIT = 2**30


class EventStepper:
    """One field of one event at a time, with the bookkeeping of `event_features`.

    It keeps to the habits of the songs: chords are ordered upwards and no larger, a voice with one note at a time does
    not get two, no voice repeats a pitch more often, nor do all together, and none leaves its range (without this rule,
    pieces would drift, because training transposes to all keys).

    Which pitch comes is for the rules; when, for how long and in which voice stays nearly as likely as the network
    says. So does a voice's last pitch: often it is the likeliest by far, and rules that leave out the rest would never
    let go of a chord that has come a few times.

    State, a dict: memory (LSTM states), context (batch, units), chosen (batch, 5), position, bar, together, still,
    lowest (batch,), left (batch, pitches), latest, repeats, singing, floor, ceiling (batch, voices), heard (batch, 2,
    12); for networks that recall also `recall` (see event_recall_stepper) and `then` (batch, 5), the event before.
    """

    loosened = tuple(field for field in range(len(FIELDS)) if field != PITCH)

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
        self.most_still = codec.most_still or NO_LIMIT
        self.zero_gap = codec.values[GAP].index(0)
        self.recall = RecallStepper(codec) if sizes.recalls else None

    def start(self, position: Any, bar: Any) -> tuple[Any, Any]:
        """(logits of the first field, state) of pieces that start at `position` (batch,) in bars of length `bar`."""
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
            "still": zeros,
            "singing": ops.zeros((batch_size, self.sizes.fields[VOICE]), "int32"),
            "heard": ops.zeros((batch_size, len(FADING), 12)),
            "lowest": zeros,
            "floor": ops.broadcast_to(ops.convert_to_tensor(self.floor), (batch_size, self.floor.size)),
            "ceiling": ops.broadcast_to(ops.convert_to_tensor(self.ceiling), (batch_size, self.ceiling.size)),
        }
        if self.recall:
            state |= {"recall": self.recall.empty(batch_size), "then": mark}
        return self._listen(state, is_start=True)

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """`token` (batch,) was chosen for `field` → (logits of the next field, state)."""
        state = {**state, "chosen": _put(state["chosen"], field, token)}
        if field == GAP:
            state = self._moved_on(state, token)
        if field == VOICE and self.recall:
            state["recall"] = self.recall.given_voice(state["recall"], token)
        if field == PITCH:
            state["lowest"] = token
        if field == len(FIELDS) - 1:
            return self._listen(self._sung(state), is_start=False)
        return self._logits(field + 1, state), state

    def apart(self, field: int, state: Any) -> Any:
        """The last pitch of the voice, (batch,); None for other fields, and for runs of earlier versions, whose pieces
        stay the same."""
        return self._last(state) if field == PITCH and self.most_still < NO_LIMIT else None

    def _last(self, state: Any) -> Any:
        voice = ops.minimum(state["chosen"][:, VOICE], self.sizes.fields[VOICE] - 1)
        return ops.squeeze(ops.take_along_axis(state["latest"], voice[:, None], axis=1), axis=1)

    def _empty_memory(self, batch_size: int) -> Any:
        return [self.layers.lstm(number).initial_state(batch_size) for number in range(self.sizes.num_layers)]

    def _remember(self, x: Any, memory: Any) -> tuple[Any, Any]:
        """Input (batch, embedding), memory → (context (batch, units), memory)."""
        after = []
        for number, before in enumerate(memory):
            state = self.layers.lstm(number).step(x, before)
            after.append(state)
            x = self.layers.after_lstm(number, state[0])
        return x, after

    def _moved_on(self, state: Any, token: Any) -> Any:
        gap = ops.take(ops.convert_to_tensor(self.gaps), token)
        is_chord = gap == 0
        if self.recall:
            state = {**state, "recall": self.recall.moved_on(state["recall"], gap)}
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
        goes_on = ops.max(is_again * is_voice, axis=1)
        if self.recall:
            state = {**state, "recall": self.recall.sung(state["recall"], chosen, length), "then": chosen}
        return {
            **state,
            "repeats": ops.where(is_voice > 0, state["repeats"] * is_again + 1, state["repeats"]),
            "still": state["still"] * goes_on + 1,
            "singing": ops.maximum(state["singing"], is_voice),
            "heard": state["heard"] * np.array(FADING, dtype="float32")[:, None] + is_class,
            "left": ops.maximum(state["left"], is_pitch * length[:, None]),
            "latest": ops.where(is_voice > 0, pitch[:, None], state["latest"]),
            # A prompt may go beyond the range of the songs.
            "floor": ops.where(is_voice > 0, ops.minimum(state["floor"], pitch[:, None]), state["floor"]),
            "ceiling": ops.where(is_voice > 0, ops.maximum(state["ceiling"], pitch[:, None]), state["ceiling"]),
        }

    def _listen(self, state: Any, *, is_start: bool) -> tuple[Any, Any]:
        """Read the event just chosen (or the start mark) → (logits of the first field of the next one, state)."""
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
        last = self._last(state)
        chosen = [state["chosen"][:, number] for number in range(self.num_fields)]
        sounding = ops.cast(state["left"] > 0, "float32")
        anchors = [last, chosen[PITCH]]  # not chosen yet: that of the event before
        heard = state["heard"]
        shares = ops.reshape(heard / (ops.sum(heard, axis=2, keepdims=True) + NOTHING_HEARD), (batch_size, -1))
        recalled = self.recall.recalled(state["recall"], state["then"]) if self.recall else None
        logits = self.layers.logits(
            field, state["context"], chosen, self._phase(state), sounding, anchors, shares, recalled
        )
        if field == VOICE:
            is_taken = self._is_taken(state)
            is_taken = ops.logical_and(is_taken, ops.logical_not(ops.all(is_taken, axis=1, keepdims=True)))
            return ops.where(is_taken, NEVER, logits)
        if field == PITCH:
            return ops.where(self._is_excluded(state, voice, last), NEVER, logits)
        return logits

    def _is_taken(self, state: Any) -> Any:
        """Voices without a possible note in the chord so far, (batch, voices): they sing already, or lie below it."""
        is_singing = ops.logical_and(state["singing"] > 0, self.is_single)
        return ops.logical_or(is_singing, state["ceiling"] < state["lowest"][:, None])

    def _is_excluded(self, state: Any, voice: Any, last: Any) -> Any:
        """Pitches below the chord so far, outside the range of the voice, or repeated too often: (batch, pitches). If
        no pitch is left, the range is ignored first."""
        pitches = ops.arange(self.sizes.n_pitches)

        def of_voice(name: str) -> Any:
            return ops.take_along_axis(state[name], voice[:, None], axis=1)

        is_worn = ops.logical_or(of_voice("repeats") >= self.most_repeats, state["still"][:, None] >= self.most_still)
        is_worn = ops.logical_and(pitches == last[:, None], is_worn)
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
    """`chosen` (batch, 5) with `token` (batch,) at `field`."""
    return ops.where(ops.arange(chosen.shape[1]) == field, token[:, None], chosen)
