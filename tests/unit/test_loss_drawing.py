"""The small picture of a loss curve: the right numbers at the right places, and names are text."""

from __future__ import annotations

import re
from itertools import pairwise
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from musicgen.comparison.loss_drawing import BOTTOM, HEIGHT, TOP, LossDrawing, run_drawing, runs_drawing

ROWS = [{"epoch": each, "loss": 4.0 / each, "val_loss": 4.4 / each} for each in (1, 2, 3)]


def rings(drawing: LossDrawing) -> list[tuple[str, str]]:
    return re.findall(r'<circle class="best" cx="([\d.]+)%" cy="([\d.]+)"', drawing.svg)


def levels(drawing: LossDrawing) -> list[float]:
    """Heights of the dashed lines, pixels from the top."""
    return [float(each) for each in re.findall(r'class="(?:own-)?floor"[^>]* y1="([\d.]+)"', drawing.svg)]


def test_it_has_floors_a_ring_and_only_finite_losses() -> None:
    drawn = run_drawing([*ROWS, {"epoch": 4, "loss": float("nan"), "val_loss": None}], {"<b>": 2.0}, 3)
    ElementTree.fromstring(drawn.svg)
    assert len(levels(drawn)) == 1
    assert "&lt;b&gt; 2" in drawn.svg
    assert "<b>" not in drawn.svg + drawn.legend
    assert "nan" not in drawn.svg
    ((x, y),) = rings(drawn)
    assert f'<circle cx="{x}%" cy="{y}" r="2.5" fill="#7566ee"/>' in drawn.svg, "the ring is around the best epoch"
    assert "<title>epoch 3: training 1.333, validation 1.467</title>" in drawn.svg
    assert "best: epoch 3" in drawn.legend
    assert run_drawing([], {"uniform": 2.0}, None).svg == ""


def test_heights_are_in_proportion_and_widths_leave_room_for_the_epochs_to_come() -> None:
    drawn = run_drawing([{"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 1.0}], {"a": 2.0}, None, epochs=4)
    ((line,),) = [re.findall(r'points="([^"]+)"', drawn.svg)]
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in line.split())
    assert (x1, x2) == (125.0, 375.0), "thousandths of the axis of four epochs"
    assert levels(drawn)[0] == pytest.approx((y1 + y2) / 2, abs=0.1)
    assert TOP < y1 < y2 < HEIGHT - BOTTOM


def test_wide_losses_are_on_a_logarithmic_axis_and_labels_do_not_cover_each_other() -> None:
    floors = {"one": 1000.0, "two": 10.0, "three": 10.0001, "four": 0.1}
    drawn = run_drawing([{"epoch": 1, "loss": 900.0}], floors, None)
    one, two, _, four = levels(drawn)
    assert two == pytest.approx((one + four) / 2, abs=0.2)
    labels = sorted(float(y) for y in re.findall(r'y="([\d.-]+)" text-anchor="end">(?:one|two|three|four)', drawn.svg))
    assert len(labels) == 4
    assert min(b - a for a, b in pairwise(labels)) >= 13.9


def test_long_trainings_have_few_columns_and_no_dots() -> None:
    rows = [{"epoch": each, "loss": 1 / each} for each in range(1, 3001)]
    svg = run_drawing(rows, {}, 3000).svg
    assert svg.count('class="column"') <= 120
    assert svg.count("<circle") == 1
    assert len(svg) < 120_000


def test_runs_have_their_colours_and_their_lowest_floors() -> None:
    runs = [
        SimpleNamespace(name="<i>", history=ROWS, prepared={"floors": {"uniform": 4.2, "bigram": 2.3}}),
        SimpleNamespace(name="new", history=[], prepared={}),
    ]
    drawn = runs_drawing(runs, ("#111111", "#222222"))  # type: ignore[arg-type]
    assert len(levels(drawn)) == 1
    assert drawn.levels[0].name == "bigram"
    assert drawn.svg.count('stroke="#111111"') == 2, "the curve and its floor"
    assert "#222222" not in drawn.svg
    assert "&lt;i&gt;" in drawn.legend
