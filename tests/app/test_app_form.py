"""The form in a page: a preset fills it, edits stay, bounds are the model's."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from musicgen.approaches import approaches
from musicgen.errors import InvalidParameter
from pages.ui.form import Entry, entries, read_form


def example_page() -> None:
    from typing import Literal

    import streamlit as st

    from musicgen.contract.parameters import Parameters, parameter
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


def test_numbers_outside_the_bounds_arrive_and_are_refused_by_their_label() -> None:
    """A browser sends no number outside the bounds of its field: the field has none, and the model refuses it."""
    at = AppTest.from_function(example_page).run()
    epochs = at.number_input(key="training.epochs")
    assert epochs.step == 1
    assert epochs.proto.min < 1
    assert epochs.proto.max > 1000
    assert at.number_input(key="training.learning_rate").value == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"epochs": 0}, "Epochs must be between 1 and 10,000. Received: 0."),
        ({"epochs": None}, "Epochs needs a number: between 1 and 10,000."),
        ({"epochs": 0, "num_layers": 9}, "Recurrent layers must be between 1 and 8. Received: 9."),
        ({"batch_size": 33}, "Batch size must be a multiple of 2. Received: 33."),
        ({"dropout": 1.0}, "Dropout must be less than 1. Received: 1.0."),
        ({"embedding": 0}, "Embedding = 0 (the plain number) is for tokens only; events need 1 or more."),
    ],
)
def test_what_is_refused_is_named_as_on_the_form(entered: dict[str, object], words: str) -> None:
    model = approaches()["note_lstm"].Training
    with pytest.raises(InvalidParameter) as refused:
        read_form(model, {**model().model_dump(mode="json"), **entered})
    assert words in str(refused.value)


def track_page() -> None:
    import streamlit as st

    from musicgen.contract.parameters import Parameters, parameter
    from pages.ui.form import parameter_form

    class Tracks(Parameters):
        melody_track: int | None = parameter(None, title="Melody", help="Which.", ge=0, widget="track")
        first_beat: float | None = parameter(None, title="From", help="Empty: a guess.", ge=0)
        bars: tuple[int, ...] | None = parameter(None, title="Bars", help="Empty: all.")

    offered = {0: "0: Piano · 12 notes", 11: "11: Guitar · Electric Guitar (jazz) · 430 notes"}
    values = {"melody_track": 11} if st.toggle("named", key="named") else {}
    st.json(parameter_form(Tracks, values, key_prefix="training", tracks=offered if st.toggle("w", key="with") else {}))


def entered(at: AppTest) -> dict[str, object]:
    return dict(json.loads(at.json[0].value))


def test_tracks_are_offered_by_name_and_empty_fields_are_guesses() -> None:
    at = AppTest.from_function(track_page).run()
    at.toggle(key="with").set_value(True).run()
    box = at.selectbox(key="training.melody_track")
    assert box.options == ["Guess", "0: Piano · 12 notes", "11: Guitar · Electric Guitar (jazz) · 430 notes"]
    assert entered(at) == {"melody_track": None, "first_beat": None, "bars": None}
    box.set_value(11)
    at.number_input(key="training.first_beat").set_value(476.0)
    at.text_input(key="training.bars").set_value("1, 2").run()
    assert entered(at) == {"melody_track": 11, "first_beat": 476.0, "bars": [1, 2]}
    at.number_input(key="training.first_beat").set_value(None)
    at.text_input(key="training.bars").set_value("").run()
    at.selectbox(key="training.melody_track").set_value(None).run()
    assert entered(at) == {"melody_track": None, "first_beat": None, "bars": None}


def test_a_track_that_no_song_has_stays_visible() -> None:
    at = AppTest.from_function(track_page).run()
    at.toggle(key="named").set_value(True).run()
    assert not at.exception
    assert at.selectbox(key="training.melody_track").options == ["Guess", "11: in none of the songs"]
    assert entered(at)["melody_track"] == 11


def whole_form() -> None:
    import streamlit as st

    from musicgen.approaches import approach
    from pages.ui.form import parameter_form

    key, model = st.query_params["form"].split(".")
    st.json(parameter_form(getattr(approach(key), model), {}, key_prefix="form", tracks={0: "0", 1: "1"}))


def another(entry: Entry) -> object:
    """A value other than the initial one."""
    if entry.widget == "track":
        return 1
    if entry.widget == "voices":
        return "1, 3"
    if entry.kind == "boolean":
        return not entry.default
    if entry.kind == "choice":
        return next(choice for choice in entry.choices if choice != entry.default)
    if entry.kind in ("integer", "number"):
        near = (entry.low or 0 if entry.default is None else entry.default) + 1
        value = near if entry.high is None or near <= entry.high else (entry.low or 0)
        return int(value) if entry.kind == "integer" else float(value)
    return [7, 5] if entry.kind == "list" else "words"


@pytest.mark.parametrize("name", [f"{key}.{model}" for key in approaches() for model in ("Training", "Generation")])
def test_every_parameter_of_every_approach_can_be_set(name: str) -> None:
    key, model = name.split(".")
    at = AppTest.from_function(whole_form)
    at.query_params["form"] = name
    at.run()
    assert not at.exception
    fields = entries(getattr(approaches()[key], model))
    wanted = {entry.name: another(entry) for entry in fields}
    always = [entry for entry in fields if not entry.applies_when]
    for entry in always:
        set_field(at, entry, wanted[entry.name])
    at.run()
    assert not at.exception
    assert {entry.name: entered(at)[entry.name] for entry in always} == {
        each.name: wanted[each.name] for each in always
    }
    for entry in (each for each in fields if each.applies_when):
        for name, value in meeting(entry, fields).items():
            at.session_state[f"form.{name}"] = value
        set_field(at.run(), entry, wanted[entry.name])
        at.run()
        assert not at.exception
        assert entered(at)[entry.name] == wanted[entry.name], entry.name


def meeting(entry: Entry, fields: list[Entry]) -> dict[str, object]:
    """Values of other fields with which this one has an effect."""
    named = {each.name: each for each in fields}
    return {
        name: rule["is"]
        if "is" in rule
        else next(value for value in (named[name].default, another(named[name])) if value != rule["not"])
        for name, rule in entry.applies_when.items()
        if name in named
    }


def set_field(at: AppTest, entry: Entry, value: object) -> None:
    if entry.widget == "voices":
        at.button_group(key=f"form.{entry.name}").set_value(str(value).split(", "))
        return
    kind = {"boolean": "toggle", "choice": "selectbox", "integer": "number_input", "number": "number_input"}
    box = "selectbox" if entry.widget == "track" else kind.get(entry.kind, "text_input")
    shown = ", ".join(map(str, value)) if isinstance(value, list) else value
    getattr(at, box)(key=f"form.{entry.name}").set_value(shown)


def conditional_page() -> None:
    from typing import Literal

    import streamlit as st

    from musicgen.contract.applicability import Other
    from musicgen.contract.parameters import Parameters, parameter
    from pages.ui.form import parameter_form, read_form

    class Conditional(Parameters):
        mode: Literal["plain", "fancy"] = parameter("plain", title="Mode", help="Which.")
        depth: int = parameter(3, title="Depth", help="How deep.", ge=1, applies_when={"mode": "fancy"})
        penalty: float = parameter(1.0, title="Penalty", help="How much.", ge=1)
        window: int = parameter(8, title="Window", help="How far.", ge=1, applies_when={"penalty": Other(1.0)})
        steps: float = parameter(1.0, title="Step", help="How long.", applies_when={"training.kind": "tokens"})

    around = {"training.kind": "tokens" if st.toggle("tokens", key="tokens") else "events"}
    form = parameter_form(Conditional, {"depth": 5}, key_prefix="form", around=around)
    st.json(form)
    st.text(str(read_form(Conditional, form)))


def test_a_field_without_effect_is_hidden_and_what_was_typed_there_stops_nothing() -> None:
    at = AppTest.from_function(conditional_page).run()
    assert [each.key for each in at.number_input] == ["form.penalty"]
    assert entered(at) == {"mode": "plain", "depth": 5, "penalty": 1.0, "window": 8, "steps": 1.0}
    at.selectbox(key="form.mode").set_value("fancy").run()
    at.number_input(key="form.depth").set_value(0).run()
    assert at.exception, "a number out of range is refused while it has an effect"
    at.selectbox(key="form.mode").set_value("plain").run()
    assert not at.exception
    assert entered(at)["depth"] == 5
    at.number_input(key="form.penalty").set_value(1.5).run()
    at.number_input(key="form.window").set_value(12).run()
    at.toggle(key="tokens").set_value(True).run()
    assert [each.key for each in at.number_input] == ["form.penalty", "form.window", "form.steps"]
    assert entered(at)["window"] == 12
