"""What is offered against a verdict: only what the approach can change, within its bounds, in words with numbers."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from musicgen.approaches import approaches
from musicgen.contract.parameters import Parameters, parameter
from musicgen.evaluation import verdict as words
from musicgen.evaluation.remedies import Offer, RemedySettings, possible_remedies, scaled
from musicgen.evaluation.verdict import Remedy, Verdict


class Training(Parameters):
    epochs: int = parameter(10, ge=1, le=100, title="Epochs", help=".")
    learning_rate: float = parameter(1e-3, gt=0, le=1, title="Learning rate", help=".")
    dropout: float = parameter(0.2, ge=0, lt=1, title="Dropout", help=".")
    look_back: int = parameter(3, ge=1, le=64, title="Look back", unit="samples", help=".")
    frames: int = parameter(64, ge=4, le=1024, multiple_of=4, title="Frames", help=".")
    activation: Literal["relu", "leaky_relu"] = parameter("relu", title="Activation", help=".")


class Generation(Parameters):
    temperature: float = parameter(1.0, ge=0.05, le=4, title="Temperature", help=".")
    top_k: int = parameter(0, ge=0, le=1000, title="Top k", help=".")
    greedy: bool = parameter(False, title="Always the likeliest", help=".")
    tempo: float | None = parameter(None, ge=10, le=400, title="Tempo", help=".")


def offers(*remedies: Remedy, training: dict[str, Any] | None = None, done: int = 0, **generation: Any) -> list[Offer]:
    verdict = Verdict("looping", "Looping", "loop_share", 1.0, 0.9, "It loops.", remedies).to_json()
    return possible_remedies(
        [verdict],
        RemedySettings(Training, Training(**(training or {})).model_dump()),
        RemedySettings(Generation, Generation(**generation).model_dump()),
        trained_epochs=done,
    )


def titles(*remedies: Remedy, **settings: Any) -> list[str]:
    return [offer.title for offer in offers(*remedies, **settings)]


def test_an_offer_says_what_will_happen_with_numbers():
    assert titles(words.WARMER, words.LONGER, words.SLOWER, words.LOOK_BACK, words.LEAKY, words.MORE_SONGS) == [
        "Generate again at temperature 1.25",
        "Continue training to epoch 20",
        "Train again at learning rate 0.0003",
        "Train again with look back 12 samples",
        "Train again with activation leaky_relu",
        "Add more songs",
    ]
    assert titles(words.CHANCE, greedy=True) == ["Generate again without “always the likeliest”"]


def test_offers_carry_the_action_and_the_new_values():
    found = offers(words.WARMER, words.LONGER, words.DROPOUT, words.MORE_SONGS)
    assert [(offer.action, offer.changes) for offer in found] == [
        ("generate", {"temperature": 1.25}),
        ("resume", {"epochs": 20}),
        ("train", {"dropout": 0.3}),
        ("songs", {}),
    ]
    assert found[0].why == "Generate again with a higher temperature."


def test_what_would_change_nothing_is_not_offered():
    assert titles(words.CHANCE) == []
    assert titles(words.WIDER) == []  # it chooses among all already
    assert titles(words.WIDER, top_k=3) == ["Generate again with top k 12"]
    assert titles(words.WARMER, temperature=4.0) == []
    assert titles(words.WARMER, greedy=True) == []  # where no chance is drawn, no temperature is asked
    assert titles(words.LEAKY, training={"activation": "leaky_relu"}) == []
    assert titles(words.LONGER, training={"epochs": 100}) == []


def test_new_values_stay_within_their_bounds():
    assert titles(words.WARMER, temperature=3.9) == ["Generate again at temperature 4"]
    assert titles(words.COOLER, temperature=0.06) == ["Generate again at temperature 0.05"]
    assert titles(words.LONGER, training={"epochs": 80}) == ["Continue training to epoch 100"]
    assert scaled(Training, "dropout", 0.9, 1.5) == 0.95  # the bound itself is not allowed
    assert scaled(Training, "dropout", 0.0, 1.5) == 0.2  # none at all becomes the default
    assert scaled(Training, "dropout", 0.0, 0.5) is None
    assert scaled(Training, "look_back", 1, 1.1) == 2  # a whole number changes by one at least
    assert scaled(Training, "frames", 64, 1.3) == 84
    assert scaled(Generation, "tempo", None, 2.0) is None
    assert scaled(Generation, "tempo", 300.0, 2.0) == 400
    assert scaled(Generation, "greedy", True, 2.0) is None


def test_more_epochs_are_counted_from_those_behind_it():
    assert offers(words.LONGER, done=30)[0].changes == {"epochs": 60}


def test_each_thing_is_offered_once_and_the_unknown_never():
    assert titles(words.WARMER, words.WARMER) == ["Generate again at temperature 1.25"]
    assert titles(Remedy("Sing.", "generate", {"voice": 2.0})) == []
    old = {"remedies": [{"text": "Warmer.", "action": "generate", "factors": {"temperature": 2.0}}]}
    settings = RemedySettings(Training, {}), RemedySettings(Generation, {"temperature": 1.0})
    assert possible_remedies([old], *settings)[0].changes == {"temperature": 2.0}
    assert possible_remedies([{"remedies": [{"text": "?", "action": "dance"}]}], *settings) == []


EVERY = [value for value in vars(words).values() if isinstance(value, Remedy)]


@pytest.mark.parametrize("key", approaches())
def test_every_approach_has_something_to_offer_and_accepts_it(key: str):
    known = approaches()[key]
    for preset in known.presets.values():
        training, generation = known.Training(**preset.training), known.Generation(**preset.generation)
        settings = (
            RemedySettings(known.Training, training.model_dump()),
            RemedySettings(known.Generation, generation.model_dump()),
        )
        verdict = Verdict("x", "X", "x", 1.0, 0.9, "X.", tuple(EVERY)).to_json()
        found = possible_remedies([verdict], *settings)
        assert {"resume", "songs"} <= {offer.action for offer in found}
        for offer in found:
            model, values = (known.Generation, generation) if offer.action == "generate" else (known.Training, training)
            changed = model(**{**values.model_dump(), **offer.changes})
            assert offer.action == "songs" or changed != values
