"""Sizes of a stack of causal convolutions: widths, weights, effort, reach. Arithmetic only: no framework is loaded.

A block is a dilated causal convolution and what can be around it (van den Oord et al., WaveNet, 2016, figure 4):

    x ─┬─ dilated convolution ─ relu, or tanh ⊙ sigmoid ─ dropout ─┬─ 1×1 ─ (+) ─ [halved] ─ next block
       │                                                           └─ 1×1 ─ skip
       └───────────────────────────────── residual ──────────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.contract.drawing import Convolution, Layer

POOL = 2  # outputs that pooling makes into one


@dataclass(frozen=True)
class Block:
    """One block: `inputs` features in, `filters` out, `dilation` steps between its taps."""

    inputs: int
    filters: int
    dilation: int


@dataclass(frozen=True)
class StackSizes:
    """Sizes of a stack.

    Attributes:
        inputs: input features. filters: of the convolutions, from the first on; the last also holds for all further
            ones.
        dilation_depth: number of dilations 1, 2, 4 …, one per block. num_stacks: how many times these are repeated.
        skip_channels: width of the sum of the skip connections; used only with `skip`.
    """

    inputs: int
    filters: tuple[int, ...]
    kernel_size: int
    dilation_depth: int
    num_stacks: int = 1
    gated: bool = False
    residual: bool = False
    skip: bool = False
    skip_channels: int = 0
    pooling: bool = False
    dropout: float = 0.0

    @property
    def dilations(self) -> tuple[int, ...]:
        """1, 2, 4 … 2^(depth - 1), once for each stack."""
        return tuple(2**number for number in range(self.dilation_depth)) * self.num_stacks

    @property
    def widths(self) -> tuple[int, ...]:
        """Filters of each block."""
        return tuple(self.filters[min(number, len(self.filters) - 1)] for number in range(len(self.dilations)))

    @property
    def blocks(self) -> tuple[Block, ...]:
        inputs = (self.widths[0] if self.residual else self.inputs, *self.widths[:-1])
        return tuple(map(Block, inputs, self.widths, self.dilations))

    @property
    def units(self) -> int:
        """Width of the output."""
        return self.skip_channels if self.skip else self.widths[-1]

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """For drawings and reaches. With residuals, a convolution before the first block brings the input to its
        width."""
        pooling = POOL if self.pooling else 1
        first = (Convolution(self.kernel_size, 1),) if self.residual else ()
        return first + tuple(Convolution(self.kernel_size, dilation, pooling) for dilation in self.dilations)

    @property
    def shortest(self) -> int:
        """Steps that a window needs so that one is left after pooling."""
        return POOL ** len(self.dilations) if self.pooling else 1

    def leads_on(self, number: int) -> bool:
        """Whether the direct output of block `number` is used: with skips, that of the last one is not."""
        return number < len(self.dilations) - 1 or not self.skip

    def block_parameters(self, number: int) -> int:
        """Trainable weights of a block."""
        block = self.blocks[number]
        made = (self.kernel_size * block.inputs + 1) * block.filters * (2 if self.gated else 1)
        if self.residual and self.leads_on(number):
            made += (block.filters + 1) * block.filters
            made += block.inputs * block.filters if block.inputs != block.filters else 0
        return made + ((block.filters + 1) * self.skip_channels if self.skip else 0)

    @property
    def first_parameters(self) -> int:
        """Trainable weights of the convolution before the first block."""
        return (self.kernel_size * self.inputs + 1) * self.widths[0] if self.residual else 0

    @property
    def parameters(self) -> int:
        return self.first_parameters + sum(self.block_parameters(number) for number in range(len(self.dilations)))

    def multiplied(self, steps: int) -> int:
        """Multiply-adds for a window of `steps`."""
        total, left = self.first_parameters * steps, steps
        for number in range(len(self.dilations)):
            total += self.block_parameters(number) * left
            left //= POOL if self.pooling else 1
        return total

    def activations(self, steps: int) -> int:
        """About how many numbers a window of `steps` stores for the backward pass."""
        total, left = self.inputs * steps, steps
        for block in self.blocks:
            total += left * (block.inputs * self.kernel_size + block.filters * (6 if self.gated else 3) + self.units)
            left //= POOL if self.pooling else 1
        return total


def stack_layers(sizes: StackSizes, steps: int) -> tuple[Layer, ...]:
    """The stack as its layers, for drawings; `steps` come in."""
    layers = []
    if sizes.residual:
        name = f"Causal convolution, {sizes.widths[0]} filters, kernel {sizes.kernel_size}"
        layers.append(Layer(name, "convolution", (steps, sizes.widths[0]), sizes.first_parameters))
    extras = [word for word, is_on in (("residual", sizes.residual), ("skip", sizes.skip)) if is_on]
    for number, block in enumerate(sizes.blocks):
        kind = "tanh ⊙ sigmoid" if sizes.gated else "ReLU"
        name = f"Convolution, {block.filters} filters, dilation {block.dilation}, {', '.join([kind, *extras])}"
        note = f"Combines {sizes.kernel_size} steps, {block.dilation} apart, and none that come later."
        layers.append(Layer(name, "convolution", (steps, block.filters), sizes.block_parameters(number), note))
        if sizes.pooling:
            steps //= POOL
            note = "The stronger of every two steps; its exact place is lost."
            layers.append(Layer("Max pooling 2", "pooling", (steps, block.filters), 0, note))
    return (*layers, *_ending(sizes, steps))


def _ending(sizes: StackSizes, steps: int) -> tuple[Layer, ...]:
    if sizes.pooling:
        note = "The strongest of all steps, wherever it is."
        return (Layer("Global max pooling", "pooling", (sizes.units,), 0, note),)
    if sizes.skip:
        note = "The outputs of all blocks, near and far, count equally."
        return (Layer("Sum of the skip connections, ReLU", "pooling", (steps, sizes.units), 0, note),)
    return ()
