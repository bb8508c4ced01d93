"""Watch a network learn, see what its loss means, and listen to what it made."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from pages.runs.run_list import choose_run
from pages.runs.time_lapse import draw_time_lapse
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import empty_place, kept_place, page_heading, section_heading
from pages.ui.navigation import page_link
from pages.ui.outputs.generation_view import draw_generation
from pages.ui.outputs.output_card import draw_outputs
from pages.ui.run_view import draw_run
from pages.ui.state import choose_id

OUTPUTS_SHOWN = 2


def main() -> None:
    from musicgen.runs.api import list_runs

    page_heading("runs")
    if not list_runs(limit=1):
        empty_place(
            ":material/timeline:",
            "No run yet",
            "A run is one training of one network.",
            page="train",
            label="Train a network",
        )
        draw_import()
        return
    left, right = st.columns([1, 3], gap="medium")
    with left, shown_errors():
        with kept_place():
            chosen = choose_run()
        page_link("versus")
        draw_import()
    with right, shown_errors():
        if chosen:
            for draw in (draw_run, draw_newest_outputs, draw_time_lapse):
                with kept_place():
                    draw(chosen)
            show_command(command_line("runs", "show", chosen))


def draw_newest_outputs(run_id: str) -> None:
    """What is being generated, and the newest outputs. The Generate page shows all of them."""
    from musicgen.runs.api import list_outputs

    with kept_place():
        draw_generation(run_id)
    outputs = list_outputs(run_id=run_id, limit=OUTPUTS_SHOWN + 1)
    if outputs:
        section_heading("Outputs")
        draw_outputs(outputs[:OUTPUTS_SHOWN])
    if len(outputs) > OUTPUTS_SHOWN:
        page_link("generate", "All outputs", run=run_id)


def draw_import() -> None:
    """Import a run that was exported here or on another machine."""
    from musicgen.runs import api

    with (
        st.expander("Import a run", icon=":material/upload:"),
        st.form("run_import_form", clear_on_submit=True, border=False),
        shown_errors(),
    ):
        file = st.file_uploader("An exported run", type=["zip"], key="run_import", label_visibility="collapsed")
        st.caption("With its outputs, blind tests and card. Larger archives: `python -m musicgen runs import FILE`.")
        if st.form_submit_button("Import", key="run_import_start", type="primary") and file is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "run.zip"
                path.write_bytes(file.getbuffer())
                run_id = api.import_run(path)
            choose_id("run", run_id)
            st.rerun()


main()
