"""In a child process: prepare the songs and do the arithmetic. Started by `plans`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import psutil

from musicgen.approaches import approach as find_approach
from musicgen.approaches.base import read_parameters
from musicgen.errors import InvalidInput, sentence
from musicgen.processes import child_main
from musicgen.runs.progress import finite
from musicgen.runs.songs_of_runs import find_songs, missing_songs
from musicgen.runs.speeds import flops_per_step

MB = 1_000_000


def plan(request: dict[str, Any]) -> dict[str, Any]:
    """facts, floors, warnings, networks, parameters, flops_per_epoch, flops_per_step, memory_bytes."""
    approach = find_approach(request["approach"])
    training = read_parameters(approach.Training, request["training"])
    songs, missing = find_songs(request["songs"])
    if missing:
        raise missing_songs(missing)
    prepared = approach.prepare(songs, training, seed=request["seed"])
    cost = approach.cost(prepared, training)
    if request["device"] == "cpu":
        _check_memory(cost.memory_bytes)
    document = {
        "facts": prepared.facts,
        "floors": prepared.floors,
        "warnings": [*prepared.warnings, *_tightness(cost.memory_bytes, request["device"])],
        **asdict(cost),
        "flops_per_step": flops_per_step(cost, prepared.facts, training),
    }
    if request["build"]:
        from musicgen.networks import backend

        backend.use_device(request["device"])
        networks = approach.build(prepared.codec, training, seed=request["seed"])
        counted = networks.parameters
        document["networks"] = len(counted)
        document["parameters"] = counted[0] if len(set(counted)) == 1 else counted
    return dict(finite(document))


def _check_memory(need: int) -> None:
    there = psutil.virtual_memory().total
    if need > there:
        raise InvalidInput(
            sentence(
                f"This machine has {there // MB:,} MB of memory",
                f"a training that needs about {need // MB:,} MB",
                "Use a smaller batch_size, fewer units or less music.",
            ),
            code="too_large",
        )


def _tightness(need: int, device: str) -> list[str]:
    free = psutil.virtual_memory().available
    if device != "cpu" or need < 0.9 * free:
        return []
    return [f"About {need // MB:,} MB are needed and {free // MB:,} MB are free: the machine may become slow."]


if __name__ == "__main__":
    child_main(plan)
