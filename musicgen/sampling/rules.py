"""Decoding rules: from logits and a random number to a token.

The randomness is one uniform number per choice, drawn beforehand from the seed: the same seed gives the same piece on
every machine and backend, whatever else is generated with it. Raw audio is sampled in its own compiled kernel; a test
checks that it follows these rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.networks.backend import ops

EXCLUDED = -1e9
LOOSE_TOP_P = 0.99
HALVINGS = 24  # as fine as a float32


@dataclass(frozen=True)
class Rules:
    """How to choose.

    Attributes:
        temperature: logits are divided by it; below 1 is more predictable, above 1 more surprising. Greater than 0.
        top_k: only the k likeliest; 0 for all.
        top_p: only the likeliest that together have this probability; 1 for all (Holtzman et al., The curious case of
            neural text degeneration, 2020).
        greedy: always choose the likeliest (argmax): repeats itself sooner or later.
        repetition_penalty: the probability of recently chosen tokens is divided by it; 1 for none (after Keskar et al.,
            CTRL, 2019).
        repetition_window: number of recent choices. penalised_field: of events with several fields, the one that
            is penalised.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    greedy: bool = False
    repetition_penalty: float = 1.0
    repetition_window: int = 16
    penalised_field: int = 0

    @property
    def remembers(self) -> int:
        """How many of the last choices are considered."""
        return self.repetition_window if self.repetition_penalty != 1.0 else 0

    @property
    def loosened(self) -> Rules:
        """For choices that are to stay nearly as likely as the network says, unless the likeliest is always wanted:
        only what is most unlikely is left out, and a temperature above 1 counts."""
        return Rules(max(1.0, self.temperature), top_p=max(LOOSE_TOP_P, self.top_p), greedy=self.greedy)

    @property
    def form(self) -> Rules:
        """Equal for all rules that one compiled program can follow: those that differ in their `numbers` only."""
        nucleus, penalty = (0.5 if self.top_p < 1.0 else 1.0), (2.0 if self.remembers else 1.0)
        return replace(self, temperature=1.0, top_p=nucleus, repetition_penalty=penalty)

    @property
    def numbers(self) -> NDArray[np.float32]:
        """1 / temperature, top_p, log(repetition_penalty): arguments of the program, so that other ones need no
        other program."""
        return np.array([1.0 / np.float32(self.temperature), self.top_p, np.log(self.repetition_penalty)], np.float32)


def less_likely_again(logits: Any, recent: Any, log_penalty: Any) -> Any:
    """logits (batch, vocabulary) with those of the tokens in `recent` (batch, n) lowered by `log_penalty`, once each;
    -1 in `recent` stands for none."""
    was_chosen = ops.max(ops.one_hot(recent, logits.shape[-1]), axis=1)
    return logits - log_penalty * was_chosen


def choose(logits: Any, uniform: Any, rules: Rules, numbers: Any = None, apart: Any = None) -> Any:
    """logits (batch, vocabulary), uniform (batch,) in [0, 1) → tokens (batch,), int32.

    Args:
        numbers: of rules of this form, in place of their own.
        apart: tokens (batch,), whose probability stays as the network says; the rules are for the choice among the
            others. A token outside the vocabulary stands for none. With top_p, this token or all others are left out
            if they have less than half of the probability that top_p leaves out.
    """
    if rules.greedy or logits.shape[-1] == 1:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    numbers = ops.convert_to_tensor(rules.numbers) if numbers is None else numbers
    if apart is None:
        return _chosen(logits, uniform, rules, numbers)
    is_apart = ops.one_hot(apart, logits.shape[-1], dtype="float32")
    probability = ops.sum(is_apart * ops.softmax(logits, axis=-1), axis=-1)
    if rules.top_p < 1.0:  # in pieces of many steps, what is unlikely at each of them comes about at some
        rare = 0.5 * (1.0 - numbers[1])
        probability = ops.where(probability < rare, 0.0, ops.where(probability > 1.0 - rare, 1.0, probability))
    # The same random number serves both choices: what is left of it, scaled up, is as random as before.
    rest = ops.clip((uniform - probability) / ops.maximum(1.0 - probability, 1e-6), 0.0, 1.0 - 2**-24)
    other = _chosen(ops.where(is_apart > 0, EXCLUDED, logits), rest, rules, numbers)
    return ops.where(uniform < probability, ops.cast(apart, "int32"), other)


def _chosen(logits: Any, uniform: Any, rules: Rules, numbers: Any) -> Any:
    logits = logits * numbers[0]
    vocabulary_size = logits.shape[-1]
    if 0 < rules.top_k < vocabulary_size:
        least = ops.top_k(logits, rules.top_k)[0][:, -1:]
        logits = ops.where(logits < least, EXCLUDED, logits)
    if rules.top_p < 1.0:
        logits = ops.where(_is_in_nucleus(logits, numbers[1]), logits, EXCLUDED)
    cumulative = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    # The first token whose cumulative probability exceeds the random number; it is scaled to the total after
    # rounding, so that a number close to 1 never falls off the end.
    reached = cumulative > (uniform * cumulative[:, -1])[:, None]
    return ops.cast(ops.argmax(ops.cast(reached, "int32"), axis=-1), "int32")


def _is_in_nucleus(logits: Any, top_p: Any) -> Any:
    """True for the likeliest tokens, up to and including the one at which their total probability reaches `top_p`.

    The threshold is found by bisection: many times faster than sorting."""
    probability = ops.softmax(logits, axis=-1)

    def halve(_: Any, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
        least, most = bounds
        middle = 0.5 * (least + most)
        reached = ops.sum(ops.where(probability >= middle, probability, 0.0), axis=-1, keepdims=True) >= top_p
        return ops.where(reached, middle, least), ops.where(reached, most, middle)

    highest = ops.max(probability, axis=-1, keepdims=True)
    return probability >= ops.fori_loop(0, HALVINGS, halve, (ops.zeros_like(highest), highest))[0]


def uniforms(seeds: Sequence[int], *shape: int) -> NDArray[np.float32]:
    """Random numbers for each seed, shape (len(seeds), *shape); longer shapes begin with the same numbers."""
    drawn = np.stack([np.random.default_rng([seed, 3]).random(shape, dtype=np.float32) for seed in seeds])
    return np.minimum(drawn, np.float32(1 - 2**-24))
