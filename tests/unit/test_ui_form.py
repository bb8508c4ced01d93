"""The form reads everything from the model: kinds, bounds, choices, help."""

from __future__ import annotations

from typing import Literal

import pytest

from musicgen.contract.parameters import Parameters, parameter
from pages.ui.form import Entry, entries, float_step, read_list


class Example(Parameters):
    epochs: int = parameter(20, title="Epochs", help="How often.", ge=1, le=1000)
    learning_rate: float = parameter(0.001, title="Learning rate", help="How fast.", gt=0, le=1, advanced=True)
    activation: Literal["relu", "leaky_relu"] = parameter("leaky_relu", title="Activation", help="Shape.")
    dense: tuple[int, ...] = parameter((50, 25, 12), title="Dense layers", help="Widths.")
    is_stereo: bool = parameter(True, title="Stereo", help="Both channels.")
    top_k: int | None = parameter(None, title="Top k", help="Keep the k likeliest.", ge=1)
    seconds: float = parameter(3.5, title="Length", help="How long.", unit="s", ge=0.5)
    first_beat: float | None = parameter(None, title="From", help="Empty: a guess.", ge=0, unit="beats")
    tracks: tuple[int, ...] | None = parameter(None, title="Tracks", help="Empty: all.")
    melody_track: int | None = parameter(None, title="Melody", help="Empty: a guess.", ge=0, widget="track")


def found(name: str) -> Entry:
    return next(entry for entry in entries(Example) if entry.name == name)


def test_kinds_and_order_come_from_the_model() -> None:
    assert [(entry.name, entry.kind) for entry in entries(Example)] == [
        ("epochs", "integer"),
        ("learning_rate", "number"),
        ("activation", "choice"),
        ("dense", "list"),
        ("is_stereo", "boolean"),
        ("top_k", "integer"),
        ("seconds", "number"),
        ("first_beat", "number"),
        ("tracks", "list"),
        ("melody_track", "integer"),
    ]


def test_bounds_choices_units_and_advanced_come_from_the_model() -> None:
    assert (found("epochs").low, found("epochs").high) == (1, 1000)
    assert found("activation").choices == ("relu", "leaky_relu")
    assert found("learning_rate").advanced
    assert found("top_k").optional
    assert found("seconds").label == "Length (s)"
    assert (found("first_beat").low, found("first_beat").optional) == (0, True)
    assert found("melody_track").widget == "track"
    assert found("tracks").optional
    assert not found("dense").optional


@pytest.mark.parametrize(
    ("title", "unit", "label"),
    [
        ("Samples to predict", "samples", "Samples to predict"),
        ("Seconds to predict", "s", "Seconds to predict"),
        ("Notes", "notes", "Notes"),
        ("Prompt", "notes", "Prompt (notes)"),
        ("Hop length", "samples", "Hop length (samples)"),
        ("Temperature", "", "Temperature"),
    ],
)
def test_a_label_does_not_repeat_a_unit_that_its_title_names(title: str, unit: str, label: str) -> None:
    assert Entry("x", title, "", unit, False, "number", False, (), None, None, 1.0).label == label


@pytest.mark.parametrize(("default", "step"), [(0.001, 0.0001), (1.0, 0.1), (0.3, 0.1), (120.0, 10.0), (0.05, 0.01)])
def test_one_click_is_about_a_tenth(default: float, step: float) -> None:
    entry = Entry("x", "X", "", "", False, "number", False, (), None, None, default)
    assert float_step(entry) == pytest.approx(step)


def test_lists_are_read_and_words_are_left_for_the_model_to_refuse() -> None:
    assert read_list("50, 25;12,") == [50, 25, 12]
    assert read_list("0.5, many") == [0.5, "many"]
