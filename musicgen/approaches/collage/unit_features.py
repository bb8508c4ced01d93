"""What a unit sounds like, and what it sounds like around its edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicgen.approaches.collage.frames import COEFFICIENTS, PITCH_CLASSES, Floats, SongFrames
from musicgen.approaches.collage.grid import Grid

EDGE_SECONDS = (0.02, 0.10)  # from an edge, on either side
AROUND_SECONDS = 2.0  # on either side of a unit, for how loud the music is there
SILENCE = 1e-10
# The parts of a unit's vector, and how much each counts.
PARTS = (
    ("timbre of the first half", COEFFICIENTS, 0.5),
    ("timbre of the second half", COEFFICIENTS, 0.5),
    ("harmony", PITCH_CLASSES, 1.2),
    ("level", 1, 0.2),
    ("attack", 1, 0.2),
)
WIDTH = sum(size for _, size, _ in PARTS)
EDGE_WIDTH = COEFFICIENTS + PITCH_CLASSES + 1


def unit_vectors(frames: SongFrames, grid: Grid) -> Floats:
    """One vector for each unit, (n, WIDTH); see PARTS."""
    made = np.empty((len(grid.places), WIDTH), dtype=np.float32)
    for number, (start, stop) in enumerate(zip(grid.edges[:-1], grid.edges[1:], strict=True)):
        middle = 0.5 * (start + stop)
        halves = [frames.timbre[frames.part(*each)].mean(axis=0) for each in ((start, middle), (middle, stop))]
        whole, attack = frames.part(start, stop), frames.part(start, start + 0.3 * (stop - start))
        level = _decibels(frames.power[whole].mean()) / 10.0
        made[number] = np.concatenate(
            [*halves, frames.harmony[whole].mean(axis=0), [level, frames.onset[attack].max()]]
        )
    return made


def edge_vectors(frames: SongFrames, grid: Grid) -> Floats:
    """Timbre, harmony and level just before (0) and just after (1) each edge, (n + 1, 2, EDGE_WIDTH)."""
    near, far = EDGE_SECONDS
    made = np.empty((len(grid.edges), 2, EDGE_WIDTH), dtype=np.float32)
    for number, edge in enumerate(grid.edges):
        for side, part in enumerate((frames.part(edge - far, edge - near), frames.part(edge + near, edge + far))):
            level = _decibels(frames.power[part].mean()) / 10.0
            made[number, side] = np.concatenate(
                [frames.timbre[part].mean(axis=0), 2.0 * frames.harmony[part].mean(axis=0), [level]]
            )
    return made


def loudness_around(frames: SongFrames, grid: Grid) -> Floats:
    """Level in dB of the music around each unit, (n,)."""
    edges = zip(grid.edges[:-1] - AROUND_SECONDS, grid.edges[1:] + AROUND_SECONDS, strict=True)
    return np.array([_decibels(frames.power[frames.part(*each)].mean()) for each in edges], dtype=np.float32)


def scaling(vectors: Floats) -> tuple[Floats, Floats]:
    """(mean, scale) of unit vectors: after (v - mean) · scale, the variance of each part is its weight."""
    mean = vectors.mean(axis=0)
    scale, first = np.empty(WIDTH, dtype=np.float32), 0
    for _, size, weight in PARTS:
        part = slice(first, first + size)
        variance = float(((vectors[:, part] - mean[part]) ** 2).mean(axis=0).sum())
        scale[part], first = np.sqrt(weight / max(variance, 1e-9)), first + size
    return mean, scale


def usual_distance(edges: Sequence[Floats]) -> Floats:
    """(2,): the mean squared distance of two edges, before and after them; a distance divided by it is usual at 1."""
    together = np.concatenate(edges).astype(np.float64)
    return np.maximum(2.0 * together.var(axis=0).sum(axis=1), 1e-9).astype(np.float32)


def _decibels(power: float) -> float:
    return 10.0 * float(np.log10(max(float(power), SILENCE)))
