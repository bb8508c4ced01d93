"""Spectral LSTM: predict the next spectrum of a sound from those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.network_approach import NetworkApproach
from musicgen.approaches.spectral_lstm import parameters
from musicgen.approaches.spectral_lstm.block_data import prepare_blocks
from musicgen.approaches.spectral_lstm.blocks import BlockCodec
from musicgen.approaches.spectral_lstm.frame_data import prepare_frames
from musicgen.approaches.spectral_lstm.frames import FrameCodec
from musicgen.approaches.spectral_lstm.sizes import cost_of, flops_of, layers_of
from musicgen.contract.drawing import Layer
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import Cost, Prepared, TrainingSong

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask
    from musicgen.networks.recipe import Recipe


class SpectralLSTM(NetworkApproach[parameters.Training, parameters.Generation]):
    """GRUV and music-generation (2015 to 2017), completed and improved."""

    key = "spectral_lstm"
    title = "Spectral LSTM"
    summary = (
        "Reads sound as a series of spectra and learns which comes next. With the authors' long blocks it recites the "
        "songs or falls silent; with short overlapping frames, sampled at random, it keeps playing."
    )
    reference = (
        "A. Nayebi, M. Vitelli, GRUV: Algorithmic music generation using recurrent neural networks, Stanford, 2015; "
        "unnati-xyz, music-generation, 2017."
    )
    can_learn = (
        "The timbre of a sound, which chords and notes follow which over a few seconds, how notes start and fade. With "
        "blocks and long training: the songs themselves, by heart."
    )
    cannot_learn = (
        "Form and long melodies: it forgets after a few seconds. With blocks, the phase at the start of a block cannot "
        "be predicted from the block before, so the safest prediction is silence."
    )
    medium = "audio"
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Mono at 22 kHz in overlapping frames; 256 LSTM units choose among 256 sounds and 64 corrections. About "
            "a minute.",
            training={
                "epochs": 40, "learning_rate": 3e-3, "schedule": "cosine", "gradient_clip": 1.0, "weight_decay": 0.02,
                "patience": 12, "dropout": 0.4, "sequence_overlap": 0.75, "codebook_size": 256, "components": 96,
                "seconds_per_song": 180.0,
            },
        ),
        "original": Preset(
            "The authors' pipeline, number for number: 10 s clips of 11,025-sample blocks at 44.1 kHz, hidden size "
            "1,024, RMSprop, 50 iterations × 25 epochs. Heavy: 53.6 million weights.",
            training={
                "representation": "blocks", "sample_rate": 44_100, "clip_seconds": 10.0, "block_size": 11_025,
                "transform": "fft", "units": 1024, "num_layers": 1, "cell": "lstm", "loss": "mse", "normalise": True,
                "batch_size": 5, "epochs": 1250, "optimizer": "rmsprop", "learning_rate": 1e-3, "max_songs": 20,
                "validation_share": 0.0, "dropout": 0.0,
            },
            generation={"steps": 10, "keep_seed": True},
        ),
        "best": Preset(
            "A larger LSTM, finer sounds, a smaller learning rate and more patience; half a minute of sound.",
            training={
                "epochs": 100, "learning_rate": 1e-3, "schedule": "cosine", "gradient_clip": 1.0, "weight_decay": 0.05,
                "patience": 25, "dropout": 0.55, "sequence_overlap": 0.875, "codebook_size": 384, "components": 128,
                "units": 320,
            },
            generation={"seconds": 30.0, "phase_iterations": 64},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "sample_rate": 0, "clip_seconds": 0.04, "epochs": 1, "units": 4, "batch_size": 4, "n_fft": 64,
            "hop_length": 16, "frames_per_step": 2, "codebook_size": 4, "num_codebooks": 2, "components": 4,
        },
        generation={"seconds": 0.1, "phase_iterations": 2},
    )  # fmt: skip
    lengths: ClassVar[Mapping[str, float]] = {"seconds": 1.0}
    short: ClassVar[Mapping[str, float]] = {"seconds": 5.0}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
        return (prepare_blocks if training.representation == "blocks" else prepare_frames)(songs, training)

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        return layers_of(training, facts)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        return cost_of(prepared, training)

    def build(self, codec: Any, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.spectral_lstm.block_network import build_block_network
        from musicgen.approaches.spectral_lstm.frame_network import build_frame_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        if isinstance(codec, BlockCodec):
            network = build_block_network(
                codec.n_features, units=training.units, num_layers=training.num_layers, cell=training.cell,
                dropout=training.dropout,
            )  # fmt: skip
        else:
            network = build_frame_network(
                codec, units=training.units, num_layers=training.num_layers, cell=training.cell,
                dropout=training.dropout,
            )  # fmt: skip
        return Networks({"spectra": network})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.spectral_lstm.block_network import block_objective
        from musicgen.approaches.spectral_lstm.frame_network import frame_objective
        from musicgen.networks.engine import LearningTask

        is_blocks = isinstance(prepared.codec, BlockCodec)
        objective = block_objective(training.loss) if is_blocks else frame_objective(prepared.codec)
        task = LearningTask(
            "spectra", objective, prepared.training, prepared.validation,
            flops=flops_of(prepared.codec, training), shards=1 if is_blocks else 2,
        )  # fmt: skip
        return [task]

    def recipe(self, training: parameters.Training) -> Recipe:
        from musicgen.networks.recipe import Recipe

        return Recipe.of(training, algorithm=training.optimizer)

    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.spectral_lstm.block_pieces import block_pieces
        from musicgen.approaches.spectral_lstm.frame_pieces import frame_pieces

        make = block_pieces if isinstance(codec, BlockCodec) else frame_pieces
        yield from make(networks.models["spectra"], codec, training, order)

    def codec_from_json(self, document: dict[str, Any]) -> BlockCodec | FrameCodec:
        return (BlockCodec if document["representation"] == "blocks" else FrameCodec).from_json(document)
