"""Compare: original and generated side by side: the same stretch, one scale, equally loud if you wish."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.commands import command_line, show_command
from pages.ui.comparison_view import Side, draw_comparison
from pages.ui.errors import shown_errors
from pages.ui.judging import draw_judgement, natural_references
from pages.ui.layout import empty_place, page_heading
from pages.ui.linked import linked_select, unlike
from pages.ui.remedies import draw_remedies
from pages.ui.state import forget, recall, remember
from pages.ui.stretch_view import SHORTEST, choose_stretches
from pages.ui.text import ago, clock, shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Output
    from musicgen.songs.library import Song


def main() -> None:
    from musicgen.runs.api import list_outputs

    page_heading("compare")
    with shown_errors():
        outputs = list_outputs()
        if not outputs:
            empty_place(
                ":material/compare_arrows:", "Nothing generated yet",
                "Two things are compared here: an original, and what a network made.",
                page="generate", label="Generate something",
            )  # fmt: skip
            return
        left, right = st.columns(2, gap="medium")
        with right:
            generated = choose_generated(outputs)
        with left:
            reference = choose_reference(generated, outputs)
        if reference is None:
            return
        remedies = partial(draw_remedies, generated, stays=False)
        draw_comparison(*sides(reference, generated), partial(draw_judgement, generated, remedies=remedies))
        show_command(command_line("compare", reference.id, generated.id))


def choose_generated(outputs: list[Output]) -> Output:
    """The output of the link, else the newest."""
    by_id = {output.id: output for output in outputs}
    linked = st.query_params.pop("output", "")  # the home page links to an output as such
    if linked in by_id and "generated" not in st.query_params:
        st.query_params["generated"] = linked
    labels = unlike({output.id: output_label(output) for output in outputs})
    return by_id[
        linked_select("Generated", labels, key="compare_generated", param="generated", default=next(iter(labels)))
    ]


def choose_reference(generated: Output, outputs: list[Output]) -> Song | Output | None:
    """A song or another output of the same medium; at first the one that the output belongs to."""
    from musicgen.songs.library import list_songs

    songs = list_songs(medium=generated.medium)
    others = [other for other in outputs if other.medium == generated.medium and other.id != generated.id]
    choices: dict[str, Song | Output] = {song.id: song for song in songs} | {other.id: other for other in others}
    if not choices:
        empty_place(
            ":material/library_music:", "Nothing to compare it with", "Its songs were removed from the library.",
            page="songs", label="Bring a song",
        )  # fmt: skip
        return None
    labels = unlike(
        {song.id: f"Song · {shorten(song.name)} · {clock(song.seconds)}" for song in songs}
        | {other.id: f"Output · {output_label(other)}" for other in others}
    )
    natural = [each for each in natural_references(generated) if each in choices]
    _leave_unrelated_reference(generated.id, natural)
    default = natural[0] if natural else next(iter(choices))
    chosen = linked_select("Original", labels, key="compare_reference", param="reference", default=default)
    return choices[chosen]


def _leave_unrelated_reference(generated_id: str, natural: list[str]) -> None:
    """Another output was chosen: an original that has nothing to do with it gives way, unless a link asks for it."""
    before = recall("compared")
    remember("compared", generated_id)
    is_linked = st.query_params.get("reference") not in (None, recall("linked.reference"))
    if before in (None, generated_id) or is_linked or st.session_state.get("compare_reference") in natural:
        return
    st.session_state.pop("compare_reference", None)
    st.query_params.pop("reference", None)
    forget("linked.reference")


def output_label(output: Output) -> str:
    return f"{shorten(output.name)} · {clock(output.seconds)} · {ago(output.created_at)}"


def sides(reference: Song | Output, generated: Output) -> tuple[Side, Side]:
    """The stretch that the visitor chose, on both sides."""
    (ours, our_shift), (theirs, their_shift) = choose_stretches(
        (reference.id, generated.id), reference.seconds, generated.seconds, offset_between(reference, generated)
    )
    return (
        Side("reference", reference.id, reference.name, reference.clip, ours, our_shift),
        Side("generated", generated.id, generated.name, generated.clip, theirs, their_shift),
    )


def offset_between(reference: Song | Output, generated: Output) -> float | None:
    """Seconds of the reference at which the generated piece begins; None where they share no song."""
    theirs = generated.sidecar.get("reference")
    ours = reference.sidecar.get("reference") if hasattr(reference, "sidecar") else {"song_id": reference.id}
    if not theirs or not ours or theirs["song_id"] != ours["song_id"]:
        return None
    offset = float(theirs["start_seconds"]) - float(ours.get("start_seconds", 0.0))
    shared = min(reference.seconds, offset + generated.seconds) - max(offset, 0.0)
    return offset if shared >= SHORTEST else None


main()
