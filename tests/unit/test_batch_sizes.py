"""Memory that runs out: the batch is halved, the epoch begins again from the weights with which it began."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs_at_work import add_song, nobody_supervises, work_here
from test_networks_training import RECIPE, Keeper, networks, squared_error, task

from musicgen.approaches import approach
from musicgen.contract.monitor import SilentMonitor
from musicgen.errors import TrainingFailed
from musicgen.networks import engine
from musicgen.networks.batch_sizes import BatchSizes
from musicgen.networks.engine import LearningTask, fit
from musicgen.networks.out_of_memory import is_out_of_memory
from musicgen.networks.recipe import Recipe
from musicgen.runs import api

pytestmark = pytest.mark.framework


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


class Listener(Keeper):
    """Remembers notices too."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Batches larger than `fits` run out of memory in the call after `calls` that went well; with `spoils`, only when
    it has changed the weights. Steps without a network: what they do to the weights is a function of the examples, the
    seed and the optimiser."""
    limits = {"fits": 1_000, "calls": 0, "spoils": 0}

    def loop(model: Any, optimizer: Any, objective: Any, *, shards: int = 1) -> Any:
        def call(arrays: Any, n_steps: int, seed: int) -> Any:
            batch_size = arrays["weight"].shape[1]
            assert batch_size % shards == 0
            noise = np.random.default_rng(seed).normal(size=n_steps)
            pushes = [sum(float(array[step].sum()) for array in arrays.values()) for step in range(n_steps)] + noise
            fails = batch_size > limits["fits"] and limits["calls"] <= 0
            for push in pushes if limits["spoils"] or not fails else ():
                optimizer.apply([push + each for each in model.trainable_variables], model.trainable_variables)
            if fails:
                raise ResourceExhaustedError("OOM when allocating tensor")
            limits["calls"] -= batch_size > limits["fits"]
            return np.stack([pushes] * objective.n_sums, axis=1)

        return call

    def evaluation(model: Any, objective: Any) -> Any:
        return lambda arrays, n_steps, seed: np.ones((n_steps, objective.n_sums), np.float32)

    monkeypatch.setattr(engine, "training_loop", loop)
    monkeypatch.setattr(engine, "evaluation_loop", evaluation)
    return limits


def weights(net: Any) -> list[np.ndarray]:
    return net.models["a"].get_weights()


def assert_same(ours: Any, theirs: Any) -> None:
    for one, two in zip(weights(ours), weights(theirs), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_batch_that_does_not_fit_is_halved_until_it_does(small_memory: dict[str, int]) -> None:
    small_memory["fits"] = 2
    halved, listener = networks(), Listener()
    fit(halved, [task(24)], RECIPE, seed=5, monitor=listener)
    assert listener.notices == [
        "A batch of 8 did not fit into memory: from epoch 1 on, batches of 4 are used.",
        "A batch of 4 did not fit into memory: from epoch 1 on, batches of 2 are used.",
    ]
    assert [row.extra["batch_size"] for row in listener.rows] == [2, 2, 2, 2]


def test_without_a_schedule_it_is_as_if_less_had_been_asked(small_memory: dict[str, int]) -> None:
    small_memory["fits"] = 4
    halved, asked = networks(), networks()
    fit(halved, [task(24)], Recipe(3, 8, 0.01), seed=5, monitor=SilentMonitor())
    fit(asked, [task(24)], Recipe(3, 4, 0.01), seed=5, monitor=SilentMonitor())
    assert_same(halved, asked)


def test_the_epoch_begins_again_and_a_resumed_run_goes_on_with_the_small_batch(
    small_memory: dict[str, int], tmp_path: Path
) -> None:
    small_memory |= {"fits": 4, "calls": 2}  # three steps are one call: two epochs go well
    whole, listener = networks(), Listener(tmp_path, 3)
    fit(whole, [task(24)], RECIPE, seed=5, monitor=listener)
    assert [row.extra["batch_size"] for row in listener.rows] == [8, 8, 4, 4]
    assert len(listener.notices) == 1
    assert "from epoch 3 on" in listener.notices[0]

    untouched, first = networks(), Listener(tmp_path.joinpath("two"), 2)
    tmp_path.joinpath("two").mkdir()
    small_memory["fits"] = 1_000
    fit(untouched, [task(24)], RECIPE, seed=5, monitor=first)
    assert [row.loss for row in first.rows[:2]] == [row.loss for row in listener.rows[:2]]

    resumed, again = networks(seed=9), Listener()
    resumed.load(tmp_path)
    fit(resumed, [task(24)], RECIPE, seed=5, monitor=again, first_epoch=4)
    assert_same(resumed, whole)
    assert again.notices == ["Batches stay at 4, because memory ran out with larger ones."]
    assert again.rows[0].extra["batch_size"] == 4

    # What began epoch 3 with the small batch is what began it after the large one had failed.
    prepared = networks(seed=9)
    prepared.load(tmp_path / "two")
    prepared.state["batch_sizes"] = [[3, 4]]
    fit(prepared, [task(24)], RECIPE, seed=5, monitor=SilentMonitor(), first_epoch=3)
    assert_same(prepared, whole)


def test_a_step_that_failed_late_leaves_no_trace_in_the_weights(
    small_memory: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_memory |= {"fits": 4, "calls": 2, "spoils": 1}
    net, seen = networks(), []
    attempt = engine._attempt

    def watched(*arguments: Any) -> Any:
        counts = [int(optimizer.iterations) for optimizer in net.optimizers.values()]
        seen.append((arguments[4], [each.copy() for each in weights(net)], counts))
        return attempt(*arguments)

    monkeypatch.setattr(engine, "_attempt", watched)
    fit(net, [task(24)], RECIPE, seed=5, monitor=SilentMonitor())
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3, 3, 4]
    (_, before, counted), (_, again, counted_again) = seen[2:4]
    assert counted == counted_again == [6]
    for one, two in zip(before, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_learning_rate_ends_where_it_would_have(small_memory: dict[str, int]) -> None:
    usual, halved = Listener(), Listener()
    fit(networks(), [task(24)], RECIPE, seed=5, monitor=usual)
    small_memory |= {"fits": 2, "calls": 2, "spoils": 1}
    net = networks()
    fit(net, [task(24)], RECIPE, seed=5, monitor=halved)
    assert halved.rows[-1].extra["batch_size"] == 2
    rates = [[row.learning_rate for row in each.rows] for each in (usual, halved)]
    np.testing.assert_allclose(*rates, rtol=1e-5)
    assert int(net.optimizers["a"].iterations) == 2 * 3 + 2 * 12
    assert rates[0][-1] == pytest.approx(RECIPE.learning_rate / 20, rel=1e-3)


def test_batches_are_halved_more_than_once_on_the_way() -> None:
    state: dict[str, Any] = {}
    sizes = BatchSizes(64, state)
    steps = np.arange(1000.0)
    assert sizes.paced(steps.__getitem__, 640)(5) == 5
    assert "batches of 32" in sizes.halve(3)
    sizes.halve(3)
    sizes.halve(6)
    assert state["batch_sizes"] == [[3, 16], [6, 8]]
    paced = BatchSizes(64, state, first_epoch=7).paced(lambda step: step, 640)
    at_six = 2 * 10 + 3 * 40  # epochs 1 and 2 of ten steps, 3 to 5 of forty
    assert float(paced(at_six)) == 50  # what five epochs of ten steps would have been
    assert float(paced(at_six + 80)) == 60
    assert BatchSizes(64, state).now == 64  # a training that begins anew


def test_a_batch_stays_a_multiple_where_it_can() -> None:
    sizes = BatchSizes(12, {}, multiple=4)
    seen = [sizes.now]
    while sizes.now > 1:
        sizes.halve(1)
        seen.append(sizes.now)
    assert seen == [12, 4, 2, 1]


def test_shards_go_on_as_one_where_the_batch_is_too_small(small_memory: dict[str, int]) -> None:
    small_memory["fits"] = 1
    listener = Listener()
    fit(networks(), [task(n=9, shards=2)], Recipe(2, 4, 0.01), seed=1, monitor=listener)
    assert [row.extra["batch_size"] for row in listener.rows] == [1, 1]


def test_one_example_that_does_not_fit_ends_the_training(small_memory: dict[str, int]) -> None:
    small_memory["fits"] = 0
    with pytest.raises(TrainingFailed, match="batch of 1") as caught:
        fit(networks(), [task(24)], RECIPE, seed=5, monitor=SilentMonitor())
    assert "memory" in caught.value.advice


def test_other_errors_pass() -> None:
    def broken(model: Any, batch: Any, training: Any) -> Any:
        raise ZeroDivisionError("not about memory")

    with pytest.raises(ZeroDivisionError):
        fit(
            networks(),
            [LearningTask("a", engine.Objective(broken), task().training, None)],
            RECIPE,
            seed=0,
            monitor=SilentMonitor(),
        )


def test_memory_of_the_machine_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    given = task()

    class Hungry:
        n_examples = given.training.n_examples

        def gather(self, index: Any, rng: Any) -> Any:
            if len(index) > 40:
                raise MemoryError
            return given.training.gather(index, rng)

    listener = Listener()
    monkeypatch.setattr(engine, "FLOPS_PER_CALL", 8e6)  # eight examples a call at most: one batch, or two halves
    fit(networks(), [LearningTask("a", squared_error, Hungry(), None)], Recipe(1, 64, 0.01), seed=0, monitor=listener)
    assert listener.rows[0].extra["batch_size"] == 32


def test_a_run_says_so_and_keeps_what_was_asked(home: Path, small_memory: dict[str, int]) -> None:
    small_memory |= {"fits": 20, "calls": 1}
    with nobody_supervises():
        values = dict(approach("amplitude_lstm").tiny.training) | {"epochs": 3, "batch_size": 64}
        run_id = api.submit_training("amplitude_lstm", [api.SongChoice(add_song())], values)
        run = work_here(run_id)
        said = "A batch of 32 did not fit into memory: from epoch 2 on, batches of 16 are used."
        assert (run.state, run.reason, run.advice) == ("succeeded", "", said)
        assert run.request["training"]["batch_size"] == 64
        assert [row["extra"]["batch_size"] for row in run.history] == [64, 16, 16]
        assert any("A batch of 64 did not fit" in line for line in run.log_tail(100))
        api.resume(run_id, epochs=4)
        run = work_here(run_id)
        assert run.state == "succeeded"
        assert [row["extra"]["batch_size"] for row in run.history] == [64, 16, 16, 16]
        assert run.advice == "Batches stay at 16, because memory ran out with larger ones."


def test_what_the_frameworks_say() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(ResourceExhaustedError("failed to allocate"))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes."))
    assert not is_out_of_memory(ValueError("shapes do not match"))
