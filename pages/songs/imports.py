"""Imports in progress. An import continues when its visitor clicks elsewhere, changes the page or closes the tab: a
thread that draws a page ends at the next click, but this one does not. It only waits; child processes do the work."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicgen.songs.intake import ImportReport

KEPT = 32
POLL_SECONDS = 0.15

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="import")
_imports: OrderedDict[str, Import] = OrderedDict()


@dataclass
class Import:
    """One import: what it is (in words), its progress, and finally its report."""

    words: str
    num_done: int = 0
    num_files: int = 0
    name: str = ""
    outcome: Future[ImportReport] = field(default_factory=Future)

    def on_progress(self, num_done: int, num_files: int, name: str = "") -> None:
        self.num_done, self.num_files, self.name = num_done, num_files, name

    @property
    def share(self) -> float:
        return min(self.num_done / self.num_files, 1.0) if self.num_files else 0.0


def start_import(words: str, work: Callable[[Callable[..., None]], ImportReport]) -> str:
    """Start an import; `work` gets a progress function. Returns the name by which `find_import` finds it."""
    begun = Import(words)
    begun.outcome = _pool.submit(work, begun.on_progress)
    name = uuid.uuid4().hex
    _imports[name] = begun
    while len(_imports) > KEPT:
        _imports.popitem(last=False)
    return name


def find_import(name: str | None) -> Import | None:
    """The import of this name, finished or not; None after a restart of the server."""
    return _imports.get(name or "")


def waiting(job: Import) -> Iterator[Any]:
    """Yields every now and then until the import is done, so that the page can stop waiting at any time."""
    while not job.outcome.done():
        yield job
        time.sleep(POLL_SECONDS)
