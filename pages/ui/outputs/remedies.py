"""What can be done about a fault, one button each: generate again, train longer, train again, add songs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.contract.approach import Approach
from musicgen.errors import MusicgenError, NotFound
from musicgen.evaluation.curves import shape_of
from musicgen.evaluation.remedies import Offer, RemedySettings, possible_remedies
from pages.ui.errors import show_error
from pages.ui.form import prefill
from pages.ui.intent import intent_key
from pages.ui.navigation import go_to
from pages.ui.outputs.generation_view import watch
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.runs.api import Output, Run

ICONS = {
    "generate": ":material/replay:",
    "resume": ":material/play_arrow:",
    "train": ":material/school:",
    "songs": ":material/library_music:",
}
PAST_BEST = 0.8  # if the best epoch is earlier than this share of all epochs, more epochs would only memorise


def draw_remedies(
    output: Output, verdicts: Iterable[Mapping[str, Any]], *, stays: bool, can_leave: bool = True
) -> None:
    """The buttons: `remedy_<n>_<output id>`.

    Args:
        stays: this page shows what is being generated; otherwise the button leads to the page that does.
        can_leave: whether a button may leave this page. A page that refreshes itself must not be left (see `waiting`),
            so buttons that lead elsewhere are disabled until it is quiet.
    """
    run = _run_of(output)
    if run is None or run.approach not in approaches():
        return
    known = approaches()[run.approach]
    with st.container(horizontal=True, gap="xsmall"):
        for number, offer in enumerate(offers(output, run, known, verdicts)):
            is_open = can_leave or offer.action == "generate"
            # No `help`: Streamlit would put each button on the page twice (for mouse and for touch).
            if st.button(
                escape(offer.title), key=f"remedy_{number}_{output.id}", icon=ICONS[offer.action], disabled=not is_open
            ):
                _do(offer, output, run, known, stays)


def offers(output: Output, run: Run, known: Approach, verdicts: Iterable[Mapping[str, Any]]) -> list[Offer]:
    """What this approach can do about it, given the current state of the run."""
    training = RemedySettings(known.Training, run.request.get("training") or {})
    generation = RemedySettings(known.Generation, output.sidecar.get("generation") or {})
    found = possible_remedies(
        verdicts, training, generation, trained_epochs=len(run.history), is_flat=shape_of(run.history) == "flat"
    )
    return [offer for offer in found if offer.action != "resume" or _learns_more(run)]


def _learns_more(run: Run) -> bool:
    """Whether more epochs may help: the run is not active, and its best epoch is one of the last."""
    done, best = len(run.history), run.best_epoch
    return not run.is_active and (best is None or best > PAST_BEST * done)


def _run_of(output: Output) -> Run | None:
    from musicgen.runs.api import get_run

    try:
        return get_run(output.run_id)
    except NotFound:
        return None


def _do(offer: Offer, output: Output, run: Run, known: Approach, stays: bool) -> None:
    """Start it, and go to the page that shows it."""
    try:
        if offer.action == "generate":
            watch(_generate(offer, output, run))
        elif offer.action == "resume":
            _resume(offer, run)
    except MusicgenError as error:
        show_error(error)
        return
    if offer.action == "generate" and stays:
        st.toast("Generation started. The piece will appear here when it is done.")
        st.rerun()
    if offer.action == "train":
        fill_train_page(run.request, known, offer.changes)
        go_to("train")
    page = {"generate": "generate", "resume": "runs"}.get(offer.action)
    if page:
        go_to(page, run=run.id)
    go_to("songs")


def _generate(offer: Offer, output: Output, run: Run) -> str:
    """Generate with the same seed and prompt but the changed settings; return the id of the task."""
    from musicgen.runs.api import SongChoice, submit_generation

    sidecar = output.sidecar
    prompt, chosen = sidecar.get("prompt"), (sidecar.get("checkpoint") or {}).get("chosen")
    request = {"output": output.id, "changes": offer.changes}
    return submit_generation(
        run.id, {**(sidecar.get("generation") or {}), **offer.changes}, seed=int(sidecar.get("seed") or 0),
        prompt=SongChoice(prompt["id"], prompt.get("tracks") and tuple(prompt["tracks"])) if prompt else None,
        checkpoint=chosen if chosen in ("best", "last") else "best", submit_key=intent_key("remedy", request),
    )  # fmt: skip


def _resume(offer: Offer, run: Run) -> None:
    from musicgen.runs.api import resume

    resume(run.id, epochs=int(offer.changes["epochs"]))


def fill_train_page(request: Mapping[str, Any], known: Approach, changes: Mapping[str, Any]) -> None:
    """Make the Train page open with the songs and settings of a run (or of a search), and the changes."""
    preset = request.get("preset") if request.get("preset") in known.presets else next(iter(known.presets))
    st.session_state["approach"] = known.key
    st.session_state["preset"] = preset
    st.session_state[f"songs.{known.medium}"] = [song["id"] for song in request.get("songs") or ()]
    for song in request.get("songs") or ():
        st.session_state[f"tracks.{song['id']}"] = list(song.get("tracks") or ())
    st.session_state["train_seed"] = int(request.get("seed") or 0)
    values = {**(request.get("training") or {}), **changes}
    prefill(known.Training, known.presets[str(preset)].training, values, key_prefix="training")
