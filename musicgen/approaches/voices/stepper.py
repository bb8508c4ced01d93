"""The continuing network one note at a time, for sampling: the state of a piece, with the looking-up of what followed
earlier matches that `matches` does for whole songs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.examples import LAST_BEATS
from musicgen.approaches.voices.matches import HELD, KINDS, LENGTHS, MEMORY, SHORTEST
from musicgen.approaches.voices.network import VoiceLayers
from musicgen.approaches.voices.shared_network import is_pitch
from musicgen.approaches.voices.sizes import LEFT, PLACES, STRETCHES, TONES, VoiceSizes

NEVER = -1e9


class VoiceStepper:
    """An event is a voice at a step: its note and, with strikes, whether it is struck (again). The voices of a step
    come in order; which one is next is part of the state, so that one program serves all.

    No voice leaves its range in the songs, because training transposes to all keys and pieces would drift; and no note
    or rest, and no silence of all voices, lasts longer than the longest in the songs, their last notes left out.

    State, a dict: number, the place in order of the voice to be decided; memory (LSTM states), views (batch, voices in
    order, head), told (see VoiceLayers, (batch, …)), chosen, struck (batch, voices in order), past (batch, MEMORY,
    voices) with the last step at the end, runs (batch, KINDS, MEMORY) of the match that ends at each of these steps,
    count, last_beat (batch, voices): steps held, and what was on the last beat; silent (batch,): steps since a voice
    sang; tones (batch, STRETCHES, TONES), if
    they are counted; position, bar, left (batch,); left is -1 if the end is unknown.
    """

    def __init__(self, model: keras.Model, sizes: VoiceSizes, codec: GridCodec) -> None:
        self.model, self.sizes = model, sizes
        self.layers = VoiceLayers(sizes, model)
        self.allowed = codec.allowed()[list(sizes.order)]
        self.beat = codec.steps_per_beat
        self.longest = None if codec.longest is None else np.array(codec.longest, dtype=np.int32)
        self.silence = codec.silence
        self.num_fields = 2 if sizes.strikes else 1

    def start(self, position: Any, bar: Any, left: Any) -> tuple[Any, Any]:
        """(logits of the first field, state) of pieces that start at `position` (batch,) in bars of `bar` steps, and
        that have `left` steps; -1 for not knowing."""
        batch_size, voices = position.shape[0], self.sizes.voices
        nothing = ops.full((batch_size, voices), self.sizes.nothing, "int32")
        state = {
            "memory": [self.layers.lstm(number).initial_state(batch_size) for number in range(self.sizes.num_layers)],
            "past": ops.full((batch_size, MEMORY, voices), self.sizes.nothing, "int32"),
            "runs": ops.zeros((batch_size, KINDS, MEMORY), "int32"),
            "count": ops.zeros((batch_size, voices), "int32"),
            "last_beat": nothing,
            "silent": ops.zeros((batch_size,), "int32"),
            "position": position, "bar": bar, "left": left,
        }  # fmt: skip
        no_match = ops.full((batch_size, KINDS, voices), self.sizes.nothing, "int32")
        if self.sizes.counts_tones:
            state["tones"] = ops.zeros((batch_size, STRETCHES, TONES))
        if self.sizes.strikes:
            state["again"] = ops.zeros((batch_size,))
        return self._note_logits(self._listen(state, nothing, no_match, ops.zeros((batch_size, KINDS), "int32")))

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """`token` (batch,) was chosen for `field` → (logits of the next field, state)."""
        number = state["number"]
        if field:
            state = {**state, "struck": _put(state["struck"], number, token)}
        else:
            state = {**state, "chosen": _put(state["chosen"], number, token)}
            if self.sizes.strikes:
                return self._strike_logits(token, state), state
        is_last = number == self.sizes.voices - 1
        state = ops.cond(is_last, lambda: self._moved_on(state), lambda: {**state, "number": number + 1})
        return self._note_logits(state)

    def apart(self, field: int, state: Any) -> Any:
        """To go on as before: the voice's own last note or rest, and not struck again. So the lengths of notes are as
        likely as the network says, whatever the temperature."""
        _, before = self._now(state)
        return ops.zeros_like(before) if field else before

    def _now(self, state: Any) -> tuple[Any, Any]:
        """(the voice to be decided, its last note (batch,))."""
        voice = ops.take(np.array(self.sizes.order, dtype=np.int32), state["number"])
        return voice, ops.take(state["told"]["previous"], voice, axis=1)

    def _strike_logits(self, token: Any, state: Any) -> Any:
        """(batch, 2): a rest is never struck, another pitch always, the same pitch as the network says, or if it has
        been held for long enough."""
        (voice, before), again = self._now(state), state["again"]
        is_other = ops.logical_or(token != before, self._is_over(state, voice, before))
        held = ops.where(ops.logical_and(token > 0, is_other), NEVER, ops.zeros_like(again))
        struck = ops.where(token == 0, NEVER, ops.where(token == before, again, 0.0))
        return ops.stack([held, struck], axis=-1)

    def _note_logits(self, state: Any) -> tuple[Any, Any]:
        number = ops.reshape(state["number"], (1,))
        view = ops.take(state["views"], number, axis=1)
        logits, again = self.layers.logits(view, number, state["told"], state["chosen"], state["struck"])
        allowed = ops.take(ops.convert_to_tensor(self.allowed), number, axis=0)
        logits = self._not_silent(ops.where(allowed, logits[:, 0], NEVER), state)
        return self._not_for_ever(logits, again, state), {**state, "again": again[:, 0]} if again is not None else state

    def _not_silent(self, logits: Any, state: Any) -> Any:
        """If all voices have rested for long enough, the last one to be decided does not rest with the others."""
        if self.silence is None:
            return logits
        is_last = state["number"] == self.sizes.voices - 1
        others_rest = ops.all(state["chosen"][:, :-1] == 0, axis=1)
        must_sing = ops.logical_and(ops.logical_and(is_last, others_rest), state["silent"] >= self.silence)
        is_rest = ops.arange(self.sizes.values) == 0
        return ops.where(ops.logical_and(must_sing[:, None], is_rest), NEVER, logits)

    def _is_over(self, state: Any, voice: Any, before: Any) -> Any:
        """Whether the voice's last note or rest (batch,) has lasted as long as any in the songs."""
        if self.longest is None:
            return ops.zeros_like(before, dtype="bool")
        note, rest = ops.split(ops.take(ops.convert_to_tensor(self.longest), voice, axis=0), 2)
        return ops.take(state["count"], voice, axis=1) >= ops.where(before > 0, note, rest)

    def _not_for_ever(self, logits: Any, again: Any, state: Any) -> Any:
        """A rest that is over does not go on; a note may be struck again, which is as likely as the network says."""
        if self.longest is None:
            return logits
        voice, before = self._now(state)
        is_same = ops.one_hot(before, self.sizes.values, dtype="float32") > 0
        struck = ops.full_like(logits[:, :1], NEVER) if again is None else ops.log_sigmoid(again[:, :1])
        less = ops.where(before[:, None] > 0, struck, NEVER)
        return ops.where(ops.logical_and(is_same, self._is_over(state, voice, before)[:, None]), logits + less, logits)

    def _moved_on(self, state: Any) -> Any:
        """A step is decided: look up what it matches, and listen to it."""
        back = np.argsort(self.sizes.order)
        ids, struck = ops.take(state["chosen"], back, axis=1), ops.take(state["struck"], back, axis=1)
        begins = ops.logical_or(ids != state["told"]["previous"], struck > 0)
        if self.sizes.counts_tones:
            passed = self._tones(state["past"][:, MEMORY - LAST_BEATS * self.beat])
            heard = self._tones(ids)
            state = {**state, "tones": state["tones"] + ops.stack([heard, heard - passed], axis=1)}
        past = ops.concatenate([state["past"][:, 1:], ids[:, None]], axis=1)
        runs, match, length = self._matched(past, ids, state["runs"])
        is_beat = state["position"] % self.beat == 0
        state = {
            **state,
            "past": past,
            "runs": runs,
            "count": ops.where(begins, 1, state["count"] + 1),
            "last_beat": ops.where(is_beat[:, None], ids, state["last_beat"]),
            "silent": ops.where(ops.all(ids == 0, axis=1), state["silent"] + 1, 0),
            "position": state["position"] + 1,
            "left": ops.where(state["left"] > 0, state["left"] - 1, state["left"]),
        }
        return self._listen(state, ids, match, length)

    def _matched(self, past: Any, ids: Any, runs: Any) -> tuple[Any, Any, Any]:
        """(runs, what followed the longest match (batch, KINDS, voices), its length (batch, KINDS))."""
        equal = past == ids[:, None]
        same = ops.stack([ops.all(equal, axis=-1), equal[..., 0]], axis=1)
        same = ops.logical_and(same, ops.arange(MEMORY) < MEMORY - 1)  # the last step would match itself
        runs = ops.where(same, runs + 1, 0)
        length = ops.max(runs, axis=-1)
        place = MEMORY - 1 - ops.argmax(ops.flip(runs, axis=-1), axis=-1)  # the latest of the longest
        is_match = length >= SHORTEST
        following = ops.minimum(ops.cast(place, "int32") + 1, MEMORY - 1)
        match = ops.take_along_axis(past, following[..., None], axis=1)
        return runs, ops.where(is_match[..., None], match, self.sizes.nothing), ops.where(is_match, length, 0)

    def _tones(self, ids: Any) -> Any:
        """How many voices (batch, voices) sing each tone of the octave, (batch, TONES)."""
        is_sung = ops.cast(is_pitch(ids, self.sizes.values), "float32")
        return ops.sum(ops.one_hot(ids % TONES, TONES, dtype="float32") * is_sung[..., None], axis=1)

    def _listen(self, state: Any, ids: Any, match: Any, length: Any) -> Any:
        """Hear the step just decided (batch, voices) → the state before the first voice of the next one."""
        place = ops.minimum(state["position"] % state["bar"], PLACES - 1)
        left = ops.where(state["left"] < 0, 0, ops.minimum(1 + (state["left"] - 1) // self.beat, LEFT - 1))
        told = {
            "previous": ids,
            "held": _class(state["count"], HELD),
            "last_beat": state["last_beat"],
            "is_beat": ops.cast(state["position"] % self.beat == 0, "int32"),
            "match": match,
            "match_length": _class(length, LENGTHS),
            "place": place,
            "bar": ops.minimum(state["bar"], PLACES - 1),
            "left": ops.maximum(left, 0),
        }
        if self.sizes.counts_tones:
            told["tones"] = state["tones"]
        x, memory = self.layers.heard(told), []
        for number, before in enumerate(state["memory"]):
            memory.append(self.layers.lstm(number).step(x, before))
            x = self.layers.after_lstm(number, memory[-1][0])
        empty = ops.zeros_like(ids)
        return {
            **state, "told": told, "memory": memory, "views": self.layers.views(x, told), "chosen": empty,
            "struck": empty, "number": ops.convert_to_tensor(0, "int32"),
        }  # fmt: skip


def _class(values: Any, thresholds: tuple[int, ...]) -> Any:
    """See `matches.classes`."""
    reached = values[..., None] >= ops.convert_to_tensor(np.array(thresholds, dtype=np.int32))
    return ops.sum(ops.cast(reached, "int32"), axis=-1)


def _put(chosen: Any, number: int, token: Any) -> Any:
    """`chosen` (batch, voices) with `token` (batch,) at `number`."""
    return ops.where(ops.arange(chosen.shape[1]) == number, token[:, None], chosen)
