"""Download buttons: a file is made when its button is clicked, in a separate process, and kept for the next time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.runs.api import Output


AUDIO_FORMATS = ("wav", "mp3", "flac", "ogg", "m4a")
SCORE_FORMATS = ("mid", "musicxml", "svg", "pdf")
TITLES = {"mid": "MIDI", "musicxml": "MusicXML"}
MIME_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "mid": "audio/midi",
    "musicxml": "application/vnd.recordare.musicxml+xml",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
}


def download_buttons(clip: Clip, name: str, *, key_suffix: str = "", formats: Sequence[str] | None = None) -> None:
    """A row of buttons with the keys `download_<format>` (and `.suffix` if a page shows several clips)."""
    from musicgen.songs.names import file_name

    wanted = formats or (SCORE_FORMATS + AUDIO_FORMATS if clip.medium == "midi" else AUDIO_FORMATS)
    with st.container(horizontal=True, gap="xsmall"):
        for format in wanted:
            st.download_button(
                TITLES.get(format, format.upper()),
                data=partial(_content, clip, format),
                file_name=file_name(name, format),
                mime=MIME_TYPES[format],
                key=f"download_{format}{'.' + key_suffix if key_suffix else ''}",
                on_click="ignore",
                icon=":material/download:",
            )


def zip_button(output: Output, *, key_suffix: str = "") -> None:
    """`download_zip`: everything about an output in one archive, made when the button is clicked."""
    from musicgen.songs.names import file_name

    st.download_button(
        "All (ZIP)", data=partial(_archive, output), file_name=file_name(output.name, "zip"), mime="application/zip",
        key=f"download_zip{'.' + key_suffix if key_suffix else ''}", on_click="ignore", icon=":material/folder_zip:",
        help="All formats, the settings, and a report that plays in a browser without a server. Takes up to a minute.",
    )  # fmt: skip


def _archive(output: Output) -> bytes:
    from musicgen.comparison.archive import output_zip

    return output_zip(output)


def _content(clip: Clip, format: str) -> bytes:
    from musicgen.clips import ensure_audio
    from musicgen.clips.exports import export_clip

    if format in AUDIO_FORMATS and not clip.has_audio:
        ensure_audio(clip)
    return export_clip(clip, format)
