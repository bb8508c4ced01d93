"""How a training paces itself: every approach offers the same knobs, hands them on, and they do what they say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from test_approach_contract import KEYS, songs_for

from musicgen.approaches import approach
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.networks import engine
from musicgen.networks.recipe import Recipe

pytestmark = pytest.mark.framework


@pytest.mark.parametrize("key", KEYS)
def test_every_approach_hands_its_pace_on(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, seen = approach(key), []
    wanted = {"schedule": "cosine", "gradient_clip": 0.5, "weight_decay": 0.125, "patience": 7, "learning_rate": 3e-3}
    training = read_parameters(kind.Training, dict(kind.tiny.training) | wanted)
    prepared = kind.prepare(songs_for(kind), training, seed=1)
    networks = kind.build(prepared.codec, training, seed=1)
    monkeypatch.setattr(engine, "fit", lambda networks, tasks, recipe, **_: seen.append(recipe))
    kind.fit(networks, prepared, training, seed=1, monitor=SilentMonitor())
    (recipe,) = seen
    assert (recipe.schedule, recipe.clip, recipe.weight_decay, recipe.patience) == ("cosine", 0.5, 0.125, 7)
    assert (recipe.learning_rate, recipe.epochs, recipe.batch_size) == (3e-3, training.epochs, training.batch_size)


def rates(recipe: Recipe, steps: int) -> list[float]:
    rate = recipe.optimizer(steps)._learning_rate
    return [float(rate(step) if callable(rate) else rate) for step in range(recipe.epochs * steps)]


def test_the_cosine_rises_shortly_and_falls_to_a_twentieth() -> None:
    seen = rates(Recipe(10, 8, 0.02, schedule="cosine"), 20)
    top = int(np.argmax(seen))
    assert seen[0] == pytest.approx(0.002)
    assert seen[top] == pytest.approx(0.02)
    assert 5 <= top <= 15
    assert all(before > after for before, after in zip(seen[top:], seen[top + 1 :], strict=False))
    assert seen[-1] == pytest.approx(0.001, rel=0.01)


def test_a_constant_rate_stays_or_decays_as_the_authors_had_it() -> None:
    assert len(set(rates(Recipe(2, 8, 0.02), 5))) == 1
    np.testing.assert_allclose(rates(Recipe(2, 8, 0.02, decay=0.1), 5), [0.02 / (1 + 0.1 * n) for n in range(10)])


def moment(recipe: Recipe, gradient: list[float]) -> Any:
    """What Adam remembers of a first gradient: a tenth of it."""
    weights = keras.Variable(np.zeros(2, np.float32))
    optimizer = recipe.optimizer(1)
    optimizer.build([weights])
    optimizer.apply([keras.ops.convert_to_tensor(np.float32(gradient))], [weights])
    return 10 * optimizer._momentums[0].numpy()


def test_a_gradient_is_clipped_to_its_longest_length_and_keeps_its_direction() -> None:
    np.testing.assert_allclose(moment(Recipe(1, 1, 0.1, clip=1.0), [30.0, 40.0]), [0.6, 0.8], rtol=1e-4)
    np.testing.assert_allclose(moment(Recipe(1, 1, 0.1, clip=1.0), [0.3, 0.4]), [0.3, 0.4], rtol=1e-4)
    np.testing.assert_allclose(moment(Recipe(1, 1, 0.1), [30.0, 40.0]), [30.0, 40.0], rtol=1e-4)
