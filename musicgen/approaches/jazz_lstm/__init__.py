"""Jazz LSTM: improvise a new melody over the chords of a song, with a grammar learned from its solos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.approaches.jazz_lstm import parameters
from musicgen.approaches.jazz_lstm.codec import JazzCodec
from musicgen.approaches.jazz_lstm.data import prepare_jazz, prompted_forms
from musicgen.approaches.jazz_lstm.sizes import JazzSizes
from musicgen.approaches.network_approach import NetworkApproach
from musicgen.contract.drawing import Layer
from musicgen.contract.made import Made, Order
from musicgen.contract.networks import TrainableNetworks
from musicgen.contract.parameters import Preset
from musicgen.contract.prepared import FRAMEWORK_BYTES, Cost, Prepared, TrainingSong

if TYPE_CHECKING:
    from musicgen.networks.bundle import Networks
    from musicgen.networks.engine import LearningTask
    from musicgen.networks.recipe import Recipe


_SIZES = "vocabulary_size", "num_parts", "most_beats"  # in the facts


class JazzLSTM(NetworkApproach[parameters.Training, parameters.Generation]):
    """deepjazz (2016) by way of "Improvise a jazz solo with an LSTM network", developed further."""

    key = "jazz_lstm"
    title = "Jazz LSTM"
    summary = (
        "Learns the grammar of a solo: chord tone or passing tone, how long, how far from the note before. "
        "Then it improvises a new melody over the chords of the song, measure by measure."
    )
    reference = (
        "A. Chandupatla, artificial_music_generation, 2018, after J.-S. Kim, deepjazz, 2016, and J. Gillick, K. Tang "
        "and R. Keller, Machine learning of jazz grammars, Computer Music Journal 34(3), 2010."
    )
    can_learn = (
        "Which kinds of tone and which rhythms follow each other in a solo, over any chord: short patterns, approach "
        "notes, swing. Its melody fits the chords because each note is chosen with the chord in view."
    )
    cannot_learn = (
        "New chords, or the plan of a solo: the harmony is that of the song, and a motif is forgotten after a few "
        "measures. One solo has only a few hundred notes, which a large network simply memorises."
    )
    medium = "midi"
    Training = parameters.Training
    Generation = parameters.Generation
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            "A small network with much dropout: a new solo in half a minute.",
            training={
                "epochs": 120, "units": 64, "embedding": 32, "dropout": 0.4, "learning_rate": 0.004, "batch_size": 8,
                "window_step": 4, "gradient_clip": 1.0, "weight_decay": 0.05, "smoothing": 0.1, "patience": 20,
                "schedule": "cosine",
            },
        ),
        "original": Preset(
            "The authors' pipeline, number for number: track 5 over track 0 from beat 476 to 548, 60 windows of 30, "
            "LSTM 64. If a song lacks these tracks or beats, others are chosen and named.",
            training={
                "melody_track": 5, "chord_track": 0, "first_beat": 476.0, "last_beat": 548.0, "sequence_length": 30,
                "num_windows": 60, "units": 64, "learning_rate": 0.01, "decay": 0.01, "epochs": 100, "batch_size": 32,
                "rests": False, "exact_measures": False, "hear_place": False, "link_measures": False, "line": "single",
                "share_parts": False, "interval_names": "written", "stretches": "longest", "validation_share": 0.0,
            },
            generation={"tempo": 130.0, "temperature": 0.5, "nearness": None, "harmony_fit": 0.0, "max_tries": 1},
        ),
        "best": Preset(
            "A larger network, a smaller learning rate and more label smoothing; stops when it no longer improves.",
            training={
                "epochs": 250, "units": 96, "embedding": 32, "dropout": 0.4, "learning_rate": 0.002, "batch_size": 8,
                "window_step": 4, "gradient_clip": 1.0, "weight_decay": 0.05, "smoothing": 0.2, "patience": 40,
                "schedule": "cosine",
            },
            generation={"max_tries": 8},
        ),
    }  # fmt: skip
    tiny = Preset(
        "For tests.",
        training={"sequence_length": 8, "epochs": 1, "units": 4, "batch_size": 4, "window_step": 8},
        generation={"num_measures": 2, "max_tries": 1},
    )
    lengths: ClassVar[Mapping[str, float]] = {"num_measures": 80}
    short: ClassVar[Mapping[str, float]] = {"num_measures": 8}

    def prepare(self, songs: Sequence[TrainingSong], training: parameters.Training, *, seed: int = 0) -> Prepared:
        return prepare_jazz(songs, training, seed)

    def layers(self, training: parameters.Training, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        known = _sizes(training, *(int(facts[name]) for name in _SIZES)) if facts else None
        size: int | str = known.vocabulary_size if known else "V"
        steps = training.sequence_length
        first = None if known is None else 4 * known.units * (known.features + known.units + 1)
        drawn = [
            Layer("Melody over chords", "music", note="Two tracks of a song, where both play."),
            Layer(
                "Words of a grammar",
                "codec",
                (steps, size),
                note="What a note is in relation to its chord, in any key.",
            ),
        ]
        if training.embedding:
            table = known.width * known.embedding if known else None
            drawn.append(
                Layer(f"Embedding, {training.embedding} wide", "embedding", (steps, training.embedding), table)
            )
        drawn.append(Layer(f"LSTM, {training.units} units", "recurrent", (steps, training.units), first))
        if training.num_layers > 1:
            name, shape = f"LSTM, {training.units} units", (steps, training.units)
            more = 4 * training.units * (2 * training.units + 1)
            drawn.append(Layer(name, "recurrent", shape, more, repeated=training.num_layers - 1))
        last = None if known is None else known.units * known.width + known.num_parts + known.vocabulary_size
        return (
            *drawn,
            Layer("Dense, softmax", "dense", (steps, size), last, "How likely each word is to come next."),
            Layer("Choice of a word", "choice", (1,), note="Sampled from the words that fit."),
            Layer("Choice of a pitch", "choice", (1,), note="One of those that the word allows over its chord."),
        )

    def cost(self, prepared: Prepared, training: parameters.Training) -> Cost:
        sizes = _codec_sizes(prepared.codec, training)
        flops = 6.0 * training.sequence_length * sizes.multiplied
        steps = training.batch_size * training.sequence_length
        memory = 20 * sizes.parameters + 40 * steps * (sizes.features + sizes.units * sizes.num_layers)
        return Cost(1, sizes.parameters, flops * prepared.training.n_examples, int(FRAMEWORK_BYTES + memory))

    def build(self, codec: Any, training: parameters.Training, *, seed: int = 0) -> Networks:
        from musicgen.approaches.jazz_lstm.network import build_jazz_network
        from musicgen.networks.backend import set_seed
        from musicgen.networks.bundle import Networks

        set_seed(seed)
        parts = codec.parts() if training.share_parts else None
        return Networks({"words": build_jazz_network(_codec_sizes(codec, training), parts)})

    def tasks(
        self, networks: TrainableNetworks, prepared: Prepared, training: parameters.Training
    ) -> Sequence[LearningTask]:
        from musicgen.approaches.jazz_lstm.network import jazz_objective
        from musicgen.networks.engine import LearningTask

        flops = 6.0 * training.sequence_length * _codec_sizes(prepared.codec, training).multiplied
        task = LearningTask(
            "words", jazz_objective(training.smoothing), prepared.training, prepared.validation, flops=flops
        )
        return [task]

    def recipe(self, training: parameters.Training) -> Recipe:
        from musicgen.networks.recipe import Recipe

        return Recipe.of(training, decay=training.decay)

    def generate(
        self,
        networks: TrainableNetworks,
        codec: Any,
        training: parameters.Training,
        order: Order[parameters.Generation],
    ) -> Iterator[Made]:
        from musicgen.approaches.jazz_lstm.pieces import jazz_pieces

        forms = prompted_forms(order.prompt, training) if order.prompt else codec.forms
        sizes = _codec_sizes(codec, training)
        yield from jazz_pieces(networks.models["words"], codec, sizes, forms, order)

    def codec_from_json(self, document: dict[str, Any]) -> JazzCodec:
        return JazzCodec.from_json(document)


def _codec_sizes(codec: JazzCodec, training: parameters.Training) -> JazzSizes:
    return _sizes(training, len(codec.vocabulary), codec.parts().shape[1], codec.most_beats)


def _sizes(training: parameters.Training, vocabulary_size: int, num_parts: int, most_beats: int) -> JazzSizes:
    return JazzSizes(
        vocabulary_size=vocabulary_size,
        num_parts=num_parts if training.share_parts else 0,
        units=training.units,
        num_layers=training.num_layers,
        embedding=training.embedding,
        beats=most_beats if training.hear_place else 0,
        dropout=training.dropout,
    )
