"""Losses by epoch as a small SVG picture, for pages and reports. Pure text: a browser needs no library to show it.

The picture is as wide as its place: heights are pixels, widths are percentages, so that text keeps its size. Colours of
text and axes come from the style sheet (class `curve`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from musicgen.evaluation.curves import row_loss, useful_floors

if TYPE_CHECKING:
    from musicgen.runs.records import Run

HEIGHT, TOP, BOTTOM = 270, 24, 38  # pixels
LEFT, RIGHT = 9.0, 99.0  # where the axis of the epochs begins and ends, percent of the width
UNITS = 1000  # across the axis, for the lines
WIDE = 50.0  # losses that differ by more than this factor get a logarithmic axis
LABEL_PIXELS = 14.0
DOTS = 40  # with more epochs, a line has no dots
COLUMNS = 120  # at most, that show their values when the mouse rests on them
TRAINING, VALIDATION, BEST = "#8591a5", "#7566ee", "#d9822b"


@dataclass(frozen=True)
class Curve:
    """Losses of one kind or of one run, as (epoch, loss)."""

    name: str
    colour: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Level:
    """A loss that needs no network, as a dashed line; without a `colour`, that of the text."""

    name: str
    loss: float
    colour: str = ""


@dataclass(frozen=True)
class LossDrawing:
    """What is drawn.

    Attributes:
        best: (epoch, loss) with a ring around it.
        epochs: how many there will be, so that the axis shows how many are left.
        along: what is counted instead of epochs. level_words: what the dashed lines are.
    """

    curves: Sequence[Curve]
    levels: Sequence[Level] = ()
    best: tuple[int, float] | None = None
    epochs: int = 1
    along: str = "epoch"
    level_words: str = "needs no network"

    @property
    def svg(self) -> str:
        """An <svg>; empty without losses."""
        curves = [curve for curve in self.curves if curve.points]
        if not curves:
            return ""
        scale = _Scale(self, curves)
        parts = [_axes(scale, self.along), *_levels(scale, self.levels), *(_line(scale, curve) for curve in curves)]
        if self.best is not None:
            x, y = scale.at(self.best)
            parts.append(f'<circle class="best" cx="{x}%" cy="{y}" r="6" fill="none" stroke="{BEST}"/>')
        parts += _columns(scale, curves, self.along)
        words = f"Loss by {self.along}, from {_first_and_last(curves)}. Dashed: {self.level_words}."
        return (
            f'<svg class="curve" width="100%" height="{HEIGHT}" role="img" aria-label="{escape(words)}">'
            f"{''.join(parts)}</svg>"
        )

    @property
    def legend(self) -> str:
        """What the colours mean, as HTML."""
        keys = [_key(f'<line x1="0" x2="18" y1="6" y2="6" stroke="{each.colour}"/>', each.name) for each in self.curves]
        if self.best is not None:
            ring = f'<circle cx="9" cy="6" r="4" fill="none" stroke="{BEST}"/>'
            keys.append(_key(ring, f"best: epoch {self.best[0]}"))
        if self.levels:
            keys.append(_key('<line class="floor" x1="0" x2="18" y1="6" y2="6"/>', self.level_words))
        return f'<div class="curve-legend">{"".join(keys)}</div>'


def run_drawing(
    history: Sequence[Mapping[str, Any]], floors: Mapping[str, float], best_epoch: int | None, *, epochs: int = 1
) -> LossDrawing:
    """Training and validation loss of one run with its floors. Losses that are not finite are left out."""
    kinds = (("training", "loss", TRAINING), ("validation", "val_loss", VALIDATION))
    curves = [Curve(name, colour, points) for name, key, colour in kinds if (points := _points(history, key))]
    levels = [Level(name.replace("_", " "), loss) for name, loss in useful_floors(floors).items()]
    best = next((point for point in (curves[-1].points if curves else ()) if point[0] == best_epoch), None)
    return LossDrawing(curves, levels, best, epochs)


def runs_drawing(runs: Sequence[Run], colours: Sequence[str]) -> LossDrawing:
    """The counting loss of each run; its lowest useful floor in the same colour."""
    curves, levels = [], []
    for number, run in enumerate(runs):
        colour = colours[number % len(colours)]
        points = [(int(row["epoch"]), loss) for row in run.history if (loss := row_loss(row)) is not None]
        curves.append(Curve(run.name, colour, points))
        floors = useful_floors(run.prepared.get("floors") or {})
        if floors and points:
            name = min(floors, key=lambda each: floors[each])
            levels.append(Level(name.replace("_", " "), floors[name], colour))
    return LossDrawing(curves, levels)


class _Scale:
    """Epochs and losses to places in the picture."""

    def __init__(self, drawing: LossDrawing, curves: Sequence[Curve]) -> None:
        values = [*(level.loss for level in drawing.levels), *(loss for each in curves for _, loss in each.points)]
        self.is_log = min(values) > 0 and max(values) / min(values) > WIDE
        shown = [self._level(value) for value in values]
        margin = 0.05 * (max(shown) - min(shown)) or 0.5
        self.low, self.high = min(shown) - margin, max(shown) + margin
        self.epochs = max(drawing.epochs, *(epoch for each in curves for epoch, _ in each.points))

    def _level(self, loss: float) -> float:
        return math.log10(loss) if self.is_log else loss

    def share(self, epoch: float) -> float:
        """Of the axis: half an epoch is left on both sides."""
        return (epoch - 0.5) / self.epochs

    def x(self, epoch: float) -> float:
        """Percent of the width."""
        return round(LEFT + (RIGHT - LEFT) * self.share(epoch), 3)

    def y(self, loss: float) -> float:
        """Pixels from the top."""
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (self.high - self._level(loss)) / (self.high - self.low), 1)

    def at(self, point: tuple[int, float]) -> tuple[float, float]:
        return self.x(point[0]), self.y(point[1])

    def marks(self) -> list[float]:
        """Round losses for the axis: about four of them."""
        if self.is_log:
            each = [size * 10.0**power for power in range(-12, 13) for size in (1, 2, 5)]
            inside = [loss for loss in each if self.low <= math.log10(loss) <= self.high]
            return inside if len(inside) <= 6 else [loss for loss in inside if math.log10(loss).is_integer()]
        step = next(size for size in _round_steps(-12) if (self.high - self.low) / size <= 5)
        return [step * number for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]

    def epoch_marks(self) -> list[int]:
        """Epochs for the axis: the first, and about five more at round numbers."""
        step = int(next(size for size in _round_steps(0) if size * 6 >= self.epochs))
        return [1, *range(step if step > 1 else 2, self.epochs + 1, step)]


def _round_steps(lowest: int) -> Iterator[float]:
    """1, 2, 5, 10, 20 … times ten to the power of `lowest`."""
    return (size * 10.0**power for power in range(lowest, 19) for size in (1, 2, 5))


def _points(history: Sequence[Mapping[str, Any]], column: str) -> list[tuple[int, float]]:
    found = ((int(row["epoch"]), row.get(column)) for row in history)
    return [(epoch, float(loss)) for epoch, loss in found if loss is not None and math.isfinite(loss)]


def _axes(scale: _Scale, along: str) -> str:
    bottom = HEIGHT - BOTTOM
    lines = [f'<line class="axis" x1="{LEFT}%" x2="{RIGHT}%" y1="{bottom}" y2="{bottom}"/>']
    for loss in scale.marks():
        y = scale.y(loss)
        lines.append(f'<text x="{LEFT - 1}%" y="{y + 4:.1f}" text-anchor="end">{loss:.3g}</text>')
    for epoch in scale.epoch_marks():
        lines.append(f'<text x="{scale.x(epoch)}%" y="{bottom + 16}" text-anchor="middle">{epoch:,}</text>')
    return "".join([*lines, f'<text x="{(LEFT + RIGHT) / 2}%" y="{HEIGHT - 5}" text-anchor="middle">{along}</text>'])


def _levels(scale: _Scale, levels: Sequence[Level]) -> list[str]:
    parts = []
    words = list(dict.fromkeys((f"{escape(level.name)} {level.loss:.4g}", level.loss) for level in levels))
    labels = _apart([scale.y(loss) - 4 for _, loss in words])
    for (text, _), label in zip(words, labels, strict=True):
        parts.append(f'<text x="{RIGHT}%" y="{label:.1f}" text-anchor="end">{text}</text>')
    for level in levels:
        y, colour = scale.y(level.loss), f' stroke="{level.colour}"' if level.colour else ""
        kind = "own-floor" if level.colour else "floor"
        parts.append(f'<line class="{kind}"{colour} x1="{LEFT}%" x2="{RIGHT}%" y1="{y}" y2="{y}"/>')
    return parts


def _apart(places: Sequence[float]) -> list[float]:
    """Heights of labels, moved up where two would lie on each other."""
    moved = [0.0] * len(places)
    last = math.inf
    for index in sorted(range(len(places)), key=lambda each: -places[each]):
        moved[index] = last = min(places[index], last - LABEL_PIXELS)
    return moved


def _line(scale: _Scale, curve: Curve) -> str:
    """The line in an <svg> of its own, which is stretched to the width; dots beside it, which are not."""
    places = " ".join(f"{UNITS * scale.share(epoch):.1f},{scale.y(loss)}" for epoch, loss in curve.points)
    stretched = (
        f'<svg x="{LEFT}%" y="0" width="{RIGHT - LEFT}%" height="{HEIGHT}" viewBox="0 0 {UNITS} {HEIGHT}" '
        f'preserveAspectRatio="none"><polyline fill="none" stroke="{curve.colour}" points="{places}"/></svg>'
    )
    if len(curve.points) >= DOTS:
        return stretched
    dots = (f'<circle cx="{x}%" cy="{y}" r="2.5" fill="{curve.colour}"/>' for x, y in map(scale.at, curve.points))
    return stretched + "".join(dots)


def _columns(scale: _Scale, curves: Sequence[Curve], along: str) -> list[str]:
    """An invisible column for each epoch, which shows its losses when the mouse rests on it."""
    by_epoch: dict[int, list[str]] = {}
    for curve in curves:
        for epoch, loss in curve.points:
            by_epoch.setdefault(epoch, []).append(f"{curve.name} {loss:.4g}")
    every = math.ceil(len(by_epoch) / COLUMNS)
    width = (RIGHT - LEFT) / scale.epochs * every
    return [
        f'<rect class="column" x="{scale.x(epoch) - width / 2:.3f}%" y="0" width="{width:.3f}%" '
        f'height="{HEIGHT - BOTTOM}"><title>{along} {epoch}: {escape(", ".join(words))}</title></rect>'
        for number, (epoch, words) in enumerate(sorted(by_epoch.items()))
        if number % every == 0
    ]


def _first_and_last(curves: Sequence[Curve]) -> str:
    """`4 to 1 (training)`, for those who cannot see the picture."""
    return " and ".join(f"{each.points[0][1]:.3g} to {each.points[-1][1]:.3g} ({each.name})" for each in curves)


def _key(sign: str, words: str) -> str:
    return f'<span><svg width="18" height="12" aria-hidden="true">{sign}</svg> {escape(words)}</span>'
