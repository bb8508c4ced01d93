"""amplitude_lstm: the numbers of its authors (S1-S9, S11), at reduced size where something is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, InvalidParameter
from tests.makers_music import audio_song, plucked, song

pytestmark = pytest.mark.numeric

KIND = approach("amplitude_lstm")
ORIGINAL = dict(KIND.presets["original"].training)
REDUCED = ORIGINAL | {"samples_per_song": 4_000, "held_out_samples": 2_000, "epochs": 25}


def training(**values: Any) -> Any:
    return read_parameters(KIND.Training, values)


class Keeper(SilentMonitor):
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def epoch_ended(self, row: Any, save: Any) -> None:
        self.rows.append(row)


def train(songs: list, values: Any, seed: int = 0) -> tuple:
    prepared = KIND.prepare(songs, values, seed=seed)
    networks = KIND.build(prepared.codec, values, seed=seed)
    keeper = Keeper()
    KIND.fit(networks, prepared, values, seed=seed, monitor=keeper)
    return prepared, networks, keeper.rows


def make(networks: Any, codec: Any, values: Any, songs: list, seeds: tuple = (0,), **generation: Any) -> list[Made]:
    order = Order(read_parameters(KIND.Generation, generation), seeds, songs, None, SilentMonitor())
    return list(KIND.generate(networks, codec, values, order))


class TestOriginal:
    def test_s1_s2_dry_run_of_two_stereo_songs(self) -> None:
        """The authors' shapes, from songs that leave nothing to hold out."""
        songs = [audio_song(160_000, n, sample_rate=44_100, n_channels=2) for n in (0, 1)]
        values = training(**ORIGINAL)
        prepared = KIND.prepare(songs, values)
        assert prepared.facts["inputs_shape"] == [319_996, 1, 3]
        assert prepared.facts["targets_shape"] == [319_996]
        assert prepared.facts["n_windows"] == 319_996
        cost = KIND.cost(prepared, values)
        assert (cost.networks, cost.parameters) == (2, 48_250)
        assert prepared.validation is None
        assert len(prepared.warnings) == 1
        plain = training(**ORIGINAL | {"cross_joins": False, "off_by_one": False})
        assert KIND.prepare(songs, plain).facts["n_windows"] == 319_994

    def test_sizes_and_settings_of_the_notebook(self) -> None:
        values = training(**ORIGINAL)
        assert (values.look_back, values.units, values.dense) == (3, 100, (50, 25, 12))
        assert (values.epochs, values.batch_size, values.learning_rate) == (20, 100, 1e-3)
        assert (values.samples_per_song, values.held_out_samples) == (160_000, 239_999)
        assert (values.normalise, values.recurrent_activation, values.recurrence) == (False, "hard_sigmoid", "none")
        assert values.units_of_sound == "int16"
        assert values.activate_output

    def test_s2_mono_is_one_network(self) -> None:
        values = training(**REDUCED)
        prepared = KIND.prepare([audio_song(8_000)], values)
        assert KIND.build(prepared.codec, values).parameters == [48_250]

    def test_s3_leaky_slope(self) -> None:
        values = training(**REDUCED)
        prepared = KIND.prepare([audio_song(8_000)], values)
        layers = KIND.build(prepared.codec, values).models["mono"].layers
        slopes = [layer.negative_slope for layer in layers if type(layer).__name__ == "LeakyReLU"]
        assert slopes == pytest.approx([0.3] * 5)  # after the LSTM and every dense layer, the output included
        assert [layer.units for layer in layers if hasattr(layer, "units")] == [100, 50, 25, 12, 1]

    @pytest.fixture(scope="class")
    @classmethod
    def rivals(cls) -> dict:
        """ReLU and leaky ReLU on the same stereo song with the same seed."""
        songs = [audio_song(9_000, 3, n_channels=2)]
        found = {}
        for name in ("relu", "leaky_relu"):
            values = training(**REDUCED | {"activation": name, "epochs": 40})
            prepared, networks, rows = train(songs, values, seed=2)
            (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment="training")
            found[name] = (values, prepared, networks, rows, made, songs)
        return found

    def test_s4_relu_is_never_negative_and_no_better_than_half_a_wave(self, rivals: dict) -> None:
        _, prepared, _, rows, made, _ = rivals["relu"]
        assert made.content.samples.min() >= 0.0
        assert made.facts["negative_share"] == 0.0
        targets = [channel.series[np.asarray(channel.starts) + 3].astype(float) for channel in prepared.training]
        below = np.mean([np.mean(np.minimum(target, 0.0) ** 2) for target in targets])
        assert rows[-1].loss >= 0.99 * below

    def test_s5_leaky_relu_is_five_times_better(self, rivals: dict) -> None:
        assert rivals["leaky_relu"][3][-1].loss * 5 < rivals["relu"][3][-1].loss
        assert 0.4 < rivals["leaky_relu"][4].facts["negative_share"] < 0.6

    def test_s6_the_distortion_is_half_wave_rectification(self, rivals: dict) -> None:
        relu, leaky = (rivals[name][4].content.samples for name in ("relu", "leaky_relu"))
        for channel in range(2):
            if relu[channel].any():  # a channel whose ReLUs all died says nothing about the others
                assert np.corrcoef(relu[channel], np.maximum(leaky[channel], 0.0))[0, 1] > 0.98
        assert relu.any()

    @pytest.mark.parametrize("segment", ["training", "held_out"])
    def test_s7_s8_prediction_lies_exactly_beside_the_song(self, rivals: dict, segment: str) -> None:
        values, prepared, networks, _, _, songs = rivals["leaky_relu"]
        (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment=segment)
        source = songs[0].clip.waveform()
        first, n = (0, 4_000) if segment == "training" else (4_001, 2_000)
        assert made.content.sample_rate == source.sample_rate
        assert made.content.samples.shape == (2, n - 3)
        assert round(made.reference.start_seconds * source.sample_rate) == first + 3
        beside = source.samples[:, first + 3 : first + n]
        assert made.reference.stop_seconds - made.reference.start_seconds == pytest.approx(made.content.seconds)
        lags = [
            np.corrcoef(made.content.samples[0, 20:-20], beside[0, 20 + lag : beside.shape[1] - 20 + lag])[0, 1]
            for lag in range(-5, 6)
        ]
        assert int(np.argmax(lags)) == 5
        assert made.facts["segment"] == segment

    def test_s11_floors_are_measured_where_the_loss_is(self, rivals: dict) -> None:
        from musicgen.floors.floors import linear_predictor_mse, persistence_mse

        _, prepared, _, rows, made, songs = rivals["leaky_relu"]
        pcm = np.rint(songs[0].clip.waveform().samples.astype(float) * 32_767)
        learned, held = pcm[:, :4_000], pcm[:, 4_001:6_001]
        persistence = np.mean([persistence_mse(x[3:], x[2:-1]) for x in held])
        linear = np.mean([linear_predictor_mse([a], [b], 3) for a, b in zip(learned, held, strict=True)])
        assert prepared.floors == pytest.approx({"persistence": persistence, "linear_predictor": linear}, rel=1e-4)
        assert rows[-1].val_loss < prepared.floors["persistence"]
        target = pcm[:, 3:4_000]
        guessed = np.rint(made.content.samples.astype(float) * 32_767)
        assert made.facts["mse"] == pytest.approx(np.mean((guessed - target) ** 2), rel=0.02)
        assert made.facts["mse"] < made.facts["persistence_mse"]
        linear = np.mean([linear_predictor_mse([x], [x], 3) for x in learned])
        assert made.facts["linear_predictor_mse"] == pytest.approx(linear, rel=1e-3)

    def test_all_scales_report_in_one_unit(self) -> None:
        songs = [audio_song(8_000)]
        floors = [
            KIND.prepare(
                songs,
                training(**REDUCED | {"normalise": scale != "int16"} | ({} if scale == "int16" else {"scale": scale})),
            ).floors["linear_predictor"]
            for scale in ("int16", "rms", "peak")
        ]
        assert floors[1:] == pytest.approx([floors[0]] * 2, rel=1e-3)


