"""In a child process: prepare the songs and compute the estimates. Started by `plans`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import psutil

from musicgen.approaches import approach as find_approach
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, sentence
from musicgen.processes import child_main, send_line
from musicgen.runs.leaving_out import as_warnings, prepare_what_can_be_learned
from musicgen.runs.progress import finite
from musicgen.runs.songs_of_runs import find_songs, missing_songs, told_when_read
from musicgen.runs.speeds import flops_per_step

MB = 1_000_000
SECONDS_BETWEEN = 0.1


def plan(request: dict[str, Any]) -> dict[str, Any]:
    """facts, floors, warnings, left_out, networks, parameters, flops_per_epoch, flops_per_step, memory_bytes. Reports
    meanwhile how many songs were read, if requested."""
    approach = find_approach(request["approach"])
    training = read_parameters(approach.Training, request["training"])
    songs, missing = find_songs(request["songs"])
    if missing:
        raise missing_songs(missing)
    teller = _Teller()
    if request.get("tells"):
        songs = told_when_read(songs, teller.read)
    if request.get("leave_out"):
        prepared, _, left_out = prepare_what_can_be_learned(
            approach, songs, training, seed=request["seed"], on_song=teller.checked if request.get("tells") else None
        )
    else:
        prepared, left_out = approach.prepare(songs, training, seed=request["seed"]), []
    cost = approach.cost(prepared, training)
    if request["device"] == "cpu":
        _check_memory(cost.memory_bytes)
    document = {
        "facts": prepared.facts,
        "floors": prepared.floors,
        "warnings": [*prepared.warnings, *as_warnings(left_out), *_tightness(cost.memory_bytes, request["device"])],
        "left_out": [each.to_json() for each in left_out],
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


class _Teller:
    """Sends how many songs were read, a few times a second."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def read(self, done: int, total: int) -> None:
        self._tell("reading", done, total)

    def checked(self, done: int, total: int) -> None:
        self._tell("checking each song", done, total)

    def _tell(self, phase: str, done: int, total: int) -> None:
        clock = time.monotonic()
        if done == total or clock - self._told_at >= SECONDS_BETWEEN:
            self._told_at = clock
            send_line({"phase": phase, "done": done, "total": total})


def _check_memory(need: int) -> None:
    there = psutil.virtual_memory().total
    if need > there:
        raise InvalidInput(
            sentence(
                f"A training must fit into the {there // MB:,} MB of memory of this machine",
                f"one that needs about {need // MB:,} MB",
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
