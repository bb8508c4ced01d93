"""The monitor of a generation: progress, drafts, and the user's request to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from musicgen.runs.control import Control
from musicgen.runs.drafts import DraftWriter
from musicgen.runs.progress import ProgressFile

if TYPE_CHECKING:
    from musicgen.audio.waveform import Waveform
    from musicgen.symbolic.score import Score


class GenerationMonitor:
    """Implements contract.monitor.Monitor for a generation."""

    def __init__(
        self, control: Control, progress: ProgressFile, notice: Callable[[str], None], drafts: DraftWriter
    ) -> None:
        self.control, self.progress_file, self.notice = control, progress, notice
        self.drafts = drafts
        self._phase, self._began, self._done_at_start = "", 0.0, 0

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        if phase != self._phase:
            self._phase, self._began, self._done_at_start = phase, time.monotonic(), done
        made = done - self._done_at_start
        left = (time.monotonic() - self._began) / made * (total - done) if made > 0 else None
        shown = {"phase": phase, "step": done, "steps": total, "seconds_left": left}
        self.progress_file.update(**details | shown)
        self.control.check()

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        self.drafts.offer(make, done, total)

    def epoch_ended(self, row: Any, save: Any) -> None:
        """Never called: a generation has no epochs."""
