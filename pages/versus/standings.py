"""Tables of runs: the settings in which the chosen ones differ, and how far each run came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.comparison.runs import MISSING, Standing, differing_settings, standing
from musicgen.wording import span
from pages.ui import run_words
from pages.ui.layout import STATES, section_heading
from pages.ui.tables import text_table
from pages.ui.text import shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Run

SHOWN_CHARACTERS = 40
NEWEST = 200


def draw_differences(runs: Sequence[Run]) -> None:
    """What differs, and what came of it, one column for each run."""
    names = [shorten(run.name, SHOWN_CHARACTERS) for run in runs]
    came = [standing(run) for run in runs]
    rows: list[tuple[str, ...]] = [
        (setting.title, *(value_words(value) for value in setting.values)) for setting in differing_settings(runs)
    ]
    rows += [
        ("Best loss", *(loss_words(each) for each in came)),
        ("Below the lowest floor by", *(_number(each.margin) for each in came)),
        ("Weights", *("–" if each.weights is None else f"{each.weights:,}" for each in came)),
        ("Training time", *("–" if not run.seconds else span(run.seconds) for run in runs)),
    ]
    text_table(("Setting or result", *names), rows, key="versus_differences")


def value_words(value: Any) -> str:
    return "–" if value is MISSING else shorten(run_words.fact_value(value), SHOWN_CHARACTERS)


def loss_words(found: Standing) -> str:
    """`2.51 (epoch 12)`; a training loss is named, because it cannot be compared with validation losses."""
    if found.loss is None:
        return "–"
    kind = "" if found.is_validation else "training loss "
    return f"{kind}{found.loss:.4g} (epoch {found.epoch})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}".replace("-", "−")


def draw_all_runs() -> None:
    """The newest runs in a table that sorts by any column."""
    from musicgen.runs.api import count_runs, list_runs

    total, runs = count_runs(), list_runs(limit=NEWEST)
    section_heading("All runs")
    if total > len(runs):
        st.caption(f"The newest {len(runs):,} of {total:,} runs. A click on the title of a column sorts by it.")
    else:
        st.caption("A click on the title of a column sorts by it.")
    rows = [_row(standing(run)) for run in runs]
    st.dataframe(rows, key="versus_table", hide_index=True, width="stretch", column_config=_columns())


def _columns() -> dict[str, Any]:
    """Widths and formats: names are long, losses need no more than four digits."""
    number = st.column_config.NumberColumn
    return {
        "Run": st.column_config.TextColumn(width="medium"),
        "Best loss": number(format="%.4g"),
        "Below the floor by": number(format="%.3g"),
        "Weights": number(format="localized"),
        "Training time (s)": number(format="localized"),
    }


def _row(found: Standing) -> dict[str, Any]:
    run = found.run
    known = approaches().get(run.approach)
    return {
        "Run": run.name,
        "Approach": known.title if known else run.approach,
        "Preset": run.request.get("preset") or "none",
        "State": STATES[run.state][0],
        "Epochs": len(run.history),
        "Best loss": found.loss,
        "Below the floor by": found.margin,
        "Weights": found.weights,
        "Training time (s)": None if run.seconds is None else round(run.seconds, 1),
    }
