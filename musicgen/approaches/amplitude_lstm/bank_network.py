"""A network that plays a bank of predictors: for each frame it chooses a predictor and how loud it is struck.

Knows no sound: it sees the codes of the frames before, and the energies that show how well each choice would have
fitted. It learns the likelihood of the sound itself, over all choices and not only the best one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.amplitude_lstm.bank import N_PARTS, Bank
from musicgen.networks.activations import LEAKY_SLOPE, activation_layer
from musicgen.networks.dropout import Dropout
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective
from musicgen.networks.recurrent import LSTM

HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))


class Choice(keras.layers.Layer):
    """Logits of a predictor and of a level → log probability of every pair. A table holds which level goes with which
    predictor."""

    def build(self, input_shape: Any) -> None:
        predictors, levels = (shape[-1] for shape in input_shape)
        self.table = self.add_weight(shape=(predictors, levels), name="table", initializer="zeros")

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape[0], input_shape[1][-1])

    def call(self, inputs: Any) -> Any:
        predictor, level = inputs
        after = ops.log_softmax(ops.expand_dims(level, -2) + self.table, axis=-1)
        return ops.expand_dims(ops.log_softmax(predictor, axis=-1), -1) + after

    def level_logits(self, level: Any, predictor: Any) -> Any:
        """Logits of the level once the predictor (batch,) is chosen."""
        return level + ops.take(self.table, predictor, axis=0)


@architecture
def build_bank_network(
    n_predictors: int,
    n_levels: int,
    *,
    units: int,
    dense: Sequence[int],
    activation: str,
    slope: float = LEAKY_SLOPE,
    recurrent_activation: str = "sigmoid",
    dropout: float,
) -> keras.Model:
    """(batch, frames, 2) codes of the frames before → log probability of each pair, (batch, frames, K, levels)."""
    previous = keras.Input((None, 2), dtype="int32", name="previous")
    heard = keras.layers.Embedding(n_predictors + 1, units, name="hear_predictor")(previous[..., 0])
    heard = heard + keras.layers.Embedding(n_levels + 1, units, name="hear_level")(previous[..., 1])
    memory = LSTM(units, recurrent_activation=recurrent_activation, name="lstm")
    x = memory(Dropout(dropout, name="hear_dropout")(heard))
    x = Dropout(dropout, name="lstm_dropout")(x)
    for number, width in enumerate(dense, start=1):
        x = keras.layers.Dense(width, name=f"dense_{number}")(x)
        x = activation_layer(activation, slope, name=f"dense_{number}_activation")(x)
    stay = keras.layers.Dense(1, name="stay")(x)
    predictor = keras.layers.Dense(n_predictors, name="predictor")(x) + stayed(stay, previous[..., 0], n_predictors)
    level = keras.layers.Dense(n_levels, name="level")(x)
    return keras.Model(previous, Choice(name="choice")([predictor, level]))


def stayed(stay: Any, predictor: Any, n_predictors: int) -> Any:
    """`stay` (…, 1) at the index of the last predictor (…,), 0 elsewhere. All tones last longer than a frame, so this
    need not be learned for each predictor."""
    return stay * ops.one_hot(predictor, n_predictors)  # the start mark is outside: nothing stays


def bank_objective(bank: Bank, bits_of_scale: float) -> Objective:
    """Bits per sample of the sound under the network and its bank.

    Args:
        bits_of_scale: added to the reported figure, so that it is measured in 16-bit steps: log2(32,767 / scale).
    """
    per_part = bank.hop_length // N_PARTS
    levels = bank.levels.astype(np.float64)
    constant = np.float32(per_part * levels.sum(axis=1) + bank.hop_length * HALF_LOG_TWO_PI)
    precision = np.float32(0.5 * np.exp(-2.0 * levels)).T

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        prior = model(batch["previous"], training=training)  # (batch, frames, K, levels)
        fit = -ops.matmul(batch["energies"], precision) - constant
        nats = -ops.logsumexp(ops.reshape(prior + fit, (*prior.shape[:2], -1)), axis=-1)
        weight = batch["mask"] * batch["weight"][:, None]
        # The choice costs a few nats a frame, the sound a thousand: so the gradient is that of the whole frame.
        total, count = ops.sum(weight * nats), ops.sum(weight)
        bits = total / (bank.hop_length * float(np.log(2.0))) + count * bits_of_scale
        return ops.stack([total, bits, count])

    return Objective(sums, ("nats_per_frame", "loss"))


class BankStepper:
    """One choice at a time; see sampling.tokens.Stepper. State: LSTM state, logits of the level, the frame so far."""

    num_fields = 2

    def __init__(self, model: keras.Model, bank: Bank) -> None:
        self.model, self.bank = model, bank
        names = [layer.name for layer in model.layers]
        self.dense = [model.get_layer(name) for name in names if name.startswith("dense_")]

    def start(self, batch_size: int) -> tuple[Any, Any]:
        """(logits of the first predictor, state) with no input before."""
        memory = self.model.get_layer("lstm").initial_state(batch_size)
        no_predictor = ops.full((batch_size,), self.bank.n_predictors, "int32")
        no_level = ops.full((batch_size,), self.bank.n_levels, "int32")
        return self._listen(no_predictor, no_level, memory)

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,): a predictor (field 0) or a level (field 1) → (logits of the next field, state)."""
        memory, level, predictor = state
        if field == 0:
            return self.model.get_layer("choice").level_logits(level, token), (memory, level, token)
        return self._listen(predictor, token, memory)

    def _listen(self, predictor: Any, level: Any, memory: Any) -> tuple[Any, Any]:
        layer = self.model.get_layer
        memory = layer("lstm").step(layer("hear_predictor")(predictor) + layer("hear_level")(level), memory)
        x = memory[0]
        for dense in self.dense:
            x = dense(x)
        logits = layer("predictor")(x) + stayed(layer("stay")(x), predictor, self.bank.n_predictors)
        return logits, (memory, layer("level")(x), predictor)
