"""The progress of a task: a small file that the worker replaces a few times a second, with the estimated time left.

No fsync: progress may be lost in a power cut. Knows no database.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

SECONDS_BETWEEN_WRITES = 0.25
RECENT_STEPS = 32
RECENT_EPOCHS = 5
WORDS = ("phase", "device")  # the fields that are text; all others are numbers


def read_progress(path: Path) -> dict[str, Any]:
    """The latest progress; {} if there is none. Values that are neither text nor finite numbers are left out."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if value is None or _fits(name, value)}


def _fits(name: str, value: Any) -> bool:
    if name in WORDS:
        return isinstance(value, str)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def elapsed_seconds(path: Path) -> float | None:
    """Seconds of work on a task, from its progress; None if unknown."""
    told = read_progress(path).get("elapsed_seconds")
    if not isinstance(told, (int, float)) or isinstance(told, bool):
        return None
    return float(told) if math.isfinite(told) and told >= 0 else None


def finite(value: Any) -> Any:
    """The same JSON with None for NaN and infinity, and plain numbers for NumPy's."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return finite(value.tolist())
    return float(value) if math.isfinite(float(value)) else None


class ProgressFile:
    """Writes the progress of one task. `sequence` grows with every write: if it stands still, the task hangs."""

    def __init__(self, path: Path, *, clock: Any = time.monotonic, **fields: Any) -> None:
        self.path = path
        self.fields: dict[str, Any] = {"sequence": int(read_progress(path).get("sequence") or 0), **fields}
        self._clock, self._began = clock, clock()
        self._elapsed_before = float(fields.get("elapsed_seconds") or 0.0)
        self._written_at = -math.inf

    def elapsed(self) -> float:
        """Seconds of work on this task, including earlier periods."""
        return self._elapsed_before + float(self._clock()) - self._began

    def update(self, **fields: Any) -> None:
        """Update `fields`, and write them if the last write is long enough ago."""
        self.fields |= fields
        if self._clock() - self._written_at >= SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self, **fields: Any) -> None:
        """Write now."""
        self.fields |= fields
        self._written_at = self._clock()
        self.fields["sequence"] += 1
        self.fields["elapsed_seconds"] = self.elapsed()
        temporary = self.path.with_name(f".{self.path.name}")
        try:
            temporary.write_text(json.dumps(finite(self.fields)))
            os.replace(temporary, self.path)
        except OSError:  # a full disk is reported when a checkpoint is saved
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


class TimeLeft:
    """Seconds left in a training: from the median wall time of recent epochs (with validation and saving); during the
    first epoch, from the median time of recent steps. The median ignores the slow first steps."""

    def __init__(self, epochs: int, *, clock: Any = time.monotonic) -> None:
        self.epochs = epochs
        self._clock = clock
        self._epoch_began = clock()
        self._epochs: deque[float] = deque(maxlen=RECENT_EPOCHS)
        self._steps: deque[float] = deque(maxlen=RECENT_STEPS)
        self._last: tuple[float, int] | None = None
        self._first: tuple[float, int] | None = None
        self._is_first = True

    @property
    def step_seconds(self) -> float | None:
        return median(self._steps) if self._steps else None

    def step(self, done: int) -> None:
        """`done` steps of the present epoch are finished."""
        clock = self._clock()
        if self._last is not None and done > self._last[1]:
            self._steps.append((clock - self._last[0]) / (done - self._last[1]))
        if self._first is None:
            self._first = (clock - self._epoch_began, done)
        self._last = (clock, done)

    def epoch_ended(self) -> float:
        """Record the wall time of the epoch that just ended, including validation and saving."""
        clock = self._clock()
        seconds = clock - self._epoch_began
        if self._is_first:
            # It included compilation. How much is unknown from a single report of steps, so it is not guessed.
            if self._first is not None and self.step_seconds is not None:
                compiling = self._first[0] - self._first[1] * self.step_seconds
                self._epochs.append(seconds - max(compiling, 0.0))
        else:
            self._epochs.append(seconds)
        self._epoch_began, self._last, self._is_first = clock, None, False
        return seconds

    def leave_out(self, seconds: float) -> None:
        """These seconds since the last epoch ended were not spent on the next one."""
        self._epoch_began += seconds

    def seconds_left(self, epochs_done: int, done: int = 0, steps: int = 0) -> float | None:
        """Estimate after `done` of `steps` steps of the epoch that follows `epochs_done`; None while unknown."""
        remaining = self.epochs - epochs_done
        if remaining <= 0:
            return 0.0
        step_seconds = self.step_seconds or 0.0
        if self._epochs:
            epoch_seconds = median(self._epochs)
            running = max(epoch_seconds - (self._clock() - self._epoch_began), (steps - done) * step_seconds, 0.0)
        elif step_seconds and steps:
            epoch_seconds = steps * step_seconds
            running = max(steps - done, 0) * step_seconds
        else:
            return None
        return running + (remaining - 1) * epoch_seconds
