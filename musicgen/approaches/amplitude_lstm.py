"""Amplitude LSTM: guess the next sample of a sound from the few before it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

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
from musicgen.approaches.drawing import Layer
from musicgen.approaches.shared_parameters import Schedule, learning_rate
from musicgen.codecs.amplitude import AmplitudeCodec
from musicgen.codecs.amplitude_data import examples_of, facts_of, floors_of, with_banks
from musicgen.codecs.stretches import Cut, hear, make_codec, stretches
from musicgen.errors import InvalidInput, sentence
from musicgen.networks.amplitude_sizes import flops_of, layers_of, parameters_of

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks

NAMES = {1: ("mono",), 2: ("left", "right")}
NOTHING_HELD_OUT = (
    "No music is left to hold out, so there is no validation loss: take less of each song, or longer songs."
)
HALF_A_WAVE = (
    "A ReLU output cannot be negative: half of every wave stays cut off, and the loss cannot fall below the half-wave "
    "floor, whatever is learned. Choose leaky_relu, or run both and compare them."
)


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], BeforeValidator(_as_list), Field(max_length=8)]


class Training(Schedule):
    look_back: int = parameter(
        3, ge=1, le=4096, unit="samples", title="Look back",
        help="How many past samples each guess is made from. More of them catch more of the tone; 3 see only its "
        "slope.",
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "tanh", "linear"] = parameter(
        "leaky_relu", title="Activation",
        help="Shape of the layers' answers. relu cannot say anything negative: half of the wave is cut off and the "
        "sound is distorted, however long it trains (the half-wave floor). leaky_relu was its authors' remedy.",
    )  # fmt: skip
    epochs: int = parameter(20, ge=1, le=10_000, title="Epochs", help="How often the music is gone through.")
    seconds_per_song: float = parameter(
        60.0, gt=0, le=7200, unit="s", title="Seconds of each song",
        help="At most this much of each song is used, from its start. More music takes longer and generalises better.",
    )  # fmt: skip
    units: int = parameter(
        100,
        ge=1,
        le=4096,
        title="LSTM units",
        help="Size of the memory. Larger hears finer differences, and is slower.",
    )
    dense: Widths = parameter(
        (50, 25, 12),
        title="Dense layers",
        help="Widths of the layers after the LSTM, before the one number at the end.",
    )
    batch_size: int = parameter(
        100, ge=1, le=65_536, title="Batch size",
        help="Windows per step. Larger is faster an epoch, but learns in fewer steps.",
    )  # fmt: skip
    learning_rate: float = learning_rate(1e-3)
    sample_rate: int = parameter(
        0, ge=0, le=192_000, unit="Hz", title="Sample rate",
        help="0 keeps the rate of the songs. A lower rate loses the highest tones; the same look back then reaches "
        "further back in time, and everything is faster.",
    )  # fmt: skip
    channels: Literal["source", "mono"] = parameter(
        "source", title="Channels", help="source: a network of its own for left and right. mono: one for their mean."
    )
    normalise: bool = parameter(
        False, title="Normalise",
        help="Bring all music to one loudness before it is learned from. Without, samples are whole numbers up to "
        "32,767, as the authors had them; quiet music then trains slowly.",
    )  # fmt: skip
    recurrence: Literal["none", "look_back", "frames"] = parameter(
        "none", advanced=True, title="Recurrence",
        help="none: all of the look back is one step, so nothing recurs (what the authors did). look_back: one step "
        "for each sample of it. frames: one step for each short frame of the song, carried along all of it; the "
        "network then plays a bank of linear predictors fitted to the songs. Only that one makes music of its own.",
    )  # fmt: skip
    num_songs: int = parameter(
        0, ge=0, le=10_000, unit="songs", advanced=True, title="Number of songs",
        help="Only so many of the chosen songs are learned from, the first ones; 0 for all. The authors used two.",
    )  # fmt: skip
    num_predictors: int = parameter(
        32, ge=1, le=256, advanced=True, title="Predictors",
        help="With recurrence frames: how many kinds of moments are told apart. More of them ring on more chords.",
    )  # fmt: skip
    num_levels: int = parameter(
        24, ge=1, le=256, advanced=True, title="Loudness patterns",
        help="With recurrence frames: in how many ways a frame can be struck, from silence to a loud attack.",
    )  # fmt: skip
    hop_length: int = parameter(
        256, ge=16, le=8192, multiple_of=4, unit="samples", advanced=True, title="Frame",
        help="With recurrence frames: length of a frame. Shorter ones follow a rhythm more exactly.",
    )  # fmt: skip
    dropout: float = parameter(
        0.3, ge=0, lt=1, advanced=True, title="Dropout",
        help="With recurrence frames: share of the signals that are left out at random while learning, against "
        "learning the song by heart.",
    )  # fmt: skip
    leaky_slope: float = parameter(
        0.3,
        ge=0,
        le=1,
        advanced=True,
        title="Leaky slope",
        help="What leaky_relu leaves of a negative value. 0 is relu, 1 is linear.",
    )
    activate_output: bool = parameter(
        True, advanced=True, title="Activation on the output",
        help="As the authors had it. With relu no sample can be negative; without, any value can be said.",
    )  # fmt: skip
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = parameter(
        "hard_sigmoid", advanced=True, title="Gates", help="Shape of the LSTM's gates; hard_sigmoid is that of Keras 2."
    )
    scale: Literal["rms", "peak"] = parameter(
        "rms", advanced=True, title="Normalise by",
        help="rms: divided by the loudness of the music, which trains more evenly. peak: divided by its peak, which "
        "tanh needs.",
    )  # fmt: skip
    samples_per_song: int = parameter(
        0, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Samples of each song",
        help="Exactly this many samples from the start of each song train, whatever the seconds above say. 0: go by "
        "the seconds.",
    )  # fmt: skip
    held_out_samples: int = parameter(
        239_999, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Held-out samples",
        help="With samples of each song set: this many after them are kept for validation, where the song has them.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.15, ge=0, le=0.5, advanced=True, title="Held-out share",
        help="The last part of what is used of each song is never trained on: the loss on it tells what was learned "
        "and what was only memorised.",
    )  # fmt: skip
    cross_joins: bool = parameter(
        False, advanced=True, title="Windows across songs",
        help="As the authors had it: some windows begin in one song and end in the next. They teach a click.",
    )  # fmt: skip
    off_by_one: bool = parameter(
        False, advanced=True, title="Leave out the last window",
        help="As the authors' loop did. It changes nothing you hear.",
    )  # fmt: skip
    sequence_length: int = parameter(
        64, ge=2, le=4096, unit="frames", advanced=True, title="Sequence length",
        help="With recurrence frames: how many frames the network is shown at a time.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _tanh_reaches(self) -> Training:
        ends_in_tanh = self.activation == "tanh" and self.activate_output and self.recurrence != "frames"
        if ends_in_tanh and self.units_of_sound != "peak":
            raise ValueError(
                f"a tanh output lies between -1 and 1, so it needs normalise on and scale = peak (or activate_output "
                f"off), not scale = {self.units_of_sound}"
            )
        return self

    @property
    def units_of_sound(self) -> str:
        """What a sample of 1 means to the network: a 16-bit step, the loudness of the music, or its peak."""
        return self.scale if self.normalise else "int16"

    @property
    def is_half_wave(self) -> bool:
        """Whether no sample that it says can be negative."""
        return self.activation == "relu" and self.activate_output and self.recurrence != "frames"

    @property
    def cut(self) -> Cut:
        """Which part of each song trains."""
        return Cut(
            self.samples_per_song, self.held_out_samples, int(self.off_by_one), self.seconds_per_song,
            self.validation_share,
        )  # fmt: skip

    @property
    def shortest(self) -> int:
        """Samples in a row that are too few for one example."""
        if self.recurrence == "frames":
            return self.first_frame * self.hop_length + self.hop_length - 1
        return self.look_back + int(self.off_by_one)

    @property
    def first_frame(self) -> int:
        """The first frame of a stretch all of whose samples have a full past."""
        return -(-self.look_back // self.hop_length)


class Generation(Parameters):
    mode: Literal["predict", "free"] = parameter(
        "predict", title="Mode",
        help="predict: for each sample of the real song, guess it from the real samples before it; a test of the "
        "network, not a new piece. free: the network hears only itself after a short prompt.",
    )  # fmt: skip
    segment: Literal["training", "held_out"] = parameter(
        "held_out", title="Part of the song",
        help="For predict: the part it was trained on, or the part it never heard.",
    )  # fmt: skip
    predict_seconds: float = parameter(
        0.0, ge=0, le=7200, unit="s", title="Seconds to predict",
        help="For predict: how much of that part is predicted, from its start; 0 for all of it.",
    )  # fmt: skip
    seconds: float = parameter(10.0, gt=0, le=600, unit="s", title="Length", help="For free: how much to make.")
    temperature: float = parameter(
        1.0, ge=0, le=4, title="Temperature",
        help="For free: how much chance is drawn. 0 leaves the network alone with itself: it soon dies away or buzzes.",
    )  # fmt: skip
    prompt_seconds: float = parameter(
        1.0, ge=0, le=60, unit="s", title="Prompt",
        help="For free: how much of the song it hears before it goes on alone.",
    )  # fmt: skip
    start_seconds: float | None = parameter(
        None, ge=0, le=7200, unit="s", title="Prompt from", help="For free: where the prompt begins; empty: anywhere."
    )
    predict_samples: int = parameter(
        0, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Samples to predict",
        help="For predict: exactly this many samples, whatever the seconds above say. 0: go by the seconds.",
    )  # fmt: skip

    def predicted_of(self, n_samples: int, sample_rate: int) -> int:
        """How many of a part's samples are predicted from."""
        wanted = self.predict_samples or round(self.predict_seconds * sample_rate)
        return min(wanted or n_samples, n_samples)


