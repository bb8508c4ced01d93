"""Floors in words: what each one means, and what a loss below or above it shows. Pure functions; draws nothing."""

from __future__ import annotations

from typing import NamedTuple


class _Words(NamedTuple):
    """`meaning`: the rule itself. `below`: what a network below the floor has learned. `above`: why a network above it
    has learned little. {unit} stands for what is predicted: a note, or a value of the sound."""

    meaning: str
    below: str
    above: str


_REPEAT = _Words(
    "Always predicts the last value again.",
    "predicts better than repeating the last {unit}",
    "repeating the last {unit} does as well or better",
)
_MEAN = _Words(
    "Always predicts the mean of the songs; for sound, that is silence.",
    "does better than always predicting the mean",
    "always predicting the mean does as well or better",
)
# Found by a word in the floor's name.
FLOORS: dict[str, _Words] = {
    "uniform": _Words(
        "Every value is equally likely: a blind guess.",
        "does better than a blind guess",
        "a blind guess does as well or better",
    ),
    "unigram": _Words(
        "Each value is as likely as it is frequent in the songs; their order is ignored.",
        "knows which {unit}s are common",
        "knowing how often each {unit} occurs does as well or better",
    ),
    "bigram": _Words(
        "Each value is as likely as it is frequent after the one before it: a table of pairs.",
        "has learned more than pairs of {unit}s",
        "a table of which {unit} follows which does as well or better",
    ),
    "order_1": _Words(
        "Each value is predicted from the one before it, by counting or by a straight line.",
        "has learned more than how a {unit} follows the one before it",
        "a rule on the last {unit} alone does as well or better",
    ),
    "order_2": _Words(
        "Each value is predicted from the two before it, by counting or by a straight line.",
        "has learned more than how a {unit} follows the two before it",
        "a rule on the last two {unit}s does as well or better",
    ),
    "persistence": _REPEAT,
    "repeat": _REPEAT,
    "linear_prediction": _Words(
        "Each value is as likely as it is near to a weighted sum of those before it, with weights from what is told.",
        "has learned something that linear prediction does not know",
        "linear prediction alone does as well or better",
    ),
    "linear": _Words(
        "Each value is a weighted sum of those before it, fitted by least squares.",
        "predicts better than a linear rule on the same samples",
        "a linear rule on the same samples does as well or better",
    ),
    "half_wave": _Words(
        "The song itself with its negative half cut off: no ReLU output can get below this.",
        "does better than the positive half of the wave alone",
        "no ReLU output can do better, because it is never negative",
    ),
    "zero": _MEAN,
    "mean": _MEAN,
    "silence": _Words("Always predicts silence.", "does better than silence", "silence does as well or better"),
}
_OTHER = _Words(
    "A rule that needs no network.",
    "does better than this rule, which needs no network",
    "this rule, which needs no network, does as well or better",
)


def floor_title(name: str) -> str:
    return name.replace("_", " ")


def floor_meaning(name: str) -> str:
    return _words(name).meaning


def floor_lesson(name: str, *, is_below: bool, medium: str) -> str:
    """The end of a sentence: what a network below the floor has learned, or what it means to be above the floor.

    `medium`: of the approach, "audio" or "midi"; the network predicts values of sound, or notes."""
    words = _words(name)
    return (words.below if is_below else words.above).format(unit="note" if medium == "midi" else "value")


def _words(name: str) -> _Words:
    return next((words for word, words in FLOORS.items() if word in name.lower()), _OTHER)
