"""Weights of one network carried over to another: by the names of the layers, and within them by what rows and columns
stand for. What has no counterpart stays as it was built."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.networks.bundle import Networks

# "layer/weight" → for each axis what its entries stand for; None: they stand for nothing, and are taken all or none.
Labels = Mapping[str, Sequence[Sequence[Hashable] | None]]


@dataclass(frozen=True)
class Inherited:
    """How many weights there are, and how many of them were carried over."""

    weights: int
    carried: int

    @property
    def share(self) -> float:
        return self.carried / self.weights if self.weights else 0.0


def inherit(networks: Networks, source: Networks, labels: Labels, source_labels: Labels) -> Inherited:
    """Carry the weights of `source` over to `networks`, in place.

    Args:
        labels, source_labels: of weights whose axes stand for values, such as those of a vocabulary. An entry takes
            the weights of the source's entry with the same label.
    """
    weights = carried = 0
    for name, model in networks.models.items():
        known = _by_name(source.models[name]) if name in source.models else {}
        for key, variable in _by_name(model).items():
            weights += int(np.prod(variable.shape))
            if key not in known:
                continue
            made = _carried(variable.numpy(), known[key].numpy(), labels.get(key), source_labels.get(key))
            if made is not None:
                variable.assign(made[0])
                carried += made[1]
    return Inherited(weights, carried)


def _by_name(model: Any) -> dict[str, Any]:
    """The variables by "layer/weight"."""
    return {f"{layer.name}/{weight.name}": weight for layer in model.layers for weight in layer.weights}


def _carried(
    values: NDArray[Any],
    source: NDArray[Any],
    labels: Sequence[Sequence[Hashable] | None] | None,
    source_labels: Sequence[Sequence[Hashable] | None] | None,
) -> tuple[NDArray[Any], int] | None:
    """(the values with what the source has of them, how many those are); None if nothing fits."""
    if values.ndim != source.ndim:
        return None
    pairs = []
    for axis in range(values.ndim):
        mine, theirs = labels[axis] if labels else None, source_labels[axis] if source_labels else None
        if mine is None or theirs is None:
            if values.shape[axis] != source.shape[axis]:
                return None
            mine = theirs = range(values.shape[axis])
        place = {label: number for number, label in enumerate(theirs)}
        found = [(number, place[label]) for number, label in enumerate(mine) if label in place]
        if not found:
            return None
        pairs.append(np.array(found).T)
    made = values.copy()
    made[np.ix_(*(pair[0] for pair in pairs))] = source[np.ix_(*(pair[1] for pair in pairs))]
    return made, int(np.prod([pair.shape[1] for pair in pairs]))