@pytest.mark.parametrize("recurrence", ["none", "look_back", "frames"])
def test_the_drawn_layers_are_what_is_built(recurrence: str) -> None:
    values = training(recurrence=recurrence, look_back=24, hop_length=32, num_predictors=4, num_levels=4)
    prepared = KIND.prepare([audio_song(8_000)], values)
    networks = KIND.build(prepared.codec, values)
    for layers in (KIND.layers(values), KIND.layers(values, prepared.facts)):
        assert [sum(layer.parameters * layer.repeated for layer in layers)] == networks.parameters
        assert layers[0].kind == layers[-1].kind == "music"


def test_relu_says_that_half_of_the_wave_is_out_of_reach() -> None:
    songs = [audio_song(8_000)]
    prepared = KIND.prepare(songs, training(**REDUCED | {"activation": "relu"}))
    held = np.rint(songs[0].clip.waveform().samples[0, 4_001:6_001].astype(float) * 32_767)
    assert prepared.floors["half_wave"] == pytest.approx(np.mean(np.minimum(held[3:], 0.0) ** 2), rel=1e-6)
    assert prepared.floors["half_wave"] > prepared.floors["persistence"]
    assert any("half-wave floor" in warning for warning in prepared.warnings)
    for better in ({"activation": "leaky_relu"}, {"activation": "relu", "activate_output": False}):
        prepared = KIND.prepare(songs, training(**REDUCED | better))
        assert set(prepared.floors) == {"persistence", "linear_predictor"}
        assert not prepared.warnings


