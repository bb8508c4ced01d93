"""Amplitude LSTM: guess the next sample of a sound from the few before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from musicgen.approaches.base import (
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
from musicgen.audio.waveform import PCM16_PEAK
from musicgen.codecs.amplitude import AmplitudeCodec, Samples
from musicgen.codecs.stretches import Cut, hear, make_codec, stretches
from musicgen.codecs.windows import SequenceExamples, WindowExamples, lay_end_to_end, window_starts
from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation.floors import linear_predictor_mse, persistence_mse

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks

UNIT = "squared 16-bit steps"
NAMES = {1: ("mono",), 2: ("left", "right")}
FRAMEWORK_BYTES = 700e6
NOTHING_HELD_OUT = (
    "No music is left to hold out, so there is no validation loss: take less of each song, or longer songs."
)
Channel = WindowExamples | SequenceExamples


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], BeforeValidator(_as_list), Field(max_length=8)]


class Training(Parameters):
    look_back: int = parameter(
        3, ge=1, le=4096, unit="samples", title="Look back",
        help="How many past samples each guess is made from. More of them catch more of the tone; 3 see only its "
        "slope.",
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "tanh", "linear"] = parameter(
        "leaky_relu", title="Activation",
        help="Shape of the layers' answers. relu cannot say anything negative: half of the wave is cut off and the "
        "sound is distorted. leaky_relu was its authors' remedy.",
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
    learning_rate: float = parameter(
        1e-3, gt=0, le=1, title="Learning rate",
        help="Size of each step. Too large never settles; too small never arrives.",
    )  # fmt: skip
    sample_rate: int = parameter(
        0, ge=0, le=192_000, unit="Hz", title="Sample rate",
        help="0 keeps the rate of the songs. A lower rate loses the highest tones; the same look back then reaches "
        "further back in time, and everything is faster.",
    )  # fmt: skip
    channels: Literal["source", "mono"] = parameter(
        "source", title="Channels", help="source: a network of its own for left and right. mono: one for their mean."
    )
    recurrence: Literal["none", "look_back", "song"] = parameter(
        "none", advanced=True, title="Recurrence",
        help="none: all of the look back is one step, so nothing recurs (what the authors did). look_back: one step "
        "for each sample of it. song: the memory is carried along the song, so that it knows what went on before.",
    )  # fmt: skip
    linear_order: int = parameter(
        0, ge=0, le=2048, unit="samples", advanced=True, title="Linear path",
        help="The network adds to the guess of a linear predictor that looks this far back. It then learns only what "
        "straight arithmetic cannot; tones ring on instead of dying at once. 0 leaves it out.",
    )  # fmt: skip
    has_spread: bool = parameter(
        False, advanced=True, title="Guess the spread too",
        help="The network also says how sure it is, so that free-running sound is drawn with the right amount of "
        "chance: noisier where the music is, calmer where it rings.",
    )  # fmt: skip
    slope: float = parameter(
        0.3, ge=0, le=1, advanced=True, title="Leaky slope", help="What leaky_relu leaves of a negative value."
    )
    activate_output: bool = parameter(
        True, advanced=True, title="Activation on the output",
        help="As the authors had it. With relu no sample can be negative; without, any value can be said.",
    )  # fmt: skip
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = parameter(
        "hard_sigmoid", advanced=True, title="Gates", help="Shape of the LSTM's gates; hard_sigmoid is that of Keras 2."
    )
    scale: Literal["int16", "rms", "peak"] = parameter(
        "int16", advanced=True, title="Scale",
        help="int16: samples as whole numbers up to 32,767, as the authors had them. rms: divided by the loudness of "
        "the music, which trains more evenly. peak: divided by its peak, which tanh needs.",
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
        512, ge=16, le=65_536, unit="samples", advanced=True, title="Sequence length",
        help="With recurrence song: how far back in time a step can learn from.",
    )  # fmt: skip
    schedule: Literal["constant", "cosine"] = parameter(
        "constant", advanced=True, title="Learning-rate schedule",
        help="cosine slows down towards the end, and ends finer.",
    )  # fmt: skip
    gradient_clip: float = parameter(
        0.0, ge=0, le=1e6, advanced=True, title="Gradient clipping",
        help="Longest step that one batch may ask for; 0 for none. 1 helps against a loss that jumps.",
    )  # fmt: skip
    patience: int = parameter(
        0, ge=0, le=10_000, unit="epochs", advanced=True, title="Early stopping",
        help="Stop after so many epochs without a better held-out loss; 0 never stops early.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _tanh_reaches(self) -> Training:
        if self.activation == "tanh" and self.activate_output and self.scale != "peak":
            raise ValueError(
                f"a tanh output lies between -1 and 1, so it needs scale = peak (or activate_output off), "
                f"not scale = {self.scale}"
            )
        return self

    @property
    def cut(self) -> Cut:
        """Which part of each song trains."""
        return Cut(
            self.samples_per_song, self.held_out_samples, int(self.off_by_one), self.seconds_per_song,
            self.validation_share,
        )  # fmt: skip

    @property
    def reach(self) -> int:
        """How far back the guess can look at all."""
        return max(self.look_back, self.linear_order)

    @property
    def shortest(self) -> int:
        """Samples in a row that are too few for one example."""
        return self.reach + (self.warm_up if self.recurrence == "song" else int(self.off_by_one))

    @property
    def warm_up(self) -> int:
        """Steps of a sequence that only fill the memory."""
        return self.sequence_length // 8


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


class AmplitudeLSTM(Approach):
    """Sobiam1's Smart-Music-Generator (2019), made whole."""

    key = "amplitude_lstm"
    title = "Amplitude LSTM"
    summary = (
        "Guesses each sample of a sound from the few before it, one network per channel. It follows a real song "
        "almost perfectly, and shows how little that says about making one."
    )
    reference = "Sobiam1, Smart-Music-Generator, 2019: next amplitude from a look back of 3, ReLU against LeakyReLU."
    medium = "audio"
    Training = Training
    Generation = Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Half a minute of sound at 16 kHz, an LSTM beside a linear predictor: a living texture in under a minute.",
            training={
                "look_back": 32, "recurrence": "song", "linear_order": 512, "has_spread": True, "activation": "tanh",
                "activate_output": False, "recurrent_activation": "sigmoid", "scale": "rms", "sample_rate": 16_000,
                "channels": "mono", "seconds_per_song": 30.0, "units": 64, "dense": (32,), "batch_size": 32,
                "epochs": 12, "learning_rate": 3e-3, "schedule": "cosine", "gradient_clip": 1.0,
            },
            generation={"mode": "free", "seconds": 10.0},
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
            "A larger memory and a longer look back at 22 kHz, in stereo.",
            training={
                "look_back": 64, "recurrence": "song", "linear_order": 1024, "has_spread": True, "activation": "tanh",
                "activate_output": False, "recurrent_activation": "sigmoid", "scale": "rms", "sample_rate": 22_050,
                "seconds_per_song": 120.0, "units": 128, "dense": (64,), "batch_size": 32, "epochs": 30,
                "learning_rate": 2e-3, "schedule": "cosine", "gradient_clip": 1.0, "sequence_length": 1024,
                "patience": 6,
            },
            generation={"mode": "free", "seconds": 20.0},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "look_back": 4, "units": 4, "dense": (4,), "epochs": 1, "batch_size": 64, "samples_per_song": 600,
            "held_out_samples": 200, "scale": "rms",
        },
        generation={"mode": "free", "seconds": 0.05, "prompt_seconds": 0.01},
    )  # fmt: skip

    def prepare(self, songs: Sequence[TrainingSong], training: Any, *, seed: int = 0) -> Prepared:
        cut = training.cut
        heard = hear(songs, cut, sample_rate=training.sample_rate, channels=training.channels)
        codec = make_codec(heard, cut, scale=training.scale, linear_order=training.linear_order)
        kept, held_out = stretches(heard, cut, codec)
        _check_long_enough(songs, kept, training)
        held_out = [stretch for stretch in held_out if stretch.shape[1] > training.shortest]
        warnings = list(heard.warnings) if held_out else [*heard.warnings, NOTHING_HELD_OUT]
        data = _examples(kept, codec, training, cross_joins=training.cross_joins)
        checked = _examples(held_out, codec, training, cross_joins=False) if held_out else None
        return Prepared(
            codec=codec,
            training=data,
            validation=checked,
            facts=_facts(codec, data, checked, (kept, held_out), training),
            floors=_floors(kept, held_out, codec, training),
            warnings=tuple(warnings),
        )

    def cost(self, prepared: Prepared, training: Any) -> Cost:
        n_channels, parameters = prepared.codec.n_channels, _parameters(training)
        stored = sum(each.series.nbytes + each.base.nbytes for each in prepared.training)
        working = 4 * training.batch_size * _steps(training) * (training.look_back + 12 * training.units)
        return Cost(
            networks=n_channels,
            parameters=parameters,
            flops_per_epoch=_flops(training) * prepared.training[0].n_examples * n_channels,
            memory_bytes=int(FRAMEWORK_BYTES + 3 * stored + n_channels * (4 * working + 16 * parameters)),
        )

    def build(self, codec: Any, training: Any, *, seed: int = 0) -> Networks:
        from musicgen.networks.amplitude import build_amplitude_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        return Networks(
            {
                name: build_amplitude_network(
                    look_back=training.look_back,
                    recurrence=training.recurrence,
                    units=training.units,
                    dense=training.dense,
                    activation=training.activation,
                    slope=training.slope,
                    recurrent_activation=training.recurrent_activation,
                    activate_output=training.activate_output,
                    has_spread=training.has_spread,
                )
                for name in NAMES[codec.n_channels]
            }
        )

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
        from musicgen.networks.amplitude import SampleGuess, amplitude_objective

        codec, tasks = prepared.codec, []
        for number, name in enumerate(networks.models):
            objective = amplitude_objective(SampleGuess(codec.residual[number], training.has_spread))
            validation = prepared.validation[number] if prepared.validation else None
            examples = prepared.training[number]
            tasks.append(engine.Task(name, objective, examples, validation, codec.squared_steps, _flops(training)))
        recipe = engine.Recipe(
            training.epochs, training.batch_size, training.learning_rate, training.schedule,
            clip=training.gradient_clip, patience=training.patience,
        )  # fmt: skip

        def note(means: dict[str, dict[str, float]]) -> None:
            networks.state["error"] = {name: means[name]["loss"] ** 0.5 / PCM16_PEAK for name in means}

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
        from musicgen.sampling.amplitude import free, predicted

        song = prompt or (songs[0] if songs else None)
        if generation.mode == "predict":
            yield from predicted(networks, codec, training, generation, song, seeds, monitor)
        else:
            yield from free(networks, codec, training, generation, song, seeds, monitor)

    def codec_from_json(self, document: dict[str, Any]) -> AmplitudeCodec:
        return AmplitudeCodec.from_json(document)


