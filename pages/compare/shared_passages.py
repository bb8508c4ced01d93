"""Passages of a piece that also occur in the song beside it, as linked regions in both lanes of the player."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from musicgen.evaluation.borrowing_words import moved_words, passages_between
from pages.ui.player import Region
from pages.ui.text import clock

COLOURS = ("#d9822b", "#1f9e89", "#c8557b", "#3f88c5")


def shared_regions(sidecar: dict[str, Any], reference_id: str) -> list[Region]:
    """Two regions for each passage: where it occurs in the generated piece, and where in the original.

    `sidecar`: of the generated piece. Empty if it was never compared with its songs, or has nothing of this one."""
    found = passages_between(sidecar.get("originality"), reference_id)
    regions = []
    for number, passage in enumerate(found):
        group, colour = f"passage {number + 1}", COLOURS[number % len(COLOURS)]
        label = f"Passage {number + 1}: {moved_words(passage)}"
        regions.append(Region("generated", passage["start"], passage["stop"], group, label, colour))
        regions.append(Region("reference", passage["song_start"], passage["song_stop"], group, label, colour))
    return regions


def draw_hint(regions: Sequence[Region]) -> None:
    """How to hear what is marked in the pictures."""
    pairs = len(regions) // 2
    if not pairs:
        return
    first = regions[0]
    where = f"the first at {clock(first.start)} in the generated piece"
    what = f"{pairs} passages occur" if pairs > 1 else "One passage occurs"
    how = "Click a marked passage to hear it in one piece, then in the other."
    st.caption(f":material/link: {what} in both pieces, {where}. {how}")
