"""Compare runs: the settings that differ, the curves over each other, and pieces made alike, side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.comparison.loss_drawing import runs_drawing
from pages.ui.charts.colours import RUNS
from pages.ui.charts.curves import draw_losses
from pages.ui.charts.run_curves import run_curves_figure
from pages.ui.errors import shown_errors
from pages.ui.layout import empty_place, kept_place, page_heading
from pages.versus.parallel import draw_parallel
from pages.versus.pieces import draw_pieces
from pages.versus.run_choice import choose_runs
from pages.versus.standings import draw_all_runs, draw_differences

if TYPE_CHECKING:
    from musicgen.runs.api import Run


def main() -> None:
    from musicgen.runs.api import count_runs

    page_heading("versus")
    if not count_runs():
        empty_place(
            ":material/stacked_line_chart:", "No run yet", "This page compares trainings with each other.",
            page="train", label="Train a network",
        )  # fmt: skip
        return
    with shown_errors():
        runs = choose_runs()
        with kept_place():
            if len(runs) < 2:
                st.caption("Choose at least two runs.")
            else:
                draw_chosen(runs)
        draw_all_runs()
        draw_parallel()


def draw_chosen(runs: list[Run]) -> None:
    """What differs, the curves, and the pieces of the chosen runs."""
    draw_differences(runs)
    if len({run.approach for run in runs}) > 1:
        st.caption("Losses of different approaches are in different units. Compare each with its floors only.")
    alt = "Loss of each run over the epochs, with its lowest floor as a dashed line"
    draw_losses(runs_drawing(runs, RUNS), partial(run_curves_figure, runs), key="versus_curves", alt=alt)
    draw_pieces(runs)


main()
