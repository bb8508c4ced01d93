"""Floating-point operations a second that earlier trainings reached here, per approach and device: for estimates."""

from __future__ import annotations

import os

from musicgen.runs.locks import FileLock
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

CPU_CORE_SPEED = 5e9  # what small recurrent networks reach on one core before anything was measured
GPU_SPEED = 5e11
NEWEST_COUNTS = 0.5  # how much of the stored figure a new measurement replaces


def _speeds() -> dict[str, float]:
    try:
        found = read_json(home() / "speeds.json", {})
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def speed(approach: str, device: str) -> float:
    """FLOP/s to reckon with: measured where there was a training, else a plain guess from the device."""
    stored = _speeds().get(f"{approach}/{device}")
    if isinstance(stored, (int, float)) and stored > 0:
        return float(stored)
    return GPU_SPEED if device.startswith("gpu") else CPU_CORE_SPEED * min(os.cpu_count() or 1, 8)


def is_measured(approach: str, device: str) -> bool:
    return f"{approach}/{device}" in _speeds()


def remember_speed(approach: str, device: str, flops_per_second: float) -> None:
    """Blend a new measurement in."""
    if not 1e3 < flops_per_second < 1e18:
        return
    with FileLock(home() / ".speeds.lock"):
        stored = _speeds()
        key = f"{approach}/{device}"
        before = stored.get(key, flops_per_second)
        stored[key] = (1 - NEWEST_COUNTS) * before + NEWEST_COUNTS * flops_per_second
        write_json(home() / "speeds.json", stored)