def _check_long_enough(songs: Sequence[TrainingSong], kept: Sequence[Samples], training: Training) -> None:
    longest = max(stretch.shape[1] for stretch in kept)
    if longest <= training.shortest:
        raise InvalidInput(
            sentence(
                f"A window takes {training.shortest + 1:,} samples in a row",
                f"{longest:,} samples to train on in the longest of {len(songs)} song(s)",
                "Choose longer songs, more of each, or a smaller look back.",
            ),
            code="too_short",
        )


def _examples(
    kept: Sequence[Samples], codec: AmplitudeCodec, training: Training, *, cross_joins: bool
) -> tuple[Channel, ...]:
    """The examples of each channel."""
    channels: list[Channel] = []
    for channel in range(codec.n_channels):
        series, base, bounds = lay_end_to_end([stretch[channel] for stretch in kept], codec.linear[channel])
        if training.recurrence == "song":
            channels.append(
                SequenceExamples(
                    series, base, bounds, training.reach, training.sequence_length, training.warm_up, training.look_back
                )
            )
            continue
        lengths = [stretch.shape[1] for stretch in kept]
        starts = window_starts(lengths, training.reach, cross_joins=cross_joins, off_by_one=training.off_by_one)
        as_steps = training.recurrence == "look_back"
        channels.append(WindowExamples(series, base, starts, training.reach, training.look_back, as_steps))
    return tuple(channels)


