"""Starting a search for good settings with the songs and settings of the form."""

from __future__ import annotations

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.errors import MusicgenError
from pages.train.plan_view import TrainingRequest
from pages.ui.bounds import number_refused, whole_number
from pages.ui.commands import code_block, command_line
from pages.ui.errors import show_error
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place
from pages.ui.navigation import go_to, page_link

MAX_TRIALS, MAX_MINUTES = 1000, 43_200
FIRST_TRIALS, FIRST_MINUTES = 30, 20
LOSS, EAR = "loss", "ear"
LED_BY = {LOSS: "The held-out loss", EAR: "My ears"}


def draw_search_start(request: TrainingRequest, chosen: Approach, fixed: dict[str, object], search: str | None) -> None:
    """A box that starts a search. `fixed`: the values that were changed from the preset. `search`: what finds the
    songs, if all were chosen at once."""
    with st.popover("Find good settings", icon=":material/manage_search:", width="stretch", key="search_open"):
        st.markdown(
            "Trains many networks with other settings, each with as much work as this training, and finds what is "
            "best: on held-out music, or to your ears."
        )
        by_ear = (
            st.segmented_control(
                "What leads the search", list(LED_BY), default=LOSS, required=True, key="search_led_by",
                format_func=lambda one: LED_BY[str(one)],
            )
            == EAR
        )  # fmt: skip
        with kept_place():
            if by_ear:
                st.caption("Each trial makes a piece. You hear two at a time and say which sounds better.")
        trials = whole_number("Trials at most", key="search_trials", first=FIRST_TRIALS)
        minutes = whole_number("Minutes of training at most", key="search_minutes", first=FIRST_MINUTES)
        free = sorted(set(fixed) - {"epochs", "patience"})
        titles = [chosen.Training.model_fields[name].title or name for name in free]
        with kept_place():
            if titles:
                st.caption(f"You changed these, so they stay as they are: {', '.join(titles)}.")
        refused = " ".join(
            filter(
                None,
                (
                    request.refused,
                    "" if request.choices else "Choose at least one song.",
                    number_refused("Trials", 1, MAX_TRIALS, trials),
                    number_refused("Minutes", 1, MAX_MINUTES, minutes),
                ),
            )
        )
        with kept_place():
            if refused:
                st.caption(refused.replace("$", r"\$"))
        if st.button(
            "Start the search", key="search_start", type="primary", disabled=bool(refused), width="stretch"
        ):  # fmt: skip
            _start(request, fixed, int(trials or 1), int(minutes or 1), by_ear=by_ear)
        code_block(_command(request, fixed, trials, minutes, search, by_ear=by_ear), is_one=True)
        page_link("study", "Earlier searches")


def _start(request: TrainingRequest, fixed: dict[str, object], trials: int, minutes: int, *, by_ear: bool) -> None:
    from musicgen.runs.api import SongChoice
    from musicgen.search.api import submit_study

    asked = [request.approach, request.choices, request.training, request.seed, trials, minutes, by_ear]
    try:
        with st.spinner("Starting …"):
            study_id = submit_study(
                request.approach, [SongChoice(song_id, tracks) for song_id, tracks in request.choices],
                request.training, preset=request.preset, fixed=list(fixed), trials=trials, minutes=minutes,
                seed=request.seed, name=request.name, device=request.device, by_ear=by_ear,
                study_id=f"study-{intent_key('search', asked)[:12]}",
            )  # fmt: skip
    except MusicgenError as error:
        show_error(error)
        return
    go_to("study", study=study_id)


def _command(
    request: TrainingRequest,
    fixed: dict[str, object],
    trials: int | None,
    minutes: int | None,
    search: str | None,
    *,
    by_ear: bool,
) -> str:
    return command_line(
        "search", request.approach, *(song_id for song_id, _ in request.choices if search is None),
        all_songs=search is not None, search=search, preset=request.preset, settings=fixed, seed=request.seed or None,
        trials=trials, minutes=minutes, by_ear=by_ear,
    )  # fmt: skip
