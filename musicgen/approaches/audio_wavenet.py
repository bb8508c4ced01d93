"""Audio WaveNet: guess the next sample of a sound from the thousands before it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from musicgen.approaches.base import (
    FRAMEWORK_BYTES,
    Approach,
    Cost,
    Made,
    Monitor,
    Parameters,
    Prepared,
    Preset,
    TrainingSong,
    parameter,
)
from musicgen.approaches.drawing import Convolution, Layer, ReceptiveField
from musicgen.approaches.shared_parameters import Schedule, learning_rate
from musicgen.codecs.conditions import NAMES
from musicgen.codecs.raw_audio import LINEAR_LEVELS, RawAudioCodec
from musicgen.codecs.raw_audio_data import prepare_raw_audio
from musicgen.codecs.raw_audio_sizes import RawAudioSizes
from musicgen.machine import usable_cores

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks

MU_LAW_LEVELS = 256
LOWEST_RATE = 8_000
MOST_SHARDS = 8


class Training(Schedule):
    sample_rate: int = parameter(
        16_000, ge=0, le=48_000, unit="Hz", title="Sample rate",
        help="What the network hears and says, 8,000 to 48,000. Higher is brighter and costs as much more; 0 takes "
        "that of the songs.",
    )  # fmt: skip
    dilation_depth: int = parameter(
        10, ge=1, le=16, title="Dilation depth",
        help="Dilations 1, 2, 4 … up to 2^(depth - 1). One more doubles how far back the network hears.",
    )  # fmt: skip
    stacks: int = parameter(
        2, ge=1, le=8, title="Stacks", help="How often the dilations are gone through: more layers, finer sound."
    )
    residual: int = parameter(
        32, ge=1, le=1024, title="Residual channels", help="Width of what goes from block to block."
    )
    skip: int = parameter(64, ge=1, le=2048, title="Skip channels", help="Width of what each block tells the output.")
    epochs: int = parameter(30, ge=1, le=100_000, title="Epochs", help="How often the music is gone through.")
    batch_size: int = parameter(
        8, ge=2, le=1024, multiple_of=2, title="Batch size", help="Crops per step, from different places of the songs."
    )
    learning_rate: float = learning_rate(2e-3)
    output: Literal["mu_law", "mixture"] = parameter(
        "mu_law", title="Output",
        help="mu_law: a probability for each of 256 levels, quick to learn, with a little hiss. mixture: logistic "
        "distributions over 65,536 levels, as fine as a CD, slower to learn.",
    )  # fmt: skip
    conditioning: Literal["none", "pitch_and_loudness"] = parameter(
        "none", title="Conditioning",
        help="pitch_and_loudness: the network is told how high and how loud to play, and then takes that from a song "
        "while it generates: its timbre on another song's tune.",
    )  # fmt: skip
    crop_length: int = parameter(
        4096, ge=16, le=1_000_000, unit="samples", advanced=True, title="Crop length",
        help="Samples that are answered for at a time; what the network hears before them comes on top.",
    )  # fmt: skip
    kernel_size: int = parameter(
        2, ge=2, le=8, advanced=True, title="Kernel size", help="Taps of each dilated convolution."
    )
    mixtures: int = parameter(
        10, ge=1, le=64, advanced=True, title="Mixtures",
        help="Logistic distributions in an answer, where the output is a mixture.",
    )  # fmt: skip
    seconds: float = parameter(
        7_200.0, gt=0, le=36_000, unit="s", advanced=True, title="Seconds of each song", help="At most so much is used."
    )
    epoch_seconds: float = parameter(
        120.0, gt=0, le=36_000, unit="s", advanced=True, title="Seconds in an epoch",
        help="An epoch goes through at most so much music, drawn anew each time, so that long songs report often.",
    )  # fmt: skip
    gain_db: float = parameter(
        3.0, ge=0, le=24, unit="dB", advanced=True, title="Vary the loudness",
        help="Each crop is turned up or down by at most so much: more music from the same songs.",
    )  # fmt: skip
    semitones: float = parameter(
        0.0, ge=0, le=6, unit="semitones", advanced=True, title="Vary the pitch",
        help="Each crop is tuned up or down by at most so much. A quarter of a tone helps where there is little music.",
    )  # fmt: skip
    heard_noise: float = parameter(
        0.0, ge=0, le=64, unit="levels", advanced=True, title="Heard noise",
        help="Noise put on the samples heard, never on those asked for, in steps of 256 levels: the network learns so "
        "to go on from sound that is not quite right, as its own is, and fades and hisses less.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.1, ge=0, le=0.5, advanced=True, title="Held-out share", help="The last part of each song, which validates."
    )

    @model_validator(mode="after")
    def _music_is_heard(self) -> Training:
        if 0 < self.sample_rate < LOWEST_RATE:
            raise ValueError(
                f"sample_rate is 0, for that of the songs, or {LOWEST_RATE:,} Hz or more, not {self.sample_rate:,}: "
                "below it music is a rumble"
            )
        return self


class Generation(Parameters):
    seconds: float = parameter(5.0, gt=0, le=600, unit="s", title="Length", help="How much sound to make.")
    temperature: float = parameter(
        1.0, ge=0.05, le=2, title="Temperature",
        help="Below 1 cleaner, and sooner one held tone or silence; above 1 livelier, and sooner noise.",
    )  # fmt: skip
    top_p: float = parameter(
        1.0, gt=0, le=1, title="Top p",
        help="Choose among the likeliest levels that together have this probability: takes off hiss. For mu_law.",
    )  # fmt: skip
    keep_level: bool = parameter(
        True, title="Keep the level",
        help="Once it has become 3 dB softer or louder than the songs, it is turned up or down a little in its own "
        "ears. Off, it fades as it will.",
    )  # fmt: skip
    prompt_seconds: float = parameter(
        0.5, ge=0, le=60, unit="s", title="Prompt",
        help="How much of a song is heard before the network goes on. 0: it begins out of silence.",
    )  # fmt: skip
    start_seconds: float | None = parameter(
        None, ge=0, le=36_000, unit="s", advanced=True, title="Where the prompt begins", help="Empty: by chance."
    )


class AudioWaveNet(Approach):
    """WaveNet on raw audio, as published in 2016, sampled with ring buffers."""

    key = "audio_wavenet"
    title = "Audio WaveNet"
    summary = (
        "Hears raw samples and says the next one, thousands of times a second, with a stack of dilated convolutions. "
        "It catches a timbre within minutes; melodies longer than it can hear it makes up as it goes."
    )
    reference = "A. van den Oord et al., WaveNet: a generative model for raw audio, 2016 (arXiv:1609.03499)."
    can_learn = (
        "Timbre: how a string, a pipe or a drum sounds from one sample to the next, how notes begin and fade, and "
        "which tones follow each other within its receptive field."
    )
    cannot_learn = (
        "Form. It forgets what lies further back than its receptive field, a fraction of a second, so there is no bar, "
        "no theme and no ending; it mixes everything down to one channel."
    )
    medium = "audio"
    Training = Training
    Generation = Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "A small network at 8 kHz: a recognisable timbre after a few minutes on a processor.",
            training={
                "sample_rate": 8_000, "dilation_depth": 10, "stacks": 1, "residual": 32, "skip": 64, "epochs": 60,
                "batch_size": 4, "crop_length": 2048, "learning_rate": 4e-3, "semitones": 0.3, "schedule": "cosine",
                "gradient_clip": 1.0, "gain_db": 0.0, "heard_noise": 5.0, "epoch_seconds": 60.0,
            },
            generation={"temperature": 0.9},
            takes="two or three minutes",
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
            "Two stacks that hear a quarter of a second at 16 kHz, and more patience.",
            training={
                "sample_rate": 16_000, "dilation_depth": 11, "stacks": 2, "residual": 48, "skip": 96, "epochs": 120,
                "batch_size": 8, "crop_length": 8192, "learning_rate": 3e-3, "semitones": 0.3, "schedule": "cosine",
                "gradient_clip": 1.0, "gain_db": 0.0, "heard_noise": 5.0, "patience": 30,
            },
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

    def prepare(self, songs: Sequence[TrainingSong], training: Any, *, seed: int = 0) -> Prepared:
        return prepare_raw_audio(songs, _sizes(training), training)

    def layers(self, training: Any, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        sizes = _sizes(training)
        n, width = training.crop_length, sizes.residual
        outgoing = f"{sizes.levels:,} levels" if not sizes.mixtures else f"{sizes.mixtures} logistic distributions"
        return (
            Layer("Samples", "music", (n, 1), note="One channel at the network's sample rate."),
            Layer(
                "First convolution, 2 samples", "embedding", (n, width), 2 * sizes.rows * width,
                note="Each level has a vector of its own." if sizes.rows > 1 else "",
            ),
            Layer(
                f"Gated block, dilations 1 to {sizes.dilations[-1]:,}", "convolution", (n, width),
                sizes.block_parameters, note="tanh says what, sigmoid says how much; a skip goes to the output.",
                repeated=len(sizes.dilations),
            ),
            Layer("Sum of the skips, dense", "dense", (n, sizes.skip), (sizes.skip + 1) * sizes.skip),
            Layer(outgoing, "choice", (n, sizes.outputs), (sizes.skip + 1) * sizes.outputs,
                  note="One level is drawn, and heard again."),
            Layer("Sound", "music", (n, 1)),
        )  # fmt: skip

    def receptive_field(self, training: Any) -> ReceptiveField:
        sizes = _sizes(training)
        stack = (Convolution(2, 1), *(Convolution(sizes.kernel_size, each) for each in sizes.dilations))
        return ReceptiveField(stack, training.crop_length, "samples", training.sample_rate or None)

    def cost(self, prepared: Prepared, training: Any) -> Cost:
        sizes = _sizes(training)
        at_once = -(-training.batch_size // _shards(training)) * min(usable_cores(), _shards(training))
        activations = 4 * at_once * (sizes.lost + training.crop_length) * len(sizes.dilations)
        memory = FRAMEWORK_BYTES + 20 * sizes.parameters + activations * (10 * sizes.residual + sizes.skip)
        return Cost(1, sizes.parameters, _flops(sizes, training) * prepared.training.n_examples, int(memory))

    def build(self, codec: Any, training: Any, *, seed: int = 0) -> Networks:
        from musicgen.networks.audio_wavenet import build_audio_wavenet
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        return Networks({"sound": build_audio_wavenet(_sizes(training))})

    def fit(
        self,
        networks: Networks,
        prepared: Prepared,
        training: Any,
        *,
        seed: int,
        monitor: Monitor,
        first_epoch: int = 1,
    ) -> None:
        from musicgen.networks import training as engine
        from musicgen.networks.audio_wavenet import LEVEL_OBJECTIVE, MIXTURE_OBJECTIVE

        sizes = _sizes(training)
        objective = MIXTURE_OBJECTIVE if sizes.mixtures else LEVEL_OBJECTIVE
        flops = _flops(sizes, training)
        task = engine.Task(
            "sound", objective, prepared.training, prepared.validation, flops=flops, shards=_shards(training)
        )
        recipe = engine.Recipe.of(training)
        engine.fit(networks, [task], recipe, seed=seed, monitor=monitor, first_epoch=first_epoch)

    def generate(
        self,
        networks: Networks,
        codec: Any,
        training: Any,
        generation: Any,
        *,
        songs: Sequence[TrainingSong],
        prompt: TrainingSong | None,
        seeds: Sequence[int],
        monitor: Monitor,
    ) -> Iterator[Made]:
        from musicgen.sampling.sound_pieces import sound_pieces

        model, sizes = networks.models["sound"], _sizes(training)
        yield from sound_pieces(model, sizes, codec, training, generation, songs, prompt, seeds, monitor)

    def codec_from_json(self, document: dict[str, Any]) -> RawAudioCodec:
        return RawAudioCodec.from_json(document)


def _sizes(training: Training) -> RawAudioSizes:
    is_mixture = training.output == "mixture"
    return RawAudioSizes(
        levels=LINEAR_LEVELS if is_mixture else MU_LAW_LEVELS,
        mixtures=training.mixtures if is_mixture else 0,
        residual=training.residual,
        skip=training.skip,
        kernel_size=training.kernel_size,
        dilation_depth=training.dilation_depth,
        stacks=training.stacks,
        conditions=len(NAMES) if training.conditioning != "none" else 0,
    )


def _shards(training: Training) -> int:
    """Parts of a batch, as many as divide it: so only the crops that the cores are at take memory."""
    return math.gcd(training.batch_size, MOST_SHARDS)


def _flops(sizes: RawAudioSizes, training: Training) -> float:
    """Of one crop, forward and backward: every block answers for half of what comes before the crop, on average."""
    return 6.0 * sizes.multiplied * (training.crop_length + sizes.lost / 2)
