"""Small songs for networks to learn from, as approaches see them: made here, held in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.audio.waveform import Waveform
from musicgen.contract.prepared import TrainingSong
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes


@dataclass(frozen=True)
class MemoryClip:
    """What approaches ask of a Clip, without files."""

    content: Any

    @property
    def medium(self) -> str:
        return "audio" if isinstance(self.content, Waveform) else "midi"

    @property
    def seconds(self) -> float:
        return self.content.seconds

    def waveform(self, start_seconds: float = 0.0, stop_seconds: float | None = None) -> Waveform:
        rate = self.content.sample_rate
        stop = self.content.n_samples if stop_seconds is None else round(stop_seconds * rate)
        return self.content.between(round(start_seconds * rate), stop)

    def score(self) -> Score:
        return self.content


def song(content: Waveform | Score, number: int = 0, tracks: tuple[int, ...] | None = None) -> TrainingSong:
    return TrainingSong(f"song-{number:012x}", f"song {number}", MemoryClip(content), tracks)  # type: ignore[arg-type]


def plucked(n_samples: int, *, sample_rate: int = 8_000, n_channels: int = 1, seed: int = 0) -> Waveform:
    """Plucked tones of a scale, one every eighth of a second, over a little noise."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(scale=1e-3, size=(n_channels, n_samples))
    step = sample_rate // 8
    for start in range(0, n_samples, step):
        time = np.arange(n_samples - start) / sample_rate
        frequency = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
        tone = sum(np.sin(2 * np.pi * frequency * h * time) * np.exp(-(4 + 2 * h) * time) / h for h in (1, 2, 3))
        samples[:, start:] += np.linspace(0.4, 1.0, n_channels)[:, None] * tone
    return Waveform((0.7 * samples / np.abs(samples).max()).astype(np.float32), sample_rate)


def audio_song(n_samples: int, number: int = 0, **options: Any) -> TrainingSong:
    return song(plucked(n_samples, seed=number, **options), number)


def chords(n_bars: int, seed: int = 0, *, with_drums: bool = False) -> Score:
    """Two hands in C major: a chord a bar in the left, a wandering melody in the right; 480 ticks a beat."""
    rng = np.random.default_rng(seed)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72, 74, 76])
    rows: list[tuple[int, int, int, int, int]] = []
    place = 4
    for bar in range(n_bars):
        root = int(rng.choice([48, 53, 55]))
        rows += [(bar * 1920, 1920, root + third, 60, 1) for third in (0, 4, 7)]
        for onset in range(0, 1920, 480) if bar % 2 else range(0, 1920, 240):
            place = int(np.clip(place + rng.integers(-2, 3), 0, len(scale) - 1))
            rows.append((bar * 1920 + onset, 480 if bar % 2 else 240, int(scale[place]), 80, 0))
        if with_drums:
            rows += [(bar * 1920 + beat * 480, 120, 36, 100, 2) for beat in range(4)]
    columns = np.array(rows).T
    tracks = (Track("Right", 0), Track("Left", 0), Track("Drums", 0, is_drum=True))
    return Score(make_notes(*columns), 480, tracks, (TempoChange(0, 100.0),), (TimeSignature(0, 4, 4),))


def melody(pitches: list[int], *, ticks: int = 480) -> Score:
    """One voice, a note a beat."""
    return Score(make_notes(np.arange(len(pitches)) * ticks, ticks, pitches, 80), 480)


def midi_song(n_bars: int, number: int = 0, **options: Any) -> TrainingSong:
    return song(chords(n_bars, seed=number, **options), number)
