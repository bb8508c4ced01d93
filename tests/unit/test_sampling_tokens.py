"""Sampling: the rules, and the promise that one step at a time gives what the whole sequence gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from musicgen.approaches.notes.event_examples import EventExamples, EventStretch
from musicgen.approaches.notes.event_fitting import make_event_codec
from musicgen.approaches.notes.event_network import build_event_network, each_class, from_anchor, turned
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.event_stepper import EventStepper
from musicgen.approaches.notes.events import FIELDS, GAP, PITCH, VOICE
from musicgen.approaches.notes.token_network import TokenStepper, WindowStepper, build_token_network
from musicgen.networks.backend import compiled, ops, set_seed
from musicgen.sampling.portions import CALL_SECONDS, FIRST, in_portions
from musicgen.sampling.rules import Rules, choose, uniforms
from musicgen.sampling.token_sampler import HEARD_PER_CALL, hear, sample
from tests.choices import assert_chosen
from tests.makers_music import chords

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(0)


def shares(logits: list[float], rules: Rules, n: int = 20_000, apart: int | None = None) -> np.ndarray:
    """How often each token is chosen."""
    grid = (np.arange(n, dtype=np.float32) + 0.5) / n
    tokens = choose(
        ops.convert_to_tensor(np.tile(np.float32(logits), (n, 1))), ops.convert_to_tensor(grid), rules,
        apart=None if apart is None else np.full(n, apart, np.int32),
    )  # fmt: skip
    return np.bincount(np.asarray(tokens), minlength=len(logits)) / n


class TwoFields:
    """Two fields of two tokens, the second always the likelier one. The rules are loosened for the first field."""

    num_fields = 2
    loosened = (0,)

    def __init__(self) -> None:
        self.model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    @staticmethod
    def logits(batch_size: int) -> Any:
        return ops.broadcast_to(np.float32([0.0, 1.0]), (batch_size, 2))

    def step(self, field: int, token: Any, state: Any) -> Any:
        return self.logits(token.shape[0]), state


class TestRules:
    LOGITS = [0.0, 1.0, 2.0, 3.0]  # noqa: RUF012

    def test_probabilities_are_those_of_the_softmax(self) -> None:
        expected = np.exp(self.LOGITS) / np.exp(self.LOGITS).sum()
        np.testing.assert_allclose(shares(self.LOGITS, Rules()), expected, atol=1e-3)

    def test_temperature(self) -> None:
        expected = np.exp(np.array(self.LOGITS) / 0.5)
        np.testing.assert_allclose(shares(self.LOGITS, Rules(temperature=0.5)), expected / expected.sum(), atol=1e-3)

    def test_top_k(self) -> None:
        expected = np.array([0, 0, np.exp(2), np.exp(3)])
        np.testing.assert_allclose(shares(self.LOGITS, Rules(top_k=2)), expected / expected.sum(), atol=1e-3)
        np.testing.assert_array_equal(shares(self.LOGITS, Rules(top_k=99)), shares(self.LOGITS, Rules()))

    def test_top_p_takes_up_to_and_with_the_one_that_reaches_it(self) -> None:
        # 0.032, 0.087, 0.237, 0.644
        assert (shares(self.LOGITS, Rules(top_p=0.6)) > 0).tolist() == [False, False, False, True]
        assert (shares(self.LOGITS, Rules(top_p=0.7)) > 0).tolist() == [False, False, True, True]
        assert (shares(self.LOGITS, Rules(top_p=0.9)) > 0).tolist() == [False, True, True, True]

    def test_one_token_can_stay_as_likely_as_it_is(self) -> None:
        # 0.032, 0.087, 0.237, 0.644
        plain = np.exp(self.LOGITS) / np.exp(self.LOGITS).sum()
        for rules in (Rules(top_p=0.95), Rules(temperature=0.1), Rules(top_k=1), Rules(temperature=5.0)):
            for token in range(4):
                others = np.delete(self.LOGITS, token).tolist()
                found = shares(self.LOGITS, rules, apart=token)
                assert found[token] == pytest.approx(plain[token], abs=1e-3)
                np.testing.assert_allclose(
                    np.delete(found, token), (1 - plain[token]) * shares(others, rules), atol=2e-3
                )
        np.testing.assert_allclose(shares(self.LOGITS, Rules(), apart=2), plain, atol=1e-3)
        np.testing.assert_array_equal(
            shares(self.LOGITS, Rules(top_p=0.7), apart=4), shares(self.LOGITS, Rules(top_p=0.7))
        )

    def test_top_p_leaves_out_a_token_apart_or_all_others_if_they_are_rare(self) -> None:
        # 0.032, 0.087, 0.237, 0.644; half of what is left out: 0.1
        found = [shares(self.LOGITS, Rules(top_p=0.8), apart=token)[token] for token in range(4)]
        np.testing.assert_allclose(found, [0.0, 0.0, 0.237, 0.644], atol=2e-3)
        assert shares([0.0, 5.0], Rules(top_p=0.98), apart=1).tolist() == [0.0, 1.0]  # 0.0067 and 0.9933
        assert shares([0.0, 5.0], Rules(top_p=0.99), apart=1)[0] == pytest.approx(0.0067, abs=1e-3)
        assert shares([-99.0, 99.0], Rules(top_p=0.5), apart=1).tolist() == [0.0, 1.0]

    def test_top_p_keeps_what_sorting_would_keep(self) -> None:
        from musicgen.sampling.rules import _is_in_nucleus

        logits = RNG.normal(scale=3.0, size=(40, 30)).astype(np.float32)
        logits[:, 3] = logits[:, 7]  # equally likely ones come and go together
        likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        for top_p in (0.05, 0.5, 0.9, 0.999):
            ranked = -np.sort(-likely, axis=1)
            last = (np.cumsum(ranked, axis=1) - ranked < top_p).sum(axis=1) - 1
            expected = likely >= np.take_along_axis(ranked, last[:, None], axis=1) * (1 - 1e-5)
            np.testing.assert_array_equal(np.asarray(_is_in_nucleus(ops.convert_to_tensor(logits), top_p)), expected)

    def test_greedy(self) -> None:
        assert shares([0.0, 3.0, 1.0], Rules(greedy=True)).tolist() == [0, 1, 0]

    def test_one_program_follows_all_temperatures(self) -> None:
        assert Rules(0.5, top_p=0.9).form == Rules(2.0, top_p=0.3).form
        assert Rules(repetition_penalty=3.0).form == Rules(repetition_penalty=1.5).form
        several = {Rules().form, Rules(top_p=0.9).form, Rules(top_k=3).form, Rules(repetition_penalty=2.0).form}
        assert len(several | {Rules(greedy=True).form}) == 5
        np.testing.assert_allclose(Rules(0.5, 0, 0.75, repetition_penalty=2.0).numbers, [2.0, 0.75, np.log(2)])

    def test_loosened_rules_leave_out_the_most_unlikely_alone(self) -> None:
        assert Rules(0.2, top_k=3, top_p=0.5, repetition_penalty=2.0).loosened == Rules(1.0, top_p=0.99)
        assert Rules(1.7).loosened == Rules(1.7)
        assert Rules(0.2, greedy=True).loosened.greedy
        for rules in (Rules(), Rules(0.3, top_p=0.9), Rules(2.0, top_p=0.995)):
            assert rules.form.loosened.form == rules.loosened.form, "one program follows both"

    def test_rules_that_favour_the_likely_are_for_pitches_alone(self) -> None:
        tokens = sample(TwoFields(), (TwoFields.logits(16), ops.zeros((16,))), uniforms(range(16), 50, 2), Rules(0.05))
        assert set(tokens[..., 1].ravel().tolist()) == {1}
        assert tokens[..., 0].mean() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.05)

    def test_what_was_chosen_lately_is_so_many_times_less_likely(self) -> None:
        from musicgen.sampling.rules import less_likely_again

        logits = np.array([self.LOGITS, self.LOGITS], np.float32)
        recent = np.array([[-1, 3, 3], [-1, -1, -1]], np.int32)  # twice chosen counts once; nothing was chosen
        changed = np.asarray(less_likely_again(logits, recent, float(np.log(2.5))))
        np.testing.assert_array_equal(changed[1], logits[1])
        np.testing.assert_array_equal(changed[0, :3], logits[0, :3])
        assert np.exp(changed[0, 3] - logits[0, 3]) == pytest.approx(1 / 2.5, rel=1e-5)

    def test_excluded_tokens_are_never_chosen_even_at_the_ends_of_the_line(self) -> None:
        logits = ops.convert_to_tensor(np.float32([[-1e9, 0.0, -1e9]] * 3))
        ends = ops.convert_to_tensor(np.float32([0.0, 0.5, 1 - 2**-24]))
        assert np.asarray(choose(logits, ends, Rules())).tolist() == [1, 1, 1]

    def test_random_numbers_belong_to_their_seed(self) -> None:
        both, alone = uniforms([7, 8], 50, 2), uniforms([8], 80, 2)
        np.testing.assert_array_equal(both[1], alone[0, :50])
        assert not np.array_equal(both[0], both[1])
        assert ((both >= 0) & (both < 1)).all()


def token_network(embedding: int) -> object:
    set_seed(4)
    model = build_token_network(
        vocabulary_size=11, units=[12, 9], dense=7, dropout=0.5, embedding=embedding, scale=True
    )
    model.set_weights([RNG.normal(scale=0.5, size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("embedding", [0, 6])
def test_tokens_cached_is_uncached(embedding: int) -> None:
    model = token_network(embedding)
    ids = RNG.integers(0, 11, (3, HEARD_PER_CALL + 5)).astype(np.int32)
    stepper = TokenStepper(model)
    begin = (ops.zeros((3, 11)), stepper.start(3))
    for length in (1, HEARD_PER_CALL, HEARD_PER_CALL + 5):
        logits, _ = hear(stepper, begin, ids[:, :length, None])
        np.testing.assert_allclose(logits, model(ids[:, :length]), atol=1e-4)


def test_tokens_by_the_window_are_the_windows_own() -> None:
    model = token_network(0)
    ids = RNG.integers(0, 11, (2, 8)).astype(np.int32)
    begin = compiled(lambda ids: (model(ids), ids), model)(ids)
    noise = uniforms([1, 2], 20, 1)
    made = sample(WindowStepper(model), begin, noise, Rules(greedy=True))[:, :, 0]
    whole = ids
    for number in range(20):
        assert_chosen(made[:, number], np.asarray(model(whole[:, -8:])), noise[:, number, 0], Rules(greedy=True))
        whole = np.concatenate([whole, made[:, number : number + 1]], axis=1)


@pytest.fixture(scope="module")
def events() -> tuple[object, EventSizes, object, EventExamples]:
    codec, (song,) = make_event_codec([(chords(30), None)])
    sizes = EventSizes.of(codec, embedding=8, units=10, num_layers=2, head=9, dropout=0.4)
    set_seed(5)
    model = build_event_network(sizes)
    model.set_weights([RNG.normal(scale=0.4, size=w.shape) for w in model.get_weights()])
    return model, sizes, codec, EventExamples(codec, [EventStretch(song, 0, len(song))], len(song))


def test_events_cached_is_uncached(events: tuple) -> None:
    """The stepper's logits of every field of every event are those of the network on the whole song."""
    model, sizes, codec, examples = events
    arrays = examples.gather(np.arange(1), None)
    assert model.count_params() == sizes.parameters
    whole = model({name: array for name, array in arrays.items() if name != "mask"})
    stepper = EventStepper(model, sizes, codec)
    step = [compiled(lambda token, state, field=field: stepper.step(field, token, state), model) for field in range(5)]
    logits, state = stepper.start(np.zeros(1, np.int32), np.full(1, 96, np.int32))
    for t in range(40):
        for field in range(len(FIELDS)):
            if field in sizes.spoken:
                expected = np.asarray(whole[sizes.spoken.index(field)])[0, t]
                allowed = np.asarray(logits)[0] > -1e8
                assert allowed[arrays["chosen"][0, t, field]]
                np.testing.assert_allclose(np.asarray(logits)[0][allowed], expected[allowed], atol=1e-4)
            logits, state = step[field](arrays["chosen"][:, t, field], state)


