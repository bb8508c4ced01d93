"""WaveNet on raw audio: levels, crops, floors, the network, and a sampler that says what the network says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.audio_wavenet.codec import LINEAR_LEVELS, RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import describe
from musicgen.approaches.audio_wavenet.floors import ngram_bits
from musicgen.approaches.audio_wavenet.mu_law import mu_law_to_samples, samples_to_mu_law
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.contract.made import Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput
from tests.makers_music import audio_song, plucked, song

pytestmark = pytest.mark.numeric

KIND = approach("audio_wavenet")


def values(**changed: Any) -> Any:
    return read_parameters(KIND.Training, {**KIND.tiny.training, **changed})


class TestLevels:
    def test_mu_law_keeps_every_level(self) -> None:
        ids = np.arange(256)
        assert samples_to_mu_law(mu_law_to_samples(ids)).tolist() == ids.tolist()

    def test_silence_is_the_level_that_the_sampler_rests_on(self) -> None:
        for levels in (256, LINEAR_LEVELS):
            sizes = RawAudioSizes(levels, 0, 4, 4, 2, 2, 1)
            assert RawAudioCodec(8_000, levels, 0.1).samples_to_levels(np.zeros(1))[0] == sizes.silence

    @pytest.mark.parametrize(("levels", "closeness"), [(256, 0.02), (LINEAR_LEVELS, 2e-5)])
    def test_a_waveform_comes_back(self, levels: int, closeness: float) -> None:
        wave = plucked(4_000)
        codec = RawAudioCodec.from_json(RawAudioCodec(8_000, levels, 0.1).to_json())
        back = codec.decode(codec.encode(wave))
        assert np.abs(back.samples - wave.samples).max() < closeness

    def test_full_scale_is_clipped_not_wrapped(self) -> None:
        codec = RawAudioCodec(8_000, 256, 0.1)
        assert codec.samples_to_levels(np.array([-1.5, 1.5])).tolist() == [0, 255]


class TestSound:
    def test_a_crop_is_answered_by_the_sample_after_it(self) -> None:
        prepared = KIND.prepare([audio_song(8_000)], values(gain_db=0.0))
        arrays = prepared.training.gather(np.arange(5), np.random.default_rng(0))
        field = prepared.facts["receptive_field"]
        assert arrays["inputs"].shape == (5, field - 1 + 128)
        np.testing.assert_array_equal(arrays["inputs"][:, field:], arrays["target"][:, :-1])
        again = prepared.training.gather(np.arange(5), np.random.default_rng(0))
        np.testing.assert_array_equal(arrays["inputs"], again["inputs"])

    def test_noise_is_on_what_is_heard_and_not_on_what_is_asked_for(self) -> None:
        songs = [audio_song(8_000)]
        plain = KIND.prepare(songs, values(gain_db=0.0))
        noisy = KIND.prepare(songs, values(gain_db=0.0, heard_noise=5.0))
        index = np.arange(4)
        arrays = noisy.training.gather(index, np.random.default_rng(0))
        clean = plain.training.gather(index, np.random.default_rng(0))
        assert arrays["inputs"].shape == clean["inputs"].shape
        field = noisy.facts["receptive_field"]
        off = arrays["inputs"][:, field:] - arrays["target"][:, :-1]
        assert 4.0 < off.std() < 6.0
        assert abs(off.mean()) < 0.5
        for name in ("inputs", "target"):  # validation is on the music as it is
            np.testing.assert_array_equal(
                noisy.validation.gather(index, None)[name], plain.validation.gather(index, None)[name]
            )

    def test_held_out_answers_are_never_trained_on(self) -> None:
        prepared = KIND.prepare([audio_song(8_000)], values(validation_share=0.25))
        learned, held_out = prepared.training.stretches, prepared.validation.stretches
        assert learned[0].stop == held_out[0].start == 6_000
        assert prepared.facts["held_out_seconds"] == pytest.approx(0.25)

    def test_a_rate_below_music_is_refused_in_a_sentence(self) -> None:
        with pytest.raises(InvalidInput, match="at least 8,000 Hz, not 4,000"):
            values(sample_rate=4_000)

    def test_tuning_moves_the_pitch(self) -> None:
        from musicgen.approaches.audio_wavenet.crops import tuned

        tone = np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000).astype(np.float32)
        higher = tuned(tone, 2 ** (1 / 12), 4_000)
        assert np.argmax(np.abs(np.fft.rfft(higher))) * 2 == pytest.approx(466, abs=2)

    def test_silence_and_nothing_are_refused_in_a_sentence(self) -> None:
        quiet = plucked(4_000)
        silent = song(type(quiet)(np.zeros_like(quiet.samples), 8_000))
        for songs in ([], [silent]):
            with pytest.raises(InvalidInput, match="Received"):
                KIND.prepare(songs, values())

    def test_conditions_tell_pitch_and_loudness(self) -> None:
        tone = 0.5 * np.sin(2 * np.pi * 330 * np.arange(8_000) / 8_000).astype(np.float32)
        loudness, pitch, voiced = describe(tone, 8_000, "pitch_and_loudness")[4_000]
        assert pitch == pytest.approx(np.log2(330 / 220), abs=0.03)
        assert (loudness, voiced) == pytest.approx((1 - 9.03 / 60, 1.0), abs=0.01)
        assert not describe(np.zeros(1_000, dtype=np.float32), 8_000, "pitch_and_loudness").any()


class TestFloors:
    def test_a_walk_of_three_steps_costs_log2_of_three(self) -> None:
        walk = np.cumsum(np.random.default_rng(0).integers(-1, 2, 20_000)) % 8
        found = ngram_bits([walk[:15_000]], [walk[15_000:]], 8)
        assert found["unigram"] == pytest.approx(3.0, abs=0.01)
        assert found["order_1"] == pytest.approx(np.log2(3), abs=0.01)
        assert found["order_2"] == pytest.approx(np.log2(3), abs=0.01)

    def test_a_memory_of_two_sees_what_one_cannot(self) -> None:
        bits = np.random.default_rng(0).integers(0, 2, 6_000)
        for place in range(2, 6_000):  # the exclusive or of the two before, but for one in ten
            bits[place] = bits[place - 1] ^ bits[place - 2] ^ (place % 10 == 0)
        found = ngram_bits([bits[:5_000]], [bits[5_000:]], 2)
        assert found["order_2"] < 0.6 < 0.9 < found["order_1"]

    @pytest.mark.parametrize("output", ["mu_law", "mixture"])
    def test_they_stand_in_the_order_of_what_they_know(self, output: str) -> None:
        floors = KIND.prepare([audio_song(16_000)], values(output=output)).floors
        assert floors["unigram"] > floors["order_1"] >= floors["order_2"]


class TestNetwork:
    @pytest.mark.parametrize("conditions", [0, 3])
    @pytest.mark.parametrize(("levels", "mixtures"), [(256, 0), (LINEAR_LEVELS, 4)])
    def test_the_sampler_says_what_the_network_says(self, levels: int, mixtures: int, conditions: int) -> None:
        """Logits within 1e-4, with memory carried in rings against everything heard anew, past the receptive field."""
        from musicgen.approaches.audio_wavenet.network import build_audio_wavenet
        from musicgen.approaches.audio_wavenet.sampler import RawAudioSampler

        sizes, rng = RawAudioSizes(levels, mixtures, 8, 12, 3, 3, 2, conditions), np.random.default_rng(0)
        model = build_audio_wavenet(sizes)
        assert model.count_params() == sizes.parameters
        for weights in model.weights:
            weights.assign(rng.normal(size=weights.shape) * 0.3)
        length = 2 * sizes.receptive_field
        ids = rng.integers(0, levels, (2, length)).astype(np.int32)
        told = rng.normal(size=(2, length, conditions)).astype(np.float32)
        kept = np.zeros((length, 1, sizes.outputs), dtype=np.float32)
        before = np.full((2, sizes.receptive_field), sizes.silence, dtype=np.int32)
        shown = np.concatenate([before, ids], axis=1)[:, :-1]
        all_told = np.concatenate([np.zeros((2, sizes.receptive_field - 2, conditions)), told], axis=1)
        wanted = np.asarray(model([shown, all_told] if conditions else shown))
        for piece in range(2):
            sampler = RawAudioSampler(model, sizes, 1)
            sampler.run(ids[piece][:, None], None, told[piece][:, None], kept=kept)
            np.testing.assert_allclose(kept[:, 0], wanted[piece], atol=1e-4)

    def test_company_does_not_change_the_last_bit(self) -> None:
        """Seven pieces on two cores go through the weights four, two and one at a time; one goes alone."""
        from musicgen.approaches.audio_wavenet.network import build_audio_wavenet
        from musicgen.approaches.audio_wavenet.sampler import RawAudioSampler

        sizes, rng = RawAudioSizes(256, 0, 24, 40, 2, 5, 2), np.random.default_rng(0)
        model, ids = build_audio_wavenet(sizes), rng.integers(0, 256, (90, 7)).astype(np.int32)
        together, alone = (np.zeros((90, n, 256), dtype=np.float32) for n in (7, 1))
        RawAudioSampler(model, sizes, 7).run(ids, kept=together)
        for piece in (0, 3, 6):
            RawAudioSampler(model, sizes, 1).run(ids[:, piece : piece + 1], kept=alone)
            np.testing.assert_array_equal(together[:, piece], alone[:, 0])

    def test_what_comes_later_changes_nothing_before(self) -> None:
        from musicgen.approaches.audio_wavenet.network import build_audio_wavenet

        sizes, rng = RawAudioSizes(256, 0, 8, 8, 2, 4, 1), np.random.default_rng(0)
        model = build_audio_wavenet(sizes)
        ids = rng.integers(0, 256, (1, 60)).astype(np.int32)
        changed = ids.copy()
        changed[0, 40:] = 0
        first = 40 - (sizes.receptive_field - 1)  # answers before this have heard none of it
        same = np.asarray(model(ids))[0, :first], np.asarray(model(changed))[0, :first]
        np.testing.assert_array_equal(*same)

    def test_a_mixture_spreads_one_over_all_levels(self) -> None:
        from musicgen.approaches.audio_wavenet.logistics import mixture_nats

        answers = np.random.default_rng(0).normal(size=(1, 1, 12)).astype(np.float32)
        answers[..., 8:] -= 3
        nats = mixture_nats(np.arange(LINEAR_LEVELS)[None], np.repeat(answers, LINEAR_LEVELS, axis=1))
        assert np.exp(-np.asarray(nats, dtype=np.float64)).sum() == pytest.approx(1.0, abs=1e-3)

    def test_levels_are_drawn_as_often_as_they_are_likely(self) -> None:
        from musicgen.approaches.audio_wavenet.choice import pick

        logits, rng = np.log(np.array([0.5, 0.2, 0.2, 0.1], dtype=np.float32)), np.random.default_rng(0)
        one, most = np.float32(1.0), np.float32(0.65)
        drawn = [pick(logits.copy(), np.float32(u), one, one) for u in rng.random(4_000)]
        assert np.bincount(drawn, minlength=4) / 4_000 == pytest.approx([0.5, 0.2, 0.2, 0.1], abs=0.03)
        assert {pick(logits.copy(), np.float32(u), one, most) for u in rng.random(500)} == {0, 1, 2}
        assert {pick(logits.copy(), np.float32(u), one, np.float32(0.4)) for u in rng.random(50)} == {0}

    def test_the_quick_exponential_is_the_exponential(self) -> None:
        from musicgen.approaches.audio_wavenet.choice import exp

        x = -np.linspace(0, 86, 997, dtype=np.float32)
        found = [exp(each) for each in x]
        np.testing.assert_allclose(found, np.exp(x.astype(np.float64)), rtol=3e-7)

    @pytest.mark.parametrize(("n_in", "n_out", "rows"), [(64, 128, 1), (5, 24, 3), (33, 96, 9), (3, 8, 1), (0, 16, 2)])
    def test_products_in_panels_are_products(self, n_in: int, n_out: int, rows: int) -> None:
        from musicgen.approaches.audio_wavenet.panels import add_product, packed, padded

        rng = np.random.default_rng(0)
        x, weights = rng.normal(size=(rows, n_in + 2)).astype(np.float32), rng.normal(size=(n_in, n_out))
        y = np.ones((rows, padded(n_out)), dtype=np.float32)
        add_product(x, n_in, packed(weights.astype(np.float32)), y)
        np.testing.assert_allclose(y[:, :n_out], 1 + x[:, :n_in] @ weights, atol=1e-4)
        np.testing.assert_array_equal(y[:, n_out:], 1)


@pytest.fixture(scope="module")
def learned() -> tuple[Any, Any, list[TrainingSong], Any]:
    training, songs = values(), [audio_song(8_000, 0), audio_song(8_000, 1)]
    prepared = KIND.prepare(songs, training)
    networks = KIND.build(prepared.codec, training, seed=1)
    return networks, prepared.codec, songs, training


class TestHearingItself:
    @pytest.mark.parametrize("levels", [256, LINEAR_LEVELS])
    def test_noise_is_the_same_as_in_the_training(self, levels: int) -> None:
        from musicgen.approaches.audio_wavenet.choice import heard_as

        rng, codec = np.random.default_rng(0), RawAudioCodec(8_000, levels, 0.1)
        ids = rng.integers(0, levels, 500).astype(np.int32)
        noise = (5.0 * rng.standard_normal(500)).astype(np.float32)
        even = levels if levels == LINEAR_LEVELS else 0
        heard = [heard_as(level, one, np.float32(0.0), even, levels - 1) for level, one in zip(ids, noise, strict=True)]
        assert np.abs(np.array(heard) - codec.disturbed(ids, noise)).max() <= 1  # float32 rounds at the last place
        assert {heard_as(level, np.float32(0.0), np.float32(0.0), even, levels - 1) - level for level in ids} == {0}

    @pytest.mark.parametrize("levels", [256, LINEAR_LEVELS])
    def test_a_turn_is_a_gain(self, levels: int) -> None:
        from musicgen.approaches.audio_wavenet.choice import heard_as

        codec, even = RawAudioCodec(8_000, levels, 0.1), levels if levels == LINEAR_LEVELS else 0
        ids = codec.samples_to_levels(np.array([-0.3, -0.1, 0.1, 0.3]))
        turned = [heard_as(level, np.float32(0.0), np.float32(3.0), even, levels - 1) for level in ids]
        gains = codec.levels_to_samples(np.array(turned)) / codec.levels_to_samples(ids)
        np.testing.assert_allclose(20 * np.log10(gains), 3.0, atol=0.7)
        silence = int(codec.samples_to_levels(np.zeros(1))[0])
        assert abs(heard_as(silence, np.float32(0.0), np.float32(3.0), even, levels - 1) - silence) <= 1

    def test_what_has_faded_is_turned_up_and_what_is_too_loud_down(self) -> None:
        from musicgen.approaches.audio_wavenet.level_keeping import FREE_DB, MAX_DB, LevelKeeper

        codec = RawAudioCodec(8_000, 256, 0.1)
        keeper, tone = LevelKeeper(codec), np.sin(np.arange(4_000) * 0.3) * np.sqrt(2) * 0.1
        gains_db = np.array([0.0, -FREE_DB + 1, -FREE_DB - 2, -60.0, FREE_DB + 2])
        made = codec.samples_to_levels(tone * 10 ** (gains_db[:, None] / 20))
        turns = keeper.turns(made)
        assert turns[:2].tolist() == [0.0, 0.0]
        assert 0 < turns[2] < turns[3] == np.float32(MAX_DB)
        assert turns[4] == pytest.approx(-turns[2], rel=0.2)
        assert not keeper.turns(made[:, :100]).any()  # too little to tell


class TestPieces:
    def make(self, learned: tuple, seeds: list[int], prompt: TrainingSong | None = None, **settings: Any) -> list[Any]:
        networks, codec, songs, training = learned
        generation = read_parameters(KIND.Generation, {**KIND.tiny.generation, **settings})
        return list(KIND.generate(networks, codec, training, Order(generation, seeds, songs, prompt, SilentMonitor())))

    @pytest.mark.parametrize("heard_noise", [0.0, 5.0])
    def test_company_changes_nothing(self, learned: tuple, heard_noise: float) -> None:
        networks, codec, songs, training = learned
        learned = (networks, codec, songs, training.model_copy(update={"heard_noise": heard_noise}))
        together, alone = self.make(learned, [1, 2, 3]), self.make(learned, [2])
        np.testing.assert_array_equal(together[1].content.samples, alone[0].content.samples)
        assert not np.array_equal(together[0].content.samples, together[1].content.samples)

    def test_length_and_the_song_beside_it(self, learned: tuple) -> None:
        (made,) = self.make(learned, [5], prompt=learned[2][0], start_seconds=0.25)
        assert made.content.n_samples == 400
        assert made.reference.song_id == learned[2][0].id
        assert made.reference.start_seconds == pytest.approx(0.27)
        assert made.facts["prompt_song"] == learned[2][0].name

    def test_more_than_fit_at_once_are_made_one_after_the_other(
        self, learned: tuple, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from musicgen.approaches.audio_wavenet import pieces as sound_pieces

        wanted = self.make(learned, [1, 2, 3])
        monkeypatch.setattr(sound_pieces, "MAX_TOGETHER", 400)
        pieces = self.make(learned, [1, 2, 3])
        for one, other in zip(wanted, pieces, strict=True):
            np.testing.assert_array_equal(one.content.samples, other.content.samples)
