"""Note WaveNet: guess the next note of a piece by causal convolutions over those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

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
from musicgen.approaches.drawing import Layer, ReceptiveField
from musicgen.approaches.shared_parameters import NoteChoice, NoteMusic, Schedule, learning_rate
from musicgen.codecs.note_data import prepare_events, prepare_tokens
from musicgen.codecs.note_events import FIELDS, EventCodec
from musicgen.codecs.token_codec import TokenCodec
from musicgen.networks.convolution_sizes import StackSizes, stack_layers
from musicgen.networks.event_drawing import event_layers
from musicgen.networks.event_sizes import EventSizes
from musicgen.networks.word_sizes import WordSizes

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=2048)], ...],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=64),
]


class Training(NoteMusic, Schedule):
    epochs: int = parameter(50, ge=1, le=10_000, title="Epochs", help="How often the music is gone through.")
    dilation_depth: int = parameter(
        5, ge=1, le=12, title="Dilation depth",
        help="Convolutions hear notes 1, 2, 4 … apart, doubled so often. One more doubles how far back the music "
        "knows what it did.",
    )  # fmt: skip
    filters: Widths = parameter(
        (96,), title="Filters",
        help="Widths of the convolutions, from the first on; the last one serves all that follow. Wider ones learn "
        "finer habits, or songs by heart.",
    )  # fmt: skip
    kernel_size: int = parameter(3, ge=1, le=16, title="Kernel", help="How many notes each convolution hears at once.")
    num_stacks: int = parameter(
        1, ge=1, le=8, title="Stacks",
        help="How often the dilations are gone through from 1 on. More of them judge what was heard again, and take "
        "longer.",
    )  # fmt: skip
    gated: bool = parameter(
        True, title="Gates",
        help="tanh ⊙ sigmoid, as in WaveNet: each convolution decides what to say and whether to say it. Off: ReLU, as "
        "the authors had it.",
    )  # fmt: skip
    residual: bool = parameter(
        True, title="Residuals",
        help="What goes into a convolution is added to what comes out of it, so that deep ones learn at all.",
    )  # fmt: skip
    skip: bool = parameter(
        True, title="Skips",
        help="Every convolution is heard at the end, so that the note just before and the phrase long before both "
        "count.",
    )  # fmt: skip
    skip_channels: int = parameter(
        128, ge=1, le=4096, advanced=True, title="Skip channels", help="Width of what all convolutions add up to."
    )
    pooling: bool = parameter(
        False, title="Pooling",
        help="For tokens: the stronger of each two notes goes on, as the authors had it. It hears further, and forgets "
        "where in the phrase a note was.",
    )  # fmt: skip
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
        128, ge=1, le=4096, advanced=True, title="Dense units",
        help="Width of the layer between convolutions and choice.",
    )  # fmt: skip
    embedding: int = parameter(
        96, ge=1, le=2048, advanced=True, title="Embedding",
        help="Width of the learned vector that stands for each value.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _window_survives_pooling(self) -> Training:
        shortest = self.stack.shortest
        if self.sequence_length < shortest:
            raise ValueError(
                f"{len(self.stack.dilations)} convolutions with pooling halve the window as often, so sequence_length "
                f"is {shortest} or more, not {self.sequence_length}; choose a lower dilation_depth or no pooling"
            )
        return self

    @property
    def stack(self) -> StackSizes:
        """The convolutions."""
        return StackSizes(
            self.embedding, self.filters, self.kernel_size, self.dilation_depth, self.num_stacks, self.gated,
            self.residual, self.skip, self.skip_channels, self.pooling and self.representation == "tokens",
            self.dropout,
        )  # fmt: skip

    @property
    def learns_every_step(self) -> bool:
        """Whether every note of a window is asked for, not only the one after it: impossible where the notes of a
        window are pooled, and unfair where those asked for in validation lie inside windows of the training."""
        return self.representation == "events" or not (self.pooling or self.validation == "random_windows")


class Generation(NoteChoice):
    memory: Literal["carried", "window"] = parameter(
        "carried", advanced=True, title="Memory",
        help="For tokens. carried: all that the convolutions reach back to. window: only the last sequence, seen anew "
        "at every note, as the authors had it; slower, and the only way with pooling.",
    )  # fmt: skip


class NoteWaveNet(Approach):
    """The WaveNet half of Music-Generator (2022), and what became of it."""

    key = "note_wavenet"
    title = "Note WaveNet"
    summary = (
        "Hears the last notes through convolutions that reach twice as far with every layer, and guesses the next: "
        "pitch, rhythm, length, loudness and voice. It knows exactly what was played, as far back as it hears."
    )
    reference = "A. Patel, Music-Generator, 2022: a simplified WaveNet on notes and chords, after Aravind Pai; van den "
    reference += "Oord et al., WaveNet, 2016."
    can_learn = (
        "Motifs and figures, the chords and cadences of a style, and what follows what at distances up to its "
        "receptive field."
    )
    cannot_learn = (
        "Anything that began before its receptive field: it forgets a theme the moment it falls out of hearing, and "
        "plans no form."
    )
    medium = "midi"
    Training = Training
    Generation = Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Notes with rhythm and voices, shown in all keys, through gated convolutions: a style in about a minute.",
            training={
                "epochs": 60, "dropout": 0.4, "batch_size": 8, "learning_rate": 3e-3, "schedule": "cosine",
                "gradient_clip": 1.0, "weight_decay": 0.2, "patience": 15,
            },
            generation={"top_p": 0.92},
        ),
        "original": Preset(
            "The authors' pipeline, number for number: words for notes and chords of the piano, windows of 32, three "
            "plain convolutions with pooling.",
            training={
                "representation": "tokens", "sequence_length": 32, "epochs": 50, "dilation_depth": 3,
                "filters": (64, 128, 256), "kernel_size": 3, "gated": False, "residual": False, "skip": False,
                "pooling": True, "dropout": 0.2, "dense": 256, "embedding": 100, "batch_size": 256, "threshold": 40,
                "instruments": "piano", "validation": "random_windows",
            },
            generation={"num_notes": 100},
        ),
        "best": Preset(
            "Wider and deeper, with more patience.",
            training={
                "sequence_length": 128, "epochs": 80, "dilation_depth": 6, "filters": (128,), "skip_channels": 192,
                "dropout": 0.5, "batch_size": 8, "learning_rate": 2e-3, "schedule": "cosine", "gradient_clip": 1.0,
                "weight_decay": 0.5, "patience": 20,
            },
            generation={"top_p": 0.92},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={
            "sequence_length": 8, "epochs": 1, "filters": (4,), "dilation_depth": 2, "skip_channels": 4,
            "batch_size": 4, "dense": 4, "embedding": 4,
        },
        generation={"num_notes": 12},
    )  # fmt: skip

    def prepare(self, songs: Sequence[TrainingSong], training: Any, *, seed: int = 0) -> Prepared:
        if training.representation == "events":
            prepared = prepare_events(songs, training, seed)
        else:
            prepared = prepare_tokens(songs, training, seed, at_every_step=training.learns_every_step)
        facts = {
            **prepared.facts,
            "receptive_field": self.receptive_field(training).steps,
            "dilations": list(training.stack.dilations),
        }
        return replace(prepared, facts=facts, warnings=(*prepared.warnings, *_reach_warnings(training)))

    def layers(self, training: Any, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        steps = training.sequence_length
        if training.representation == "tokens":
            return _words(facts["vocabulary_size"] if facts else None, training).layers
        sizes = _events(_fields(facts), training) if facts else None
        return event_layers(steps, training.embedding, stack_layers(training.stack, steps), sizes)

    def receptive_field(self, training: Any) -> ReceptiveField:
        return _reach(training.stack, training.sequence_length)

    def cost(self, prepared: Prepared, training: Any) -> Cost:
        codec, steps = prepared.codec, training.sequence_length
        parameters, multiplied = _parameters(codec, training), _multiplied(codec, training)
        heads = 4 * training.dense * len(getattr(codec, "spoken", (0,)))
        activations = 4 * training.batch_size * (training.stack.activations(steps) + steps * heads)
        memory = FRAMEWORK_BYTES + 20 * parameters + 3 * activations
        return Cost(1, parameters, 6.0 * multiplied * prepared.training.n_examples, int(memory))

    def build(self, codec: Any, training: Any, *, seed: int = 0) -> Networks:
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks
        from musicgen.networks.note_wavenet import build_wavenet_events, build_word_network

        set_seed(seed)
        if isinstance(codec, EventCodec):
            return Networks({"notes": build_wavenet_events(_events(codec.sizes, training), training.stack)})
        network = build_word_network(
            len(codec.vocabulary), training.stack, training.dense, every_step=training.learns_every_step
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
        from musicgen.networks.note_wavenet import EVERY_STEP_OBJECTIVE
        from musicgen.networks.tokens import TOKEN_OBJECTIVE

        codec = prepared.codec
        if isinstance(codec, EventCodec):
            objective = event_objective(_events(codec.sizes, training))
        else:
            objective = EVERY_STEP_OBJECTIVE if training.learns_every_step else TOKEN_OBJECTIVE
        task = engine.Task(
            "notes", objective, prepared.training, prepared.validation, flops=6.0 * _multiplied(codec, training),
            shards=2,
        )  # fmt: skip
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
        from musicgen.networks.note_wavenet import WaveNetEventStepper, word_stepper
        from musicgen.sampling.notes import event_pieces, token_pieces

        model = networks.models["notes"]
        if isinstance(codec, EventCodec):
            events = WaveNetEventStepper(model, _events(codec.sizes, training), training.stack, codec)
            yield from event_pieces(events, codec, generation, prompt, seeds, monitor)
        else:
            words = word_stepper(model, training.stack, by_window=generation.memory == "window")
            yield from token_pieces(words, codec, training.sequence_length, generation, prompt, seeds, monitor)

    def codec_from_json(self, document: dict[str, Any]) -> EventCodec | TokenCodec:
        return (TokenCodec if "vocabulary" in document else EventCodec).from_json(document)


def _fields(facts: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(facts["values_of_each_field"][name]) for name in FIELDS)


def _events(fields: tuple[int, ...], training: Training) -> EventSizes:
    """What is around the convolutions."""
    return EventSizes(
        fields,
        tuple(number for number, size in enumerate(fields) if size > 1),
        embedding=training.embedding,
        units=training.stack.units,
        num_layers=0,
        head=training.dense,
        dropout=training.dropout,
    )


def _words(vocabulary_size: int | None, training: Training) -> WordSizes:
    return WordSizes(
        vocabulary_size, training.sequence_length, training.stack, training.dense, training.learns_every_step
    )


def _parameters(codec: Any, training: Training) -> int:
    if isinstance(codec, EventCodec):
        return _events(codec.sizes, training).parameters + training.stack.parameters
    return _words(len(codec.vocabulary), training).parameters


def _multiplied(codec: Any, training: Training) -> float:
    """Weights that one window is multiplied with."""
    if isinstance(codec, EventCodec):
        around = training.sequence_length * _events(codec.sizes, training).multiplied
        return around + training.stack.multiplied(training.sequence_length)
    return _words(len(codec.vocabulary), training).multiplied


def _reach(stack: StackSizes, window: int) -> ReceptiveField:
    return ReceptiveField(stack.convolutions, window, "notes")


def _reach_warnings(training: Training) -> tuple[str, ...]:
    """One sentence where the convolutions reach less far than the window, or so much further that it is a waste."""
    window, stack = training.sequence_length, training.stack
    reach = _reach(stack, window).steps
    if reach < window and not training.learns_every_step:
        return (
            f"The convolutions reach back {reach} of the {window} notes of a window, so the first {window - reach} "
            f"never count: choose a higher dilation_depth, or a shorter sequence_length.",
        )
    if reach < window:
        return (
            f"The convolutions reach back {reach} notes of windows of {window}: what lies further back is not heard. "
            f"A higher dilation_depth reaches further.",
        )
    is_deep = training.dilation_depth > 1 and not stack.pooling
    if is_deep and _reach(replace(stack, dilation_depth=training.dilation_depth - 1), window).steps >= window:
        return (
            f"The convolutions reach back {reach} notes, but are never shown more than {window} while learning: a "
            f"longer sequence_length, or a lower dilation_depth, would waste nothing.",
        )
    return ()
