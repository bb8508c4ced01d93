"""Ogg uploads: Vorbis, Opus and FLAC, in sequence or beside pictures. The length is in the last page, so a cut
file promises only what it has, and a note says that it was cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from musicgen.audio.ogg import OggStream, OggSurvey, survey_pages
from musicgen.audio.sources.base import Source
from musicgen.audio.sources.flac import FlacSource
from musicgen.audio.sources.joined import open_parts
from musicgen.audio.sources.sndfile import SndfileSource
from musicgen.audio.sources.viewed_file import View
from musicgen.errors import RejectedFile, sentence

CUT_OFF = "its end is missing"
FLAC_MAPPING_BYTES = 9  # before the stream in its first packet
RULE = "An Ogg file must hold Vorbis, Opus or FLAC"


class OggSource(SndfileSource):
    """Vorbis or Opus: the pages of one stream."""

    format = "ogg"
    container = "OGG"
    codecs = frozenset(("VORBIS", "OPUS"))
    channel_order = "vorbis"
    is_lossy = True

    def __init__(self, path: Path, stream: OggStream) -> None:
        super().__init__(path, View(pieces=stream.pieces))
        if not stream.is_complete:
            self.problem = CUT_OFF

    def _promise(self) -> None:
        self.promised = self._announced


class OggFlacSource(FlacSource):
    """FLAC in Ogg: the pages hold a FLAC stream after a few bytes of mapping."""

    format = "ogg"

    def __init__(self, path: Path, stream: OggStream, *, is_only: bool) -> None:
        first, *rest = stream.bodies
        pieces = [(min(first[0] + FLAC_MAPPING_BYTES, first[1]), first[1]), *rest]
        super().__init__(path, pieces, demuxer="ogg" if is_only else None)
        if not stream.is_complete:
            self.problem = CUT_OFF


READERS: dict[str, Callable[..., Source]] = {"Vorbis": OggSource, "Opus": OggSource, "FLAC": OggFlacSource}


def open_ogg(path: Path) -> Source:
    """All sound in an Ogg file; of parallel streams the first. Raises RejectedFile."""
    with open(path, "rb") as file:
        survey = survey_pages(file)
    streams = [next((each for each in link if each.codec in READERS), None) for link in survey.links]
    is_only = len(survey.links) == 1
    openers = [
        _refusing(link) if stream is None else partial(_open, path, stream, is_only)
        for link, stream in zip(survey.links, streams, strict=True)
    ]
    if not openers:
        raise RejectedFile(sentence(RULE, "pages without a beginning", "Export or download it again."), code="damaged")
    source = open_parts(openers)
    source.n_left_out += survey.n_left_out
    source.notes[:0] = _notes(survey)
    return source


def _open(path: Path, stream: OggStream, is_only: bool) -> Source:
    return OggFlacSource(path, stream, is_only=is_only) if stream.codec == "FLAC" else OggSource(path, stream)


def _refusing(link: list[OggStream]) -> Callable[[], Source]:
    def refuse() -> Source:
        names = ", ".join(dict.fromkeys(each.codec for each in link if each.codec)) or "only texts"
        if any(each.is_sound for each in link):
            raise RejectedFile(sentence(RULE, names, "Convert it to WAV or FLAC."), code="unsupported_codec")
        raise RejectedFile(sentence(RULE, f"no sound, but {names}", "Add one with sound."), code="no_sound")

    return refuse


def _notes(survey: OggSurvey) -> Iterator[str]:
    if any(each.codec and not each.is_sound for link in survey.links for each in link):
        yield "The picture track of the file was left out."
    most = max(sum(each.is_sound for each in link) for link in survey.links)
    if most > 1:
        yield f"The file has {most} sound tracks; the first readable one was read."
