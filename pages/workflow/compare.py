"""Compare an original with a generated piece: the same excerpt, on the same scales, at the same loudness if wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.compare.comparison_view import ShownSide, draw_comparison
from pages.compare.pair_choice import choose_generated, choose_reference
from pages.compare.report_view import draw_report
from pages.compare.shared_passages import shared_regions
from pages.compare.stretch_view import SHORTEST, choose_stretches, set_excerpt
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import empty_place, kept_place, page_heading
from pages.ui.navigation import page_link
from pages.ui.outputs.blind_results import draw_confusion
from pages.ui.outputs.judging import draw_judgement
from pages.ui.outputs.remedies import draw_remedies

if TYPE_CHECKING:
    from musicgen.runs.api import Output
    from musicgen.songs.library import Song


def main() -> None:
    from musicgen.comparison.report_facts import excerpt_options
    from musicgen.runs.api import count_outputs

    page_heading("compare")
    with shown_errors():
        if not count_outputs():
            empty_place(
                ":material/compare_arrows:", "Nothing generated yet",
                "This page compares an original with what a network made.",
                page="generate", label="Generate music",
            )  # fmt: skip
            return
        left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
        with right:
            generated = choose_generated()
        with left:
            reference = choose_reference(generated)
        if reference is None:
            return
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            page_link("blind", "Which one is real?", generated=generated.id)
            with kept_place("content"):
                draw_confusion(generated.id)
        remedies = partial(draw_remedies, generated, stays=False)
        sides = shown_sides(reference, generated)
        judgement = partial(draw_judgement, generated, remedies=remedies)
        on_excerpt = partial(set_excerpt, *(side.shift_seconds for side in sides))
        regions = shared_regions(generated.sidecar, reference.id)
        is_stretch = draw_comparison(*sides, judgement, on_excerpt, regions)
        excerpts = draw_report(*sides, is_stretch=is_stretch)
        show_command(command_line("compare", reference.id, generated.id, **excerpt_options(excerpts)))


def shown_sides(reference: Song | Output, generated: Output) -> tuple[ShownSide, ShownSide]:
    """Original and generated, each with the excerpt that the visitor chose."""
    with kept_place():
        (ours, our_shift), (theirs, their_shift) = choose_stretches(
            (reference.id, generated.id), reference.seconds, generated.seconds, offset_between(reference, generated)
        )
    return (
        ShownSide("reference", reference.id, reference.name, reference.clip, ours, our_shift),
        ShownSide("generated", generated.id, generated.name, generated.clip, theirs, their_shift),
    )


def offset_between(reference: Song | Output, generated: Output) -> float | None:
    """Where the generated piece begins in the original, in seconds; None if they do not belong to the same song."""
    theirs = generated.sidecar.get("reference")
    ours = reference.sidecar.get("reference") if hasattr(reference, "sidecar") else {"song_id": reference.id}
    if not theirs or not ours or theirs["song_id"] != ours["song_id"]:
        return None
    offset = float(theirs["start_seconds"]) - float(ours.get("start_seconds", 0.0))
    shared = min(reference.seconds, offset + generated.seconds) - max(offset, 0.0)
    return offset if shared >= SHORTEST else None


main()
