"""Makes excerpts equally loud and writes them so that no file tells which is which. Children only.

Every file has the same length, format and level. Its dither is random, so two files with the same excerpt differ, byte
for byte, like any other two: also in their stamp, the hash of their sound, by which a browser addresses them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.loudness import measure_loudness
from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import PCM16_PEAK, Waveform
from musicgen.errors import InvalidInput, sentence

FADE_SECONDS = 0.03
LOUDEST_LUFS, SILENT_LUFS = -16.0, -70.0
PEAK_DB = -1.0  # of full scale; no excerpt is louder


def faded(sound: Waveform) -> Waveform:
    """The sound without a constant offset, with a raised-cosine fade of 30 ms at both ends."""
    n_fade = min(round(FADE_SECONDS * sound.sample_rate), sound.n_samples // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n_fade) + 0.5) / max(n_fade, 1))).astype(np.float32)
    gain = np.ones(sound.n_samples, np.float32)
    gain[:n_fade] = ramp
    gain[sound.n_samples - n_fade :] = ramp[::-1]
    centred = np.clip(sound.samples - sound.samples.mean(axis=1, keepdims=True), -1.0, 1.0)
    return Waveform(centred * gain, sound.sample_rate)


def equally_loud(sounds: Sequence[Waveform]) -> tuple[list[Waveform], float]:
    """All at one loudness, and that loudness in LUFS: the highest up to -16 at which no peak is above -1 dB.

    Raises InvalidInput if one is silent, which has no loudness."""
    measured = [measure_loudness(sound) for sound in sounds]
    if n_silent := sum(each.lufs <= SILENT_LUFS for each in measured):
        rule, remedy = "Every excerpt must be audible", "Choose longer excerpts, or another piece."
        raise InvalidInput(sentence(rule, f"{n_silent} silent ones", remedy), code="silent")
    target = min(LOUDEST_LUFS, *(each.lufs + PEAK_DB - each.peak_db for each in measured))
    gains = [np.float32(10 ** ((target - each.lufs) / 20)) for each in measured]
    return [
        Waveform(sound.samples * gain, sound.sample_rate) for sound, gain in zip(sounds, gains, strict=True)
    ], target


def anonymous_wav(sound: Waveform, rng: np.random.Generator) -> bytes:
    """A WAV file whose bytes say nothing about where the sound is from."""
    noise = rng.uniform(-0.5, 0.5, (2, *sound.samples.shape)).sum(axis=0) / PCM16_PEAK  # triangular dither of 16 bits
    dithered: NDArray[np.float32] = np.clip(sound.samples + noise, -1.0, 1.0).astype(np.float32)
    return wav_bytes(Waveform(dithered, sound.sample_rate))
