"""Child: converts a clip to another format. Started by `exports.export_path`."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.clips.exports import SHEET_EXPORTS
from musicgen.clips.sheets import ensure_pages
from musicgen.storage.files import noticing_a_full_disk, sync_file


def convert(payload: dict[str, Any]) -> dict[str, int]:
    """payload: `folder` of the clip, `format`, `path` of the new file. Returns its size."""
    clip, format, path = Clip(Path(payload["folder"])), payload["format"], Path(payload["path"])
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.{path.name}")
    try:
        with noticing_a_full_disk(path.parent, "A download is written whole"):
            _write(clip, format, temporary)
        sync_file(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return {"size": path.stat().st_size}


def _write(clip: Clip, format: str, path: Path) -> None:
    if format == "musicxml":
        from musicgen.symbolic.notation import score_to_musicxml

        path.write_bytes(score_to_musicxml(clip.score()))
    elif format in SHEET_EXPORTS:
        path.write_bytes(_sheet(clip, format))
    else:
        from musicgen.audio.encoding import encode_file

        encode_file(clip.audio_path, path, format)


def _sheet(clip: Clip, format: str) -> bytes:
    """All pages as one file; they are made already."""
    from musicgen.symbolic.engraving.pages import join_pages
    from musicgen.symbolic.engraving.pdf import pages_to_pdf

    sheet = ensure_pages(clip, None)
    pages = [page.path.read_bytes() for page in sheet.pages if page.path is not None]
    return join_pages(pages) if format == "svg" else pages_to_pdf(pages)


if __name__ == "__main__":
    child_main(convert)
