"""Floating-point operations a second reached by earlier trainings here, to estimate the time per epoch.

Stored per approach, device and size of a training step (its power of ten): small steps are limited by overhead, large
ones by the processor. An approach may name parameters that have a speed of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters
from musicgen.contract.prepared import Cost
from musicgen.machine import usable_cores
from musicgen.runs.locks import FileLock
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

# Before anything was measured: the speed of one core on steps of a million operations, the gain with each power of ten,
# and its upper limit. Fitted to all approaches on two kinds of two-core machines; right within a factor of 2 or 3.
CORE_SPEED, FASTER_A_POWER, FASTEST_CORE = 5e9, 1.6, 5e10
GPU_SPEED = 5e11
NEWEST_COUNTS = 0.5  # the weight of a new measurement against the stored one


def speed_name(approach: Approach[Any, Any], training: TrainingParameters) -> str:
    """What speeds are kept under: the approach, with the values of parameters that have a speed of their own."""
    return "+".join([approach.key, *(f"{name}={getattr(training, name)}" for name in approach.own_speed)])


def flops_per_step(cost: Cost, facts: Mapping[str, Any], training: TrainingParameters) -> float:
    """Operations of one optimiser step; those of an epoch if the batches are unknown."""
    windows, batch_size = facts.get("n_windows"), getattr(training, "batch_size", None)
    if not windows or not batch_size:
        return cost.flops_per_epoch
    return cost.flops_per_epoch / max(1, math.ceil(windows / batch_size))


def speed(approach: str, device: str, step: float) -> float:
    """Expected FLOP/s for steps of this many operations: as measured for steps of the nearest size, else a guess from
    the device."""
    stored = _measured(approach, device)
    if stored:
        return stored[min(stored, key=lambda size: abs(size - _size(step)))]
    return GPU_SPEED if device.startswith("gpu") else _guess(step) * min(usable_cores(), 8)


def is_measured(approach: str, device: str, step: float) -> bool:
    """Whether a training with steps of this size was measured here."""
    return _size(step) in _measured(approach, device)


def remember_speed(approach: str, device: str, step: float, flops_per_second: float) -> None:
    """Average in a new measurement."""
    if not 1e3 < flops_per_second < 1e18:
        return
    with FileLock(home() / ".speeds.lock"):
        stored, key = _stored(), f"{approach}/{device}/{_size(step)}"
        before = stored.get(key, flops_per_second)
        stored[key] = (1 - NEWEST_COUNTS) * before + NEWEST_COUNTS * flops_per_second
        write_json(home() / "speeds.json", stored)


def when_measured() -> int:
    """Another number after each measurement; 0 before the first."""
    try:
        return (home() / "speeds.json").stat().st_mtime_ns
    except OSError:
        return 0


def _guess(step: float) -> float:
    """FLOP/s of one core, before anything was measured: the larger the step, the smaller the overhead."""
    return min(CORE_SPEED * FASTER_A_POWER ** (math.log10(max(step, 1.0)) - 6), FASTEST_CORE)


def _size(step: float) -> int:
    return round(math.log10(max(step, 1.0)))


def _stored() -> dict[str, float]:
    try:
        found = read_json(home() / "speeds.json", {})
        stored = {str(key): float(value) for key, value in found.items()}
        return {key: value for key, value in stored.items() if math.isfinite(value)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _measured(approach: str, device: str) -> dict[int, float]:
    start = f"{approach}/{device}/"
    return {
        int(key.removeprefix(start)): value
        for key, value in _stored().items()
        if key.startswith(start) and key.removeprefix(start).isdigit() and value > 0
    }
