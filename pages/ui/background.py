"""Slow work in the background of a page: started once per key in a few threads; a fragment checks until it is done.

Only light work belongs here: waiting for a child process, reading stored files. Nothing here draws.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWorking
from typing import Any

from musicgen.settings import home

KEPT = 64

_pool = ThreadPoolExecutor(max_workers=3, thread_name_prefix="page-work")
_lock = threading.Lock()
_work: OrderedDict[str, Future[Any]] = OrderedDict()
_latest: dict[str, str] = {}


def later(key: str, function: Callable[[], Any], *, group: str = "") -> Future[Any]:
    """The work with this `key`, started if it is new. `key` names the content (ids, hashes, settings), never a page.

    Work of the same `group` that has not started yet is dropped: only the newest plan of a form matters.
    """
    name = f"{home()}|{key}"
    with _lock:
        if name in _work and not _work[name].cancelled():
            _work.move_to_end(name)
            return _work[name]
        if group:
            _drop_waiting(group, name)
        _work[name] = _pool.submit(function)
        _trim()
        return _work[name]


def known(key: str) -> Future[Any] | None:
    """The work with this key, done or not; None if nobody asked for it, or so long ago that it was dropped."""
    with _lock:
        return _work.get(f"{home()}|{key}")


def forget(key: str) -> None:
    """Make the next `later` do the work again."""
    with _lock:
        _work.pop(f"{home()}|{key}", None)


def made_once(key: str, make: Callable[[], bytes]) -> bytes:
    """A file for one click: the result of `later`, which is then forgotten, because it is too large to be kept."""
    try:
        content: bytes = later(key, make).result()
    finally:
        forget(key)
    return content


def is_settled(future: Future[Any], seconds: float = 0.3) -> bool:
    """Wait a moment; True when there is a result or an error to show."""
    try:
        future.exception(timeout=seconds)
    except (StillWorking, CancelledError):
        return False
    return True


def _drop_waiting(group: str, name: str) -> None:
    before = _work.get(_latest.get(group, ""))
    if before is not None:
        before.cancel()
    _latest[group] = name


def _trim() -> None:
    for name in list(_work):
        if len(_work) <= KEPT:
            return
        if _work[name].done():
            del _work[name]
