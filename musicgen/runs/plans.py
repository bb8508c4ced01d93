"""What a training would be, before it is started: computed in a child process from the songs, or remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from musicgen.approaches import approach as find_approach
from musicgen.errors import MusicgenError
from musicgen.processes import run_child
from musicgen.runs.devices import check_device, list_devices
from musicgen.runs.launching import framework_settings
from musicgen.runs.leaving_out import LeftOut
from musicgen.runs.planner import PLANNER
from musicgen.runs.remembered_plans import remember, remembered
from musicgen.runs.room import check_room, tightness
from musicgen.runs.song_choices import SongChoice, chosen_songs, sorted_songs
from musicgen.runs.speeds import is_measured, speed, speed_name
from musicgen.runs.submissions import read_training

PLANNING_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """The facts and estimates of a training.

    Attributes:
        facts, floors, warnings: what `prepare` found in the songs.
        networks: how many. parameters: trainable weights of each (one number, or one per network if they differ).
        seconds_per_epoch: estimate from the speed of earlier runs of this approach on this device; `is_measured`: if
        they had steps of this size.
        memory_bytes: estimate of the peak.
        left_out: the songs left out, each with id, name and reason.
        flops_per_epoch, flops_per_step: operations, in closed form.
    """

    facts: dict[str, Any]
    floors: dict[str, float]
    warnings: tuple[str, ...]
    networks: int
    parameters: int
    seconds_per_epoch: float
    memory_bytes: int
    is_measured: bool = False
    left_out: tuple[dict[str, str], ...] = ()
    flops_per_epoch: float = 0.0
    flops_per_step: float = 0.0


def plan_training(
    approach_key: str,
    choices: Sequence[SongChoice],
    training: Mapping[str, Any],
    *,
    preset: str = "",
    seed: int = 0,
    device: str = "auto",
    build: bool = False,
    leave_out: bool = False,
    on_progress: Callable[[str, int, int], None] | None = None,
    again_soon: bool = False,
) -> Plan:
    """Prepare the songs as a training would, without a framework. With `build`, the networks are built too and
    `parameters` is counted from them. `leave_out`: see `submit_training`. `on_progress`: (phase, songs done, total).
    `again_soon`: other settings will be asked for, so the songs stay prepared in a process that stays for a while.

    The same songs with settings that change nothing that is found are not prepared again: see `remembered_plans`.

    Raises MusicgenError if the training is impossible."""
    approach = find_approach(approach_key)
    parameters = read_training(approach, training, preset)
    songs, left_out = sorted_songs(approach, choices) if leave_out else (chosen_songs(approach, choices), [])
    request = {
        "approach": approach_key,
        "training": parameters.model_dump(mode="json"),
        "songs": [{**song, "medium": approach.medium} for song in songs],
        "leave_out": leave_out,
        "tells": on_progress is not None,
        "seed": seed,
        "build": build,
        "device": _device(device),
    }
    found = remembered(request)
    if found is None:
        found = _found(request, on_progress, again_soon)
        remember(request, found)
    return _plan(speed_name(approach, parameters), str(request["device"]), found, left_out)


def expect_plans(device: str = "auto") -> None:
    """Start the process that makes plans, where a person is about to ask for some. Never raises."""
    with suppress(MusicgenError, OSError):
        PLANNER.start(framework_settings(_device(device)))


def plans_come_at_once() -> bool:
    """Whether the process that makes plans is there, so that most take a fraction of a second."""
    return PLANNER.pid is not None


def _found(
    request: dict[str, Any], on_progress: Callable[[str, int, int], None] | None, again_soon: bool
) -> dict[str, Any]:
    """The answer of `planning.plan`, from the process that stays or from one of its own."""

    def on_line(line: dict[str, Any]) -> None:
        if on_progress is not None:
            on_progress(line["phase"], line["done"], line["total"])

    environment = framework_settings(str(request["device"]))
    if again_soon and not request["build"]:
        found = PLANNER.ask(request, environment, PLANNING_SECONDS, on_line)
        if found is not None:
            return found
    return dict(
        run_child("musicgen.runs.planning", request, seconds=PLANNING_SECONDS, environment=environment, on_line=on_line)
    )


def _plan(name: str, device: str, found: Mapping[str, Any], left_out: Sequence[LeftOut]) -> Plan:
    """With what depends on the moment: the free memory, and the speed of the runs so far."""
    need, here = int(found["memory_bytes"]), (device, float(found["flops_per_step"]))
    check_room(need, device)
    return Plan(
        facts=found["facts"],
        floors=found["floors"],
        warnings=(*found["warnings"], *tightness(need, device)),
        networks=found["networks"],
        parameters=found["parameters"],
        seconds_per_epoch=found["flops_per_epoch"] / speed(name, *here),
        memory_bytes=need,
        is_measured=is_measured(name, *here),
        left_out=(*(each.to_json() for each in left_out), *found["left_out"]),
        flops_per_epoch=float(found["flops_per_epoch"]),
        flops_per_step=float(found["flops_per_step"]),
    )


def _device(wanted: str) -> str:
    """The device that a training would get if all were free."""
    check_device(wanted)
    names = [device.id for device in list_devices()]
    return names[min(1, len(names) - 1)] if wanted == "auto" else wanted