def _facts(
    codec: AmplitudeCodec,
    data: tuple[Channel, ...],
    checked: tuple[Channel, ...] | None,
    parts: tuple[Sequence[Samples], Sequence[Samples]],
    training: Training,
) -> dict[str, Any]:
    n_examples = data[0].n_examples
    shape, target = {
        "none": ([n_examples, 1, training.look_back], [n_examples]),
        "look_back": ([n_examples, training.look_back, 1], [n_examples]),
        "song": ([n_examples, training.sequence_length, training.look_back], [n_examples, training.sequence_length]),
    }[training.recurrence]
    samples, held_out = (sum(stretch.shape[1] for stretch in part) for part in parts)
    return {
        "inputs_shape": shape,
        "targets_shape": target,
        "n_windows": n_examples,
        "n_validation_windows": checked[0].n_examples if checked else 0,
        "n_songs": len(parts[0]),
        "n_channels": codec.n_channels,
        "sample_rate": codec.sample_rate,
        "training_samples": samples,
        "held_out_samples": held_out,
        "training_seconds": round(samples / codec.sample_rate, 3),
        "held_out_seconds": round(held_out / codec.sample_rate, 3),
        "look_back_ms": round(1000 * training.reach / codec.sample_rate, 3),
        "loss_unit": UNIT,
    }


