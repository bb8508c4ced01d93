"""How to train: epochs, batches, the optimiser and the pace of its learning rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import keras
from keras import ops


class _Averaging:
    """An optimiser whose average of the weights soon forgets the first steps: after n of them, at most
    (1 + n) / (10 + n) of it stays from step to step."""

    def _update_model_variables_moving_average(self, trainable_variables: Any) -> None:
        steps = ops.cast(self.iterations, "float32")  # type: ignore[attr-defined]
        share = ops.minimum(self.ema_momentum, (1.0 + steps) / (10.0 + steps))  # type: ignore[attr-defined]
        averages = self._model_variables_moving_average  # type: ignore[attr-defined]
        for variable, average in zip(trainable_variables, averages, strict=True):
            average.assign(share * average + (1.0 - share) * variable)


class AveragedAdamW(_Averaging, keras.optimizers.AdamW):
    """Adam with decoupled weight decay and averaged weights."""


class AveragedRMSprop(_Averaging, keras.optimizers.RMSprop):
    """RMSprop with averaged weights."""


Rate: TypeAlias = float | keras.optimizers.schedules.LearningRateSchedule


class Paced(Protocol):
    """The parameters of an approach that a recipe is made from; `contract.shared_parameters.Schedule` has most."""

    @property
    def epochs(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def schedule(self) -> str: ...
    @property
    def gradient_clip(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def patience(self) -> int: ...


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        schedule: constant, or cosine (falls to a twentieth over all epochs, after a short warm-up).
        clip: maximum norm of the gradient over all weights; 0 for none.
        weight_decay: share of each weight subtracted per step, times the learning rate; 0 for none.
        patience: stop after this many epochs without a better validation loss; 0 for never.
        algorithm: adam, or rmsprop (Hinton, Neural networks for machine learning, lecture 6, 2012).
        decay: with a constant schedule, the rate after n steps is learning_rate / (1 + decay · n), as in the
            optimisers of Keras 2.
        averaging: the weights that are checked and kept are an average over the steps, of which this share stays from
            step to step (Polyak and Juditsky, 1992); 0 for those of the last step.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str = "constant"
    clip: float = 0.0
    weight_decay: float = 0.0
    patience: int = 0
    algorithm: str = "adam"
    decay: float = 0.0
    averaging: float = 0.0

    @classmethod
    def of(cls, training: Paced, **more: Any) -> Recipe:
        """From the parameters of an approach; `more`: fields that only some approaches offer."""
        return cls(
            training.epochs, training.batch_size, training.learning_rate, training.schedule,
            clip=training.gradient_clip, weight_decay=training.weight_decay, patience=training.patience, **more,
        )  # fmt: skip

    def optimizer(self, steps_per_epoch: int, paced: Callable[[Rate], Rate] = lambda rate: rate) -> keras.Optimizer:
        """Adam (Kingma and Ba, 2015), with decoupled weight decay if requested; or RMSprop.

        `paced` may change the pace of the schedule."""
        arguments: dict[str, Any] = {
            "learning_rate": paced(self._rate(steps_per_epoch)),
            "global_clipnorm": self.clip or None,
        }
        if self.averaging:
            arguments |= {"use_ema": True, "ema_momentum": self.averaging}
            kind = AveragedAdamW if self.algorithm == "adam" else AveragedRMSprop
            return kind(weight_decay=self.weight_decay, **arguments)
        if self.algorithm == "rmsprop":
            return keras.optimizers.RMSprop(weight_decay=self.weight_decay or None, **arguments)
        if self.weight_decay:
            return keras.optimizers.AdamW(weight_decay=self.weight_decay, **arguments)
        return keras.optimizers.Adam(**arguments)

    def _rate(self, steps_per_epoch: int) -> Rate:
        if self.schedule == "constant" and self.decay:
            return keras.optimizers.schedules.InverseTimeDecay(self.learning_rate, 1, self.decay)
        if self.schedule == "constant":
            return self.learning_rate
        steps = max(2, self.epochs * steps_per_epoch)
        rise = max(1, min(steps // 20, 200))
        return keras.optimizers.schedules.CosineDecay(
            self.learning_rate / 10,
            decay_steps=steps - rise,
            alpha=0.05,
            warmup_target=self.learning_rate,
            warmup_steps=rise,
        )
