"""What can be set: how NoteWaveNet trains, and what it makes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes
from musicgen.approaches.notes.parameters import NoteChoice, NoteMusic
from musicgen.contract.parameters import parameter
from musicgen.contract.shared_parameters import Schedule, learning_rate


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=2048)], ...],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=64),
]


class Training(NoteMusic, Schedule):
    epochs: int = parameter(50, ge=1, le=10_000, title="Epochs", help="How often the music is gone through.")
    dilation_depth: int = parameter(
        5, ge=1, le=12, title="Dilation depth",
        help="Convolutions hear notes 1, 2, 4 … apart, doubled so often. One more doubles how far back the music "
        "knows what it did.",
    )  # fmt: skip
    filters: Widths = parameter(
        (96,), title="Filters",
        help="Widths of the convolutions, from the first on; the last one serves all that follow. Wider ones learn "
        "finer habits, or songs by heart.",
    )  # fmt: skip
    kernel_size: int = parameter(3, ge=1, le=16, title="Kernel", help="How many notes each convolution hears at once.")
    num_stacks: int = parameter(
        1, ge=1, le=8, title="Stacks",
        help="How often the dilations are gone through from 1 on. More of them judge what was heard again, and take "
        "longer.",
    )  # fmt: skip
    gated: bool = parameter(
        True, title="Gates",
        help="tanh ⊙ sigmoid, as in WaveNet: each convolution decides what to say and whether to say it. Off: ReLU, as "
        "the authors had it.",
    )  # fmt: skip
    residual: bool = parameter(
        True, title="Residuals",
        help="What goes into a convolution is added to what comes out of it, so that deep ones learn at all.",
    )  # fmt: skip
    skip: bool = parameter(
        True, title="Skips",
        help="Every convolution is heard at the end, so that the note just before and the phrase long before both "
        "count.",
    )  # fmt: skip
    skip_channels: int = parameter(
        128, ge=1, le=4096, advanced=True, title="Skip channels", help="Width of what all convolutions add up to."
    )
    pooling: bool = parameter(
        False, title="Pooling",
        help="For tokens: the stronger of each two notes goes on, as the authors had it. It hears further, and forgets "
        "where in the phrase a note was.",
    )  # fmt: skip
    dropout: float = parameter(
        0.2, ge=0, lt=1, title="Dropout",
        help="Share of the signals that are left out at random while learning. More keeps it from learning songs by "
        "heart.",
    )  # fmt: skip
    batch_size: int = parameter(
        32, ge=2, le=65_536, multiple_of=2, title="Batch size",
        help="Windows per step. Larger is faster an epoch, but learns in fewer steps.",
    )  # fmt: skip
    learning_rate: float = learning_rate(1e-3)
    dense: int = parameter(
        128, ge=1, le=4096, advanced=True, title="Dense units",
        help="Width of the layer between convolutions and choice.",
    )  # fmt: skip
    embedding: int = parameter(
        96, ge=1, le=2048, advanced=True, title="Embedding",
        help="Width of the learned vector that stands for each value.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _window_survives_pooling(self) -> Training:
        shortest = self.stack.shortest
        if self.sequence_length < shortest:
            raise ValueError(
                f"{len(self.stack.dilations)} convolutions with pooling halve the window as often, so sequence_length "
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
        """Whether every note of a window is asked for, not only the one after it: impossible where the notes of a
        window are pooled, and unfair where those asked for in validation lie inside windows of the training."""
        return self.representation == "events" or not (self.pooling or self.validation == "random_windows")


class Generation(NoteChoice):
    memory: Literal["carried", "window"] = parameter(
        "carried", advanced=True, title="Memory",
        help="For tokens. carried: all that the convolutions reach back to. window: only the last sequence, seen anew "
        "at every note, as the authors had it; slower, and the only way with pooling.",
    )  # fmt: skip
