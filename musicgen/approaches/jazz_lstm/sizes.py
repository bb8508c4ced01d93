"""Sizes of the jazz network. Arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.approaches.jazz_lstm.windows import MEASURES_OF_A_PHRASE
from musicgen.symbolic.gathering import STEPS


@dataclass(frozen=True)
class JazzSizes:
    """What the network is built from.

    Attributes:
        num_parts: number of different kinds, lengths and reaches if words share them; else 0.
        embedding: width of the vector of a word; 0 for one-hot.
        beats: in the longest measure if the network is conditioned on the place in the measure; else 0.
    """

    vocabulary_size: int
    num_parts: int
    units: int
    num_layers: int
    embedding: int
    beats: int
    dropout: float

    @property
    def features(self) -> int:
        """Inputs of the first LSTM at each step."""
        places = self.beats + STEPS + MEASURES_OF_A_PHRASE if self.beats else 0
        return (self.embedding or self.width) + places

    @property
    def width(self) -> int:
        """Numbers that stand for a word, before an embedding."""
        return self.num_parts or self.vocabulary_size

    @property
    def multiplied(self) -> int:
        """Multiply-adds for one step."""
        inputs, total = self.features, 0
        for _ in range(self.num_layers):
            total += 4 * self.units * (inputs + self.units)
            inputs = self.units
        return total + self.units * self.width + self.width * self.embedding

    @property
    def parameters(self) -> int:
        return self.multiplied + 4 * self.units * self.num_layers + self.num_parts + self.vocabulary_size
