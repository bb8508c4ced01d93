"""Samples around tokens that are known, those that come later too: each piece in several tries at once, of which those
go on that make the known tokens likely.

So a network that only ever looks back takes notice of what follows (a particle filter: Gordon et al., Novel approach to
nonlinear/non-Gaussian Bayesian state estimation, 1993; for language networks Lew et al., Sequential Monte Carlo
steering, 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.networks.backend import compiled, ops, rows
from musicgen.sampling.rules import Rules, choose
from musicgen.sampling.token_sampler import SetsApart, Stepper

FREE = -1  # in place of a token that is known
TRIES = 8  # of each piece at once
FEW = 0.5  # share of the tries that still count, below which they are drawn anew
LEAST = -20.0  # what a known token counts at least: one that the network never chooses speaks against all tries alike


def sample_around(
    stepper: Stepper,
    begin: tuple[Any, Any],
    known: NDArray[np.integer],
    stretch: int,
    rules: Rules,
    seeds: Sequence[int],
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.int32]:
    """Events, shape (len(seeds), n_events, num_fields).

    Args:
        begin: (logits of the first field, state) of `TRIES` tries of the first piece, then of the second, ….
        known: tokens, shape (len(seeds), n_events, num_fields), FREE where one is to be chosen. stretch: events after
            which it is asked which tries go on. progress: called with the number of events so far.
    """
    _, n_events, num_fields = known.shape
    form, numbers = rules.form, rules.numbers
    run = compiled(
        lambda begin, origin, known, noise, n_events, numbers: _go_on(
            stepper, begin, origin, known, noise, n_events, form, numbers
        ),
        stepper.model,
    )
    rngs = [np.random.default_rng([seed, 15]) for seed in seeds]
    tries = np.arange(len(seeds) * TRIES, dtype=np.int32).reshape(len(seeds), TRIES)
    origin, fits = tries.copy(), np.zeros(tries.shape)
    made = np.zeros((tries.size, n_events, num_fields), dtype=np.int32)
    for start in range(0, n_events, stretch):
        count = min(stretch, n_events - start)
        told = np.zeros((stretch, tries.size, num_fields), dtype=np.int32)
        told[:count] = np.repeat(known[:, start : start + count], TRIES, axis=0).transpose(1, 0, 2)
        noise = np.concatenate([rng.random((stretch, TRIES, num_fields), np.float32) for rng in rngs], axis=1)
        noise = np.minimum(noise, np.float32(1 - 2**-24))
        events, fit, begin = run(begin, origin.reshape(-1), told, noise, np.int32(count), numbers)
        made[:, start : start + count] = np.asarray(events)[:count].transpose(1, 0, 2)
        fits += np.asarray(fit).reshape(fits.shape)
        origin = tries.copy()
        for piece, rng in enumerate(rngs):
            shares = _shares(fits[piece])
            if 1 / (shares**2).sum() < FEW * TRIES:
                places = (np.arange(TRIES) + rng.random()) / TRIES
                chosen = np.minimum(np.searchsorted(np.cumsum(shares), places), TRIES - 1)
                origin[piece], fits[piece] = tries[piece, chosen], 0.0
        made[:, : start + count] = made[origin.reshape(-1), : start + count]
        progress(start + count)
    last = [rng.choice(TRIES, p=_shares(fits[piece])) for piece, rng in enumerate(rngs)]
    return made[tries[np.arange(len(seeds)), last]]


def _shares(fits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each try, from the logarithms of how likely it makes what is known."""
    weights = np.exp(fits - fits.max())
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _go_on(
    stepper: Stepper, begin: Any, origin: Any, known: Any, noise: Any, n_events: Any, rules: Rules, numbers: Any
) -> tuple[Any, Any, Any]:
    """(the events, how likely each try made those that were known, the start of the next call). Each try goes on from
    that of its `origin`."""
    logits, state = rows(begin, origin)

    def body(number: Any, logits: Any, state: Any, fits: Any, made: Any) -> Any:
        tokens = []
        for field in range(noise.shape[2]):
            apart = stepper.apart(field, state) if isinstance(stepper, SetsApart) else None
            chosen = choose(logits, noise[number, :, field], rules, numbers, apart)
            is_known = known[number, :, field] != FREE
            token = ops.where(is_known, known[number, :, field], chosen)
            likely = ops.take_along_axis(ops.log_softmax(logits, axis=-1), token[:, None], axis=-1)[:, 0]
            fits = fits + ops.where(is_known, ops.maximum(likely, LEAST), 0.0)
            logits, state = stepper.step(field, token, state)
            tokens.append(token)
        made = ops.slice_update(made, (number, 0, 0), ops.stack(tokens, axis=1)[None])
        return number + 1, logits, state, fits, made

    zero = ops.convert_to_tensor(0, "int32")
    start = (zero, logits, state, ops.zeros(noise.shape[1]), ops.zeros(noise.shape, "int32"))
    end = ops.while_loop(lambda number, *_: number < n_events, body, start, maximum_iterations=noise.shape[0])
    return end[4], end[3], (end[1], end[2])
