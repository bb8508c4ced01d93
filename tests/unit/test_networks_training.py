"""Training: resumes to the same weights, shards add up, failures and early stopping."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from musicgen.codecs.examples import Arrays
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.errors import Cancelled, TrainingFailed
from musicgen.networks.backend import ops, set_seed, use_device
from musicgen.networks.bundle import Networks
from musicgen.networks.engine import LearningTask, fit
from musicgen.networks.loops import training_loop
from musicgen.networks.objectives import Objective
from musicgen.networks.recipe import Recipe

pytestmark = pytest.mark.numeric


@dataclass(frozen=True)
class Lines:
    """x → 2 x₀ - x₁, with noise drawn per epoch when it is asked for."""

    n_examples: int
    slope: float = 2.0

    def gather(self, index: np.ndarray, rng: np.random.Generator | None) -> Arrays:
        x = np.random.default_rng(7).normal(size=(self.n_examples, 2)).astype("float32")[index]
        jitter = 0.0 if rng is None else rng.normal(scale=0.01, size=x.shape).astype("float32")
        return {"inputs": x + jitter, "target": (self.slope * x[:, :1] - x[:, 1:]).astype("float32")}


def squared_error_sums(model, batch, training):
    error = ops.square(model(batch["inputs"], training=training) - batch["target"])[:, 0]
    return ops.stack([ops.sum(error * batch["weight"]), ops.sum(batch["weight"])])


squared_error = Objective(squared_error_sums)


def networks(seed: int = 0, dropout: float = 0.3, names: tuple[str, ...] = ("a",)) -> Networks:
    set_seed(seed)
    models = {}
    for name in names:
        inputs = keras.Input((2,))
        x = keras.layers.Dropout(dropout)(keras.layers.Dense(8, "tanh")(inputs))
        models[name] = keras.Model(inputs, keras.layers.Dense(1)(x))
    return Networks(models)


class Keeper(SilentMonitor):
    """Remembers rows and saves after a chosen epoch."""

    def __init__(self, folder: Path | None = None, epoch: int = 0) -> None:
        self.rows: list[EpochRow] = []
        self.folder, self.epoch = folder, epoch

    def epoch_ended(self, row, save) -> None:
        self.rows.append(row)
        if row.epoch == self.epoch:
            save(self.folder)


def task(n: int = 100, validation: int = 20, **more) -> LearningTask:
    return LearningTask("a", squared_error, Lines(n), Lines(validation) if validation else None, **more)


RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=0.01, schedule="cosine", clip=1.0)


def test_resumed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole, keeper = networks(), Keeper(tmp_path, epoch=2)
    fit(whole, [task()], RECIPE, seed=5, monitor=keeper)
    resumed = networks(seed=99)
    resumed.load(tmp_path)
    again = Keeper()
    fit(resumed, [task()], RECIPE, seed=5, monitor=again, first_epoch=3)
    for ours, theirs in zip(resumed.models["a"].get_weights(), whole.models["a"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [row.epoch for row in again.rows] == [3, 4]
    assert [row.loss for row in again.rows] == [row.loss for row in keeper.rows[2:]]
    assert again.rows[-1].learning_rate < keeper.rows[0].learning_rate


def test_loss_falls_and_is_the_mean_over_all_examples() -> None:
    net = networks(dropout=0.0)
    before = float(
        np.mean(
            (
                np.asarray(net.models["a"](Lines(20).gather(np.arange(20), None)["inputs"]))
                - Lines(20).gather(np.arange(20), None)["target"]
            )
            ** 2
        )
    )
    keeper = Keeper()
    fit(net, [task()], Recipe(30, 8, 0.02), seed=0, monitor=keeper)
    arrays = Lines(20).gather(np.arange(20), None)
    after = float(np.mean((np.asarray(net.models["a"](arrays["inputs"])) - arrays["target"]) ** 2))
    assert keeper.rows[-1].val_loss == pytest.approx(after, rel=1e-4)
    assert after < 0.1 * before


@pytest.mark.parametrize("batch_size", [8, 7])
def test_shards_add_up_to_the_whole_batch(batch_size: int) -> None:
    weights = []
    for shards in (1, 2):
        net = networks(dropout=0.0)
        fit(net, [task(shards=shards)], Recipe(2, batch_size, 0.01), seed=1, monitor=SilentMonitor())
        weights.append(net.models["a"].get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_shards_have_dropout_masks_of_their_own() -> None:
    """With one mask for both halves, two equal halves of a batch would have equal losses."""
    set_seed(0)
    inputs = keras.Input((50,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    seen = training_loop_sums(model, shards=2)
    assert len(set(np.round(seen, 4))) == len(seen)


def training_loop_sums(model: keras.Model, shards: int) -> list[float]:
    def objective(model, batch, training):
        kept = ops.sum(model(batch["x"], training=training), axis=1)
        return ops.stack(
            [
                ops.sum(kept[:1] * 0.001 + kept[1:] * 1.0) if kept.shape[0] > 1 else ops.sum(kept),
                ops.sum(batch["weight"]),
            ]
        )

    model = keras.Model(
        model.inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(model.outputs[0])
    )
    run = training_loop(model, keras.optimizers.SGD(0.0), Objective(objective), shards=shards)
    x = np.broadcast_to(np.linspace(0, 1, 50, dtype="float32"), (3, 4, 50)).copy()
    return run({"x": x, "weight": np.ones((3, 4), "float32")}, 3, 11)[:, 0].tolist()


def test_two_networks_train_side_by_side_as_each_would_alone() -> None:
    both = networks(names=("a", "b"))
    fit(both, [task(), LearningTask("b", squared_error, Lines(100, slope=-3.0), Lines(20, slope=-3.0))],
        Recipe(2, 8, 0.01), seed=1, monitor=(keeper := Keeper()))  # fmt: skip
    alone = networks(names=("a", "b"))
    fit(alone, [task()], Recipe(2, 8, 0.01), seed=1, monitor=SilentMonitor())
    for ours, theirs in zip(both.models["a"].get_weights(), alone.models["a"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    row = keeper.rows[-1]
    assert row.loss == pytest.approx((row.extra["loss_a"] + row.extra["loss_b"]) / 2)


def test_not_a_number_stops_with_advice() -> None:
    def broken(model, batch, training):
        return squared_error_sums(model, batch, training) * ops.log(ops.convert_to_tensor(-1.0))

    with pytest.raises(TrainingFailed, match=r"step 1 of epoch 1") as caught:
        fit(
            networks(), [LearningTask("a", Objective(broken), Lines(20), None)], RECIPE, seed=0, monitor=SilentMonitor()
        )
    assert "learning_rate" in caught.value.advice


def test_early_stopping_and_going_on_after_it(tmp_path: Path) -> None:
    net, keeper = networks(dropout=0.0), Keeper()
    recipe = Recipe(50, 8, 1e-9, patience=2)  # nothing is learned, so nothing gets better
    still = LearningTask("a", squared_error, Lines(40), Lines(20))
    fit(net, [still], recipe, seed=0, monitor=keeper)
    stopped = len(keeper.rows)
    assert stopped < 10
    net.save(tmp_path)
    more = networks()
    more.load(tmp_path)
    fit(more, [still], recipe, seed=0, monitor=(again := Keeper()), first_epoch=stopped + 1)
    assert len(again.rows) >= 2


def test_cancel_passes_through() -> None:
    class Impatient(SilentMonitor):
        def progress(self, phase, done, total, **details) -> None:
            assert phase == "training"
            assert 0 < done <= total == 13
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(networks(), [task()], RECIPE, seed=0, monitor=Impatient())


def test_weight_decay_shrinks_weights() -> None:
    sizes = []
    for decay in (0.0, 1.0):
        net = networks(dropout=0.0)
        fit(net, [task()], Recipe(3, 8, 0.05, weight_decay=decay), seed=0, monitor=SilentMonitor())
        sizes.append(sum(float(np.abs(w).sum()) for w in net.models["a"].get_weights()))
    assert sizes[1] < 0.9 * sizes[0]


def test_unknown_device_is_refused() -> None:
    from musicgen.errors import ResourceUnavailable

    assert use_device("cpu") == "cpu"
    with pytest.raises(ResourceUnavailable, match="gpu:77"):
        use_device("gpu:77")


class EachEpoch(SilentMonitor):
    """Keeps the weights that are checked and saved, after each epoch."""

    def __init__(self, net: Networks) -> None:
        self.net, self.kept, self.losses = net, [], []

    def epoch_ended(self, row: EpochRow, save: object) -> None:
        self.kept.append(self.net.models["a"].get_weights())
        self.losses.append(row.val_loss)


def test_averaged_weights_are_the_average_over_the_steps() -> None:
    """One step an epoch; against the weights of each step, averaged here."""
    recipe = Recipe(epochs=12, batch_size=32, learning_rate=0.05)
    plain, averaged = networks(dropout=0.0), networks(dropout=0.0)
    begin = plain.models["a"].get_weights()
    fit(plain, [task(32)], recipe, seed=3, monitor=(steps := EachEpoch(plain)))
    fit(averaged, [task(32)], replace(recipe, averaging=0.6), seed=3, monitor=(means := EachEpoch(averaged)))
    expected = begin
    for number, weights in enumerate(steps.kept):
        share = min(0.6, (1 + number) / (10 + number))
        expected = [share * mean + (1 - share) * one for mean, one in zip(expected, weights, strict=True)]
        for ours, theirs in zip(means.kept[number], expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_training_with_averages_goes_on_from_its_last_step(tmp_path: Path) -> None:
    recipe = Recipe(epochs=4, batch_size=8, learning_rate=0.05, averaging=0.9)
    whole = networks()
    fit(whole, [task()], recipe, seed=1, monitor=Keeper(tmp_path, 2))
    resumed = networks(seed=5)
    resumed.load(tmp_path)
    fit(resumed, [task()], recipe, seed=1, monitor=SilentMonitor(), first_epoch=3)
    for mine, theirs in zip(resumed.models["a"].get_weights(), whole.models["a"].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
