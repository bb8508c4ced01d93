"""What came out of blind tests, in numbers and words. Finished tests only; several of one output add up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from musicgen.listening.chance import SURE_BELOW, Chance, compare_with_guessing, odds_words, p_words
from musicgen.listening.material import ABX, REAL
from musicgen.listening.records import FINISHED, BlindTest, list_tests


def result_of(test: BlindTest) -> Chance | None:
    """How the answers of a finished test compare with guessing; None for one that does not count."""
    return compare_with_guessing(test.n_right, test.n_rounds) if test.state == FINISHED else None


def added_up(tests: Iterable[BlindTest], kind: str = REAL) -> Chance | None:
    """All finished tests of this kind together; None if there is none."""
    finished = [test for test in tests if test.state == FINISHED and test.kind == kind]
    if not finished:
        return None
    return compare_with_guessing(sum(test.n_right for test in finished), sum(test.n_rounds for test in finished))


def score_words(chance: Chance) -> str:
    """`12 of 16 right (p = 0.038)`"""
    return f"{chance.n_right} of {chance.n_rounds} right ({p_words(chance.p_value)})"


def verdict_words(test_kind: str, chance: Chance) -> str:
    """Two sentences: how likely this is by guessing, and what that says."""
    odds = f"Someone who only guesses does as well or better in {odds_words(chance.p_value)} tests."
    told = chance.p_value < SURE_BELOW
    if test_kind == ABX:
        can, cannot = "The two outputs could be told apart.", "This does not show that they can be told apart."
    else:
        can = "The generated music could be told apart from the original."
        cannot = "This does not show that the generated music can be told apart from the original."
    return f"{odds} {can if told else cannot}"


def confusion_words(chance: Chance) -> str:
    """`Taken for real in 7 of 16 rounds (44 %; 95 % interval 20 to 70 %)`"""
    n_wrong = chance.n_rounds - chance.n_right
    interval = f"95 % interval {100 * chance.low:.0f} to {100 * chance.high:.0f} %"
    return f"Taken for real in {n_wrong} of {chance.n_rounds} rounds ({100 * chance.wrong_share:.0f} %; {interval})"


def confusion_of(output_id: str) -> dict[str, Any] | None:
    """The confusion rate of an output, for its card and reports: {n_tests, n_rounds, n_wrong, rate, low, high, p_value,
    text}; None if no test of it is finished."""
    tests = [test for test in list_tests(output_id) if test.kind == REAL and test.state == FINISHED]
    chance = added_up(tests)
    if chance is None:
        return None
    return {
        "n_tests": len(tests),
        "n_rounds": chance.n_rounds,
        "n_wrong": chance.n_rounds - chance.n_right,
        "rate": chance.wrong_share,
        "low": chance.low,
        "high": chance.high,
        "p_value": chance.p_value,
        "text": f"{confusion_words(chance)}.",
    }


def finished_abx(tests: Iterable[BlindTest]) -> list[tuple[BlindTest, Chance]]:
    """The finished ABX tests among these, each with its result."""
    found = [(test, result_of(test)) for test in tests if test.kind == ABX]
    return [(test, chance) for test, chance in found if chance is not None]


def as_json(test: BlindTest) -> dict[str, Any]:
    """A test as JSON; which was which is included only when it has ended."""
    document: dict[str, Any] = {
        "id": test.id,
        "kind": test.kind,
        "output": test.output_id,
        "other": test.other_id or None,
        "state": test.state,
        "rounds": test.n_rounds,
        "answered": len(test.answers),
        "seconds": test.facts.get("seconds"),
        "levelled": test.facts.get("levelled"),
        "overlapping": test.facts.get("shared"),
        "created_at": test.created_at,
        "finished_at": test.finished_at,
        "result": None,
    }
    if test.is_open:
        return document
    document["answers"] = [
        {"answer": answer, "right": one["right"], "sides": one["sides"]}
        for answer, one in zip(test.answers, test.unsealed(), strict=True)
    ]
    if (chance := result_of(test)) is not None:
        words = f"{score_words(chance)}. {verdict_words(test.kind, chance)}"
        document["result"] = {"n_right": chance.n_right, "p_value": chance.p_value, "text": words}
        if test.kind == REAL:
            document["result"]["confusion_rate"] = chance.wrong_share
    return document
