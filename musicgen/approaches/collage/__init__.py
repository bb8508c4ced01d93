"""Collage: the song's own half beats in a new order, chosen by a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.collage import parameters
from musicgen.approaches.collage.codec import CollageCodec
from musicgen.approaches.collage.data import prepare_collage
from musicgen.approaches.collage.sizes import cost_of, flops_of, layers_of, sizes_of
from musicgen.approaches.network_approach import NetworkApproach
from musicgen.contract.drawing import Layer
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import Cost, Prepared, TrainingSong

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask


class Collage(NetworkApproach[parameters.Training, parameters.Generation]):
    """Concatenative synthesis by a recurrent network."""

    key = "collage"
    title = "Collage"
    summary = (
        "Cuts a song into half beats, learns in which order their timbres and harmonies come, and joins half beats of "
        "the song to a new piece. The piece is made of the song's own sound: only the order is new."
    )
    reference = (
        "D. Schwarz, Concatenative sound synthesis: The early years, Journal of New Music Research 35(1), 2006; "
        "T. Jehan, Creating music by listening, MIT, 2005; A. Zils, F. Pachet, Musical mosaicing, DAFx, 2001."
    )
    can_learn = (
        "Which sounds follow each other in a song, and at which place in the bar: its loops, chord changes and drum "
        "patterns. It sounds as good as the song does, because it is the song, from one song in a minute or two."
    )
    cannot_learn = (
        "Any sound or note that is not in the songs: it only changes their order, in stretches of at most 8 beats. "
        "Words that are sung are cut apart, and a melody rarely ends where a person would end it."
    )
    medium = "audio"
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "A small LSTM with much dropout, which stops when it no longer improves. Under a minute for a song.",
            training={
                "units": 48, "embedding": 16, "epochs": 60, "learning_rate": 3e-3, "schedule": "cosine",
                "gradient_clip": 1.0, "weight_decay": 0.1, "patience": 15, "dropout": 0.5,
            },
        ),
        "original": Preset("The defaults: one LSTM layer of 64 units for 60 epochs, without early stopping."),
        "best": Preset(
            "More kinds of sound, a larger LSTM and more patience: follows the harmony more closely, for longer songs.",
            training={
                "epochs": 200, "codebook_size": 96, "units": 128, "embedding": 32, "sequence_length": 64,
                "learning_rate": 2e-3, "schedule": "cosine", "gradient_clip": 1.0, "weight_decay": 0.05,
                "patience": 40, "dropout": 0.5,
            },
            generation={"seconds": 60.0},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "longest_unit": 0.02, "codebook_size": 4, "epochs": 1, "units": 4, "embedding": 2, "sequence_length": 4,
            "batch_size": 4,
        },
        generation={"seconds": 0.3, "prompt_seconds": 0.05},
    )  # fmt: skip
    lengths: ClassVar[Mapping[str, float]] = {"seconds": 1.0}
    short: ClassVar[Mapping[str, float]] = {"seconds": 6.0}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
        return prepare_collage(songs, training, seed)

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        return layers_of(training, facts)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        return cost_of(prepared, training)

    def build(self, codec: CollageCodec, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.collage.network import build_collage_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        return Networks({"codes": build_collage_network(sizes_of(codec.num_codes, codec.num_places, training))})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.collage.network import CODE_OBJECTIVE
        from musicgen.networks.engine import LearningTask

        sizes = sizes_of(prepared.codec.num_codes, prepared.codec.num_places, training)
        flops = flops_of(sizes, training.sequence_length)
        return [LearningTask("codes", CODE_OBJECTIVE, prepared.training, prepared.validation, flops=flops)]

    def generate(
        self,
        networks: TrainableNetworks,
        codec: CollageCodec,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.collage.network import CodeStepper
        from musicgen.approaches.collage.pieces import collage_pieces

        sizes = sizes_of(codec.num_codes, codec.num_places, training)
        yield from collage_pieces(CodeStepper(networks.models["codes"], sizes), codec, training, order)

    def codec_from_json(self, document: dict[str, Any]) -> CollageCodec:
        return CollageCodec.from_json(document)
