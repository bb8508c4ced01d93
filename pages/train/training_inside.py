"""What is inside a training: rare notes, how far back it hears, the network, the data. Each picture follows the form
at once; what only the songs can tell comes with the plan. Settings that are refused have no pictures: the plan says
why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import read_parameters
from pages.train.rare_notes import draw_rare_notes
from pages.ui.dataset_view import draw_dataset
from pages.ui.network_view import draw_hearing, draw_network, network_style

if TYPE_CHECKING:
    from pages.train.plan_view import TrainingRequest


def draw_knob_pictures(chosen: Approach, request: TrainingRequest) -> None:
    """Beside the form, so that they are seen while a knob is turned: rare notes, and how far back it hears."""
    if request.refused:
        return
    lately = request.planned_lately()
    if lately and "threshold" in request.training:
        draw_rare_notes(lately.facts, int(request.training["threshold"]))
    training = read_parameters(chosen.Training, request.training)
    if chosen.receptive_field(training) is not None:
        with st.container(border=True, key="hearing", gap="xsmall"):
            st.markdown("**How far back it hears**")
            draw_hearing(chosen, training, key="receptive_field")


def draw_inside(chosen: Approach, request: TrainingRequest) -> None:
    """Below the form: the network with the shapes of the plan, and what it will read."""
    if request.refused:
        return
    plan, lately = request.planned(), request.planned_lately()
    training = read_parameters(chosen.Training, request.training)
    if layers := chosen.layers(training, plan.facts if plan else None):
        network_style()
        with st.expander("The network", icon=":material/account_tree:", expanded=True, key="network"):
            draw_network(layers)
    if lately:
        with st.expander("The data, and floors: losses that need no network", icon=":material/dataset:", key="dataset"):
            draw_dataset(lately.facts, lately.floors)
