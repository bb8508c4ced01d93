"""Figures: the right numbers at the right places, and never many of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from pages.ui.charts import loss_figure


def valid(figure: dict[str, Any]) -> go.Figure:
    """Plotly refuses names and values it does not know."""
    return go.Figure(figure)


def history() -> list[dict[str, Any]]:
    return [{"epoch": n, "loss": 3.0 / n, "val_loss": 3.2 / n if n > 1 else None} for n in range(1, 6)]


def test_losses_show_floors_and_the_best_epoch() -> None:
    figure = loss_figure(history(), {"unigram_nats": 1.5}, best_epoch=5, epochs=10)
    assert [trace["name"] for trace in figure["data"]] == ["training", "validation", "best: epoch 5"]
    assert figure["data"][1]["x"] == [2, 3, 4, 5]
    assert figure["layout"]["xaxis"]["range"] == [0.5, 10.5]
    assert figure["layout"]["annotations"][0]["text"] == "unigram nats 1.5"
    valid(figure)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_labels_of_floors_that_are_nearly_equal_do_not_cover_each_other(scale: float) -> None:
    floors = {"uniform": 4.2, "unigram": 4.19 / scale, "order_1": 4.18 / scale, "order_2": 4.0 / scale}
    rows = [{"epoch": 1, "loss": 4.1, "val_loss": 4.1}, {"epoch": 2, "loss": 3.0 / scale, "val_loss": 3.0 / scale}]
    layout = loss_figure(rows, floors, best_epoch=2, height=270)["layout"]
    high, low = (math.log10(each) if scale > 1 else each for each in (4.2, 3.0 / scale))
    pixels = [(each["y"] - low) / (high - low) * (270 - 90) + each["yshift"] for each in layout["annotations"]]
    assert len(pixels) == 4
    assert np.diff(sorted(pixels)).min() > 14
    assert any(each["yshift"] == 0 for each in layout["annotations"])


def test_a_floor_worse_than_a_blind_guess_is_not_drawn() -> None:
    layout = loss_figure(history(), {"uniform": 2.0, "unigram": 2.5, "bigram": 1.5}, best_epoch=5)["layout"]
    assert [each["text"].split()[0] for each in layout["annotations"]] == ["uniform", "bigram"]


def test_losses_far_from_a_floor_are_read_on_a_logarithmic_axis() -> None:
    figure = loss_figure(history(), {"persistence": 27_486.0, "linear": 0.1}, best_epoch=5)
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert [note["y"] for note in figure["layout"]["annotations"]] == pytest.approx([4.43911, -1.0], abs=1e-4)
    assert [line["y0"] for line in figure["layout"]["shapes"]] == [27_486.0, 0.1]
    valid(figure)


def test_a_run_without_epochs_has_an_empty_figure() -> None:
    assert loss_figure([], {})["data"][0]["x"] == []
