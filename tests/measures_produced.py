"""What a listener would notice in a song or piece, in numbers: loudness, harmony, beat, onsets, noise, seams.

Nothing here is shared with the approaches that are measured.
"""

from __future__ import annotations

import numpy as np

from musicgen.audio.waveform import Waveform

FLUX_HOP, FLUX_FRAME = 0.004, 0.016  # seconds
BEFORE, AFTER = 0.035, 0.012  # seconds around a joint


def flux(sound: Waveform, hop: float = FLUX_HOP, frame: float = FLUX_FRAME) -> tuple[np.ndarray, np.ndarray]:
    """(how much the logarithmic spectrum rises at each time, the times in seconds)."""
    mono, rate = sound.to_mono().samples[0], sound.sample_rate
    size, step = round(frame * rate), round(hop * rate)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::step] * np.hanning(size)
    logs = np.log10(np.abs(np.fft.rfft(frames)) + 1e-3)
    rise = np.concatenate([[0.0], np.maximum(np.diff(logs, axis=0), 0.0).mean(axis=1)])
    return rise, (np.arange(rise.size) * step + size / 2) / rate


def flux_around(sound: Waveform, times: np.ndarray, before: float = BEFORE, after: float = AFTER) -> np.ndarray:
    """The largest flux near each of the times, (n,)."""
    rise, at = flux(sound)
    return np.array([rise[(at >= time - before) & (at <= time + after)].max() for time in times])


def tempo_near(sound: Waveform, tempo: float) -> float:
    """The tempo of a sound in BPM, between 0.6 and 1.6 times `tempo`: the one at whose first sixteen beats the rises of
    the spectrum are most like themselves, beside what they are between the beats."""
    rise, at = flux(sound)
    centred, step = rise - rise.mean(), float(at[1] - at[0])
    found = np.fft.irfft(np.abs(np.fft.rfft(centred, 2 * centred.size)) ** 2)[: centred.size]
    candidates = tempo * np.exp(np.arange(np.log(0.6), np.log(1.6), 0.0005))
    beats = np.arange(1, 17)
    lags = 60.0 / candidates[:, None] / step
    on = np.interp(lags * beats, np.arange(found.size), found).mean(axis=1)
    between = np.interp(lags * (beats - 0.25), np.arange(found.size), found).mean(axis=1)
    return float(candidates[int(np.argmax(on - between))])


def measured(sound: Waveform) -> dict[str, float]:
    """Loudness, how much it moves, how noisy it is, how often something begins, how much it repeats in time."""
    from musicgen.evaluation.audio import spectral_centroid, spectral_flatness

    mono, rate = sound.to_mono().samples[0], sound.sample_rate
    size = rate // 4
    blocks = mono[: mono.size // size * size].reshape(-1, size)
    level = 10 * np.log10((blocks.astype(np.float64) ** 2).mean(axis=1) + 1e-9)
    rise, at = flux(sound, 0.01, 0.04)
    peaks = np.flatnonzero((rise[1:-1] > rise[:-2]) & (rise[1:-1] >= rise[2:]) & (rise[1:-1] > 0.12)) + 1
    chroma = chroma_path(sound)
    return {
        "rms_db": float(10 * np.log10((mono.astype(np.float64) ** 2).mean() + 1e-12)),
        "rms_range_db": float(np.percentile(level, 90) - np.percentile(level, 10)),
        "rms_step_db": float(np.abs(np.diff(level)).mean()),
        "onset_rate": float(peaks.size / sound.seconds),
        "beat_strength": beat_strength(rise, float(at[1] - at[0])),
        "chroma_step": float(np.linalg.norm(np.diff(chroma, axis=0), axis=1).mean()),
        "flatness": spectral_flatness(sound),
        "centroid": spectral_centroid(sound),
    }


def beat_strength(rise: np.ndarray, step: float) -> float:
    """The highest autocorrelation of the flux between 0.3 and 1.2 s, in stretches of eight seconds."""
    size, found = round(8.0 / step), []
    for first in range(0, max(1, rise.size - size + 1), size // 2):
        part = rise[first : first + size]
        part = part - part.mean()
        alike = np.fft.irfft(np.abs(np.fft.rfft(part, 2 * part.size)) ** 2)[: part.size]
        found.append(alike[round(0.3 / step) : round(1.2 / step)].max() / max(alike[0], 1e-12))
    return float(np.mean(found))


def chroma_path(sound: Waveform) -> np.ndarray:
    """The twelve pitch classes every half second, each row of length 1, (n, 12)."""
    mono, rate = sound.to_mono().samples[0], sound.sample_rate
    size = rate // 2
    frames = mono[: mono.size // size * size].reshape(-1, size) * np.hanning(size)
    power = np.abs(np.fft.rfft(frames))
    frequency = np.fft.rfftfreq(size, 1 / rate)
    used = (frequency > 110) & (frequency < 3_000)
    classes = np.rint(69 + 12 * np.log2(frequency[used] / 440)).astype(int) % 12
    made = np.stack([power[:, used][:, classes == number].sum(axis=1) for number in range(12)], axis=1)
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def chroma_likeness(one: Waveform, other: Waveform) -> float:
    """Correlation of the mean chroma of two sounds, -1 … 1."""
    return float(np.corrcoef(chroma_path(one).mean(axis=0), chroma_path(other).mean(axis=0))[0, 1])
