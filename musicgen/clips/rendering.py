"""Child: renders score.mid to audio.wav. Started by `sounding.ensure_audio`, which holds the clip's lock."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.clips.writing import add_sound
from musicgen.machine import give_way
from musicgen.settings import settings
from musicgen.storage.files import noticing_a_full_disk

PREFIX = ".rendering-"
NICENESS = 5  # the page that shows the notes meanwhile comes first


def render(payload: dict[str, Any]) -> dict[str, str]:
    """payload: `folder` of the clip. Returns the name of the renderer."""
    from musicgen.symbolic.rendering import render_midi

    give_way(min(settings().niceness, NICENESS))
    clip = Clip(Path(payload["folder"]))
    for left_over in clip.folder.glob(f"{PREFIX}*"):  # from a rendering that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=clip.folder) as place:
        path = Path(place, "audio.wav")
        with noticing_a_full_disk(clip.folder, "The sound of a score is stored whole"):
            renderer = render_midi(clip.score_path, path)
        add_sound(clip, path, renderer=renderer)
    return {"renderer": renderer}


if __name__ == "__main__":
    child_main(render)
