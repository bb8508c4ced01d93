"""What can be set: how NoteLSTM trains, and what it makes."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.approaches.notes.parameters import NoteChoice, NoteMusic
from musicgen.contract.parameters import parameter
from musicgen.contract.shared_parameters import Schedule, learning_rate


class Training(NoteMusic, Schedule):
    epochs: int = parameter(40, ge=1, le=10_000, title="Epochs", help="How often the music is gone through.")
    units: int = parameter(
        256,
        ge=1,
        le=4096,
        title="LSTM units",
        help="Size of the memory. A larger one learns finer habits, or songs by heart.",
    )
    num_layers: int = parameter(2, ge=1, le=8, title="LSTM layers", help="Memories on top of each other.")
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
        128, ge=1, le=4096, advanced=True, title="Dense units", help="Width of the layer between memory and choice."
    )
    embedding: int = parameter(
        128, ge=0, le=2048, advanced=True, title="Embedding",
        help="Width of the learned vector that stands for each value. 0, for tokens only: the plain number of the "
        "token, as the authors had it, so that neighbours in the alphabet look alike.",
    )  # fmt: skip
    recurrent_dropout: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Recurrent dropout",
        help="Share of the weights between one step of the memory and the next that is left out at random while "
        "learning: against learning by heart, and against a training that gets stuck on one note.",
    )  # fmt: skip
    scale_index: bool = parameter(
        False, advanced=True, title="Scale the plain number",
        help="For tokens without an embedding: divide the number by the size of the vocabulary. The authors did not.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _events_have_vectors(self) -> Training:
        if self.representation == "events" and not self.embedding:
            raise ValueError("embedding = 0, the plain number, is for tokens; events need 1 or more")
        return self


class Generation(NoteChoice):
    memory: Literal["carried", "window"] = parameter(
        "carried", advanced=True, title="Memory",
        help="For tokens. carried: all that came before. window: only the last sequence, seen anew at every note, as "
        "the authors had it; slower.",
    )  # fmt: skip
