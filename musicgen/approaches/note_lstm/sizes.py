"""Sizes of the authors' note network: weights, effort and layers. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.contract.drawing import Layer
from musicgen.networks.lstm_sizes import lstm_layers, lstm_parameters


@dataclass(frozen=True)
class TokenSizes:
    """Attributes:
    vocabulary_size: None if no songs have been chosen yet. window: tokens that are read.
    embedding: 0 for the plain number.
    """

    vocabulary_size: int | None
    window: int
    embedding: int
    units: int
    num_layers: int
    dense: int

    @property
    def inputs(self) -> list[int]:
        """Input features of each LSTM layer."""
        return [self.embedding or 1, *[self.units] * (self.num_layers - 1)]

    @property
    def parameters(self) -> int:
        """Trainable weights, in closed form."""
        return sum((layer.parameters or 0) * layer.repeated for layer in self.layers)

    @property
    def multiplied(self) -> int:
        """Multiply-adds for one window."""
        lstm = sum(lstm_parameters(features - 1, self.units) for features in self.inputs)
        return self.window * lstm + self.units * self.dense + self.dense * (self.vocabulary_size or 0)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """From the notes that are read to the one that follows."""
        size = self.vocabulary_size
        if self.embedding:
            known = None if size is None else size * self.embedding
            seen = Layer(f"Vectors, {self.embedding} wide", "embedding", (self.window, self.embedding), known)
        else:
            note = "The index of the word in the vocabulary as one number: neighbours look alike, whatever they mean."
            seen = Layer("Plain numbers", "embedding", (self.window, 1), 0, note)
        return (
            Layer("Notes and chords", "music", (self.window,)),
            Layer("Words", "codec", (self.window,), note="C#4 is a note, 0.4.7 a chord; rhythm is not kept."),
            seen,
            *lstm_layers(self.inputs[0], self.units, self.num_layers, self.window, returns_all=False),
            Layer(f"Dense, {self.dense} units, ReLU", "dense", (self.dense,), (self.units + 1) * self.dense),
            Layer(
                "Choice of the next word", "choice", (size or "V",), None if size is None else (self.dense + 1) * size
            ),
            Layer("The next note or chord", "music", (1,), note="It becomes the next input, and so on."),
        )
