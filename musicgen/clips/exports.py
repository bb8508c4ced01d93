"""Downloads: a clip in other formats. Made once, in a child process, and kept with the clip. Light."""

from __future__ import annotations

from pathlib import Path

from musicgen.clips.clip import Clip
from musicgen.clips.sheets import ensure_pages
from musicgen.clips.sounding import ensure_audio
from musicgen.errors import InvalidInput, WrongState, sentence
from musicgen.processes import run_child
from musicgen.storage.files import check_free_space

AUDIO_EXPORTS = ("wav", "mp3", "flac", "ogg", "m4a")
SCORE_EXPORTS = ("mid", "musicxml", "svg", "pdf")
SHEET_EXPORTS = ("svg", "pdf")  # made from the pages of the sheet music
FOLDER = "exports"
SECONDS = 60.0  # for any piece, plus the time by its length
SHEET_SECONDS = 240.0  # for a hundred pages of sheet music, and a machine that is busy
REAL_TIME_FACTOR = 5.0  # encoding is given up when it takes longer than this many times real time
MEMORY_MB = 4096


def export_formats(medium: str) -> tuple[str, ...]:
    """The download formats of a clip of this medium."""
    return SCORE_EXPORTS + AUDIO_EXPORTS if medium == "midi" else AUDIO_EXPORTS


def export_clip(clip: Clip, format: str) -> bytes:
    """The clip as a wav, mp3, flac, ogg, m4a, mid, musicxml, svg or pdf file. Written music is rendered if sound is
    requested. An svg file has all pages, one below the other.

    Raises:
        InvalidInput: no such format. WrongState: a score format for a recording.
        ResourceUnavailable: FFmpeg (m4a) or verovio (svg, pdf) is missing, the disk is full, or time ran out.
    """
    return export_path(clip, format).read_bytes()


def export_path(clip: Clip, format: str) -> Path:
    """The same as a file inside the clip's folder, to be copied; it stays there."""
    medium = clip.medium
    if format not in AUDIO_EXPORTS + SCORE_EXPORTS:
        rule = f"The format must be one of {', '.join(AUDIO_EXPORTS + SCORE_EXPORTS)}"
        raise InvalidInput(sentence(rule, format), code="unknown_format")
    if format not in export_formats(medium):
        rule = "Only written music can be exported as notes"
        raise WrongState(sentence(rule, "a recording", f"Choose {', '.join(AUDIO_EXPORTS)}."), code="no_score")
    if format == "mid":
        return clip.score_path
    if format in AUDIO_EXPORTS:
        ensure_audio(clip)
    return clip.audio_path if format == "wav" else _converted(clip, format)


def _converted(clip: Clip, format: str) -> Path:
    path = clip.folder / FOLDER / f"clip.{format}"
    if not path.is_file():
        is_sheet = format in SHEET_EXPORTS
        if is_sheet:
            ensure_pages(clip, None)
        check_free_space(clip.audio_path.stat().st_size if format in AUDIO_EXPORTS else 0)
        run_child(
            "musicgen.clips.converting",
            {"folder": str(clip.folder.resolve()), "format": format, "path": str(path.resolve())},
            seconds=SHEET_SECONDS if is_sheet else SECONDS + clip.seconds / REAL_TIME_FACTOR,
            memory_mb=MEMORY_MB,
        )
    return path
