"""`python -m tests.two_devices`: trains small networks on one device and on two that are parts of one processor, and
prints what came of it as JSON. In a process of its own, because devices are made before anything else; ENVIRONMENT is
what it needs.
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.networks import replicas
from musicgen.networks.backend import set_seed
from musicgen.networks.bundle import Networks
from musicgen.networks.dropout import Dropout
from musicgen.networks.engine import LearningTask, fit
from musicgen.networks.loops import training_loop
from musicgen.networks.objectives import Objective
from musicgen.networks.recipe import Recipe
from musicgen.networks.recurrent import LSTM

ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "0",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
}
KINDS = ("recurrent", "convolutional", "dropout")
N_STEPS, N_FEATURES = 6, 3
ALL = np.arange(40)


class Waves:
    n_examples = 40

    def gather(self, index: Any, rng: Any) -> dict[str, Any]:
        values = np.random.default_rng(3).normal(size=(self.n_examples, N_STEPS + 1, N_FEATURES)).astype("float32")
        return {"inputs": values[index, :-1], "target": np.cumsum(values, axis=1)[index, -1]}


def sums(model: Any, batch: Any, training: bool) -> Any:
    error = ops.mean(ops.square(model(batch["inputs"], training=training) - batch["target"]), axis=1)
    return ops.stack([ops.sum(error * batch["weight"]), ops.sum(batch["weight"])])


def network(kind: str) -> Networks:
    set_seed(1)
    inputs = keras.Input((N_STEPS, N_FEATURES))
    if kind == "convolutional":
        x = keras.layers.Conv1D(8, 2, dilation_rate=2, padding="causal", activation="relu")(inputs)
        x = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(8, 2, activation="relu")(x))
    else:
        x = LSTM(8, return_sequences=False)(inputs)
    if kind == "dropout":
        x = Dropout(0.5)(x)
    return Networks({"a": keras.Model(inputs, keras.layers.Dense(N_FEATURES)(x))})


class Rows(SilentMonitor):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def epoch_ended(self, row: EpochRow, save: Any) -> None:
        self.losses += [row.loss, row.val_loss or 0.0]


def trained(kind: str) -> tuple[list[float], list[Any]]:
    net, rows = network(kind), Rows()
    recipe = Recipe(3, 9, 0.02, schedule="cosine", clip=1.0)  # batches that two devices do not divide
    fit(
        net,
        [LearningTask("a", Objective(sums), Waves(), Waves() if kind == "recurrent" else None)],
        recipe,
        seed=4,
        monitor=rows,
    )
    return rows.losses, net.models["a"].get_weights()


def compared(kind: str, devices: list[Any]) -> dict[str, float]:
    replicas.spread_over(())
    one_losses, one_weights = trained(kind)
    replicas.spread_over(devices)
    two_losses, two_weights = trained(kind)
    return {
        "losses": max(abs(one - two) for one, two in zip(one_losses, two_losses, strict=True)),
        "weights": max(float(np.abs(one - two).max()) for one, two in zip(one_weights, two_weights, strict=True)),
        "learned": one_losses[0] - one_losses[-2],
    }


def one_call() -> None:
    """One call of a training loop, four batches of nine."""
    net = network("recurrent")
    arrays = {name: array[:36].reshape(4, 9, *array.shape[1:]) for name, array in Waves().gather(ALL, None).items()}
    run = training_loop(net.models["a"], keras.optimizers.Adam(), Objective(sums))
    run(arrays | {"weight": np.ones((4, 9), "float32")}, 4, 1)


def on_tensorflow() -> dict[str, Any]:
    """And, in between, TensorFlow's own account of where it put what."""
    import tensorflow as tf

    tf.debugging.set_log_device_placement(True)
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [half, half])
    found = {kind: compared(kind, ["CPU:0", "CPU:1"]) for kind in ("recurrent", "convolutional")}
    return found


def on_jax() -> dict[str, Any]:
    """And the compiled program of one device."""
    import jax

    programs: list[str] = []
    compile_ = jax.jit

    def kept(function: Any, **options: Any) -> Any:
        run = compile_(function, **options)

        def call(*arguments: Any) -> Any:
            programs.append(run.lower(*arguments).compile().as_text())
            return run(*arguments)

        return call

    found: dict[str, Any] = {kind: compared(kind, jax.devices()) for kind in KINDS}
    jax.jit = kept
    one_call()
    return found | {"program": programs[-1]}


if __name__ == "__main__":
    print("\n" + json.dumps(on_jax() if keras.backend.backend() == "jax" else on_tensorflow()))
