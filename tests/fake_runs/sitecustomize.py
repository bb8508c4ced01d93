"""Loaded by every Python with this folder on its PYTHONPATH: the registry then has the approach `ticking`, and the
backend is one that loads no framework. So workers can be killed a hundred times without waiting for TensorFlow."""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PRELOAD = "MUSICGEN_TEST_PRELOAD"

# A worker's environment is an allow-list that LD_PRELOAD is not on: it begins once more, with the library.
if (library := os.environ.get(PRELOAD)) and os.environ.get("LD_PRELOAD") != library:
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "LD_PRELOAD": library})


class Fakes(MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name == "musicgen.approaches":
            spec = PathFinder.find_spec(name, path)
            assert spec is not None
            assert spec.submodule_search_locations is not None
            spec.submodule_search_locations.append(str(HERE / "approaches"))
            return spec
        if name in ("musicgen.networks.backend", "musicgen.runs.preload"):
            return spec_from_file_location(name, HERE / f"{name.rpartition('.')[2]}.py")
        return None


sys.meta_path.insert(0, Fakes())
