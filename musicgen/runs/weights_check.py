"""Checks that a file of weights holds finite numbers and nothing else, block by block. Loads no framework.

A file is one NumPy array, or a zip archive of uncompressed arrays, as `networks.bundle` writes them, so it never
unpacks to more than its size."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from musicgen.storage.zips import open_zip

MAX_ARRAYS = 20_000
BLOCK_NUMBERS = 1 << 20
KINDS = "fiub"  # floating point, integers, booleans


def fault(path: Path) -> str:
    """What is wrong with the file, in a few words; empty if nothing is. Raises RejectedFile, BadZipFile, OSError or
    ValueError if it is not such a file at all."""
    if path.suffix == ".npy":
        with open(path, "rb") as file:
            return _fault(file, path.stat().st_size)
    with open_zip(path, MAX_ARRAYS, f"A network may have at most {MAX_ARRAYS:,} arrays", "") as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                return f"{entry.filename[:80]!r}, which is compressed"
            with archive.open(entry) as file:
                if found := _fault(file, entry.file_size):
                    return f"{found} in {entry.filename[:80]!r}"
    return ""


def _fault(file: IO[Any], size: int) -> str:
    shape, dtype = _header(file)
    count = math.prod(shape)
    if dtype.hasobject or dtype.kind not in KINDS:
        return f"an array of {dtype}"
    if size - file.tell() != count * dtype.itemsize:
        return f"{size - file.tell():,} bytes for {count:,} numbers"
    left = count
    while left:
        block = np.frombuffer(file.read(min(left, BLOCK_NUMBERS) * dtype.itemsize), dtype)
        if not block.size:
            return "an end before the last number"
        if dtype.kind == "f" and not np.isfinite(block).all():
            return "weights that are not finite numbers"
        left -= block.size
    return ""


def _header(file: IO[Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
