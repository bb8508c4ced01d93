"""Songs split into training and held-out music, in network units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.approaches.amplitude_lstm.codec import (
    AmplitudeCodec,
    Samples,
    fit_channels,
    to_units,
)
from musicgen.audio.resampling import resample
from musicgen.audio.waveform import PCM16_PEAK, Waveform
from musicgen.contract.prepared import TrainingSong
from musicgen.contract.refusals import only_silence, require_songs

SILENT = 1e-6  # an RMS below this (-120 dB) is silence


@dataclass(frozen=True)
class Cut:
    """Which part of a song is trained on and which is held out, in seconds or in samples.

    Attributes:
        samples: train on this many from the start and hold out the next `held_out_samples`; 0: use the seconds.
        gap: samples left out between the two.
        seconds: at most this much of a song is used; the last `held_out_share` of it is held out.
    """

    samples: int
    held_out_samples: int
    gap: int
    seconds: float
    held_out_share: float

    def spans(self, n_samples: int, sample_rate: int) -> tuple[slice, slice]:
        """(training, held out) of a song with this many samples."""
        if self.samples:
            start = self.samples + self.gap
            return slice(0, min(self.samples, n_samples)), slice(start, min(start + self.held_out_samples, n_samples))
        used = min(n_samples, round(self.seconds * sample_rate))
        split = used - round(self.held_out_share * used)
        return slice(0, split), slice(split, used)

    def longest(self, sample_rate: int) -> float:
        """Seconds of a song that are read at most."""
        return (self.samples + self.gap + self.held_out_samples) / sample_rate if self.samples else self.seconds


@dataclass(frozen=True)
class Heard:
    """The songs at one sample rate and with one number of channels."""

    waveforms: tuple[Waveform, ...]
    warnings: tuple[str, ...]

    @property
    def sample_rate(self) -> int:
        return self.waveforms[0].sample_rate

    @property
    def n_channels(self) -> int:
        return self.waveforms[0].n_channels


def hear(songs: Sequence[TrainingSong], cut: Cut, *, sample_rate: int, channels: str) -> Heard:
    """Read the part of each song that is used. `sample_rate` 0: the most common one; `channels`: source or mono."""
    require_songs(songs)
    wave_rates = [song.clip.waveform(0.0, 0.0).sample_rate for song in songs]
    rate = sample_rate or Counter(wave_rates).most_common(1)[0][0]
    warnings = []
    if not sample_rate and len(set(wave_rates)) > 1:
        listed = ", ".join(f"{each:,} Hz" for each in sorted(set(wave_rates)))
        warnings.append(f"The songs have different sample rates ({listed}); all are converted to {rate:,} Hz.")
    # A little more than is used, so that the edge of the resampler lies outside.
    waveforms = [resample(song.clip.waveform(0.0, cut.longest(rate) + 0.1), rate) for song in songs]
    n_channels = 1 if channels == "mono" else max(waveform.n_channels for waveform in waveforms)
    if channels == "source" and len({waveform.n_channels for waveform in waveforms}) > 1:
        warnings.append("Mono songs are copied to both channels, because other songs are stereo.")
    return Heard(tuple(fit_channels(waveform, n_channels) for waveform in waveforms), tuple(warnings))


def make_codec(heard: Heard, cut: Cut, *, scale: str) -> AmplitudeCodec:
    """Scale and levels from the training parts of the songs. Raises InvalidInput for silence."""
    parts = [heard.waveforms[i].samples[:, span] for i, span in enumerate(training_spans(heard, cut))]
    n_samples = sum(part.shape[1] for part in parts)
    level = np.sqrt(sum((part.astype(np.float64) ** 2).sum(axis=1) for part in parts) / max(1, n_samples))
    if n_samples and level.max() < SILENT:
        raise only_silence(n_samples)
    peak = max((float(np.abs(part).max(initial=0.0)) for part in parts), default=1.0)
    factor = {"int16": float(PCM16_PEAK), "rms": 1 / max(float(level.max()), SILENT), "peak": 1 / max(peak, SILENT)}
    return AmplitudeCodec(heard.sample_rate, heard.n_channels, factor[scale], tuple(level.tolist()))


def training_spans(heard: Heard, cut: Cut) -> list[slice]:
    return [cut.spans(waveform.n_samples, heard.sample_rate)[0] for waveform in heard.waveforms]


def stretches(heard: Heard, cut: Cut, codec: AmplitudeCodec) -> tuple[list[Samples], list[Samples]]:
    """(training, held out) parts of the songs in network units, each (n_channels, n_samples)."""
    spans = [cut.spans(waveform.n_samples, heard.sample_rate) for waveform in heard.waveforms]
    units = [to_units(waveform, codec.scale) for waveform in heard.waveforms]
    return (
        [values[:, train] for values, (train, _) in zip(units, spans, strict=True)],
        [values[:, held_out] for values, (_, held_out) in zip(units, spans, strict=True)],
    )
