"""Adding songs: the uploader, the samples, and the report that accounts for each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from musicgen.settings import settings
from musicgen.wording import count, span
from pages.songs.imports import find_import, start_import, waiting
from pages.songs.rights_field import draw_rights_at_import, rights_at_import
from pages.ui.errors import shown_errors
from pages.ui.layout import MEDIA
from pages.ui.navigation import PLACES, go_to, page_link
from pages.ui.state import forget, recall, remember
from pages.ui.tables import text_table
from pages.ui.text import escape, shorten
from pages.ui.training_songs import take_songs

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from musicgen.songs.intake import ImportReport

IMPORT, REPORT, IGNORED, ARRIVED = "import", "import_report", "import_ignored", "import_arrived"
READ = "uploads_read"
MAX_SENTENCES = 20
MAX_ROWS = 500
MANY_FILES = 500  # single files; of a few thousand, a browser silently loses half and is slow with the rest


def draw_uploader() -> None:
    """Files are stored as soon as they arrive. Then the uploader is emptied, so that they do not stay in memory."""
    limit = settings()
    # The key is a public contract and must not change. A different value of the size limit also makes a new, empty
    # uploader, so the same limit is given implicitly (None) and explicitly in turn.
    limits = (None, int(st.get_option("server.maxUploadSize")))
    adding = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    files = adding.file_uploader(
        "Audio and MIDI files, or a zip of them",
        accept_multiple_files=True,
        max_upload_size=limits[recall(READ, 0) % 2],
        key="song_upload",
        help=f"wav, mp3, flac, ogg, m4a, mid; up to {limit.max_upload_mb} MB and {span(limit.max_audio_seconds)} each. "
        "The type of a file is read from its content, not from its name. Upload hundreds of files as one zip.",
    )
    with adding:
        draw_rights_at_import()
    if files:
        from musicgen.songs.intake import Upload, add_uploads

        uploads = [Upload(name=file.name, stream=file) for file in files]
        release_uploads(files)
        remember(READ, recall(READ, 0) + 1)
        remember(ARRIVED, len(files))
        _begin(f"Reading {count(len(files), 'file')}", partial(_add, add_uploads, uploads, rights=rights_at_import()))


def release_uploads(files: Sequence[UploadedFile]) -> None:
    """Streamlit would keep uploads in memory until the visit ends; these are already being written to disk."""
    context = get_script_run_ctx()
    forget_file = getattr(context and context.uploaded_file_mgr, "remove_file", None)
    if context is not None and forget_file is not None:
        for file in files:
            forget_file(session_id=context.session_id, file_id=file.file_id)


def _add(add: Callable[..., ImportReport], what: Any, on_progress: Callable[..., None], **how: Any) -> ImportReport:
    return add(what, on_progress=on_progress, **how)


def draw_samples() -> None:
    """A button for the first sample, and a list with a button for each of the others."""
    from musicgen.songs.samples import SAMPLES

    first = SAMPLES[0]
    st.markdown("**No file at hand?** Add a sample: public-domain scores, and pieces made by this program.")
    buttons = st.container(horizontal=True, gap="small")
    # No `help` here: Streamlit draws a button with a tooltip twice, so scripts that look for this key would find two.
    if buttons.button(f"Add {first.title}", key="sample_add", icon=":material/add:", type="primary"):
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

    forget(ARRIVED)
    _begin("Adding the sample", partial(_add, add_sample, key))


def _warn_of_lost_files() -> None:
    """Only the browser knows how many files were chosen, and it reports only those that it could send."""
    arrived = recall(ARRIVED, 0)
    if arrived > MANY_FILES:
        st.warning(
            f"{arrived:,} files arrived. With this many single files, browsers often lose some without saying so. If "
            "you chose more, upload them as one zip; songs that are already here are not added twice.",
            icon=":material/folder_zip:",
        )


def _begin(words: str, work: Callable[[Callable[..., None]], ImportReport]) -> None:
    remember(IMPORT, start_import(words, work))
    st.rerun()


def draw_progress() -> None:
    """Wait for this visitor's import, if there is one, and keep its report. Draw everything else first."""
    job = find_import(recall(IMPORT))
    if job is None:
        return
    bar = st.progress(0.0, text=job.words)
    for _ in waiting(job):
        done = f": {job.num_done} of {job.num_files}" if job.num_files > 1 else ""
        bar.progress(job.share, text=f"{job.words}{done} · {escape(shorten(job.name, 50))}")
    forget(IMPORT)
    bar.empty()
    with shown_errors():
        report = job.outcome.result().to_json()
        remember(REPORT, report["files"])
        remember(IGNORED, (report.get("ignored") or [])[:MAX_ROWS])
        st.rerun()


def draw_report() -> None:
    """What happened to each file of the last import: counts, the reason for each rejected file, and a full table."""
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
        _warn_of_lost_files()
        for file in rejected[:MAX_SENTENCES]:
            st.error(f"**{escape(shorten(file['path'], 80))}**: {escape(file['reason'])}", icon=":material/block:")
        if len(rejected) > MAX_SENTENCES:
            st.caption(f"and {len(rejected) - MAX_SENTENCES} more; the table below lists them all.")
        ids = list(dict.fromkeys(file["id"] for file in files if file["id"]))
        if ids:
            with st.container(horizontal=True):
                if len(ids) == 1:
                    page_link("songs", "Open the song", icon=":material/arrow_forward:", song=ids[0])
                if st.button("Train a network", key="train_added", icon=PLACES["train"].icon, type="tertiary"):
                    take_songs(ids)
                    go_to("train")
        with st.expander("What was kept and what was left out", expanded=len(files) <= 3 and not rejected):
            text_table(("File", "Result", "Kept", "Left out", "Remarks"), (row(file) for file in rejected_first(files)))
            if len(files) > MAX_ROWS:
                st.caption(f"and {len(files) - MAX_ROWS:,} more files.")
            for entry in recall(IGNORED, []):
                st.caption(escape(f"{entry['path']}: {entry['reason']}"))


def summary(files: Sequence[Mapping[str, Any]]) -> str:
    """`**10 songs added** · 1 already in the library · 2 files not added`; the same content twice is one song."""
    known = {file["id"] for file in files if is_known(file)}
    added = {file["id"] for file in files if file["id"]} - known
    rejected = sum(file["status"] == "rejected" for file in files)
    parts = [f"**{count(len(added), 'song')} added**"]
    if known:
        parts.append(f"{len(known):,} already in the library")
    if rejected:
        parts.append(f"{count(rejected, 'file')} not added")
    return " · ".join(parts)


def rejected_first(files: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The rows to draw: all of them; if there are too many, the rejected ones first."""
    if len(files) <= MAX_ROWS:
        return files
    return sorted(files, key=lambda file: file["status"] != "rejected")[:MAX_ROWS]


def is_known(file: Mapping[str, Any]) -> bool:
    """Whether the same content was already in the library."""
    return any(warning.lower().startswith("already in the library") for warning in file["warnings"])


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


def listed(value: Mapping[str, Any] | None) -> str:
    """Names and amounts of what was kept or dropped, as one line: `seconds 20.5, channels 2`."""
    return ", ".join(f"{name.replace('_', ' ')} {amount_words(amount)}" for name, amount in (value or {}).items())


def amount_words(amount: Any) -> str:
    if isinstance(amount, float):
        return f"{amount:,.2f}".rstrip("0").rstrip(".")
    if isinstance(amount, list | tuple):
        return "; ".join(str(item) for item in amount)
    return f"{amount:,}" if isinstance(amount, int) and not isinstance(amount, bool) else str(amount)
