"""Searches for good settings: watch one, see what it found, and hear its trials."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from musicgen.errors import NotFound
from pages.study.by_ear import draw_by_ear
from pages.study.standing import draw_controls, draw_standing
from pages.study.trial_table import draw_coordinates, draw_importance, draw_one_trial, draw_trials
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import empty_place, kept_place, page_heading
from pages.ui.linked import distinct_labels, linked_select
from pages.ui.text import ago, shorten
from pages.versus.pieces import draw_pieces

if TYPE_CHECKING:
    from musicgen.runs.api import Run
    from musicgen.search.api import Study

LIVE_SECONDS = 2.0
LANES = 4  # the best trials, with the preset
SHOWN = 100


def main() -> None:
    from musicgen.listening.trial_pairs import next_trial_pair
    from musicgen.search.api import get_study, list_studies

    page_heading("study")
    studies = list_studies(limit=SHOWN)
    if not studies:
        empty_place(
            ":material/manage_search:", "No search yet",
            "A search trains many networks with other settings and keeps what was best. It starts on the Train page.",
            page="train", label="Choose songs and start one",
        )  # fmt: skip
        return
    with shown_errors():
        labels = {each.id: f"{shorten(each.name, 60)} · {ago(each.created_at)}" for each in studies}
        linked = st.query_params.get("study", "")
        if linked not in labels and linked.startswith("study-"):
            with suppress(NotFound):
                labels[linked] = shorten(get_study(linked).name, 60)
        chosen = linked_select(
            "Search", distinct_labels(labels), key="study_choice", param="study", default=studies[0].id
        )  # fmt: skip
        study = get_study(chosen)
        is_live = study.is_active or any(trial.is_open for trial in study.trials)
        pair = next_trial_pair(study)
        with kept_place():
            if study.by_ear:
                draw_by_ear(study, pair)
        shown = pair.name if pair is not None else ""
        st.fragment(draw_live, run_every=LIVE_SECONDS if is_live else None)(study.id, is_live, shown)
        with kept_place():
            draw_one_trial(study)
        draw_importance(study)
        draw_coordinates(study)
        with kept_place():
            if not study.by_ear or hears_by_name(study, has_pair=pair is not None):
                draw_pieces(runs_to_hear(study))
        show_command(command_line("studies", "show", study.id))


def hears_by_name(study: Study, *, has_pair: bool) -> bool:
    """By ear, nobody hears a piece by its name while it may be compared, unless they want to."""
    if study.is_active:
        return False
    return not has_pair or st.toggle(
        "Hear the pieces by name", key="study_by_name", persist_state="session",
        help="You then know which is which in the comparisons that are left.",
    )  # fmt: skip


def draw_live(study_id: str, was_live: bool, shown_pair: str) -> None:
    """What changes while it searches. `shown_pair`: the comparison above it, "" for none."""
    from musicgen.listening.trial_pairs import next_trial_pair
    from musicgen.search.api import get_study

    study = get_study(study_id)
    is_live = study.is_active or any(trial.is_open for trial in study.trials)
    if was_live and not is_live:
        st.rerun()  # this ends the repeated reruns
    if study.by_ear and not shown_pair and next_trial_pair(study) is not None:
        st.rerun()  # there is something to compare now
    draw_standing(study)
    draw_controls(study)
    draw_trials(study)


def runs_to_hear(study: Study) -> list[Run]:
    """The runs of the best trials, and of the preset."""
    from musicgen.runs.api import get_run

    trials = [trial for trial in study.best_first if trial.run_id and trial.value is not None]
    wanted = trials[:LANES]
    wanted += [trial for trial in trials[LANES:] if trial.number == 0]
    found = []
    for trial in wanted:
        with suppress(NotFound):  # deleted by hand
            found.append(get_run(trial.run_id))
    return found


main()
