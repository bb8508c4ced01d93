"""Sampling around known tokens, against a chain whose probabilities are known."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from musicgen.approaches.voices.sampling_around import FREE, TRIES, sample_around
from musicgen.networks.backend import ops
from musicgen.sampling.rules import Rules

pytestmark = pytest.mark.numeric

STAYS = 0.9


class Chain:
    """Two tokens; each comes again with the probability STAYS."""

    num_fields = 1

    def __init__(self) -> None:
        self.model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def start(self, batch_size: int) -> Any:
        return ops.zeros((batch_size, 2)), {"count": ops.convert_to_tensor(0), "last": ops.zeros((batch_size,))}

    def step(self, field: int, token: Any, state: Any) -> Any:
        logits = ops.log(ops.where(ops.one_hot(token, 2) > 0, STAYS, 1 - STAYS))
        return logits, {"count": state["count"] + 1, "last": ops.cast(token, "float32")}


def test_what_comes_later_counts_as_much_as_it_should() -> None:
    seeds, n_events = range(600), 7
    known = np.full((len(seeds), n_events, 1), FREE, dtype=np.int32)
    known[:, -1] = 1
    stepper = Chain()
    done: list[int] = []
    made = sample_around(stepper, stepper.start(len(seeds) * TRIES), known, 2, Rules(), list(seeds), done.append)
    assert done == [2, 4, 6, 7]
    assert made.shape == known.shape
    assert (made[:, -1] == 1).all()
    # Forwards and back: the same as staying for as many steps from the known token.
    expected = [0.5 + 0.5 * (2 * STAYS - 1) ** (n_events - 1 - place) for place in range(n_events)]
    np.testing.assert_allclose(made[:, :, 0].mean(axis=0), expected, atol=0.06)


def test_known_tokens_stay_and_a_seed_makes_the_same_whatever_is_made_beside_it() -> None:
    rng = np.random.default_rng(1)
    known = np.where(rng.random((3, 20, 1)) < 0.5, rng.integers(0, 2, (3, 20, 1)), FREE)
    stepper = Chain()
    made = sample_around(stepper, stepper.start(3 * TRIES), known, 4, Rules(), [5, 6, 7])
    assert (made == known)[known != FREE].all()
    assert ((made == 0) | (made == 1)).all()
    alone = sample_around(stepper, stepper.start(TRIES), known[1:2], 4, Rules(), [6])
    np.testing.assert_array_equal(alone[0], made[1])
