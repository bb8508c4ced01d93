"""M4A uploads, and the sound of MP4 and QuickTime files: the one container that libsndfile does not read."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

from musicgen.audio.formats import SEARCHED_BYTES
from musicgen.audio.mp4 import Mp4Survey, survey_boxes
from musicgen.audio.sources.base import Block, Source
from musicgen.audio.sources.joined import open_parts
from musicgen.audio.sources.piped import FfmpegSource
from musicgen.audio.tags import behind_tags
from musicgen.errors import RejectedFile, sentence

AS_INTEGERS = frozenset(("ALAC", "FLAC", "PCM"))
READABLE = AS_INTEGERS | {"AAC", "MP3", "Opus", "AC-3", "E-AC-3", "Vorbis", "floating-point PCM", "µ-law", "A-law", ""}
PCM_WIDTHS = (
    "s8",
    "u8",
    *(f"{width}{order}" for width in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be")),
)
MAX_PARTS = 50  # each needs a process of its own


class M4aSource(FfmpegSource):
    """AAC or ALAC (and MP3, FLAC, Opus, AC-3, PCM) in an MP4 container; pictures and other tracks are left out."""

    format = "m4a"
    demuxer, formats = "mov", "mov,mp4,m4a"
    demuxer_options = ("-enable_drefs", "0")
    codecs = (
        *("aac", "aac_latm", "alac", "flac", "mp3float", "mp3", "opus", "ac3", "eac3", "vorbis"),
        *("pcm_mulaw", "pcm_alaw", *(f"pcm_{width}" for width in PCM_WIDTHS)),
    )
    rule = "An m4a file must hold AAC, ALAC, MP3, AC-3, Opus, FLAC or PCM"
    slack_seconds = 0.5  # the announced length includes encoder delay and padding

    def __init__(self, path: Path, start: int = 0, stop: int | None = None) -> None:
        """`start`, `stop`: the bytes of this file if several were joined; None: to the end."""
        with open(path, "rb") as file:
            survey = survey_boxes(file, start)
        _check_boxes(survey.has_contents, survey.refers_outside, len(survey.sound))
        track = _readable_track(survey)
        codec = survey.sound[track].codec if survey.sound else ""
        super().__init__(path, track=track, as_integers=codec in AS_INTEGERS)
        self.is_lossy = codec not in AS_INTEGERS | {"floating-point PCM"}
        self._part = (start, stop)
        self.n_left_out = survey.n_left_out
        if stop is None and survey.next_start is not None:
            self.n_left_out += path.stat().st_size - survey.next_start
        self._note(survey, track)
        with self._decoding() as (_, wav_format):
            self.sample_rate, self.n_channels = wav_format.sample_rate, wav_format.n_channels
        seconds = survey.sound[track].seconds if survey.sound else None
        if seconds is not None and not survey.is_fragmented:
            self.promised = int(seconds * self.sample_rate)
        if survey.is_cut:
            self.problem = "the file ends before its sound does"

    def blocks(self) -> Generator[Block, None, None]:
        yield from super().blocks()
        if not self.problem:  # what is missing is removed by the file's own edit list
            self.promised = None

    def _note(self, survey: Mp4Survey, track: int) -> None:
        if survey.n_pictures:
            self.notes.append("The picture track of the file was left out.")
        if len(survey.sound) > 1:
            which = "first one" if track == 0 else "first one that can be decoded"
            self.notes.append(f"The file has {len(survey.sound)} sound tracks; the {which} was read.")


def open_m4a(path: Path) -> Source:
    """All sound in an m4a file and in those appended to it. Raises RejectedFile."""
    with open(path, "rb") as file:
        starts = [behind_tags(file.read(SEARCHED_BYTES), 0)]
        while len(starts) < MAX_PARTS and (following := survey_boxes(file, starts[-1]).next_start):
            starts.append(following)
    if starts == [0]:
        return M4aSource(path)
    stops: list[int | None] = [*starts[1:], None]
    return open_parts([partial(M4aSource, path, start, stop) for start, stop in zip(starts, stops, strict=True)])


def _readable_track(survey: Mp4Survey) -> int:
    """The first sound track in a codec that we read. Raises RejectedFile that names the codecs found."""
    for number, track in enumerate(survey.sound):
        if track.codec in READABLE:
            return number
    names = ", ".join(dict.fromkeys(track.codec for track in survey.sound))
    if names == "locked":
        rule = "An m4a file must not be copy-protected"
        what = "a file with copy protection"
        raise RejectedFile(sentence(rule, what, "Get an unprotected copy, or a WAV or MP3 file."), code="locked")
    if names:
        raise RejectedFile(sentence(M4aSource.rule, names, "Convert it to WAV or FLAC."), code="unsupported_codec")
    return 0


def _check_boxes(has_contents: bool, refers_outside: bool, n_sound: int) -> None:
    if refers_outside:
        rule = "An m4a file must contain its own sound"
        raise RejectedFile(sentence(rule, "one that refers to another file", "Export it again."), code="refers_outside")
    if not has_contents:
        raise RejectedFile(
            sentence(
                "An m4a file must have a table of contents (moov)",
                "a file that is cut off or was never finished",
                "Export or download it again.",
            ),
            code="damaged",
        )
    if not n_sound:
        raise RejectedFile(sentence("An m4a file must have a sound track", "a file without one"), code="no_sound")
