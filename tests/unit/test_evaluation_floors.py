"""Floors against closed forms, brute force and data whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from musicgen.errors import InvalidInput
from musicgen.floors import linear_prediction
from musicgen.floors.floors import bigram_nats, linear_predictor_mse, persistence_mse, uniform_nats, unigram_nats
from musicgen.floors.linear_prediction import fit_linear_predictor

pytestmark = pytest.mark.numeric


def windows_of(series: list[np.ndarray], look_back: int) -> tuple[np.ndarray, np.ndarray]:
    """Design matrix (last sample first, then a one) and targets, built the slow way."""
    rows, targets = [], []
    for samples in series:
        for t in range(look_back, len(samples)):
            rows.append([*samples[t - look_back : t][::-1], 1.0])
            targets.append(samples[t])
    return np.array(rows, dtype=np.float64), np.array(targets, dtype=np.float64)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.05, 0.1, n).astype(np.float32)


def test_persistence_is_the_mean_squared_step():
    series = np.array([0.0, 0.5, 0.5, -0.5])
    assert persistence_mse(series[1:], series[:-1]) == pytest.approx((0.25 + 0 + 1) / 3)


def test_persistence_over_many_blocks_and_channels():
    x = noise(3 * linear_prediction.BLOCK + 7).reshape(1, -1).repeat(2, axis=0)
    assert persistence_mse(x[:, 1:], x[:, :-1]) == pytest.approx(float(np.diff(x.astype(np.float64)).var()), rel=1e-3)


def test_persistence_needs_pairs():
    with pytest.raises(InvalidInput, match="sample before it"):
        persistence_mse([0.1, 0.2], [0.1])


@pytest.mark.parametrize(("look_back", "many"), [(1, 200), (3, 200), (17, 200), (17, 8)])
def test_linear_predictor_equals_least_squares_on_all_windows(
    look_back: int, many: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(linear_prediction, "MANY", many)  # sums and singular values, or FFT and elimination
    monkeypatch.setattr(linear_prediction, "BLOCK", 64)  # many blocks, and a last one that is not full
    training = [np.cumsum(noise(900, 1)) * 0.1, noise(601, 2), noise(look_back, 3)]  # the last one is too short
    validation = [np.cumsum(noise(400, 4)) * 0.1, noise(330, 5)]
    rows, targets = windows_of(training, look_back)
    solution = np.linalg.lstsq(rows, targets, rcond=None)[0]
    rows, targets = windows_of(validation, look_back)
    expected = np.mean((rows @ solution - targets) ** 2)
    assert linear_predictor_mse(training, validation, look_back) == pytest.approx(expected, rel=1e-7)


def test_linear_predictor_finds_the_recurrence_of_a_sine():
    t = np.arange(20_000)
    sine = 0.5 * np.sin(2 * np.pi * 440 * t / 44_100)
    fitted = fit_linear_predictor(sine, 2)
    assert fitted.weights == pytest.approx([2 * np.cos(2 * np.pi * 440 / 44_100), -1.0], abs=1e-4)
    assert fitted.mse(sine[5_000:]) < 1e-12
    assert persistence_mse(sine[1:], sine[:-1]) > 1e-4


def test_linear_predictor_recovers_an_autoregression_and_its_noise():
    generator = np.random.default_rng(0)
    samples = np.zeros(200_000)
    shocks = generator.normal(0, 0.01, samples.size)
    for t in range(2, samples.size):
        samples[t] = 1.6 * samples[t - 1] - 0.8 * samples[t - 2] + shocks[t]
    assert fit_linear_predictor(samples[:100_000], 2).weights == pytest.approx([1.6, -0.8], abs=0.01)
    assert linear_predictor_mse(samples[:100_000], samples[100_000:], 2) == pytest.approx(1e-4, rel=0.02)


def test_linear_predictor_of_silence_is_exact():
    assert linear_predictor_mse(np.zeros(1000), np.zeros(100), 3) == 0.0


def test_linear_predictor_knows_an_offset():
    assert linear_predictor_mse(np.full(1000, 0.25), np.full(100, 0.25), 3) == pytest.approx(0.0, abs=1e-20)


def test_linear_predictor_says_what_is_too_short():
    with pytest.raises(InvalidInput, match=r"needs 101 samples in a row. Received: 100 at most"):
        linear_predictor_mse(np.zeros(1000), np.zeros(100), 100)
    with pytest.raises(InvalidInput, match="must look back at least one sample"):
        linear_predictor_mse(np.zeros(1000), np.zeros(100), 0)


def test_uniform_is_the_logarithm_of_the_vocabulary():
    assert uniform_nats(188) == pytest.approx(5.2364, abs=1e-4)
    assert uniform_nats(1) == 0.0
    with pytest.raises(InvalidInput):
        uniform_nats(0)


def test_unigram_of_even_tokens_is_uniform():
    ids = np.tile(np.arange(8), 500)
    assert unigram_nats(ids, ids, 8) == pytest.approx(np.log(8), abs=1e-6)


def test_unigram_approaches_the_entropy_of_its_source():
    p = np.array([0.5, 0.25, 0.125, 0.125])
    generator = np.random.default_rng(0)
    training, validation = generator.choice(4, 50_000, p=p), generator.choice(4, 50_000, p=p)
    assert unigram_nats([training], [validation], 4) == pytest.approx(-(p * np.log(p)).sum(), abs=0.01)


def test_unigram_gives_unseen_tokens_a_probability():
    loss = unigram_nats([[0] * 50 + [1] * 50], [[2]], 4)
    assert np.log(4) < loss < 15


def test_bigram_of_a_cycle_is_almost_nothing_and_far_below_unigram():
    cycle = np.tile(np.arange(12), 200)
    assert unigram_nats(cycle, cycle, 12) == pytest.approx(np.log(12), abs=1e-3)
    assert bigram_nats(cycle, cycle, 12, look_back=1) < 0.01


def test_bigram_approaches_the_conditional_entropy_of_a_chain():
    generator = np.random.default_rng(1)
    transition = np.array([[0.9, 0.1, 0.0], [0.0, 0.2, 0.8], [0.5, 0.0, 0.5]])

    def walk(n: int) -> np.ndarray:
        state, path = 0, np.empty(n, dtype=int)
        for i in range(n):
            path[i] = state
            state = generator.choice(3, p=transition[state])
        return path

    training, validation = walk(20_000), walk(20_000)
    before, after = validation[:-1], validation[1:]
    expected = -np.log(transition[before, after]).mean()
    assert bigram_nats([training], [validation], 3, look_back=1) == pytest.approx(expected, abs=0.02)


def test_bigram_of_independent_tokens_falls_back_to_unigram():
    generator = np.random.default_rng(2)
    p = generator.dirichlet(np.full(300, 0.3))
    training, validation = generator.choice(300, 3_000, p=p), generator.choice(300, 3_000, p=p)
    unigram = unigram_nats(training, validation, 300, look_back=1)
    assert bigram_nats(training, validation, 300, look_back=1) == pytest.approx(unigram, abs=0.02)


def test_no_pair_crosses_from_song_to_song():
    songs = [[0, 0, 0, 0], [1, 1, 1, 1]] * 50
    apart = bigram_nats(songs, [[0, 1]], 2, look_back=1)
    joined = bigram_nats([np.concatenate(songs)], [[0, 1]], 2, look_back=1)
    assert apart > joined + 1


def test_look_back_leaves_context_out_of_the_mean():
    training = [0] * 90 + [1] * 10
    assert unigram_nats([training], [[1, 1, 1, 0]], 2, look_back=3) == unigram_nats([training], [[0]], 2)
    assert bigram_nats([training], [[1, 1, 0, 0]], 2, look_back=3) == bigram_nats([training], [[0, 0]], 2, look_back=1)


def test_first_token_is_predicted_from_the_unigram():
    training = [0, 1] * 40
    assert bigram_nats([training], [[1]], 2) == unigram_nats([training], [[1]], 2)


@pytest.mark.parametrize("floor", [unigram_nats, bigram_nats])
def test_token_floors_say_what_is_wrong(floor):
    with pytest.raises(InvalidInput, match=r"Ids must lie in 0 … 3. Received: 0 … 4"):
        floor([[0, 4]], [[0]], 4)
    with pytest.raises(InvalidInput, match="more tokens than its context"):
        floor([[0, 1, 2]], [[0, 1]], 4, look_back=2)
    with pytest.raises(InvalidInput, match="one training token"):
        floor([[]], [[0]], 4)


def test_token_floors_equal_the_published_ones_of_the_chorales(shared: Path):
    """JSB, sixteenth grid, valid set: uniform 3.850, unigram per voice 2.611, previous note of a voice 0.934."""
    path = shared / "data" / "jsb16" / "jsb16_train_valid.json"
    if not path.is_file():
        pytest.skip("the chorale benchmark data is not here")
    chorales = {part: [np.array(piece) for piece in pieces] for part, pieces in json.loads(path.read_text()).items()}
    pitches = np.unique(np.concatenate([*chorales["train"], *chorales["valid"]]))
    ids = {part: [np.searchsorted(pitches, piece) for piece in pieces] for part, pieces in chorales.items()}
    floors = []
    for floor in (unigram_nats, bigram_nats):  # the voices are equally long, so the mean over them is that over notes
        voices = [
            floor([p[:, voice] for p in ids["train"]], [p[:, voice] for p in ids["valid"]], pitches.size)
            for voice in range(4)
        ]
        floors.append(np.mean(voices))
    assert uniform_nats(pitches.size) == pytest.approx(3.850, abs=0.001)
    assert floors == pytest.approx([2.611, 0.934], abs=0.002)