def test_events_a_piece_does_not_depend_on_its_neighbours(events: tuple) -> None:
    model, sizes, codec, _ = events

    def pieces(seeds: list[int]) -> np.ndarray:
        stepper, n = EventStepper(model, sizes, codec), len(seeds)
        begin = stepper.start(np.zeros(n, np.int32), np.full(n, 96, np.int32))
        return sample(stepper, begin, uniforms(seeds, 2 * FIRST + 7, 5), Rules())

    together = pieces([1, 2, 3])
    np.testing.assert_array_equal(together[1:], pieces([9, 2, 3])[1:])  # as many: equal shapes round alike
    assert together.shape == (3, 2 * FIRST + 7, 5)
    assert not np.array_equal(together[0], together[1])


def test_events_keep_their_rules(events: tuple) -> None:
    """However wild the network: a piece begins at once, chords rise and are never larger than in the songs."""
    model, sizes, codec, _ = events
    stepper = EventStepper(model, sizes, codec)
    begin = stepper.start(np.zeros(4, np.int32), np.full(4, 96, np.int32))
    made = sample(stepper, begin, uniforms([1, 2, 3, 4], 200, 5), Rules(temperature=3.0))
    gaps = np.asarray(codec.values[GAP])[made[:, :, GAP]]
    assert (gaps[:, 0] == 0).all()
    for row, pitches in zip(gaps, made[:, :, PITCH], strict=True):
        chord = np.cumsum(row > 0)
        assert np.bincount(chord).max() <= codec.most_together
        together = np.flatnonzero(row[1:] == 0)
        assert (np.diff(pitches)[together] >= 0).all()
    assert codec.is_single == (True, False)  # the right hand plays a melody
    for row, ids in zip(gaps, made, strict=True):
        melody = ids[:, VOICE] == 0
        assert np.bincount(np.cumsum(row > 0)[melody]).max() == 1
        for voice in (0, 1):
            pitches = ids[ids[:, VOICE] == voice, PITCH]
            runs = np.diff(np.flatnonzero(np.concatenate([[True], np.diff(pitches) != 0, [True]])))
            assert runs.max() <= codec.most_repeats
        assert longest_still(ids) <= codec.most_still


