"""What came out of a blind test: the number of right answers, what it says, which was which, and all of it to hear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import NotFound
from pages.blind.playing import Unsealed, play_again
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.layout import facts_row, kept_place, section_heading
from pages.ui.navigation import page_link
from pages.ui.tables import text_table
from pages.ui.text import clock, escape, shorten

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.listening.records import BlindTest
    from musicgen.runs.api import Output
    from musicgen.songs.library import Song


def draw_result(test: BlindTest) -> None:
    """The page of a test that has ended."""
    from musicgen.listening.results import confusion_words, result_of, verdict_words

    chance = result_of(test)
    with st.container(border=True, key="blind_result"):
        if chance is None:
            section_heading(f"Given up after {len(test.answers)} of {test.n_rounds} rounds")
            st.caption("This test does not count: only a test with an answer to every round does.")
        else:
            section_heading(f"{chance.n_right} of {chance.n_rounds} right")
            st.markdown(escape(verdict_words(test.kind, chance)))
            facts = [("Exact probability by guessing (p)", f"{chance.p_value:.2g}")]
            if not test.is_abx:
                st.markdown(f"**{escape(confusion_words(chance))}**")
                facts.append(("Confusion rate", f"{100 * chance.wrong_share:.0f} %"))
            facts_row(facts)
        st.caption(escape(conditions_words(test.facts)))
    _draw_links(test)
    if test.answers:
        section_heading("Which was which")
        with st.container(key="blind_rounds_table"):
            text_table(("Round", *(place.upper() for place in test.positions), "Your answer"), list(_rows(test)))
        _draw_hearing(test)
    show_command(command_line("blind", "show", test.id))


def conditions_words(facts: Mapping[str, Any]) -> str:
    """How the excerpts were made: their length, what is the same for all of them, and whether some overlap."""
    parts = [f"Excerpts of {facts.get('seconds', 0):g} s"]
    if levelled := facts.get("levelled"):
        parts.append(f"made equal in all of them: {', '.join(levelled)}")
    text = "; ".join(parts) + "."
    whose = {"output": "the generated piece", "original": "the original music"}
    for name in facts.get("shared") or ():
        text += f" There was too little of {whose.get(name, name)} for so many excerpts: some of them overlap."
    return text


def _draw_links(test: BlindTest) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="blind_next"):
        page_link("blind", "Another test", generated=test.output_id)
        linked = {"reference": test.other_id} if test.other_id else {}
        page_link("compare", "Compare", generated=test.output_id, **linked)
        with st.popover("Delete", icon=":material/delete:", key="blind_delete_menu"):
            st.caption("This deletes the result of this test.")
            st.button("Delete permanently", key="blind_delete", on_click=_delete, args=(test.id,))


def _delete(test_id: str) -> None:
    from musicgen.listening.records import delete_test

    delete_test(test_id)
    st.query_params.pop("test", None)


def _rows(test: BlindTest) -> Iterator[tuple[str, ...]]:
    for number, (one, given) in enumerate(zip(test.unsealed(), test.answers, strict=True), 1):
        sides = (_side_words(test, one["sides"][place]) for place in test.positions)
        yield str(number), *sides, f"{given.upper()}: {'right' if given == one['right'] else 'wrong'}"


def _side_words(test: BlindTest, side: Mapping[str, Any]) -> str:
    """`Generated, 0:22`; `Original, Chorale in G, 0:38`; in an ABX the name of the output."""
    name, moment = shorten(side["name"], 32), clock(side["start_seconds"])
    if test.is_abx:
        return f"{name}, {moment}"
    return f"Generated, {moment}" if side["id"] == test.output_id else f"Original, {name}, {moment}"


def _draw_hearing(test: BlindTest) -> None:
    """One round to hear again, as the pieces sound themselves, each with a link to its page."""
    section_heading("Hear a round again")
    rounds = test.unsealed()
    number = st.selectbox(
        "Round", range(1, len(rounds) + 1), key="blind_hear", width=120,
        format_func=lambda one: f"{one} · {'right' if rounds[one - 1]['right'] == test.answers[one - 1] else 'wrong'}",
    )  # fmt: skip
    sides = rounds[number - 1]["sides"]
    owners = {place: _owner(sides[place]["id"]) for place in test.positions}
    with kept_place(), shown_errors():
        play_again(
            [_unsealed(test, place, sides[place], owner.clip) for place, owner in owners.items() if owner is not None],
            key="blind_again",
        )
    with st.container(horizontal=True, gap="small", key="blind_heard"):
        for place, owner in owners.items():
            if owner is None:
                st.caption(f"{place.upper()} is no longer here.")
            else:
                _link_to(place.upper(), sides[place]["id"])


def _unsealed(test: BlindTest, place: str, side: Mapping[str, Any], clip: Clip) -> Unsealed:
    return Unsealed(
        place, f"{place.upper()} · {_side_words(test, side)}",
        "generated" if str(side["id"]).startswith("output-") else "reference",
        clip, side["start_seconds"], side["stop_seconds"],
    )  # fmt: skip


def _owner(piece_id: str) -> Song | Output | None:
    from musicgen.runs.api import get_output
    from musicgen.songs.library import get_song

    with suppress(NotFound):
        return get_output(piece_id) if piece_id.startswith("output-") else get_song(piece_id)
    return None


def _link_to(place: str, piece_id: str) -> None:
    if piece_id.startswith("output-"):
        page_link("compare", f"{place}: the whole piece", generated=piece_id)
    else:
        page_link("songs", f"{place}: the whole song", song=piece_id)
