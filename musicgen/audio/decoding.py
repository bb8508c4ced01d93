"""From an uploaded file to sound, or to one sentence why not. Children only.

A file is read twice. The first reading keeps nothing: it counts what can really be decoded, finds the peak and the
first sample that is no number, and stops at the longest length allowed. Only then is the sound handed out, so that
nothing of a file that is refused was ever stored. No buffer is sized from a header; the duration is what was decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.formats import sniff_audio_file
from musicgen.audio.mixing import left_out, stereo_matrix
from musicgen.audio.sources.base import Block, Source
from musicgen.audio.wav import MAX_PCM_BYTES
from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings

INCREDIBLE = 100  # times the longest length allowed: what a header announces beyond is a lie, not a loss
LOUDEST = 8.0  # a float file above that is no sound at a wrong level but wrong numbers
RARE = 1e-3  # of the samples
AGAIN = "Export or download it again."
NAMES = {"wav": "a WAV file", "mp3": "an MP3 file", "flac": "a FLAC file", "ogg": "an Ogg file", "m4a": "an M4A file"}


@dataclass(frozen=True)
class Decoded:
    """Sound that can be had, and what the import report says about it.

    Attributes:
        format: wav, mp3, flac, ogg or m4a: what the file really is.
        sample_rate: the file's own. n_channels: 1 or 2, of `blocks`. n_samples: per channel, as counted.
        source_channels: how many the file has.
        gain: what the samples are multiplied by, 1 unless peaks were above full scale.
        kept, dropped: what of it → how much (seconds, channels); `dropped` lacks what is unknown.
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
        """Size as 16-bit sound: what storing it takes."""
        return self.n_samples * self.n_channels * 2

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The sound: float32, shape (n_channels, ≤ 65,536), in [-1, 1]. A block is valid until the next one."""
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


@dataclass
class _Survey:
    """What the first reading found: samples per channel; the peak of the mix, and how many of its samples are beyond
    full scale."""

    n_samples: int = 0
    peak: float = 0.0
    n_over: int = 0

    def add_peaks(self, mixed: Block) -> None:
        peak = max(-float(mixed.min(initial=0.0)), float(mixed.max(initial=0.0)))
        self.peak = max(self.peak, peak)
        if peak > 1.0:
            self.n_over += int(np.count_nonzero(np.abs(mixed).max(axis=1) > 1.0))

    def gain(self, source: Source) -> float:
        """What brings the sound to full scale where it is beyond. The rare overshoots of a lossy format are left to be
        clipped, as every player does: for a few samples a whole song is not made softer."""
        is_rare = source.is_lossy and self.n_over < RARE * self.n_samples
        return 1.0 if self.peak <= 1.0 or is_rare else 1.0 / self.peak


def decode(
    path: Path, format: str | None = None, *, on_seconds: Callable[[float], None] = lambda _seconds: None
) -> Decoded:
    """Open an upload and read through it.

    Args:
        format: as sniffed (wav, mp3, flac, ogg or m4a); what the content says goes before it.
        on_seconds: told after every block how many seconds of sound the reading has passed.

    Raises:
        RejectedFile: one sentence; codes empty, not_audio, damaged, unsupported_codec, no_sound, refers_outside,
            sample_rate, channels, too_long, too_short, not_finite, too_loud.
        ResourceUnavailable: M4A without FFmpeg.
    """
    source = _open(path, sniff_audio_file(path) or format)
    _check_shape(source)
    if source.reaches(_most_samples(source)):
        raise _too_long(source)
    survey = _read_through(source, on_seconds)
    _check_length(source, survey)
    return _describe(source, survey)


def _open(path: Path, format: str | None) -> Source:
    """The reader for this format. Decoders are imported here, when one is needed."""
    if not path.stat().st_size:
        raise RejectedFile(sentence("A sound file has content", "an empty file", AGAIN), code="empty")
    if format == "wav":
        from musicgen.audio.sources.wav import WavSource

        return WavSource(path)
    if format == "m4a":
        from musicgen.audio.sources.m4a import M4aSource

        return M4aSource(path)
    from musicgen.audio.sources.sndfile import FlacSource, Mp3Source, OggSource

    readers: dict[str | None, Callable[[Path], Source]] = {"mp3": Mp3Source, "flac": FlacSource, "ogg": OggSource}
    if format not in readers:
        what = format or "a file that begins like none of these"
        raise RejectedFile(sentence("Sound is read from wav, mp3, flac, ogg and m4a", what), code="not_audio")
    return readers[format](path)


def _check_shape(source: Source) -> None:
    limits = settings()
    if not limits.min_sample_rate <= source.sample_rate <= limits.max_sample_rate:
        rule = f"A song has a sample rate of {limits.min_sample_rate:,} to {limits.max_sample_rate:,} Hz"
        remedy = "Convert it to 44,100 Hz."
        raise RejectedFile(sentence(rule, f"{source.sample_rate:,} Hz", remedy), code="sample_rate")
    if not 1 <= source.n_channels <= limits.max_channels:
        rule = f"A song has 1 to {limits.max_channels} channels"
        raise RejectedFile(sentence(rule, source.n_channels, "Mix it down to stereo."), code="channels")


def _most_samples(source: Source) -> int:
    """The longest length allowed: by the clock, and by what fits into the WAV file that it is stored in."""
    by_size = MAX_PCM_BYTES // (2 * min(source.n_channels, 2))
    return min(round(settings().max_audio_seconds * source.sample_rate), by_size)


def _read_through(source: Source, on_seconds: Callable[[float], None]) -> _Survey:
    survey, most = _Survey(), _most_samples(source)
    mix = _mixer(source)
    with closing(source.blocks()) as blocks:
        for block in blocks:
            lowest, highest = float(block.min(initial=0.0)), float(block.max(initial=0.0))
            if not -LOUDEST <= lowest <= highest <= LOUDEST:  # NaN is not ≤ anything
                raise _bad_sample(source, survey.n_samples, block)
            survey.n_samples += len(block)
            if survey.n_samples > most:
                raise _too_long(source)
            survey.add_peaks(block if mix is None else block @ mix)
            on_seconds(survey.n_samples / source.sample_rate)
    return survey


def _mixer(source: Source) -> NDArray[np.float32] | None:
    return stereo_matrix(source.n_channels, source.channel_order) if source.n_channels > 2 else None


def _stereo_blocks(source: Source) -> Generator[Block, None, None]:
    mix = _mixer(source)
    with closing(source.blocks()) as blocks:
        for block in blocks:
            yield block if mix is None else block @ mix


def _bad_sample(source: Source, n_before: int, block: Block) -> RejectedFile:
    """What to say of the first sample that is not a number, or far too large; names its time."""
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(block) <= LOUDEST)
    row = int(np.argmax(bad.any(axis=1)))
    value = float(block[row][bad[row]][0])
    time = (n_before + row) / source.sample_rate
    if np.isfinite(value):
        rule = f"The samples of a float file are at most {LOUDEST:g}, where full scale is 1"
        return RejectedFile(
            sentence(rule, f"{value:.4g} at {time:.2f} s", "Export it at a lower level."), code="too_loud"
        )
    what = "NaN" if np.isnan(value) else "infinity"
    return RejectedFile(
        sentence(
            "Every sample is a finite number", f"{what} at {time:.2f} s", "Repair that place and export it again."
        ),
        code="not_finite",
    )


def _too_long(source: Source) -> RejectedFile:
    most = _most_samples(source) / source.sample_rate
    remedy = "Cut it into parts, or raise MUSICGEN_MAX_AUDIO_SECONDS."
    if most < settings().max_audio_seconds - 1:  # the size of a WAV file is what ends it
        remedy = "Cut it into parts, or convert it to 44,100 Hz."
    return RejectedFile(
        sentence(f"A song has at most {_clock(most)} of sound", "more than that", remedy), code="too_long"
    )


def _check_length(source: Source, survey: _Survey) -> None:
    seconds, least = survey.n_samples / source.sample_rate, settings().min_audio_seconds
    if seconds >= least:
        return
    if not survey.n_samples and source.problem:
        rule = f"{NAMES[source.format]} can be decoded".capitalize()
        raise RejectedFile(sentence(rule, source.problem, AGAIN), code="damaged")
    received, remedy = f"{_seconds(seconds)} s", "Bring a longer one."
    if source.problem or _missing_seconds(source, survey):
        received, remedy = f"{_seconds(seconds)} s before the file breaks off", AGAIN
    raise RejectedFile(sentence(f"A song has at least {least:g} s of sound", received, remedy), code="too_short")


def _missing_seconds(source: Source, survey: _Survey) -> float:
    """Seconds that the headers announce and nobody can decode; 0 where all is there or no credible length announced."""
    missing = ((source.promised or 0) - survey.n_samples) / source.sample_rate
    return missing if source.slack_seconds < missing < INCREDIBLE * settings().max_audio_seconds else 0.0


def _describe(source: Source, survey: _Survey) -> Decoded:
    n_channels = min(source.n_channels, 2)
    seconds, missing = survey.n_samples / source.sample_rate, _missing_seconds(source, survey)
    dropped: dict[str, Any] = {}
    if missing:
        dropped["seconds"] = round(missing, 3)
    if source.n_channels > 2 and (lost := left_out(source.n_channels, source.channel_order)):
        dropped["channels"] = len(lost)
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


def _warnings(source: Source, survey: _Survey, missing: float) -> Iterator[str]:
    seconds = survey.n_samples / source.sample_rate
    yield from source.notes
    if missing:
        why = f" ({source.problem})" if source.problem else ""
        yield (
            f"The file is cut off or damaged{why}: {_seconds(seconds)} s were kept, "
            f"{_seconds(missing)} s that its header announces are missing."
        )
    elif source.problem:
        yield f"The file is cut off or damaged ({source.problem}): {_seconds(seconds)} s were kept."
    if source.n_channels > 2:
        lost = left_out(source.n_channels, source.channel_order)
        tail = f"; channel {lost[0]}, for low frequencies alone, was left out" if lost else ""
        yield f"{source.n_channels} channels were mixed to stereo{tail}."
    if survey.peak > 1.0 and survey.gain(source) == 1.0:
        yield f"Peaks of {_over_db(survey)} dB above full scale, which lossy formats can have, were clipped."
    elif survey.peak > 1.0:
        yield (
            f"Peaks reach {survey.peak:.2f} where full scale is 1: all of it was made "
            f"{_over_db(survey)} dB softer, so that nothing is clipped."
        )
    if survey.peak == 0.0:
        yield "The file is silent from beginning to end."


def _over_db(survey: _Survey) -> str:
    return f"{20 * np.log10(survey.peak):.1f}"


def _seconds(value: float) -> str:
    return f"{value:,.2f}" if value < 10 else f"{value:,.1f}"


def _clock(seconds: float) -> str:
    """7200 → "2 hours"; 5593 → "93 minutes"; 90.5 → "90.5 s"."""
    if seconds >= 3600 and seconds % 3600 == 0:
        hours = int(seconds // 3600)
        return f"{hours} hour{'s' if hours > 1 else ''}"
    return f"{int(seconds // 60)} minutes" if seconds >= 120 else f"{seconds:g} s"
