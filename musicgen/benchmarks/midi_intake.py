"""MIDI files read a second: our preflight and parser against a music21 parse of the same files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from musicgen.benchmarks import Line, paired, rate

COUNT = 20


def _files(folder: Path) -> list[Path]:
    from musicgen.songs.samples import make_sample

    make_sample("ten_chorales", folder)
    return sorted(folder.rglob("*.mid"))[:COUNT]


def measure() -> Line:
    """Files per second, on chorales written by the sample maker."""
    from musicgen.symbolic.midi import read_midi
    from musicgen.symbolic.music21_locked import music21_locked

    converter = music21_locked().converter
    with tempfile.TemporaryDirectory() as scratch:
        files = _files(Path(scratch))

        def ours() -> int:
            for path in files * 20:
                read_midi(path.read_bytes())
            return len(files) * 20

        def music21() -> int:
            for path in files:
                converter.parseFile(os.fspath(path), format="midi", forceSource=True)
            return len(files)

        rates = paired(lambda: rate(ours), lambda: rate(music21))
    return Line("midi_intake", *rates, baseline_name="music21 parse", unit="files/s")
