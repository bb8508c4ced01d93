"""A network for drawings: its layers, and how far back its convolutions look. Only types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Layer:
    """One stage of a network, or of the codec before or after it, as the pages draw it.

    Attributes:
        name: in plain words, such as "LSTM, 256 units". kind: decides the colour.
        shape: of its output for one example, such as (50, 256); a word ("V") for a size that depends on the songs.
        parameters: trainable weights; None if they depend on the songs.
        note: one sentence on what it does to the music, if that is not obvious.
        repeated: how many such stages follow each other; shape and parameters are those of one.
    """

    name: str
    kind: Literal["music", "codec", "embedding", "recurrent", "convolution", "pooling", "dense", "choice"]
    shape: tuple[int | str, ...] = ()
    parameters: int | None = 0
    note: str = ""
    repeated: int = 1


@dataclass(frozen=True)
class Convolution:
    """One causal convolution for a drawing: it combines `kernel` steps, `dilation` apart; `pooling` of its outputs
    become one step of the next."""

    kernel: int
    dilation: int
    pooling: int = 1


@dataclass(frozen=True)
class ReceptiveField:
    """How far back one output of a stack of causal convolutions looks.

    Attributes:
        stack: from the input upwards. window: steps in a training example.
        unit: of a step, in the plural: notes, samples.
        sample_rate: steps per second, if steps are samples.
    """

    stack: tuple[Convolution, ...]
    window: int
    unit: str
    sample_rate: int | None = None

    @property
    def steps(self) -> int:
        """Input steps that one output depends on (van den Oord et al., WaveNet, 2016, figure 3; pooling widens it)."""
        heard, stride = 1, 1
        for each in self.stack:
            heard += (each.kernel - 1) * each.dilation * stride
            heard += (each.pooling - 1) * stride
            stride *= each.pooling
        return heard
