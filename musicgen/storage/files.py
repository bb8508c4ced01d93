"""Files that appear whole or not at all. Anything published is written to a temporary name, synced, then renamed."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from musicgen.errors import DamagedFile, MusicgenError, ResourceUnavailable, StorageUnavailable, sentence
from musicgen.faults import is_storage_fault
from musicgen.settings import home, settings

CHUNK = 1 << 20
FULL_BYTES = 1_000_000  # with less than this free, a failed write is put down to a full disk
TRIED_BYTES = 64 * 1024
FEW = 16  # up to this many files and folders are synced one by one; more in one call, if the system can


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut (where the system can)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def sync_tree(paths: Sequence[Path]) -> None:
    """Sync files, and folders with their contents, all on one file system. Raises OSError."""
    if len(paths) > FEW and _sync_file_system(paths[0]):
        return
    for path in paths:
        if path.is_dir():
            sync_tree(list(path.iterdir()))
            sync_folder(path)
        else:
            sync_file(path)


def sync_folders(folders: Sequence[Path]) -> None:
    """`sync_folder` for each, all on one file system."""
    if len(folders) > FEW and _sync_file_system(folders[0]):
        return
    for folder in folders:
        sync_folder(folder)


def _sync_file_system(path: Path) -> bool:
    """Sync the whole file system of `path`: for a thousand small files a hundred times faster than one by one. False if
    the system cannot."""
    call = _syncfs()
    if call is None:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if call(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
    return True


@cache
def _syncfs() -> Callable[[int], int] | None:
    """The system call of that name, which only Linux has."""
    try:
        return ctypes.CDLL(None, use_errno=True).syncfs  # type: ignore[no-any-return]
    except (OSError, AttributeError, TypeError):
        return None


def write_bytes(path: Path, content: bytes, *, survives_power_cut: bool = True) -> None:
    """Publish `content` under `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        if survives_power_cut:
            os.fsync(file.fileno())
    if survives_power_cut:
        sync_folder(path.parent)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path` if the block succeeds. Errors name `path`."""
    temporary = path.with_name(f".{uuid.uuid4().hex}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, document: Any, *, survives_power_cut: bool = True) -> None:
    """Publish a JSON document; refuses NaN, which is not JSON."""
    content = json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode()
    write_bytes(path, content, survives_power_cut=survives_power_cut)


def read_json(path: Path, default: Any = None, *, remedy: str = "") -> Any:
    """The document, or `default` if the file does not exist. Raises DamagedFile, which is also a ValueError."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except (ValueError, RecursionError) as error:
        raise damaged(path, "must be complete JSON", str(error), remedy) from error


def damaged(path: Path, rule: str, received: object, remedy: str = "") -> DamagedFile:
    """The error for a file of our own that cannot be understood. `rule` continues the sentence after its name."""
    # The last two folders tell whose it is; a full path would be too long for a sentence.
    name = "/".join(path.parts[-3:])
    remedy = (
        remedy or "Restore the file from a backup, or make again what it belongs to. Everything else works as before."
    )
    return DamagedFile(sentence(f"The file {name} {rule}", str(received)[:200], remedy), code="damaged_file")


@contextmanager
def publishing(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that becomes `folder` if the block succeeds, and is removed if not."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    temporary.mkdir(mode=0o700)
    try:
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                sync_file(path)
        sync_folder(temporary)
        os.rename(temporary, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def copy_out(source: Path, target: Path) -> None:
    """Copy a file to where the user wants it. An existing file stays until the copy is complete. Raises OSError."""
    if target.is_dir() or (
        target.exists() and not target.is_file()
    ):  # copyfile reports the error; a device simply takes the bytes
        shutil.copyfile(source, target)
        return
    with _replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def write_out(content: bytes, target: Path) -> None:
    """`copy_out` for bytes."""
    with _replacing(target) as temporary:
        temporary.write_bytes(content)


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def try_to_write(folder: Path) -> None:
    """Raises OSError if no file can be written there now."""
    path = folder / f".try-{uuid.uuid4().hex}"
    try:
        path.write_bytes(os.urandom(TRIED_BYTES))
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def noticing_a_full_disk(folder: Path, rule: str) -> Iterator[None]:
    """Put around libraries and programs that write into `folder`: on a full disk they report another error, or none."""
    try:
        yield
    except Exception as error:
        is_about_more = isinstance(error, MusicgenError) and not isinstance(error, ResourceUnavailable)
        free = shutil.disk_usage(folder).free
        if is_about_more or is_storage_fault(error) or free > FULL_BYTES:
            raise
        received, remedy = f"{free / 1e6:,.1f} MB free", "Make room on the disk and try again."
        raise StorageUnavailable(sentence(rule, received, remedy), code="disk_full") from error


def check_free_space(need_bytes: int = 0) -> None:
    """Raises StorageUnavailable if storing `need_bytes` would leave the disk too full to work."""
    free = shutil.disk_usage(home()).free
    floor = settings().min_free_mb * 1_000_000
    if free - need_bytes < floor:
        raise StorageUnavailable(
            sentence(
                f"At least {floor // 1_000_000} MB must stay free after storing this",
                f"{free / 1e6:,.1f} MB free, {need_bytes / 1e6:,.1f} MB needed",
                "Make room on the disk and try again.",
            ),
            code="disk_full",
        )


def blob_path(sha256: str, root: Path | None = None) -> Path:
    """`root`: the storage folder; `home()` by default."""
    return (root or home()).joinpath("blobs", sha256[:2], sha256[2:4], sha256)
