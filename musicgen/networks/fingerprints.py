"""Fingerprints of functions: comparable values made from the code and everything it closes over.

Functions with equal fingerprints give the same result for the same arguments. A network is represented by its
architecture only, because its weights are passed as arguments.
"""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, ParamSpec

import keras
import numpy as np

ARCHITECTURE = "_musicgen_architecture"
PLAIN = (str, bytes, bool, int, float, complex, type(None), types.CodeType, types.BuiltinFunctionType, type, Enum)
OURS = "musicgen."
Parameters = ParamSpec("Parameters")


class NoFingerprint(Exception):
    """Something that cannot be compared by value, such as a tensor or a random number generator."""


def architecture(build: Callable[Parameters, keras.Model]) -> Callable[Parameters, keras.Model]:
    """Decorates a function that builds a network from its arguments alone: equal arguments give equal architectures."""

    @functools.wraps(build)
    def built(*arguments: Parameters.args, **options: Parameters.kwargs) -> keras.Model:
        model = build(*arguments, **options)
        # Kept outside Keras' attributes, because Keras tracks anything set in the usual way.
        model.__dict__[ARCHITECTURE] = build.__qualname__, fingerprint((arguments, options))
        return model

    return built


def fingerprint(value: Any) -> Hashable:
    """Equal for values that compute the same. Raises NoFingerprint if that cannot be decided."""
    return _of(value, ())


def _of(value: Any, above: tuple[int, ...]) -> Hashable:
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, np.generic):
        return str(value.dtype), value.tobytes()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, hashlib.sha256(value.tobytes()).digest()
    if id(value) in above:  # a cycle: it refers to something being described already
        return "above", len(above) - above.index(id(value))
    return _of_parts(value, (*above, id(value)))


def _of_parts(value: Any, above: tuple[int, ...]) -> Hashable:
    if isinstance(value, tuple | list):
        return type(value), tuple(_of(each, above) for each in value)
    if isinstance(value, set | frozenset):
        return type(value), frozenset(_of(each, above) for each in value)
    if isinstance(value, Mapping):
        return type(value), tuple((_of(key, above), _of(each, above)) for key, each in value.items())
    if isinstance(value, types.FunctionType):
        return _of_function(value, above)
    if isinstance(value, types.MethodType):
        return "method", _of(value.__self__, above), _of(value.__func__, above)
    if isinstance(value, functools.partial):
        return "partial", _of((value.func, value.args, value.keywords), above)
    return _of_object(value, above)


def _of_function(function: types.FunctionType, above: tuple[int, ...]) -> Hashable:
    closed_over = [cell.cell_contents for cell in function.__closure__ or ()]
    told = closed_over, function.__defaults__, function.__kwdefaults__
    return function.__module__, function.__qualname__, function.__code__, _of(told, above)


def _of_object(value: Any, above: tuple[int, ...]) -> Hashable:
    if isinstance(value, keras.Model):
        if ARCHITECTURE not in value.__dict__:
            raise NoFingerprint(f"a network not built by a function marked as `architecture`: {value.name}")
        return "network", value.__dict__[ARCHITECTURE]
    if isinstance(value, keras.layers.Layer):  # its network is described separately
        return "layer", type(value)
    if isinstance(value, keras.optimizers.Optimizer):
        return "optimizer", type(value), _of(value.get_config() | {"name": None}, above)  # Keras numbers names
    kind = type(value)
    if is_dataclass(value) or kind.__module__.startswith(OURS):
        return kind, _of(vars(value), above)
    raise NoFingerprint(f"{kind.__module__}.{kind.__qualname__}")
