"""What is wrong with a generated piece and why, as boxes; and the measurements behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.evaluation.figures import checked_words, evidence, figure_rows
from musicgen.evaluation.learned_little import learned_little
from pages.ui.tables import text_table
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.runs.api import Run


def draw_learned_little(run: Run, medium: str) -> None:
    """A box if the best weights of the run have learned too little to be worth hearing; nothing otherwise."""
    floors = (run.prepared or {}).get("floors") or {}
    verdict = learned_little(run.history, floors, run.best_epoch, medium=medium)
    draw_verdicts([verdict.to_json()] if verdict is not None else [])


def draw_verdicts(verdicts: Iterable[Mapping[str, Any]], *, with_advice: bool = True) -> None:
    """One box for each verdict (JSON of `evaluation.verdict.Verdict`); nothing if the piece has no faults.

    `with_advice`: also say what to do, for places without buttons that do it."""
    for verdict in verdicts:
        advice = [str(remedy["text"]) for remedy in (verdict.get("remedies") or ())] if with_advice else []
        words = " ".join([str(verdict["cause"]), evidence(verdict), *advice])
        st.warning(f"**{escape(verdict['title'])}.** {escape(words)}", icon=":material/hearing:")


def draw_no_faults(medium: str, metrics: Mapping[str, Any], copied: Mapping[str, Any] | None = None) -> None:
    """Say that nothing was found, and what was tested. `copied`: as judged; a piece that is made of its songs is not
    said to be no copy."""
    made_of_songs = bool(copied and copied.get("made_of_songs"))
    st.caption(f":material/check: {escape(checked_words(medium, metrics, made_of_songs=made_of_songs))}")


def draw_measurements(medium: str, metrics: Mapping[str, Any], copied: Mapping[str, Any] | None) -> None:
    """Everything that was measured, in a closed box."""
    rows = figure_rows(medium, metrics)
    if not rows:
        return
    with st.expander("Measurements of the generated piece", icon=":material/straighten:"):
        if copied and copied.get("text"):
            st.caption(escape(copied["text"]))
        text_table(("Measure", "Value ›", "What it means"), rows)
