"""The loss of a run by epoch, with its floors, as a small SVG picture for a report. Pure text; draws nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from musicgen.evaluation.curves import useful_floors

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 130, 14, 34
WIDE = 50.0  # losses and floors that differ by more than this factor get a logarithmic axis
LABEL_PIXELS = 14.0


def curve_svg(history: Sequence[Mapping[str, Any]], floors: Mapping[str, float], best_epoch: int | None) -> str:
    """An <svg> with training and validation loss, floors as dashed lines, a ring for the best epoch; empty without
    epochs. `history`: rows of a run; losses that are not finite are left out."""
    curves = {name: _points(history, column) for name, column in (("training", "loss"), ("validation", "val_loss"))}
    levels = useful_floors(floors)
    values = [*levels.values(), *(loss for points in curves.values() for _, loss in points)]
    if not curves["training"] and not curves["validation"]:
        return ""
    scale = _Scale(values, max(epoch for points in curves.values() for epoch, _ in points))
    parts = [_axis(scale)]
    at = scale.apart([scale.y(level) for level in levels.values()])
    for (name, level), label in zip(levels.items(), at, strict=True):
        y = scale.y(level)
        parts.append(f'<line class="floor" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{label + 4:.1f}">{escape(name.replace("_", " "))}</text>')
    for name, points in curves.items():
        places = " ".join(f"{scale.x(epoch):.1f},{scale.y(loss):.1f}" for epoch, loss in points)
        parts.append(f'<polyline class="{name}" points="{places}"/>' if points else "")
    parts += [
        _ring(scale, epoch, loss) for epoch, loss in curves["validation"] or curves["training"] if epoch == best_epoch
    ]
    words = f"Loss by epoch, from {values_words(curves)}. Dashed: losses that need no network."
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(words)}">'
        f"{''.join(parts)}</svg>"
    )


def values_words(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """`4 to 1 (training)`, for those who cannot see the picture."""
    said = [f"{points[0][1]:.3g} to {points[-1][1]:.3g} ({name})" for name, points in curves.items() if points]
    return " and ".join(said)


class _Scale:
    """Epochs and losses to pixels."""

    def __init__(self, values: Sequence[float], epochs: int) -> None:
        self.is_log = min(values) > 0 and max(values) / min(values) > WIDE
        shown = [self.level(value) for value in values]
        margin = 0.05 * (max(shown) - min(shown)) or 0.5
        self.low, self.high, self.epochs = min(shown) - margin, max(shown) + margin, epochs

    def level(self, loss: float) -> float:
        return math.log10(loss) if self.is_log else loss

    def x(self, epoch: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(self.epochs - 1, 1)

    def y(self, loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - self.level(loss)) / (self.high - self.low)

    def marks(self) -> list[float]:
        """Four losses for the axis, evenly spaced on it."""
        places = [self.low + (self.high - self.low) * part / 3 for part in range(4)]
        return [10**place if self.is_log else place for place in places]

    def apart(self, places: Sequence[float]) -> list[float]:
        """Heights of labels, moved down where two would lie on each other."""
        moved = [0.0] * len(places)
        last = -math.inf
        for index in sorted(range(len(places)), key=lambda each: places[each]):
            moved[index] = last = max(places[index], last + LABEL_PIXELS)
        return moved


def _points(history: Sequence[Mapping[str, Any]], column: str) -> list[tuple[int, float]]:
    found = ((int(row["epoch"]), row.get(column)) for row in history)
    return [(epoch, float(loss)) for epoch, loss in found if loss is not None and math.isfinite(loss)]


def _axis(scale: _Scale) -> str:
    lines = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>']
    for loss in scale.marks():
        lines.append(f'<text x="{LEFT - 6}" y="{scale.y(loss) + 4:.1f}" text-anchor="end">{loss:.3g}</text>')
    for epoch in sorted({1, max(1, scale.epochs // 2), scale.epochs}):
        lines.append(f'<text x="{scale.x(epoch):.1f}" y="{HEIGHT - 16}" text-anchor="middle">{epoch}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    return "".join([*lines, f'<text x="{middle}" y="{HEIGHT - 2}" text-anchor="middle">epoch</text>'])


def _ring(scale: _Scale, epoch: int, loss: float) -> str:
    return f'<circle class="best" cx="{scale.x(epoch):.1f}" cy="{scale.y(loss):.1f}" r="6"/>'
