"""Trained networks as seen by everything but the engine. The real ones are `musicgen.networks.bundle.Networks`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class TrainableNetworks(Protocol):
    """One or more models that are trained and generate together."""

    state: dict[str, Any]

    @property
    def models(self) -> Mapping[str, Any]:
        """name → model of the framework."""

    @property
    def count(self) -> int:
        """How many models."""

    @property
    def parameters(self) -> list[int]:
        """Number of trainable weights of each."""

    def save(self, folder: Path, with_optimizer: bool = True) -> None:
        """Write weights, state and (unless left out) the optimisers' state into an existing folder."""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises CorruptArtifact if it does not fit."""
