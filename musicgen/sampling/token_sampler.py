"""Samples token sequences from a network with state: one compiled loop that carries the state from step to step.

A network implements Stepper; only the network knows what the tokens mean. An event is one token, or several fields
chosen one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from musicgen.networks.backend import compiled, ops
from musicgen.sampling.portions import in_portions
from musicgen.sampling.rules import Rules, choose, less_likely_again

EVENTS_PER_CALL = 2048  # at most: a fast network's quarter of a second
HEARD_PER_CALL = 128


class Stepper(Protocol):
    """A network run one choice at a time. `state` is a tree of tensors whose first axis, if any, is the batch.

    The contract is initial state → step(token, state) → logits, state. An event of several fields takes one step each;
    logits are those of the next field. `start` of each gives the state before any prompt, with the
    first logits if the network can predict by then.
    """

    model: Any
    num_fields: int

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,) of `field` → (logits of the next field (batch, its vocabulary), state)."""


@runtime_checkable
class SetsApart(Protocol):
    """A stepper with a token whose probability the rules leave as it is.

    On a grid, to go on as before is the likeliest nearly always. With rules that favour the likely, notes and rests
    would last longer than in the songs, and some for ever.
    """

    def apart(self, field: int, state: Any) -> Any:
        """That token of `field`, (batch,); None if there is none."""


@runtime_checkable
class LoosensRules(Protocol):
    """A stepper with fields for which the rules are loosened.

    That a note is as long as the one before, or comes as soon, is often likelier than all else together. With rules
    that favour the likely, pieces would have one length of notes and the same bar again and again.
    """

    loosened: tuple[int, ...]


def sample(
    stepper: Stepper,
    begin: tuple[Any, Any],
    noise: NDArray[np.float32],
    rules: Rules,
    *,
    progress: Callable[[int], None] = lambda done: None,
    so_far: Callable[[NDArray[np.int32]], None] = lambda made: None,
) -> NDArray[np.int32]:
    """New events after the prompt in `begin`.

    Args:
        begin: (logits of the first field, state), from the stepper's start or from `hear`.
        noise: uniform numbers, shape (batch, n_events, num_fields); one for each choice.
        progress: called with the number of events so far, often enough to cancel within a second.
        so_far: called as often with the events so far, (batch, n, num_fields).

    Returns:
        Token ids, shape (batch, n_events, num_fields).
    """
    batch_size, n_events, num_fields = noise.shape
    form, numbers = rules.form, np.stack([rules.numbers, rules.loosened.numbers])
    run = compiled(
        lambda begin, noise, n_events, recent, numbers: _choose_events(
            stepper, begin, noise, n_events, recent, form, numbers
        ),
        stepper.model,
    )
    made = np.empty((batch_size, n_events, num_fields), dtype=np.int32)
    recent: Any = np.full((batch_size, rules.remembers), -1, dtype=np.int32)
    drawn = np.zeros((EVENTS_PER_CALL, batch_size, num_fields), dtype=np.float32)

    def work(portion: slice) -> None:
        nonlocal begin, recent
        count = portion.stop - portion.start
        drawn[:count] = noise[:, portion].transpose(1, 0, 2)
        events, begin, recent = run(begin, drawn, np.int32(count), recent, numbers)
        made[:, portion] = np.asarray(events)[:count].transpose(1, 0, 2)

    for portion in in_portions(n_events, EVENTS_PER_CALL, work):
        progress(portion.stop)
        so_far(made[:, : portion.stop])
    return made


def hear(stepper: Stepper, begin: tuple[Any, Any], events: NDArray[np.integer]) -> tuple[Any, Any]:
    """Prefill: (logits, state) after a prompt of events, shape (batch, n_events, num_fields)."""
    run = compiled(
        lambda begin, heard, n_heard: _hear_events(stepper, begin, heard, n_heard),
        stepper.model,
    )
    batch_size, n_events, num_fields = events.shape
    for start in range(0, n_events, HEARD_PER_CALL):
        piece = events[:, start : start + HEARD_PER_CALL]
        heard = np.zeros((HEARD_PER_CALL, batch_size, num_fields), dtype=np.int32)
        heard[: piece.shape[1]] = piece.transpose(1, 0, 2)
        begin = run(begin, heard, np.int32(piece.shape[1]))
    return begin


def _choose_events(
    stepper: Stepper, begin: tuple[Any, Any], noise: Any, n_events: Any, recent: Any, rules: Rules, numbers: Any
) -> tuple[Any, Any, Any]:
    """(the first `n_events` events, the start of the next call, the recent choices). `numbers`: of the rules, and of
    the loosened ones."""
    num_fields = noise.shape[2]
    loosened = stepper.loosened if isinstance(stepper, LoosensRules) else ()

    def body(number: Any, logits: Any, state: Any, recent: Any, made: Any) -> Any:
        tokens = []
        for field in range(num_fields):
            is_penalised = bool(rules.remembers) and field == rules.penalised_field
            if is_penalised:
                logits = less_likely_again(logits, recent, numbers[0, 2])
            apart = stepper.apart(field, state) if isinstance(stepper, SetsApart) else None
            is_loose = field in loosened
            its_rules = rules.loosened.form if is_loose else rules
            token = choose(logits, noise[number, :, field], its_rules, numbers[int(is_loose)], apart)
            if is_penalised:
                recent = ops.concatenate([recent[:, 1:], token[:, None]], axis=1)
            logits, state = stepper.step(field, token, state)
            tokens.append(token)
        made = ops.slice_update(made, (number, 0, 0), ops.stack(tokens, axis=1)[None])
        return number + 1, logits, state, recent, made

    start = (ops.convert_to_tensor(0, "int32"), *begin, recent, ops.zeros(noise.shape, "int32"))
    end = ops.while_loop(lambda number, *_: number < n_events, body, start, maximum_iterations=noise.shape[0])
    return end[4], (end[1], end[2]), end[3]


def _hear_events(stepper: Stepper, begin: tuple[Any, Any], heard: Any, n_heard: Any) -> tuple[Any, Any]:
    def body(number: Any, logits: Any, state: Any) -> Any:
        for field in range(stepper.num_fields):
            logits, state = stepper.step(field, heard[number, :, field], state)
        return number + 1, logits, state

    start = (ops.convert_to_tensor(0, "int32"), *begin)
    end = ops.while_loop(lambda number, *_: number < n_heard, body, start, maximum_iterations=heard.shape[0])
    return end[1], end[2]
