"""What an approach trains on: songs, and the examples, facts and cost that come from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from musicgen.clips import Clip

# Memory of a worker before it reads any music: the framework and its compiled steps, as measured on two cores.
FRAMEWORK_BYTES = 1.2e9


@dataclass(frozen=True)
class TrainingSong:
    """A song as an approach sees it. `tracks`: the MIDI tracks to use, None for all."""

    id: str
    name: str
    clip: Clip
    tracks: tuple[int, ...] | None = None


class Codec(Protocol):
    """Everything needed to turn a network's output into sound; JSON state, saved beside the weights."""

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found in the songs.

    Attributes:
        codec: see Codec.
        training, validation: for the approach's own `fit`; validation is None if too little music is left.
        facts: `inputs_shape`, `targets_shape` (examples first, without batches), `n_windows`, `n_songs`, and where
            they apply `vocabulary_size`, `n_tokens`; JSON.
        floors: name → loss of a prediction without a network, in the unit and on the data of `val_loss`.
        warnings: one sentence each; shown before the start and kept with the run.
    """

    codec: Any
    training: Any
    validation: Any
    facts: dict[str, Any]
    floors: dict[str, float]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a training will take. Arithmetic only: no framework is loaded.

    Attributes:
        networks: how many. parameters: trainable weights of each.
        flops_per_epoch: multiply-adds × 2, forward and backward. memory_bytes: peak, data and weights and activations.
    """

    networks: int
    parameters: int
    flops_per_epoch: float
    memory_bytes: int
