"""Measurements in words: values with their units, what they mean, and the evidence for a verdict. Light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.evaluation.glossary import METRICS, Metric

KNOWN: dict[str, Metric] = {metric.key: metric for metric in METRICS}


def evidence(verdict: Mapping[str, Any]) -> str:
    """`Loop: 0.997; up to 0.9 is fine.` With as many digits as tell the two apart."""
    metric, value, limit = KNOWN.get(str(verdict.get("metric"))), verdict.get("value"), verdict.get("limit")
    if metric is None or value is None or limit is None:
        return ""
    is_high = float(value) > float(limit)
    told = ("", "")
    for digits in range(3, 9):
        told = _amount(metric, value, digits), _amount(metric, limit, digits)
        if told[0] != told[1]:
            break
    return f"{metric.title}: {told[0]}; {'up to' if is_high else 'from'} {told[1]} is fine."


CHECKED = {"midi": "not stuck, not looping", "audio": "not silent, not clipped, not looping"}
# metric → what was compared with the songs if it was measured
WITHIN = {
    "in_key_share": "Its key, rhythm, leaps and dissonances are like those of the songs.",
    "longest_still": "It does not come to a stop.",
    "stillness": "Its tones change, and it has no more clicks and gaps than the songs.",
    "hiss_db": "It has little hiss, or not much more than the songs.",
}


def checked_words(medium: str, metrics: Mapping[str, Any], *, made_of_songs: bool = False) -> str:
    """What was tested, for a piece without faults: outputs of earlier versions have fewer measurements. A piece that is
    made of its songs is not said to be no copy."""
    is_compared = "copied_share_training" in metrics or "copied_ngram_share_training" in metrics
    said = f"Checked: {CHECKED[medium]}{', not a copy' if is_compared and not made_of_songs else ''}."
    # Of a song that was filled in, it makes no sense to ask what is copied.
    has_songs = is_compared or "interval_bits_training" in metrics
    within = [words for name, words in WITHIN.items() if has_songs and name in metrics]
    return " ".join([said, *within, "Nothing else was tested."])


def _amount(metric: Metric, value: Any, digits: int = 3) -> str:
    if metric.key.endswith("_share") or "_share_" in metric.key:
        return f"{100 * float(value):.{digits}g}%"
    return f"{metric_value(value, digits)} {metric.unit}".strip()


def figure_rows(medium: str, metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Title, value with its unit, and meaning of each metric of this medium that was measured."""
    return [
        (metric.title, _amount(metric, metrics[metric.key]), metric.summary)
        for metric in METRICS
        if metric.medium == medium and metrics.get(metric.key) is not None
    ]


def metric_value(value: Any, digits: int = 3) -> str:
    """Whole numbers with separators, fractions with so many digits, a missing value as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return str(value)


def metric_rows(measured: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Rows of the two tables, in the order of the measurements."""
    reference, generated = (measured.get("reference") or {}), (measured.get("generated") or {})
    both: list[tuple[str, ...]] = []
    for name in [*reference, *(name for name in generated if name not in reference)]:
        title, unit, meaning = _explained(name)
        both.append((title, metric_value(reference.get(name)), metric_value(generated.get(name)), unit, meaning))
    between: list[tuple[str, ...]] = []
    for name, value in (measured.get("between") or {}).items():
        title, unit, meaning = _explained(name)
        between.append((title, metric_value(value), unit, meaning))
    return both, between


def _explained(name: str) -> tuple[str, str, str]:
    known = KNOWN.get(name)
    return (known.title, known.unit, known.summary) if known else (name.replace("_", " "), "", "")
