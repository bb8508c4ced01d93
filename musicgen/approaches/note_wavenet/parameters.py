"""The parameters of NoteWaveNet: how it trains and what it generates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes
from musicgen.approaches.notes.parameters import NoteChoice, NoteMusic
from musicgen.contract.parameters import parameter
from musicgen.contract.searching import choices, steps
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dense,
    dilation_depth,
    dropout,
    embedding,
    epochs,
    kernel_size,
    learning_rate,
    skip_channels,
    stacks,
)


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=2048)], ...],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=64),
]


class Training(NoteMusic, Schedule):
    epochs: int = epochs(50)
    dilation_depth: int = dilation_depth(5, le=12, search=steps(2, 3, 4, 5, 6))
    filters: Widths = parameter(
        (96,), title="Filters", search=steps((32,), (48,), (64,), (96,), (128,), (192,), (256,)),
        help="Widths of the convolutions, starting with the first; the last width also holds for all further ones. "
        "Wider ones learn finer detail, and memorise the songs sooner.",
    )  # fmt: skip
    kernel_size: int = kernel_size(3, ge=1, le=16, search=steps(2, 3, 4, 5))
    num_stacks: int = stacks(1, search=steps(1, 2, 3))
    gated: bool = parameter(
        True, title="Gated convolutions", search=choices(False, True),
        help="tanh ⊙ sigmoid, as in WaveNet: each convolution also learns how much of its output to let through. Off: "
        "ReLU, as in the authors' code.",
    )  # fmt: skip
    residual: bool = parameter(
        True, title="Residual connections", search=choices(False, True),
        help="Add the input of each convolution to its output. Deep networks need this to learn.",
    )  # fmt: skip
    skip: bool = parameter(
        True, title="Skip connections", search=choices(False, True),
        help="Connect every convolution to the output, so that both the last note and the phrase long before count.",
    )  # fmt: skip
    skip_channels: int = skip_channels(128, le=4096, advanced=True, applies_when={"skip": True})
    pooling: bool = parameter(
        False, title="Pooling",
        help="For tokens, as in the authors' code: only the stronger of every two notes goes on. The network looks "
        "further back, but no longer knows exactly where a note was.",
        applies_when={"representation": "tokens"},
    )  # fmt: skip
    dropout: float = dropout(0.2)
    batch_size: int = batch_size(32, ge=2, multiple_of=2)
    learning_rate: float = learning_rate(1e-3)
    dense: int = dense(128)
    embedding: int = embedding(96, ge=1)

    @model_validator(mode="after")
    def _window_survives_pooling(self) -> Training:
        shortest = self.stack.shortest
        if self.sequence_length < shortest:
            raise ValueError(
                f"with pooling, each of {len(self.stack.dilations)} convolutions halves the window, so sequence_length "
                f"is {shortest} or more, not {self.sequence_length}; choose a lower dilation_depth or no pooling"
            )
        return self

    @property
    def stack(self) -> StackSizes:
        """The convolutions."""
        return StackSizes(
            self.embedding, self.filters, self.kernel_size, self.dilation_depth, self.num_stacks, self.gated,
            self.residual, self.skip, self.skip_channels, self.pooling and self.representation == "tokens",
            self.dropout,
        )  # fmt: skip

    @property
    def learns_every_step(self) -> bool:
        """Whether every note of a window is a target, not only the one after it. Pooling rules this out; with random
        windows it would be unfair, because validation targets would lie inside training windows."""
        return self.representation == "events" or not (self.pooling or self.validation == "random_windows")


class Generation(NoteChoice):
    memory: Literal["carried", "window"] = parameter(
        "carried", advanced=True, title="Context",
        help="For tokens. carried: the whole receptive field. window, as in the authors' code: only the last sequence, "
        "read again for every note; slower, but pooling needs it.",
        applies_when={"training.representation": "tokens"},
    )  # fmt: skip
