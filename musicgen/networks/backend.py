"""The only module that knows which framework computes: device set-up and compiled loops, on TensorFlow or JAX.

Everything else is written with keras and keras.ops. Three loops are compiled here, each with all of its steps in one
call, because a call costs more than a step of a small network does:

    training_loop    n_steps × (forward, backward, optimiser) on batches laid out as (n_steps, batch_size, …)
    evaluation_loop  the same without learning
    compiled         any function of tensors that reads the weights of some models (sampling)

Random numbers inside a training step come from (seed, step): nothing random is hidden in a layer's state, so a resumed
run equals an uninterrupted one, and shards can run side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from keras import ops

from musicgen.codecs.examples import Arrays
from musicgen.errors import ResourceUnavailable, sentence

Loop = Callable[[Arrays, int, int], NDArray[np.float32]]

BACKEND = keras.backend.backend()


@dataclass(frozen=True)
class Objective:
    """What a training minimises and reports.

    Attributes:
        sums: (model, batch, training) → float32 (len(names) + 1,): sums over the batch, one for each name (the first
            is minimised), and the weight that they are divided by to make means.
        names: `loss` is what is reported as the loss.
    """

    sums: Callable[[keras.Model, dict[str, Any], bool], Any]
    names: tuple[str, ...] = ("loss",)

    @property
    def n_sums(self) -> int:
        return len(self.names) + 1


def use_device(name: str = "auto") -> str:
    """Make this process compute on `auto`, `cpu` or `gpu:N`; call it before the first network is built.

    Returns the id of the device in use. Raises ResourceUnavailable where there is no such device.
    """
    if BACKEND == "tensorflow":
        return _use_tensorflow_device(name)
    if BACKEND == "jax":
        return _use_jax_device(name)
    raise _unknown_backend()


def set_seed(seed: int) -> None:
    """Initial weights become a function of `seed`."""
    keras.utils.set_random_seed(seed % 2**32)


def _use_tensorflow_device(name: str) -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    number = _gpu_number(name, len(gpus))
    wanted = [] if number is None else [gpus[number]]
    if tf.config.get_visible_devices("GPU") != wanted:
        tf.config.set_visible_devices(wanted, "GPU")
    for gpu in wanted:
        tf.config.experimental.set_memory_growth(gpu, True)
    return "cpu" if number is None else f"gpu:{number}"


def _use_jax_device(name: str) -> str:
    import jax

    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    number = _gpu_number(name, len(gpus))
    jax.config.update("jax_default_device", jax.devices("cpu")[0] if number is None else gpus[number])
    return "cpu" if number is None else f"gpu:{number}"


def _gpu_number(name: str, n_gpus: int) -> int | None:
    """Which GPU `name` means; None for the CPU."""
    known = ["cpu", *(f"gpu:{number}" for number in range(n_gpus))]
    chosen = known[min(1, n_gpus)] if name == "auto" else name
    if chosen not in known:
        raise ResourceUnavailable(sentence(f"Devices here are auto, {', '.join(known)}", repr(name)))
    return None if chosen == "cpu" else known.index(chosen) - 1


def compiled(function: Callable[..., Any], *models: keras.Model, key: Hashable = None) -> Callable[..., Any]:
    """`function`, a pure function of tensors that may call `models`, compiled whole by XLA.

    The weights are read once a call, before any loop inside begins. Arguments keep their shapes from call to call:
    another shape compiles again.

    Args:
        key: names what `function` does with the first model; the same key again gives what was compiled before.
    """
    # Beside Keras' own attributes, which would track what is set in the usual way.
    kept = models[0].__dict__.setdefault("_compiled_by_key", {}) if key is not None else {}
    if key not in kept:
        kept[key] = _compile(function, models)
    return kept[key]


def _compile(function: Callable[..., Any], models: Sequence[keras.Model]) -> Callable[..., Any]:
    variables = [variable for model in models for variable in model.variables]

    def pure(values: Sequence[Any], *arguments: Any) -> Any:
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            return function(*arguments)

    if BACKEND == "tensorflow":
        import tensorflow as tf

        run = tf.function(pure, jit_compile=True, autograph=False)
    elif BACKEND == "jax":
        import jax

        run = jax.jit(pure)
    else:
        raise _unknown_backend()
    return lambda *arguments: run([ops.convert_to_tensor(v) for v in variables], *map(_to_tensors, arguments))


def training_loop(model: keras.Model, optimizer: keras.Optimizer, objective: Objective, *, shards: int = 1) -> Loop:
    """A compiled loop of training steps.

    Args:
        shards: parts of a batch computed side by side on as many cores, their gradients summed. For steps that take
            milliseconds or more; batch_size is a multiple of it. The result does not depend on how many cores there
            are. JAX takes the whole batch at once.

    Returns:
        run(arrays, n_steps, seed) → sums of each step, float32, shape (n_steps, n_sums); the weights are updated.
        Each step minimises sums[0] / sums[-1], the weighted mean.
    """
    optimizer.build(model.trainable_variables)
    if BACKEND == "tensorflow":
        return _tensorflow_training(model, optimizer, objective, shards)
    if BACKEND == "jax":
        return _jax_training(model, optimizer, objective)
    raise _unknown_backend()


def evaluation_loop(model: keras.Model, objective: Objective) -> Loop:
    """Like `training_loop`, without learning."""

    def all_steps(arrays: dict[str, Any], n_steps: Any) -> Any:
        capacity = arrays["weight"].shape[0]

        def body(step: Any, out: Any) -> tuple[Any, Any]:
            sums = objective.sums(model, {name: array[step] for name, array in arrays.items()}, False)
            return step + 1, ops.slice_update(out, (step, 0), sums[None])

        start = (ops.convert_to_tensor(0, "int32"), ops.zeros((capacity, objective.n_sums)))
        return ops.while_loop(lambda step, _: step < n_steps, body, start, maximum_iterations=capacity)[1]

    run = compiled(all_steps, model)
    return lambda arrays, n_steps, _seed: np.asarray(run(arrays, np.int32(n_steps)))[:n_steps]


def _seeded(model: keras.Model, seed: Any) -> list[tuple[Any, Any]]:
    """Dropout seeds of this step, in place of the counters that layers keep."""
    weights = {id(variable) for variable in model.weights}
    counters = [variable for variable in model.variables if id(variable) not in weights]
    return [
        (variable, ops.cast(ops.stack([seed, ops.convert_to_tensor(number, "int32")]), variable.dtype))
        for number, variable in enumerate(counters)
    ]


def _tensorflow_training(model: keras.Model, optimizer: keras.Optimizer, objective: Objective, shards: int) -> Loop:
    import tensorflow as tf

    variables = model.trainable_variables

    def gradients(batch: dict[str, Any], seed: Any) -> tuple[Any, list[Any]]:
        with keras.StatelessScope(_seeded(model, seed)), tf.GradientTape() as tape:
            sums = objective.sums(model, batch, True)
            minimised = sums[0]
        weights = [variable.value for variable in variables]
        return sums, tape.gradient(minimised, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def learn(sums: Any, summed: list[Any]) -> None:
        optimizer.apply([gradient / tf.maximum(sums[-1], 1e-9) for gradient in summed], variables)

    if shards > 1:  # two compiled halves that the graph runs at the same time; one compiled whole would use one core
        gradients = tf.function(gradients, jit_compile=True, autograph=False)
        learn = tf.function(learn, jit_compile=True, autograph=False)

    def all_steps(arrays: dict[str, Any], n_steps: Any, seed: Any) -> Any:
        def body(step: Any, out: Any) -> tuple[Any, Any]:
            parts = {name: tf.split(array[step], shards) for name, array in arrays.items()}
            results = [
                gradients({name: part[shard] for name, part in parts.items()}, seed + step * shards + shard)
                for shard in range(shards)
            ]
            sums = tf.add_n([sums for sums, _ in results])
            learn(sums, [tf.add_n(list(each)) for each in zip(*(grads for _, grads in results), strict=True)])
            return step + 1, tf.tensor_scatter_nd_update(out, [[step]], [sums])

        start = (tf.constant(0), tf.zeros((arrays["weight"].shape[0], objective.n_sums)))
        return tf.while_loop(lambda step, _: step < n_steps, body, start, parallel_iterations=1)[1]

    run = tf.function(all_steps, jit_compile=shards == 1, autograph=False)

    def call(arrays: Arrays, n_steps: int, seed: int) -> NDArray[np.float32]:
        tensors = {name: tf.constant(array) for name, array in arrays.items()}
        return np.asarray(run(tensors, tf.constant(n_steps), tf.constant(seed)))[:n_steps]

    return call


def _jax_training(model: keras.Model, optimizer: keras.Optimizer, objective: Objective) -> Loop:
    import jax

    trainable, fixed = model.trainable_variables, model.non_trainable_variables

    def loss(values: Any, fixed_values: Any, batch: dict[str, Any], seed: Any) -> tuple[Any, Any]:
        state = [*zip(trainable, values, strict=True), *zip(fixed, fixed_values, strict=True), *_seeded(model, seed)]
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
            return values, moments, out.at[step].set(sums)

        out = ops.zeros((arrays["weight"].shape[0], objective.n_sums))
        return jax.lax.fori_loop(0, n_steps, body, (values, moments, out))

    def call(arrays: Arrays, n_steps: int, seed: int) -> NDArray[np.float32]:
        state = [[variable.value for variable in group] for group in (trainable, optimizer.variables, fixed)]
        values, moments, out = all_steps(*state, arrays, np.int32(n_steps), np.int32(seed))
        for variable, value in [*zip(trainable, values, strict=True), *zip(optimizer.variables, moments, strict=True)]:
            variable.assign(value)
        return np.asarray(out)[:n_steps]

    return call


def _to_tensors(argument: Any) -> Any:
    return keras.tree.map_structure(ops.convert_to_tensor, argument)


def _unknown_backend() -> ResourceUnavailable:
    return ResourceUnavailable(sentence("KERAS_BACKEND is tensorflow or jax", repr(BACKEND)))
