"""Note LSTM: guess the next note of a piece from those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from musicgen.approaches.base import (
    FRAMEWORK_BYTES,
    Approach,
    Cost,
    Made,
    Monitor,
    Prepared,
    Preset,
    TrainingSong,
    parameter,
)
from musicgen.approaches.drawing import Layer
from musicgen.approaches.shared_parameters import NoteChoice, NoteMusic, Schedule, learning_rate
from musicgen.codecs.note_data import prepare_events, prepare_tokens
from musicgen.codecs.note_events import EventCodec
from musicgen.codecs.token_codec import TokenCodec
from musicgen.networks.event_drawing import event_layers
from musicgen.networks.event_sizes import EventSizes
from musicgen.networks.lstm_sizes import lstm_layers
from musicgen.networks.token_sizes import TokenSizes

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks


class Training(NoteMusic, Schedule):
    epochs: int = parameter(40, ge=1, le=10_000, title="Epochs", help="How often the music is gone through.")
    units: int = parameter(
        256,
        ge=1,
        le=4096,
        title="LSTM units",
        help="Size of the memory. A larger one learns finer habits, or songs by heart.",
    )
    num_layers: int = parameter(2, ge=1, le=8, title="LSTM layers", help="Memories on top of each other.")
    dropout: float = parameter(
        0.2, ge=0, lt=1, title="Dropout",
        help="Share of the signals that are left out at random while learning. More keeps it from learning songs by "
        "heart.",
    )  # fmt: skip
    batch_size: int = parameter(
        32, ge=2, le=65_536, multiple_of=2, title="Batch size",
        help="Windows per step. Larger is faster an epoch, but learns in fewer steps.",
    )  # fmt: skip
    learning_rate: float = learning_rate(1e-3)
    dense: int = parameter(
        128, ge=1, le=4096, advanced=True, title="Dense units", help="Width of the layer between memory and choice."
    )
    embedding: int = parameter(
        128, ge=0, le=2048, advanced=True, title="Embedding",
        help="Width of the learned vector that stands for each value. 0, for tokens only: the plain number of the "
        "token, as the authors had it, so that neighbours in the alphabet look alike.",
    )  # fmt: skip
    recurrent_dropout: float = parameter(
        0.0, ge=0, lt=1, advanced=True, title="Recurrent dropout",
        help="Share of the weights between one step of the memory and the next that is left out at random while "
        "learning: against learning by heart, and against a training that gets stuck on one note.",
    )  # fmt: skip
    scale_index: bool = parameter(
        False, advanced=True, title="Scale the plain number",
        help="For tokens without an embedding: divide the number by the size of the vocabulary. The authors did not.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _events_have_vectors(self) -> Training:
        if self.representation == "events" and not self.embedding:
            raise ValueError("embedding = 0, the plain number, is for tokens; events need 1 or more")
        return self


class Generation(NoteChoice):
    memory: Literal["carried", "window"] = parameter(
        "carried", advanced=True, title="Memory",
        help="For tokens. carried: all that came before. window: only the last sequence, seen anew at every note, as "
        "the authors had it; slower.",
    )  # fmt: skip


class NoteLSTM(Approach):
    """The LSTM half of Music-Generator (2022), and what became of it."""

    key = "note_lstm"
    title = "Note LSTM"
    summary = (
        "Reads notes one after the other and learns what comes next: pitch, rhythm, length, loudness and voice. "
        "It catches the habits of a style in a minute, and forgets where it wanted to go."
    )
    reference = "A. Patel, Music-Generator, 2022: LSTM on notes and chords, after Aravind Pai and Skuldur."
    can_learn = (
        "Which note, rhythm and chord follow which: the key, the range of each voice, the turns of phrase of a style. "
        "From one song too, for it hears it in all keys."
    )
    cannot_learn = (
        "Where a piece is going: themes that come back, phrases that answer each other, an ending. What is further "
        "away than some bars fades from its memory."
    )
    medium = "midi"
    Training = Training
    Generation = Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Notes with rhythm and voices, shown in all keys: a style in under a minute.",
            training={
                "epochs": 80, "units": 192, "num_layers": 1, "dropout": 0.45, "batch_size": 16, "learning_rate": 3e-3,
                "schedule": "cosine", "gradient_clip": 1.0, "weight_decay": 0.05, "patience": 20,
            },
            generation={"temperature": 0.9, "top_p": 0.95},
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
            "Two memories, longer windows, and more left out while learning, so that less is learned by heart.",
            training={
                "sequence_length": 128, "epochs": 160, "units": 256, "num_layers": 2, "dropout": 0.45, "batch_size": 16,
                "recurrent_dropout": 0.2, "learning_rate": 3e-3, "schedule": "cosine", "gradient_clip": 1.0,
                "weight_decay": 0.05, "patience": 40,
            },
            generation={"num_notes": 300, "temperature": 0.9, "top_p": 0.95},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "sequence_length": 8, "epochs": 1, "units": 4, "num_layers": 1, "batch_size": 4, "dense": 4, "embedding": 4
        },
        generation={"num_notes": 12},
    )  # fmt: skip

    def prepare(self, songs: Sequence[TrainingSong], training: Any, *, seed: int = 0) -> Prepared:
        prepare = prepare_events if training.representation == "events" else prepare_tokens
        return prepare(songs, training, seed)

    def layers(self, training: Any, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        if training.representation == "tokens":
            return _token_sizes(facts["vocabulary_size"] if facts else None, training).layers
        steps, width = training.sequence_length, training.embedding
        memory = lstm_layers(width, training.units, training.num_layers, steps)
        fields = tuple(facts["values_of_each_field"].values()) if facts else None
        return event_layers(steps, width, memory, _sizes_of(fields, training) if fields else None)

    def cost(self, prepared: Prepared, training: Any) -> Cost:
        codec, n_examples = prepared.codec, prepared.training.n_examples
        parameters = _parameters(codec, training)
        per_window = _flops(codec, training)
        activations = training.batch_size * training.sequence_length * 40 * (training.units * training.num_layers + 256)
        return Cost(1, parameters, per_window * n_examples, int(FRAMEWORK_BYTES + 20 * parameters + activations))

    def build(self, codec: Any, training: Any, *, seed: int = 0) -> Networks:
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks
        from musicgen.networks.events import build_event_network
        from musicgen.networks.tokens import build_token_network

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
        from musicgen.networks.events import event_objective
        from musicgen.networks.tokens import TOKEN_OBJECTIVE

        codec = prepared.codec
        objective = event_objective(_sizes(codec, training)) if isinstance(codec, EventCodec) else TOKEN_OBJECTIVE
        task = engine.Task(
            "notes", objective, prepared.training, prepared.validation, flops=_flops(codec, training), shards=2
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
        from musicgen.networks.event_stepper import EventStepper
        from musicgen.networks.tokens import TokenStepper, WindowStepper
        from musicgen.sampling.notes import event_pieces, token_pieces

        model = networks.models["notes"]
        if isinstance(codec, EventCodec):
            events = EventStepper(model, _sizes(codec, training), codec)
            yield from event_pieces(events, codec, generation, prompt, seeds, monitor)
        else:
            tokens = WindowStepper(model) if generation.memory == "window" else TokenStepper(model)
            yield from token_pieces(tokens, codec, training.sequence_length, generation, prompt, seeds, monitor)

    def codec_from_json(self, document: dict[str, Any]) -> EventCodec | TokenCodec:
        return (TokenCodec if "vocabulary" in document else EventCodec).from_json(document)


def _sizes(codec: EventCodec, training: Training) -> EventSizes:
    return _sizes_of(codec.sizes, training)


def _sizes_of(fields: tuple[int, ...], training: Training) -> EventSizes:
    return EventSizes(
        fields,
        tuple(number for number, size in enumerate(fields) if size > 1),
        embedding=training.embedding,
        units=training.units,
        num_layers=training.num_layers,
        head=training.dense,
        dropout=training.dropout,
        recurrent_dropout=training.recurrent_dropout,
    )


def _token_sizes(vocabulary_size: int | None, training: Training) -> TokenSizes:
    return TokenSizes(
        vocabulary_size, training.sequence_length, training.embedding, training.units, training.num_layers,
        training.dense,
    )  # fmt: skip


def _parameters(codec: Any, training: Training) -> int:
    if isinstance(codec, EventCodec):
        return _sizes(codec, training).parameters
    return _token_sizes(len(codec.vocabulary), training).parameters


def _flops(codec: Any, training: Training) -> float:
    """Of one window, forward and backward."""
    if isinstance(codec, EventCodec):
        return 6.0 * training.sequence_length * _sizes(codec, training).multiplied
    return 6.0 * _token_sizes(len(codec.vocabulary), training).multiplied
