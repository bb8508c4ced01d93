"""The framework in use, TensorFlow or JAX: device set-up, and compiling whole functions.

Everything else is written with keras and keras.ops, except the training loops of each framework (`tensorflow_loops`,
`jax_loops`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from musicgen.networks.lean import without

# Keras would draw pictures and wrap models with them. Loading them takes a third of the time and 150 MB.
with without("matplotlib", "sklearn", "pandas"):
    import keras
from keras import ops

from musicgen.errors import ResourceUnavailable, sentence
from musicgen.networks.programs import shared
from musicgen.networks.replicas import ALL_GPUS, spread_over

BACKEND = keras.backend.backend()


def use_device(name: str = "auto") -> str:
    """Select this process's device: `auto`, `cpu`, `gpu:N` or `gpu:all`. Call it before building the first network.

    `auto` means all GPUs if there are several: training steps are then spread over them, and everything else
    runs on the first. Returns the id of the device in use. Raises ResourceUnavailable if there is no such device.
    """
    if BACKEND == "tensorflow":
        return _use_tensorflow_device(name)
    if BACKEND == "jax":
        return _use_jax_device(name)
    raise unknown_backend()


def set_seed(seed: int) -> None:
    """Make the initial weights a function of `seed`.

    Keras draws the seeds of its initialisers and of dropout from Python's generator; nothing else here is random.
    `keras.utils.set_random_seed` would also make TensorFlow drop its compiled kernels."""
    random.seed(seed % 2**32)


def _use_tensorflow_device(name: str) -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    name, numbers = _gpu_numbers(name, len(gpus))
    wanted = [gpus[number] for number in numbers]
    if tf.config.get_visible_devices("GPU") != wanted:
        tf.config.set_visible_devices(wanted, "GPU")
    for gpu in wanted:
        tf.config.experimental.set_memory_growth(gpu, True)
    spread_over([f"GPU:{place}" for place in range(len(wanted))])  # among the visible ones
    return name


def _use_jax_device(name: str) -> str:
    import jax

    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    name, numbers = _gpu_numbers(name, len(gpus))
    chosen = [gpus[number] for number in numbers]
    jax.config.update("jax_default_device", chosen[0] if chosen else jax.devices("cpu")[0])
    spread_over(chosen)
    return name


def _gpu_numbers(name: str, n_gpus: int) -> tuple[str, list[int]]:
    """The device with this name, and its GPUs; none for the CPU."""
    known = {"cpu": [], **{f"gpu:{number}": [number] for number in range(n_gpus)}}
    if n_gpus > 1:
        known[ALL_GPUS] = list(range(n_gpus))
    if name == "auto":
        name = list(known)[-1]  # all GPUs, else the only one, else the CPU
    if name not in known:
        raise ResourceUnavailable(sentence(f"The device must be one of auto, {', '.join(known)}", repr(name)))
    return name, known[name]


def compiled(function: Callable[..., Any], *models: keras.Model) -> Callable[..., Any]:
    """`function`, a pure function of tensors that may call `models`, compiled whole by XLA.

    The weights are read once per call, before any loop inside begins. Keep the shapes of the arguments the same:
    a new shape compiles again. Programs compiled for other networks of the same architecture are reused.
    """
    variables = [variable for model in models for variable in model.variables]
    weights = sum(model.count_params() for model in models)
    run = shared(lambda: _compile(function, models), BACKEND, function, models, weights=weights)
    # Of the variables' values: Keras leaves its own variables as they are, and TensorFlow would copy each of them to
    # NumPy and back at every call.
    return lambda *arguments: run([ops.convert_to_tensor(v.value) for v in variables], *map(_to_tensors, arguments))


def rows(tree: Any, numbers: Any) -> Any:
    """A tree of tensors with these rows of each, those without an axis as they are."""
    return keras.tree.map_structure(lambda each: ops.take(each, numbers, axis=0) if len(each.shape) else each, tree)


def stateless(function: Callable[..., Any], models: Sequence[keras.Model]) -> tuple[Callable[..., Any], list[Any]]:
    """`function` with the values of the models' variables as its first argument, and these variables."""
    variables = [variable for model in models for variable in model.variables]

    def pure(values: Sequence[Any], *arguments: Any) -> Any:
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            return function(*arguments)

    return pure, variables


def _compile(function: Callable[..., Any], models: Sequence[keras.Model]) -> Callable[..., Any]:
    """Takes the variables of the models, then the arguments."""
    pure, _ = stateless(function, models)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        run: Callable[..., Any] = tf.function(pure, jit_compile=True, autograph=False)
        return run
    if BACKEND == "jax":
        import jax

        run = jax.jit(pure)
        return run
    raise unknown_backend()


def _to_tensors(argument: Any) -> Any:
    return keras.tree.map_structure(ops.convert_to_tensor, argument)


def unknown_backend() -> ResourceUnavailable:
    return ResourceUnavailable(sentence("KERAS_BACKEND must be tensorflow or jax", repr(BACKEND)))