def test_number_of_songs_and_how_much_is_predicted() -> None:
    songs = [audio_song(8_000, 1), audio_song(8_000, 2)]
    values = training(**REDUCED | {"num_songs": 1})
    prepared = KIND.prepare(songs, values)
    assert prepared.facts["n_songs"] == 1
    assert prepared.facts["training_samples"] == 4_000
    networks = KIND.build(prepared.codec, values)
    (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment="training", predict_samples=500)
    assert made.content.n_samples == 500 - 3
    (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment="training", predict_seconds=0.1)
    assert made.content.n_samples == 800 - 3
    with pytest.raises(InvalidInput, match="more than 3 samples"):
        make(networks, prepared.codec, values, songs, mode="predict", predict_samples=3)


def test_tanh_needs_a_scale_it_can_reach() -> None:
    with pytest.raises(InvalidParameter, match=r"^A tanh output lies .* scale = peak .* not scale = int16\.$"):
        training(activation="tanh")
    training(activation="tanh", normalise=True, scale="peak")
    training(activation="tanh", activate_output=False)


def test_widths_are_read_from_text_too() -> None:
    assert training(dense="50, 25,12").dense == (50, 25, 12)
    assert training(dense=[8]).dense == (8,)
    with pytest.raises(InvalidParameter, match="dense"):
        training(dense="a, b")


def test_too_short_songs_are_refused_with_the_arithmetic() -> None:
    with pytest.raises(InvalidInput, match="65 samples in a row"):
        KIND.prepare([audio_song(60)], training(look_back=64, validation_share=0.0))


def test_predicting_without_a_song_is_refused() -> None:
    values = training(**REDUCED)
    prepared = KIND.prepare([audio_song(8_000)], values)
    networks = KIND.build(prepared.codec, values)
    with pytest.raises(InvalidInput, match="no song"):
        make(networks, prepared.codec, values, [], mode="predict")


def test_a_look_back_that_recurs_learns_and_lies_beside_the_song() -> None:
    songs = [audio_song(8_000, 1)]
    values = training(
        look_back=8, recurrence="look_back", units=16, dense=(8,), epochs=6, batch_size=16, learning_rate=0.01,
        normalise=True, activation="tanh", activate_output=False, recurrent_activation="sigmoid", seconds_per_song=1.0,
    )  # fmt: skip
    prepared, networks, rows = train(songs, values)
    assert prepared.facts["inputs_shape"][1:] == [8, 1]
    assert rows[-1].val_loss < rows[0].val_loss < prepared.floors["persistence"] * 3
    (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment="training")
    beside = songs[0].clip.waveform().samples[0, 8:6_800]
    assert made.content.n_samples == beside.size
    assert np.corrcoef(made.content.samples[0], beside)[0, 1] > 0.9


