"""A clip to listen to and look at: player, waveform and spectrogram, or piano roll, all of the chosen excerpt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.songs.results import wait_for_result
from pages.ui.charts import Lane, roll_figure, show_figure, spectrogram_figure, waveform_figure
from pages.ui.errors import shown_errors
from pages.ui.outputs.player import player

if TYPE_CHECKING:
    from musicgen.clips import Clip

SHORTEST = 0.02  # seconds that can be zoomed into


@st.fragment
def clip_view(clip: Clip, *, key: str, track_names: Sequence[str] = ()) -> None:
    """The player and the pictures of a clip. Choosing an excerpt reruns only this part of the page; the waveform is
    read again at a finer zoom level, and the player plays what is shown."""
    sound = st.container(gap="xsmall")
    start, stop = _stretch_slider(clip, key)
    lane = Lane("", clip, start, stop)
    zoom = partial(_set_stretch, _stretch_name(clip, key), clip.seconds)
    # The key of a figure contains the excerpt, so a new excerpt is a new figure without the old selection on it.
    stamp = f"{clip.folder.name}.{start:.3f}.{stop:.3f}"
    if clip.medium == "midi":
        figure = roll_figure([lane], track_names=track_names)
        show_figure(figure, key=f"{key}_roll.{stamp}", alt="Piano roll", on_stretch=zoom)
        with sound, shown_errors():
            _make_sound(clip)
    with sound, shown_errors():
        if clip.has_audio:
            player(clip, start_seconds=start, stop_seconds=stop, key=f"{key}_player")
    if clip.has_audio:
        views = {"waveform": "Waveform", "spectrogram": "Spectrogram"}
        view = st.segmented_control(
            "View of the sound", list(views), format_func=lambda name: views[name], default="waveform",
            required=True, key=f"{key}_view", label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        figure = spectrogram_figure([lane]) if view == "spectrogram" else waveform_figure([lane])
        show_figure(figure, key=f"{key}_{view}.{stamp}", alt=views[view], on_stretch=zoom)


def _make_sound(clip: Clip) -> None:
    """Notes are rendered to sound when the song is first opened, in a child process."""
    if not clip.has_audio:
        from musicgen.clips import ensure_audio

        wait_for_result(f"sound {clip.folder}", partial(ensure_audio, clip), "Rendering the notes to sound …")


def _stretch_name(clip: Clip, key: str) -> str:
    return f"{key}_stretch.{clip.folder.name}"


def _stretch_slider(clip: Clip, key: str) -> tuple[float, float]:
    """The part to show and play, in seconds; the whole clip at first."""
    name, end = _stretch_name(clip, key), _end(clip.seconds)
    if name not in st.session_state:
        st.session_state[name] = (0.0, end)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        stretch: Any = st.slider(
            "Excerpt", 0.0, end, key=name, step=0.01, format="%.2f s",
            help="Drag the ends, or drag across a picture, to zoom in. The player plays this excerpt.",
        )  # fmt: skip
        start, stop = stretch
        st.button(
            "Show all", key=f"{key}_whole", icon=":material/zoom_out_map:", disabled=start <= 0 and stop >= end,
            on_click=_set_stretch, args=(name, end, 0.0, end),
        )  # fmt: skip
    return start, max(stop, start + SHORTEST)


def _end(seconds: float) -> float:
    """The end of the slider: it moves in hundredths of a second and has to reach the end of the clip."""
    return max(math.ceil(seconds * 100) / 100, SHORTEST)


def _set_stretch(name: str, seconds: float, start: float, stop: float) -> None:
    end = _end(seconds)
    start = min(max(round(start, 2), 0.0), end - SHORTEST)
    st.session_state[name] = (start, min(max(round(stop, 2), start + SHORTEST), end))
