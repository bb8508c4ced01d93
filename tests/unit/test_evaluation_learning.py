"""The verdict on a network that has learned too little, the one on borrowed passages, and what a clean bill says."""

from __future__ import annotations

from typing import Any

import pytest

from musicgen.evaluation.borrowing_words import borrowed
from musicgen.evaluation.figures import checked_words, evidence
from musicgen.evaluation.learned_little import learned_little

FLOORS = {"uniform": 4.0, "unigram": 3.5, "bigram": 2.5}


def history(*losses: float) -> list[dict[str, Any]]:
    return [{"epoch": number, "loss": loss / 2, "val_loss": loss} for number, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("losses", "epoch", "floors", "is_bad"),
    [
        ((3.0, 2.6, 2.9), 2, FLOORS, True),
        ((3.0, 2.5), 2, FLOORS, True),  # not below
        ((3.0, 2.4, 2.9), 2, FLOORS, False),
        ((3.0, 2.4, 2.9), 3, FLOORS, True),  # weights of another epoch
        ((3.0, 2.4, 2.9), None, FLOORS, False),
        ((3.0, 2.6), 2, {"order_1": 2.7, "order_2": 2.65, "unigram": 5.0}, False),
        ((3.0, 2.68), 2, {"order_1": 2.7, "order_2": 2.65, "unigram": 5.0}, True),
        ((3.0, 2.6), 2, {}, False),
        ((), None, FLOORS, False),
    ],
)
def test_a_loss_that_is_not_below_the_floor_is_a_verdict(
    losses: tuple[float, ...], epoch: int | None, floors: dict[str, float], is_bad: bool
):
    found = learned_little(history(*losses), floors, epoch, medium="midi")
    assert (found is not None) == is_bad


def test_it_says_what_was_measured_and_what_to_do():
    found = learned_little(history(3.0, 2.6), FLOORS, 2, medium="midi")
    assert found is not None
    assert found.cause == (
        "The validation loss of this network, 2.6 in epoch 2, is not below the floor “bigram”, 2.5: it has not learned "
        "more than which notes are common."
    )
    assert found.remedies
    assert (found.value, found.limit) == (2.6, 2.5)
    unchecked = learned_little([{"epoch": 1, "loss": 3.0}], FLOORS, 1, medium="audio")
    assert unchecked is not None
    assert unchecked.cause.startswith("The loss of this network, 3 in epoch 1,")
    assert "notes" not in unchecked.cause


YARDSTICK = {"shares": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("share", "level", "yardstick", "is_bad"),
    [
        (0.8, "copies", YARDSTICK, True),
        (0.8, "", None, True),  # one song: there is no yardstick
        (0.8, "as_much", YARDSTICK, False),  # so do the songs
        (0.4, "more", YARDSTICK, False),
        (0.4, "", None, False),
    ],
)
def test_passages_in_any_key_and_tempo_make_a_copy(
    share: float, level: str, yardstick: dict[str, Any] | None, is_bad: bool
):
    originality = {"share": share, "level": level, "yardstick": yardstick, "text": f"It copies: {share:.0%}."}
    found = borrowed(originality)
    assert (found is not None) == is_bad
    if found is not None:
        assert found.code == "copied"
        assert found.cause.startswith("It copies: 80%. ")
    assert borrowed(None) is None


def test_a_copy_that_was_told_is_not_laid_to_memory():
    originality = {"share": 0.8, "level": "copies", "yardstick": YARDSTICK, "text": "It copies: 80%."}
    memory, plan = borrowed(originality), borrowed(originality, has_plan=True)
    assert memory is not None
    assert plan is not None
    assert memory.code == plan.code == "copied"
    assert "memorised" in memory.cause
    assert "memorised" not in plan.cause
    assert "another seed" in plan.cause
    assert [remedy.action for remedy in plan.remedies] == ["songs"]


def test_a_clean_bill_says_only_what_was_tested():
    old = {"longest_run": 1}
    assert checked_words("midi", old) == "Checked: not stuck, not looping. Nothing else was tested."
    compared = old | {"copied_ngram_share_training": 0.0}
    assert "not a copy" in checked_words("midi", compared)
    assert "key" not in checked_words("midi", compared)  # an output of an earlier version
    filled_in = {"longest_run": 2, "in_key_share": 0.9, "interval_bits_training": 2.5}
    assert checked_words("midi", filled_in) == (
        "Checked: not stuck, not looping. Its key, rhythm, leaps and dissonances are like those of the songs. "
        "Nothing else was tested."
    )
    assert "key, rhythm" in checked_words("midi", compared | {"in_key_share": 1.0})
    assert "key, rhythm" not in checked_words("midi", old | {"in_key_share": 1.0})  # without songs to compare with
    assert "clicks" in checked_words("audio", {"copied_share_training": 0.0, "stillness": 0.1})


def test_a_value_just_beyond_its_limit_is_told_with_enough_digits() -> None:
    assert evidence({"metric": "in_key_share", "value": 0.14161, "limit": 0.14155}).endswith(
        "14.161%; up to 14.155% is fine."
    )
    assert evidence({"metric": "in_key_share", "value": 0.31, "limit": 0.9}).endswith("31%; from 90% is fine.")
