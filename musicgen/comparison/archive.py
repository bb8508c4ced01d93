"""An output as one zip archive: sound and notes in all formats, its settings, a report. Light: children do the work.

    output_zip("output-…")  →  exports (children) → report (child) → child: archiving

What cannot be made on this machine (m4a without FFmpeg) is left out, and README.txt in the archive says why.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.clips.exports import export_formats, export_path
from musicgen.comparison.report import write_report
from musicgen.errors import MusicgenError, NotFound
from musicgen.processes import run_child
from musicgen.runs.folders import SIDECAR
from musicgen.songs.names import file_name

if TYPE_CHECKING:
    from musicgen.runs.records import Output

MODULE = "musicgen.comparison.archiving"
SECONDS = 300.0
MEMORY_MB = 2048

OnProgress = Callable[[str, int, int], None]


def output_zip(output: Output, *, on_progress: OnProgress = lambda *_: None) -> bytes:
    """The archive. `on_progress` is called with (what is being made, files done, files in all).

    Raises ResourceUnavailable if the disk is full or time ran out."""
    formats = export_formats(output.medium)
    total = len(formats) + 2
    files, left_out = {}, {}
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        for done, format in enumerate(formats):
            on_progress(format, done, total)
            try:
                files[file_name(output.name, format)] = str(export_path(output.clip, format).resolve())
            except MusicgenError as error:
                left_out[file_name(output.name, format)] = str(error)
        on_progress("report", total - 2, total)
        report = Path(folder, "report.html")
        if reference := reference_of(output):
            write_report(reference, output.id, report)
            files["report.html"] = str(report)
        else:
            left_out["report.html"] = "A report needs a song to compare with, and none of this output's songs exists."
        files["settings.json"] = str((output.folder / SIDECAR).resolve())
        on_progress("zip", total - 1, total)
        path = Path(folder, "output.zip")
        payload = {"files": files, "left_out": left_out, "name": output.name, "path": str(path)}
        run_child(MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB)
        return path.read_bytes()


def reference_of(output: Output) -> str | None:
    """The song to compare an output with: the one it belongs to, its prompt, or the first of its run that is left."""
    from musicgen.songs.library import get_song

    sidecar = output.sidecar
    named = [(sidecar.get("reference") or {}).get("song_id"), (sidecar.get("prompt") or {}).get("id")]
    for song_id in [*named, *(song.get("id") for song in sidecar.get("songs") or ())]:
        if isinstance(song_id, str) and song_id.startswith("song-"):
            with suppress(NotFound):
                return get_song(song_id).id
    return None