def _floors(
    kept: Sequence[Samples], held_out: Sequence[Samples], codec: AmplitudeCodec, training: Training
) -> dict[str, float]:
    """Mean over the channels, on the held-out music (on the training music where none is held out)."""
    skipped = training.warm_up if training.recurrence == "song" else 0
    persistence, linear = [], []
    for channel in range(codec.n_channels):
        learned = [stretch[channel] for stretch in kept]
        measured = [stretch[channel][skipped:] for stretch in held_out or kept]
        measured = [each for each in measured if each.size > training.reach]
        target = np.concatenate([each[training.reach :] for each in measured])
        previous = np.concatenate([each[training.reach - 1 : -1] for each in measured])
        persistence.append(persistence_mse(target, previous))
        linear.append(linear_predictor_mse(learned, measured, training.reach))
    return {
        "persistence": float(np.mean(persistence) * codec.squared_steps),
        "linear_predictor": float(np.mean(linear) * codec.squared_steps),
    }


def _steps(training: Training) -> int:
    return {"none": 1, "look_back": training.look_back, "song": training.sequence_length}[training.recurrence]


def _parameters(training: Training) -> int:
    """Trainable weights of one network."""
    features = 1 if training.recurrence == "look_back" else training.look_back
    widths = [training.units, *training.dense, 2 if training.has_spread else 1]
    lstm = 4 * training.units * (features + training.units + 1)
    return lstm + sum((before + 1) * after for before, after in pairwise(widths))


def _flops(training: Training) -> float:
    """Of one example, forward and backward. A single step from the empty state leaves the recurrent weights idle."""
    lstm = 4 * training.units * (1 + training.units if training.recurrence == "look_back" else training.look_back)
    if training.recurrence == "song":
        lstm += 4 * training.units**2
    widths = [training.units, *training.dense, 1]
    dense = sum(before * after for before, after in pairwise(widths))
    per_step_dense = _steps(training) if training.recurrence == "song" else 1
    return 6.0 * (_steps(training) * lstm + per_step_dense * dense)
