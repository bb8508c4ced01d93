"""Waits for a task in the queue with a progress bar on stderr. Ctrl-C asks the task to stop and waits until it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from musicgen.cli.shown import console
from musicgen.errors import MusicgenError
from musicgen.settings import home
from musicgen.storage.files import try_to_write

POLL_SECONDS = 0.25
SECONDS_BETWEEN_LINES = 3.0
LOOK_SECONDS = 10.0


def _words(state: str, progress: dict[str, Any]) -> str:
    if state in ("queued", "starting"):
        return state
    parts = [str(progress.get("phase") or state)]
    if progress.get("epochs"):
        parts.append(f"epoch {progress.get('epoch', 0)}/{progress['epochs']}")
    if progress.get("loss") is not None:
        parts.append(f"loss {progress['loss']:.4g}")
    return ", ".join(parts)


@contextmanager
def counting(title: str, what: str = "songs") -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr for work that can be counted; if stderr is no terminal, a line every few seconds.

    `what`: is counted. Yields a function to call with (phase, done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    told_at = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(title, total=None)

        def on_progress(phase: str, done: int, total: int) -> None:
            nonlocal told_at
            is_done = done >= total  # the work after this is not counted
            bars.update(bar, description=f"{title}, {phase}", completed=done, total=None if is_done else total)
            if not console.is_terminal and time.monotonic() - told_at >= SECONDS_BETWEEN_LINES:
                told_at = time.monotonic()
                console.print(f"{title}, {phase}: {done:,} of {total:,} {what}")

        yield on_progress


class _Watch:
    """Notices when no worker can start because nothing can be written: then the record cannot be told either."""

    def __init__(self) -> None:
        self._looked_at = time.monotonic()

    def look(self, seen: Any) -> None:
        """Raises OSError. The task stays in the queue and starts when there is room."""
        from musicgen.runs.liveness import has_worker  # imports the record, which most commands do not need

        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        task = getattr(seen, "task", seen)
        if not has_worker({"kind": task.kind, "run_id": task.run_id, "id": task.id}):
            try_to_write(home())


def wait_for(look: Any, cancel: Any) -> Any:
    """Poll `look()` (a Run or Task) until it is at rest, and return it. The first Ctrl-C calls `cancel()`.

    Raises OSError if it cannot start because the disk is full."""
    asked, watch = False, _Watch()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bars:
        bar = bars.add_task("queued", total=None)
        while True:
            try:
                seen = look()
                done = seen.progress.get("step") or seen.progress.get("done") or 0
                total = seen.progress.get("steps") or seen.progress.get("total")
                bars.update(bar, description=_words(seen.state, seen.progress), completed=done, total=total)
                if not seen.is_active:
                    return seen
                watch.look(seen)
                time.sleep(POLL_SECONDS)
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                console.print("Stopping. What was learned or made so far is kept. Press Ctrl-C again to leave at once.")
                cancel()


def raise_if_failed(seen: Any) -> None:
    """Raise an error with reason and advice if a run or task failed or paused by itself (full disk, time limit).
    A pause that the user asked for has no reason."""
    if seen.state == "failed" or (seen.state == "paused" and seen.reason):
        raise MusicgenError(" ".join(part for part in (seen.reason, seen.advice) if part))
