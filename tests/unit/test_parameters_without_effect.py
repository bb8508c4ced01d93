"""What a parameter's `applies_when` says is true: if its conditions are not met, nothing at all depends on its value.

The form hides such parameters (pages/ui/form.py), so this walks all approaches: two trainings and two pieces that
differ in every parameter without effect are the same, bit for bit."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach, approaches
from musicgen.audio.waveform import Waveform
from musicgen.contract.applicability import Other, applies, conditions_document
from musicgen.contract.approach import Approach
from musicgen.contract.made import Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import Parameters, read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, InvalidParameter
from tests.makers_music import audio_song, midi_song

KEYS = sorted(approaches())
Values = dict[str, Any]
Schema = Mapping[str, Mapping[str, Any]]


def fields_of(model: type[Parameters]) -> Schema:
    return model.model_json_schema()["properties"]  # type: ignore[no-any-return]


def conditions_of(model: type[Parameters]) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    return {name: each["applies_when"] for name, each in fields_of(model).items() if "applies_when" in each}


def test_conditions_are_met_by_value_and_by_any_other_value() -> None:
    document = conditions_document({"mode": "free", "steps": Other(0), "prompt": True})
    assert applies(document, {"mode": "free", "steps": 3, "prompt": True})
    assert not applies(document, {"mode": "free", "steps": 0, "prompt": True})
    assert not applies(document, {"mode": "predict", "steps": 3, "prompt": True})
    assert applies(document, {"mode": "free", "steps": 3}), "what is not known may be so"


@pytest.mark.parametrize("key", KEYS)
def test_conditions_name_parameters_and_values_that_exist(key: str) -> None:
    kind = approach(key)
    known = {"prompt": {"type": "boolean"}} | {
        f"training.{name}": each for name, each in fields_of(kind.Training).items()
    }
    for model in (kind.Training, kind.Generation):
        fields = fields_of(model)
        for name, conditions in conditions_of(model).items():
            for other, rule in conditions.items():
                assert other != name
                assert other in fields or (model is kind.Generation and other in known), f"{name}: {other}"
                choices = {**known, **fields}[other].get("enum")
                assert choices is None or next(iter(rule.values())) in choices, f"{name}: {other}"


@pytest.mark.parametrize("key", KEYS)
def test_a_help_text_that_begins_with_a_condition_has_one(key: str) -> None:
    for model in (approach(key).Training, approach(key).Generation):
        for name, each in fields_of(model).items():
            if re.match(r"(For|With|Without) [a-z ]+[:.,]", each["description"]):
                assert "applies_when" in each or name == "stretches", f"{name}: {each['description']}"


def settings(model: type[Parameters], start: Values, number: int, later: type[Parameters] | None = None) -> Values:
    """The values in `start`, with conditions of as many parameters as possible not met: of those that compare one
    parameter with several values, the `number`-th such way. `later`: the `Generation` model, whose conditions may name
    parameters of the training."""
    values, fields = dict(start), fields_of(model)
    ways: dict[str, list[Any]] = {}
    of_both = [*conditions_of(model).values(), *(conditions_of(later).values() if later else ())]
    for conditions in of_both:
        for name, rule in conditions.items():
            other = name.removeprefix("training.")
            if other in fields and (later or "." not in name):
                near = [start.get(other, rule.get("is")), *others(fields[other])]
                missed = [rule["not"]] if "not" in rule else [v for v in near if v != rule["is"]]
                ways.setdefault(other, []).extend(v for v in missed[:1] if v not in ways[other])
    for other, missed in ways.items():
        values = valid(model, values, {other: missed[number % len(missed)]}) or values
    return values


def others(field: Mapping[str, Any]) -> list[Any]:
    """Values other than the default, the nearest first."""
    if "enum" in field:
        return [choice for choice in field["enum"] if choice != field["default"]] + [field["default"]]
    default = field["default"]
    if isinstance(default, bool):
        return [not default, default]
    number = default or 0
    step = next((each.get("multipleOf", 1) for each in (field, *field.get("anyOf", ()))), 1)
    return [number + 32 * step, number + step, number + 0.25, number - step, 2 * number, 0.5 * number, 0.1, 0.0]


def valid(model: type[Parameters], values: Values, change: Values) -> Values | None:
    try:
        read_parameters(model, {**values, **change})
    except InvalidParameter:
        return None
    return {**values, **change}


def changed(model: type[Parameters], values: Values, around: Values) -> tuple[Values, list[str]]:
    """Other values for all parameters that have no effect, and their names."""
    known = {**read_parameters(model, values).model_dump(mode="json"), **around}
    names = [name for name, conditions in conditions_of(model).items() if not applies(conditions, known)]
    other = dict(values)
    for name in names:
        made = (valid(model, other, {name: v}) for v in others(fields_of(model)[name]) if v != known[name])
        found = next((each for each in made if each), None)
        assert found is not None, f"no other value for {name}"
        other = found
    return other, names


def trained(kind: Approach, songs: list[TrainingSong], values: Values) -> tuple[Any, Any, Any]:
    training = read_parameters(kind.Training, values)
    prepared = kind.prepare(songs, training, seed=1)
    networks = kind.build(prepared.codec, training, seed=1)
    kind.fit(networks, prepared, training, seed=1, monitor=SilentMonitor())
    return prepared, networks, training


def weights_of(networks: Any) -> list[np.ndarray]:
    return [weights for model in networks.models.values() for weights in model.get_weights()]


def piece(kind: Approach, songs: list[TrainingSong], made_by: tuple[Any, Any, Any], values: Values) -> np.ndarray:
    prepared, networks, training = made_by
    order = Order(read_parameters(kind.Generation, values), [3], songs, None, SilentMonitor())
    (made,) = kind.generate(networks, prepared.codec, training, order)
    return made.content.samples if isinstance(made.content, Waveform) else made.content.notes


def songs_for(kind: Approach, training: Any) -> list[TrainingSong]:
    """Two songs, as short as this training allows."""
    make, sizes = (audio_song, (2_000, 40_000)) if kind.medium == "audio" else (midi_song, (12, 48))
    for size in sizes:
        songs = [make(size, number) for number in range(2)]
        with contextlib.suppress(InvalidInput):
            kind.prepare(songs, training, seed=1)
            break
    return songs


@pytest.mark.parametrize("key", KEYS)
def test_no_plan_depends_on_a_parameter_whose_conditions_are_not_met(key: str) -> None:
    """What is prepared, what it costs and how it is drawn; the slow test below trains and generates too."""
    kind, seen = approach(key), set()
    for number in (0, 1):
        values = settings(kind.Training, dict(kind.tiny.training), number, kind.Generation)
        other, names = changed(kind.Training, values, {})
        seen |= set(names)
        one, two = (read_parameters(kind.Training, each) for each in (values, other))
        songs = songs_for(kind, one)
        mine, theirs = (kind.prepare(songs, each, seed=1) for each in (one, two))
        assert mine.facts == theirs.facts, names
        assert mine.floors == theirs.floors, names
        assert mine.codec.to_json() == theirs.codec.to_json(), names
        assert kind.cost(mine, one) == kind.cost(theirs, two), names
        assert kind.layers(one, mine.facts) == kind.layers(two, theirs.facts), names
    assert seen == set(conditions_of(kind.Training)), "each was without effect once"


@pytest.mark.slow
@pytest.mark.numeric
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("key", KEYS)
def test_nothing_depends_on_a_parameter_whose_conditions_are_not_met(key: str, number: int) -> None:
    kind = approach(key)
    values = settings(kind.Training, dict(kind.tiny.training), number, kind.Generation)
    songs = songs_for(kind, read_parameters(kind.Training, values))
    other, names = changed(kind.Training, values, {})
    one = trained(kind, songs, values)
    if names:
        two = trained(kind, songs, other)
        for mine, theirs in zip(weights_of(one[1]), weights_of(two[1]), strict=True):
            np.testing.assert_array_equal(mine, theirs, err_msg=str(names))
    around = {f"training.{name}": value for name, value in one[2].model_dump(mode="json").items()} | {"prompt": False}
    wanted = settings(kind.Generation, dict(kind.tiny.generation), number)
    another, unused = changed(kind.Generation, wanted, around)
    assert names or unused
    np.testing.assert_array_equal(
        piece(kind, songs, one, wanted), piece(kind, songs, one, another), err_msg=str(unused)
    )