@pytest.mark.slow
class TestBank:
    """Recurrence frames: the network plays a bank of linear predictors."""

    @pytest.fixture(scope="class")
    @classmethod
    def learned(cls) -> tuple:
        songs = [audio_song(16_000, 2, n_channels=2)]
        values = training(
            recurrence="frames", look_back=48, hop_length=64, num_predictors=8, num_levels=6, units=16, dense=(8,),
            epochs=4, batch_size=8, learning_rate=0.01, normalise=True, activation="tanh", sequence_length=16,
            seconds_per_song=2.0, validation_share=0.2,
        )  # fmt: skip
        return songs, values, *train(songs, values)

    def test_it_is_below_both_floors_in_bits(self, learned: tuple) -> None:
        *_, prepared, _, rows = learned
        assert rows[-1].val_loss < prepared.floors["linear_predictor"] < prepared.floors["persistence"] < 16
        assert prepared.facts["loss_unit"] == "bits per sample"
        assert rows[-1].loss < rows[0].loss

    def test_bits_are_those_of_the_sound_itself(self, learned: tuple) -> None:
        """The loss of an untrained network, worked out by hand from the likelihood of every frame."""
        _, values, prepared, *_ = learned
        untrained = KIND.build(prepared.codec, values.model_copy(update={"dropout": 0.0}), seed=3)
        bank, examples = prepared.codec.banks[0], prepared.validation[0]
        arrays = examples.gather(np.arange(examples.n_examples), None)
        prior = np.asarray(untrained.models["left"](arrays["previous"]), dtype=float)
        np.testing.assert_allclose(np.exp(prior).sum(axis=(2, 3)), 1.0, rtol=1e-4)
        joint = prior + bank.log_likelihood(arrays["energies"].reshape(-1, 8, 4)).reshape(prior.shape)
        nats = -np.log(np.exp(joint - joint.max(axis=(2, 3), keepdims=True)).sum(axis=(2, 3))) - joint.max(axis=(2, 3))
        by_hand = nats[arrays["mask"] > 0].mean() / 64 / np.log(2) + np.log2(prepared.codec.steps_per_unit)
        from musicgen.approaches.amplitude_lstm.bank_network import bank_objective

        objective = bank_objective(bank, float(np.log2(prepared.codec.steps_per_unit)))
        sums = objective.sums(untrained.models["left"], arrays | {"weight": np.ones(len(prior), np.float32)}, False)
        assert float(sums[1] / sums[2]) == pytest.approx(by_hand, rel=1e-4)

    def test_cached_is_uncached(self, learned: tuple) -> None:
        """What the stepper says of every frame is what the network says on the whole song."""
        from musicgen.approaches.amplitude_lstm.bank_network import BankStepper
        from musicgen.approaches.amplitude_lstm.bank_pieces import frame_priors
        from musicgen.networks.backend import compiled

        _, _, prepared, networks, _ = learned
        bank, model = prepared.codec.banks[0], networks.models["left"]
        codes = prepared.training[0].codes[0][:60]
        whole = frame_priors(model, bank, codes)
        stepper = BankStepper(model, bank)
        step = [
            compiled(lambda token, state, field=field: stepper.step(field, token, state), model) for field in (0, 1)
        ]
        logits, state = stepper.start(1)
        for t in range(60):
            predictor = np.log(np.exp(whole[t]).sum(axis=1))
            shifted = np.asarray(logits)[0]
            np.testing.assert_allclose(shifted - np.logaddexp.reduce(shifted), predictor, atol=1e-4)
            level, state = step[0](codes[None, t, 0], state)
            shifted, row = np.asarray(level)[0], whole[t, codes[t, 0]]
            np.testing.assert_allclose(
                shifted - np.logaddexp.reduce(shifted), row - np.logaddexp.reduce(row), atol=1e-4
            )
            logits, state = step[1](codes[None, t, 1], state)

    def test_prediction_lies_beside_the_song_and_beats_repeating(self, learned: tuple) -> None:
        songs, values, prepared, networks, _ = learned
        (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment="held_out")
        source = songs[0].clip.waveform()
        first = round(made.reference.start_seconds * source.sample_rate)
        assert first == 12_800 + 48
        beside = source.samples[:, first:]
        assert made.content.samples.shape == beside.shape
        lags = [np.corrcoef(made.content.samples[0, 9:-9], np.roll(beside[0], -k)[9:-9])[0, 1] for k in range(-4, 5)]
        assert int(np.argmax(lags)) == 4
        assert made.facts["mse"] < made.facts["persistence_mse"]

    def test_sound_of_its_own(self, learned: tuple) -> None:
        songs, values, prepared, networks, _ = learned
        settings = {"mode": "free", "seconds": 0.7, "prompt_seconds": 0.2}
        one, two = make(networks, prepared.codec, values, songs, (1, 2), **settings)
        again, _ = make(networks, prepared.codec, values, songs, (1, 2), **settings)
        assert one.content.samples.shape == (2, round(0.7 * 8_000))
        np.testing.assert_array_equal(one.content.samples, again.content.samples)
        assert not np.array_equal(one.content.samples, two.content.samples)
        assert abs(one.facts["level_db"] - one.facts["level_of_songs_db"]) < 12
        assert one.facts["fell_silent_at_seconds"] is None
        assert one.reference.start_seconds == pytest.approx(one.facts["prompt_start_seconds"] + 0.2, abs=1e-5)

    def test_pieces_that_do_not_fit_together_are_made_one_after_the_other(
        self, learned: tuple, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from musicgen.approaches.amplitude_lstm import free_running

        songs, values, prepared, networks, _ = learned
        settings = {"mode": "free", "seconds": 0.2, "prompt_seconds": 0.1}
        (alone,) = make(networks, prepared.codec, values, songs, (7,), **settings)
        monkeypatch.setattr(free_running, "MAX_TOGETHER", 1)
        pieces = make(networks, prepared.codec, values, songs, (6, 7, 8), **settings)
        assert [piece.seed for piece in pieces] == [6, 7, 8]
        np.testing.assert_array_equal(pieces[1].content.samples, alone.content.samples)

    def test_samples_follow_from_the_codes(self, learned: tuple) -> None:
        """Each sample is what the chosen filter makes of those before it, plus noise of the chosen loudness times one
        gain for the whole frame."""
        from musicgen.approaches.amplitude_lstm.bank_pieces import play_codes

        _, _, prepared, *_ = learned
        bank = prepared.codec.banks[0]
        codes, history, noise = self._given(bank)
        made = play_codes(bank, codes, history, noise, limit=1e6)
        kernels, index = bank.playing.kernels(codes[:, :, 0])
        past = np.concatenate([history, made], axis=1).astype(float)
        faded = 0
        for row in range(2):
            for frame in range(20):
                level, gains = bank.playing.levels[codes[row, frame, 1]], []
                for t in range(frame * 64, frame * 64 + 64):
                    guess = past[row, t : t + 48][::-1] @ kernels[index[row, t // 16]]
                    gains.append((made[row, t] - guess) / (noise[row, t] * np.exp(level[t % 64 // 16])))
                faded += np.ptp(gains) > 0.05 * max(1.0, np.abs(gains).max())
        assert faded < 20  # in the others one gain explains every sample

    def test_nothing_is_louder_than_the_songs(self, learned: tuple) -> None:
        """Whatever the codes, and however loud what sounded before."""
        from musicgen.approaches.amplitude_lstm.bank_pieces import play_codes

        _, _, prepared, *_ = learned
        bank = prepared.codec.banks[0]
        codes, history, noise = self._given(bank)
        made = play_codes(bank, codes, 100.0 * history, noise, limit=1e6)
        assert np.abs(made).max() <= bank.playing.peak * (1 + 1e-5)
        frames = made[:, 128:].reshape(2, 18, 64)  # what was too loud before is faded by then
        loud = 0.5 * np.log((frames.astype(float) ** 2).mean(axis=2) + 1e-12)
        most = bank.playing.loudness[codes[:, 2:, 0], codes[:, 2:, 1]] + bank.playing.spread
        assert (loud < most + 0.7).mean() > 0.9  # a fade ends where it should be: its frame as a whole is louder

    @staticmethod
    def _given(bank: Any) -> tuple:
        rng = np.random.default_rng(0)
        codes = np.stack([rng.integers(0, 8, (2, 20)), rng.integers(0, 6, (2, 20))], axis=2).astype(np.int32)
        return codes, rng.normal(size=(2, 48)).astype(np.float32), rng.normal(size=(2, 1280)).astype(np.float32)

    def test_without_chance_all_seeds_choose_alike(self, learned: tuple) -> None:
        from musicgen.approaches.amplitude_lstm.bank_network import BankStepper
        from musicgen.approaches.amplitude_lstm.bank_pieces import choose_codes

        songs, values, prepared, networks, _ = learned
        settings = {"mode": "free", "seconds": 0.3, "temperature": 0.0, "start_seconds": 0.1, "prompt_seconds": 0.05}
        (one,) = make(networks, prepared.codec, values, songs, (1,), **settings)
        assert one.facts["prompt_start_seconds"] == 0.1
        bank, rng = prepared.codec.banks[0], np.random.default_rng(1)
        heard = np.repeat(prepared.training[0].codes[0][None, :20], 2, axis=0)
        stepper = BankStepper(networks.models["left"], bank)
        codes = choose_codes(stepper, heard, rng.random((2, 30, 2), dtype=np.float32), 0.0)
        np.testing.assert_array_equal(codes[0], codes[1])

    def test_without_songs_it_begins_from_nothing(self, learned: tuple) -> None:
        _, values, prepared, networks, _ = learned
        (made,) = make(networks, prepared.codec, values, [], mode="free", seconds=0.2)
        assert made.reference is None
        assert made.content.samples.any()


def test_free_running_from_a_short_look_back() -> None:
    """The authors' network alone with itself: noise as loud as its error keeps it going, and its fate is told."""
    songs = [audio_song(8_000)]
    values = training(**REDUCED | {"epochs": 3})
    prepared, networks, rows = train(songs, values)
    assert networks.state["error"]["mono"] == pytest.approx(rows[-1].loss ** 0.5)
    one, two = make(networks, prepared.codec, values, songs, (1, 2), mode="free", seconds=0.5)
    assert one.content.n_samples == 4_000
    assert not np.array_equal(one.content.samples, two.content.samples)
    assert np.abs(one.content.samples).max() <= 1.0
    quiet = {"mode": "free", "seconds": 0.1, "temperature": 0.0, "start_seconds": 0.1}
    one, two = make(networks, prepared.codec, values, songs, (1, 2), **quiet)
    np.testing.assert_array_equal(one.content.samples, two.content.samples)


def test_death_is_reported() -> None:
    """A network that says nothing, without chance: silence, and the facts say since when."""
    songs = [audio_song(8_000)]
    values = training(**REDUCED | {"activation": "relu"})
    prepared = KIND.prepare(songs, values)
    networks = KIND.build(prepared.codec, values)
    model = networks.models["mono"]
    model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
    (made,) = make(networks, prepared.codec, values, songs, mode="free", seconds=1.0, temperature=0.0)
    assert made.facts["fell_silent_at_seconds"] == 0.0
    assert not made.content.samples.any()


def test_a_reduced_rate_comes_back_at_the_songs_own() -> None:
    songs = [song(plucked(16_000, sample_rate=16_000))]
    values = training(
        look_back=4, sample_rate=8_000, units=4, dense=(4,), epochs=1, normalise=True, seconds_per_song=1.0
    )
    prepared, networks, _ = train(songs, values)
    (made,) = make(networks, prepared.codec, values, songs, mode="predict", segment="training")
    assert made.content.sample_rate == 16_000
    assert made.content.n_samples == pytest.approx(13_600 - 8, abs=2)
    assert made.reference.start_seconds == pytest.approx(8 / 16_000)
