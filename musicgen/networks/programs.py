"""Compiled programs, shared by all networks of one architecture.

Compiling takes seconds and tens of megabytes, and TensorFlow never frees a compiled program (its cache
of executables has no eviction: https://github.com/tensorflow/tensorflow/issues/64170). So a program is compiled once
per architecture and takes the variables of a network as arguments: a second network of the same sizes, trained or
sampled in the same process, reuses the programs of the first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from musicgen.networks.fingerprints import NoFingerprint, fingerprint

MAX_PROGRAMS = 64  # a program keeps the network it was made from, with its code and its weights at that time
MAX_WEIGHTS = 10_000_000  # of a network whose programs are kept

Program = TypeVar("Program")
_programs: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()


def shared(make: Callable[[], Program], *told: Any, weights: int = 0) -> Program:
    """The program with this fingerprint: an existing one, or the result of `make`.

    Args:
        told: everything that the program depends on besides its arguments. Without a fingerprint it is made again.
        weights: of the networks that it keeps.
    """
    if weights > MAX_WEIGHTS:
        return make()
    try:
        name = fingerprint(told)
    except NoFingerprint:
        return make()
    with _lock:
        if name not in _programs:
            _programs[name] = make()
        _programs.move_to_end(name)
        while len(_programs) > MAX_PROGRAMS:
            _programs.popitem(last=False)
        found: Program = _programs[name]
        return found
