"""Sizes of a WaveNet on raw audio, and what follows from them. Arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RawAudioSizes:
    """The sizes that decide all shapes.

    Attributes:
        levels: that a sample can have. mixtures: logistic distributions in an output; 0: a probability for each level.
        conditions: numbers that describe what to play, per sample; 0 for none.
        has_forecast: whether the network hears what linear prediction expects; see `forecasts`.
    """

    levels: int
    mixtures: int
    residual: int
    skip: int
    kernel_size: int
    dilation_depth: int
    stacks: int
    conditions: int = 0
    has_forecast: bool = False

    @property
    def outputs(self) -> int:
        """Numbers in an output."""
        return 3 * self.mixtures or self.levels

    @property
    def answers(self) -> int:
        """Numbers from the last layer: with a forecast, also how sure it is."""
        return self.outputs + self.has_forecast

    @property
    def silence(self) -> int:
        """The level of a sample of 0."""
        return self.levels // 2

    @property
    def rows(self) -> int:
        """Of the first convolution's two tables."""
        return 1 if self.mixtures else self.levels

    @property
    def dilations(self) -> tuple[int, ...]:
        """1, 2, 4, … 2^(depth - 1), repeated for each stack."""
        return tuple(2**power for power in range(self.dilation_depth)) * self.stacks

    @property
    def lost(self) -> int:
        """Samples by which the blocks shorten their input."""
        return (self.kernel_size - 1) * sum(self.dilations)

    @property
    def receptive_field(self) -> int:
        """Samples that one output depends on: the last one, those of the blocks, and one of the first convolution."""
        return self.lost + 2

    @property
    def multiplied(self) -> int:
        """Multiply-adds for one sample."""
        return self.parameters - (2 * self.rows - 2) * self.residual

    @property
    def first_parameters(self) -> int:
        """Of the first convolution."""
        return (2 * self.rows + 2 * self.has_forecast) * self.residual

    @property
    def block_parameters(self) -> int:
        heard = self.kernel_size * self.residual + self.conditions
        return 2 * self.residual * (heard + 1) + (self.residual + 1) * (self.residual + self.skip)

    @property
    def parameters(self) -> int:
        head = (self.skip + 1) * self.skip + (self.skip + 1) * self.answers
        return self.first_parameters + len(self.dilations) * self.block_parameters + head
