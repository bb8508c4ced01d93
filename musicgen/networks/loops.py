"""Compiled loops of steps: training and evaluation, each with many steps in one call.

A call costs more than a step of a small network, so batches have shape (n_steps, batch_size, …) and one call
runs them all:

    training_loop    n_steps × (forward, backward, optimiser)
    evaluation_loop  the same without training

Random numbers in a training step come from (seed, step): no layer holds random state, so a resumed
run equals an uninterrupted one, and shards can run in parallel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from musicgen.networks.backend import BACKEND, compiled, keras, ops, unknown_backend
from musicgen.networks.objectives import Loop, Objective
from musicgen.networks.replicas import spread_devices


def training_loop(model: keras.Model, optimizer: keras.Optimizer, objective: Objective, *, shards: int = 1) -> Loop:
    """A compiled loop of training steps.

    Args:
        shards: parts of a batch, as equal as possible, computed in parallel on as many cores, gradients summed. For
            steps that take milliseconds or more. The result does not depend on the number of cores. JAX computes the
            whole batch at once. With several devices, each computes its part of a batch at once.

    Returns:
        run(arrays, n_steps, seed) → sums of each step, float32, shape (n_steps, n_sums); the weights are updated.
        Each step minimises sums[0] / sums[-1], the weighted mean.
    """
    optimizer.build(model.trainable_variables)
    if BACKEND == "tensorflow":
        from musicgen.networks import tensorflow_loops, tensorflow_replicas

        if devices := spread_devices():
            return tensorflow_replicas.training(model, optimizer, objective, devices)
        return tensorflow_loops.training(model, optimizer, objective, shards)
    if BACKEND == "jax":
        from musicgen.networks import jax_loops

        return jax_loops.training(model, optimizer, objective)
    raise unknown_backend()


def evaluation_loop(model: keras.Model, objective: Objective) -> Loop:
    """Like `training_loop`, without training."""

    def all_steps(arrays: dict[str, Any], n_steps: Any) -> Any:
        capacity = arrays["weight"].shape[0]

        def body(step: Any, out: Any) -> tuple[Any, Any]:
            sums = objective.sums(model, {name: array[step] for name, array in arrays.items()}, False)
            return step + 1, ops.slice_update(out, (step, 0), sums[None])

        start = (ops.convert_to_tensor(0, "int32"), ops.zeros((capacity, objective.n_sums)))
        return ops.while_loop(lambda step, _: step < n_steps, body, start, maximum_iterations=capacity)[1]

    if devices := spread_devices():
        return _spread_evaluation(all_steps, model, devices)
    run = compiled(all_steps, model)
    return lambda arrays, n_steps, _seed: np.asarray(run(arrays, np.int32(n_steps)))[:n_steps]


def _spread_evaluation(all_steps: Callable[..., Any], model: keras.Model, devices: tuple[Any, ...]) -> Loop:
    if BACKEND == "tensorflow":
        from musicgen.networks import tensorflow_replicas

        return tensorflow_replicas.evaluation(all_steps, model, devices)
    from musicgen.networks import jax_loops

    return jax_loops.evaluation(all_steps, model)
