"""The training loop on JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import Arrays
from musicgen.networks.backend import keras, ops, stateless
from musicgen.networks.jax_replicas import Placement
from musicgen.networks.objectives import Loop, Objective, seeded


def training(model: keras.Model, optimizer: keras.Optimizer, objective: Objective) -> Loop:
    trainable, fixed = model.trainable_variables, model.non_trainable_variables
    place = Placement()

    def loss(values: Any, fixed_values: Any, batch: dict[str, Any], seed: Any) -> tuple[Any, Any]:
        state = [*zip(trainable, values, strict=True), *zip(fixed, fixed_values, strict=True), *seeded(model, seed)]
        with keras.StatelessScope(state):
            sums = objective.sums(model, batch, True)
        return sums[0] / ops.maximum(sums[-1], 1e-9), sums

    @jax.jit
    def all_steps(values: Any, moments: Any, fixed_values: Any, arrays: Any, n_steps: Any, seed: Any) -> Any:
        def body(step: Any, carried: Any) -> Any:
            values, moments, out = carried
            batch = {name: array[step] for name, array in arrays.items()}
            (_, sums), gradients = jax.value_and_grad(loss, has_aux=True)(values, fixed_values, batch, seed + step)
            values, moments = optimizer.stateless_apply(moments, gradients, values)
            return place.kept_same((values, moments, out.at[step].set(sums)))

        out = ops.zeros((arrays["weight"].shape[0], objective.n_sums))
        return jax.lax.fori_loop(0, n_steps, body, (values, moments, out))

    def call(arrays: Arrays, n_steps: int, seed: int) -> NDArray[np.float32]:
        state = [[variable.value for variable in group] for group in (trainable, optimizer.variables, fixed)]
        placed = place.everywhere(state)
        values, moments, out = place.here(all_steps(*placed, place.cut(arrays), np.int32(n_steps), np.int32(seed)))
        for variable, value in [*zip(trainable, values, strict=True), *zip(optimizer.variables, moments, strict=True)]:
            variable.assign(value)
        return np.asarray(out)[:n_steps]

    return call


def evaluation(all_steps: Callable[..., Any], model: keras.Model) -> Loop:
    """See loops.evaluation_loop, over several devices."""
    pure, variables = stateless(all_steps, [model])
    place, run = Placement(), jax.jit(pure)

    def call(arrays: Arrays, n_steps: int, _seed: int) -> NDArray[np.float32]:
        values = place.everywhere([variable.value for variable in variables])
        return np.asarray(run(values, place.cut(arrays), np.int32(n_steps)))[:n_steps]

    return call
