"""The parameters of NoteLSTM: how it trains and what it generates."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.approaches.notes.parameters import NoteChoice, NoteMusic
from musicgen.contract.parameters import parameter
from musicgen.contract.searching import Between
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dense,
    dropout,
    embedding,
    epochs,
    learning_rate,
    num_layers,
    units,
)


class Training(NoteMusic, Schedule):
    epochs: int = epochs(40)
    units: int = units(256)
    num_layers: int = num_layers(2)
    dropout: float = dropout(0.2)
    batch_size: int = batch_size(32, ge=2, multiple_of=2)
    learning_rate: float = learning_rate(1e-3)
    dense: int = dense(128)
    embedding: int = embedding(
        128, more="0, for tokens only: the plain number of the token, as in the authors' code, so that neighbours in "
        "the vocabulary look alike.",
    )  # fmt: skip
    recurrent_dropout: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Recurrent dropout", search=Between(0, 0.5),
        help="Share of the weights from one step of the LSTM to the next that is left out at random during training. "
        "It helps against memorising, and against getting stuck on one note.",
    )  # fmt: skip
    scale_index: bool = parameter(
        False, advanced=True, title="Scale the plain number",
        help="For tokens without an embedding: divide the number by the vocabulary size. The authors did not.",
        applies_when={"representation": "tokens", "embedding": 0},
    )  # fmt: skip

    @model_validator(mode="after")
    def _events_have_vectors(self) -> Training:
        if self.representation == "events" and not self.embedding:
            raise ValueError("embedding = 0 (the plain number) is for tokens only; events need 1 or more")
        return self


class Generation(NoteChoice):
    memory: Literal["carried", "window"] = parameter(
        "carried", advanced=True, title="Context",
        help="For tokens. carried: everything before the next note. window, as in the authors' code: only the last "
        "sequence, read again for every note; slower.",
        applies_when={"training.representation": "tokens"},
    )  # fmt: skip
