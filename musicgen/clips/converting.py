"""Child: a clip → a file in another format. Started by `exports.export_path`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.storage.files import write_bytes


def convert(payload: dict[str, Any]) -> dict[str, int]:
    """payload: `folder` of the clip, `format`, `path` to publish the file under. Returns its size."""
    clip, format, path = Clip(Path(payload["folder"])), payload["format"], Path(payload["path"])
    if format == "musicxml":
        from musicgen.symbolic.notation import score_to_musicxml

        content = score_to_musicxml(clip.score())
    else:
        from musicgen.audio.encoding import encode_audio

        content = encode_audio(clip.audio_path, format)
    write_bytes(path, content)
    return {"size": len(content)}


if __name__ == "__main__":
    child_main(convert)
