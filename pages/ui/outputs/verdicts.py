"""What is wrong with a generated piece and why, as boxes; and the measurements behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from musicgen.evaluation.glossary import METRICS, Metric
from pages.ui.tables import text_table
from pages.ui.text import escape

KNOWN: dict[str, Metric] = {metric.key: metric for metric in METRICS}
CHECKED = {"midi": "not stuck, not looping", "audio": "not silent, not clipped, not looping"}


def draw_verdicts(verdicts: Iterable[Mapping[str, Any]], *, with_advice: bool = True) -> None:
    """One box for each verdict (JSON of `evaluation.verdict.Verdict`); nothing if the piece has no faults.

    `with_advice`: also say what to do, for places without buttons that do it."""
    for verdict in verdicts:
        advice = [str(remedy["text"]) for remedy in (verdict.get("remedies") or ())] if with_advice else []
        words = " ".join([str(verdict["cause"]), _evidence(verdict), *advice])
        st.warning(f"**{escape(verdict['title'])}.** {escape(words)}", icon=":material/hearing:")


def _evidence(verdict: Mapping[str, Any]) -> str:
    """`Loop: 0.997; up to 0.9 is fine.`"""
    metric, value, limit = KNOWN.get(str(verdict.get("metric"))), verdict.get("value"), verdict.get("limit")
    if metric is None or value is None or limit is None:
        return ""
    is_high = float(value) > float(limit)
    return (
        f"{metric.title}: {_amount(metric, value)}; {'up to' if is_high else 'from'} {_amount(metric, limit)} is fine."
    )


def _amount(metric: Metric, value: Any) -> str:
    if metric.key.endswith("_share") or "_share_" in metric.key:
        return f"{100 * float(value):.3g}%"
    return f"{metric_value(value)} {metric.unit}".strip()


def draw_no_faults(medium: str, metrics: Mapping[str, Any]) -> None:
    """Say that nothing is wrong."""
    is_new = "copied_share_training" in metrics or "copied_ngram_share_training" in metrics
    st.caption(f":material/check: Checked: {CHECKED[medium]}{', not a copy' if is_new else ''}.")


def draw_measurements(medium: str, metrics: Mapping[str, Any], copied: Mapping[str, Any] | None) -> None:
    """Everything that was measured, in a closed box."""
    rows = figure_rows(medium, metrics)
    if not rows:
        return
    with st.expander("Measurements of the generated piece", icon=":material/straighten:"):
        if copied and copied.get("text"):
            st.caption(escape(copied["text"]))
        text_table(("Measure", "Value ›", "What it means"), rows)


def figure_rows(medium: str, metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Title, value with its unit, and meaning of each metric of this medium that was measured."""
    return [
        (metric.title, _amount(metric, metrics[metric.key]), metric.summary)
        for metric in METRICS
        if metric.medium == medium and metrics.get(metric.key) is not None
    ]


def metric_value(value: Any) -> str:
    """Whole numbers with separators, fractions with three digits, a missing value as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
