"""The loops on TensorFlow over several devices: each computes the gradients of its part of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays
from musicgen.networks.backend import keras, stateless
from musicgen.networks.objectives import Loop, Objective, seeded
from musicgen.networks.replicas import padded


def training(model: keras.Model, optimizer: keras.Optimizer, objective: Objective, devices: Sequence[str]) -> Loop:
    """See loops.training_loop. The weights and the optimiser live on the first device; the others get copies of the
    weights at every step. Each part of a batch has its own dropout masks."""
    variables, fixed = model.trainable_variables, model.non_trainable_variables

    @tf.function(jit_compile=True, autograph=False)
    def gradients(weights: list[Any], others: list[Any], batch: dict[str, Any], seed: Any) -> tuple[Any, list[Any]]:
        state = [*zip(variables, weights, strict=True), *zip(fixed, others, strict=True), *seeded(model, seed)]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            with keras.StatelessScope(state):
                sums = objective.sums(model, batch, True)
            minimised = sums[0]
        return sums, tape.gradient(minimised, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    @tf.function(jit_compile=True, autograph=False)
    def learn(sums: list[Any], parts: list[list[Any]]) -> Any:
        total = tf.add_n(sums)
        summed = [tf.add_n(list(each)) for each in zip(*parts, strict=True)]
        optimizer.apply([gradient / tf.maximum(total[-1], 1e-9) for gradient in summed], variables)
        return total

    def gradients_on(number: int, arrays: dict[str, Any], step: Any, seed: Any) -> tuple[Any, list[Any]]:
        with tf.device(devices[number]):
            weights, others = ([tf.identity(each.value) for each in group] for group in (variables, fixed))
            batch = {name: array[step] for name, array in arrays.items()}
            return gradients(weights, others, batch, seed + step * len(devices) + number)

    @tf.function(autograph=False)
    def all_steps(parts: list[dict[str, Any]], n_steps: Any, seed: Any) -> Any:
        def body(step: Any, out: Any) -> tuple[Any, Any]:
            results = [gradients_on(number, arrays, step, seed) for number, arrays in enumerate(parts)]
            with tf.device(devices[0]):
                total = learn([sums for sums, _ in results], [gradients for _, gradients in results])
            return step + 1, tf.tensor_scatter_nd_update(out, [[step]], [total])

        start = (tf.constant(0), tf.zeros((parts[0]["weight"].shape[0], objective.n_sums)))
        return tf.while_loop(lambda step, _: step < n_steps, body, start, parallel_iterations=1)[1]

    def call(arrays: Arrays, n_steps: int, seed: int) -> NDArray[np.float32]:
        parts = _on_each(arrays, devices)
        return np.asarray(all_steps(parts, tf.constant(n_steps), tf.constant(seed)))[:n_steps]

    return call


def evaluation(all_steps: Callable[..., Any], model: keras.Model, devices: Sequence[str]) -> Loop:
    """See loops.evaluation_loop: each device computes its part of all batches, and the sums are added."""
    pure, variables = stateless(all_steps, [model])
    on_one = tf.function(pure, jit_compile=True, autograph=False)

    @tf.function(autograph=False)
    def on_all(parts: list[dict[str, Any]], n_steps: Any) -> Any:
        sums = []
        for device, arrays in zip(devices, parts, strict=True):
            with tf.device(device):
                sums.append(on_one([tf.identity(each.value) for each in variables], arrays, n_steps))
        return tf.add_n(sums)

    return lambda arrays, n_steps, _seed: np.asarray(on_all(_on_each(arrays, devices), tf.constant(n_steps)))[:n_steps]


def _on_each(arrays: Arrays, devices: Sequence[str]) -> list[dict[str, Any]]:
    """The batches split, each part on its device."""
    cut = {name: np.split(array, len(devices), axis=1) for name, array in padded(arrays, len(devices)).items()}
    parts = []
    for number, device in enumerate(devices):
        with tf.device(device):
            parts.append({name: tf.constant(each[number]) for name, each in cut.items()})
    return parts
