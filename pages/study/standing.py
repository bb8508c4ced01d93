"""How far a search is: its state, what it has found against the preset, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.comparison.loss_drawing import Curve, Level, LossDrawing
from musicgen.wording import count, span
from pages.ui.bounds import whole_number
from pages.ui.charts.colours import ACCENT
from pages.ui.charts.curves import draw_picture
from pages.ui.errors import shown_errors
from pages.ui.layout import STATES, facts_row, kept_place
from pages.ui.state import choose_id
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.search.api import Study

STUDY_STATES = {
    "searching": ("Searching", ":material/manage_search:", "violet"),
    "finished": ("Finished", ":material/check_circle:", "green"),
    "stopped": ("Stopped", ":material/stop_circle:", "gray"),
    "failed": ("Failed", ":material/error:", "red"),
}
MORE_TRIALS = 10


def draw_standing(study: Study) -> None:
    """The state, the figures, and the best so far against the preset."""
    title, icon, colour = STUDY_STATES[study.state]
    st.badge(title, icon=icon, color=colour)  # type: ignore[arg-type]
    with kept_place():
        if study.reason:
            (st.error if study.state == "failed" else st.info)(escape(study.reason))
    facts_row(_facts(study))
    with kept_place():
        st.markdown(verdict(study))
    drawing = progress_drawing(study)
    with kept_place():
        if drawing is not None:
            draw_picture(drawing, key="study_progress")


def _facts(study: Study) -> list[tuple[str, object]]:
    ended = [trial for trial in study.trials if not trial.is_open]
    of = f" of {study.max_trials}" if study.max_trials else ""
    within = f" of {span(study.max_seconds)}" if study.max_seconds else ""
    facts: list[tuple[str, object]] = [
        ("Trials", f"{len(ended)}{of}"),
        ("Training time", f"{span(study.seconds)}{within}"),
    ]
    best, preset = study.best, study.preset
    if study.by_ear:
        facts.append(("Comparisons", f"{len(study.judgements)}"))
        best = None
    elif preset is not None and preset.value is not None:
        facts.append(("Held-out loss of the preset", f"{preset.value:.4g}"))
    if best is not None and best.value is not None:
        facts.append(("Best held-out loss", f"{best.value:.4g}"))
    now = next((trial for trial in study.trials if trial.is_open), None)
    if now is not None:
        facts.append(("Now", f"trial {now.number}, {now.state}"))
    return facts


def verdict(study: Study) -> str:
    """What the search has found, in one sentence."""
    best, preset = study.best, study.preset
    if study.by_ear:
        return liked_words(study)
    if best is None or preset is None or preset.value is None or best.value is None:
        return "The first trial is the preset itself. Everything else is compared with it."
    if best.number == 0:
        return "Nothing better than the preset so far." if study.is_active else "Nothing was better than the preset."
    gain = (preset.value - best.value) / abs(preset.value) if preset.value else 0.0
    return f"Trial {best.number} is the best so far: its held-out loss is {gain:.1%} lower than that of the preset."


def liked_words(study: Study) -> str:
    """Which trial is liked best, in one sentence."""
    best = study.best
    if best is None:
        return "The first trial is the preset itself. What you like leads the search."
    heard = [each for each in study.judgements if best.number in (each.one, each.other)]
    won = sum(each.better == ("one" if each.one == best.number else "other") for each in heard)
    if not won:
        return "Nothing is liked better than the preset so far."
    name = f"Trial {best.number}" if best.number else "The preset"
    return f"{name} is liked best so far: it sounded better in {won} of {count(len(heard), 'comparison')}."


def progress_drawing(study: Study) -> LossDrawing | None:
    """The best held-out loss after each trial, with the preset as a dashed line; nothing where the loss does not
    lead."""
    if study.by_ear:
        return None
    points, best = [], None
    for trial in study.trials:
        if trial.value is not None:
            best = trial.value if best is None else min(best, trial.value)
        if best is not None and not trial.is_open:
            points.append((trial.number + 1, best))
    preset = study.preset
    if not points or preset is None or preset.value is None:
        return None
    return LossDrawing(
        [Curve("best so far", ACCENT, points)], [Level("the preset", preset.value)], epochs=study.max_trials or 1,
        along="trials", level_words="the preset",
    )  # fmt: skip


def draw_controls(study: Study) -> None:
    """Stop, or go on with more trials; delete."""
    from musicgen.search import api

    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        if study.is_active:
            if st.button("Stop", key="study_stop", icon=":material/stop:"):
                with shown_errors():
                    api.stop_study(study.id)
                    st.toast("Stopping. What was found so far is kept.")
                    st.rerun()
            return
        with st.popover("Go on", icon=":material/play_arrow:", key="study_more"):
            trials = whole_number("More trials", key="study_more_trials", first=MORE_TRIALS)
            minutes = whole_number("More minutes of training", key="study_more_minutes", first=MORE_TRIALS)
            if st.button("Go on with the search", key="study_continue", type="primary"):
                with shown_errors():
                    api.continue_study(study.id, trials=trials, minutes=minutes)
                    st.rerun()
        with st.popover("More", icon=":material/more_horiz:", key="study_other"):
            st.caption("The runs of its trials stay.")
            if st.button("Delete the search", key="study_delete", icon=":material/delete:"):
                with shown_errors():
                    api.delete_study(study.id)
                    choose_id("study", None)
                    st.rerun()


def trial_state(state: str) -> str:
    """A word for the state of a trial."""
    own = {"proposed": "Planned", "pruned": "Stopped early", "cancelled": "Stopped"}
    return own.get(state) or STATES[state][0]
