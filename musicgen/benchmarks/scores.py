"""How soon a score can be seen: from the start of its child process to the first page in the clip's folder."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from musicgen.benchmarks import Line
from musicgen.clips import Clip, write_score_clip
from musicgen.clips.sheets import FOLDER, ensure_pages
from musicgen.symbolic.score import Score, TimeSignature, Track, make_notes

BARS, PARTS, BEATS = 100, 4, 4
LIMIT_SECONDS = 1.0
ROUNDS = 7


def hundred_bars() -> Line:
    """A quartet of 100 bars in quarters and eighths, against the second that a visitor is willing to wait."""
    with tempfile.TemporaryDirectory() as folder:
        clip = write_score_clip(Path(folder, "quartet"), _quartet())
        waits = [_wait(clip) for _ in range(ROUNDS)]
    return Line(
        "score_first_page", statistics.median(waits), LIMIT_SECONDS, "one second",
        f"s to the first page of {BARS} bars in {PARTS} parts, process included", less_is_better=True,
    )  # fmt: skip


def _wait(clip: Clip) -> float:
    """Seconds until the first page is stored."""
    shutil.rmtree(clip.folder / FOLDER, ignore_errors=True)
    seen: list[float] = []
    began = time.perf_counter()
    ensure_pages(clip, (1,), on_page=lambda *_: seen.append(time.perf_counter()))
    return seen[0] - began


def _quartet() -> Score:
    """Random walks in C major: eight notes to the bar in the upper parts, four in the lower ones."""
    random, scale = np.random.default_rng(0), np.array([0, 2, 4, 5, 7, 9, 11])
    columns = []
    for part, (middle, notes) in enumerate(zip((37, 33, 29, 23), (8, 8, 4, 4), strict=True)):
        steps = middle + np.clip(np.cumsum(random.integers(-2, 3, BARS * notes)), -6, 6)
        length = 480 * BEATS // notes
        columns.append(make_notes(np.arange(steps.size) * length, length, steps // 7 * 12 + scale[steps % 7], 80, part))
    return Score(
        np.concatenate(columns),
        tracks=tuple(Track(name, program) for name, program in zip("ABCD", (40, 40, 41, 42), strict=True)),
        time_signatures=(TimeSignature(0, BEATS, 4),),
    )


LINES = {"score_first_page": hundred_bars}
