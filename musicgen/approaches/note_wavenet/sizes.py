"""Sizes of the convolutional network over the authors' words. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes, stack_layers
from musicgen.contract.drawing import Layer


@dataclass(frozen=True)
class WordSizes:
    """Sizes of a network over words.

    Attributes:
        vocabulary_size: None if no songs have been chosen yet. window: words that are read.
        every_step: whether it predicts at every step of the window, not only after the last one.
    """

    vocabulary_size: int | None
    window: int
    stack: StackSizes
    dense: int
    every_step: bool

    @property
    def parameters(self) -> int:
        """Trainable weights, in closed form."""
        return sum(layer.parameters or 0 for layer in self.layers)

    @property
    def multiplied(self) -> int:
        """Multiply-adds for one window; looking up a vector costs nothing."""
        answers = self.window if self.every_step else 1
        head = self.stack.units * self.dense + self.dense * (self.vocabulary_size or 0)
        return self.stack.multiplied(self.window) + answers * head

    @property
    def layers(self) -> tuple[Layer, ...]:
        """From the words that are read to the one that follows."""
        size, width, dense = self.vocabulary_size, self.stack.inputs, self.dense
        steps = (self.window,) if self.every_step else ()
        known = None if size is None else size * width
        chosen = None if size is None else (dense + 1) * size
        return (
            Layer("Notes and chords", "music", (self.window,)),
            Layer("Words", "codec", (self.window,), note="C#4 is a note, 0.4.7 a chord; rhythm is not kept."),
            Layer(f"Vectors, {width} wide", "embedding", (self.window, width), known),
            *stack_layers(self.stack, self.window),
            Layer(f"Dense, {dense} units, ReLU", "dense", (*steps, dense), (self.stack.units + 1) * dense),
            Layer("Choice of the next word", "choice", (*steps, size or "V"), chosen),
            Layer("The next note or chord", "music", (1,), note="It becomes the next input, and so on."),
        )
