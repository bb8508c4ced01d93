"""What a process that is kept ready loads before it has a task: the network library and what tasks import later."""

from __future__ import annotations

import importlib
import pkgutil

import musicgen.approaches
from musicgen.runs.devices import CPU

PARTS = (
    "musicgen.networks.backend",
    "musicgen.networks.engine",
    "musicgen.networks.bundle",
    "musicgen.runs.generation",
    "musicgen.runs.training",
)


def preload(device: str) -> None:
    """Import it all. On the CPU, also start the library's threads and its compiler; a GPU is left alone, because
    memory on it would be taken from other tasks."""
    for name in (*PARTS, *_parts_of_approaches()):
        importlib.import_module(name)
    if device == CPU:
        _start_compiler()


def _parts_of_approaches() -> list[str]:
    return [each.name for each in pkgutil.walk_packages(musicgen.approaches.__path__, "musicgen.approaches.")]


def _start_compiler() -> None:
    import numpy as np

    from musicgen.networks.backend import compiled

    np.asarray(compiled(lambda number: number + 1)(np.float32(1)))
