"""What a training will take, before it starts: worked out in a child process while the page stays usable."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.wording import count, span
from pages.ui import run_words
from pages.ui.background import forget, is_settled, known, later
from pages.ui.errors import show_error
from pages.ui.intent import content_key, intent_key
from pages.ui.layout import facts_row, kept_place, section_heading
from pages.ui.navigation import go_to
from pages.ui.run_view import first_of
from pages.ui.state import recall, remember
from pages.ui.text import escape, size
from pages.ui.waiting import wait_for

if TYPE_CHECKING:
    from musicgen.runs.api import Plan

START_WAITS_SECONDS = 4.0


@dataclass(frozen=True)
class TrainingRequest:
    """Everything needed to start a training, as JSON. `choices`: (song id, tracks or None) pairs."""

    approach: str
    choices: tuple[tuple[str, tuple[int, ...] | None], ...]
    training: dict[str, Any]
    seed: int = 0
    preset: str = ""
    name: str = ""
    device: str = "auto"
    pieces_after: int = 0
    train_from: str = ""  # a run, or the starter
    hear_it_learn: bool = True
    refused: str = field(default="", compare=False)  # the sentence that says which value is invalid

    def plan(self) -> Future[Plan]:
        """The plan, made in the background; the same songs and settings are planned only once."""
        return later(self._plan_key, self._work, group="plan")

    def forget_plan(self) -> None:
        forget(self._plan_key)

    def planned(self) -> Plan | None:
        """The plan, if it is finished and the training is possible."""
        return _result(self._plan_key)

    def newest_plan(self) -> Plan | None:
        """The newest plan for this approach and these songs, with any other settings."""
        same = f"planned|{content_key((self.approach, self.choices))}"
        if plan := self.planned():
            remember(same, self._plan_key)
            return plan
        return _result(recall(same, ""))

    @property
    def _plan_key(self) -> str:
        from musicgen.runs.speeds import when_measured

        asked = (self.approach, self.choices, self.training, self.seed, self.device, when_measured())
        return f"plan|{content_key(asked)}"

    def _work(self) -> Plan:
        from musicgen.runs.api import plan_training

        return plan_training(
            self.approach, self._songs(), self.training, seed=self.seed, device=self.device, again_soon=True
        )

    def expect(self) -> None:
        """Let a process that is kept ready begin with it, so that it starts at once."""
        from musicgen.runs.expecting import expect_training

        songs = [{"id": song_id, "name": "", "tracks": tracks} for song_id, tracks in self.choices]
        parts = {
            "approach": self.approach, "preset": self.preset, "training": self.training, "songs": songs,
            "seed": self.seed, "hear_it_learn": self.hear_it_learn,
        }  # fmt: skip
        expect_training(parts | ({"train_from": self.train_from} if self.train_from else {}))

    def submit(self) -> str:
        """Start it and return the id of the run. A double click starts one run only."""
        from musicgen.runs.api import submit_training

        return submit_training(
            self.approach, self._songs(), self.training, preset=self.preset, seed=self.seed, name=self.name,
            device=self.device, pieces_after=self.pieces_after, train_from=self.train_from,
            hear_it_learn=self.hear_it_learn, submit_key=intent_key("train", asdict(self)),
        )  # fmt: skip

    def _songs(self) -> list[Any]:
        from musicgen.runs.api import SongChoice

        return [SongChoice(song_id, tracks) for song_id, tracks in self.choices]


def _result(key: str) -> Plan | None:
    future = known(key)
    is_there = future is not None and future.done() and not future.cancelled() and future.exception() is None
    return future.result() if future is not None and is_there else None


def draw_plan(request: TrainingRequest, *awaited: Future[Any]) -> None:
    """The plan and the start button. The page is drawn again when the plan and everything `awaited` are ready."""
    future = request.plan() if request.choices and not request.refused else None
    with st.container(border=True, key="plan"):
        section_heading("Training plan")
        with kept_place():
            possible = _outcome(request, future)
        waited = [each for each in (future, *awaited) if each is not None and not each.done()]
        # Do not wait while a click is being handled: the rerun at the end of the wait would interrupt it.
        with kept_place():
            if waited and not st.session_state.get("train_start"):
                wait_for(waited, "Working it out from your songs", st.rerun)
        clicked = st.button(
            "Start training", key="train_start", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=not possible,
        )  # fmt: skip
        if clicked and possible:
            _start(request, future)


def _outcome(request: TrainingRequest, future: Future[Plan] | None) -> bool:
    """Draw the plan, or the reason why there is none. False if the training is known to be impossible."""
    if future is None:
        if request.refused:
            st.error(escape(request.refused), icon=":material/error:")
        else:
            st.caption("Choose at least one song.")
        return False
    if not is_settled(future, _patience()):
        return True
    error = future.exception()
    if isinstance(error, MusicgenError):
        show_error(error)
        st.button("Try again", key="plan_again", type="tertiary", on_click=request.forget_plan)
        return False
    _draw(future.result(), int(request.training.get("epochs") or 0))
    request.expect()
    return True


def _patience() -> float:
    """How long to wait for a plan before the page shows that it is being made, in seconds."""
    from musicgen.runs.api import plans_come_at_once

    return 0.35 if plans_come_at_once() else 0.1


def _draw(plan: Plan, epochs: int) -> None:
    weights = f"{first_of(plan.parameters):,}"
    facts: list[tuple[str, object]] = [
        ("Training windows", run_words.fact_value(_windows(plan.facts))),
        ("Networks", f"{plan.networks} × {weights} weights" if plan.networks > 1 else f"1 with {weights} weights"),
        ("Memory, about", size(plan.memory_bytes)),
        ("One epoch, about", span(plan.seconds_per_epoch)),
        (f"All {epochs} epochs, about", span(plan.seconds_per_epoch * epochs)),
    ]
    if plan.facts.get("vocabulary_size"):
        facts.insert(1, ("Vocabulary", run_words.fact_value(plan.facts["vocabulary_size"])))
    facts_row(facts)
    basis = "based on earlier runs on this device" if plan.is_measured else "a guess until a first run has been timed"
    st.caption(f"Times are {basis}.")
    for warning in plan.warnings:
        st.warning(escape(warning), icon=":material/warning:")


def _windows(facts: Mapping[str, Any]) -> Any:
    return facts.get("n_training_windows", facts.get("n_windows"))


def _start(request: TrainingRequest, future: Future[Plan] | None) -> None:
    """Submit, and go to the run. Waits for a plan that is nearly ready, so that no impossible training is started."""
    try:
        with st.spinner("Starting …"):
            if future is not None and is_settled(future, START_WAITS_SECONDS):
                future.result()
            run_id = request.submit()
            request.forget_plan()  # the next plan can use the times of this run
    except MusicgenError as error:
        show_error(error)
        return
    go_to("runs", run=run_id)


def draw_queue_notice() -> None:
    """Say so when a new training would have to wait."""
    from musicgen.runs.api import count_active

    if waiting := count_active():
        st.caption(f":material/schedule: {count(waiting, 'other task')} on this machine will run first.")
