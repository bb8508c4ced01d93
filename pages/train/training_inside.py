"""Pictures of a training: rare notes, how far back the network looks, its layers, the data. Each picture follows the
form at once; what depends on the songs comes with the plan. Invalid settings have no pictures: the plan says what is
wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import read_parameters
from pages.train.rare_notes import draw_rare_notes
from pages.ui.dataset_view import draw_dataset
from pages.ui.layout import kept_place, section_heading
from pages.ui.network_view import draw_network, draw_receptive_field, network_style

if TYPE_CHECKING:
    from pages.train.plan_view import TrainingRequest


def draw_beside_form(chosen: Approach, request: TrainingRequest) -> None:
    """Rare notes, and how far back the network looks: beside the form, so that they are in view while it is edited."""
    rare_notes, hearing = kept_place(), kept_place()
    if request.refused:
        return
    newest = request.newest_plan()
    if newest and "threshold" in request.training:
        with rare_notes:
            draw_rare_notes(newest.facts, int(request.training["threshold"]))
    training = read_parameters(chosen.Training, request.training)
    if chosen.receptive_field(training) is not None:
        with hearing, st.container(border=True, key="hearing", gap="xsmall"):
            section_heading("How far back it looks")
            draw_receptive_field(chosen, training, key="receptive_field")


def draw_below_form(chosen: Approach, request: TrainingRequest) -> None:
    """The network with the shapes of the plan, and the data that it will read."""
    network, dataset = kept_place(), kept_place()
    if request.refused:
        return
    plan, newest = request.planned(), request.newest_plan()
    training = read_parameters(chosen.Training, request.training)
    if layers := chosen.layers(training, plan.facts if plan else None):
        with network:
            network_style()
            with st.expander("The network", icon=":material/account_tree:", expanded=True, key="network"):
                draw_network(layers)
    if newest:
        with dataset, st.expander("The data and its floors", icon=":material/dataset:", key="dataset"):
            if plan is None:
                st.caption("From the plan before this one, with other settings.")
            draw_dataset(newest.facts, newest.floors)
