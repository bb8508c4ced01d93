"""Which answer was right in this very attempt, and why: pure functions on measured values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.evaluation.figures import metric_value
from musicgen.lessons.conditions import Values
from musicgen.lessons.lesson import PLACEHOLDER, Lesson, Value, paragraphs
from musicgen.wording import span

MISSING = "–"


def judged(lesson: Lesson, given: str, values: Values) -> dict[str, Any]:
    """What came out.

    Args:
        given: key of the answer that was predicted. values: see `measuring`.

    Returns:
        JSON: {answer: the right one, "" if none is; is_right; usual; headline; why: paragraphs}.
    """
    outcome = next(each for each in lesson.outcomes if all(one.holds(values) for one in each.conditions))
    is_right = bool(outcome.answer) and outcome.answer == given
    why = paragraphs(filled(lesson, outcome.text, values))
    if not is_right:
        why = [*why, *paragraphs(filled(lesson, lesson.answer(given).but, values))]
    return {
        "answer": outcome.answer,
        "is_right": is_right,
        "usual": outcome.usual,
        "headline": _headline(lesson, outcome.answer, is_right=is_right, usual=outcome.usual),
        "why": why,
    }


def _headline(lesson: Lesson, answer: str, *, is_right: bool, usual: bool) -> str:
    if not answer:
        return "It did not come out as any of the answers."
    text = lesson.answer(answer).text
    said = "It came out as you said" if is_right else "It came out otherwise"
    rare = "" if usual else " This is not the usual result."
    return f"{said}: {text}{'' if text.endswith(('.', '!', '?')) else '.'}{rare}"


def filled(lesson: Lesson, text: str, values: Values) -> str:
    """The text with each {name} replaced by the value in words."""
    known = {value.name: value for value in lesson.values}
    return PLACEHOLDER.sub(lambda found: value_words(known[found[1]], values.get(found[1])), text)


def value_words(value: Value, number: float | None) -> str:
    """`1.23`, `34%`, `2.5 s`, `64 ms`; a dash for what could not be measured."""
    if number is None:
        return MISSING
    if value.unit == "%":
        return f"{100 * number:.0f}%"
    if value.unit == "s":
        return span(number)
    if value.unit == "ms":
        return f"{1000 * number:.2g} ms"
    whole = int(number) if float(number).is_integer() and abs(number) >= 1 else number
    return metric_value(whole)


def value_rows(lesson: Lesson, values: Values) -> list[tuple[str, str]]:
    """Title and value of each, for a table."""
    plain = ("%", "s", "ms", "")
    return [
        (
            value.title,
            f"{value_words(value, values.get(value.name))} {'' if value.unit in plain else value.unit}".strip(),
        )
        for value in lesson.values
    ]


def values_of_result(result: Mapping[str, Any]) -> dict[str, float | None]:
    """The values in a stored result."""
    return dict(result.get("values") or {})
