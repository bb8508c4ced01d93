"""Runs without a name of their own are told apart by what was chosen."""

from __future__ import annotations

import pytest

from musicgen.approaches import approach
from musicgen.runs.naming import usual_name

KIND = approach("amplitude_lstm")
SONGS = [{"name": "A song"}, {"name": "Another"}, {"name": "A third"}]


def name(preset: str = "original", n_songs: int = 1, **changes: object) -> str:
    values = {**(KIND.presets[preset].training if preset else {}), **changes}
    return usual_name(KIND, preset, KIND.Training(**values), SONGS[:n_songs])


def test_two_activations_are_two_names() -> None:
    assert name() == "Amplitude LSTM (original): A song"
    assert name(activation="relu") == "Amplitude LSTM, activation relu (original): A song"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dense": (8, 4), "epochs": 3}, "epochs 3, dense 8 4"),
        ({"learning_rate": 0.002}, "learning rate 0.002"),
        ({"cross_joins": False, "off_by_one": False, "epochs": 3}, "epochs 3, cross joins off, …"),
    ],
)
def test_what_was_changed_is_named_briefly(changes: dict[str, object], said: str) -> None:
    assert name(**changes) == f"Amplitude LSTM, {said} (original): A song"


def test_several_songs_are_counted_and_without_a_preset_nothing_is_compared() -> None:
    assert name(preset="", n_songs=3, epochs=3) == "Amplitude LSTM: A song and 2 more"
