"""What an approach is: prepare → build → fit → generate. One folder or one file each; nothing else to register.

An approach is stateless. Its module imports no framework at module level, so that the pages and the command line can
describe it in milliseconds; `build`, `fit` and `generate` run in worker processes. It knows no pages, no database and
no queue: songs come in as clips, progress goes out through a Monitor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

from musicgen.contract.drawing import Layer, ReceptiveField
from musicgen.contract.made import GenerationModel, Made, Order
from musicgen.contract.monitor import Monitor
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Parameters, Preset, TrainingParameters, read_parameters
from musicgen.contract.prepared import Cost, Prepared, TrainingSong

Medium = Literal["audio", "midi"]
TrainingModel = TypeVar("TrainingModel", bound=TrainingParameters)


class Approach(ABC, Generic[TrainingModel, GenerationModel]):
    """Subclass this in `approaches/<key>/`. The class attributes are the description that the pages and the CLI
    show."""

    key: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    can_learn: ClassVar[str]
    cannot_learn: ClassVar[str]
    medium: ClassVar[Medium]
    Training: ClassVar[type[TrainingParameters]]
    Generation: ClassVar[type[Parameters]]
    presets: ClassVar[Mapping[str, Preset]]
    tiny: ClassVar[Preset]
    # Fields of Generation that say how long a piece is, with values that make one long enough to be looked at on the
    # way.
    lengths: ClassVar[Mapping[str, float]] = {}
    # The same for a piece of a few seconds, of which a training makes several to let one hear it learn.
    short: ClassVar[Mapping[str, float]] = {}
    # Parameters that make a step slower or faster than its arithmetic says: a speed is measured for each of their
    # values.
    own_speed: ClassVar[tuple[str, ...]] = ()
    # Learning rate of a training that starts from known weights, as a share of the one that is set.
    start_rate: ClassVar[float] = 1.0

    @abstractmethod
    def prepare(self, songs: Sequence[TrainingSong], training: TrainingModel, *, seed: int = 0) -> Prepared:
        """Songs → codec, examples, facts and floors. NumPy only: it also runs before a training, to show a preview.

        Raises InvalidInput, with the arithmetic, if nothing can be learned from the songs."""

    def layers(self, training: TrainingModel, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        """The layers from input to output, for drawings. Arithmetic only.

        `facts`: those of `prepare`, if songs have been chosen; then the parameters add up to those of `cost`. Without
        them, sizes that depend on the songs are words."""
        return ()

    def receptive_field(self, training: TrainingModel) -> ReceptiveField | None:
        """How far back its convolutions look; None for networks without convolutions."""
        return None

    @abstractmethod
    def cost(self, prepared: Prepared, training: TrainingModel) -> Cost:
        """Size and effort in closed form; a test checks `parameters` against what `build` builds."""

    @abstractmethod
    def build(self, codec: Any, training: TrainingModel, *, seed: int = 0) -> TrainableNetworks:
        """The untrained networks, from nothing but the codec and the parameters (a checkpoint is loaded into them)."""

    @abstractmethod
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
        """Train in place up to `training.epochs`. `first_epoch` > 1 continues a run whose state was loaded into
        `networks`. Raises TrainingFailed if a loss is not finite."""

    def weight_labels(
        self, codec: Any, training: TrainingModel, source: Any = None
    ) -> Mapping[str, Sequence[Sequence[Hashable] | None]]:
        """What the axes of its networks' weights stand for, "layer/weight" → labels of each axis or None, so that a
        training can start from another run. Weights that are not named are carried over if their shapes are equal.

        `source`: the codec of the run that it starts from, if this one is to be labelled in its terms."""
        return {}

    @abstractmethod
    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: TrainingModel,
        order: Order[GenerationModel],
    ) -> Iterator[Made]:
        """One Made per seed of the order."""

    def short_generation(self, values: Mapping[str, Any]) -> GenerationModel:
        """Parameters of a piece of a few seconds; `values`: those of a preset. What is short already stays so."""
        usual = read_parameters(self.Generation, values)
        most = {name: min(getattr(usual, name) or most, most) for name, most in self.short.items()}
        return read_parameters(self.Generation, {**usual.model_dump(), **most})  # type: ignore[return-value]

    @abstractmethod
    def codec_from_json(self, document: dict[str, Any]) -> Any:
        """The codec that `prepare` made, from its saved state."""
