"""Floors in words: what each stands for, and what a loss below or above it shows. Pure functions; draws nothing."""

from __future__ import annotations

from typing import NamedTuple


class _Words(NamedTuple):
    """`meaning`: the rule itself. `below`: what a network under it does. `above`: why one over it learned little.
    {unit} stands for what is predicted: a note, or a value of the sound."""

    meaning: str
    below: str
    above: str


_REPEAT = _Words(
    "What was last is repeated.",
    "predicts better than repeating what was last",
    "repeating what was last does as well or better",
)
_MEAN = _Words(
    "Always the mean of the songs: in sound, silence.",
    "does better than always saying the mean",
    "always saying the mean does as well or better",
)
# Found by a word in the floor's name.
FLOORS: dict[str, _Words] = {
    "uniform": _Words(
        "Every value is equally likely: guessing blindly.",
        "does better than guessing blindly",
        "guessing blindly does as well or better",
    ),
    "unigram": _Words(
        "Every value is as likely as it is frequent in the songs: what is common is known, no order.",
        "knows which {unit}s are common",
        "knowing how often each {unit} occurs does as well or better",
    ),
    "bigram": _Words(
        "Every value is as likely as it is frequent after the one before: a table of pairs.",
        "has learned more than pairs of {unit}s",
        "a table of which {unit} follows which does as well or better",
    ),
    "order_1": _Words(
        "Every value follows from the one before it, by counting or by a straight line.",
        "has learned more than how a {unit} follows the one before it",
        "a rule on the last {unit} alone does as well or better",
    ),
    "order_2": _Words(
        "Every value follows from the two before it, by counting or by a straight line.",
        "has learned more than how a {unit} follows the two before it",
        "a rule on the last two {unit}s does as well or better",
    ),
    "persistence": _REPEAT,
    "repeat": _REPEAT,
    "linear": _Words(
        "A weighted sum of what came before, fitted by least squares: straight arithmetic.",
        "predicts better than a linear rule on the same samples",
        "a linear rule on the same samples does as well or better",
    ),
    "half_wave": _Words(
        "The song itself with its negative half cut off: no ReLU output gets below.",
        "does better than half of the wave",
        "no ReLU output can do better, for it is never negative",
    ),
    "zero": _MEAN,
    "mean": _MEAN,
    "silence": _Words("Always silence.", "does better than silence", "silence does as well or better"),
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
    """The end of a sentence: what a network shows that is below the floor, or what it means to be above.

    `medium`: of the approach, "audio" or "midi"; the network predicts values of sound, or notes."""
    words = _words(name)
    return (words.below if is_below else words.above).format(unit="note" if medium == "midi" else "value")


def _words(name: str) -> _Words:
    return next((words for word, words in FLOORS.items() if word in name.lower()), _OTHER)
