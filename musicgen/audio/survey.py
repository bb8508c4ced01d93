"""The first pass over an upload: what can be decoded, how loud it is, and whether it is within the limits.

Keeps no sound. Every reason to refuse an opened upload is decided and worded here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.mixing import stereo_matrix
from musicgen.audio.sources.base import Block, Source
from musicgen.audio.wav import MAX_PCM_BYTES
from musicgen.errors import RejectedFile, sentence
from musicgen.settings import settings

INCREDIBLE = 100  # times the maximum length: a header that announces more is wrong, and nothing is missing
LOUDEST = 8.0  # a float file above that does not hold sound that is too loud, but wrong numbers
RARE = 1e-3  # of the samples
AGAIN = "Export or download it again."
NAMES = {"wav": "A WAV file", "mp3": "An MP3 file", "flac": "A FLAC file", "ogg": "An Ogg file", "m4a": "An M4A file"}


@dataclass
class Survey:
    """What the first pass found: samples per channel, the peak of the mix, and how many of its samples exceed
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
        """The factor that brings too loud a sound to full scale. Rare overshoots of a lossy format are left to be
        clipped, as every player does: a whole song is not made softer for a few samples."""
        is_rare = source.is_lossy and self.n_over < RARE * self.n_samples
        return 1.0 if self.peak <= 1.0 or is_rare else 1.0 / self.peak


def most_samples(source: Source) -> int:
    """The maximum length: by the time limit, and by what fits into the WAV file that stores it."""
    by_size = MAX_PCM_BYTES // (2 * min(source.n_channels, 2))
    return min(round(settings().max_audio_seconds * source.sample_rate), by_size)


def read_through(source: Source, on_seconds: Callable[[float], None]) -> Survey:
    """Decode all of it. Raises RejectedFile at the first invalid sample, and at the first beyond the maximum length."""
    survey, most = Survey(), most_samples(source)
    mix = mixing_matrix(source)
    with closing(source.blocks()) as blocks:
        for block in blocks:
            block = tamed(block, source)
            lowest, highest = float(block.min(initial=0.0)), float(block.max(initial=0.0))
            if not -LOUDEST <= lowest <= highest <= LOUDEST:  # NaN is not ≤ anything
                raise _bad_sample(source, survey.n_samples, block)
            survey.n_samples += len(block)
            if survey.n_samples > most:
                raise too_long(source)
            survey.add_peaks(block if mix is None else block @ mix)
            on_seconds(survey.n_samples / source.sample_rate)
    return survey


def tamed(block: Block, source: Source) -> Block:
    """The same block; in a lossy format, what no music can be is clipped or silent: the decoder of a damaged place
    may give any number."""
    if not source.is_lossy or -LOUDEST <= float(block.min(initial=0.0)) <= float(block.max(initial=0.0)) <= LOUDEST:
        return block
    is_wild = ~(np.abs(block) <= LOUDEST)  # NaN is not ≤ anything
    return np.where(is_wild, np.nan_to_num(np.sign(block)), block)


def mixing_matrix(source: Source) -> NDArray[np.float32] | None:
    """Weights (n_channels, 2) to mix more than two channels to stereo; None if there is nothing to mix."""
    return stereo_matrix(source.n_channels, source.channel_order) if source.n_channels > 2 else None


def _bad_sample(source: Source, n_before: int, block: Block) -> RejectedFile:
    """The error for the first sample that is not a number, or far too large; gives its time."""
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(block) <= LOUDEST)
    row = int(np.argmax(bad.any(axis=1)))
    value = float(block[row][bad[row]][0])
    time = (n_before + row) / source.sample_rate
    if np.isfinite(value):
        rule = f"Samples of a float file must not exceed {LOUDEST:g} (full scale is 1)"
        return RejectedFile(
            sentence(rule, f"{value:.4g} at {time:.2f} s", "Export it at a lower level."), code="too_loud"
        )
    what = "NaN" if np.isnan(value) else "infinity"
    return RejectedFile(
        sentence(
            "Every sample must be a finite number", f"{what} at {time:.2f} s", "Repair that place and export it again."
        ),
        code="not_finite",
    )


def too_long(source: Source) -> RejectedFile:
    """The error for a file that exceeds the maximum length."""
    most = most_samples(source) / source.sample_rate
    remedy = "Cut it into parts, or raise MUSICGEN_MAX_AUDIO_SECONDS."
    if most < settings().max_audio_seconds - 1:  # the limit is the size of a WAV file
        remedy = "Cut it into parts, or convert it to 44,100 Hz."
    return RejectedFile(
        sentence(f"A song may have at most {_clock(most)} of sound", "more than that", remedy), code="too_long"
    )


def check_length(source: Source, survey: Survey) -> None:
    """Raises RejectedFile if too little could be decoded."""
    seconds, least = survey.n_samples / source.sample_rate, settings().min_audio_seconds
    if seconds >= least:
        return
    if not survey.n_samples and source.problem:
        rule = f"{NAMES[source.format]} must be decodable"
        raise RejectedFile(sentence(rule, source.problem, AGAIN), code="damaged")
    received, remedy = f"{shown_seconds(seconds)} s", "Add a longer one."
    if source.problem or missing_seconds(source, survey):
        received, remedy = f"{shown_seconds(seconds)} s before the file breaks off", AGAIN
    raise RejectedFile(sentence(f"A song must have at least {least:g} s of sound", received, remedy), code="too_short")


def missing_seconds(source: Source, survey: Survey) -> float:
    """Seconds that the headers announce but that cannot be decoded; 0 if none, or if no credible length is given."""
    missing = ((source.promised or 0) - survey.n_samples) / source.sample_rate
    return missing if source.slack_seconds < missing < INCREDIBLE * settings().max_audio_seconds else 0.0


def shown_seconds(value: float) -> str:
    return f"{value:,.2f}" if value < 10 else f"{value:,.1f}"


def _clock(seconds: float) -> str:
    """7200 → "2 hours"; 5593 → "93 minutes"; 90.5 → "90.5 s"."""
    if seconds >= 3600 and seconds % 3600 == 0:
        hours = int(seconds // 3600)
        return f"{hours} hour{'s' if hours > 1 else ''}"
    return f"{int(seconds // 60)} minutes" if seconds >= 120 else f"{seconds:g} s"
