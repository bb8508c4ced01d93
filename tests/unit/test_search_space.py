"""What a search may change: it never changes which music is scored, or how."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_approach_contract import songs_for

from musicgen.approaches import approach, approaches
from musicgen.contract.parameters import parameter, read_parameters
from musicgen.contract.searching import Between, choices, steps
from musicgen.errors import InvalidInput, InvalidParameter
from musicgen.search.budget import epochs_for, same_task, scaled_patience
from musicgen.search.space import Knob, grid, search_space
from tests.makers_music import audio_song

KEYS = sorted(approaches())
PRESETS = [(key, preset) for key in KEYS for preset in approaches()[key].presets]


def space(key: str, values: dict[str, Any], fixed: tuple[str, ...] = ("epochs",)) -> list[Knob]:
    kind = approach(key)
    return search_space(kind, read_parameters(kind.Training, values), fixed)


@pytest.mark.parametrize(("key", "preset"), PRESETS)
def test_every_preset_can_be_searched_from(key: str, preset: str) -> None:
    """Each value of each knob is valid beside the others of the preset, and the preset's own is one of them."""
    kind = approach(key)
    start = kind.presets[preset].training
    whole = read_parameters(kind.Training, start).model_dump(mode="json")
    knobs = space(key, start)
    assert {"learning_rate", "batch_size"} <= {knob.name for knob in knobs}
    for knob in knobs:
        assert knob.values[knob.start] == whole[knob.name]
        assert len(knob.values) == len({str(value) for value in knob.values}) > 1
        for value in knob.values:
            read_parameters(kind.Training, {**whole, knob.name: value})
    assert not {"epochs", "validation_share", "representation", "sequence_length", "look_back"} & {
        knob.name for knob in knobs
    }


SCORED = ("target", "weight", "mask", "chosen", "ids", "known")


def scored(prepared: Any) -> list[np.ndarray]:
    """What the held-out loss compares with, and what counts."""
    parts = prepared.validation if isinstance(prepared.validation, tuple) else [prepared.validation]
    found = []
    for part in parts:
        arrays = part.gather(np.arange(part.n_examples), None)
        found += [arrays[name] for name in sorted(arrays) if name in SCORED]
    assert found
    return found


@pytest.mark.parametrize("key", KEYS)
def test_the_loss_stays_comparable(key: str) -> None:
    """For the ends of every search range, alone and all together: the same held-out targets, the same floors."""
    kind = approach(key)
    songs = [audio_song(20_000, seed) for seed in (0, 1)] if key == "collage" else songs_for(kind)
    share = {"validation_share": 0.4}
    start = read_parameters(kind.Training, {**kind.tiny.training, **share}).model_dump(mode="json")
    knobs = space(key, start)
    expected = kind.prepare(songs, read_parameters(kind.Training, start), seed=1)
    ends = [{knob.name: end} for knob in knobs for end in (knob.values[0], knob.values[-1])]
    together = [{knob.name: knob.values[place] for knob in knobs} for place in (0, -1)]
    for drawn in [*ends, *together]:
        found = kind.prepare(songs, read_parameters(kind.Training, {**start, **drawn}), seed=1)
        assert same_task(expected.floors, found.floors), drawn
        assert found.facts["targets_shape"] == expected.facts["targets_shape"], drawn
        for one, other in zip(scored(expected), scored(found), strict=True):
            np.testing.assert_array_equal(one, other, err_msg=str(drawn))


def test_what_is_fixed_or_has_no_effect_is_not_searched() -> None:
    tokens = {"representation": "tokens"}
    assert "recall" in {knob.name for knob in space("note_lstm", {})}
    assert "recall" not in {knob.name for knob in space("note_lstm", tokens)}
    assert "units" not in {knob.name for knob in space("note_lstm", {}, ("epochs", "units"))}
    every = tuple(approach("note_lstm").Training.model_fields)
    with pytest.raises(InvalidInput, match="all are fixed"):
        space("note_lstm", {}, every)


def test_a_preset_outside_the_range_is_one_of_the_values() -> None:
    (units,) = [knob for knob in space("note_lstm", {"units": 1000}) if knob.name == "units"]
    assert units.values[-1] == 1000
    assert units.values == sorted(units.values)


def test_grids_are_plain_numbers() -> None:
    assert grid({"low": 0, "high": 0.5, "log": False}) == [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
    rates = grid({"low": 1e-4, "high": 1e-2, "log": True})
    assert (rates[0], rates[-1], len(rates)) == (1e-4, 1e-2, 17)


def test_a_range_keeps_the_bounds_of_its_parameter() -> None:
    field = parameter(4, title="T", help="H.", ge=2, multiple_of=2, search=steps(1, 2, 3, 4))
    assert field.json_schema_extra["search"] == {"values": [2, 4], "ordered": True}
    with pytest.raises(ValueError, match="within the bounds"):
        parameter(0.5, title="T", help="H.", lt=1, search=Between(0, 1))
    assert (
        parameter("a", title="T", help="H.", search=choices("a", "b")).json_schema_extra["search"]["ordered"] is False
    )


def test_all_trials_have_the_same_work() -> None:
    assert epochs_for(80.0, 1.0, most=1000) == 80
    assert epochs_for(80.0, 2.0, most=1000) == 40
    assert epochs_for(80.0, 0.25, most=100) == 100
    assert epochs_for(80.0, 90.0, most=100) == 1
    assert epochs_for(80.0, 120.0, most=100) is None
    assert scaled_patience(20, 40, 80) == 10
    assert scaled_patience(0, 40, 80) == 0


def test_floors_tell_another_task() -> None:
    assert same_task({"uniform": 4.0}, {"uniform": 4.0})
    assert not same_task({"uniform": 4.0}, {"uniform": 4.1})
    assert not same_task({"uniform": 4.0}, {"unigram": 4.0})


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        space("note_lstm", {"nothing": 1})


def test_what_only_ears_can_judge_is_searched_by_ear_only() -> None:
    """Less blur lowers the held-out loss of spectra, and the music falls into a drone."""
    kind = approach("spectral_lstm")
    training = read_parameters(kind.Training, dict(kind.presets["quick"].training))
    by_loss = {knob.name for knob in search_space(kind, training, [])}
    by_ear = {knob.name for knob in search_space(kind, training, [], by_ear=True)}
    assert by_ear - by_loss == {"input_blur"}