def longest_still(ids: np.ndarray) -> int:
    """Notes in a row that repeat the last pitch of their voice, and the one before them."""
    still, longest, latest = 1, 1, {}
    for voice, pitch in ids[:, [VOICE, PITCH]].tolist():
        still = still + 1 if latest.get(voice) == pitch else 1
        latest[voice] = pitch
        longest = max(longest, still)
    return longest


def test_all_voices_repeat_themselves_no_longer_than_in_the_songs(events: tuple) -> None:
    """A network that wants nothing else."""
    model, sizes, codec, _ = events

    class Stubborn(EventStepper):
        def _logits(self, field: int, state: Any) -> Any:
            logits = super()._logits(field, state)
            if field != PITCH:
                return logits
            again = ops.one_hot(self.apart(PITCH, state), self.sizes.n_pitches) > 0
            return ops.where(ops.logical_and(again, logits > -1e8), 100.0, logits)

    stepper = Stubborn(model, sizes, replace(codec, most_still=6, most_repeats=1000))
    begin = stepper.start(np.zeros(2, np.int32), np.full(2, 96, np.int32))
    made = sample(stepper, begin, uniforms([1, 2], 60, 5), Rules(top_p=0.9))
    assert list(map(longest_still, made)) == [6, 6]


def test_how_likely_a_voice_stays_on_its_pitch_is_left_to_the_network(events: tuple) -> None:
    model, sizes, codec, _ = events
    stepper = EventStepper(model, sizes, codec)
    _, state = stepper.start(np.zeros(2, np.int32), np.full(2, 96, np.int32))
    state |= {"latest": np.array([[3, 5], [7, 9]], np.int32), "chosen": np.array([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])}
    assert np.asarray(stepper.apart(PITCH, state)).tolist() == [5, 7]
    assert stepper.apart(GAP, state) is None
    older = EventStepper(model, sizes, replace(codec, most_still=0))
    assert older.apart(PITCH, state) is None, "runs of earlier versions make the same pieces"


