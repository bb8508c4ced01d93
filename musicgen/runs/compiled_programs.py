"""Compiled programs, kept on disk from one process to the next, so that only the first one waits for the compiler.

TensorFlow's compiler can write each program that it makes for a processor to a folder, and read it from there. But it
trusts every file in it: a damaged one ends the work. So each process has a folder of its own. What is kept is checked
and linked into it before the library is loaded; what the compiler adds to it is kept after the work, under a name with
its checksum. `compiled/<key>/` has the programs of one version and one processor: another one could compute something
else with them, or nothing.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from musicgen.errors import MusicgenError
from musicgen.machine import processor, processor_features, usable_cores
from musicgen.runs import identity
from musicgen.runs.versions import backend_name, version_of
from musicgen.settings import home, settings
from musicgen.storage.files import check_free_space, sync_file, sync_folder

FOLDER = "compiled"
OPTIONS = "TF_XLA_FLAGS"
OPTION = "--tf_xla_persistent_cache_directory="
SUFFIX = ".pb"  # of what the compiler has finished; before, the names end with .tmp
WORK = "work-"
SUM_BYTES = 16
DAYS = 7
MEGABYTE = 1_000_000

_open: KeptPrograms | None = None


def open_programs(device: str) -> None:
    """Let this process read and keep compiled programs. Call it before the library is loaded; after that, or where the
    library cannot (on a GPU, with JAX), it does nothing. Called again, it lets the process read what others have kept
    since: one that was made ready had to wait for its task. Nothing depends on it: without room it is left out."""
    global _open
    if _open is not None:
        with suppress(OSError):
            _open.read_again()
        return
    if device != "cpu" or backend_name() != "tensorflow" or "tensorflow" in sys.modules:
        return
    if not settings().compiled_mb or OPTION in os.environ.get(OPTIONS, ""):
        return
    with suppress(OSError, MusicgenError):
        check_free_space(settings().compiled_mb * MEGABYTE)
        _open = KeptPrograms(home() / FOLDER / _key())
        os.environ[OPTIONS] = f"{os.environ.get(OPTIONS, '')} {OPTION}{_open.work}".strip()
        atexit.register(_open.close)


def keep_programs() -> None:
    """Keep what has been compiled since `open_programs`."""
    if _open is not None:
        with suppress(OSError, MusicgenError):
            check_free_space(settings().compiled_mb * MEGABYTE)
            _open.keep(settings().compiled_mb * MEGABYTE)


def _key() -> str:
    """Changes with all that the compiler adapts its programs to."""
    told = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(("TF_", "XLA_")))
    parts = [version_of("tensorflow"), processor(), *processor_features(), usable_cores(), *told]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:SUM_BYTES]


class KeptPrograms:
    """The programs of one key, and the folder of this process.

    Attributes:
        folder: `<checksum>-<name>`, what is kept.
        work: `<name>`, what the compiler reads and writes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / f"{WORK}{_machine()}-{os.getpid()}-{identity.started(os.getpid())}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_left_over()
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        self.read_again()

    def read_again(self) -> None:
        """Let the compiler read what is kept and intact by now."""
        for kept in self._kept():
            if (self.work / _name(kept)).exists():
                continue
            if (name := _name_if_intact(kept)) is None:
                kept.unlink(missing_ok=True)
            else:
                _link(kept, self.work / name)

    def keep(self, most_bytes: int) -> None:
        """Keep what is new in `work`, and remove the oldest until at most `most_bytes` are left."""
        names = {_name(path) for path in self._kept()}
        new = [path for path in self.work.iterdir() if path.suffix == SUFFIX and path.name not in names]
        for path in new:
            sync_file(path)
            _link(path, self.folder / f"{_checksum(path)}-{path.name}")
        if new:
            sync_folder(self.folder)
        self._remove_oldest(most_bytes)

    def close(self) -> None:
        """Remove the folder of this process."""
        shutil.rmtree(self.work, ignore_errors=True)

    def _kept(self) -> Iterator[Path]:
        return (path for path in self.folder.iterdir() if path.suffix == SUFFIX)

    def _remove_oldest(self, most_bytes: int) -> None:
        total = 0
        for time_ns, size, path in sorted(map(_age, self._kept()), reverse=True):
            del time_ns
            total += size
            if total > most_bytes:
                path.unlink(missing_ok=True)

    def _remove_left_over(self) -> None:
        """The folders of processes that were killed. Those of another machine, or of this one before it was started
        again, go when they are old."""
        for path in self.folder.glob(f"{WORK}*"):
            _, machine, pid, started = [*path.name.split("-", 3), "", "", ""][:4]
            if machine == _machine():
                is_dead = not pid.isdecimal() or identity.started(int(pid)) != started
            else:
                is_dead = time.time() - path.stat().st_mtime > DAYS * 86_400
            if is_dead:
                shutil.rmtree(path, ignore_errors=True)


def _machine() -> str:
    """Tells machines that share the folder apart."""
    return identity.boot_id()[:8] or "here"


def _age(path: Path) -> tuple[int, int, Path]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size, path


def _name(kept: Path) -> str:
    return kept.name.partition("-")[2]


def _name_if_intact(kept: Path) -> str | None:
    checksum, _, name = kept.name.partition("-")
    return name if checksum == _checksum(kept) else None


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[: 2 * SUM_BYTES]


def _link(path: Path, to: Path) -> None:
    """The same file under another name; a copy where the file system cannot."""
    try:
        os.link(path, to)
    except FileExistsError:
        pass
    except OSError:
        temporary = to.with_name(f"{to.name}.tmp")
        shutil.copyfile(path, temporary)
        os.replace(temporary, to)
