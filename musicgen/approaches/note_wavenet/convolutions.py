"""Stacks of dilated causal convolutions: over whole windows in training, one step at a time in sampling.

A step costs one read of each layer's ring buffer, however far back the stack looks (Paine et al., Fast Wavenet
generation algorithm, 2016).

van den Oord et al., WaveNet: a generative model for raw audio, 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from musicgen.approaches.note_wavenet.convolution_sizes import POOL, StackSizes
from musicgen.networks.dropout import Dropout


class CausalConvolution(keras.layers.Layer):
    """(batch, steps, features) → (batch, steps, filters); no output depends on a later input.

    Weights and arithmetic of `keras.layers.Conv1D(padding="causal")`, as one matrix product over the inputs of a step,
    which is faster on a CPU. Before the first step there is silence (zeros).
    """

    def __init__(self, filters: int, kernel_size: int, dilation: int = 1, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.filters, self.kernel_size, self.dilation = filters, kernel_size, dilation

    def build(self, input_shape: Any) -> None:
        shape = (self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape=shape, name="kernel", initializer="glorot_uniform")
        self.bias = self.add_weight(shape=(self.filters,), name="bias", initializer="zeros")

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape[:-1], self.filters)

    @property
    def reach(self) -> int:
        """How many steps it looks back."""
        return (self.kernel_size - 1) * self.dilation

    def call(self, inputs: Any) -> Any:
        padded = ops.pad(inputs, ((0, 0), (self.reach, 0), (0, 0)))
        lags = [self.dilation * number for number in range(self.kernel_size - 1, -1, -1)]
        return self.of_taps([padded[:, self.reach - lag : -lag or None] for lag in lags])

    def of_taps(self, taps: list[Any]) -> Any:
        """Inputs from the oldest to the present step, each (…, features) → (…, filters)."""
        kernel = ops.reshape(self.kernel, (-1, self.filters))
        return ops.matmul(ops.concatenate(taps, axis=-1), kernel) + self.bias

    def empty(self, batch_size: int) -> Any:
        """A ring buffer of silence, (batch, reach, features)."""
        return ops.zeros((batch_size, self.reach, self.kernel.shape[1]))

    def step(self, inputs: Any, buffer: Any, number: Any) -> tuple[Any, Any]:
        """Step `number`: inputs (batch, features), buffer → (output (batch, filters), buffer)."""
        if not self.reach:
            return self.of_taps([inputs]), buffer
        one = (buffer.shape[0], 1, buffer.shape[2])
        lags = [self.dilation * lag for lag in range(self.kernel_size - 1, 0, -1)]
        # The present one replaces the oldest.
        taps = [ops.slice(buffer, (0, ops.mod(number - lag, self.reach), 0), one)[:, 0] for lag in lags]
        buffer = ops.slice_update(buffer, (0, ops.mod(number, self.reach), 0), inputs[:, None])
        return self.of_taps([*taps, inputs]), buffer


class ConvolutionStack:
    """The layers of a stack, by name; with a built `model`, the layers of that."""

    def __init__(self, sizes: StackSizes, model: keras.Model | None = None) -> None:
        self.sizes = sizes
        self._model = model
        self._made: dict[str, keras.layers.Layer] = {}

    def _layer(self, name: str, make: Callable[[], keras.layers.Layer]) -> Any:
        if self._model is not None:
            return self._model.get_layer(name)
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _dense(self, name: str, width: int, use_bias: bool = True) -> Any:
        return self._layer(name, lambda: keras.layers.Dense(width, use_bias=use_bias, name=name))

    def _dropout(self, name: str) -> Any:
        return self._layer(f"{name}_dropout", lambda: Dropout(self.sizes.dropout, name=f"{name}_dropout"))

    def _convolutions(self) -> list[CausalConvolution]:
        """The one before the first block, if there is one, and that of each block."""
        sizes, gates = self.sizes, 2 if self.sizes.gated else 1
        wanted = [(f"block_{n}", gates * block.filters, block.dilation) for n, block in enumerate(sizes.blocks, 1)]
        if sizes.residual:
            wanted.insert(0, ("first", sizes.widths[0], 1))
        return [self._convolution(*each) for each in wanted]

    def _convolution(self, name: str, filters: int, dilation: int) -> CausalConvolution:
        return self._layer(name, lambda: CausalConvolution(filters, self.sizes.kernel_size, dilation, name=name))

    def __call__(self, x: Any) -> Any:
        """(batch, steps, inputs) → (batch, steps, units), or (batch, units) of the whole window with pooling."""
        return self._through(x, lambda convolution, x: convolution(x))

    def _through(self, x: Any, convolve: Callable[[CausalConvolution, Any], Any]) -> Any:
        """The stack with any way to convolve, so that windows and single steps are one recipe."""
        convolutions, skips = self._convolutions(), []
        if self.sizes.residual:
            x = convolve(convolutions.pop(0), x)
        for number, convolution in enumerate(convolutions):
            x, skip = self._block(number, x, convolve(convolution, x))
            skips += [skip] if skip is not None else []
        if self.sizes.skip:
            return self._dropout("sum")(ops.relu(sum(skips[1:], skips[0])))
        return ops.max(x, axis=1) if self.sizes.pooling else x

    def _block(self, number: int, x: Any, heard: Any) -> tuple[Any, Any]:
        """Input of the block and output of its convolution → (input of the next block, its skip or None)."""
        sizes, block, name = self.sizes, self.sizes.blocks[number], f"block_{number + 1}"
        if sizes.gated:
            squashed, gate = ops.split(heard, 2, axis=-1)
            made = ops.tanh(squashed) * ops.sigmoid(gate)
        else:
            made = ops.relu(heard)
        made = self._dropout(name)(made)
        skip = self._dense(f"{name}_skip", sizes.skip_channels)(made) if sizes.skip else None
        if sizes.residual and sizes.leads_on(number):
            if block.inputs != block.filters:
                x = self._dense(f"{name}_width", block.filters, use_bias=False)(x)
            made = x + self._dense(f"{name}_residual", block.filters)(made)
        if sizes.pooling:
            made = ops.max_pool(made, POOL, POOL, padding="valid")
            skip = ops.max(skip, axis=1) if sizes.skip else None
        return made, skip

    def empty(self, batch_size: int) -> Any:
        """The state before the first step: (number of the step, ring buffers)."""
        return ops.convert_to_tensor(0, "int32"), [layer.empty(batch_size) for layer in self._convolutions()]

    def step(self, x: Any, state: Any) -> tuple[Any, Any]:
        """One step: x (batch, inputs), state → (output (batch, units), state). Not with pooling."""
        number, buffers = state
        waiting, after = list(buffers), []

        def convolve(convolution: CausalConvolution, x: Any) -> Any:
            heard, buffer = convolution.step(x, waiting.pop(0), number)
            after.append(buffer)
            return heard

        return self._through(x, convolve), (number + 1, after)
