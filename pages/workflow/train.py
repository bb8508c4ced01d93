"""Choose songs and an approach, see what the training will take, and start it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.contract.approach import Approach
from musicgen.errors import InvalidParameter
from musicgen.runs.expecting import expect_work
from pages.train.plan_view import TrainingRequest, draw_plan, draw_queue_notice
from pages.train.search_start import draw_search_start
from pages.train.start_choice import choose_start
from pages.train.tracks_picker import track_choices, tracks_picker
from pages.train.training_inside import draw_below_form, draw_beside_form
from pages.ui.background import forget as forget_work
from pages.ui.background import is_settled, later
from pages.ui.bounds import number_refused, whole_number
from pages.ui.commands import command_line, show_command
from pages.ui.errors import shown_errors
from pages.ui.form import parameter_form, read_form
from pages.ui.layout import MEDIA, kept_place, page_heading
from pages.ui.songs_picker import Picked, songs_picker
from pages.ui.state import chosen_id, forget
from pages.ui.text import escape
from pages.ui.training_songs import first_approach, picker_key

if TYPE_CHECKING:
    from musicgen.runs.devices import Device
    from musicgen.songs.library import Song

WHOLE_LIBRARY = 12  # up to this many MIDI songs, all are chosen at first: a note network needs more than one
MAX_SEED = 2**31 - 1


def main() -> None:
    page_heading("train")
    expect_work()
    expect_plans()
    left, right = st.columns([3, 2], gap="large")
    with shown_errors():
        with left:
            chosen = choose_approach()
            with kept_place():
                picked = choose_songs(chosen)
            songs = picked.songs
            with kept_place():
                tracks = tracks_picker(songs) if chosen.medium == "midi" else {}
            preset = choose_preset(chosen)
            choices = [(song.id, tracks.get(song.id)) for song in songs]
            request = fill_form(chosen, preset, choices, track_choices(songs, tracks))
        with right:
            draw_plan(request, devices())
            draw_search_start(request, chosen, changed_values(chosen, request.preset, request.training), picked.search)
            with kept_place():
                draw_queue_notice()
            draw_beside_form(chosen, request)
        draw_below_form(chosen, request)
        show_command(train_command(request, chosen, picked.search))


def expect_plans() -> None:
    """Start the process that makes plans, in the background, while the form is read."""
    from musicgen.runs import api

    if not api.plans_come_at_once():
        forget_work("plans expected")
        later("plans expected", api.expect_plans)


def choose_approach() -> Approach:
    """The approach; at first one that fits the song that the visitor opened or added last."""
    known = approaches()
    if st.session_state.get("approach") not in known:
        st.session_state["approach"] = first_approach(_likely_medium())
    key = st.selectbox(
        "Approach", list(known), key="approach", persist_state="session",
        format_func=lambda key: f"{known[key].title} · {MEDIA[known[key].medium][0]}",
    )  # fmt: skip
    st.caption(escape(known[key].summary))
    return known[key]


def _likely_medium() -> str:
    from musicgen.songs.library import list_songs

    linked = _linked_song()
    newest = [linked] if linked else list_songs(limit=1)
    return newest[0].medium if newest else "midi"


def _linked_song() -> Song | None:
    from musicgen.errors import NotFound
    from musicgen.songs.library import get_song

    try:
        song_id = chosen_id("song")
        return get_song(song_id) if song_id else None
    except NotFound:
        return None


def choose_songs(chosen: Approach) -> Picked:
    return songs_picker(
        "Songs to train on", medium=chosen.medium, key=picker_key(chosen.medium), default=_first_choice(chosen.medium)
    )


def _first_choice(medium: str) -> list[str]:
    """The linked song; else all of a small MIDI library; else the song opened last, or the newest one."""
    from musicgen.songs.library import list_songs

    linked = _linked_song()
    if linked and linked.medium == medium and st.query_params.get("song"):
        return [linked.id]
    newest = [song.id for song in list_songs(medium=medium, limit=WHOLE_LIBRARY + 1)]
    if medium == "midi" and len(newest) <= WHOLE_LIBRARY:
        return newest
    return [linked.id] if linked and linked.medium == medium else newest[:1]


def choose_preset(chosen: Approach) -> str:
    names = list(chosen.presets)
    if st.session_state.get("preset") not in names:
        st.session_state["preset"] = "quick" if "quick" in names else names[0]
    preset = st.selectbox(
        "Preset", names, key="preset", persist_state="session",
        format_func=lambda name: name.replace("_", " ").capitalize(),
    )  # fmt: skip
    st.caption(escape(chosen.presets[preset].summary))
    return preset


def fill_form(
    chosen: Approach, preset: str, choices: Sequence[tuple[str, Any]], offered: Mapping[int, str]
) -> TrainingRequest:
    """The parameters, a name, the seed and the device. `offered`: the tracks of the songs, by number."""
    with kept_place():
        values = chosen.presets[preset].training
        entered = parameter_form(chosen.Training, values, key_prefix="training", tracks=offered)
    with kept_place():
        _draw_changes(chosen, preset, entered)
    with st.grid(3, min_column_width=190, vertical_alignment="bottom"):
        name = st.text_input("Run name", key="train_name", placeholder="automatic: approach and songs", max_chars=120)
        seed = whole_number(
            "Seed", key="train_seed", first=0,
            help="Sets all random numbers. The same seed, songs and settings train the same network.",
        )  # fmt: skip
        device = choose_device()
    start = choose_start(chosen)
    has_piece = st.toggle(
        "Then generate a piece", key="train_piece", persist_state="session",
        help="When the training is finished, a piece is made at once, with the settings of the preset.",
    )  # fmt: skip
    hears = st.toggle(
        "Hear it learn", value=True, key="train_hear", persist_state="session",
        help="Now and then between two epochs, the network makes a short piece, always with the same seed, for the "
        "Runs page. This takes at most a twentieth of the training's time and changes nothing that is learned.",
    )  # fmt: skip
    training, refused = _validated(chosen, entered)
    refused = " ".join(filter(None, (refused, number_refused("Seed", 0, MAX_SEED, seed))))
    return TrainingRequest(
        chosen.key, tuple(choices), training, seed=seed or 0, preset=preset, name=name.strip(), device=device,
        pieces_after=int(has_piece), train_from=start,
        hear_it_learn=hears, refused=refused,
    )  # fmt: skip


def _validated(chosen: Approach, entered: dict[str, Any]) -> tuple[dict[str, Any], str]:
    try:
        return read_form(chosen.Training, entered).model_dump(mode="json"), ""
    except InvalidParameter as error:
        return entered, str(error)


def changed_values(chosen: Approach, preset: str, entered: dict[str, Any]) -> dict[str, Any]:
    """Fields whose value differs from the preset (or from the default, if the preset does not set them)."""
    start = chosen.Training(**chosen.presets[preset].training).model_dump(mode="json")
    return {name: value for name, value in entered.items() if start.get(name) != value}


def _draw_changes(chosen: Approach, preset: str, entered: dict[str, Any]) -> None:
    changed = changed_values(chosen, preset, entered)
    if not changed:
        return
    start = chosen.Training(**chosen.presets[preset].training).model_dump(mode="json")
    words = ", ".join(
        f"{chosen.Training.model_fields[name].title or name} {start.get(name)} → {value}"
        for name, value in changed.items()
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(escape(f"Changed from {preset}: {words}"), width="stretch")
        # Once its marker is forgotten, `_fill` in the form fills in the preset again.
        st.button("Reset to the preset", key="preset_again", type="tertiary", on_click=forget, args=("form.training",))


def devices() -> Future[list[Device]]:
    """The devices that TensorFlow finds; looked for once, in a separate process."""
    from musicgen.runs.devices import list_devices

    return later("devices", list_devices)


def choose_device() -> str:
    """The device to train on, and which one "Automatic" stands for on this machine."""
    future = devices()
    is_known = is_settled(future, 0.1) and future.exception() is None
    found = {device.id: device.label for device in future.result()} if is_known else {}
    first = next((label for name, label in found.items() if name != "cpu"), found.get("cpu", "looking …"))
    labels = {"auto": f"Automatic ({first})", **found, **_cluster()}
    if st.session_state.get("train_device") not in labels:
        st.session_state["train_device"] = "auto"
    return st.selectbox(
        "Device", list(labels), format_func=lambda name: labels.get(name, name), key="train_device",
        persist_state="session", help="Automatic uses all GPUs together if there are several and all are free, "
        "otherwise one free GPU, otherwise the CPU. Each device runs one training at a time.",
    )  # fmt: skip


def _cluster() -> dict[str, str]:
    """The cluster as a further choice, where somebody has configured one."""
    from musicgen.runs.cluster.configured import CLUSTER, is_configured, problem

    if not is_configured():
        return {}
    return {CLUSTER: "The cluster" if not problem() else "The cluster (not complete: see System)"}


def train_command(request: TrainingRequest, chosen: Approach, search: str | None) -> str:
    """The command line that starts the same training. `search`: what finds the songs, if all were chosen at once."""
    tracks = {each for _, each in request.choices}
    shared = next(iter(tracks)) if len(tracks) == 1 else None
    return command_line(
        "train", request.approach, *(song_id for song_id, _ in request.choices if search is None),
        all_songs=search is not None, search=search, preset=request.preset,
        settings=changed_values(chosen, request.preset, request.training), seed=request.seed or None,
        name=request.name, tracks=",".join(map(str, shared)) if shared else None,
        device=None if request.device in ("auto", "cluster") else request.device,
        on="cluster" if request.device == "cluster" else None, generate=request.pieces_after or None,
        no_hear_it_learn=not request.hear_it_learn,
        **({"from": request.train_from} if request.train_from else {}),
    )  # fmt: skip


main()
