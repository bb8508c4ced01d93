"""Networks: the models of a run with their optimisers and training state, stored as plain arrays.

Weights are stored as NumPy archives without pickles and loaded into networks that our own code built: nothing that
is read from a file can be executed, and every size in a file is first compared with what the network needs.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from musicgen.errors import CorruptArtifact, sentence

WEIGHTS, OPTIMIZER, STATE = "weights.npz", "optimizer.npz", "training.json"
HEADER_BYTES = 4096  # of a .npy entry, generously


@dataclass(frozen=True)
class Remembered:
    """A snapshot of networks in training: name → weights, and name → the optimiser's variables
    that are not moments of the gradients (such as its step count), None in place of the others."""

    weights: dict[str, list[NDArray[Any]]]
    counters: dict[str, list[NDArray[Any] | None]]


class Networks:
    """One or more models that train and generate together.

    Attributes:
        models: name → Keras model.
        optimizers: name → optimiser; filled when training begins.
        state: JSON; what a resumed training or a generation needs besides the weights (early stopping, error levels).
    """

    def __init__(self, models: Mapping[str, keras.Model]) -> None:
        self.models = dict(models)
        self.optimizers: dict[str, keras.Optimizer] = {}
        self.state: dict[str, Any] = {}
        self._moments: dict[str, list[NDArray[Any]]] = {}

    @property
    def count(self) -> int:
        return len(self.models)

    @property
    def parameters(self) -> list[int]:
        """The number of trainable weights of each network."""
        return [sum(int(np.prod(w.shape)) for w in model.trainable_weights) for model in self.models.values()]

    def attach(self, name: str, optimizer: keras.Optimizer) -> keras.Optimizer:
        """Give the model `name` its optimiser, with the loaded state if there is one."""
        model = self.models[name]
        optimizer.build(model.trainable_variables)
        if name in self._moments:
            _assign(optimizer.variables, self._moments.pop(name), f"the optimiser of {name}")
        elif optimizer.use_ema:  # an average over no steps is where they begin
            for average, variable in zip(_averages(optimizer), model.trainable_variables, strict=True):
                average.assign(variable)
        self.optimizers[name] = optimizer
        return optimizer

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Within, the models have the weights of the last step; outside, their average over the steps if the optimiser
        keeps one. The two change places, so that nothing else knows of averages: what is checked, saved or made is the
        average, and the weights of the last step are saved with the optimiser."""
        self._exchange_averages()
        try:
            yield
        finally:
            self._exchange_averages()

    def _exchange_averages(self) -> None:
        for name, optimizer in self.optimizers.items():
            if optimizer.use_ema:
                for average, variable in zip(_averages(optimizer), self.models[name].trainable_variables, strict=True):
                    kept = variable.numpy()
                    variable.assign(average)
                    average.assign(kept)

    def remember(self) -> Remembered:
        """A copy, in main memory, of what `go_back` needs. Moments are left out: they would be twice as
        large as all the rest."""
        counters = {
            name: [variable.numpy() if variable.ndim == 0 else None for variable in optimizer.variables]
            for name, optimizer in self.optimizers.items()
        }
        return Remembered(_values(self.models, "weights"), counters)

    def go_back(self, to: Remembered) -> None:
        """Restore the weights, and the step counts for optimisers attached from now on. Moments
        stay as they are: averages over recent gradients also fit the weights of a few steps ago."""
        for name, model in self.models.items():
            _assign(model.weights, to.weights[name], name)
        for name, optimizer in self.optimizers.items():
            pairs = zip(optimizer.variables, to.counters[name], strict=True)
            self._moments[name] = [variable.numpy() if then is None else then for variable, then in pairs]
        self.optimizers.clear()

    def save(self, folder: Path, with_optimizer: bool = True) -> None:
        """Write weights, state and (unless left out) the optimisers' state into an existing folder."""
        _write(folder / WEIGHTS, {name: model.weights for name, model in self.models.items()})
        if with_optimizer and self.optimizers:
            _write(folder / OPTIMIZER, {name: optimizer.variables for name, optimizer in self.optimizers.items()})
        (folder / STATE).write_text(json.dumps(self.state, indent=1, sort_keys=True, allow_nan=False))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises CorruptArtifact if it does not fit these networks."""
        stored = _read(folder / WEIGHTS, {name: model.weights for name, model in self.models.items()})
        for name, model in self.models.items():
            _assign(model.weights, stored[name], name)
        self.state = _read_state(folder / STATE)
        self._moments = _read_moments(folder / OPTIMIZER, self.models)
        for name, optimizer in self.optimizers.items():
            if name in self._moments:
                _assign(optimizer.variables, self._moments.pop(name), f"the optimiser of {name}")


def _averages(optimizer: keras.Optimizer) -> list[Any]:
    """The averages of the trainable weights, in their order. Keras has no public name for them."""
    averages: list[Any] = optimizer._model_variables_moving_average
    return averages


def _values(owners: Mapping[str, Any], what: str) -> dict[str, list[NDArray[Any]]]:
    return {name: [variable.numpy() for variable in getattr(owner, what)] for name, owner in owners.items()}


def _write(path: Path, groups: Mapping[str, Sequence[Any]]) -> None:
    """Like `numpy.savez`, but with only one array at a time copied out of the framework."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, variables in groups.items():
            for number, variable in enumerate(variables):
                with archive.open(f"{name}/{number:03d}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asanyarray(variable.numpy()), allow_pickle=False)


def _read(path: Path, groups: Mapping[str, Sequence[Any]]) -> dict[str, list[NDArray[Any]]]:
    """The arrays of each group, in order; all sizes are checked before any array is created."""
    found: dict[str, list[NDArray[Any]]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
        for name, variables in groups.items():
            for number, variable in enumerate(variables):
                entry = f"{name}/{number:03d}.npy"
                expected = int(np.prod(variable.shape)) * np.dtype(variable.dtype).itemsize
                if entry not in sizes or not expected <= sizes[entry] <= expected + HEADER_BYTES:
                    raise _mismatch(name, f"{sizes.get(entry, 'no')} bytes for {variable.path}, not {expected}")
        with np.load(path, allow_pickle=False) as stored:
            for name, variables in groups.items():
                found[name] = [stored[f"{name}/{number:03d}"] for number in range(len(variables))]
    except (OSError, ValueError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise _mismatch(path.name, error) from error
    return found


def _read_moments(path: Path, models: Mapping[str, keras.Model]) -> dict[str, list[NDArray[Any]]]:
    """The optimisers' arrays, kept until `attach` assigns them to an optimiser."""
    if not path.exists():
        return {}
    largest = sum(int(np.prod(w.shape)) for model in models.values() for w in model.weights) * 8
    try:
        with zipfile.ZipFile(path) as archive:
            if any(info.file_size > largest + HEADER_BYTES for info in archive.infolist()):
                raise _mismatch(path.name, "an array larger than the network")
        with np.load(path, allow_pickle=False) as stored:
            return {
                name: [stored[key] for key in sorted(stored.files) if key.rsplit("/", 1)[0] == name] for name in models
            }
    except (OSError, ValueError, MemoryError, zipfile.BadZipFile) as error:
        raise _mismatch(path.name, error) from error


def _read_state(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise _mismatch(path.name, error) from error


def _assign(variables: Sequence[Any], values: Sequence[NDArray[Any]], name: str) -> None:
    shapes, stored = [tuple(v.shape) for v in variables], [value.shape for value in values]
    if shapes != stored:
        raise _mismatch(name, f"shapes {stored[:4]} … instead of {shapes[:4]} …")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _mismatch(name: str, received: object) -> CorruptArtifact:
    return CorruptArtifact(
        sentence(f"Stored weights must fit the network built from the run's settings ({name})", received),
        code="weights_mismatch",
    )
