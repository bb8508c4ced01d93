"""The rare-note threshold as a slider below a histogram. What is left of the music is shown at once, from the counts
of the last plan, while the new plan is still being worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.ui.charts import frequency_figure, show_figure
from pages.ui.layout import section_heading

FIELD = "training.threshold"  # the field of the form; the slider sets the same value
SLIDER = "threshold_slider"
STEPS = (*range(21), 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000)


@dataclass(frozen=True)
class Kept:
    """What a threshold leaves of the music."""

    n_distinct: int
    n_distinct_before: int
    n_tokens: int
    n_tokens_before: int

    @property
    def words(self) -> str:
        if not self.n_tokens:
            return "Nothing is left: no token occurs that often."
        share = 100 * self.n_tokens / max(self.n_tokens_before, 1)
        return (
            f"Vocabulary **{self.n_distinct:,}** of {self.n_distinct_before:,} tokens · "
            f"**{share:.3g} %** of the music ({self.n_tokens:,} of {self.n_tokens_before:,})"
        )


def kept_of(facts: Mapping[str, Any], threshold: int) -> Kept:
    """Tokens that occur at least `threshold` times. The facts may list only the most frequent ones and the totals."""
    counts = counts_of(facts)
    kept = [count for count in counts if count >= threshold]
    before = int(facts.get("vocabulary_size_before", len(counts)))
    total = int(facts.get("n_tokens_before", sum(counts)))
    if threshold <= 1:
        return Kept(before, before, total, total)
    return Kept(len(kept), before, sum(kept), total)


def counts_of(facts: Mapping[str, Any]) -> Sequence[int]:
    """Occurrences of every distinct token before the filter, descending; empty if there is no such filter."""
    return list((facts.get("frequency_histogram") or {}).get("counts") or ())


def draw_rare_notes(facts: Mapping[str, Any], threshold: int) -> None:
    """The histogram, the slider, and what is left."""
    counts = counts_of(facts)
    if not counts:
        return
    with st.container(border=True, key="rare_notes", gap="small"):
        section_heading("Rare notes")
        figure = frequency_figure(counts, threshold)
        kept = kept_of(facts, threshold)
        show_figure(figure, key="frequency_histogram", alt=f"How often tokens occur. {kept.words.replace('*', '')}")
        st.session_state[SLIDER] = threshold
        st.select_slider(
            "Leave out tokens that occur less often than", _steps(max(counts), threshold), key=SLIDER, on_change=_moved,
            format_func=lambda times: f"{times:,} times",
        )  # fmt: skip
        st.markdown(kept.words)


def _steps(most: int, current: int) -> list[int]:
    """Small steps where most tokens are, then larger ones, up to the most common token; with the current value."""
    return sorted({step for step in STEPS if step <= most} | {current})


def _moved() -> None:
    st.session_state[FIELD] = st.session_state[SLIDER]
