"""A disk that is really full, or really read-only: a file system of our own, mounted in a namespace of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.processes import ROOT

TESTS = Path(__file__).resolve().parent
SMALL = 'mount -t tmpfs -o size={size}m none "$MUSICGEN_HOME" && '
READ_ONLY = 'mount --bind "$MUSICGEN_HOME" "$MUSICGEN_HOME" && mount -o remount,ro,bind "$MUSICGEN_HOME" && '


def command(mount: str, *arguments: str) -> list[str]:
    """A command line that mounts on MUSICGEN_HOME, and runs this Python there."""
    script = mount + 'exec "$0" "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable, *arguments]


def need_mounting() -> None:
    """Skips the test, with the reason, where nothing can be mounted."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (Linux)")
    home = os.environ["MUSICGEN_HOME"]
    for mount in (SMALL.format(size=1), READ_ONLY):
        tried = subprocess.run(command(mount, "-c", "pass"), capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"no mounting here, on {home}: {tried.stderr.strip()[:100]}")


def run(mount: str, program: str, *arguments: str) -> str:
    """What the program printed; the test fails with what it complained of where it does not end well."""
    environment = {**os.environ, "MUSICGEN_MIN_FREE_MB": "0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS / ".." / "fake_runs"), str(ROOT), str(TESTS)])
    done = subprocess.run(
        command(mount, "-c", program, *arguments),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def fill(home: Path, free_bytes: int = 0) -> None:
    """Inside: fill the file system, but for so many bytes. `clear` empties it again."""
    clear(home)
    with open(home / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        file.truncate(max(file.tell() - free_bytes, 0) // 4096 * 4096)


def clear(home: Path) -> None:
    (home / "filler").unlink(missing_ok=True)


def call(*arguments: str) -> tuple[int, str, str]:
    """Inside: the command line in this process; its exit code, and what it printed to stdout and stderr."""
    import io

    from musicgen.cli import main

    with pytest.MonkeyPatch.context() as patch:
        out, err = io.StringIO(), io.StringIO()
        patch.setattr(sys, "argv", ["musicgen", *arguments])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as caught:
            main()
    return int(caught.value.code or 0), out.getvalue(), err.getvalue()
