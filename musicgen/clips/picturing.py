"""Child: makes the pictures of a clip. Started by `pictures.ensure_pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.clips.pictures import write_pictures


def make(payload: dict[str, Any]) -> list[str]:
    """payload: `folder` of the clip. Returns the names of what was made."""
    return write_pictures(Clip(Path(payload["folder"])))


if __name__ == "__main__":
    child_main(make)
