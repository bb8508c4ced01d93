"""In a child process: prepare the songs and compute the estimates. Started by `plans` for one plan;
`planner_process` makes one after the other."""

from __future__ import annotations

import time
from typing import Any

from musicgen.processes import child_main, send_line
from musicgen.runs.preparing import Preparations, find
from musicgen.runs.progress import finite
from musicgen.runs.room import check_room

SECONDS_BETWEEN = 0.1


def plan(request: dict[str, Any], preparations: Preparations | None = None) -> dict[str, Any]:
    """facts, floors, warnings, left_out, networks, parameters, flops_per_epoch, flops_per_step, memory_bytes, and
    `settings`: the parameters that all of these depend on. Reports meanwhile how many songs were read, if requested.

    `preparations`: of earlier plans."""
    approach, training = find(request)
    teller = _Teller() if request.get("tells") else None
    planned = (preparations or Preparations()).plan(
        request, approach, training,
        on_read=teller.read if teller else None, on_checked=teller.checked if teller else None,
    )  # fmt: skip
    document = planned.to_json()
    if request["build"]:
        check_room(planned.cost.memory_bytes, request["device"])
        from musicgen.networks import backend

        backend.use_device(request["device"])
        networks = approach.build(planned.prepared.codec, training, seed=request["seed"])
        counted = networks.parameters
        document["networks"] = len(counted)
        document["parameters"] = counted[0] if len(set(counted)) == 1 else counted
        document["settings"] = training.model_dump(mode="json")  # what `build` looks at is not known
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


if __name__ == "__main__":
    child_main(plan)
