"""Which seconds of two clips are played and shown: one choice for both if they belong together, else one for each."""

from __future__ import annotations

import streamlit as st

from pages.compare.stretch import DEFAULT_SECONDS, Alignment, Stretch, align, cut
from pages.ui.state import recall, remember
from pages.ui.text import clock

LONGEST = 300.0  # seconds that are shown at once: as many as a player holds
SHORTEST = 0.1
MOSTLY = 0.8  # the two are aligned at first if at least this share of the generated piece lies inside the original
SLIDERS = ("compare_start", "compare_generated_start", "compare_seconds")


def choose_stretches(
    pair: tuple[str, str], reference_seconds: float, generated_seconds: float, offset: float | None
) -> tuple[tuple[Stretch, float], tuple[Stretch, float]]:
    """(excerpt, seconds from the clip's time to the common axis) of the original and of the generated piece.

    Args:
        pair: ids of both; the excerpt is chosen anew for another pair.
        offset: where the generated piece begins in the original, in seconds; None if it has no place in it.
    """
    both = align(reference_seconds, generated_seconds, offset)
    if both.is_aligned and _wants_alignment(pair, both, generated_seconds):
        _reset_sliders(pair, True)
        ours, theirs = _aligned(both)
        return (ours, 0.0), (theirs, both.offset)
    _reset_sliders(pair, False)
    ours, theirs = _free(reference_seconds, generated_seconds)
    return (ours, -ours.start), (theirs, -theirs.start)


def set_excerpt(reference_shift: float, generated_shift: float, start: float, stop: float) -> None:
    """Make a part of the common axis the excerpt, by moving the sliders. Seconds; for a callback."""
    first, other, length = SLIDERS
    if first in st.session_state:
        st.session_state[first] = start - reference_shift
    if other in st.session_state:
        st.session_state[other] = start - generated_shift
    if length in st.session_state:
        st.session_state[length] = round(stop - start, 1)


def _wants_alignment(pair: tuple[str, str], both: Alignment, generated_seconds: float) -> bool:
    """Whether to show the same part of the song on both sides. Off at first if too little of the piece overlaps it."""
    covered = f"{clock(both.first)} to {clock(both.last)}"
    return st.toggle(
        f"Same part of the song: the generated piece covers {covered} of the original",
        value=both.last - both.first >= MOSTLY * generated_seconds, key=f"compare_aligned.{'.'.join(pair)}",
        help="On: both show the same part of the song. Off: choose a start for each.",
    )  # fmt: skip


def _reset_sliders(pair: tuple[str, str], is_aligned: bool) -> None:
    """Forget the old positions when the pair or the alignment has changed."""
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
        other = _start_slider(
            "Start in the generated piece", 0.0, generated_seconds - seconds, key="compare_generated_start"
        )
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
    """Where the excerpt begins; no slider if there is nothing to choose."""
    if last - first < 0.05:
        return first
    st.session_state[key] = min(max(float(st.session_state.get(key, first)), first), last)
    return st.slider(label, first, last, key=key, step=0.01, format="%.2f s")
