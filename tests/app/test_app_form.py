"""The form in a page: a preset fills it, edits stay, bounds are the model's."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def example_page() -> None:
    from typing import Literal

    import streamlit as st

    from musicgen.approaches.base import Parameters, parameter
    from pages.ui.form import parameter_form

    class Example(Parameters):
        epochs: int = parameter(20, title="Epochs", help="How often.", ge=1, le=1000)
        learning_rate: float = parameter(0.001, title="Learning rate", help="How fast.", gt=0, advanced=True)
        activation: Literal["relu", "leaky_relu"] = parameter("leaky_relu", title="Activation", help="Shape.")
        dense: tuple[int, ...] = parameter((50, 25, 12), title="Dense layers", help="Widths.")
        is_stereo: bool = parameter(True, title="Stereo", help="Both channels.")
        top_k: int | None = parameter(None, title="Top k", help="Keep the k likeliest.", ge=1)

    preset = st.selectbox("Preset", ["standard", "small"], key="preset")
    values = {"standard": {}, "small": {"epochs": 3, "dense": (8,), "is_stereo": False}}[preset]
    st.json(parameter_form(Example, values, key_prefix="training"))


def test_a_preset_fills_the_form_and_edits_stay_until_the_next_preset() -> None:
    at = AppTest.from_function(example_page).run()
    assert not at.exception
    assert at.number_input(key="training.epochs").value == 20
    assert at.text_input(key="training.dense").value == "50, 25, 12"
    assert at.number_input(key="training.top_k").value is None
    at.number_input(key="training.epochs").set_value(7).run()
    assert at.number_input(key="training.epochs").value == 7
    at.selectbox(key="preset").set_value("small").run()
    assert at.number_input(key="training.epochs").value == 3
    assert at.toggle(key="training.is_stereo").value is False
    assert at.text_input(key="training.dense").value == "8"
    at.text_input(key="training.dense").set_value("16, 8").run()
    assert not at.exception
    assert '"dense":[16,8]' in at.json[0].value.replace(" ", "")
    assert '"epochs":3' in at.json[0].value.replace(" ", "")


def test_numbers_carry_the_bounds_of_the_model() -> None:
    at = AppTest.from_function(example_page).run()
    epochs = at.number_input(key="training.epochs")
    assert (epochs.min, epochs.max, epochs.step) == (1, 1000, 1)
    assert at.number_input(key="training.learning_rate").value == pytest.approx(0.001)