def test_prompt_is_heard_whatever_its_length(events: tuple) -> None:
    model, sizes, codec, examples = events
    arrays = examples.gather(np.arange(1), None)
    stepper = EventStepper(model, sizes, codec)
    step = [compiled(lambda token, state, field=field: stepper.step(field, token, state), model) for field in range(5)]
    begin = stepper.start(np.zeros(1, np.int32), np.full(1, 96, np.int32))
    logits, state = begin
    for t in range(HEARD_PER_CALL + 3):
        for field in range(5):
            logits, state = step[field](arrays["chosen"][:, t, field], state)
    heard = hear(stepper, begin, arrays["chosen"][:, : HEARD_PER_CALL + 3])
    np.testing.assert_allclose(np.asarray(heard[0]), np.asarray(logits), atol=1e-5)


def test_classes_are_counted_from_each_pitch() -> None:
    classes = ops.convert_to_tensor(np.arange(12, dtype=np.float32)[None])
    rows = np.asarray(turned(classes))[0]
    assert rows.shape == (12, 12)
    assert rows[0].tolist() == list(range(12))
    assert rows[7].tolist() == [7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6]
    sounding = ops.convert_to_tensor(np.eye(30, dtype=np.float32)[[2, 14, 29]].sum(axis=0)[None])
    assert np.asarray(each_class(sounding))[0].tolist() == [0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_a_song_in_another_key_is_as_likely(events: tuple) -> None:
    """Harmony and intervals are measured from the pitch itself: with the other weights at 0, every key is the same."""
    model, _, codec, examples = events
    kept = {layer.name: layer.get_weights() for layer in model.layers}
    for layer in model.layers:
        if not layer.name.startswith(("interval", "harmony")) and layer.get_weights():
            fixed = layer.name in ("pitch_context",)
            layer.set_weights(
                [np.ones_like(w) if fixed and w.ndim == 1 else np.zeros_like(w) for w in layer.get_weights()]
            )
    stretch = examples.stretches[0]
    nats = []
    for shift in (0, 2):
        moved = EventExamples(codec, [EventStretch(stretch.song, 0, 60)], 60)
        moved.ids[0][:, PITCH] += shift
        arrays = moved.gather(np.arange(1), None)
        logits = np.asarray(model({name: array for name, array in arrays.items() if name != "mask"})[2])[0]
        nats.append(logits[np.arange(60), arrays["chosen"][0, :, PITCH]])
    for layer in model.layers:
        layer.set_weights(kept[layer.name])
    np.testing.assert_allclose(nats[0][1:], nats[1][1:], atol=1e-4)


def test_intervals_are_the_same_in_every_key() -> None:
    steps = ops.convert_to_tensor(np.arange(-4, 5, dtype=np.float32)[None])  # five pitches: -4 … 4
    for anchor, expected in ((0, [0, 1, 2, 3, 4]), (4, [-4, -3, -2, -1, 0]), (2, [-2, -1, 0, 1, 2]), (5, [0] * 5)):
        assert np.asarray(from_anchor(steps, ops.convert_to_tensor([anchor]), 5))[0].tolist() == expected


def test_a_repetition_penalty_ends_what_argmax_repeats() -> None:
    """A network that says the same for ever; the penalty makes it go through what is likeliest among the others, and
    its memory outlives the end of a compiled call."""
    from musicgen.networks.backend import keras, ops

    class Stuck:
        num_fields = 1
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

        def step(self, field: int, token: object, state: object) -> tuple:
            return ops.broadcast_to(np.array([[0.0, 3.0, 2.5, 1.0]], np.float32), (2, 4)), state

    stuck = Stuck()
    begin = (np.zeros((2, 4), np.float32), np.zeros((2, 1), np.float32))
    noise = uniforms([1, 2], 2 * FIRST + 9, 1)
    plain = sample(stuck, begin, noise, Rules(greedy=True))[0, 1:, 0]
    assert set(plain.tolist()) == {1}
    made = sample(stuck, begin, noise, Rules(greedy=True, repetition_penalty=100.0, repetition_window=2))[0, 1:, 0]
    assert (made[2:] != made[:-2]).all()
    assert (made[1:] != made[:-1]).all()
    np.testing.assert_array_equal(made[3:], made[:-3])  # three in turn, also where one call ends and the next begins


def test_portions_are_what_a_cancel_can_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call compiles and says nothing about the pace; from the second on, a quarter of a second each."""
    now = 0.0
    monkeypatch.setattr("musicgen.sampling.portions.time.monotonic", lambda: now)

    def lengths(total: int, most: int, pace: float) -> list[int]:
        def work(portion: slice) -> None:
            nonlocal now
            now += (portion.start == 0) * 5.0 + (portion.stop - portion.start) / pace

        done = list(in_portions(total, most, work))
        assert [each.start for each in done[1:]] == [each.stop for each in done[:-1]]
        assert done[-1].stop == total
        return [each.stop - each.start for each in done]

    assert lengths(1000, 2048, pace=1024.0) == [FIRST, FIRST, 256, 256, 256, 200]
    assert max(lengths(9000, 2048, pace=1e6)[2:]) == 2048
    assert lengths(20, 2048, pace=2.0) == [FIRST, 4]
    assert set(lengths(40, 2048, pace=8.0)[2:]) == {2}
    assert lengths(9, 4, pace=1e6) == [4, 4, 1]
    assert CALL_SECONDS <= 0.5
