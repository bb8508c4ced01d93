"""Our LSTM is Keras' LSTM, faster: same weights, same outputs, same gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from musicgen.networks.activations import activation, hard_sigmoid
from musicgen.networks.backend import compiled, ops
from musicgen.networks.loops import training_loop
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(0)


def pair(steps: int, features: int, units: int, *, sequences: bool, **arguments: str) -> list[keras.Model]:
    models = []
    for layer in (LSTM, keras.layers.LSTM):
        inputs = keras.Input((steps, features))
        models.append(keras.Model(inputs, layer(units, return_sequences=sequences, **arguments)(inputs)))
    models[1].set_weights(models[0].get_weights())
    return models


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("name", ["tanh", "relu", "linear"])
def test_same_outputs_as_keras(steps: int, sequences: bool, name: str) -> None:
    ours, theirs = pair(steps, 3, 5, sequences=sequences, activation=name, recurrent_activation="sigmoid")
    x = RNG.normal(size=(4, steps, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_weights_have_the_shapes_and_the_start_of_keras() -> None:
    ours, theirs = pair(6, 3, 5, sequences=True)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    assert ours.count_params() == 4 * 5 * (3 + 5 + 1)
    np.testing.assert_array_equal(ours.get_weights()[2], np.repeat([0.0, 1.0, 0.0, 0.0], 5))


@pytest.mark.parametrize("steps", [1, 6])
def test_same_training_as_keras(steps: int) -> None:
    """Three optimiser steps through the hand-written gradient end with Keras' weights."""
    x = RNG.normal(size=(3, 4, steps, 3)).astype("float32")
    y = RNG.normal(size=(3, 4, 5)).astype("float32")
    weights = []
    for model in pair(steps, 3, 5, sequences=False):

        def objective(model, batch, training):
            error = ops.square(model(batch["x"], training=training) - batch["y"])
            return ops.stack([ops.sum(error), ops.sum(batch["weight"])])

        run = training_loop(model, keras.optimizers.SGD(0.1), Objective(objective))
        run({"x": x, "y": y, "weight": np.ones((3, 4), "float32")}, 3, 0)
        weights.append(model.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_one_step_at_a_time_is_the_whole_sequence() -> None:
    inputs = keras.Input((20, 3))
    layer = LSTM(8)
    model = keras.Model(inputs, layer(inputs))
    x = RNG.normal(size=(2, 20, 3)).astype("float32")
    whole = np.asarray(model(x))
    step = compiled(lambda x, state: layer.step(x, state), model)
    state = layer.initial_state(2)
    for t in range(20):
        state = step(x[:, t], state)
        np.testing.assert_allclose(state[0], whole[:, t], atol=1e-5)


def test_hard_sigmoid_is_that_of_keras_2() -> None:
    np.testing.assert_allclose(
        hard_sigmoid(ops.convert_to_tensor([-3.0, -2.5, 0.0, 1.0, 2.5, 9.0])), [0, 0, 0.5, 0.7, 1, 1]
    )


@pytest.mark.parametrize("name", ["linear", "relu", "tanh", "sigmoid", "hard_sigmoid"])
def test_slopes_from_outputs_are_derivatives(name: str) -> None:
    function, slope = activation(name)
    x = np.array([-2.0, -0.7, 0.3, 1.9], dtype="float32")
    measured = (np.asarray(function(x + 1e-3)) - np.asarray(function(x - 1e-3))) / 2e-3
    np.testing.assert_allclose(slope(ops.convert_to_tensor(function(x))), measured, atol=1e-3)


def test_recurrent_dropout_is_there_while_learning_alone() -> None:
    """The same recurrent weights are left out at every step; a layer without it hides no random number."""
    inputs = np.random.default_rng(3).normal(size=(2, 5, 3)).astype(np.float32)
    plain, dropped = LSTM(4), LSTM(4, recurrent_dropout=0.5)
    for layer in (plain, dropped):
        layer(inputs)
    dropped.set_weights(plain.get_weights())
    np.testing.assert_allclose(dropped(inputs), plain(inputs), atol=1e-6)
    np.testing.assert_allclose(plain(inputs, training=True), plain(inputs), atol=1e-6)
    learned = np.asarray(dropped(inputs, training=True))
    assert np.abs(learned - np.asarray(plain(inputs)))[:, 1:].max() > 1e-3
    np.testing.assert_allclose(learned[:, 0], np.asarray(plain(inputs))[:, 0], atol=1e-6)  # nothing to remember yet
    assert len(plain.variables) == len(plain.weights)
    assert len(dropped.variables) == len(dropped.weights) + 1
