"""Which seconds of two clips are heard and seen: one choice for both where they belong together, one for each else."""

from __future__ import annotations

import streamlit as st

from pages.compare.stretch import DEFAULT_SECONDS, Alignment, Stretch, align, cut
from pages.ui.state import recall, remember
from pages.ui.text import clock

LONGEST = 300.0  # seconds that are shown at once, as many as a player holds
SHORTEST = 0.1
MOSTLY = 0.8  # share of a generated piece inside the original from which on they are laid over each other at first
SLIDERS = ("compare_start", "compare_generated_start", "compare_seconds")


def choose_stretches(
    pair: tuple[str, str], reference_seconds: float, generated_seconds: float, offset: float | None
) -> tuple[tuple[Stretch, float], tuple[Stretch, float]]:
    """(stretch, seconds from the clip's time to the common axis) of the original and of the generated piece.

    Args:
        pair: ids of both; another pair begins with its own stretch.
        offset: seconds of the original at which the generated piece begins; None where they share no place.
    """
    both = align(reference_seconds, generated_seconds, offset)
    if both.is_aligned and _is_laid_over(pair, both, generated_seconds):
        _begin_anew(pair, True)
        ours, theirs = _aligned(both)
        return (ours, 0.0), (theirs, both.offset)
    _begin_anew(pair, False)
    ours, theirs = _free(reference_seconds, generated_seconds)
    return (ours, -ours.start), (theirs, -theirs.start)


def _is_laid_over(pair: tuple[str, str], both: Alignment, generated_seconds: float) -> bool:
    """One moment under the other, unless the visitor wants to choose freely (or most of the piece lies outside)."""
    covered = f"{clock(both.first)} to {clock(both.last)}"
    return st.toggle(
        f"Same moments: the generated piece belongs to {covered} of the original",
        value=both.last - both.first >= MOSTLY * generated_seconds, key=f"compare_aligned.{'.'.join(pair)}",
        help="On: both show the same moments of the song. Off: choose where each of them begins.",
    )  # fmt: skip


def _begin_anew(pair: tuple[str, str], is_aligned: bool) -> None:
    if recall("stretch_of") != (*pair, is_aligned):
        remember("stretch_of", (*pair, is_aligned))
        for key in SLIDERS:
            st.session_state.pop(key, None)


def _aligned(both: Alignment) -> tuple[Stretch, Stretch]:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        seconds = _length_slider(both.last - both.first)
        start = _start_slider("Start in the original", both.first, both.last - seconds, key="compare_start")
    ours = Stretch(start, min(start + seconds, both.last))
    return ours, Stretch(ours.start - both.offset, ours.stop - both.offset)


def _free(reference_seconds: float, generated_seconds: float) -> tuple[Stretch, Stretch]:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        seconds = _length_slider(
            max(reference_seconds, generated_seconds), usual=min(reference_seconds, generated_seconds)
        )
        start = _start_slider("Start in the original", 0.0, reference_seconds - seconds, key="compare_start")
        other = _start_slider("Start in the generated", 0.0, generated_seconds - seconds, key="compare_generated_start")
    return cut(reference_seconds, start, seconds), cut(generated_seconds, other, seconds)


def _length_slider(longest: float, *, usual: float | None = None) -> float:
    """How many seconds are shown and played; at most 30 at first."""
    most = round(min(longest, LONGEST), 2)
    if most <= 1.0:
        return max(most, SHORTEST)
    key, first = "compare_seconds", min(DEFAULT_SECONDS, usual or longest, most)
    st.session_state[key] = min(max(float(st.session_state.get(key, first)), SHORTEST), most)
    return st.slider("Length", SHORTEST, most, key=key, step=0.1, format="%.1f s")


def _start_slider(label: str, first: float, last: float, *, key: str) -> float:
    """Where the stretch begins; no slider where there is no choice."""
    if last - first < 0.05:
        return first
    st.session_state[key] = min(max(float(st.session_state.get(key, first)), first), last)
    return st.slider(label, first, last, key=key, step=0.01, format="%.2f s")
