"""Note LSTM: predict the next note of a piece from those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.network_approach import NetworkApproach
from musicgen.approaches.note_lstm import parameters
from musicgen.approaches.note_lstm.sizes import TokenSizes
from musicgen.approaches.notes.codecs import field_sizes, notes_codec
from musicgen.approaches.notes.data import prepare_events, prepare_tokens
from musicgen.approaches.notes.event_drawing import event_layers
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.events import EventCodec
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.approaches.notes.weight_labels import Axes, note_weight_labels
from musicgen.contract.drawing import Layer
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared, TrainingSong
from musicgen.networks.lstm_sizes import lstm_layers

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask


class NoteLSTM(NetworkApproach[parameters.Training, parameters.Generation]):
    """The LSTM half of Music-Generator (2022), developed further."""

    key = "note_lstm"
    title = "Note LSTM"
    summary = (
        "Reads one note after another and learns what comes next: pitch, rhythm, length, loudness and voice. "
        "It picks up a style within a minute, but cannot keep to a plan."
    )
    reference = "A. Patel, Music-Generator, 2022: LSTM on notes and chords, after Aravind Pai and Skuldur."
    can_learn = (
        "Which note, rhythm and chord follow which: the key, the range of each voice, the typical phrases of a style. "
        "One song can be enough, because it is transposed to all keys."
    )
    cannot_learn = (
        "The plan of a piece: themes that return, phrases that answer each other, an ending. It forgets what was "
        "played more than a few bars ago."
    )
    medium = "midi"
    own_speed = ("representation", "recall")
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Notes with rhythm and voices, shown in all keys: a style in under a minute.",
            training={
                "epochs": 80, "units": 192, "num_layers": 1, "dropout": 0.45, "batch_size": 16, "learning_rate": 3e-3,
                "schedule": "cosine", "gradient_clip": 1.0, "weight_decay": 0.05, "patience": 20,
                "recall": True, "voices": "automatic", "max_notes": 24_000,
            },
            generation={"top_p": 0.95},
        ),
        "original": Preset(
            "The authors' pipeline, number for number: words for notes and chords, windows of 50, LSTM 256 twice.",
            training={
                "representation": "tokens", "sequence_length": 50, "epochs": 100, "units": 256, "num_layers": 2,
                "dropout": 0.2, "dense": 256, "embedding": 0, "batch_size": 72, "threshold": 20,
                "validation": "random_windows",
            },
            generation={"num_notes": 400},
        ),
        "best": Preset(
            "Two LSTM layers, longer windows and more dropout, so that it memorises less.",
            training={
                "sequence_length": 128, "epochs": 160, "units": 256, "num_layers": 2, "dropout": 0.45, "batch_size": 16,
                "recurrent_dropout": 0.2, "learning_rate": 3e-3, "schedule": "cosine", "gradient_clip": 1.0,
                "weight_decay": 0.05, "patience": 40,
                "recall": True, "voices": "automatic",
            },
            generation={"num_notes": 300, "top_p": 0.95},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "sequence_length": 8, "epochs": 1, "units": 4, "num_layers": 1, "batch_size": 4, "dense": 4, "embedding": 4,
        },
        generation={"num_notes": 12},
    )  # fmt: skip
    lengths: ClassVar[Mapping[str, float]] = {"num_notes": 200}
    short: ClassVar[Mapping[str, float]] = {"num_notes": 64}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
        prepare = prepare_events if training.representation == "events" else prepare_tokens
        return prepare(songs, training, seed)

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        if training.representation == "tokens":
            return _token_sizes(facts["vocabulary_size"] if facts else None, training).layers
        steps, width = training.sequence_length, training.embedding
        memory = lstm_layers(width, training.units, training.num_layers, steps)
        return event_layers(steps, width, memory, _sizes_of(field_sizes(facts), training) if facts else None)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        codec, n_examples = prepared.codec, prepared.training.n_examples
        parameters = _parameters(codec, training)
        per_window = _flops(codec, training)
        activations = training.batch_size * training.sequence_length * 40 * (training.units * training.num_layers + 256)
        return Cost(1, parameters, per_window * n_examples, int(FRAMEWORK_BYTES + 20 * parameters + activations))

    def build(self, codec: Any, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.notes.event_network import build_event_network
        from musicgen.approaches.notes.token_network import build_token_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        if isinstance(codec, EventCodec):
            return Networks({"notes": build_event_network(_sizes(codec, training))})
        network = build_token_network(
            vocabulary_size=len(codec.vocabulary),
            units=[training.units] * training.num_layers,
            dense=training.dense,
            dropout=training.dropout,
            embedding=training.embedding,
            scale=training.scale_index,
            recurrent_dropout=training.recurrent_dropout,
        )
        return Networks({"notes": network})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.notes.event_network import event_objective
        from musicgen.approaches.notes.token_network import TOKEN_OBJECTIVE
        from musicgen.networks.engine import LearningTask

        codec = prepared.codec
        objective = event_objective(_sizes(codec, training)) if isinstance(codec, EventCodec) else TOKEN_OBJECTIVE
        task = LearningTask(
            "notes", objective, prepared.training, prepared.validation, flops=_flops(codec, training), shards=2
        )
        return [task]

    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.notes.event_stepper import EventStepper
        from musicgen.approaches.notes.pieces import event_pieces, token_pieces
        from musicgen.approaches.notes.token_network import TokenStepper, WindowStepper

        model = networks.models["notes"]
        if isinstance(codec, EventCodec):
            events = EventStepper(model, _sizes(codec, training), codec)
            yield from event_pieces(events, codec, order)
        else:
            tokens = WindowStepper(model) if order.generation.memory == "window" else TokenStepper(model)
            yield from token_pieces(tokens, codec, training.sequence_length, order)

    def weight_labels(self, codec: Any, training: parameters.Training, source: Any = None) -> Mapping[str, Axes]:
        return note_weight_labels(codec, _sizes(codec, training) if isinstance(codec, EventCodec) else None, source)

    def codec_from_json(self, document: dict[str, Any]) -> EventCodec | TokenCodec:
        return notes_codec(document)


def _sizes(codec: EventCodec, training: parameters.Training) -> EventSizes:
    return _sizes_of(codec.sizes, training)


def _sizes_of(fields: tuple[int, ...], training: parameters.Training) -> EventSizes:
    return EventSizes(
        fields,
        embedding=training.embedding,
        units=training.units,
        num_layers=training.num_layers,
        head=training.dense,
        dropout=training.dropout,
        recurrent_dropout=training.recurrent_dropout,
        recalls=training.recall,
    )


def _token_sizes(vocabulary_size: int | None, training: parameters.Training) -> TokenSizes:
    return TokenSizes(
        vocabulary_size, training.sequence_length, training.embedding, training.units, training.num_layers,
        training.dense,
    )  # fmt: skip


def _parameters(codec: Any, training: parameters.Training) -> int:
    if isinstance(codec, EventCodec):
        return _sizes(codec, training).parameters
    return _token_sizes(len(codec.vocabulary), training).parameters


def _flops(codec: Any, training: parameters.Training) -> float:
    """Of one window, forward and backward."""
    if isinstance(codec, EventCodec):
        return 6.0 * training.sequence_length * _sizes(codec, training).multiplied
    return 6.0 * _token_sizes(len(codec.vocabulary), training).multiplied
