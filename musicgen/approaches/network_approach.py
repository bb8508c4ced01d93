"""The base of approaches whose networks learn by gradient: they define what each network learns from, and the engine
does the rest. Not an approach by itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from musicgen.contract.approach import Approach, TrainingModel
from musicgen.contract.made import GenerationModel
from musicgen.contract.monitor import Monitor
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.prepared import Prepared

if TYPE_CHECKING:
    from musicgen.networks.engine import LearningTask
    from musicgen.networks.recipe import Paced, Recipe

# Called with the training means of each task (task → name → mean) after each epoch, before the weights are saved.
AfterEpoch = Callable[[dict[str, dict[str, float]]], None]


class NetworkApproach(Approach[TrainingModel, GenerationModel]):
    """`tasks` defines what is learned; most approaches keep `recipe` and `after_epoch` as they are."""

    @abstractmethod
    def tasks(self, networks: TrainableNetworks, prepared: Prepared, training: TrainingModel) -> Sequence[LearningTask]:
        """One for each network: its objective and its examples."""

    def recipe(self, training: TrainingModel) -> Recipe:
        """How to train: epochs, batch size and learning rate from the parameters of these names."""
        from musicgen.networks.recipe import Recipe

        return Recipe.of(cast("Paced", training))  # their names are those of the shared parameters

    def after_epoch(self, networks: TrainableNetworks, prepared: Prepared) -> AfterEpoch | None:
        """A function that stores in `networks.state` what generation will need; None for nothing."""
        return None

    def fit(
        self,
        networks: TrainableNetworks,
        prepared: Prepared,
        training: TrainingModel,
        *,
        seed: int,
        monitor: Monitor,
        first_epoch: int = 1,
    ) -> None:
        from musicgen.networks import engine
        from musicgen.networks.bundle import Networks

        assert isinstance(networks, Networks)  # as `build` made them
        engine.fit(
            networks, self.tasks(networks, prepared, training), self.recipe(training), seed=seed, monitor=monitor,
            first_epoch=first_epoch, after_epoch=self.after_epoch(networks, prepared),
        )  # fmt: skip
