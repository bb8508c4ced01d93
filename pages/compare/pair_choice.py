"""Choosing what to compare: a generated piece with a song or another piece. Stays quick with thousands of songs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import NotFound
from pages.ui.layout import empty_place, kept_place
from pages.ui.linked import distinct_labels, linked_select
from pages.ui.outputs.judging import natural_references
from pages.ui.search_field import SHOWN, search_field
from pages.ui.state import forget, recall, remember
from pages.ui.text import ago, clock, shorten

if TYPE_CHECKING:
    from musicgen.runs.api import Output
    from musicgen.songs.library import Song

NEAREST = 12  # songs that belong to a piece and are always offered, whatever the search is


def choose_generated() -> Output:
    """The linked output, otherwise the newest. There is at least one."""
    from musicgen.runs.api import count_outputs, list_outputs

    linked = st.query_params.pop("output", "")  # how the home page links to an output
    if linked and "generated" not in st.query_params:
        st.query_params["generated"] = linked
    with kept_place():
        search = search_field(count_outputs(), "outputs", key="compare_generated_search")
    found = list_outputs(search=search, limit=SHOWN) or list_outputs(limit=1)
    outputs = {each.id: each for each in _with(_asked_for("generated"), found)}
    labels = distinct_labels({each.id: output_label(each) for each in outputs.values()})
    return outputs[linked_select("Generated", labels, key="compare_generated", param="generated", default=found[0].id)]


def choose_reference(generated: Output) -> Song | Output | None:
    """A song or another output of the same medium; at first the song that the output belongs to."""
    choices = _references(generated)
    if not choices:
        empty_place(
            ":material/library_music:", "Nothing to compare it with", "Its songs were removed from the library.",
            page="songs", label="Add a song",
        )  # fmt: skip
        return None
    natural = natural_references(generated)
    _leave_unrelated_reference(generated.id, natural)
    labels = distinct_labels({each.id: _label(each) for each in choices.values()})
    default = next((near for near in natural if near in choices), next(iter(choices)))
    return choices[linked_select("Original", labels, key="compare_reference", param="reference", default=default)]


def _references(generated: Output) -> dict[str, Song | Output]:
    """What the search finds, songs before outputs. What is chosen and the nearest songs are always included."""
    from musicgen.runs.api import count_outputs, list_outputs
    from musicgen.songs.library import count_songs, find_songs

    medium = generated.medium
    total = count_songs(medium=medium) + count_outputs(medium) - 1
    with kept_place():
        search = search_field(total, "songs and outputs", key="compare_reference_search")
    songs, _ = find_songs(search=search, medium=medium, limit=SHOWN)
    found = [*songs, *list_outputs(search=search, medium=medium, limit=SHOWN)]
    offered = _with([*_asked_for("reference"), *natural_references(generated)[:NEAREST]], found)
    return {each.id: each for each in offered if each.medium == medium and each.id != generated.id}


def _with(asked: Iterable[str], found: Sequence[Any]) -> list[Any]:
    """`found`, preceded by anything else that is asked for by id and still exists."""
    known = {each.id for each in found}
    return [*_still_there(each for each in dict.fromkeys(asked) if each not in known), *found]


def _still_there(ids: Iterable[str]) -> Iterator[Song | Output]:
    from musicgen.runs.api import get_output
    from musicgen.songs.library import get_song

    for each in ids:
        with suppress(NotFound):  # removed in the meantime, perhaps in another tab
            yield get_output(each) if each.startswith("output-") else get_song(each)


def output_label(output: Song | Output) -> str:
    return f"{shorten(output.name)} · {clock(output.seconds)} · {ago(output.created_at)}"


def _label(choice: Song | Output) -> str:
    if choice.id.startswith("output-"):
        return f"Output · {output_label(choice)}"
    return f"Song · {shorten(choice.name)} · {clock(choice.seconds)}"


def _asked_for(param: str) -> list[str]:
    """What is or was chosen: in the address, in the widget, or earlier in this visit."""
    named = (st.query_params.get(param), st.session_state.get(f"compare_{param}"), recall(f"linked.{param}"))
    return [str(each) for each in named if each]


def _leave_unrelated_reference(generated_id: str, natural: list[str]) -> None:
    """When another output is chosen, drop an original that is unrelated to it, unless a link asks for that original."""
    before = recall("compared")
    remember("compared", generated_id)
    is_linked = st.query_params.get("reference") not in (None, recall("linked.reference"))
    if before in (None, generated_id) or is_linked or st.session_state.get("compare_reference") in natural:
        return
    st.session_state.pop("compare_reference", None)
    st.query_params.pop("reference", None)
    forget("linked.reference")
