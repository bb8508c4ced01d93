"""Two outputs on the Compare page: which is which, and which settings differ."""

from __future__ import annotations

import pytest
from stored_work import add_output, add_run, add_song, is_clean, lanes, markup, said, tone, visit
from streamlit.testing.v1 import AppTest

from musicgen.comparison import comparison
from pages.compare.differences import differences

pytestmark = pytest.mark.usefixtures("home")
MEASURED = {"medium": "audio", "reference": {"rms_db": -12.0}, "generated": {"rms_db": -20.0}, "between": {}}
RELU = {"activation": "relu", "dense": [50, 25], "epochs": 20}


def titles(app: AppTest) -> list[str]:
    return [lane["title"] for lane in lanes(app)]


def test_two_activations_are_named_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "comparison", lambda one, other, **more: MEASURED)
    song = add_song("A <b>song</b>", tone(3))
    made = {}
    for activation in ("relu", "leaky_relu"):
        run = add_run([song], name=f"Amplitude LSTM, activation {activation}", activation=activation)
        about = {"run": {"id": run, "approach": "amplitude_lstm"}, "training": RELU | {"activation": activation}}
        made[activation] = add_output(run, tone(2, level=0.2), name=f"Made with {activation}", **about)
    app = visit("compare", reference=made["relu"], generated=made["leaky_relu"])
    assert is_clean(app)
    words = said(app)
    assert "| Difference | The other output | Generated |" in words
    assert "| Activation | relu | leaky_relu |" in words
    assert "| Dense layers" not in words
    assert titles(app) == ["The other output: Made with relu", "Generated: Made with leaky_relu"]
    assert "the other output." in words
    assert markup(app) == ""
    app.selectbox(key="compare_reference").set_value(song).run()
    assert is_clean(app)
    assert "| Difference |" not in said(app)
    assert titles(app)[0] == "Original: A <b>song</b>"


def test_the_page_says_when_settings_and_seeds_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "comparison", lambda one, other, **more: MEASURED)
    run = add_run([add_song("A song", tone(3))])
    one, other = (add_output(run, tone(2)) for _ in range(2))
    assert "the same settings and seeds" in said(visit("compare", reference=one, generated=other))


def test_differences_have_the_titles_of_the_form_and_need_both_values() -> None:
    before = {"run": {"approach": "amplitude_lstm"}, "training": RELU, "generation": {"mode": "free"}, "seed": 1}
    after = {"run": {"approach": "note_lstm"}, "training": {"epochs": 5}, "songs": [{"name": "A song"}], "seed": 1}
    assert list(differences(before, before)) == []
    assert list(differences(before, after)) == [
        ("Approach", "Amplitude LSTM", "Note LSTM"),
        ("Songs", "none", "A song"),
        ("Epochs", "20", "5"),
    ]
