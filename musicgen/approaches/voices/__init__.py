"""Voices: several voices on a grid, continued from step to step or filled in around what stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.network_approach import NetworkApproach
from musicgen.approaches.voices import parameters
from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.data import prepare_grids
from musicgen.approaches.voices.drawing import sizes_of, voice_layers
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.approaches.voices.weight_labels import Axes, voice_weight_labels
from musicgen.contract.drawing import Layer
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared, TrainingSong

if TYPE_CHECKING:
    from musicgen.networks.engine import LearningTask
    from musicgen.networks.recipe import Recipe


class Voices(NetworkApproach[parameters.Training, parameters.Generation]):
    """Two networks over one grid, trained together as one model."""

    key = "voices"
    title = "Voices"
    summary = (
        "Chorales, quartets and other music of 2 to 6 voices on a grid. It writes new pieces voice by voice, continues "
        "a song, or fills in: a harmony to a tune, some bars anew, one voice anew."
    )
    reference = (
        "C. A. Huang et al., Counterpoint by convolution, 2017; G. Hadjeres et al., DeepBach, 2017; O. Peracha, "
        "Improving polyphonic music models with feature-rich encoding, 2020."
    )
    can_learn = (
        "How voices move together: chords, part writing, rhythm on the grid, cadences, and the return of what was "
        "heard before in the piece. What stays when filling in is kept exactly."
    )
    cannot_learn = (
        "Loudness, tempo changes, and rhythms between the steps of the grid; the plan of a long piece. It needs songs "
        "in which several notes sound together most of the time."
    )
    medium = "midi"
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "A smaller network, for about three minutes.",
            training={
                "epochs": 30, "units": 192, "num_layers": 1, "channels": 96, "depth": 8, "averaging": 0.99,
                "dropout": 0.15, "recurrent_dropout": 0.0, "told_dropout": 0.0, "key_memory": True, "patience": 6,
            },
            generation={"temperature": 0.9, "top_p": 0.95},
        ),
        "original": Preset(
            "Two layers and twelve keys, without the second network that fills in.",
            training={"fill_in": False, "epochs": 100, "key_memory": True, "patience": 20},
        ),
        "best": Preset(
            "Wider layers and more epochs, for both ways of writing.",
            training={
                "epochs": 160, "units": 320, "head": 256, "channels": 160, "depth": 12, "key_memory": True,
                "patience": 30,
            },
            generation={"temperature": 0.95, "top_p": 0.95},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "epochs": 1, "units": 4, "num_layers": 1, "head": 4, "channels": 4, "depth": 1, "sequence_length": 16,
            "batch_size": 4, "schedule": "constant",
        },
        generation={"bars": 2},
    )  # fmt: skip
    lengths: ClassVar[Mapping[str, float]] = {"bars": 40}
    # What is heard on the way is not revised: that takes longer than writing it.
    short: ClassVar[Mapping[str, float]] = {"bars": 8, "rounds": 0, "repairs": 0}
    # With the whole rate, a start learned little music by heart after two epochs; with a third, not (measured).
    start_rate: ClassVar[float] = 0.3

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
        return prepare_grids(songs, training, seed)

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        return voice_layers(training, facts)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        sizes, n_examples = _sizes(prepared.codec, training), prepared.training.n_examples
        per_step = 40 * (training.units * training.num_layers + sizes.voices * (training.head + 2 * sizes.values))
        activations = training.batch_size * training.sequence_length * (per_step + 30 * sizes.channels * sizes.depth)
        flops = _flops(sizes, training) * n_examples
        # Two networks in one program: the compiler took about 0.5 GB more than for one (measured).
        framework = 1.4 * FRAMEWORK_BYTES
        return Cost(1, sizes.parameters, flops, int(framework + 20 * sizes.parameters + activations))

    def build(self, codec: GridCodec, training: parameters.Training, *, seed: int = 0) -> TrainableNetworks:
        from musicgen.approaches.voices.network import build_voice_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        return Networks({"voices": build_voice_network(_sizes(codec, training))})

    def recipe(self, training: parameters.Training) -> Recipe:
        from musicgen.networks.recipe import Recipe

        return Recipe.of(training, averaging=training.averaging)

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.voices.network import voice_objective
        from musicgen.networks.engine import LearningTask

        sizes = _sizes(prepared.codec, training)
        flops = _flops(sizes, training)
        return [
            LearningTask(
                "voices", voice_objective(sizes), prepared.training, prepared.validation, flops=flops, shards=2
            )
        ]

    def generate(
        self,
        networks: TrainableNetworks,
        codec: GridCodec,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.voices.filling_pieces import filled_pieces
        from musicgen.approaches.voices.pieces import continued_pieces

        fills = order.prompt is not None and order.generation.prompt_use == "fill_in"
        pieces = filled_pieces if fills else continued_pieces
        yield from pieces(networks.models["voices"], _sizes(codec, training), codec, order)

    def weight_labels(
        self, codec: GridCodec, training: parameters.Training, source: GridCodec | None = None
    ) -> Mapping[str, Axes]:
        return voice_weight_labels(codec, _sizes(codec, training))

    def codec_from_json(self, document: dict[str, Any]) -> GridCodec:
        return GridCodec.from_json(document)


def _sizes(codec: GridCodec, training: parameters.Training) -> VoiceSizes:
    return sizes_of(training, codec.values, codec.n_voices, strikes=codec.strikes)


def _flops(sizes: VoiceSizes, training: parameters.Training) -> float:
    """Of one window, forward and backward."""
    return 6.0 * training.sequence_length * sizes.multiplied
