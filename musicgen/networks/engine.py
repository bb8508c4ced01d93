"""Training: epochs over examples in compiled blocks of steps, validation, early stopping, one history row per epoch.

Knows no music: an objective gives sums over a batch, an Examples gives batches. All randomness of an epoch is a
function of (seed, epoch), and everything else that matters is in the networks, their optimisers and `networks.state`:
a training that is stopped after any epoch and resumed ends with the same weights as an uninterrupted one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musicgen.codecs.examples import BatchBlock, Examples, blocks, count_steps, epoch_rng, steps_per_block
from musicgen.contract.monitor import EpochRow, Monitor
from musicgen.errors import TrainingFailed, sentence
from musicgen.networks.batch_sizes import BatchSizes
from musicgen.networks.bundle import Networks, Remembered
from musicgen.networks.early_stopping import EarlyStopping
from musicgen.networks.loops import evaluation_loop, training_loop
from musicgen.networks.objectives import Loop, Objective
from musicgen.networks.out_of_memory import is_out_of_memory
from musicgen.networks.recipe import Recipe

FLOPS_PER_CALL = 1.5e10  # about a fifth of a second on one core: the delay of a cancel


@dataclass(frozen=True)
class LearningTask:
    """One network and its data. The tasks of one training run in parallel, each on its own core.

    Attributes:
        unit: the reported loss is multiplied by this (such as the square of a scale).
        flops: multiply-adds × 2 of one example, forward and backward.
        shards: see loops.training_loop.
    """

    name: str
    objective: Objective
    training: Examples
    validation: Examples | None
    unit: float = 1.0
    flops: float = 1e6
    shards: int = 1


@dataclass
class _Runner:
    """A task with its compiled loops."""

    task: LearningTask
    part: int
    batch_size: int
    block_steps: int
    learn: Loop
    check: Loop

    @property
    def steps(self) -> int:
        return count_steps(self.task.training.n_examples, self.batch_size)

    def training_blocks(self, seed: int, epoch: int) -> Iterator[BatchBlock]:
        return blocks(self.task.training, self.batch_size, self.block_steps, seed=seed, epoch=epoch, part=self.part)

    def validation_blocks(self) -> Iterator[BatchBlock]:
        assert self.task.validation is not None  # for the type checker: callers check first
        # At most two parts of a batch at once: a task that trains in parts has no memory for the whole.
        at_once = max(1, min(self.batch_size, 2 * self.batch_size // self.task.shards))
        n_steps = self.block_steps * self.batch_size // at_once
        return blocks(self.task.validation, at_once, n_steps, seed=0, epoch=0, shuffle=False)


@dataclass
class _Means:
    """Sums over all steps so far, per task."""

    totals: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def add(self, name: str, sums: NDArray[np.float32]) -> None:
        self.totals[name] = self.totals.get(name, 0.0) + sums.astype(np.float64).sum(axis=0)

    def of(self, task: LearningTask) -> dict[str, float]:
        """name → mean; the loss in the task's unit."""
        totals, names = self.totals[task.name], task.objective.names
        means = {name: float(total / totals[-1]) for name, total in zip(names, totals, strict=False)}
        return means | {"loss": means["loss"] * task.unit}


def fit(
    networks: Networks,
    tasks: Sequence[LearningTask],
    recipe: Recipe,
    *,
    seed: int,
    monitor: Monitor,
    first_epoch: int = 1,
    after_epoch: Callable[[dict[str, dict[str, float]]], None] | None = None,
) -> None:
    """Train in place up to `recipe.epochs`.

    Args:
        after_epoch: called with the training means of each task (task → name → mean) before the weights are saved, to
            put into `networks.state` what generation will need.

    Raises:
        TrainingFailed: the loss is not a finite number, or there is no memory for a batch of one.
    """
    most = max(task.shards for task in tasks)
    sizes = BatchSizes(recipe.batch_size, networks.state, first_epoch=first_epoch, multiple=most)
    stopping = EarlyStopping(networks.state, recipe.patience, first_epoch)
    if sizes.now < sizes.asked:
        monitor.notice(f"Batches stay at {sizes.now}, because memory ran out with larger ones.")
    runners = _runners(networks, tasks, recipe, sizes)

    def fewer_at_once(epoch: int, before: Remembered) -> None:
        monitor.notice(sizes.halve(epoch))
        runners.clear()  # frees their memory before new ones are made
        gc.collect()  # compiled loops and their objects form reference cycles
        networks.go_back(before)
        runners.extend(_runners(networks, tasks, recipe, sizes))

    with ThreadPoolExecutor(len(tasks)) as side_by_side:
        for epoch in range(first_epoch, recipe.epochs + 1):
            began = time.monotonic()
            before = networks.remember()
            while (learned := _attempt(networks, runners, side_by_side, seed, epoch, monitor)) is None:
                fewer_at_once(epoch, before)
            del before  # as large as all weights; frees the memory before saving
            means, checked = learned
            row = _row(epoch, tasks, means, checked, time.monotonic() - began, networks)
            row.extra["batch_size"] = sizes.now
            if after_epoch is not None:
                after_epoch({task.name: means.of(task) for task in tasks})
            stopping.note(row)
            monitor.epoch_ended(row, networks.save)
            if stopping.is_due:
                return


