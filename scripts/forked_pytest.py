"""Processes of pytest that need not load large libraries themselves: they are forked from this one, which has.

Loading the framework takes four seconds of a processor, and a run of the suite has two dozen processes that compute
with it. What depends on the environment, such as the flags of the compiler, is read when a process first computes, so
each can have its own. Nothing is computed here: a process that has started the framework's threads cannot be forked.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
import traceback
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

# By the kind of tests. What is loaded stays, so those that need less come first.
LOADED = {
    "app": ("streamlit.testing.v1", "plotly.graph_objects"),
    "framework": ("musicgen.networks.backend", "numba", "scipy.signal"),
}
LOADED["numeric"] = LOADED["framework"]
# A library with a plugin is loaded by then, so pytest cannot change the plugin's assertions. Nothing here asks for it.
LATE = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
CAN_FORK = sys.platform == "linux"


def fork_pytest(kind: str, arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> int:
    """Start pytest with these arguments in a process of its own, with what is `LOADED` for tests of this kind → its
    number. `output`: where it prints."""
    _load(kind)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _become_new(environment, output)
        code = int(pytest.main([*LATE, *arguments]))
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@cache
def _load(kind: str) -> None:
    with _quiet():
        for name in LOADED[kind]:
            importlib.import_module(name)
    gc.freeze()  # memory that is looked at by the collector would be copied


@contextmanager
def _quiet() -> Iterator[None]:
    """The framework greets on the error output of the process, past Python."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _become_new(environment: Mapping[str, str], output: Path) -> None:
    """Leave to the parent what is the parent's: its files, and what it does when it ends."""
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    atexit._clear()
    os.environ.clear()
    os.environ.update(environment)
    nothing, printed = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for own, standard in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(own, standard)
    os.close(nothing)
    os.close(printed)
