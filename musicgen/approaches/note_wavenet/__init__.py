"""Note WaveNet: predict the next note of a piece with causal convolutions over those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.network_approach import NetworkApproach
from musicgen.approaches.note_wavenet import parameters
from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes, stack_layers
from musicgen.approaches.note_wavenet.sizes import WordSizes
from musicgen.approaches.notes.codecs import field_sizes, notes_codec
from musicgen.approaches.notes.data import prepare_events, prepare_tokens
from musicgen.approaches.notes.event_drawing import event_layers
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.events import EventCodec
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.approaches.notes.weight_labels import Axes, note_weight_labels
from musicgen.contract.drawing import Layer, ReceptiveField
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared, TrainingSong

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask


class NoteWaveNet(NetworkApproach[parameters.Training, parameters.Generation]):
    """The WaveNet half of Music-Generator (2022), developed further."""

    key = "note_wavenet"
    title = "Note WaveNet"
    summary = (
        "Reads the last notes through convolutions that reach twice as far with every layer, and predicts the next: "
        "pitch, rhythm, length, loudness and voice. Within its receptive field it knows exactly what was played."
    )
    reference = "A. Patel, Music-Generator, 2022: a simplified WaveNet on notes and chords, after Aravind Pai; van den "
    reference += "Oord et al., WaveNet, 2016."
    can_learn = (
        "Motifs and figures, the chords and cadences of a style, and how notes relate to each other within its "
        "receptive field."
    )
    cannot_learn = (
        "Anything older than its receptive field: it forgets a theme as soon as the theme lies further back, and it "
        "plans no form."
    )
    medium = "midi"
    own_speed = ("representation", "recall")
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "Notes with rhythm and voices, shown in all keys, through gated convolutions: a style in about a minute.",
            training={
                "epochs": 60, "dropout": 0.4, "batch_size": 8, "learning_rate": 3e-3, "schedule": "cosine",
                "gradient_clip": 1.0, "weight_decay": 0.2, "patience": 15,
                "recall": True, "voices": "automatic", "max_notes": 24_000,
            },
            generation={"top_p": 0.95},
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
                "recall": True, "voices": "automatic",
            },
            generation={"top_p": 0.95},
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
    lengths: ClassVar[Mapping[str, float]] = {"num_notes": 200}
    short: ClassVar[Mapping[str, float]] = {"num_notes": 64}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
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

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        steps = training.sequence_length
        if training.representation == "tokens":
            return _words(facts["vocabulary_size"] if facts else None, training).layers
        sizes = _events(field_sizes(facts), training) if facts else None
        return event_layers(steps, training.embedding, stack_layers(training.stack, steps), sizes)

    def receptive_field(self, training: parameters.Training) -> ReceptiveField:
        return _reach(training.stack, training.sequence_length)

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        codec, steps = prepared.codec, training.sequence_length
        parameters, multiplied = _parameters(codec, training), _multiplied(codec, training)
        heads = 4 * training.dense * len(getattr(codec, "spoken", (0,)))
        activations = 4 * training.batch_size * (training.stack.activations(steps) + steps * heads)
        memory = FRAMEWORK_BYTES + 20 * parameters + 3 * activations
        return Cost(1, parameters, 6.0 * multiplied * prepared.training.n_examples, int(memory))

    def build(self, codec: Any, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.note_wavenet.network import build_wavenet_events, build_word_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        if isinstance(codec, EventCodec):
            return Networks({"notes": build_wavenet_events(_events(codec.sizes, training), training.stack)})
        network = build_word_network(
            len(codec.vocabulary), training.stack, training.dense, every_step=training.learns_every_step
        )
        return Networks({"notes": network})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.note_wavenet.network import EVERY_STEP_OBJECTIVE
        from musicgen.approaches.notes.event_network import event_objective
        from musicgen.approaches.notes.token_network import TOKEN_OBJECTIVE
        from musicgen.networks.engine import LearningTask

        codec = prepared.codec
        if isinstance(codec, EventCodec):
            objective = event_objective(_events(codec.sizes, training))
        else:
            objective = EVERY_STEP_OBJECTIVE if training.learns_every_step else TOKEN_OBJECTIVE
        task = LearningTask(
            "notes", objective, prepared.training, prepared.validation, flops=6.0 * _multiplied(codec, training),
            shards=2,
        )  # fmt: skip
        return [task]

    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.note_wavenet.network import WaveNetEventStepper, word_stepper
        from musicgen.approaches.notes.pieces import event_pieces, token_pieces

        model = networks.models["notes"]
        if isinstance(codec, EventCodec):
            events = WaveNetEventStepper(model, _events(codec.sizes, training), training.stack, codec)
            yield from event_pieces(events, codec, order)
        else:
            words = word_stepper(model, training.stack, by_window=order.generation.memory == "window")
            yield from token_pieces(words, codec, training.sequence_length, order)

    def weight_labels(self, codec: Any, training: parameters.Training, source: Any = None) -> Mapping[str, Axes]:
        sizes = _events(codec.sizes, training) if isinstance(codec, EventCodec) else None
        return note_weight_labels(codec, sizes, source)

    def codec_from_json(self, document: dict[str, Any]) -> EventCodec | TokenCodec:
        return notes_codec(document)


def _events(fields: tuple[int, ...], training: parameters.Training) -> EventSizes:
    """The sizes of the layers around the convolutions."""
    return EventSizes(
        fields,
        embedding=training.embedding,
        units=training.stack.units,
        num_layers=0,
        head=training.dense,
        dropout=training.dropout,
        recalls=training.recall,
    )


def _words(vocabulary_size: int | None, training: parameters.Training) -> WordSizes:
    return WordSizes(
        vocabulary_size, training.sequence_length, training.stack, training.dense, training.learns_every_step
    )


def _parameters(codec: Any, training: parameters.Training) -> int:
    if isinstance(codec, EventCodec):
        return _events(codec.sizes, training).parameters + training.stack.parameters
    return _words(len(codec.vocabulary), training).parameters


def _multiplied(codec: Any, training: parameters.Training) -> float:
    """Multiply-adds for one window."""
    if isinstance(codec, EventCodec):
        around = training.sequence_length * _events(codec.sizes, training).multiplied
        return around + training.stack.multiplied(training.sequence_length)
    return _words(len(codec.vocabulary), training).multiplied


def _reach(stack: StackSizes, window: int) -> ReceptiveField:
    return ReceptiveField(stack.convolutions, window, "notes")


def _reach_warnings(training: parameters.Training) -> tuple[str, ...]:
    """One sentence if the convolutions reach less far than the window, or needlessly further."""
    window, stack = training.sequence_length, training.stack
    reach = _reach(stack, window).steps
    if reach < window and not training.learns_every_step:
        return (
            f"The convolutions reach back {reach} of the {window} notes of a window, so its first {window - reach} "
            f"notes are never used: choose a higher dilation_depth, or a shorter sequence_length.",
        )
    if reach < window:
        return (
            f"The convolutions reach back {reach} notes in windows of {window} and ignore what is further back. "
            f"A higher dilation_depth reaches further.",
        )
    is_deep = training.dilation_depth > 1 and not stack.pooling
    if is_deep and _reach(replace(stack, dilation_depth=training.dilation_depth - 1), window).steps >= window:
        return (
            f"The convolutions reach back {reach} notes, but training shows them at most {window}: choose a longer "
            f"sequence_length or a lower dilation_depth.",
        )
    return ()
