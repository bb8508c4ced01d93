"""Long arrays in an unnamed file: the system keeps in memory only what is being read."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.settings import settings

SMALL = 16 << 20  # bytes; arrays up to this size stay in memory


def mapped(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Parts of shape (n,) end to end, read-only; the file is deleted with the array."""
    if sum(part.nbytes for part in parts) <= SMALL:
        together = np.concatenate(parts)
        together.flags.writeable = False
        return together
    home = settings().home
    with tempfile.TemporaryFile(dir=home if home.is_dir() else None) as file:
        for part in parts:
            file.write(np.ascontiguousarray(part).data)
        file.flush()
        return np.asarray(np.memmap(file, parts[0].dtype, "r", shape=(sum(part.size for part in parts),)))
