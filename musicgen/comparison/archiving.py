"""Child: packs the files of an output into a zip archive. Started by `archive.output_zip`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from musicgen.child import child_main
from musicgen.storage.files import noticing_a_full_disk

PACKED = (".mp3", ".flac", ".ogg", ".m4a", ".pdf")  # do not get smaller
README = "README.txt"


def pack_files(payload: dict[str, Any]) -> dict[str, int]:
    """payload: `files` (name → path), `left_out` (name → why), `name` of the output, `path` of the archive. Returns its
    size. Names are file names, never paths. No dates are stored: the same files give the same archive."""
    path = Path(payload["path"])
    with noticing_a_full_disk(path.parent, "An archive is written whole"), zipfile.ZipFile(path, "w") as archive:
        for name, source in payload["files"].items():
            kind = zipfile.ZIP_STORED if Path(name).suffix in PACKED else zipfile.ZIP_DEFLATED
            entry = zipfile.ZipInfo(name)
            entry.compress_type = kind
            with open(source, "rb") as content, archive.open(entry, "w", force_zip64=True) as sink:
                while piece := content.read(1 << 20):
                    sink.write(piece)
        archive.writestr(zipfile.ZipInfo(README), _readme(payload).encode())
    return {"size": path.stat().st_size}


def _readme(payload: dict[str, Any]) -> str:
    lines = [
        payload["name"],
        "",
        "This music was made by a network with musicgen. Open report.html in a browser to hear it beside an original.",
        "settings.json says how it was made: run, weights, seed, settings, prompt and versions.",
    ]
    if payload["left_out"]:
        lines += ["", "Left out:", *(f"- {name}: {why}" for name, why in payload["left_out"].items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    child_main(pack_files)
