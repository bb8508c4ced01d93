"""A short piece from the weights of a training, as its time-lapse and a rehearsal make it. Child processes only.

The first one in a process compiles the loops that make music, which takes seconds. They take the weights as arguments
(`networks.programs`): so it is known here whether that has been done for networks like these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from musicgen.contract.approach import Approach
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import Monitor
from musicgen.contract.parameters import Parameters, TrainingParameters
from musicgen.contract.prepared import TrainingSong
from musicgen.runs.submissions import preset_generation

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks

_compiled: set[str] = set()  # what pieces were made with in this process: see ShortPieces.name


class ShortPieces:
    """Pieces with the seed of a training and the generation settings of its preset.

    Args:
        request: of the run, or what is known of it before it is ordered.
    """

    def __init__(
        self,
        approach: Approach[Any, Any],
        training: TrainingParameters,
        networks: TrainableNetworks,
        codec: Any,
        songs: Sequence[TrainingSong],
        request: Mapping[str, Any],
    ) -> None:
        self.approach, self.training, self.networks, self.codec = approach, training, networks, codec
        self.songs, self.seed = songs, int(request["seed"])
        self._preset = preset_generation(approach, request)

    @cached_property
    def generation(self) -> Parameters:
        """The settings of each piece. Raises MusicgenError."""
        return self.approach.short_generation(self._preset)

    @cached_property
    def name(self) -> str:
        """Equal for pieces that are made by the same programs."""
        settings = self.training.model_dump(mode="json"), dict(self._preset)
        told = json.dumps([self.approach.key, *settings, self.codec.to_json()], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def are_compiled(self) -> bool:
        """Whether this process has made one before."""
        return self.name in _compiled

    def make(self, monitor: Monitor) -> Made:
        """One piece. Raises whatever the approach raises."""
        order = Order(self.generation, (self.seed,), self.songs, None, monitor)
        made = next(iter(self.approach.generate(self.networks, self.codec, self.training, order)))
        _compiled.add(self.name)
        return made
