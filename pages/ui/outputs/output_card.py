"""Outputs as cards: listen, look, see what was found in the piece, download, generate again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.runs.making import settings_rows
from musicgen.wording import count
from pages.ui.errors import shown_errors
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place
from pages.ui.navigation import page_link
from pages.ui.outputs.blind_results import draw_confusion
from pages.ui.outputs.borrowing import draw_borrowing
from pages.ui.outputs.downloads import download_buttons, zip_button
from pages.ui.outputs.generation_view import watch
from pages.ui.outputs.judging import draw_judgement
from pages.ui.outputs.remedies import draw_remedies
from pages.ui.player import PlayerLane, draw_player
from pages.ui.tables import text_table
from pages.ui.text import ago, clock, escape

if TYPE_CHECKING:
    from musicgen.runs.api import Output


def draw_outputs(outputs: Sequence[Output], *, is_quiet: bool = False, has_remedies: bool = False) -> None:
    """The cards, newest first.

    Args:
        is_quiet: nothing is being generated, so unchecked outputs are checked now and buttons may leave the page.
        has_remedies: whether to draw buttons that fix what is wrong.
    """
    for number, output in enumerate(outputs):
        with shown_errors():
            # The newest card has the plain keys (`download_wav`); the keys of the others also contain their id.
            _card(output, suffix="" if number == 0 else output.id, is_quiet=is_quiet, has_remedies=has_remedies)


def _card(output: Output, *, suffix: str, is_quiet: bool, has_remedies: bool) -> None:
    with st.container(border=True, key=f"output_{output.id}", gap="small"):
        st.markdown(f"**{escape(output.name)}**")
        st.caption(escape(summary(output)))
        with kept_place():
            draw_player([PlayerLane(output.id, output.clip, role="generated")], key=f"play_{output.id}")
        with kept_place():
            _draw_repeat(output)
        remedies = partial(draw_remedies, output, stays=True, can_leave=is_quiet) if has_remedies else None
        with kept_place():
            draw_confusion(output.id)
        with kept_place():
            draw_judgement(output, may_measure=is_quiet, remedies=remedies)
        with kept_place():
            draw_borrowing(output, may_measure=is_quiet)
        download_buttons(output.clip, output.name, key_suffix=suffix)
        _actions(output, suffix)
        with st.expander("How it was made"):
            text_table(("Setting", "Value"), settings_rows(output.sidecar))


def summary(output: Output) -> str:
    """`0:20 · 200 notes · seed 3 · 5 min ago`."""
    facts, sidecar = output.clip.facts, output.sidecar
    parts = [clock(output.seconds)]
    if facts.get("num_notes") is not None:
        parts.append(count(int(facts["num_notes"]), "note"))
    elif facts.get("sample_rate"):
        parts.append(f"{facts['sample_rate'] / 1000:g} kHz")
    parts.append(f"seed {sidecar.get('seed')}")
    return " · ".join([*parts, ago(output.created_at)])


def _draw_repeat(output: Output) -> None:
    """For a piece that was generated again: whether it is the same as the first one."""
    if output.sidecar.get("regenerates"):
        same = output.sidecar.get("is_same_as_original")
        words = "Exactly the same as the first time, bit for bit." if same else _why_not_the_same(output.sidecar)
        st.caption(f":material/{'verified' if same else 'difference'}: {escape(words)}")


def _why_not_the_same(sidecar: dict[str, Any]) -> str:
    changed = sidecar.get("made_with_other") or {}
    if not changed:
        return "Not the same as the first time."
    changes = ", ".join(f"{name} was {then} and is now {now}" for name, (then, now) in changed.items())
    return (
        f"Not the same as the first time: {changes}. Another processor or version rounds numbers differently, and one "
        "different note or sample changes everything after it."
    )


def _actions(output: Output, suffix: str) -> None:
    dotted = f".{suffix}" if suffix else ""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        _compare_link(output)
        page_link("blind", "Which one is real?", generated=output.id)
        if st.button(
            "Generate the same again", key=f"output_again{dotted}", icon=":material/replay:",
            help="Same weights, seed, settings and prompt: the same piece, note for note and sample for sample.",
        ):  # fmt: skip
            _again(output)
        st.download_button(
            "Settings (JSON)", data=json.dumps(output.sidecar, indent=1, ensure_ascii=False),
            file_name=f"{output.id}.json", mime="application/json", key=f"download_json{dotted}", on_click="ignore",
            icon=":material/data_object:", help="Run, checkpoint, seed, settings, prompt and versions.",
        )  # fmt: skip
        zip_button(output, key_suffix=suffix)
        with st.popover("Delete", icon=":material/delete:", key=f"output_more{dotted}"):
            st.caption("This deletes the sound and the notes. The run is kept.")
            if st.button("Delete permanently", key=f"output_delete{dotted}"):
                _delete(output)


def _compare_link(output: Output) -> None:
    reference = (output.sidecar.get("reference") or {}).get("song_id") or (output.sidecar.get("prompt") or {}).get("id")
    linked = {"reference": reference} if reference else {}
    page_link("compare", "Compare", generated=output.id, **linked)


def _again(output: Output) -> None:
    from musicgen.runs.api import regenerate

    watch(regenerate(output.id, submit_key=intent_key("again", output.id)))
    st.toast("Generating it again. It will appear here when it is done.")
    st.rerun()


def _delete(output: Output) -> None:
    from musicgen.runs.api import delete_output

    delete_output(output.id)
    st.rerun()
