"""Causal convolutions over notes: the authors' network over words, and one over events with the heads of event_network.

Knows ids, no music.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes
from musicgen.approaches.note_wavenet.convolutions import ConvolutionStack
from musicgen.approaches.notes.event_network import event_network
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.event_stepper import EventStepper
from musicgen.approaches.notes.events import EventCodec
from musicgen.approaches.notes.token_network import WindowStepper
from musicgen.networks.fingerprints import architecture
from musicgen.networks.objectives import Objective


@architecture
def build_word_network(vocabulary_size: int, sizes: StackSizes, dense: int, *, every_step: bool) -> keras.Model:
    """(batch, window) ids → embedding → stack → dense relu → logits of the next word.

    Args:
        every_step: logits of every step, (batch, window, vocabulary); else those after the window (batch, vocabulary).
    """
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(vocabulary_size, sizes.inputs, name="embedding")(inputs)
    x = ConvolutionStack(sizes)(x)
    if not (every_step or sizes.pooling):
        x = x[:, -1]
    x = keras.layers.Dense(dense, activation="relu", name="dense")(x)
    return keras.Model(inputs, keras.layers.Dense(vocabulary_size, name="logits")(x))


@architecture
def build_wavenet_events(sizes: EventSizes, stack: StackSizes) -> keras.Model:
    """As `build_event_network`, with convolutions instead of LSTM layers."""
    return event_network(sizes, lambda _layers, x: ConvolutionStack(stack)(x))


def _every_step_sums(model: keras.Model, batch: dict[str, Any], training: bool) -> Any:
    logits = model(batch["inputs"], training=training)
    nats = keras.losses.sparse_categorical_crossentropy(batch["target"], logits, True)
    is_right = ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(batch["target"], "int32")), "float32")
    weight = batch["mask"] * batch["weight"][:, None]
    return ops.stack([ops.sum(weight * nats), ops.sum(weight * is_right), ops.sum(weight)])


EVERY_STEP_OBJECTIVE = Objective(_every_step_sums, ("loss", "accuracy"))  # nats per token


class WordStepper:
    """One word at a time, with a ring buffer for each layer. State: that of `ConvolutionStack`."""

    num_fields = 1

    def __init__(self, model: keras.Model, sizes: StackSizes) -> None:
        self.model = model
        self.stack = ConvolutionStack(sizes, model)

    def start(self, batch_size: int) -> Any:
        return self.stack.empty(batch_size)

    def step(self, field: int, token: Any, state: Any) -> tuple[Any, Any]:
        """token (batch,) → (logits (batch, vocabulary), state)."""
        x, state = self.stack.step(self.model.get_layer("embedding")(token), state)
        return self.model.get_layer("logits")(self.model.get_layer("dense")(x)), state


class LastStepper(WindowStepper):
    """A WindowStepper for networks that predict at every step of a window."""

    def answer(self, ids: Any) -> Any:
        return self.model(ids)[:, -1]


class WaveNetEventStepper(EventStepper):
    """An EventStepper with the ring buffers of a stack as its memory."""

    def __init__(self, model: keras.Model, sizes: EventSizes, stack: StackSizes, codec: EventCodec) -> None:
        super().__init__(model, sizes, codec)
        self.stack = ConvolutionStack(stack, model)

    def _empty_memory(self, batch_size: int) -> Any:
        return self.stack.empty(batch_size)

    def _remember(self, x: Any, memory: Any) -> tuple[Any, Any]:
        return self.stack.step(x, memory)


def word_stepper(model: keras.Model, sizes: StackSizes, *, by_window: bool) -> WordStepper | WindowStepper:
    """The fastest stepper possible: networks with pooling can only read windows."""
    if not (by_window or sizes.pooling):
        return WordStepper(model, sizes)
    return LastStepper(model) if len(model.output.shape) == 3 else WindowStepper(model)
