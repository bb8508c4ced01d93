"""Causal convolutions: what they hear, what they must not hear, and the same one step at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import keras
import numpy as np
import pytest

from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes, stack_layers
from musicgen.approaches.note_wavenet.convolutions import CausalConvolution, ConvolutionStack
from musicgen.approaches.note_wavenet.network import (
    WaveNetEventStepper,
    WordStepper,
    build_wavenet_events,
    build_word_network,
    word_stepper,
)
from musicgen.approaches.notes.event_examples import EventExamples, EventStretch
from musicgen.approaches.notes.event_fitting import make_event_codec
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.events import GAP
from musicgen.contract.drawing import ReceptiveField
from musicgen.networks.backend import ops, set_seed
from musicgen.sampling.rules import Rules, uniforms
from musicgen.sampling.token_sampler import HEARD_PER_CALL, hear, sample
from tests.choices import assert_chosen
from tests.makers_music import chords

pytestmark = pytest.mark.numeric

PLAIN = StackSizes(5, (6, 7, 8), kernel_size=3, dilation_depth=3)
FULL = StackSizes(
    5, (6,), kernel_size=2, dilation_depth=3, num_stacks=2, gated=True, residual=True, skip=True, skip_channels=7
)
RNG = np.random.default_rng(0)


def stack_model(sizes: StackSizes) -> keras.Model:
    inputs = keras.Input((None, sizes.inputs))
    model = keras.Model(inputs, ConvolutionStack(sizes)(inputs))
    model.set_weights([RNG.normal(scale=0.4, size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(("kernel_size", "dilation"), [(3, 1), (3, 4), (2, 8), (1, 1)])
def test_a_causal_convolution_is_that_of_keras(kernel_size: int, dilation: int) -> None:
    theirs = keras.layers.Conv1D(6, kernel_size, padding="causal", dilation_rate=dilation)
    ours, x = CausalConvolution(6, kernel_size, dilation), RNG.normal(size=(2, 20, 5)).astype(np.float32)
    expected, _ = theirs(x), ours(x)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), expected, atol=1e-5)
    assert ours.reach == (kernel_size - 1) * dilation


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_n6_dilations_double(depth: int) -> None:
    assert replace(PLAIN, dilation_depth=depth).dilations == tuple(2**number for number in range(depth))
    assert replace(PLAIN, dilation_depth=depth, num_stacks=2).dilations == 2 * tuple(2**n for n in range(depth))
    assert [layer.dilation for layer in stack_model(replace(PLAIN, dilation_depth=depth)).layers[1:] if
            isinstance(layer, CausalConvolution)] == [2**number for number in range(depth)]  # fmt: skip


@pytest.mark.parametrize("sizes", [PLAIN, FULL])
def test_n6_nothing_later_is_heard_and_exactly_the_receptive_field(sizes: StackSizes) -> None:
    model, steps = stack_model(sizes), 40
    x = RNG.normal(size=(1, steps, sizes.inputs)).astype(np.float32)
    field = ReceptiveField(sizes.convolutions, steps, "notes").steps
    assert field == (15 if sizes is PLAIN else 16)
    copies = np.repeat(x, steps, axis=0)  # equal shapes: kernels for another batch size may round differently
    one_changed = copies.copy()
    one_changed[np.arange(steps), np.arange(steps)] += 1.0
    moved = (np.asarray(model(one_changed)) != np.asarray(model(copies))).any(axis=-1)  # (changed, heard at)
    distance = np.arange(steps)[None] - np.arange(steps)[:, None]
    assert not moved[distance < 0].any()
    assert not moved[distance >= field].any()
    assert moved[distance == field - 1].mean() > 0.5  # ReLUs do not always answer


def test_the_receptive_field_of_the_original() -> None:
    original = StackSizes(100, (64, 128, 256), 3, 3, pooling=True)
    assert ReceptiveField(original.convolutions, 32, "notes").steps == 50
    assert ReceptiveField(replace(original, pooling=False).convolutions, 32, "notes").steps == 15


@pytest.mark.parametrize("switches", list(product([False, True], repeat=4)))
def test_weights_are_those_of_the_closed_form(switches: tuple[bool, ...]) -> None:
    gated, residual, skip, pooling = switches
    sizes = StackSizes(5, (6, 6, 4), 3, 3, 1, gated, residual, skip, 7, pooling)
    model = stack_model(sizes)
    assert model.count_params() == sizes.parameters
    assert sum(layer.parameters * layer.repeated for layer in stack_layers(sizes, 16)) == sizes.parameters
    out = np.asarray(model(np.zeros((2, 16, 5), np.float32)))
    assert out.shape == ((2, sizes.units) if pooling else (2, 16, sizes.units))
    assert len(model.trainable_weights) == sum(np.any(w) for w in gradients(model)), "a weight that nothing hears"


def gradients(model: keras.Model) -> list[np.ndarray]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(RNG.normal(size=(4, 16, 5)).astype(np.float32)) ** 2)
    return [np.asarray(each) for each in tape.gradient(total, model.trainable_weights)]


def words(sizes: StackSizes, *, every_step: bool = True) -> keras.Model:
    set_seed(3)
    model = build_word_network(11, sizes, 9, every_step=every_step)
    model.set_weights([RNG.normal(scale=0.4, size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("sizes", [PLAIN, FULL])
def test_words_cached_is_uncached(sizes: StackSizes) -> None:
    model = words(sizes)
    ids = RNG.integers(0, 11, (3, 200)).astype(np.int32)
    stepper = WordStepper(model, sizes)
    begin = (ops.zeros((3, 11)), stepper.start(3))
    whole = np.asarray(model(ids))
    for length in (1, 7, HEARD_PER_CALL + 5, 200):
        logits, _ = hear(stepper, begin, ids[:, :length, None])
        np.testing.assert_allclose(logits, whole[:, length - 1], atol=1e-4)


@pytest.mark.slow  # the same logits: test_cached_equals_uncached
def test_words_cached_and_by_the_window_choose_the_same() -> None:
    """As long as the window is as long as the convolutions reach."""
    model, noise = words(FULL), uniforms([1, 2], 60, 1)
    ids = RNG.integers(0, 11, (2, 16)).astype(np.int32)
    carried, window = (word_stepper(model, FULL, by_window=each) for each in (False, True))
    begin = hear(carried, (ops.zeros((2, 11)), carried.start(2)), ids[:, :, None])
    for made in (sample(carried, begin, noise, Rules()), sample(window, window.after(ids), noise, Rules())):
        whole = np.concatenate([ids, made[:, :, 0]], axis=1)
        for number in range(60):
            logits = np.asarray(model(whole[:, number : number + 16]))[:, -1]
            assert_chosen(made[:, number, 0], logits, noise[:, number, 0], Rules())
        assert len(np.unique(made)) > 3


@pytest.mark.parametrize("skip", [False, True])
def test_pooled_networks_see_their_window_anew(skip: bool) -> None:
    sizes = replace(PLAIN, pooling=True, skip=skip, skip_channels=4)
    model = words(sizes, every_step=False)
    stepper = word_stepper(model, sizes, by_window=False)
    whole = RNG.integers(0, 11, (2, 8)).astype(np.int32)
    noise = uniforms([1, 2], 20, 1)
    made = sample(stepper, stepper.after(whole), noise, Rules(greedy=True))[:, :, 0]
    for number in range(20):
        assert_chosen(made[:, number], np.asarray(model(whole[:, -8:])), noise[:, number, 0], Rules(greedy=True))
        whole = np.concatenate([whole, made[:, number : number + 1]], axis=1)


@pytest.fixture(scope="module")
def events() -> tuple:
    codec, (song,) = make_event_codec([(chords(30), None)])
    sizes = EventSizes.of(codec, embedding=5, units=FULL.units, num_layers=0, head=9, dropout=0.4)
    set_seed(5)
    model = build_wavenet_events(sizes, FULL)
    model.set_weights([RNG.normal(scale=0.4, size=w.shape) for w in model.get_weights()])
    stepper = WaveNetEventStepper(model, sizes, FULL, codec)
    return model, sizes, codec, stepper, EventExamples(codec, [EventStretch(song, 0, len(song))], len(song))


def test_events_cached_is_uncached(events: tuple) -> None:
    """What it says first of an event, after any number of events, is what the network says over the whole song; what
    follows within the event is the heads' own affair, and tested with them."""
    model, sizes, _, stepper, examples = events
    arrays = examples.gather(np.arange(1), None)
    assert model.count_params() == sizes.parameters + FULL.parameters
    whole = model({name: array for name, array in arrays.items() if name != "mask"})
    begin = stepper.start(np.zeros(1, np.int32), np.full(1, 96, np.int32))
    for length in (1, 5, HEARD_PER_CALL + 20):
        logits, state = hear(stepper, begin, arrays["chosen"][:, :length])
        allowed = np.asarray(logits)[0] > -1e8
        expected = np.asarray(whole[sizes.spoken.index(GAP)])[0, length]
        np.testing.assert_allclose(np.asarray(logits)[0][allowed], expected[allowed], atol=1e-4)
    assert int(np.asarray(state["memory"][0])) == 1 + HEARD_PER_CALL + 20  # the start mark is heard too


def test_events_a_piece_does_not_depend_on_its_neighbours(events: tuple) -> None:
    stepper = events[3]

    def pieces(seeds: list[int]) -> np.ndarray:
        n = len(seeds)
        begin = stepper.start(np.zeros(n, np.int32), np.full(n, 96, np.int32))
        return sample(stepper, begin, uniforms(seeds, 70, 5), Rules())

    together = pieces([1, 2, 3])
    np.testing.assert_array_equal(together[1:], pieces([9, 2, 3])[1:])  # as many: equal shapes round alike
    assert not np.array_equal(together[0], together[1])
