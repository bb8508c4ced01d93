"""The network that guesses the next sample: an LSTM and dense layers down to one number (or two: guess and spread).

Knows no sound: it sees windows of numbers. `base` is what is known about the next sample beforehand (a linear
predictor's guess, or 0); the network adds to it, in units of `residual`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from musicgen.networks.activations import LEAKY_SLOPE, activation_layer
from musicgen.networks.backend import Objective
from musicgen.networks.recurrent import LSTM, State

SMALLEST_LOG_SPREAD, LARGEST_LOG_SPREAD = -5.0, 5.0


def build_amplitude_network(
    *,
    look_back: int,
    recurrence: str,
    units: int,
    dense: Sequence[int],
    activation: str,
    slope: float = LEAKY_SLOPE,
    recurrent_activation: str = "sigmoid",
    activate_output: bool = True,
    has_spread: bool = False,
) -> keras.Model:
    """LSTM → dense layers → 1 (guess) or 2 (guess, log spread).

    Args:
        recurrence: none (one step of look_back features), look_back (look_back steps of one feature) or song (a step
            of look_back features for every sample; the memory is carried along).
        activation: after the LSTM and every dense layer; leaky_relu leaves the LSTM itself linear, as its authors did.
        activate_output: the activation also after the last layer.
    """
    shape = {"none": (1, look_back), "look_back": (look_back, 1), "song": (None, look_back)}[recurrence]
    inputs = keras.Input(shape)
    x = LSTM(
        units,
        activation="linear" if activation == "leaky_relu" else activation,
        recurrent_activation=recurrent_activation,
        return_sequences=recurrence == "song",
        name="lstm",
    )(inputs)
    if activation == "leaky_relu":
        x = activation_layer(activation, slope)(x)
    for number, width in enumerate(dense, start=1):
        x = keras.layers.Dense(width, name=f"dense_{number}")(x)
        x = activation_layer(activation, slope)(x)
    outputs = keras.layers.Dense(2 if has_spread else 1, name="output")(x)
    if activate_output:
        outputs = activation_layer(activation, slope)(outputs)
    return keras.Model(inputs, outputs)


@dataclass(frozen=True)
class SampleGuess:
    """How the network's output and what is known beforehand make a guess at the next sample."""

    residual: float
    has_spread: bool

    def read(self, output: Any, base: Any) -> tuple[Any, Any]:
        """(guess, log spread in units of residual), each of the shape of `base`."""
        guess = base + self.residual * output[..., 0]
        if not self.has_spread:
            return guess, ops.zeros_like(guess)
        return guess, ops.clip(output[..., 1], SMALLEST_LOG_SPREAD, LARGEST_LOG_SPREAD)


def amplitude_objective(guess: SampleGuess) -> Objective:
    """Squared error; with spread, the nats of a Gaussian are what is minimised."""

    def sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
        output, base, target = model(batch["inputs"], training=training), batch["base"], batch["target"]
        output = ops.reshape(output, (*base.shape, output.shape[-1]))
        weight = ops.broadcast_to(batch["weight"][:, None], base.shape)
        if "mask" in batch:
            weight = weight * batch["mask"]
        predicted, log_spread = guess.read(output, base)
        error = target - predicted
        squared = [ops.sum(weight * error * error), ops.sum(weight)]
        if not guess.has_spread:
            return ops.stack(squared)
        nats = log_spread + 0.5 * ops.square(error / guess.residual) * ops.exp(-2.0 * log_spread)
        return ops.stack([ops.sum(weight * nats), *squared])

    return Objective(sums, ("nats", "loss") if guess.has_spread else ("loss",))


class AmplitudeStepper:
    """One sample at a time, from the weights of a trained network.

    `spread` is the standard deviation around the guess where the network itself gives none.
    State: (history (batch, history_length), LSTM state or ()).
    """

    def __init__(
        self,
        model: keras.Model,
        guess: SampleGuess,
        *,
        recurrence: str,
        look_back: int,
        linear: Sequence[float],
        spread: float,
    ) -> None:
        self.model, self.guess, self.recurrence, self.look_back = model, guess, recurrence, look_back
        self.spread = spread
        self.linear = ops.convert_to_tensor(list(linear) or [0.0], dtype="float32")

    @property
    def history_length(self) -> int:
        """Past samples that the state needs."""
        return max(self.look_back, int(self.linear.shape[0]))

    def initial_state(self, history: Any) -> tuple[Any, State | tuple[()]]:
        """history: (batch, history_length or more), oldest first; shorter pasts are silence."""
        missing = self.history_length - history.shape[1]
        if missing > 0:
            history = ops.pad(history, [[0, 0], [missing, 0]])
        memory = self._lstm.initial_state(history.shape[0]) if self.recurrence == "song" else ()
        return history[:, history.shape[1] - self.history_length :], memory

    @property
    def _lstm(self) -> LSTM:
        return self.model.get_layer("lstm")

    def step(self, state: Any) -> tuple[Any, Any, Any]:
        """state → (guess (batch,), spread (batch,), memory after this step)."""
        history, memory = state
        window = history[:, history.shape[1] - self.look_back :]
        if self.recurrence == "song":
            memory = self._lstm.step(window, memory)
            output = self._after_lstm(memory[0])
        else:
            output = self.model(window[:, None, :] if self.recurrence == "none" else window[:, :, None])
        base = ops.matmul(history[:, history.shape[1] - self.linear.shape[0] :], ops.flip(self.linear))
        predicted, log_spread = self.guess.read(output, base)
        scale = self.guess.residual if self.guess.has_spread else self.spread
        return predicted, scale * ops.exp(log_spread), memory

    def _after_lstm(self, x: Any) -> Any:
        layers = self.model.layers
        for layer in layers[layers.index(self._lstm) + 1 :]:
            x = layer(x)
        return x

    def heard(self, state: Any, memory: Any, sample: Any) -> Any:
        """The state after `sample` (batch,) has sounded."""
        history, _ = state
        return ops.concatenate([history[:, 1:], sample[:, None]], axis=1), memory
