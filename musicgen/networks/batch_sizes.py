"""The number of examples per step: as requested, or fewer from the epoch in which memory ran out.

The sizes are in the state that is saved with the weights, so a resumed training keeps the smaller batch, and its
learning rate is what it would have been: with smaller batches an epoch has more steps, and the schedule is stretched so
that an epoch stays an epoch.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musicgen.codecs.examples import count_steps
from musicgen.errors import TrainingFailed, sentence

KEY = "batch_sizes"


class BatchSizes:
    """The batch size of each epoch.

    Args:
        asked: the size requested.
        multiple: batch sizes are multiples of it, if possible.
        state: of the networks; holds [[first epoch, batch size], …] once a smaller one was needed.
    """

    def __init__(self, asked: int, state: dict[str, Any], *, first_epoch: int = 1, multiple: int = 1) -> None:
        self.asked, self.multiple, self.state = asked, multiple, state
        if first_epoch == 1:
            state.pop(KEY, None)

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """(first epoch, batch size), in order, beginning with epoch 1."""
        later = {int(epoch): int(size) for epoch, size in self.state.get(KEY, ())}
        return sorted(({1: self.asked} | later).items())

    @property
    def now(self) -> int:
        return self.pieces[-1][1]

    def halve(self, epoch: int) -> str:
        """Halve the batch size from this epoch on; returns a notice for the user.

        Raises TrainingFailed if there is no smaller batch."""
        whole, half = self.now, self.now // 2
        if not half:
            raise _too_large()
        if half > self.multiple:
            half -= half % self.multiple
        kept = [[first, size] for first, size in self.state.get(KEY, ()) if first < epoch]
        self.state[KEY] = [*kept, [epoch, half]]
        return f"A batch of {whole} did not fit into memory: from epoch {epoch} on, batches of {half} are used."

    def paced(self, rate: Any, n_examples: int) -> Any:
        """A constant learning rate as it is; a schedule for the requested batches, stretched to the current ones."""
        if self.now == self.asked or not callable(rate):
            return rate
        steps = 0
        for (first, size), (following, _) in zip(self.pieces, self.pieces[1:], strict=False):
            steps += (following - first) * count_steps(n_examples, size)
        usual = count_steps(n_examples, self.asked)
        since = self.pieces[-1][0]
        return Stretched(rate, steps, (since - 1) * usual, usual / count_steps(n_examples, self.now))


class Stretched(keras.optimizers.schedules.LearningRateSchedule):
    """`schedule` at another pace: its step is `position` at step `since`, and advances by `pace` per step."""

    def __init__(self, schedule: Any, since: int, position: int, pace: float) -> None:
        self.schedule, self.since, self.position, self.pace = schedule, since, position, pace

    def get_config(self) -> dict[str, Any]:
        return {**vars(self), "schedule": (type(self.schedule).__name__, self.schedule.get_config())}

    def __call__(self, step: Any) -> Any:
        return self.schedule(self.position + (ops.cast(step, "float32") - self.since) * self.pace)


def _too_large() -> TrainingFailed:
    return TrainingFailed(
        sentence("A batch of one example must fit into memory", "a step that ran out of memory with a batch of 1"),
        code="out_of_memory",
        advice="Use fewer units or layers, or shorter sequences, or train on a device with more memory.",
    )
