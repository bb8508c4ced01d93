"""Every network that remembers says, one step at a time, what it says of everything anew: the same logits on trained
weights, and the same choices for the same random numbers. Walks all networks with a memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.amplitude_lstm.bank_network import BankStepper
from musicgen.approaches.audio_wavenet.sampler import RawAudioSampler
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.approaches.jazz_lstm.sizes import JazzSizes
from musicgen.approaches.jazz_lstm.stepper import MeasureStepper, allowed_words
from musicgen.approaches.jazz_lstm.windows import NOTHING
from musicgen.approaches.note_wavenet.network import WaveNetEventStepper, WordStepper
from musicgen.approaches.notes.event_examples import EventExamples, EventStretch
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.event_stepper import EventStepper
from musicgen.approaches.notes.events import EventSong
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.approaches.notes.token_network import TokenStepper
from musicgen.approaches.spectral_lstm.block_network import BlockStepper
from musicgen.approaches.spectral_lstm.block_pieces import play_blocks
from musicgen.approaches.spectral_lstm.frame_network import FrameStepper
from musicgen.approaches.voices.drawing import sizes_of
from musicgen.approaches.voices.examples import GridExamples, GridSong
from musicgen.approaches.voices.grid import score_to_grid
from musicgen.approaches.voices.stepper import VoiceStepper
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.networks.backend import compiled, ops
from musicgen.sampling.rules import Rules, uniforms
from musicgen.sampling.token_sampler import SetsApart, hear, sample
from tests.choices import assert_chosen
from tests.makers_jazz import tune
from tests.makers_music import audio_song, midi_song, song

pytestmark = pytest.mark.numeric

LENGTH = 16  # events that each is compared over
RULES = Rules(temperature=0.9, top_p=0.95)
Ids = np.ndarray


@dataclass(frozen=True)
class BothWays:
    """A trained network.

    Attributes:
        begin: (logits of the first field, state) of one piece. events: what a song goes on with, (length, fields).
        anew: (events, number, field) → what the whole network says of that field, from the events before it and the
            fields of it before that one; what comes later in `events` counts for nothing.
    """

    stepper: Any
    begin: tuple[Any, Any]
    events: Ids
    anew: Callable[[Ids, int, int], np.ndarray]


def trained(key: str, songs: list[TrainingSong], **values: Any) -> tuple[Any, Any, Any, Any]:
    """(network, codec, parameters, prepared) after some epochs."""
    kind = approach(key)
    values = {**kind.tiny.training, "epochs": 4, "learning_rate": 0.02, **values}
    training = read_parameters(kind.Training, values)
    prepared = kind.prepare(songs, training, seed=1)
    networks = kind.build(prepared.codec, training, seed=1)
    kind.fit(networks, prepared, training, seed=1, monitor=SilentMonitor())
    return next(iter(networks.models.values())), prepared.codec, training, prepared


def from_tokens(stepper: Any, codec: TokenCodec, window: int, say: Callable[[Ids], Any]) -> BothWays:
    """`say`: ids (1, n) → logits (1, vocabulary) of what comes next, everything heard anew."""
    ids = np.tile(np.array(codec.starts[0], dtype=np.int32), 1 + LENGTH // window + 1)
    first = ids[:window]
    begin = hear(stepper, (ops.zeros((1, len(codec.vocabulary))), stepper.start(1)), first[None, :, None])

    def anew(events: Ids, number: int, field: int) -> np.ndarray:
        return np.asarray(say(np.concatenate([first, events[:number, 0]])[None]))[0]

    return BothWays(stepper, begin, ids[window : window + LENGTH, None], anew)


def note_lstm_tokens() -> BothWays:
    model, codec, training, _ = trained(
        "note_lstm", [midi_song(24)], representation="tokens", units=16, num_layers=2, threshold=0
    )
    return from_tokens(TokenStepper(model), codec, training.sequence_length, model)


def note_wavenet_tokens() -> BothWays:
    model, codec, training, _ = trained("note_wavenet", [midi_song(24)], representation="tokens", threshold=0)
    stepper = WordStepper(model, training.stack)
    return from_tokens(stepper, codec, training.sequence_length, lambda ids: model(ids)[:, -1])


def from_events(stepper: EventStepper, codec: Any, real: EventSong) -> BothWays:
    whole = compiled(stepper.model, stepper.model)

    def anew(events: Ids, number: int, field: int) -> np.ndarray:
        if field not in codec.spoken:
            return np.zeros(codec.sizes[field])
        told = EventSong(codec.ids_to_events(events), real.start, real.bar)
        examples = EventExamples(codec, [EventStretch(told, 0, LENGTH)], LENGTH, recalls=stepper.sizes.recalls)
        arrays = examples.gather(np.arange(1), None)
        answers = whole({name: array for name, array in arrays.items() if name != "mask"})
        return np.asarray(answers[codec.spoken.index(field)])[0, number]

    place = np.full(1, real.start % real.bar, np.int32), np.full(1, real.bar, np.int32)
    return BothWays(stepper, stepper.start(*place), codec.events_to_ids(real.events[:LENGTH]), anew)


def note_lstm_events() -> BothWays:
    source = midi_song(24)
    model, codec, training, _ = trained(
        "note_lstm", [source], units=16, num_layers=2, embedding=8, dense=8, recall=True
    )
    sizes = EventSizes.of(codec, embedding=8, units=16, num_layers=2, head=8, dropout=training.dropout, recalls=True)
    return from_events(EventStepper(model, sizes, codec), codec, codec.score_to_song(source.clip.score(), None))


def note_wavenet_events() -> BothWays:
    source = midi_song(24)
    model, codec, training, _ = trained("note_wavenet", [source], embedding=8, dense=8, recall=True)
    units = training.stack.units
    sizes = EventSizes.of(codec, embedding=8, units=units, num_layers=0, head=8, dropout=training.dropout, recalls=True)
    stepper = WaveNetEventStepper(model, sizes, training.stack, codec)
    return from_events(stepper, codec, codec.score_to_song(source.clip.score(), None))


def jazz_lstm() -> BothWays:
    model, codec, _, prepared = trained("jazz_lstm", [song(tune(8), 1)], units=16, embedding=8)
    sizes = model.get_layer("features").sizes
    assert isinstance(sizes, JazzSizes)
    measure, tokens = codec.forms[0].measure, codec.tokens
    stepper = MeasureStepper(model, sizes, tokens, linked=codec.phrasing.linked, onsets=codec.onsets)
    begin = stepper.start(np.array([measure], np.int32), allowed_words(tokens, rests_first=False))
    whole = compiled(lambda inputs, places: model([inputs, places]), model)

    def anew(events: Ids, number: int, field: int) -> np.ndarray:
        inputs = np.concatenate([[NOTHING], events[:-1, 0]])[None].astype(np.int32)
        places, place, bar = np.zeros((1, LENGTH, 2), np.int32), 0, 0
        for step, token in enumerate(events[:-1, 0], start=1):  # words lie one after the other, in whole measures
            place += int(stepper.lengths[token])
            place, bar = (0, bar + 1) if place + stepper.shortest > measure else (place, bar)
            places[0, step] = place, bar
        return np.asarray(whole(inputs, places))[0, number]

    melody = prepared.training.melodies[0]
    return BothWays(stepper, begin, melody.ids[:LENGTH, None], anew)


def spectral_lstm_frames() -> BothWays:
    model, codec, training, _ = trained("spectral_lstm", [audio_song(8_000)], units=16, codebook_size=12)
    stepper = FrameStepper(model, codec, training.num_layers)
    whole = compiled(lambda heard, known: model({"heard": heard, "known": known}), model)

    def anew(events: Ids, number: int, field: int) -> np.ndarray:
        chosen = np.stack([book[events[:, at]] for at, book in enumerate(codec.codebooks)], axis=1)
        known = np.cumsum(chosen, axis=1)  # (LENGTH, codebooks, C)
        heard = np.concatenate([np.zeros_like(known[:1, -1]), known[:-1, -1]])
        return np.asarray(whole(heard[None], known[None, :, :-1])[field])[0, number]

    steps = codec.steps_from(codec.log_frames(audio_song(8_000).clip.waveform().samples[0]))
    return BothWays(stepper, stepper.start(1), codec.quantise(steps[:: codec.frames_per_step][:LENGTH]), anew)


def amplitude_lstm_frames() -> BothWays:
    values = {"recurrence": "frames", "look_back": 16, "hop_length": 16, "num_predictors": 6, "num_levels": 5}
    model, codec, _, _ = trained(
        "amplitude_lstm", [audio_song(4_000)], **values, units=16, activation="tanh", recurrent_activation="sigmoid",
        batch_size=4, samples_per_song=0, held_out_samples=0,
    )  # fmt: skip
    bank = codec.banks[0]
    whole = compiled(model, model)

    def anew(events: Ids, number: int, field: int) -> np.ndarray:
        mark = np.array([[bank.n_predictors, bank.n_levels]], dtype=np.int32)
        pairs = np.asarray(whole(np.concatenate([mark, events[:-1]])[None]))[0, number]  # log probability of each
        first = np.logaddexp.reduce(pairs, axis=1)
        return pairs[events[number, 0]] - first[events[number, 0]] if field else first

    heard = codec.encode(audio_song(4_000).clip.waveform())[0]
    stepper = BankStepper(model, bank)
    return BothWays(stepper, stepper.start(1), bank.codes(bank.energies(heard))[:LENGTH], anew)


def voices() -> BothWays:
    source = midi_song(24)
    model, codec, training, _ = trained(
        "voices", [source], units=16, head=8, num_layers=2, fill_in=False, key_memory=True
    )
    sizes = sizes_of(training, codec.values, codec.n_voices)
    real = codec.song(score_to_grid(source.clip.score(), None, codec.n_voices))
    order = list(sizes.order)
    whole = compiled(lambda told: model(told), model)

    def anew(events: Ids, number: int, field: int) -> np.ndarray:
        fields = events.reshape(LENGTH, sizes.voices, 2)[:, np.argsort(order)]
        told = GridSong.of(
            fields[..., 0], fields[..., 1] > 0, start=real.start, bar=real.bar, beat=4, values=real.values
        )
        arrays = GridExamples([(told, 0, LENGTH)], LENGTH, counts_tones=True).gather(np.arange(1), None)
        answers = whole({name: array for name, array in arrays.items() if name in {each.name for each in model.inputs}})
        step, place = divmod(number, sizes.voices)
        if field:
            return np.array([0.0, np.asarray(answers["again"])[0, step, place]])
        return np.asarray(answers["notes"])[0, step, place]

    stepper = VoiceStepper(model, sizes, codec)
    begin = stepper.start(*(ops.convert_to_tensor(np.full(1, value, np.int32)) for value in (real.start, real.bar, -1)))
    heard = np.stack([real.ids[:LENGTH, order], real.struck[:LENGTH, order]], axis=-1)
    return BothWays(stepper, begin, heard.reshape(-1, 2).astype(np.int32), anew)


NETWORKS = [
    note_lstm_tokens, note_lstm_events, note_wavenet_tokens, note_wavenet_events, jazz_lstm, spectral_lstm_frames,
    amplitude_lstm_frames, voices,
]  # fmt: skip
# Each has something of its own that is kept from step to step. The others share it with one of these, and are slow.
ALWAYS = (note_lstm_tokens, note_wavenet_tokens, jazz_lstm, spectral_lstm_frames)
PARAMS = [make if make in ALWAYS else pytest.param(make, marks=pytest.mark.slow) for make in NETWORKS]


@pytest.fixture(scope="module", params=PARAMS, ids=lambda make: make.__name__)
def both(request: pytest.FixtureRequest) -> BothWays:
    return request.param()


def as_far_as_allowed(cached: np.ndarray, anew: np.ndarray) -> np.ndarray:
    """What the rules of a piece exclude is no affair of the network, and a number added to all logits says nothing."""
    allowed = cached > -1e8
    return np.where(allowed, anew - anew[allowed].mean() + cached[allowed].mean(), -1e9)


def test_the_same_logits(both: BothWays) -> None:
    logits, state = both.begin
    assert len(both.events) >= LENGTH
    for number in range(len(both.events)):
        for field in range(both.stepper.num_fields):
            cached = np.asarray(logits)[0]
            anew = both.anew(both.events, number, field)
            np.testing.assert_allclose(cached, as_far_as_allowed(cached, anew), atol=1e-4)
            logits, state = both.stepper.step(field, both.events[number : number + 1, field], state)


@pytest.mark.slow  # what is chosen follows from the logits above
def test_the_same_choices(both: BothWays) -> None:
    """Nothing carried over but the events themselves; what the rules exclude is taken from the stepper."""
    length, num_fields = both.events.shape
    noise = uniforms([5], length, num_fields)
    made = sample(both.stepper, both.begin, noise, RULES)[0]
    logits, state = both.begin
    chosen = np.zeros_like(made)
    for number in range(length):
        for field in range(num_fields):
            cached = np.asarray(logits)[0]
            anew = as_far_as_allowed(cached, both.anew(chosen, number, field))
            token = made[number : number + 1, field]
            apart = np.asarray(both.stepper.apart(field, state)) if isinstance(both.stepper, SetsApart) else None
            assert_chosen(token, anew[None], noise[:, number, field], RULES, apart)
            chosen[number, field] = token[0]
            logits, state = both.stepper.step(field, token, state)
    assert len(np.unique(made, axis=0)) > 1


def test_blocks_of_sound() -> None:
    """Nothing is chosen here: each block is what the network says of those before it."""
    model, _, training, _ = trained(
        "spectral_lstm", [audio_song(4_000)], representation="blocks", block_size=32, clip_seconds=0.1, units=16,
        num_layers=2,
    )  # fmt: skip
    blocks = np.random.default_rng(0).normal(size=(2, 9, model.output_shape[-1])).astype(np.float32)
    made = play_blocks(BlockStepper(model, training.num_layers), blocks, 12)
    heard = np.concatenate([blocks, made[:, 8:-1]], axis=1)
    np.testing.assert_allclose(made, np.asarray(model(heard)), atol=1e-4)


@pytest.mark.slow  # in `test_audio_wavenet`, the sampler says what the network says
def test_raw_audio() -> None:
    """Rings in a compiled kernel, past the receptive field: logits, and the levels that are drawn from them."""
    model, codec, training, _ = trained("audio_wavenet", [audio_song(4_000)])
    sizes = RawAudioSizes(
        codec.levels, 0, training.residual, training.skip, training.kernel_size, training.dilation_depth,
        training.stacks,
    )  # fmt: skip
    length = 3 * sizes.receptive_field
    levels = codec.encode(audio_song(4_000).clip.waveform()).reshape(-1)[:length].astype(np.int32)
    rest = np.full(sizes.receptive_field, sizes.silence, dtype=np.int32)
    kept = np.zeros((length, 1, sizes.outputs), dtype=np.float32)
    RawAudioSampler(model, sizes, 1).run(levels[:, None], kept=kept)
    heard = np.concatenate([rest, levels])
    np.testing.assert_allclose(kept[:, 0], np.asarray(model(heard[None, :-1]))[0], atol=1e-4)

    uniform = uniforms([5], length)
    made = RawAudioSampler(model, sizes, 1).say(uniform, temperature=RULES.temperature, top_p=RULES.top_p)[0]
    whole = compiled(model, model)
    for number in range(length):
        heard = np.concatenate([rest, made[:number]])[-sizes.receptive_field :]
        assert_chosen(made[number : number + 1], whole(heard[None])[:, -1], uniform[:, number], RULES)
    assert len(np.unique(made)) > 3
