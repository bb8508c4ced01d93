"""A training as in a run, with examples streamed from disk, in turn with another way to train the same network.

Both sides report epochs: ours through `Approach.fit`, whose monitor lets the other side train whenever ours has had its
turn. The first epoch of each, which includes compilation, does not count. After each turn, the machine multiplies
matrices as large as the network's and does nothing else: the training's own arithmetic as a share of that rate says
what is lost to everything around it.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.benchmarks import Line
from musicgen.benchmarks.matrix_rate import flops_per_second, products
from musicgen.contract.approach import Approach
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.prepared import Prepared, TrainingSong

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TURN_SECONDS, ROUNDS = 3.0, 3
FOREVER = 10_000  # epochs; the race ends before that


@dataclass(frozen=True)
class RaceCase:
    """What is trained.

    Attributes:
        preset: gives the parameters; `more`: changes to it.
        songs: makes the songs in a folder.
        most_examples: an epoch is cut to this many, in whole batches; 0 for all.
        per_example: how many of `unit` an example counts.
        held_back: see `Line`.
    """

    approach: str
    preset: str
    songs: Callable[[Path], list[TrainingSong]]
    more: Mapping[str, Any] = field(default_factory=dict)
    most_examples: int = 0
    per_example: int = 1
    unit: str = "windows/s"
    held_back: str | None = None


@dataclass(frozen=True)
class Start:
    """What both sides start with."""

    kind: Approach
    training: Any
    prepared: Prepared

    @property
    def examples(self) -> Any:
        """The examples of the first network if there are several."""
        data = self.prepared.training
        return data[0] if isinstance(data, tuple) else data

    def model(self) -> Any:
        """The untrained network, a new one each time."""
        return next(iter(self.kind.build(self.prepared.codec, self.training).models.values()))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All examples of the first epoch, in memory."""
        import numpy as np

        return dict(self.examples.gather(np.arange(self.examples.n_examples), np.random.default_rng(0)))

    def most(self) -> float:
        """FLOP/s of this machine, for products of matrices as large as the network's."""
        import numpy as np

        one = self.examples.gather(np.arange(1), np.random.default_rng(0))
        steps = max((array.shape[1] for array in one.values() if array.ndim > 1), default=1)
        return flops_per_second(products(self.model(), self.training.batch_size, steps))


Epoch = Callable[[], float]  # trains an epoch and returns its seconds


@dataclass(frozen=True)
class Turn:
    """The speed of one side in one turn: epochs a second, by wall clock and by processor time."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class _First:
    """The first `n_examples` of other examples."""

    examples: Any
    n_examples: int

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Any:
        return self.examples.gather(index, rng)


class _RaceOver(Exception):
    """All rounds are done."""


class _InTurn(SilentMonitor):
    """Lets the other side train whenever ours has had its turn."""

    def __init__(self, other: Epoch, most: Callable[[], float]) -> None:
        self.other, self.most = other, most
        self.ours: list[Turn] = []
        self.theirs: list[Turn] = []
        self.rates: list[float] = []
        self._epochs, self._seconds = -1, 0.0  # the first one does not count
        self._began = time.process_time()

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        self._epochs += 1
        if not self._epochs:
            self.other()
            self._began = time.process_time()
            return
        self._seconds += row.seconds
        if self._seconds < TURN_SECONDS:
            return
        self.ours.append(Turn(self._epochs / self._seconds, self._epochs / (time.process_time() - self._began)))
        self.theirs.append(_turn(self.other))
        self.rates.append(self.most())
        if len(self.ours) == ROUNDS:
            raise _RaceOver
        self._epochs, self._seconds, self._began = 0, 0.0, time.process_time()


def _turn(epoch: Epoch) -> Turn:
    epochs, seconds, began = 0, 0.0, time.process_time()
    while seconds < TURN_SECONDS:
        seconds += epoch()
        epochs += 1
    return Turn(epochs / seconds, epochs / (time.process_time() - began))


@dataclass(frozen=True)
class Race:
    """What was measured.

    Attributes:
        ours, theirs: the speeds of both sides. count: how many of the case's unit an epoch counts.
        flops: the arithmetic of our networks in an epoch, forward and backward.
        rates: FLOP/s of products of matrices as large as those of the first network.
    """

    ours: list[Turn]
    theirs: list[Turn]
    count: int
    flops: float
    rates: list[float]

    @property
    def machine_share(self) -> float:
        """Our own arithmetic as a share of what the machine multiplies in the same time."""
        return self.flops * statistics.median(turn.wall for turn in self.ours) / statistics.median(self.rates)


def run_race(case: RaceCase, other: Callable[[Start], Epoch]) -> Race:
    """Trains both sides in turn."""
    from musicgen.approaches import approach
    from musicgen.contract.parameters import read_parameters

    kind = approach(case.approach)
    values = {**kind.presets[case.preset].training, **case.more, "epochs": FOREVER, "patience": 0}
    training = read_parameters(kind.Training, values)
    with tempfile.TemporaryDirectory() as folder:
        prepared = kind.prepare(case.songs(Path(folder)), training)
        start = Start(kind, training, _cut(prepared, case.most_examples))
        networks = kind.build(prepared.codec, training)
        turns = _InTurn(other(start), start.most)
        with contextlib.suppress(_RaceOver):
            kind.fit(networks, start.prepared, training, seed=0, monitor=turns)
        tasks = kind.tasks(networks, start.prepared, training)  # type: ignore[attr-defined]
        flops = sum(task.flops * task.training.n_examples for task in tasks)
        return Race(turns.ours, turns.theirs, start.examples.n_examples * case.per_example, flops, turns.rates)


def _cut(prepared: Prepared, most: int) -> Prepared:
    """Without validation, and with at most `most_examples` in an epoch."""

    def cut(examples: Any) -> Any:
        return _First(examples, most) if 0 < most < examples.n_examples else examples

    data = prepared.training
    data = tuple(cut(each) for each in data) if isinstance(data, tuple) else cut(data)
    return replace(prepared, training=data, validation=None)


def race(name: str, case: RaceCase, other: Callable[[Start], Epoch], other_name: str) -> Line:
    """Medians of the rounds."""
    run = run_race(case, other)
    mine, other_one = (run.count * statistics.median(turn.wall for turn in side) for side in (run.ours, run.theirs))
    share = run.machine_share
    return Line(name, mine, other_one, other_name, case.unit, limit_share=share, held_back=case.held_back)