class AmplitudeLSTM(Approach):
    """Sobiam1's Smart-Music-Generator (2019), made whole."""

    key = "amplitude_lstm"
    title = "Amplitude LSTM"
    summary = (
        "Guesses each sample of a sound from those before it. With a short look back it follows a real song almost "
        "perfectly and has nothing to say alone; with a bank of predictors to play on, it makes sound of its own."
    )
    reference = "Sobiam1, Smart-Music-Generator, 2019: next amplitude from a look back of 3, ReLU against LeakyReLU."
    can_learn = (
        "How a sound goes on over a few milliseconds: which tones ring, and how fast they die away. With frames also "
        "which sound follows which over a few seconds, and how hard each is struck."
    )
    cannot_learn = (
        "Melody, harmony and form: a second of sound is 44,100 guesses, and it sees a few of them at a time. A small "
        "error while following a real song does not mean that it can play by itself; a straight line does as well."
    )
    medium = "audio"
    Training = Training
    Generation = Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Mono at 22 kHz: an LSTM plays 48 linear predictors fitted to the songs. Under a minute.",
            training={
                "recurrence": "frames", "look_back": 384, "hop_length": 352, "num_predictors": 48, "num_levels": 32,
                "units": 128, "dense": (), "activation": "tanh", "recurrent_activation": "sigmoid", "epochs": 24,
                "dropout": 0.5, "patience": 6,
                "batch_size": 8, "learning_rate": 3e-3, "schedule": "cosine", "gradient_clip": 1.0, "normalise": True,
                "sample_rate": 22_050, "channels": "mono", "seconds_per_song": 60.0,
            },
            generation={"mode": "free", "seconds": 15.0},
        ),
        "original": Preset(
            "The authors' notebook, number for number: look back 3, 160,000 samples of each song, 20 epochs.",
            training={
                "look_back": 3, "activation": "leaky_relu", "samples_per_song": 160_000, "cross_joins": True,
                "off_by_one": True,
            },
            generation={"mode": "predict", "segment": "held_out"},
        ),
        "best": Preset(
            "Mono at 22 kHz: a larger memory, 64 predictors that look back twice as far, four minutes of each song.",
            training={
                "recurrence": "frames", "look_back": 768, "hop_length": 352, "num_predictors": 64, "num_levels": 48,
                "units": 192, "dense": (), "activation": "tanh", "recurrent_activation": "sigmoid", "epochs": 60,
                "batch_size": 8, "learning_rate": 2e-3, "schedule": "cosine", "gradient_clip": 1.0, "normalise": True,
                "sample_rate": 22_050, "channels": "mono", "seconds_per_song": 240.0, "sequence_length": 128,
                "dropout": 0.5, "patience": 12,
            },
            generation={"mode": "free", "seconds": 30.0},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "look_back": 4, "units": 4, "dense": (4,), "epochs": 1, "batch_size": 64, "samples_per_song": 600,
            "held_out_samples": 200, "normalise": True,
        },
        generation={"mode": "free", "seconds": 0.05, "prompt_seconds": 0.01},
    )  # fmt: skip

    def prepare(self, songs: Sequence[TrainingSong], training: Any, *, seed: int = 0) -> Prepared:
        songs = songs[: training.num_songs or None]
        heard = hear(songs, training.cut, sample_rate=training.sample_rate, channels=training.channels)
        codec = make_codec(heard, training.cut, scale=training.units_of_sound)
        kept, held_out = stretches(heard, training.cut, codec)
        _check_long_enough(songs, max(stretch.shape[1] for stretch in kept), training)
        kept, held_out = ([each for each in side if each.shape[1] > training.shortest] for side in (kept, held_out))
        if training.recurrence == "frames":
            codec = with_banks(codec, kept, training)
        data = examples_of(kept, codec, training)
        checked = examples_of(held_out, codec, training, is_validation=True) if held_out else None
        return Prepared(
            codec=codec,
            training=data,
            validation=checked,
            facts={"n_songs": len(songs), **facts_of(codec, data, checked, kept, held_out, training)},
            floors=floors_of(kept, held_out, codec, training),
            warnings=(
                *heard.warnings,
                *([] if held_out else [NOTHING_HELD_OUT]),
                *([HALF_A_WAVE] if training.is_half_wave else []),
            ),
        )

    def layers(self, training: Any, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        return layers_of(training, facts)

    def cost(self, prepared: Prepared, training: Any) -> Cost:
        n_channels, parameters = prepared.codec.n_channels, parameters_of(training)
        stored = sum(each.nbytes for each in prepared.training)
        steps = {"none": 1, "look_back": training.look_back, "frames": training.sequence_length}[training.recurrence]
        choices = training.num_predictors * training.num_levels if training.recurrence == "frames" else 0
        working = 16 * training.batch_size * steps * (20 * training.units + 3 * choices)
        return Cost(
            networks=n_channels,
            parameters=parameters,
            flops_per_epoch=flops_of(training) * prepared.training[0].n_examples * n_channels,
            memory_bytes=int(FRAMEWORK_BYTES + 3 * stored + n_channels * (working + 16 * parameters)),
        )

    def build(self, codec: Any, training: Any, *, seed: int = 0) -> Networks:
        from musicgen.networks.amplitude import build_amplitude_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bank import build_bank_network
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        sizes = {"units": training.units, "dense": training.dense, "activation": training.activation}
        sizes |= {"slope": training.leaky_slope, "recurrent_activation": training.recurrent_activation}
        if codec.banks:
            choices = (training.num_predictors, training.num_levels)
            sizes |= {"dropout": training.dropout}
            return Networks({name: build_bank_network(*choices, **sizes) for name in NAMES[codec.n_channels]})
        sizes |= {"look_back": training.look_back, "as_steps": training.recurrence == "look_back"}
        sizes |= {"activate_output": training.activate_output}
        return Networks({name: build_amplitude_network(**sizes) for name in NAMES[codec.n_channels]})

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
        from musicgen.networks.amplitude import AMPLITUDE_OBJECTIVE
        from musicgen.networks.bank import bank_objective

        codec, tasks = prepared.codec, []
        for number, name in enumerate(networks.models):
            validation = prepared.validation[number] if prepared.validation else None
            objective, unit = AMPLITUDE_OBJECTIVE, codec.steps_per_unit**2
            if codec.banks:
                objective, unit = bank_objective(codec.banks[number], math.log2(codec.steps_per_unit)), 1.0
            tasks.append(engine.Task(name, objective, prepared.training[number], validation, unit, flops_of(training)))
        recipe = engine.Recipe.of(training)

        def note(means: dict[str, dict[str, float]]) -> None:
            if not codec.banks:
                networks.state["error"] = {name: math.sqrt(means[name]["loss"]) for name in means}

        engine.fit(networks, tasks, recipe, seed=seed, monitor=monitor, first_epoch=first_epoch, after_epoch=note)

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
        from musicgen.sampling.channels import Trained
        from musicgen.sampling.free_running import free
        from musicgen.sampling.predicting import predicted

        make = predicted if generation.mode == "predict" else free
        song = prompt or (songs[0] if songs else None)
        yield from make(Trained(networks, codec, training), generation, song, seeds, monitor)

    def codec_from_json(self, document: dict[str, Any]) -> AmplitudeCodec:
        return AmplitudeCodec.from_json(document)


def _check_long_enough(songs: Sequence[TrainingSong], longest: int, training: Training) -> None:
    if longest <= training.shortest:
        raise InvalidInput(
            sentence(
                f"Training takes {training.shortest + 1:,} samples in a row",
                f"{longest:,} samples to train on in the longest of {len(songs)} song(s)",
                "Choose longer songs, more of each, or a smaller look back.",
            ),
            code="too_short",
        )
