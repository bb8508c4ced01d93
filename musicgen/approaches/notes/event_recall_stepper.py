"""What a piece recalls of itself, one event at a time, for sampling: the bookkeeping of `event_recall` on tensors.

State, a dict: past (batch, REACH, 5) the ids of the last events, the latest one last; alike (batch, REACH) how many
events up to each one equal the latest ones; of_voice (batch, REACH) the same among the notes of its voice; back and
ahead (batch, REACH) how many events away the voice's note before and after it are, 0 for none; ends (batch, voices)
steps until a voice ends, and since when; plays (batch, voices); used (batch, values); followed (batch, 6) what followed
the longest match, and its class; voiced (batch, 5) the same in the voice that was chosen last (pitch, length, class),
and length and level of its last note.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from musicgen.approaches.notes.event_network import Recalled
from musicgen.approaches.notes.event_recall import (
    BASE,
    CLASSES,
    FORGETTING,
    LONG_AGO,
    NEVER_YET,
    REACH,
    RECENT,
    end_ids,
    habit_fields,
)
from musicgen.approaches.notes.events import DURATION, FIELDS, GAP, LENGTHS, PITCH, VELOCITY, VOICE, EventCodec


class RecallStepper:
    """See the module. `codec`: of the notes."""

    def __init__(self, codec: EventCodec) -> None:
        self.sizes = codec.sizes
        self.fields = habit_fields(codec.sizes)
        self.end_ids = end_ids(codec)

    def empty(self, batch_size: int) -> dict[str, Any]:
        """Nothing is recalled yet."""
        nothing = ops.zeros((batch_size, REACH), "int32")
        n_voices = self.sizes[VOICE]
        return {
            "past": ops.broadcast_to(ops.convert_to_tensor(self.sizes, "int32"), (batch_size, REACH, len(FIELDS))),
            "alike": nothing,
            "of_voice": nothing,
            "back": nothing,
            "ahead": nothing,
            "ends": ops.full((batch_size, n_voices), NEVER_YET, "int32"),
            "plays": ops.zeros((batch_size, n_voices), "int32"),
            "used": ops.zeros((batch_size, sum(self.sizes[field] for field in self.fields))),
            "followed": self._none(batch_size, (*range(len(FIELDS)), None)),
            "voiced": self._none(batch_size, (PITCH, DURATION, None, DURATION, VELOCITY)),
        }

    def _none(self, batch_size: int, fields: tuple[int | None, ...]) -> Any:
        """No value of these fields, and no match for None: (batch, …)."""
        marks = [0 if field is None else self.sizes[field] for field in fields]
        return ops.broadcast_to(ops.convert_to_tensor(marks, "int32"), (batch_size, len(fields)))

    def moved_on(self, state: Any, gap: Any) -> Any:
        """After a gap of so many steps (batch,)."""
        ends = ops.where(state["ends"] > NEVER_YET, ops.maximum(state["ends"] - gap[:, None], LONG_AGO), state["ends"])
        return {**state, "ends": ends, "plays": ops.where(gap[:, None] > 0, 0, state["plays"])}

    def sung(self, state: Any, event: Any, duration: Any) -> Any:
        """After an event, ids (batch, 5), that lasts so many steps (batch,)."""
        is_voice = ops.one_hot(event[:, VOICE], self.sizes[VOICE], dtype="int32")
        used = [ops.one_hot(event[:, field], self.sizes[field]) for field in self.fields]
        state = self._remembered(state, event)
        longer = ops.maximum(state["ends"], duration[:, None])
        return {
            **state,
            "ends": ops.where(is_voice > 0, longer, state["ends"]),
            "plays": ops.maximum(state["plays"], is_voice),
            "used": state["used"] * FORGETTING + ops.concatenate(used, axis=1) if used else state["used"],
        }

    def _remembered(self, state: Any, event: Any) -> Any:
        past = _appended(state["past"], event)
        same = ops.cast(past == event[:, None], "int32")
        is_older = (np.arange(REACH) < REACH - 1).astype(np.int32)
        whole = same[..., GAP] * same[..., VOICE] * same[..., PITCH] * is_older
        # The match that ended with the event before it; the first one remembered has none before it.
        before = ops.concatenate([ops.zeros_like(state["alike"][:, :1]), state["alike"][:, 1:]], axis=1)
        # The voice's note before this one.
        mine = same[..., VOICE] * is_older
        distance = ops.min(ops.where(mine > 0, REACH - 1 - np.arange(REACH, dtype="int32"), REACH), axis=1)
        distance = ops.where(distance < REACH, distance, 0)
        back = _appended(state["back"], distance)
        ahead = _appended(state["ahead"], ops.zeros_like(distance))
        is_before = np.arange(REACH, dtype="int32") == (REACH - 1 - distance)[:, None]
        ahead = ops.where(ops.logical_and(is_before, distance[:, None] > 0), distance[:, None], ahead)
        matched = _appended(state["of_voice"], ops.zeros_like(distance))
        place = np.arange(REACH, dtype="int32") - back
        has_before = ops.logical_and(back > 0, place >= 0)
        earlier = ops.where(has_before, ops.take_along_axis(matched, ops.maximum(place, 0), axis=1), 0)
        longer = same[..., PITCH] * same[..., DURATION] * (earlier + 1)
        alike = whole * (before + 1)
        followed, followed_class = self._after(past, alike, REACH - 1 - np.arange(REACH, dtype="int32"), 1)
        return {
            **state,
            "past": past,
            "alike": alike,
            "back": back,
            "ahead": ahead,
            "of_voice": ops.where(mine > 0, longer, matched),
            "followed": ops.concatenate([followed, followed_class[:, None]], axis=1),
        }

    def given_voice(self, state: Any, voice: Any) -> Any:
        """After the voice of the next event (batch,) was chosen."""
        past, places = state["past"], np.arange(REACH, dtype="int32")
        of_voice = past[..., VOICE] == voice[:, None]
        is_mine = ops.cast(of_voice, "int32")
        later = ops.sum(is_mine, axis=1, keepdims=True) - ops.cumsum(is_mine, axis=1)  # notes of the voice
        voiced, voiced_class = self._after(past, state["of_voice"] * is_mine, later, state["ahead"])
        latest = ops.max(ops.where(of_voice, places, -1), axis=1)
        last = _at(past, ops.maximum(latest, 0))
        none = ops.convert_to_tensor(self.sizes, "int32")
        last = ops.where(latest[:, None] >= 0, last, none)
        found = [voiced[:, PITCH], voiced[:, DURATION], voiced_class, last[:, DURATION], last[:, VELOCITY]]
        return {**state, "voiced": ops.stack(found, axis=1)}

    def recalled(self, state: Any, then: Any) -> Recalled:
        """What is recalled now. Of the voice only once it is chosen. `then`: ids (batch, 5) of the event before."""
        voiced = state["voiced"]
        pointers = [
            state["followed"], voiced[:, :3], self._next_end(state)[:, None], voiced[:, 3:],
            then[:, DURATION : DURATION + 1], then[:, VELOCITY : VELOCITY + 1],
        ]  # fmt: skip
        return Recalled(ops.concatenate(pointers, axis=1), self._states(state), self._habits(state))

    def _after(self, past: Any, matched: Any, back: Any, ahead: Any) -> tuple[Any, Any]:
        """(the event `ahead` of the longest match, its class), the latest of several; none without a match. `back`:
        from each one to the latest, (batch, REACH); nothing matches at 0."""
        places = np.arange(REACH, dtype="int32")
        matched = ops.where(back > 0, matched, 0)
        figure = ops.argmax(ops.where(ops.logical_and(matched > 0, matched >= back), places + 1, 0), axis=1)
        figure = ops.cast(figure, "int32")
        best = ops.cast(ops.argmax(matched * REACH + places, axis=1), "int32")
        period, again = _at(ops.broadcast_to(back, matched.shape), figure), _at(matched, figure)
        is_figure = ops.logical_and(again >= ops.maximum(period, 1), _at(matched, best) <= again + period)
        best = ops.where(is_figure, figure, best)
        length = ops.where(is_figure, period, _at(matched, best))
        step = ahead if isinstance(ahead, int) else _at(ahead, best)
        found = _at(past, ops.minimum(best + step, REACH - 1))
        none = ops.convert_to_tensor(self.sizes, "int32")
        kind = ops.sum(ops.cast(length[:, None] >= CLASSES.astype("int32"), "int32"), axis=1)
        return ops.where(length[:, None] > 0, found, none), kind

    def _next_end(self, state: Any) -> Any:
        longest = int(LENGTHS[-1])
        soonest = ops.min(ops.where(state["ends"] > 0, state["ends"], longest + 1), axis=1)
        ids = ops.take(ops.convert_to_tensor(self.end_ids), ops.minimum(soonest, longest))
        return ops.where(soonest > longest, self.sizes[GAP], ids)

    def _states(self, state: Any) -> Any:
        ends = state["ends"]
        flags = [
            ends > 0, ends == 0, ops.logical_and(ends < 0, ends >= RECENT), state["plays"] > 0, ends > NEVER_YET,
        ]  # fmt: skip
        return ops.concatenate([ops.cast(flag, "float32") for flag in flags], axis=1)

    def _habits(self, state: Any) -> Any:
        shares, first = [], 0
        for field in self.fields:
            size = self.sizes[field]
            used = state["used"][:, first : first + size]
            shares.append((used + BASE / size) / (ops.sum(used, axis=1, keepdims=True) + BASE))
            first += size
        return ops.concatenate(shares, axis=1) if shares else state["used"]


def _appended(row: Any, latest: Any) -> Any:
    """(batch, REACH, …) without the oldest, with the latest (batch, …)."""
    return ops.concatenate([row[:, 1:], ops.expand_dims(latest, 1)], axis=1)


def _at(row: Any, place: Any) -> Any:
    """row (batch, REACH, …) at place (batch,)."""
    index = ops.reshape(place, (-1, *(1 for _ in row.shape[1:])))
    return ops.squeeze(ops.take_along_axis(row, ops.broadcast_to(index, (row.shape[0], 1, *row.shape[2:])), axis=1), 1)
