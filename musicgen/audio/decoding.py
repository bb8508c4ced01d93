"""Decodes an uploaded file, or says in one sentence why it cannot. Children only.

A file is read twice. The first pass keeps nothing: it counts what can really be decoded, finds the peak and the
first sample that is not a number, and stops at the maximum length. Only then is the sound handed out, so
nothing of a refused file is ever stored. No buffer is sized from a header; the duration is what was decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.foreign import foreign_sound
from musicgen.audio.formats import SEARCHED_BYTES, sniff_audio_file
from musicgen.audio.mixing import left_out
from musicgen.audio.sources.base import Block, Source, check_shape
from musicgen.audio.survey import (
    AGAIN,
    Survey,
    check_length,
    missing_seconds,
    mixing_matrix,
    most_samples,
    read_through,
    shown_seconds,
    tamed,
    too_long,
)
from musicgen.errors import RejectedFile, ResourceUnavailable, sentence


@dataclass(frozen=True)
class Decoded:
    """Sound that can be decoded, and what the import report says about it.

    Attributes:
        format: wav, mp3, flac, ogg or m4a: the real format.
        sample_rate: of the file. n_channels: 1 or 2, of `blocks`. n_samples: per channel, as counted.
        source_channels: channels in the file.
        gain: the samples are multiplied by it; 1 unless peaks exceed full scale.
        kept, dropped: what → how much (seconds, channels, bytes); `dropped` leaves out what is unknown.
        warnings: one sentence each.
    """

    format: str
    sample_rate: int
    n_channels: int
    n_samples: int
    source_channels: int
    gain: float
    kept: dict[str, Any]
    dropped: dict[str, Any]
    warnings: tuple[str, ...]
    _source: Source = field(repr=False)

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    @property
    def pcm_bytes(self) -> int:
        """Size in bytes when stored as 16-bit sound."""
        return self.n_samples * self.n_channels * 2

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The sound: float32, shape (n_channels, ≤ 65,536), in [-1, 1]. A block is valid until the next."""
        n_left = self.n_samples
        with closing(_stereo_blocks(self._source)) as blocks:
            for block in blocks:
                block = block[:n_left]
                n_left -= len(block)
                if self.gain != 1.0:
                    block = block * np.float32(self.gain)
                yield np.ascontiguousarray(np.clip(block, -1.0, 1.0).T)
                if not n_left:
                    return


def decode(
    path: Path,
    format: str | None = None,
    *,
    on_seconds: Callable[[float], None] = lambda _seconds: None,
    on_cost: Callable[[float, int], None] = lambda _seconds, _bytes: None,
) -> Decoded:
    """Open an upload and read through it.

    Args:
        format: as sniffed (wav, mp3, flac, ogg or m4a); the content overrules it.
        on_seconds: called after every block with the seconds of sound read so far.
        on_cost: called once the length is known, with the seconds of sound and the bytes needed to store them.

    Raises:
        RejectedFile: one sentence; codes empty, not_audio, damaged, unsupported_codec, no_sound, refers_outside,
            sample_rate, channels, too_long, too_short, not_finite, too_loud.
        ResourceUnavailable: M4A without FFmpeg.
    """
    source = _open(path, sniff_audio_file(path) or format)
    _check_start(source)
    if source.promised and source.promised <= most_samples(source):  # a header that says more is wrong
        on_cost(*_cost(source, source.promised))
    survey = read_through(source, on_seconds)
    if source.problem and (other := source.other_reader()) is not None:
        source, survey = _longer(source, survey, other, on_seconds)
    check_length(source, survey)
    decoded = _describe(source, survey)
    on_cost(decoded.seconds, decoded.pcm_bytes)
    return decoded


def _check_start(source: Source) -> None:
    check_shape(source)
    if source.reaches(most_samples(source)):
        raise too_long(source)


def _cost(source: Source, n_samples: int) -> tuple[float, int]:
    return n_samples / source.sample_rate, n_samples * min(source.n_channels, 2) * 2


def _longer(
    source: Source, survey: Survey, other: Source, on_seconds: Callable[[float], None]
) -> tuple[Source, Survey]:
    """Of two readers of a damaged file, the one that finds more."""
    try:
        found = read_through(other, on_seconds)
    except (RejectedFile, ResourceUnavailable):
        return source, survey
    return (other, found) if found.n_samples > survey.n_samples else (source, survey)


