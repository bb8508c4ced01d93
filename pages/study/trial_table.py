"""The trials of a search: what each changed and reached, the run behind it, and which settings mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.wording import span
from pages.study.standing import trial_state
from pages.ui import run_words
from pages.ui.charts import show_figure
from pages.ui.charts.run_curves import parallel_figure
from pages.ui.layout import kept_place, section_heading
from pages.ui.navigation import go_to, page_link
from pages.ui.outputs.remedies import fill_train_page
from pages.ui.tables import text_table
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.search.api import Study, Trial

SHOWN_SHARES = 6
MAX_AXES = 9
TIMES_LONGER = 4


def draw_trials(study: Study) -> None:
    """All trials, the best first."""
    section_heading("Trials")
    if not study.trials:
        st.caption("The first one is being planned.")
        return
    liked = ["Liked ›"] if study.by_ear else []
    text_table(
        ("Trial", "State", *liked, "Loss ›", "Epochs ›", "Time ›", "Changed from the preset"),
        [_row(study, trial) for trial in study.best_first],
        key="study_trials",
    )


def _row(study: Study, trial: Trial) -> tuple[str, ...]:
    return (
        f"Trial {trial.number}" if trial.number else "The preset",
        trial_state(trial.state) + (f": {trial.reason}" if trial.state == "failed" else ""),
        *([_liked(study, trial)] if study.by_ear else []),
        "–" if trial.value is None else f"{trial.value:.4g}",
        "–" if trial.epochs is None else f"{trial.epochs:,}",
        span(trial.seconds) if trial.seconds else "–",
        changes_words(study, trial) or "–",
    )


def _liked(study: Study, trial: Trial) -> str:
    """`+0.8 (3)`: how much, and in how many comparisons."""
    heard = sum(trial.number in (each.one, each.other) for each in study.judgements)
    return f"{study.likings[trial.number]:+.1f} ({heard})" if heard else "–"


def changes_words(study: Study, trial: Trial) -> str:
    """`Hidden size 192 → 96, Dropout 0.45 → 0.3`."""
    changed = [
        (knob.title, knob.values[knob.start], trial.parameters.get(knob.name))
        for knob in study.knobs
        if trial.parameters.get(knob.name) != knob.values[knob.start]
    ]
    return ", ".join(f"{title} {_value(before)} → {_value(after)}" for title, before, after in changed)


def _value(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else run_words.fact_value(value)


def draw_one_trial(study: Study) -> None:
    """One trial chosen from the list: its run, and the Train page with its settings."""
    able = [trial for trial in study.best_first if trial.run_id]
    if not able:
        return
    names = {trial.number: f"Trial {trial.number}{'' if trial.number else ' (the preset)'}" for trial in able}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Trial", list(names), format_func=lambda each: names.get(each, str(each)), key="study_trial"
        )
        trial = next(each for each in able if each.number == number)
        page_link("runs", "Watch and hear its run", run=trial.run_id)
        is_known = study.approach in approaches()
        # A page that refreshes itself must not be left by a button (see `waiting`).
        if st.button(
            "Train this longer", key="study_train", icon=":material/school:", disabled=study.is_active or not is_known
        ):
            _train_longer(study, trial)
    with kept_place():
        if study.is_active:
            st.caption("When the search has ended or is stopped, any of its trials can be trained longer.")


def _train_longer(study: Study, trial: Trial) -> None:
    from musicgen.search.api import settings_of

    settings = settings_of(study.id, trial.number)
    request = {**study.request, "training": settings}
    epochs = min(int(settings["epochs"]) * TIMES_LONGER, 10_000)
    fill_train_page(request, approaches()[study.approach], {"epochs": epochs})
    go_to("train")


def draw_importance(study: Study) -> None:
    """Which settings made the difference between good and other trials."""
    section_heading("Which settings mattered")
    shares = list(study.importance.items())[:SHOWN_SHARES]
    if not shares:
        st.caption(f"This is told when eight trials have {'been compared' if study.by_ear else 'a loss'}.")
        return
    titles = {knob.name: knob.title for knob in study.knobs}
    for name, share in shares:
        st.progress(min(max(share, 0.0), 1.0), text=f"{escape(titles.get(name, name))}: {share:.0%}")
    st.caption(
        "How much of the difference between the better third of the trials and the others goes back to each setting. "
        "With few trials this is a hint, no more."
    )


def draw_coordinates(study: Study) -> None:
    """Parallel coordinates, opened on demand: the drawing library is large."""
    if not st.toggle("Show which settings led to which loss", key="study_parallel", persist_state="session"):
        return
    trials = [trial for trial in study.trials if trial.value is not None]
    varied = [knob for knob in study.knobs if len({str(trial.parameters[knob.name]) for trial in trials}) > 1]
    if len(trials) < 2 or not varied:
        st.caption("This needs two trials that have a loss.")
        return
    order = list(study.importance) or [knob.name for knob in varied]
    varied.sort(key=lambda knob: order.index(knob.name) if knob.name in order else len(order))
    axes = [(knob.title, [_axis(trial.parameters[knob.name]) for trial in trials]) for knob in varied[:MAX_AXES]]
    losses = [float(trial.value or 0.0) for trial in trials]
    alt = "Parallel coordinates: one line for each trial through its settings to its best loss"
    show_figure(parallel_figure(axes, losses), key="study_coordinates", alt=alt)
    st.caption(
        f"{len(trials)} trials; the more violet a line, the lower its loss. Drag along an axis to keep only some."
    )


def _axis(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value
