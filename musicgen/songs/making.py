"""Makes one sample; runs in a child process, because music21 is slow and large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musicgen.processes import child_main


def make(payload: dict[str, Any]) -> str:
    """payload: `key` of the sample, `folder` (empty) to make it in. Returns the path of its file, or of the folder."""
    from musicgen.songs.samples import make_sample

    return str(make_sample(payload["key"], Path(payload["folder"])))


if __name__ == "__main__":
    child_main(make)
