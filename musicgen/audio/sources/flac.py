"""FLAC uploads. Its `total_samples` may be 0 for "unknown"; libsndfile is always given 0, so it reads to the real end.

It is also given a small frame size, from which it estimates positions when it seeks: if the real size is unknown, it
assumes uncompressed frames, and seeking in a decompression bomb would then decode all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from musicgen.audio.flac import INFO_AT, INFO_BYTES, TOTAL_BITS, end_of_last_frame, survey_streams
from musicgen.audio.sources.base import Source
from musicgen.audio.sources.joined import open_parts
from musicgen.audio.sources.piped import FlacByFfmpeg
from musicgen.audio.sources.sndfile import INTEGER_BITS, SndfileSource
from musicgen.audio.sources.viewed_file import Piece, View, ViewedFile
from musicgen.audio.tags import behind_tags, tag_bytes_at_end
from musicgen.errors import RejectedFile, sentence

FRAME_BYTES = 1_024
LAST_FRAME_BYTES = 1 << 16  # including what the library reads ahead
TAGS_BYTES = 1 << 20  # at the end of a file, searched for tags


class FlacSource(SndfileSource):
    """One FLAC stream, made up of `pieces` of the file.

    `demuxer`: with which FFmpeg reads the stream (in Ogg: the whole file) if libsndfile ends early; None if it
    cannot."""

    format = "flac"
    container = "FLAC"
    codecs = frozenset(INTEGER_BITS)

    def __init__(self, path: Path, pieces: Sequence[Piece], *, demuxer: str | None = None) -> None:
        with ViewedFile(path, View(pieces=pieces)) as stream:
            stream.seek(INFO_AT)
            info = stream.read(INFO_BYTES)
        packed = int.from_bytes(info[10:], "big")
        self._total = packed & (1 << TOTAL_BITS) - 1
        self._demuxer = demuxer
        self._part = (pieces[0][0], pieces[-1][1]) if demuxer == "flac" else (0, None)
        overlay = {}
        if len(info) == INFO_BYTES:
            unknown = (packed >> TOTAL_BITS << TOTAL_BITS).to_bytes(8, "big")
            overlay = {INFO_AT + 4: FRAME_BYTES.to_bytes(3, "big") * 2, INFO_AT + 10: unknown}
        super().__init__(path, View(pieces=pieces, overlay=overlay))

    def _promise(self) -> None:
        self.promised = self._total or None

    def other_reader(self) -> Source | None:
        return FlacByFfmpeg(self._path, self._part, self, self._demuxer) if self._demuxer else None


class NativeFlacSource(FlacSource):
    """A stream in a FLAC file, with whatever follows it."""

    def __init__(self, path: Path, piece: Piece) -> None:
        self._piece = piece
        self._n_behind = 0
        super().__init__(path, [piece], demuxer="flac")

    def _behind_promised_end(self, position: int) -> None:
        start, stop = self._piece
        first = max(start, start + position - LAST_FRAME_BYTES)
        with open(self._path, "rb") as file:
            file.seek(first)
            end = first + end_of_last_frame(file.read(start + position - first))
            file.seek(max(stop - TAGS_BYTES, end))
            n_tags = tag_bytes_at_end(file.read(stop - file.tell()))
        n_behind, self._n_behind = self._n_behind, max(stop - n_tags - end, 0)
        self.n_left_out += self._n_behind - n_behind


def open_flac(path: Path) -> Source:
    """All sound in a FLAC file. Raises RejectedFile."""
    with open(path, "rb") as file:
        pieces = survey_streams(file)
        head = file.read(pieces[0][0] if pieces else 0)
    if not pieces:
        rule = "A FLAC file must begin with a description of its sound"
        raise RejectedFile(sentence(rule, "none", "Export or download it again."), code="damaged")
    source = open_parts([partial(NativeFlacSource, path, piece) for piece in pieces])
    source.n_left_out += max(pieces[0][0] - behind_tags(head, 0), 0)
    return source
