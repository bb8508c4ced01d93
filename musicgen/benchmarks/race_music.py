"""Songs to measure with: pieces that the program composes itself, transposed until there are enough."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musicgen.contract.prepared import TrainingSong

if TYPE_CHECKING:
    from musicgen.audio.waveform import Waveform
    from musicgen.symbolic.score import Score


@cache
def composed() -> Score:
    """Some minutes of ground bass."""
    from musicgen.songs.composed import ground_bass_variations

    return ground_bass_variations()


def written(folder: Path, count: int) -> list[TrainingSong]:
    """`count` distinct songs as notes, their clips below `folder`."""
    from musicgen.clips import write_score_clip

    score, songs = composed(), []
    for number in range(count):
        notes = score.notes.copy()
        notes["pitch"] += np.uint8(number % 12)
        notes["velocity"] = np.clip(notes["velocity"].astype(int) - number // 12, 1, 127)
        clip = write_score_clip(folder / f"written-{number}", replace(score, notes=notes))
        songs.append(TrainingSong(f"song-{number:012d}", f"written {number}", clip))
    return songs


def sounding(folder: Path, count: int, seconds: float, sample_rate: int = 22_050) -> list[TrainingSong]:
    """`count` songs of sound: five tones a second, each with decaying overtones."""
    from musicgen.clips import write_audio_clip

    songs = []
    for number in range(count):
        clip = write_audio_clip(folder / f"sounding-{number}", _tones(number, seconds, sample_rate))
        songs.append(TrainingSong(f"song-{number + 500:012d}", f"sounding {number}", clip))
    return songs


def _tones(seed: int, seconds: float, sample_rate: int) -> Waveform:
    from musicgen.audio.waveform import Waveform

    rng = np.random.default_rng(seed)
    within = np.arange(sample_rate // 5) / sample_rate
    tones = []
    for _ in range(round(seconds * 5)):
        pitch = 220.0 * 2 ** (rng.integers(24) / 12)
        partials = [np.sin(2 * np.pi * pitch * k * within) / k for k in (1, 2, 3) if pitch * k < sample_rate / 2]
        tones.append(0.3 * np.exp(-6 * within) * np.sum(partials, axis=0))
    samples = np.concatenate(tones) + rng.normal(0, 1e-3, round(seconds * 5) * within.size)
    return Waveform(samples[None].astype(np.float32), sample_rate)