def _open(path: Path, format: str | None) -> Source:
    """The reader for this format. Decoders are imported here, when needed."""
    if not path.stat().st_size:
        raise RejectedFile(sentence("A sound file must not be empty", "an empty file", AGAIN), code="empty")
    if format == "wav":
        from musicgen.audio.sources.wav import open_wav

        return open_wav(path)
    if format == "m4a":
        from musicgen.audio.sources.m4a import open_m4a

        return open_m4a(path)
    from musicgen.audio.sources.flac import open_flac
    from musicgen.audio.sources.mp3 import open_mp3
    from musicgen.audio.sources.ogg import open_ogg

    readers: dict[str | None, Callable[[Path], Source]] = {"mp3": open_mp3, "flac": open_flac, "ogg": open_ogg}
    if format not in readers:
        raise _unknown(path, format)
    return readers[format](path)


def _unknown(path: Path, format: str | None) -> RejectedFile:
    with open(path, "rb") as file:
        foreign = foreign_sound(file.read(SEARCHED_BYTES))
    rule = "A sound file must be wav, mp3, flac, ogg or m4a"
    if foreign:
        return RejectedFile(sentence(rule, foreign, "Convert it to WAV or FLAC."), code="other_audio")
    return RejectedFile(sentence(rule, format or "a file in an unknown format"), code="not_audio")


def _stereo_blocks(source: Source) -> Generator[Block, None, None]:
    mix = mixing_matrix(source)
    with closing(source.blocks()) as blocks:
        for block in blocks:
            block = tamed(block, source)
            yield block if mix is None else block @ mix


def _describe(source: Source, survey: Survey) -> Decoded:
    n_channels = min(source.n_channels, 2)
    seconds, missing = survey.n_samples / source.sample_rate, missing_seconds(source, survey)
    dropped: dict[str, Any] = {}
    if missing:
        dropped["seconds"] = round(missing, 3)
    if source.n_channels > 2 and (lost := left_out(source.n_channels, source.channel_order)):
        dropped["channels"] = len(lost)
    if source.n_left_out:
        dropped["bytes"] = source.n_left_out
    return Decoded(
        format=source.format,
        sample_rate=source.sample_rate,
        n_channels=n_channels,
        n_samples=survey.n_samples,
        source_channels=source.n_channels,
        gain=survey.gain(source),
        kept={"seconds": round(seconds, 3), "channels": n_channels},
        dropped=dropped,
        warnings=tuple(_warnings(source, survey, missing)),
        _source=source,
    )


def _warnings(source: Source, survey: Survey, missing: float) -> Iterator[str]:
    seconds = survey.n_samples / source.sample_rate
    yield from source.notes
    if missing:
        why = f" ({source.problem})" if source.problem else ""
        yield (
            f"The file is cut off or damaged{why}: {shown_seconds(seconds)} s were kept, "
            f"{shown_seconds(missing)} s announced in its header are missing."
        )
    elif source.problem:
        yield f"The file is cut off or damaged ({source.problem}): {shown_seconds(seconds)} s were kept."
    if source.n_left_out:
        yield f"{source.n_left_out:,} bytes of the file that are not sound were left out."
    if source.n_channels > 2:
        lost = left_out(source.n_channels, source.channel_order)
        tail = f"; channel {lost[0]}, the low-frequency channel, was left out" if lost else ""
        yield f"{source.n_channels} channels were mixed to stereo{tail}."
    if survey.peak > 1.0 and survey.gain(source) == 1.0:
        yield f"Peaks up to {_over_db(survey)} dB above full scale were clipped; they are normal in lossy formats."
    elif survey.peak > 1.0:
        yield (
            f"Peaks reach {survey.peak:.2f}, and full scale is 1: the whole song was made "
            f"{_over_db(survey)} dB softer so that nothing is clipped."
        )
    if survey.peak == 0.0:
        yield "The file is silent from beginning to end."


def _over_db(survey: Survey) -> str:
    return f"{20 * np.log10(survey.peak):.1f}"
