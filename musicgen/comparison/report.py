"""A comparison as one HTML file that opens from disk, without a server and without a network.

    write_report("song-…", "output-…", Path("report.html"))  →  comparison, sound, pictures → child: reporting

Light to import: it measures, renders and compresses in children. report_facts.py has what it says, report_page.py
how it looks, reporting.py the sound and the pictures in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from musicgen.clips.pictures import ensure_pictures
from musicgen.clips.sounding import ensure_audio
from musicgen.comparison.comparison import comparison
from musicgen.comparison.report_facts import Excerpts, report_facts
from musicgen.comparison.sides import open_sides
from musicgen.processes import run_child

MODULE = "musicgen.comparison.reporting"
SECONDS = 300.0
MEMORY_MB = 4096
STEPS = 5  # measuring, rendering, sound of each side, writing

OnProgress = Callable[[str, int, int], None]


def write_report(
    reference: str | Path,
    generated: str | Path,
    path: Path,
    *,
    excerpts: Excerpts = (None, None),
    on_progress: OnProgress = lambda *_: None,
) -> int:
    """Write the report; returns its size in bytes.

    Args:
        reference, generated: a song id, an output id, or the path of a music file.
        path: the new file; its folder must exist.
        excerpts: (start, stop) in seconds of each side; None: see `evaluation.stretches.choose_stretches`.
        on_progress: called with (what is being done, steps done, steps in all).

    Raises: see `comparison`; ResourceUnavailable if sound cannot be rendered or the disk is full.
    """
    on_progress("measuring", 0, STEPS)
    measured = comparison(reference, generated, reference_stretch=excerpts[0], generated_stretch=excerpts[1])
    with open_sides(reference, generated) as sides:
        on_progress("rendering", 1, STEPS)
        clips = [side.open() for side in sides]
        for clip in clips:
            ensure_audio(clip)
            ensure_pictures(clip)
        payload = {
            "facts": report_facts((reference, generated), clips, measured, excerpts),
            "folders": [str(clip.folder.resolve()) for clip in clips],
            "path": str(path.resolve()),
        }
        made = run_child(
            MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB,
            on_line=lambda line: on_progress(line["phase"], line["done"], STEPS),
        )  # fmt: skip
    return int(made["size"])


def report_bytes(
    reference: str | Path,
    generated: str | Path,
    *,
    excerpts: Excerpts = (None, None),
    on_progress: OnProgress = lambda *_: None,
) -> bytes:
    """The report as the content of a file."""
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        path = Path(folder, "report.html")
        write_report(reference, generated, path, excerpts=excerpts, on_progress=on_progress)
        return path.read_bytes()
