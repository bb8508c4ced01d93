"""The description of one approach: what it can and cannot learn, its network for each preset, its training time, its
settings and its source."""

from __future__ import annotations

from typing import Any

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import Parameters, TrainingParameters
from pages.approaches.preset_times import Times, time_words
from pages.ui.form import Entry, entries
from pages.ui.layout import facts_row, medium_badge, section_heading
from pages.ui.navigation import PLACES, go_to
from pages.ui.network_view import draw_network, draw_receptive_field, draw_strip, network_facts
from pages.ui.tables import text_table
from pages.ui.text import escape

LEARNS_FROM = {"audio": "sound: WAV, MP3, FLAC, OGG, M4A", "midi": "notes: MIDI files"}


def draw_card(approach: Approach, times: Times, *, is_chosen: bool) -> None:
    """An approach in a few lines, and a button for the details."""
    preset = approach.presets[first_preset(approach)]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{escape(approach.title)}**", width="content")
        medium_badge(approach.medium)
    draw_strip(approach.layers(approach.Training(**preset.training)))
    st.markdown(escape(approach.summary))
    st.caption(f"Learns from {LEARNS_FROM[approach.medium]}. {_usual_time(approach, times)}")
    st.button(
        "Shown below" if is_chosen else "Look inside", key=f"approach_open.{approach.key}", disabled=is_chosen,
        icon=":material/visibility:", type="tertiary", on_click=_look_inside, args=(approach.key,),
    )  # fmt: skip


def _look_inside(key: str) -> None:
    st.query_params["approach"] = key


def _usual_time(approach: Approach, times: Times) -> str:
    preset = first_preset(approach)
    return f"{preset.capitalize()}: {time_words(times, approach.key, preset)}."


def draw_approach(approach: Approach, times: Times) -> None:
    """Everything about an approach."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            section_heading(approach.title, width="content")
            medium_badge(approach.medium)
        if st.button("Train with it", key=f"approach_train.{approach.key}", icon=PLACES["train"].icon, type="primary"):
            st.session_state["approach"] = approach.key  # the choice on the Train page
            go_to("train")
    st.markdown(escape(approach.summary))
    draw_limits(approach)
    preset = choose_preset(approach)
    draw_inside(approach, preset, times)
    draw_settings(approach)
    st.caption(f"Based on {escape(approach.reference)}")


def draw_limits(approach: Approach) -> None:
    """What it can and what it cannot learn, side by side."""
    # Approaches in tests and new ones may leave these empty.
    can, cannot = getattr(approach, "can_learn", ""), getattr(approach, "cannot_learn", "")
    with st.grid(2, min_column_width=280, gap="small") as grid:
        for sign, title, words in (
            (":green[:material/check_circle:]", "It can learn", can),
            (":orange[:material/block:]", "It cannot learn", cannot),
        ):
            if words:
                with grid.cell(), st.container(border=True, gap="xxsmall"):
                    st.markdown(f"{sign} **{title}**")
                    st.markdown(escape(words))


def first_preset(approach: Approach) -> str:
    return "quick" if "quick" in approach.presets else next(iter(approach.presets))


def choose_preset(approach: Approach) -> str:
    """The preset whose sizes are drawn."""
    chosen = st.segmented_control(
        "Preset to show", list(approach.presets), default=first_preset(approach), required=True,
        key=f"approach_preset.{approach.key}", persist_state="session",
        format_func=lambda name: name.replace("_", " ").capitalize(),
    )  # fmt: skip
    preset = str(chosen)
    st.markdown(escape(approach.presets[preset].summary))
    return preset


def draw_inside(approach: Approach, preset: str, times: Times) -> None:
    """The network in numbers and as boxes, and how far back it looks."""
    training: TrainingParameters = approach.Training(**approach.presets[preset].training)
    layers = approach.layers(training)
    takes = time_words(times, approach.key, preset)
    facts_row([*network_facts(layers), ("Epochs", f"{training.epochs:,}"), ("Training takes", takes)])
    draw_network(layers)
    if approach.receptive_field(training) is not None:
        st.markdown("### How far back it looks")
        draw_receptive_field(approach, training, key=f"approach_hearing.{approach.key}.{preset}")


def draw_settings(approach: Approach) -> None:
    with st.expander("Values of the presets", icon=":material/tune:"):
        for name, preset in approach.presets.items():
            st.markdown(f"**{escape(name)}**: {escape(preset.summary)}")
        values = {name: {**preset.training, **preset.generation} for name, preset in approach.presets.items()}
        fields = dict.fromkeys(field for named in values.values() for field in named)
        rows = (
            [field, *(words(named[field]) if field in named else "" for named in values.values())] for field in fields
        )
        text_table(("Setting", *values), rows)
    with st.expander("Settings for training", icon=":material/school:"):
        draw_parameters(approach.Training)
    with st.expander("Settings for generating", icon=":material/auto_awesome:"):
        draw_parameters(approach.Generation)


def draw_parameters(model: type[Parameters]) -> None:
    rows = (
        (entry.name, f"{words(entry.default)} {entry.unit}".strip(), allowed(entry), f"{entry.title}. {entry.help}")
        for entry in entries(model)
    )
    text_table(("Setting", "Default", "Allowed", "What it does"), rows)


def allowed(entry: Entry) -> str:
    """The bounds or choices of a field, in words."""
    if entry.choices:
        return ", ".join(str(choice) for choice in entry.choices)
    if entry.kind == "boolean":
        return "on or off"
    if entry.low is not None and entry.high is not None:
        return f"{entry.low:,} to {entry.high:,}"
    if entry.low is not None:
        return f"from {entry.low:,}"
    return "" if entry.high is None else f"up to {entry.high:,}"


def words(value: Any) -> str:
    """A value of a setting in words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(words(item) for item in value) or "none"
    return "none" if value is None else str(value)
