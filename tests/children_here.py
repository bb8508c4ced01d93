"""Children without processes, for tests of what is shown: the function of a child runs where it is asked for.

A process of its own loads libraries for one to three seconds each time. That it works, is limited and ends is tested
where processes are (test_processes), and each page has a test with a real one. Payload, messages and result go
through JSON here too, and errors arrive as they do from a process.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from musicgen import child, errors, processes
from musicgen.processes import Child

# Those that load no framework and change nothing of the process that they are in.
HERE = ("musicgen.clips.", "musicgen.comparison.", "musicgen.evaluation.", "musicgen.listening.")
ALWAYS_A_PROCESS = ("musicgen.clips.engraving",)  # Verovio is not made for several threads
_asked = threading.local()  # `on_line`: of the child that runs in this thread


class _Messages:
    """Where `send_line` writes: to whoever asked in this thread."""

    def write(self, line: bytes) -> None:
        if _asked.on_line is not None:
            _asked.on_line(json.loads(line))

    def flush(self) -> None:
        pass


class ChildHere:
    """As much of `Child` as `run_child` needs."""

    def __init__(self, module: str, payload: Mapping[str, Any], **_limits: Any) -> None:
        self.module, self.payload = module, json.loads(json.dumps(payload, allow_nan=False))

    def __enter__(self) -> ChildHere:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def answer(self, _seconds: float, on_line: Callable[[dict[str, Any]], None] | None = None) -> Any:
        module = importlib.import_module(self.module)
        named = re.search(r"^    child_main\((\w+)\)$", Path(str(module.__file__)).read_text(encoding="utf-8"), re.M)
        assert named is not None, f"{self.module} is no child"
        before, _asked.on_line = getattr(_asked, "on_line", None), on_line
        try:
            result = getattr(module, named[1])(self.payload)
        except (errors.MusicgenError, errors.Cancelled) as error:
            raise child.error_from_json(child.error_to_json(error)) or error from None
        except Exception as error:
            raise processes.ChildError(traceback.format_exc()) from error
        finally:
            _asked.on_line = before
        return json.loads(json.dumps(result, allow_nan=False))


def children_here(patch: pytest.MonkeyPatch) -> None:
    """Let light children run in this process until the patch is undone."""

    def chosen(module: str, payload: Mapping[str, Any] | None, **limits: Any) -> Child | ChildHere:
        is_here = payload is not None and module.startswith(HERE) and module not in ALWAYS_A_PROCESS
        return ChildHere(module, payload or {}, **limits) if is_here else Child(module, payload, **limits)

    patch.setattr(processes, "Child", chosen)
    patch.setattr(child, "_source", sys.stdin)
    patch.setattr(child, "_sink", _Messages())
