"""Excerpts of recorded sound. Children only: reads whole clips, block by block, and resamples.

What is levelled: all excerpts get the lowest sample rate of the pieces (a lower one sounds duller, so the rate alone
would tell them apart); if that takes resampling, all lose the top tenth of the frequencies, where its filter acts; and
all get one channel if any piece has only one or more than two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.resampling import resample
from musicgen.audio.wav import WavInfo, read_wav, wav_info
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip
from musicgen.listening.excerpts import Ground

FRAME_SECONDS = 0.05
AUDIBLE_DB = -50.0  # of the loudest frame of the piece: anything softer counts as silence
AUDIBLE_SHARE = 0.6  # of an excerpt that must be audible
EDGE_SECONDS = 1.0  # left out after the first and before the last audible moment, where pieces begin and die away
AROUND_SECONDS = 0.05  # read on both sides of an excerpt, so that the resampling filter does not start inside it
DULLED_ABOVE = 0.9  # of the Nyquist frequency; resampling leaves what is below 0.91 of it as it is
FILTER_ORDER, FILTER_DB = 12, 60.0
FRAMES_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Format:
    """What all excerpts of a test have in common. `is_dulled`: whether they lose the highest frequencies."""

    sample_rate: int
    n_channels: int
    is_dulled: bool


@dataclass(frozen=True)
class SoundPiece:
    """The sound of a clip, and which of its frames are audible."""

    clip: Clip
    info: WavInfo
    is_audible: NDArray[np.bool_]

    def ground(self, seconds: float, skipped_seconds: float) -> Ground:
        """Where excerpts of this length may lie, in seconds; never in the first `skipped_seconds`."""

        def is_heard(start: float) -> bool:
            frames = self.is_audible[int(start / FRAME_SECONDS) : int((start + seconds) / FRAME_SECONDS) + 1]
            return bool(frames.size and frames.mean() >= AUDIBLE_SHARE)

        heard = np.flatnonzero(self.is_audible)
        if not heard.size:
            return Ground(0.0, 0.0, seconds, lambda start: start, is_heard)
        first = max(float(heard[0]) * FRAME_SECONDS + EDGE_SECONDS, skipped_seconds)
        last = (float(heard[-1]) + 1) * FRAME_SECONDS - EDGE_SECONDS
        return Ground(first, last, seconds, lambda start: start, is_heard)


def open_sound(clip: Clip) -> SoundPiece:
    """Find out where a clip is audible; memory does not grow with its length."""
    info = wav_info(clip.audio_path)
    frame = max(round(FRAME_SECONDS * info.sample_rate), 1)
    at_once = max(FRAMES_AT_ONCE // frame, 1) * frame
    powers = [
        _powers(read_wav(clip.audio_path, start, start + at_once).samples, frame)
        for start in range(0, info.n_samples, at_once)
    ]
    power = np.concatenate([*powers, np.zeros(0)])
    limit = power.max(initial=0.0) * 10 ** (AUDIBLE_DB / 10)
    return SoundPiece(clip, info, (power > limit) & (power > 0))


def _powers(samples: NDArray[np.float32], frame: int) -> NDArray[np.float64]:
    power = np.square(samples, dtype=np.float64).mean(axis=0)
    padded = np.pad(power, (0, -power.size % frame))
    return padded.reshape(-1, frame).mean(axis=1)


def common_format(pieces: Sequence[SoundPiece]) -> Format:
    """The lowest sample rate; two channels only if every piece has two."""
    n_channels = 2 if all(piece.info.n_channels == 2 for piece in pieces) else 1
    rates = {piece.info.sample_rate for piece in pieces}
    return Format(min(rates), n_channels, len(rates) > 1)


def cut(piece: SoundPiece, start: float, seconds: float, format: Format) -> Waveform:
    """One excerpt, exactly `round(seconds * sample_rate)` samples long."""
    before = min(AROUND_SECONDS, start)
    read = piece.clip.waveform(start - before, start + seconds + AROUND_SECONDS)
    if format.n_channels == 1:
        read = read.to_mono()
    sound = resample(read, format.sample_rate)
    if format.is_dulled:
        sound = _dulled(sound)
    first, n_samples = round(before * format.sample_rate), round(seconds * format.sample_rate)
    samples = sound.samples[:, first : first + n_samples]
    return Waveform(np.pad(samples, ((0, 0), (0, n_samples - samples.shape[1]))), format.sample_rate)


def _dulled(sound: Waveform) -> Waveform:
    """Without anything above 0.9 of the Nyquist frequency, forwards and backwards so that nothing is delayed."""
    from scipy.signal import cheby2, sosfiltfilt

    sections = cheby2(FILTER_ORDER, FILTER_DB, DULLED_ABOVE, output="sos")
    filtered = sosfiltfilt(sections, sound.samples.astype(np.float64), axis=1, padtype=None)
    return Waveform(np.clip(filtered, -1.0, 1.0).astype(np.float32), sound.sample_rate)
