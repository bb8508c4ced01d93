"""MP3 uploads. libsndfile is shown only the frames, and their number: for a file without a summary in its first
frame it would guess from the bit rate, and it stops early if a summary or its own guess is too low."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from musicgen.audio.foreign import foreign_sound
from musicgen.audio.formats import SEARCHED_BYTES
from musicgen.audio.mp3 import Mp3Part, summary_frame, survey_frames
from musicgen.audio.sources.base import Source
from musicgen.audio.sources.joined import open_parts
from musicgen.audio.sources.sndfile import SndfileSource
from musicgen.audio.sources.viewed_file import View
from musicgen.audio.tags import behind_tags
from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings


class Mp3Source(SndfileSource):
    """MPEG layer III, constant or variable bit rate: the frames after one summary."""

    format = "mp3"
    container = "MP3"
    codecs = frozenset(("MPEG_LAYER_III",))
    is_lossy = True

    def __init__(self, path: Path, part: Mp3Part) -> None:
        self._lost = max((part.summary_frames or 0) - part.n_frames, 0) * part.frame.n_samples
        super().__init__(path, _view(part))

    def _promise(self) -> None:
        self.promised = (self._announced or 0) + self._lost or None


def open_mp3(path: Path) -> Source:
    """All sound in an mp3 file. Raises RejectedFile if there is no layer III frame."""
    with open(path, "rb") as file:
        survey = survey_frames(file, settings().max_audio_seconds)
    if not survey.parts:
        raise _no_frames(path)
    source = open_parts([partial(Mp3Source, path, part) for part in survey.parts])
    source.n_left_out += survey.n_left_out
    if survey.missing_bytes:
        source.problem = "its last frame is incomplete"
    return source


def _view(part: Mp3Part) -> View:
    if part.summary_at is None:
        return View(prefix=summary_frame(part.first, part.n_frames), pieces=part.pieces)
    if part.summary_frames == part.n_frames:
        return View(pieces=part.pieces)
    overlay = {part.summary_at: part.n_frames.to_bytes(4, "big")}
    if part.is_cut and part.padding is not None:  # the padding at the end was cut off too, so none is removed
        overlay[part.padding_at + 1] = bytes((part.padding[1] & 0xF0, 0))
    return View(pieces=part.pieces, overlay=overlay)


def _no_frames(path: Path) -> RejectedFile:
    """The error for a file that only looked like mp3, often because it begins with a tag."""
    with open(path, "rb") as file:
        head = file.read(SEARCHED_BYTES)
        file.seek(behind_tags(head, 0))
        behind = file.read(SEARCHED_BYTES)
    rule = "An mp3 file must consist of MPEG layer III frames"
    for each in (behind, head):
        if what := foreign_sound(each):
            return RejectedFile(sentence(rule, what, "Convert it to WAV or FLAC."), code="other_audio")
    return RejectedFile(sentence(rule, "a file without any", "Export or download it again."), code="damaged")
