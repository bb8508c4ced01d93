"""A jazz network one word at a time, with the rules of measures applied to its logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.jazz_lstm.sizes import JazzSizes
from musicgen.approaches.jazz_lstm.tokens import Token
from musicgen.networks.backend import ops
from musicgen.networks.recurrent import LSTM
from musicgen.sampling.rules import EXCLUDED
from musicgen.symbolic.gathering import STEPS


class FreeStepper:
    """The authors' way: any word may follow any other, up to the requested length.

    State: LSTM states, where the next word starts (twelfths of a beat), its measure, whether a note has sounded in it,
    the length of the measures, and which words may come before and after the first note (2, vocabulary).
    """

    num_fields = 1

    def __init__(
        self,
        model: Any,
        sizes: JazzSizes,
        tokens: Sequence[Token],
        *,
        linked: bool = False,
        onsets: Sequence[int] = range(STEPS),
    ) -> None:
        self.model, self.sizes, self.linked = model, sizes, linked
        self.lstms = [layer for layer in model.layers if isinstance(layer, LSTM)]
        self.features, self.head = model.get_layer("features"), model.get_layer("logits")
        self.lengths = np.array([token.length for token in tokens], dtype=np.int32)
        self.is_note = np.array([not token.is_rest for token in tokens], dtype=np.int32)
        self.is_onset = np.isin(np.arange(STEPS), list(onsets)).astype(np.float32)
        self.shortest = int(self.lengths[self.lengths > 0].min(initial=4 * STEPS))

    def start(self, measures: NDArray[np.int32], allowed: NDArray[np.float32]) -> tuple[Any, Any]:
        """(logits of the first word, state) at the start. `measures` (batch,): length of the measures of each piece."""
        batch_size = len(measures)
        zero = ops.zeros((batch_size,), "int32")
        memories = [layer.initial_state(batch_size) for layer in self.lstms]
        rules = ops.convert_to_tensor(measures), ops.convert_to_tensor(allowed)
        return self._after(zero - 1, (memories, zero, zero, zero, *rules))

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,) → (logits of the next word (batch, vocabulary), state)."""
        memories, place, number, sounded, measure, allowed = state
        place = place + ops.take(ops.convert_to_tensor(self.lengths), token)
        sounded = ops.maximum(sounded, ops.take(ops.convert_to_tensor(self.is_note), token))
        is_full = ops.cast(place + self.shortest > measure, "int32")
        number, place = number + is_full, self._next_place(place, is_full, measure)
        sounded = sounded if self.linked else sounded * (1 - is_full)
        return self._after(token, (memories, place, number, sounded, measure, allowed))

    def _next_place(self, place: Any, is_full: Any, measure: Any) -> Any:
        return place - is_full * measure

    def _after(self, token: Any, state: Any) -> tuple[Any, Any]:
        memories, place, number, *rules = state
        shown = ops.clip(place, 0, max(self.sizes.beats * STEPS, 1) - 1)
        x = self.features([token[:, None], ops.stack([shown, number], axis=-1)[:, None]])[:, 0]
        after = []
        for layer, memory in zip(self.lstms, memories, strict=True):
            memory = layer.step(x, memory)
            after.append(memory)
            x = memory[0]
        return self._ruled(self.head(x), place, *rules), (after, place, number, *rules)

    def _ruled(self, logits: Any, place: Any, sounded: Any, measure: Any, allowed: Any) -> Any:
        return logits


class MeasureStepper(FreeStepper):
    """Keeps to measures: after a full one comes the next, which starts with a note that needs none before it. Words
    that end outside the measure, or at a place in the beat where no note of the songs starts, are only chosen if there
    are no others.

    onsets: twelfths of a beat at which words may start."""

    def _next_place(self, place: Any, is_full: Any, measure: Any) -> Any:
        return place * (1 - is_full)

    def _ruled(self, logits: Any, place: Any, sounded: Any, measure: Any, allowed: Any) -> Any:
        may_come = ops.take(allowed, sounded, axis=0)
        end = place[:, None] + ops.convert_to_tensor(self.lengths)[None]
        lands = ops.take(ops.convert_to_tensor(self.is_onset), ops.mod(end, STEPS))
        fits = ops.where(end < measure[:, None], lands, ops.cast(end == measure[:, None], "float32"))
        both = may_come * fits
        some = ops.cast(ops.sum(both, axis=-1, keepdims=True) > 0, "float32")
        return ops.where(both * some + may_come * (1 - some) > 0, logits, EXCLUDED)


def allowed_words(tokens: Sequence[Token], *, rests_first: bool) -> NDArray[np.float32]:
    """1 for the words that may come before the first note of a measure (row 0), and after it (row 1)."""
    rest = np.array([token.is_rest for token in tokens])
    begins = np.array([token.reach is None for token in tokens]) & ~rest
    rows = [begins | rest if rests_first else begins, ~begins]
    return np.stack([row if row.any() else np.ones_like(row) for row in rows]).astype(np.float32)
