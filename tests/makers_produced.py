"""Songs as a producer would make them, composed and synthesised here: bass, pads, drums, a lead that sings, and a
pianist who takes time. Nothing is recorded, and nothing is third-party music.

The truth is known: when each beat begins, and the tempo.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve, lfilter

from musicgen.audio.waveform import Waveform

SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
CHORDS = {"verse": (0, 5, 3, 4), "chorus": (3, 4, 0, 5)}  # steps of the scale, one a bar
FORM = ("verse", "verse", "chorus", "verse", "chorus", "chorus")  # four bars each
VOWELS = ((700.0, 1_150.0), (400.0, 1_900.0), (350.0, 800.0))  # Hz, two formants each


@dataclass(frozen=True)
class Produced:
    """A song, and what is true of it. `beats`: seconds. `tempo`: BPM; 0 for a free one."""

    sound: Waveform
    beats: np.ndarray
    tempo: float


def band_song(
    *, tempo: float = 118.0, seconds: float = 60.0, key: int = 0, sample_rate: int = 44_100, seed: int = 0
) -> Produced:
    """Drums, bass, pads and a lead like a voice, in 4/4, in stereo."""
    return _steady(tempo, seconds, key, sample_rate, seed, with_drums=True, with_voice=True)


def synth_song(
    *, tempo: float = 87.0, seconds: float = 60.0, key: int = 7, sample_rate: int = 44_100, seed: int = 1
) -> Produced:
    """Bass, pads and an arpeggio without drums, in 4/4, in stereo."""
    return _steady(tempo, seconds, key, sample_rate, seed, with_drums=False, with_voice=False)


def rubato_song(*, seconds: float = 60.0, sample_rate: int = 44_100, seed: int = 2) -> Produced:
    """A piano alone: broken chords and a tune whose tempo wanders by a third, with pauses at the ends of phrases."""
    rng = np.random.default_rng(seed)
    gaps, pace = [], 0.0
    while sum(gaps) < seconds - 3.0:
        pace = float(np.clip(0.8 * pace + rng.normal(scale=0.16), -0.45, 0.45))
        gaps.append(0.62 * np.exp(pace + rng.normal(scale=0.08)) * (1.9 if len(gaps) % 8 == 7 else 1.0))
    beats = 0.5 + np.concatenate([[0.0], np.cumsum(gaps)])
    mix = np.zeros((2, round(seconds * sample_rate)))
    place = 7
    for number, (start, stop) in enumerate(itertools.pairwise(beats)):
        root = CHORDS["verse"][number // 4 % 4]
        for step, share in ((0, 0.0), (2, 0.31 + 0.05 * rng.random()), (4, 0.62 + 0.08 * rng.random())):
            at = start + share * (stop - start)
            _add(mix, at, _piano(_pitch(root + step, 48), 1.6, sample_rate), 0.16 * rng.uniform(0.7, 1), sample_rate)
        if rng.random() < 0.8:
            place = int(np.clip(place + rng.integers(-2, 3), 3, 12))
            _add(mix, start, _piano(_pitch(place, 60), 2.2, sample_rate), 0.3 * rng.uniform(0.6, 1), sample_rate)
    return Produced(_mastered(mix, rng, sample_rate), beats, 0.0)


def _steady(
    tempo: float, seconds: float, key: int, rate: int, seed: int, *, with_drums: bool, with_voice: bool
) -> Produced:
    rng = np.random.default_rng(seed)
    beat = 60.0 / tempo
    n_bars = int((seconds - 1.0) / (4 * beat))
    mix, place = np.zeros((2, round(seconds * rate))), 9
    for bar in range(n_bars):
        section, start = FORM[bar // 4 % len(FORM)], 0.25 + bar * 4 * beat
        root = CHORDS[section][bar % 4]
        chord = [_pitch(root + step, 60 + key) for step in (0, 2, 4)]
        gain = 1.0 if section == "chorus" else 0.8
        _add(mix, start, _pad(chord, 4 * beat, rate), 0.10 * gain, rate)
        for number, length in ((0, 1.5), (1.5, 0.5), (2, 1.0), (3, 0.5), (3.5, 0.5)):
            _add(mix, start + number * beat, _bass(_pitch(root, 36 + key), length * beat, rate), 0.3 * gain, rate)
        if with_drums:
            _drums(mix, start, beat, rng, rate, gain)
        if with_voice:
            place = _verse_line(mix, start, beat, rng, rate, root, place, key, is_rest=bar % 4 == 3)
        else:
            for number in range(8):
                note = _pitch(root + (0, 2, 4, 7)[(number * 3 + bar) % 4], 72 + key)
                _add(mix, start + number * beat / 2, _pluck(note, 0.5, rate), 0.2 * rng.uniform(0.7, 1), rate)
    return Produced(_mastered(mix, rng, rate), 0.25 + beat * np.arange(4 * n_bars), tempo)


def _verse_line(mix, start, beat, rng, rate, root, place, key, *, is_rest) -> int:
    """A line of the lead in one bar; returns where it ends."""
    at = 0.0
    while at < (2.0 if is_rest else 4.0):
        length = float(rng.choice([0.5, 1.0, 1.0, 1.5]))
        place = int(np.clip(place + rng.integers(-2, 3), 4, 13))
        note = root + 2 * ((place - root + 1) // 2) if at % 2 == 0 else place
        vowel = VOWELS[int(rng.integers(len(VOWELS)))]
        _add(mix, start + at * beat, _voice(_pitch(note, 57 + key), length * beat, vowel, rate), 0.3, rate)
        at += length
    return place


def _pitch(step: int, base: int) -> float:
    """MIDI pitch of a step of the scale."""
    return float(base + 12 * (step // 7) + SCALE[step % 7])


def _frequency(pitch: float) -> float:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _add(mix: np.ndarray, seconds: float, sound: np.ndarray, gain: float, rate: int) -> None:
    first = round(seconds * rate)
    stop = min(first + sound.shape[-1], mix.shape[1])
    if stop > first:
        mix[:, first:stop] += gain * np.atleast_2d(sound)[:, : stop - first]


def _shape(size: int, rate: int, attack: float, decay: float) -> np.ndarray:
    time = np.arange(size) / rate
    made = np.minimum(time / attack, 1.0) * np.exp(-time / decay)
    ending = min(size, rate // 100)
    made[size - ending :] *= np.linspace(1.0, 0.0, ending)
    return made


def _harmonics(frequency: float, size: int, rate: int, slope: float, most: int) -> np.ndarray:
    phase = 2 * np.pi * frequency * np.arange(size) / rate
    count = max(1, min(most, int(0.45 * rate / frequency)))
    return np.sum([np.sin(n * phase) / n**slope for n in range(1, count + 1)], axis=0)


def _piano(pitch: float, seconds: float, rate: int) -> np.ndarray:
    size, frequency = round(seconds * rate), _frequency(pitch)
    time, made = np.arange(size) / rate, np.zeros(size)
    for n in range(1, 9):
        if n * frequency < 0.45 * rate:
            made += np.sin(2 * np.pi * n * frequency * time) * np.exp(-time * (1.5 + 0.8 * n)) / n**1.2
    return made * _shape(size, rate, 0.003, 5.0)


def _bass(pitch: float, seconds: float, rate: int) -> np.ndarray:
    size = round(0.95 * seconds * rate)
    return _harmonics(_frequency(pitch), size, rate, 1.6, 8) * _shape(size, rate, 0.006, 0.6)


def _pluck(pitch: float, seconds: float, rate: int) -> np.ndarray:
    size = round(seconds * rate)
    return _harmonics(_frequency(pitch), size, rate, 1.5, 10) * _shape(size, rate, 0.003, 0.15)


def _pad(pitches: list[float], seconds: float, rate: int) -> np.ndarray:
    size = round(seconds * rate)
    sides = [sum(_harmonics(_frequency(pitch + d), size, rate, 1.4, 10) for pitch in pitches) for d in (-0.05, 0.05)]
    return np.stack(sides) * _shape(size, rate, 0.15, 4.0)


def _voice(pitch: float, seconds: float, formants: tuple[float, ...], rate: int) -> np.ndarray:
    """A buzz with vibrato through two resonances."""
    size = round(0.97 * seconds * rate)
    time = np.arange(size) / rate
    wobble = 0.006 * np.sin(2 * np.pi * 5.3 * time) * np.minimum(time / 0.3, 1.0)
    phase = 2 * np.pi * np.cumsum(_frequency(pitch) * (1 + wobble)) / rate
    buzz = np.sum([np.sin(n * phase) / n for n in range(1, 16)], axis=0)
    made = 0.15 * buzz
    for centre in formants:
        radius = np.exp(-np.pi * 110.0 / rate)
        made += lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * centre / rate), radius**2], buzz)
    return made * _shape(size, rate, 0.03, 3.0) * 0.3


def _drums(mix: np.ndarray, start: float, beat: float, rng: np.random.Generator, rate: int, gain: float) -> None:
    size = round(0.25 * rate)
    time = np.arange(size) / rate
    for half in range(8):
        at = start + half * beat / 2
        hat = np.diff(rng.standard_normal(size + 1)) * np.exp(-time / 0.018)
        _add(mix, at, hat, (0.07 if half % 2 else 0.05) * gain, rate)
        if half in (0, 4, 5):
            kick = np.sin(2 * np.pi * (50 * time - 2.5 * np.exp(-time / 0.03))) * np.exp(-time / 0.09)
            _add(mix, at, kick, 0.55 * gain, rate)
        elif half in (2, 6):
            snare = rng.standard_normal(size) * np.exp(-time / 0.06) + np.sin(2 * np.pi * 190 * time) * np.exp(
                -time / 0.05
            )
            _add(mix, at, snare, 0.16 * gain, rate)


def _mastered(mix: np.ndarray, rng: np.random.Generator, rate: int) -> Waveform:
    """With a small room, at -1 dB."""
    size = round(0.5 * rate)
    room = rng.standard_normal((2, size)) * np.exp(-np.arange(size) / (0.12 * rate))
    room /= np.sqrt((room**2).sum(axis=1, keepdims=True))
    wet = fftconvolve(mix, room, axes=1)[:, : mix.shape[1]]
    made = mix + 0.2 * wet
    fade = min(made.shape[1], rate // 2)
    made[:, -fade:] *= np.linspace(1.0, 0.0, fade)
    return Waveform((0.89 * made / np.abs(made).max()).astype(np.float32), rate)
