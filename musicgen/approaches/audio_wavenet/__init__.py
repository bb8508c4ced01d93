"""Audio WaveNet: predict the next sample of a sound from the thousands before it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.audio_wavenet import parameters
from musicgen.approaches.audio_wavenet.codec import LINEAR_LEVELS, RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import CONDITIONS
from musicgen.approaches.audio_wavenet.data import prepare_raw_audio
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.approaches.network_approach import NetworkApproach
from musicgen.contract.drawing import Convolution, Layer, ReceptiveField
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared, TrainingSong
from musicgen.machine import usable_cores

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask

MU_LAW_LEVELS = 256
MAX_SHARDS = 8


class AudioWaveNet(NetworkApproach[parameters.Training, parameters.Generation]):
    """WaveNet on raw audio, as published in 2016, sampled with ring buffers."""

    key = "audio_wavenet"
    title = "Audio WaveNet"
    summary = (
        "Reads raw samples and predicts the next one with a stack of dilated convolutions, thousands of times for each "
        "second of sound. It is told what to play: short stretches of the songs, in a new order, and what linear "
        "prediction expects of each sample. As published, it is told nothing and makes the music up as it goes."
    )
    reference = "A. van den Oord et al., WaveNet: a generative model for raw audio, 2016 (arXiv:1609.03499)."
    can_learn = (
        "Timbre: how a string, a pipe or a drum sounds from one sample to the next, how notes start and fade, and "
        "which tones follow each other within its receptive field."
    )
    cannot_learn = (
        "Form. Its receptive field is a fraction of a second and it forgets everything before that, so bars and chords "
        "come, if at all, from its plan, and there is no theme and no ending. With linear prediction, the spectrum "
        "comes from the plan, too: the floor of that name shows how much of the rest the network has learned, which is "
        "little within minutes. It also mixes everything down to one channel."
    )
    medium = "audio"
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "A small network at 16 kHz that is told the spectrum: clear chords after a few minutes on a CPU.",
            training={
                "sample_rate": 16_000, "dilation_depth": 10, "stacks": 1, "residual": 32, "skip": 64, "epochs": 20,
                "batch_size": 4, "crop_length": 4096, "learning_rate": 3e-3, "semitones": 0.3, "schedule": "cosine",
                "gradient_clip": 1.0, "gain_db": 0.0, "epoch_seconds": 30.0, "conditioning": "harmony_and_loudness",
                "linear_prediction": True,
            },
            generation={"seconds": 10.0},
            takes="three to eight minutes",
        ),
        "original": Preset(
            "As published: ten dilations to 512, three stacks of them, 256 levels at 16 kHz.",
            training={
                "sample_rate": 16_000, "dilation_depth": 10, "stacks": 3, "residual": 64, "skip": 128, "epochs": 200,
                "batch_size": 8, "crop_length": 2048, "learning_rate": 1e-3, "gain_db": 0.0,
            },
            generation={"keep_level": False},
            takes="hours",
        ),
        "best": Preset(
            "Two stacks with a receptive field of a quarter of a second at 16 kHz, and more patience.",
            training={
                "sample_rate": 16_000, "dilation_depth": 11, "stacks": 2, "residual": 48, "skip": 96, "epochs": 120,
                "batch_size": 8, "crop_length": 8192, "learning_rate": 3e-3, "semitones": 0.3, "schedule": "cosine",
                "gradient_clip": 1.0, "gain_db": 0.0, "patience": 30, "conditioning": "harmony_and_loudness",
                "linear_prediction": True,
            },
            generation={"seconds": 10.0},
            takes="an hour or more",
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "sample_rate": 0, "dilation_depth": 3, "stacks": 1, "residual": 8, "skip": 8, "epochs": 1, "batch_size": 4,
            "crop_length": 128,
        },
        generation={"seconds": 0.05, "prompt_seconds": 0.02},
    )  # fmt: skip
    lengths: ClassVar[Mapping[str, float]] = {"seconds": 1.0}
    short: ClassVar[Mapping[str, float]] = {"seconds": 4.0}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
        return prepare_raw_audio(songs, _sizes(training), training)

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        sizes = _sizes(training)
        n, width = training.crop_length, sizes.residual
        outgoing = f"{sizes.levels:,} levels" if not sizes.mixtures else f"{sizes.mixtures} logistic distributions"
        return (
            Layer("Samples", "music", (n, 1), note="One channel at the network's sample rate."),
            Layer(
                "First convolution, 2 samples", "embedding", (n, width), sizes.first_parameters,
                note=" ".join([
                    *(["Each level has a vector of its own."] if sizes.rows > 1 else []),
                    *(["It also hears what linear prediction expects."] if sizes.has_forecast else []),
                ]),
            ),
            Layer(
                f"Gated block, dilations 1 to {sizes.dilations[-1]:,}", "convolution", (n, width),
                sizes.block_parameters,
                note="tanh gives the value, sigmoid how much of it passes; a skip connection leads to the output.",
                repeated=len(sizes.dilations),
            ),
            Layer("Sum of the skip connections, dense", "dense", (n, sizes.skip), (sizes.skip + 1) * sizes.skip),
            Layer(
                outgoing, "choice", (n, sizes.outputs), (sizes.skip + 1) * sizes.answers,
                note=(
                    "The nearer a level is to what linear prediction expects, the likelier it is; the network corrects "
                    "that. " if sizes.has_forecast else ""
                ) + "One level is sampled, and is the next input.",
            ),
            Layer("Sound", "music", (n, 1)),
        )  # fmt: skip

    def receptive_field(self, training: parameters.Training) -> ReceptiveField:
        sizes = _sizes(training)
        stack = (Convolution(2, 1), *(Convolution(sizes.kernel_size, each) for each in sizes.dilations))
        return ReceptiveField(stack, training.crop_length, "samples", training.sample_rate or None)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        sizes = _sizes(training)
        at_once = -(-training.batch_size // _shards(training)) * min(usable_cores(), _shards(training))
        activations = 4 * at_once * (sizes.lost + training.crop_length) * len(sizes.dilations)
        memory = FRAMEWORK_BYTES + 20 * sizes.parameters + activations * (10 * sizes.residual + sizes.skip)
        return Cost(1, sizes.parameters, _flops(sizes, training) * prepared.training.n_examples, int(memory))

    def build(self, codec: Any, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.audio_wavenet.network import build_audio_wavenet
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        return Networks({"sound": build_audio_wavenet(_sizes(training))})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.audio_wavenet.network import LEVEL_OBJECTIVE, MIXTURE_OBJECTIVE
        from musicgen.networks.engine import LearningTask

        sizes = _sizes(training)
        objective = MIXTURE_OBJECTIVE if sizes.mixtures else LEVEL_OBJECTIVE
        flops = _flops(sizes, training)
        task = LearningTask(
            "sound", objective, prepared.training, prepared.validation, flops=flops, shards=_shards(training)
        )
        return [task]

    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.audio_wavenet.pieces import sound_pieces

        model, sizes = networks.models["sound"], _sizes(training)
        yield from sound_pieces(model, sizes, codec, training, order)

    def codec_from_json(self, document: dict[str, Any]) -> RawAudioCodec:
        return RawAudioCodec.from_json(document)


def _sizes(training: parameters.Training) -> RawAudioSizes:
    is_mixture = training.output == "mixture"
    return RawAudioSizes(
        levels=LINEAR_LEVELS if is_mixture else MU_LAW_LEVELS,
        mixtures=training.mixtures if is_mixture else 0,
        residual=training.residual,
        skip=training.skip,
        kernel_size=training.kernel_size,
        dilation_depth=training.dilation_depth,
        stacks=training.stacks,
        conditions=CONDITIONS[training.conditioning],
        has_forecast=training.linear_prediction and not is_mixture and training.conditioning == "harmony_and_loudness",
    )


def _shards(training: parameters.Training) -> int:
    """Equal parts that a batch is split into, so that only the crops in work take memory."""
    return math.gcd(training.batch_size, MAX_SHARDS)


def _flops(sizes: RawAudioSizes, training: parameters.Training) -> float:
    """Of one crop, forward and backward: on average a block also computes half of the receptive field before it."""
    return 6.0 * sizes.multiplied * (training.crop_length + sizes.lost / 2)
