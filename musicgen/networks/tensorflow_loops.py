"""The training loop on TensorFlow, compiled by XLA, in single precision.

Compared with the plain graph on a processor: half its time for LSTMs, convolutions and small steps, five
sixths if there are only large matrix products (blocks of spectra). Half precision is not offered: on a processor,
compiled bfloat16 products reach 0.74 to 0.98 of the speed of single precision, even with hardware support; on a
GPU nothing was measured, and single-precision products use the tensor cores there anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays
from musicgen.networks.backend import keras
from musicgen.networks.objectives import Loop, Objective, seeded
from musicgen.networks.programs import shared


def training(model: keras.Model, optimizer: keras.Optimizer, objective: Objective, shards: int) -> Loop:
    """See loops.training_loop."""
    run = shared(
        lambda: _program(model, optimizer, objective, shards),
        "training", objective, model, optimizer, shards, weights=model.count_params(),
    )  # fmt: skip
    own = [variable.value for variable in _variables(model, optimizer)]

    def call(arrays: Arrays, n_steps: int, seed: int) -> NDArray[np.float32]:
        tensors = {name: tf.constant(array) for name, array in arrays.items()}
        return np.asarray(run(own, tensors, tf.constant(n_steps), tf.constant(seed)))[:n_steps]

    return call


def _variables(model: keras.Model, optimizer: keras.Optimizer) -> list[Any]:
    return [*model.variables, *optimizer.variables]


@contextmanager
def _standing_for(variables: Sequence[Any], others: Sequence[tf.Variable]) -> Iterator[None]:
    """While a program is traced, the variables of its network stand for those it will be given.

    Keras has no public way to put a tf.Variable (not a tensor) in the place of another: optimisers on TensorFlow change
    variables where they are. They know them by their ids, so those that stand in take the ids over."""
    before = [variable._value for variable in variables]
    for variable, other in zip(variables, others, strict=True):
        other._unique_id = variable._value._unique_id
        variable._value = other
    try:
        yield
    finally:
        for variable, own in zip(variables, before, strict=True):
            variable._value = own


def _program(
    model: keras.Model, optimizer: keras.Optimizer, objective: Objective, shards: int
) -> Callable[..., tf.Tensor]:
    """(variables, arrays, n_steps, seed) → sums of each step; the variables are changed in place."""
    variables, every = model.trainable_variables, _variables(model, optimizer)

    def gradients(given: Sequence[tf.Variable], batch: dict[str, Any], seed: Any) -> tuple[Any, list[Any]]:
        with _standing_for(every, given):
            with keras.StatelessScope(seeded(model, seed)), tf.GradientTape() as tape:
                sums = objective.sums(model, batch, True)
                minimised = sums[0]
            weights = [variable.value for variable in variables]
            return sums, tape.gradient(minimised, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def learn(given: Sequence[tf.Variable], sums: list[Any], parts: list[list[Any]]) -> Any:
        total = tf.add_n(sums)
        summed = [tf.add_n(list(each)) for each in zip(*parts, strict=True)]
        with _standing_for(every, given):
            optimizer.apply([gradient / tf.maximum(total[-1], 1e-9) for gradient in summed], variables)
        return total

    if (
        shards > 1
    ):  # separately compiled shards, which the graph runs in parallel; one compiled whole would use one core
        gradients = tf.function(gradients, jit_compile=True, autograph=False)
        learn = tf.function(learn, jit_compile=True, autograph=False)

    def all_steps(given: Sequence[tf.Variable], arrays: dict[str, Any], n_steps: Any, seed: Any) -> Any:
        cuts = [len(part) for part in np.array_split(np.arange(arrays["weight"].shape[1]), shards)]

        def body(step: Any, out: Any) -> tuple[Any, Any]:
            parts = {name: tf.split(array[step], cuts) for name, array in arrays.items()}
            results = [
                gradients(given, {name: part[shard] for name, part in parts.items()}, seed + step * shards + shard)
                for shard in range(shards)
            ]
            total = learn(given, [sums for sums, _ in results], [grads for _, grads in results])
            return step + 1, tf.tensor_scatter_nd_update(out, [[step]], [total])

        start = (tf.constant(0), tf.zeros((arrays["weight"].shape[0], objective.n_sums)))
        return tf.while_loop(lambda step, _: step < n_steps, body, start, parallel_iterations=1)[1]

    return tf.function(all_steps, jit_compile=shards == 1, autograph=False)
