"""Amplitude LSTM: predict the next sample of a sound from the few before it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.amplitude_lstm import parameters
from musicgen.approaches.amplitude_lstm.codec import AmplitudeCodec
from musicgen.approaches.amplitude_lstm.data import examples_of, facts_of, floors_of, with_banks
from musicgen.approaches.amplitude_lstm.sizes import flops_of, layers_of, parameters_of
from musicgen.approaches.amplitude_lstm.training_parts import hear, make_codec, stretches
from musicgen.approaches.network_approach import AfterEpoch, NetworkApproach
from musicgen.contract.drawing import Layer
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared, TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.wording import count

if TYPE_CHECKING:
    import keras

    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask

NAMES = {1: ("mono",), 2: ("left", "right")}
NOTHING_HELD_OUT = (
    "No music is left to hold out, so there is no validation loss: use less of each song, or choose longer songs."
)
HALF_A_WAVE = (
    "A ReLU output cannot be negative: half of every wave is cut off, and the loss cannot fall below the half-wave "
    "floor, however long it trains. Choose leaky_relu, or train both and compare them."
)


class AmplitudeLSTM(NetworkApproach[parameters.Training, parameters.Generation]):
    """Sobiam1's Smart-Music-Generator (2019), completed."""

    key = "amplitude_lstm"
    title = "Amplitude LSTM"
    summary = (
        "Predicts each sample of a sound from those before it. With a short look back it follows a real song almost "
        "perfectly, but cannot play alone. With a bank of predictors to play on, it makes sound of its own."
    )
    reference = "Sobiam1, Smart-Music-Generator, 2019: next amplitude from a look back of 3, ReLU against LeakyReLU."
    can_learn = (
        "How a sound continues over a few milliseconds: which tones ring, and how fast they die away. With frames also "
        "which sound follows which over a few seconds, and how hard each is struck."
    )
    cannot_learn = (
        "Melody, harmony and form: a second of sound is 44,100 predictions, and it sees only a few samples at a time. "
        "A small error on a real song does not mean that it can play alone; a straight line does as well."
    )
    medium = "audio"
    Training = parameters.Training
    Generation = parameters.Generation
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
            "Mono at 22 kHz: a larger LSTM, 64 predictors that look back twice as far, four minutes of each song.",
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
    lengths: ClassVar[Mapping[str, float]] = {"seconds": 1.0}
    short: ClassVar[Mapping[str, float]] = {"seconds": 4.0, "predict_seconds": 4.0}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
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

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        return layers_of(training, facts)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
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

    def build(self, codec: Any, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.amplitude_lstm.bank_network import build_bank_network
        from musicgen.approaches.amplitude_lstm.network import build_amplitude_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)

        def build() -> keras.Model:
            if codec.banks:
                return build_bank_network(
                    training.num_predictors, training.num_levels, units=training.units, dense=training.dense,
                    activation=training.activation, slope=training.leaky_slope,
                    recurrent_activation=training.recurrent_activation, dropout=training.dropout,
                )  # fmt: skip
            return build_amplitude_network(
                look_back=training.look_back, as_steps=training.recurrence == "look_back", units=training.units,
                dense=training.dense, activation=training.activation, slope=training.leaky_slope,
                activate_output=training.activate_output, recurrent_activation=training.recurrent_activation,
            )  # fmt: skip

        return Networks({name: build() for name in NAMES[codec.n_channels]})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.amplitude_lstm.bank_network import bank_objective
        from musicgen.approaches.amplitude_lstm.network import AMPLITUDE_OBJECTIVE
        from musicgen.networks.engine import LearningTask

        codec, tasks = prepared.codec, []
        for number, name in enumerate(networks.models):
            validation = prepared.validation[number] if prepared.validation else None
            objective, unit = AMPLITUDE_OBJECTIVE, codec.steps_per_unit**2
            if codec.banks:
                objective, unit = bank_objective(codec.banks[number], math.log2(codec.steps_per_unit)), 1.0
            tasks.append(LearningTask(name, objective, prepared.training[number], validation, unit, flops_of(training)))
        return tasks

    def after_epoch(self, networks: TrainableNetworks, prepared: Prepared) -> AfterEpoch | None:
        """Stores the size of its error: noise of that level keeps it going when it reads only its own output."""
        if prepared.codec.banks:
            return None

        def note(means: dict[str, dict[str, float]]) -> None:
            networks.state["error"] = {name: math.sqrt(means[name]["loss"]) for name in means}

        return note

    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.amplitude_lstm.channels import Trained
        from musicgen.approaches.amplitude_lstm.free_running import free
        from musicgen.approaches.amplitude_lstm.predicting import predicted

        make = predicted if order.generation.mode == "predict" else free
        yield from make(Trained(networks, codec, training), order)

    def codec_from_json(self, document: dict[str, Any]) -> AmplitudeCodec:
        return AmplitudeCodec.from_json(document)


def _check_long_enough(songs: Sequence[TrainingSong], longest: int, training: parameters.Training) -> None:
    if longest <= training.shortest:
        raise InvalidInput(
            sentence(
                f"Training needs at least {training.shortest + 1:,} samples in a row",
                f"{longest:,} samples to train on in the longest of {count(len(songs), 'song')}",
                "Choose longer songs, use more of each, or choose a smaller look back.",
            ),
            code="too_short",
        )