def _runners(networks: Networks, tasks: Sequence[LearningTask], recipe: Recipe, sizes: BatchSizes) -> list[_Runner]:
    return [_runner(networks, task, recipe, sizes, part) for part, task in enumerate(tasks)]


def _runner(networks: Networks, task: LearningTask, recipe: Recipe, sizes: BatchSizes, part: int) -> _Runner:
    model, batch_size = networks.models[task.name], sizes.now
    n_examples = task.training.n_examples
    usual = count_steps(n_examples, recipe.batch_size)
    optimizer = networks.attach(task.name, recipe.optimizer(usual, lambda rate: sizes.paced(rate, n_examples)))
    per_call = max(1, int(FLOPS_PER_CALL / (task.flops * batch_size)))
    return _Runner(
        task,
        part,
        batch_size,
        min(per_call, steps_per_block(task.training, batch_size, count_steps(n_examples, batch_size))),
        training_loop(model, optimizer, task.objective, shards=min(task.shards, batch_size)),
        evaluation_loop(model, task.objective),
    )


def _attempt(
    networks: Networks,
    runners: Sequence[_Runner],
    side_by_side: ThreadPoolExecutor,
    seed: int,
    epoch: int,
    monitor: Monitor,
) -> tuple[_Means, _Means | None] | None:
    """One epoch: the training and validation means. None if memory ran out."""
    try:
        with networks.stepping():
            learned = _learn(runners, side_by_side, seed, epoch, monitor)
        return learned, _check(runners, side_by_side)
    except Exception as error:  # each framework has classes of its own
        if not is_out_of_memory(error):
            raise
        return None


def _learn(
    runners: Sequence[_Runner], side_by_side: ThreadPoolExecutor, seed: int, epoch: int, monitor: Monitor
) -> _Means:
    means = _Means()
    for together in zip(*(_ahead(runner.training_blocks(seed, epoch)) for runner in runners), strict=True):
        jobs = [
            side_by_side.submit(runner.learn, block.arrays, block.n_steps, step_seed(seed, epoch, block.first_step))
            for runner, block in zip(runners, together, strict=True)
        ]
        wait(jobs)  # if one fails, the others must not continue to change weights
        for runner, block, job in zip(runners, together, jobs, strict=True):
            sums = job.result()
            _raise_if_not_finite(sums, epoch, block.first_step)
            means.add(runner.task.name, sums)
        done = together[0].first_step + together[0].n_steps
        loss = float(np.mean([means.of(runner.task)["loss"] for runner in runners]))
        monitor.progress("training", done, runners[0].steps, loss=loss)
    return means


def _check(runners: Sequence[_Runner], side_by_side: ThreadPoolExecutor) -> _Means | None:
    if any(runner.task.validation is None for runner in runners):
        return None

    def check(runner: _Runner, means: _Means) -> None:
        for block in runner.validation_blocks():
            means.add(runner.task.name, runner.check(block.arrays, block.n_steps, 0))

    means = _Means()
    list(side_by_side.map(lambda runner: check(runner, means), runners))
    return means


def _row(
    epoch: int, tasks: Sequence[LearningTask], means: _Means, checked: _Means | None, seconds: float, networks: Networks
) -> EpochRow:
    def mean(of: _Means, name: str) -> float:
        return float(np.mean([of.of(task)[name] for task in tasks]))

    others = [name for name in tasks[0].objective.names if name != "loss"]
    extra = {name: mean(means, name) for name in others}
    if checked is not None:
        extra |= {f"val_{name}": mean(checked, name) for name in others}
    if len(tasks) > 1:
        extra |= {f"loss_{task.name}": means.of(task)["loss"] for task in tasks}
    return EpochRow(
        epoch=epoch,
        loss=mean(means, "loss"),
        val_loss=None if checked is None else mean(checked, "loss"),
        seconds=seconds,
        learning_rate=float(networks.optimizers[tasks[0].name].learning_rate),
        extra=extra,
    )


def step_seed(seed: int, epoch: int, first_step: int) -> int:
    """The dropout seed of a block of steps, a function of its position in the training only."""
    return int(epoch_rng(seed, epoch, first_step).integers(2**30))


def _raise_if_not_finite(sums: NDArray[np.float32], epoch: int, first_step: int) -> None:
    bad = ~np.isfinite(sums).all(axis=1)
    if bad.any():
        step = first_step + int(np.argmax(bad)) + 1
        raise TrainingFailed(
            sentence(
                "The loss of a training must stay finite",
                f"{sums[bad][0][0]} at step {step} of epoch {epoch}",
                "The weights of the last completed epoch are kept.",
            ),
            code="not_finite",
            advice="Train again with a lower learning_rate, or with gradient clipping (clip = 1).",
        )


def _ahead(source: Iterator[BatchBlock]) -> Iterator[BatchBlock]:
    """The same blocks, each gathered while the previous one is used for training."""
    with ThreadPoolExecutor(1) as gatherer:
        waiting = gatherer.submit(next, source, None)
        while (block := waiting.result()) is not None:
            waiting = gatherer.submit(next, source, None)
            yield block
