"""One run: its progress, the actions on it, what its loss means, and the data and settings it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.comparison.loss_drawing import run_drawing
from musicgen.comparison.run_card import card_rows
from musicgen.evaluation.borrowing_words import epochs_words, shares_by_epoch
from musicgen.evaluation.curves import row_loss, useful_floors
from musicgen.wording import count, span
from pages.ui import run_words
from pages.ui.charts import loss_figure
from pages.ui.charts.curves import draw_losses
from pages.ui.commands import code_block
from pages.ui.dataset_view import fact_rows
from pages.ui.errors import shown_errors
from pages.ui.layout import facts_row, kept_place, section_heading, state_badge
from pages.ui.outputs.verdicts import draw_learned_little
from pages.ui.run_controls import draw_controls
from pages.ui.tables import text_table
from pages.ui.text import ago, escape, size

if TYPE_CHECKING:
    from musicgen.runs.api import Run

LIVE_SECONDS = 1.0
MAX_OUTPUTS = 200
FAILED_LINES, LOG_LINES = 12, 200


def draw_run(run_id: str) -> None:
    """The whole run. It is redrawn every second while it is active; when it ends, the page is redrawn once."""
    from musicgen.runs.api import get_run

    run = get_run(run_id)
    live = st.fragment(_live, run_every=LIVE_SECONDS if run.is_active else None)
    live(run_id, run.state)


def _live(run_id: str, state_before: str) -> None:
    from musicgen.runs.api import get_run

    with shown_errors():
        run = get_run(run_id)
        if run.state != state_before:
            st.rerun()  # the list of runs and the refresh rate of this fragment depend on the state
        for draw in (_head, draw_controls, _trouble, _curves, _originality, _card, _facts, _log):
            with kept_place():
                draw(run)


def _head(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        section_heading(run.name, width="content")
        with st.container(key="run_status", width="content"):
            state_badge(run.state)
    if run.is_active:
        st.progress(run_words.progress_share(run.state, run.progress), text=_where(run))
    from musicgen.runs.starting import start_words

    facts_row(_head_facts(run))
    if words := start_words(run.request, (run.prepared or {}).get("facts") or {}):
        st.caption(escape(words))


def _where(run: Run) -> str:
    from musicgen.runs.api import count_ahead

    if run.state == "queued":
        return run_words.queue_words(count_ahead(run.id))
    return run_words.progress_words(run.state, run.progress) or "starting"


def _head_facts(run: Run) -> list[tuple[str, object]]:
    best = run_words.best_row(run.history, run.best_epoch)
    known = approaches().get(run.approach)
    facts: list[tuple[str, object]] = [("Approach", known.title if known else run.approach)]
    if run.request.get("preset"):
        facts.append(("Preset", run.request["preset"]))
    facts.append(("Epochs", f"{len(run.history)} of {(run.request.get('training') or {}).get('epochs', '?')}"))
    if best:
        kind = "validation" if best.get("val_loss") is not None else "training"
        facts.append((f"Best {kind} loss", f"{row_loss(best):.4g} (epoch {best['epoch']})"))
    if not run.is_active and run.seconds:
        facts.append(("Training time", span(run.seconds)))
    facts.append(("Device", _device(run)))
    facts.append(("Created", ago(run.created_at)))
    return facts


def _device(run: Run) -> str:
    wanted = run.request.get("device", "auto")
    used = run.progress.get("device") or wanted
    return f"{used}, on the cluster" if wanted == "cluster" and used in ("cpu", "gpu:0", "gpu:all") else str(used)


def _trouble(run: Run) -> None:
    """Why it failed and what to do, with the last lines of its log; and the warnings of `prepare`."""
    if run.reason:
        show = st.error if run.state == "failed" else st.info
        show(escape(run.reason), icon=":material/error:" if run.state == "failed" else ":material/info:")
    if run.advice and run.advice != run.reason:
        st.info(escape(run.advice), icon=":material/lightbulb:")
    if run.state == "failed" and (lines := run.log_tail(FAILED_LINES)):
        st.caption("The last lines of its log")
        code_block("\n".join(lines))
    for warning in (run.prepared or {}).get("warnings") or ():
        st.warning(escape(warning), icon=":material/warning:")


def _curves(run: Run) -> None:
    if not run.history:
        if run.is_active:
            st.caption("The loss curves appear after the first epoch.")
        return
    floors = (run.prepared or {}).get("floors") or {}
    epochs = (run.request.get("training") or {}).get("epochs") if run.is_active else None
    draw_losses(
        run_drawing(run.history, floors, run.best_epoch, epochs=epochs or 1),
        partial(loss_figure, run.history, floors, run.best_epoch, epochs=epochs),
        key="run_loss", alt="Training and validation loss over the epochs, floors as dashed lines",
    )  # fmt: skip
    known = approaches().get(run.approach)
    medium = known.medium if known else "audio"
    for sentence in run_words.loss_words(run.history, floors, run.best_epoch, medium=medium, is_active=run.is_active):
        st.markdown(f"- {sentence}")
    if not run.is_active:
        draw_learned_little(run, medium)


def _originality(run: Run) -> None:
    """Whether later checkpoints borrow more from the songs. Not while the run is redrawn every second."""
    if run.is_active:
        return
    from musicgen.runs.api import list_outputs

    shares = shares_by_epoch(output.sidecar for output in list_outputs(run.id, limit=MAX_OUTPUTS))
    if words := epochs_words(shares):
        st.markdown(f"- {escape(words)}")
        with st.expander("Originality by checkpoint", icon=":material/link:", key="run_originality"):
            rows = [(each["epoch"], f"{each['share']:.0%}", each["num_outputs"]) for each in shares]
            text_table(("Epoch ›", "Share also in a song ›", "Outputs ›"), rows)


def _card(run: Run) -> None:
    """Sources, rights, floors, originality, confusion rate. Not while the run is redrawn every second."""
    if run.is_active:
        return
    card = st.expander("Card", icon=":material/badge:", key="run_card", on_change="rerun")
    if card.open:  # it reads all outputs
        with card:
            text_table(("What", "This run"), card_rows(run))


def _facts(run: Run) -> None:
    prepared = run.prepared or {}
    if not prepared and not run.request.get("songs"):
        return
    with st.expander("Songs, data and settings", icon=":material/list_alt:"):
        left, right = st.columns(2, gap="medium")
        with left:
            text_table(("Data", "Value"), data_rows(prepared))
            _songs(run.request.get("songs") or ())
        with right:
            text_table(("Setting", "Value"), setting_rows(run))


def _songs(songs: Sequence[dict[str, Any]]) -> None:
    st.caption(count(len(songs), "song"))
    lines = []
    for song in songs:
        tracks = song.get("tracks")
        lines.append(f"{song.get('name', song['id'])}{f'  (tracks {tracks})' if tracks else ''}")
    if lines:
        st.text("\n".join(lines))


def data_rows(prepared: dict[str, Any]) -> list[tuple[str, str]]:
    """What `prepare` found and what was built from it, in words."""
    rows = fact_rows(prepared.get("facts") or {})
    floors = useful_floors(prepared.get("floors") or {})
    rows += [(f"floor: {name.replace('_', ' ')}", f"{value:.4g}") for name, value in floors.items()]
    if prepared.get("networks"):
        rows.append(("networks", str(prepared["networks"])))
    if prepared.get("parameters"):
        rows.append(("weights per network", f"{first_of(prepared['parameters']):,}"))
    if prepared.get("memory_bytes"):
        rows.append(("memory, about", size(prepared["memory_bytes"])))
    return rows


def setting_rows(run: Run) -> list[tuple[str, str]]:
    """The settings, with the titles that the form gives them."""
    known = approaches().get(run.approach)
    fields = known.Training.model_fields if known else {}
    rows = []
    for name, value in (run.request.get("training") or {}).items():
        field = fields.get(name)
        rows.append((field.title if field and field.title else name, run_words.fact_value(value)))
    return [*rows, ("seed", str(run.request.get("seed", 0)))]


def first_of(parameters: Any) -> int:
    """Weights of one network, from a list with all networks or from a single number."""
    return int(parameters[0]) if isinstance(parameters, list | tuple) else int(parameters)


def _log(run: Run) -> None:
    with st.expander("Log", icon=":material/notes:"):
        lines = run.log_tail(LOG_LINES)
        code_block("\n".join(lines) or "nothing yet")
