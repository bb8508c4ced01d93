"""Generate music with a trained network, listen to it and download it."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.approaches import approach
from musicgen.contract.approach import Approach
from musicgen.errors import InvalidParameter, MusicgenError
from musicgen.runs.expecting import expect_work
from pages.generate.made_before import draw_made_before
from pages.generate.network_choice import choose_network
from pages.ui import run_words
from pages.ui.bounds import number_refused, whole_number
from pages.ui.commands import command_line, show_command
from pages.ui.errors import show_error, shown_errors
from pages.ui.form import parameter_form, read_form
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place, page_heading
from pages.ui.navigation import page_link
from pages.ui.outputs.generation_view import draw_generation, watch
from pages.ui.outputs.output_card import draw_outputs
from pages.ui.outputs.verdicts import draw_learned_little
from pages.ui.songs_picker import song_picker
from pages.ui.text import escape

if TYPE_CHECKING:
    from musicgen.runs.api import Run

MAX_AT_ONCE = 16
MAX_SEED = 2**31 - 1
CARDS = 4


@dataclass(frozen=True)
class GenerationRequest:
    """Everything needed to start a generation, as JSON."""

    run_id: str
    generation: dict[str, Any]
    count: int
    seed: int
    prompt: str | None
    checkpoint: str

    def submit(self) -> str:
        """Start it and return the id of the task. A double click starts one task only."""
        from musicgen.runs.api import SongChoice, submit_generation

        prompt = SongChoice(self.prompt) if self.prompt else None
        return submit_generation(
            self.run_id, self.generation, count=self.count, seed=self.seed, prompt=prompt, checkpoint=self.checkpoint,
            submit_key=intent_key("generate", asdict(self)),
        )  # fmt: skip


def main() -> None:
    page_heading("generate")
    expect_work()
    with shown_errors():
        with kept_place():
            run = choose_network()
        if run is None:
            return
        known = approach(run.approach)
        with kept_place():
            draw_loss_meaning(run, known.medium)
        left, right = st.columns([2, 3], gap="large")
        with left:
            request = fill_form(run, known)
            if isinstance(request, GenerationRequest):
                show_command(generate_command(known, request))
        with right:
            draw_start_button(run, request)
            with kept_place():
                is_quiet = not draw_generation(run.id)
            draw_all_outputs(run.id, is_quiet)


def draw_loss_meaning(run: Run, medium: str) -> None:
    """How good the network is, in one line, and a link to its run; a box if it has learned too little."""
    floors = (run.prepared or {}).get("floors") or {}
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        said = run_words.loss_words(run.history, floors, run.best_epoch, medium=medium)
        st.caption(" ".join(said), width="content")
        page_link("runs", "Open the run", run=run.id)
    draw_learned_little(run, medium)


def fill_form(run: Run, known: Approach) -> GenerationRequest | str:
    """The settings of the generation; an error sentence instead if they break a rule."""
    names = list(known.presets)
    if st.session_state.get("generation_preset") not in names:
        st.session_state["generation_preset"] = run.request.get("preset") or names[0]
    preset = st.selectbox(
        "Preset", names, key="generation_preset", persist_state="session",
        format_func=lambda name: name.replace("_", " ").capitalize(),
    )  # fmt: skip
    with kept_place():
        prompt = song_picker(
            "Prompt: the song to start from", medium=known.medium, key=f"prompt.{known.medium}", optional=True,
            none="none: start from scratch", default=_first_song(run) if known.medium == "audio" else None,
        )  # fmt: skip
    with kept_place():
        entered = parameter_form(
            known.Generation, known.presets[preset].generation, key_prefix="generation",
            voices=(run.prepared or {}).get("facts", {}).get("voices", ()),
            around={"prompt": prompt is not None, **trained_with(run)},
        )  # fmt: skip
    with st.grid(3, min_column_width=190, vertical_alignment="bottom"):
        number = whole_number("Number of pieces", key="generate_count", first=1)
        seed = choose_seed()
        checkpoint = st.selectbox(
            "Weights", ["best", "last"], key="generate_checkpoint", persist_state="session",
            format_func=lambda name: {"best": "best epoch", "last": "last epoch"}[name],
        )  # fmt: skip
    asked = (number_refused("Number of pieces", 1, MAX_AT_ONCE, number), number_refused("Seed", 0, MAX_SEED, seed))
    if refused := " ".join(filter(None, asked)):
        return refused
    try:
        generation = read_form(known.Generation, entered).model_dump(mode="json")
    except InvalidParameter as error:
        return str(error)
    return GenerationRequest(
        run.id, generation, int(number or 1), int(seed or 0), prompt.id if prompt else None, checkpoint
    )


def trained_with(run: Run) -> dict[str, Any]:
    """The settings of the training, as conditions of the form name them."""
    return {f"training.{name}": value for name, value in (run.request.get("training") or {}).items()}


def choose_seed() -> int | None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xxsmall"):
        seed = whole_number(
            "Seed", key="generate_seed", first=0,
            help="Seed of the first piece; each further piece adds 1. The same seed and settings make the same music.",
        )  # fmt: skip
        # Its label is heard, not seen (assets/page.css).
        st.button("New seed", icon=":material/casino:", key="generate_new_seed", help="New seed", on_click=_new_seed)
    return seed


def _first_song(run: Run) -> str | None:
    songs = run.request.get("songs") or []
    return songs[0]["id"] if songs else None


def draw_start_button(run: Run, request: GenerationRequest | str) -> None:
    """The button, disabled with the reason if the settings are invalid; and a word if the same was made before."""
    notice = kept_place()
    if isinstance(request, str):
        notice.error(escape(request), icon=":material/error:")
    clicked = st.button(
        "Generate", key="generate_start", type="primary", icon=":material/auto_awesome:", width="stretch",
        disabled=isinstance(request, str),
    )  # fmt: skip
    before = kept_place()
    if clicked and isinstance(request, GenerationRequest):
        _start(request)
    if isinstance(request, GenerationRequest):
        with before:
            draw_made_before(run, asdict(request))


def _new_seed() -> None:
    st.session_state["generate_seed"] = random.randrange(1_000_000)


def _start(request: GenerationRequest) -> None:
    try:
        watch(request.submit())
    except MusicgenError as error:
        show_error(error)
        return
    st.toast("Generation started.")


def generate_command(known: Approach, request: GenerationRequest) -> str:
    """The command line that starts the same generation."""
    preset = st.session_state["generation_preset"]
    start = known.Generation(**known.presets[preset].generation).model_dump(mode="json")
    changed = {name: value for name, value in request.generation.items() if start.get(name) != value}
    return command_line(
        "generate", request.run_id, preset=preset, settings=changed, seed=request.seed or None, prompt=request.prompt,
        count=request.count if request.count > 1 else None,
        checkpoint=None if request.checkpoint == "best" else request.checkpoint,
    )  # fmt: skip


def draw_all_outputs(run_id: str, is_quiet: bool) -> None:
    """Everything the run made, a few at a time. Pieces are checked for faults while no generation is running."""
    from musicgen.runs.api import list_outputs

    shown = CARDS * (1 + int(st.session_state.get("output_pages", 0)))
    outputs = list_outputs(run_id=run_id, limit=shown + 1)
    if not outputs:
        st.caption("This network has not generated anything yet.")
        return
    draw_outputs(outputs[:shown], is_quiet=is_quiet, has_remedies=True)
    if len(outputs) > shown and st.button("Show more", key="output_show_more"):
        st.session_state["output_pages"] = shown // CARDS
        st.rerun()


main()
