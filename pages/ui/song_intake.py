"""Bringing songs in: the uploader, the samples, and the report that accounts for each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.settings import settings
from pages.ui.errors import shown_errors
from pages.ui.layout import MEDIA
from pages.ui.navigation import page_link
from pages.ui.state import forget, recall, remember
from pages.ui.tables import text_table
from pages.ui.text import count, escape, shorten, span

if TYPE_CHECKING:
    from musicgen.songs.intake import ImportReport

REPORT = "import_report"
READ = "uploads_read"
MOST_SENTENCES = 20
MOST_ROWS = 500


def draw_uploader() -> None:
    """Files are stored as soon as they arrive; then the uploader is emptied, so that the server does not keep them."""
    limit = settings()
    # The key is a public contract, so a fresh (empty) uploader comes from another value of the size limit: the
    # server's limit, unnamed and named in turn.
    limits = (None, int(st.get_option("server.maxUploadSize")))
    files = st.file_uploader(
        "Audio and MIDI files, or a zip of them",
        accept_multiple_files=True,
        max_upload_size=limits[recall(READ, 0) % 2],
        key="song_upload",
        help=f"wav, mp3, flac, ogg, m4a, mid; up to {limit.max_upload_mb} MB and {span(limit.max_audio_seconds)} each. "
        "The content decides what a file is, not its name.",
    )
    if files:
        from musicgen.songs.intake import Upload, add_uploads

        uploads = [Upload(name=file.name, stream=file) for file in files]
        _bring_in(
            lambda on_progress: add_uploads(uploads, on_progress=on_progress), f"Reading {count(len(files), 'file')}"
        )
        remember(READ, recall(READ, 0) + 1)
        st.rerun()


def draw_samples() -> None:
    """One click for the first sample set, one button for each of the others."""
    from musicgen.songs.samples import SAMPLES

    first = SAMPLES[0]
    st.markdown("**No file at hand?**  \nTake a sample: public-domain scores and pieces that this project made itself.")
    buttons = st.container(horizontal=True, gap="small")
    if buttons.button(
        f"Add {first.title}", key="sample_add", icon=":material/add:", type="primary", help=first.summary
    ):
        _add_sample(first.key)
    with buttons.popover("All samples", icon=":material/queue_music:", key="sample_list"):
        for sample in SAMPLES:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                with st.container(gap=None, width=330):
                    st.markdown(f"{MEDIA[sample.medium][1]} **{escape(sample.title)}**")
                    st.caption(escape(f"{sample.summary} {sample.origin}"))
                if st.button("Add", key=f"sample_add.{sample.key}", icon=":material/add:"):
                    _add_sample(sample.key)


def _add_sample(key: str) -> None:
    from musicgen.songs.intake import add_sample

    _bring_in(lambda _: add_sample(key), "Making the sample")
    st.rerun()


def _bring_in(work: Callable[[Callable[..., None]], ImportReport], words: str) -> None:
    """Run an intake with a progress bar and keep its report for the next drawing of the page."""
    bar = st.progress(0.0, text=f"{words} …")

    def on_progress(done: int, total: int, name: str = "") -> None:
        shown = f" · {escape(shorten(name, 40))}" if name else ""
        bar.progress(min(done / max(total, 1), 1.0), text=f"{words}: {done} of {total}{shown}")

    with shown_errors():
        remember(REPORT, work(on_progress).to_json()["files"][:MOST_ROWS])


def draw_report() -> None:
    """What became of each file of the last import: counts, a sentence for each rejected one, and the full account."""
    files: Sequence[Mapping[str, Any]] | None = recall(REPORT)
    if files is None:
        return
    rejected = [file for file in files if file["status"] == "rejected"]
    with st.container(border=True, key="import_report", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(summary(files))
            if st.button("Close", key="import_report_close", icon=":material/close:", type="tertiary"):
                forget(REPORT)
                st.rerun()
        for file in rejected[:MOST_SENTENCES]:
            st.error(f"**{escape(shorten(file['path'], 80))}**: {escape(file['reason'])}", icon=":material/block:")
        if len(rejected) > MOST_SENTENCES:
            st.caption(f"and {len(rejected) - MOST_SENTENCES} more; the list below has them all.")
        added = [file for file in files if file["id"]]
        if len(added) == 1:
            page_link("songs", "Open the song", icon=":material/arrow_forward:", song=added[0]["id"])
        with st.expander("What was kept, what was left out", expanded=len(files) <= 3 and not rejected):
            text_table(("File", "Result", "Kept", "Left out", "Remarks"), (row(file) for file in files))


def summary(files: Sequence[Mapping[str, Any]]) -> str:
    """`**10 songs added** · 1 already in the library · 2 files rejected`"""
    known = sum(is_known(file) for file in files)
    rejected = sum(file["status"] == "rejected" for file in files)
    parts = [f"**{count(len(files) - known - rejected, 'song')} added**"]
    if known:
        parts.append(f"{known:,} already in the library")
    if rejected:
        parts.append(f"{count(rejected, 'file')} not added")
    return " · ".join(parts)


def is_known(file: Mapping[str, Any]) -> bool:
    """Was this very content here before?"""
    return file["status"] == "known" or any("already in the library" in warning for warning in file["warnings"])


def row(file: Mapping[str, Any]) -> tuple[str, ...]:
    """One file of the report as table cells."""
    result = "already here" if is_known(file) else "not added" if file["status"] == "rejected" else "added"
    remarks = [file["reason"], *file["warnings"]]
    return (
        shorten(file["path"], 60),
        result,
        listed(file["kept"]),
        listed(file["dropped"]),
        " ".join(remark for remark in remarks if remark),
    )


def listed(value: Any) -> str:
    """Kept and dropped things (a word, a list, or names with numbers) as one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {amount}" for name, amount in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
