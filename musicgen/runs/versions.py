"""The versions that a sidecar and a checkpoint record. Imports none of the libraries."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import musicgen
from musicgen.machine import processor

RECORDED = ("keras", "numpy", "scipy", "symusic")


def version_of(package: str) -> str | None:
    """Installed version, without importing the package; None if it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def backend_name() -> str:
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def versions() -> dict[str, str | None]:
    """JSON: musicgen, python, platform, processor, backend and the libraries that affect results."""
    backend = backend_name()
    return {
        "musicgen": musicgen.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "backend": backend,
        backend: version_of(backend),
        **{name: version_of(name) for name in RECORDED},
    }
