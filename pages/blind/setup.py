"""Setting up a blind test: of which output, against what, how many rounds; and the tests so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.wording import count
from pages.blind.making import is_making, start_making
from pages.ui.commands import command_line, show_command
from pages.ui.layout import empty_place, kept_place
from pages.ui.linked import distinct_labels, linked_select
from pages.ui.navigation import page_link
from pages.ui.outputs.blind_results import draw_confusion
from pages.ui.search_field import SHOWN, search_field
from pages.ui.text import ago, clock, escape, shorten

if TYPE_CHECKING:
    from musicgen.listening.material import BlindOrder
    from musicgen.listening.records import BlindTest
    from musicgen.runs.api import Output

KIND_TITLES = {"real": "Original or generated", "abx": "Two outputs (ABX)"}
KIND_HELP = (
    "Original or generated: each round has one excerpt of each. Two outputs (ABX): hear A from one output and B from "
    "another, then say which of the two X is from."
)
ALL_SONGS = "All songs of its run"
SHOWN_TESTS = 8
SHORT_SECONDS = 3.0  # offered at first for short pieces
EDGES = 2.0  # seconds of a piece that no excerpt covers, roughly


def draw_setup() -> None:
    """Everything that comes before the first round."""
    from musicgen.runs.api import count_outputs

    if not count_outputs():
        empty_place(
            ":material/hearing:", "Nothing generated yet",
            "A blind test plays original and generated music, and you say which is which.",
            page="generate", label="Generate music",
        )  # fmt: skip
        return
    st.caption(
        "You hear short excerpts, all of them equally long and equally loud, and never the beginning or the end of a "
        "piece. Which is which is told after the last round."
    )
    output = _choose_output()
    with kept_place():
        _draw_tests(output)
    kind = st.segmented_control(
        "Kind of test", list(KIND_TITLES), format_func=lambda name: KIND_TITLES[name], key="blind_kind", default="real",
        required=True, persist_state="session", help=KIND_HELP,
    )  # fmt: skip
    with kept_place():
        other = _choose_other(output) if kind == "abx" else _choose_song(output)
    order = _choose_size(output, kind, other)
    st.button(
        "Start", key="blind_start", type="primary", icon=":material/hearing:", on_click=_start, args=(output.id,),
        disabled=is_making() or (kind == "abx" and not other),
    )  # fmt: skip
    show_command(
        command_line(
            "blind", "start", output.id, kind=None if kind == "real" else kind, against=other, rounds=order.n_rounds,
            seconds=f"{order.seconds:g}", out="rounds/",
        )
    )  # fmt: skip


def _start(output_id: str) -> None:
    """Start with what the fields hold now: a change may arrive together with the click."""
    from musicgen.listening.material import BlindOrder

    chosen = st.session_state
    other = chosen.get("blind_other" if chosen["blind_kind"] == "abx" else "blind_song") or ""
    order = BlindOrder(output_id, chosen["blind_kind"], other, chosen["blind_rounds"], float(chosen["blind_seconds"]))
    start_making(order)


def _choose_output() -> Output:
    from musicgen.runs.api import count_outputs, get_output, list_outputs

    with kept_place():
        search = search_field(count_outputs(), "outputs", key="blind_output_search")
    found = list_outputs(search=search, limit=SHOWN) or list_outputs(limit=1)
    outputs = {each.id: each for each in found}
    asked = st.query_params.get("generated", "")
    if asked.startswith("output-") and asked not in outputs and _is_there(asked):
        outputs[asked] = get_output(asked)
    labels = distinct_labels({each.id: _label(each) for each in outputs.values()})
    return outputs[linked_select("Generated", labels, key="blind_output", param="generated", default=found[0].id)]


def _is_there(output_id: str) -> bool:
    from pages.ui.unknown_links import is_there

    return is_there("output", output_id)


def _label(output: Output) -> str:
    return f"{shorten(output.name)} · {clock(output.seconds)} · {ago(output.created_at)}"


def _choose_song(output: Output) -> str:
    """One song of its run, or "" for all of them."""
    songs = {str(song["id"]): str(song["name"]) for song in output.sidecar.get("songs") or ()}
    labels = {"": f"{ALL_SONGS} ({len(songs):,})", **dict(list(songs.items())[:SHOWN])}
    labels = distinct_labels({name: shorten(text, 60) for name, text in labels.items()})
    if st.session_state.get("blind_song") not in labels:
        st.session_state["blind_song"] = ""
    return str(
        st.selectbox("Original", list(labels), format_func=lambda name: labels.get(name, name), key="blind_song")
    )


def _choose_other(output: Output) -> str:
    """Another output with a song in common; "" if there is none."""
    from musicgen.listening.material import outputs_to_compare
    from musicgen.runs.api import list_outputs

    found = outputs_to_compare(output, list_outputs(medium=output.medium, limit=SHOWN))
    if not found:
        st.info("There is no other output that was made from one of the same songs.", icon=":material/info:")
        return ""
    labels = distinct_labels({each.id: _label(each) for each in found})
    if st.session_state.get("blind_other") not in labels:
        st.session_state["blind_other"] = found[0].id
    chosen = st.selectbox(
        "The other output", list(labels), format_func=lambda name: labels.get(name, name), key="blind_other"
    )
    return str(chosen)


def _choose_size(output: Output, kind: str, other: str) -> BlindOrder:
    from musicgen.listening.material import (
        MAX_ROUNDS,
        MAX_SECONDS,
        MIN_ROUNDS,
        MIN_SECONDS,
        USUAL_ROUNDS,
        USUAL_SECONDS,
        BlindOrder,
    )

    usual = min(max((output.seconds - EDGES) / USUAL_ROUNDS // 0.5 * 0.5, SHORT_SECONDS), USUAL_SECONDS)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        n_rounds = st.slider(
            "Rounds", MIN_ROUNDS, MAX_ROUNDS, USUAL_ROUNDS, key="blind_rounds", persist_state="session",
            help="Fixed before the start. With more rounds, smaller differences show.",
        )  # fmt: skip
        seconds = st.slider(
            "Length of each excerpt", MIN_SECONDS, MAX_SECONDS, usual, 0.5, format="%.1f s",
            key="blind_seconds", persist_state="session",
        )  # fmt: skip
    fits = max(output.seconds - EDGES, 0.0) / seconds
    with kept_place():
        if fits < 1:
            st.caption("The piece is too short for one such excerpt.")
        elif fits < n_rounds:
            excerpts = count(int(fits), "excerpt")
            st.caption(f"The piece has room for about {excerpts} of this length: some will overlap.")
    return BlindOrder(output.id, kind, other, n_rounds, float(seconds))


def _draw_tests(output: Output) -> None:
    """The result so far, and a line for each test: to go on with, or to look at."""
    from musicgen.listening.records import list_tests

    draw_confusion(output.id)
    tests = list_tests(output.id, limit=SHOWN_TESTS)
    if not tests:
        return
    with st.expander(f"Tests of this output ({len(tests)})", expanded=any(test.is_open for test in tests)):
        for test in tests:
            with st.container(horizontal=True, vertical_alignment="center", key=f"blind_test_{test.id}"):
                page_link("blind", "Continue" if test.is_open else "Result", test=test.id)
                st.caption(escape(_test_words(test)))


def _test_words(test: BlindTest) -> str:
    from musicgen.listening.results import result_of, score_words

    kind = KIND_TITLES[test.kind]
    if test.is_open:
        what = f"{len(test.answers)} of {test.n_rounds} rounds answered"
    elif (chance := result_of(test)) is not None:
        what = score_words(chance)
    else:
        what = f"given up after {len(test.answers)} of {test.n_rounds} rounds"
    return f"{kind} · {what} · {ago(test.created_at)}"
