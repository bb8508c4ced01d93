"""The weights of a starter: written in half precision without pickles, and read into networks. Workers only.

Half precision is enough to start from: training changes every weight by more. Its last bits are random and cannot be
packed, so they are rounded off.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters, read_parameters
from musicgen.errors import InvalidInput, MusicgenError, sentence
from musicgen.networks.bundle import Networks
from musicgen.starters.card import CARD, MAX_BYTES, Starter, damaged, read_starter
from musicgen.storage.files import write_bytes

# What reading a file may raise if some of its bytes are wrong.
UNREADABLE = (
    *(MusicgenError, OSError, ValueError, KeyError, TypeError, IndexError, EOFError, RuntimeError),
    *(NotImplementedError, zipfile.BadZipFile, zlib.error),
)
ROUNDED_BITS = 3  # of the ten after the leading one: an error of at most 0.4 %


def write_starter(path: Path, starter: Starter, networks: Networks) -> None:
    """Write the file. Raises InvalidInput if it would be too large."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(CARD, starter.model_dump_json(indent=1))
        for name, model in networks.models.items():
            for number, variable in enumerate(model.weights):
                with archive.open(_entry(name, number), "w") as stream:
                    np.lib.format.write_array(stream, _halved(variable.numpy()), version=(1, 0), allow_pickle=False)
    if len(content.getvalue()) > MAX_BYTES:
        rule = f"A starter has at most {MAX_BYTES:,} bytes"
        raise InvalidInput(sentence(rule, f"{len(content.getvalue()):,}", "Choose a smaller network."))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content.getvalue())


def read_networks(path: Path, approach: Approach) -> tuple[Networks, Any, TrainingParameters, Starter]:
    """(networks with the weights of the file, codec, training parameters, card). Raises NotFound or DamagedFile."""
    starter = read_starter(path)
    try:
        training = read_parameters(approach.Training, starter.training)
        codec = approach.codec_from_json(starter.codec)
        networks: Any = approach.build(codec, training)
        with zipfile.ZipFile(path) as archive:
            for name, model in networks.models.items():
                for number, variable in enumerate(model.weights):
                    variable.assign(_read(archive, _entry(name, number), tuple(variable.shape)))
    except UNREADABLE as error:
        raise damaged(path, error) from error
    return networks, codec, training, starter


def _entry(name: str, number: int) -> str:
    return f"weights/{name}/{number:03d}.npy"


def _halved(values: NDArray[Any]) -> NDArray[np.float16]:
    """In half precision, with the last bits rounded to 0."""
    bits = np.ascontiguousarray(values, dtype=np.float16).view(np.uint16).astype(np.uint32)
    rounded = (bits + (1 << (ROUNDED_BITS - 1))) >> ROUNDED_BITS << ROUNDED_BITS
    return rounded.astype(np.uint16).view(np.float16)


def _read(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """One array; its size is checked before it is made. Raises ValueError or KeyError."""
    size = 2 * math.prod(shape)
    with archive.open(name) as stream:
        if _header(stream) != (shape, False, np.dtype(np.float16)):
            raise ValueError(f"{name} is no array of {shape} in half precision")
        raw = stream.read(size + 1)
    if len(raw) != size:
        raise ValueError(f"{name} has {len(raw)} bytes or more, not {size}")
    values = np.frombuffer(raw, dtype=np.float16).reshape(shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are not finite")
    return values


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("another version of the array format")
    return np.lib.format.read_array_header_1_0(stream)
