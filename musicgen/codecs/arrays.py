"""Arrays of numbers inside a codec's JSON."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import CorruptArtifact, sentence


def array_to_text(values: NDArray[np.floating]) -> str:
    """float32, little-endian, as base64: a tenth of the size of a JSON list. Inverse: `text_to_array`."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def text_to_array(text: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Raises CorruptArtifact if the text does not hold exactly this many numbers."""
    expected = 4 * int(np.prod(shape))
    try:
        content = base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise CorruptArtifact(sentence("Stored numbers must be base64", error), code="codec_mismatch") from error
    if len(content) != expected:
        raise CorruptArtifact(
            sentence(f"Stored numbers of shape {shape} take {expected:,} bytes", f"{len(content):,}"),
            code="codec_mismatch",
        )
    return np.frombuffer(content, dtype="<f4").astype(np.float32).reshape(shape)
