"""WaveNet on raw audio: gated dilated causal convolutions, residual and skip connections (van den Oord et al., 2016).

Convolutions are matrix products over a few shifted copies of their input, with the weights laid out as the sampler
reads them. Nothing is padded: the input has `receptive field - 1` samples more than the output.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musicgen.approaches.audio_wavenet.forecasts import ERROR_SCALE, LEAST_ERROR, SURE, level_samples
from musicgen.approaches.audio_wavenet.logistics import mixture_nats, spread
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective

LN2 = float(np.log(2.0))


class FirstConvolution(keras.Layer):
    """Levels → channels, over two neighbouring samples: a table for each, since a one-hot picks a row; or, if there
    are too many levels for a table, one row that is scaled by the sample."""

    def __init__(self, sizes: RawAudioSizes, **options: Any) -> None:
        super().__init__(**options)
        self.sizes = sizes

    def build(self, shape: Any) -> None:
        rows, channels = self.sizes.rows, self.sizes.residual
        scale = keras.initializers.RandomNormal(stddev=channels**-0.5 if rows > 1 else 1.0)
        self.before = self.add_weight(shape=(rows, channels), initializer=scale, name="before")
        self.now = self.add_weight(shape=(rows, channels), initializer=scale, name="now")
        if self.sizes.has_forecast:
            self.expected = self.add_weight(shape=(2, channels), initializer=scale, name="expected")

    def call(self, ids: Any, forecast: Any = None) -> Any:
        """ids (batch, length), forecast (batch, length - 1, 2) or None → (batch, length - 1, channels)."""
        if self.sizes.rows > 1:
            heard = ops.take(self.before, ids[:, :-1], axis=0) + ops.take(self.now, ids[:, 1:], axis=0)
        else:
            samples = ops.cast(ids, "float32")[..., None] * (2.0 / (self.sizes.levels - 1)) - 1.0
            heard = samples[:, :-1] * self.before + samples[:, 1:] * self.now
        if forecast is None:
            return heard
        expected, error = forecast[..., 0], ops.maximum(forecast[..., 1], LEAST_ERROR)  # 0 fills up a batch
        compressed = ops.sign(expected) * ops.log1p(255.0 * ops.abs(expected)) * (1 / float(np.log(256.0)))
        return heard + ops.stack([compressed, ERROR_SCALE * ops.log(error) + 1.0], axis=-1) @ self.expected


class AroundForecast(keras.Layer):
    """Logits of the levels, which are likelier the nearer they are to what linear prediction expects.

    The layer before it corrects that, level by level, and says how far the sample may be from it (its last number)."""

    def __init__(self, sizes: RawAudioSizes, **options: Any) -> None:
        super().__init__(**options)
        self.sizes = sizes

    def call(self, answers: Any, forecast: Any) -> Any:
        """answers (batch, n, levels + 1), forecast (batch, lost + n, 2) → logits (batch, n, levels)."""
        samples, widths = level_samples()
        forecast = forecast[:, self.sizes.lost :]
        expected, error = forecast[..., :1], ops.maximum(forecast[..., 1:], LEAST_ERROR)
        sure = ops.exp(ops.clip(answers[..., -1:], -SURE, SURE)) / error
        away = (samples - expected) * sure
        return answers[..., :-1] + np.log(widths) - ops.sqrt(1.0 + away * away)


class GatedBlock(keras.Layer):
    """tanh ⊙ sigmoid of a dilated convolution, with a residual to the next block and a skip to the output."""

    def __init__(self, sizes: RawAudioSizes, dilation: int, **options: Any) -> None:
        super().__init__(**options)
        self.sizes, self.dilation = sizes, dilation

    def build(self, shape: Any) -> None:
        sizes = self.sizes
        heard = sizes.kernel_size * sizes.residual + sizes.conditions
        self.kernel = self.add_weight(shape=(heard, 2 * sizes.residual), name="kernel")
        self.bias = self.add_weight(shape=(2 * sizes.residual,), initializer="zeros", name="bias")
        out = sizes.residual + sizes.skip
        self.out_kernel = self.add_weight(shape=(sizes.residual, out), name="out_kernel")
        self.out_bias = self.add_weight(shape=(out,), initializer="zeros", name="out_bias")

    def compute_output_spec(self, x: Any, condition: Any = None, still_to_lose: int = 0) -> tuple[Any, ...]:
        """The shapes that `call` returns: JAX cannot infer them when the length is open."""
        (batch, length, width), lost = x.shape, (self.sizes.kernel_size - 1) * self.dilation

        def of(lost: int, width: int) -> Any:
            return keras.KerasTensor((batch, None if length is None else length - lost, width), x.dtype)

        conditions = [] if condition is None else [of(lost, condition.shape[-1])]
        return of(lost, width), *conditions, of(lost + still_to_lose, self.sizes.skip)

    def call(self, x: Any, condition: Any = None, still_to_lose: int = 0) -> tuple[Any, ...]:
        """x (batch, length, residual), condition (batch, length, conditions) or None → (both, shortened by what the
        block looks back, skip (batch, n_outputs, skip)).

        `still_to_lose`: steps by which later blocks shorten; the skip is cut to them at once.
        """
        width, taps = self.sizes.residual, self.sizes.kernel_size
        lost = (taps - 1) * self.dilation
        # One product of x with every tap, whose results are shifted against each other: x is not copied for each tap.
        kernel = ops.reshape(self.kernel[: taps * width], (taps, width, 2 * width))
        answers = x @ ops.reshape(ops.transpose(kernel, (1, 0, 2)), (width, -1))  # (batch, length, taps × 2 residual)
        gates = self.bias
        for tap in range(taps):
            begin = tap * self.dilation
            gates = gates + answers[:, begin : begin - lost or None, 2 * tap * width : 2 * (tap + 1) * width]
        if condition is not None:
            condition = condition[:, lost:]
            gates = gates + condition @ self.kernel[taps * width :]
        z = ops.tanh(gates[..., :width]) * ops.sigmoid(gates[..., width:])
        skip = z[:, still_to_lose:] @ self.out_kernel[:, width:] + self.out_bias[width:]
        x = x[:, lost:] + z @ self.out_kernel[:, :width] + self.out_bias[:width]
        return (x, skip) if condition is None else (x, condition, skip)


@architecture
def build_audio_wavenet(sizes: RawAudioSizes) -> keras.Model:
    """Levels (batch, receptive field - 1 + n) → logits (batch, n, outputs) of the level after each of the last n.

    With conditions: also (batch, receptive field - 2 + n, conditions), those of the sample to be predicted. With a
    forecast: also (batch, receptive field - 2 + n, 2), see `LinearForecast.forecasts`.
    """
    ids = keras.Input((None,), dtype="int32", name="inputs")
    condition = keras.Input((None, sizes.conditions), name="condition") if sizes.conditions else None
    forecast = keras.Input((None, 2), name="forecast") if sizes.has_forecast else None
    first = FirstConvolution(sizes, name="first")
    x = first(ids) if forecast is None else first(ids, forecast)
    skips, here, left = [], condition, sizes.lost
    for number, dilation in enumerate(sizes.dilations, start=1):
        left -= (sizes.kernel_size - 1) * dilation
        block = GatedBlock(sizes, dilation, name=f"block_{number}")
        x, *rest = block(x, here, still_to_lose=left) if condition is not None else block(x, still_to_lose=left)
        here, skip = (rest[0], rest[1]) if condition is not None else (None, rest[0])
        skips.append(skip)
    x = ops.relu(keras.layers.Add(name="skips")(skips) * len(skips) ** -0.5)
    x = keras.layers.Dense(sizes.skip, activation="relu", name="dense")(x)
    begin = spread(sizes.mixtures) if sizes.mixtures else "zeros"
    logits = keras.layers.Dense(sizes.answers, bias_initializer=begin, name="logits")(x)
    if forecast is not None:
        logits = AroundForecast(sizes, name="around_forecast")(logits, forecast)
    shown = [each for each in (ids, condition, forecast) if each is not None]
    return keras.Model(shown if len(shown) > 1 else ids, logits)


def _answers(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    shown = [batch[name] for name in ("inputs", "condition", "forecast") if name in batch]
    return model(shown if len(shown) > 1 else shown[0], training=training)


def _level_sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    logits = _answers(model, batch, training)
    nats = keras.losses.sparse_categorical_crossentropy(batch["target"], logits, from_logits=True)
    return _sums(nats, batch["weight"])


def _mixture_sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    return _sums(mixture_nats(batch["target"], _answers(model, batch, training)), batch["weight"])


def _sums(nats: Any, weight: Any) -> Any:
    return ops.stack([ops.sum(weight * ops.mean(nats, axis=1)) / LN2, ops.sum(weight)])


# Both in bits per sample.
LEVEL_OBJECTIVE, MIXTURE_OBJECTIVE = Objective(_level_sums), Objective(_mixture_sums)
