"""Finds FFmpeg and starts it with limits and an empty environment. Children and doctor."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from musicgen.errors import ResourceUnavailable, sentence

try:
    import resource
except ImportError:  # Windows has no rlimits; only the parent's time limit applies
    resource = None  # type: ignore[assignment]

MEMORY_BYTES = 2 << 30
OPEN_FILES = 64
ASKING_SECONDS = 20.0


@lru_cache(maxsize=1)
def find_ffmpeg() -> tuple[Path, tuple[int, ...]]:
    """The newer of imageio-ffmpeg's binary and the system's, with its version. Raises ResourceUnavailable."""
    candidates = [(version, path) for path in _programs() if (version := _version(path)) is not None]
    if not candidates:
        remedy = "Install the requirements, or FFmpeg itself (sudo apt-get install ffmpeg)."
        raise ResourceUnavailable(
            sentence("M4A files need FFmpeg", "no FFmpeg on this machine", remedy), code="no_ffmpeg"
        )
    version, path = max(candidates)
    return path, version


def start_ffmpeg(
    arguments: list[str], *, folder: Path, cpu_seconds: float, file_bytes: int = 0
) -> subprocess.Popen[bytes]:
    """FFmpeg with pipes for output and messages, in the empty `folder`; it may write files of up to `file_bytes`."""
    program, _ = find_ffmpeg()
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}

    process = subprocess.Popen(
        [str(program), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=kept | {"LC_ALL": "C"},
    )
    _limit(process.pid, cpu_seconds, file_bytes)
    return process


def _limit(pid: int, cpu_seconds: float, file_bytes: int) -> None:
    # From outside, as `prlimit` does it: code between fork and exec is unsafe in a process with threads.
    if not hasattr(resource, "prlimit"):  # macOS, Windows: the limits of our own process are inherited
        return
    limits = {"AS": MEMORY_BYTES, "CPU": int(cpu_seconds) + 1, "FSIZE": file_bytes, "NOFILE": OPEN_FILES, "CORE": 0}
    with suppress(ProcessLookupError):  # it has ended already
        for name, most in limits.items():
            which = getattr(resource, f"RLIMIT_{name}")
            hard = resource.prlimit(pid, which)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, which, (most, most))


def _programs() -> list[Path]:
    found = [shutil.which("ffmpeg")]
    try:
        import imageio_ffmpeg

        found.append(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # not installed, or without a binary for this machine
        pass
    return [Path(program).resolve() for program in found if program]


def _version(program: Path) -> tuple[int, ...] | None:
    """(major, minor, …); (0,) for a build without a version number; None if it does not run."""
    try:
        done = subprocess.run(
            [str(program), "-version"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=ASKING_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(rb"ffmpeg version n?(\d+(?:\.\d+)*)", done.stdout)
    return tuple(map(int, match[1].split(b"."))) if match else (0,)
