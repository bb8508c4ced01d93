"""A short piece for synthesiser, composed and synthesised by the program: oscillators, noise, echo and reverberation.

Everything is made from NumPy arrays and a seed: no samples, no sound font, no recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.symbolic.pitches import pitch_to_frequency

Mono = NDArray[np.float64]
Stereo = NDArray[np.float64]  # shape (2, n_samples)
Chord = tuple[int, ...]  # pitches, MIDI numbers

TEMPO = 96.0
PEAK = 10 ** (-1 / 20)  # -1 dBFS
CHORDS: tuple[Chord, ...] = (
    (57, 60, 64, 67),
    (53, 57, 60, 64),
    (48, 55, 60, 64),
    (55, 59, 62, 65),
)  # Am7, Fmaj7, C, G7
_NUM_BARS = 9
_TAIL_SECONDS = 2.5


def synth_study(
    seed: int = 0, *, sample_rate: int = 44_100, tempo: float = TEMPO, chords: Sequence[Chord] = CHORDS
) -> Waveform:
    """About 25 seconds of stereo: pad, bass, arpeggio with echo, drums. The same arguments give the same samples.

    Args:
        tempo: BPM. chords: the pitches of each, the root first; one chord a bar, again and again; at least one.
    """
    generator = np.random.default_rng(seed)
    bar = round(4 * 60 / tempo * sample_rate)
    mix = np.zeros((2, bar * _NUM_BARS + round(_TAIL_SECONDS * sample_rate)))
    dry = np.zeros_like(mix)
    for index in range(_NUM_BARS):
        chord = chords[index % len(chords)] if index < _NUM_BARS - 1 else chords[0]
        start, is_last = index * bar, index == _NUM_BARS - 1
        _add(mix, start, _pad(chord, bar * (2 if is_last else 1), sample_rate), 0.16)
        _add(dry, start, _centred(_bass(chord[0] - 24, bar, sample_rate)), 0.32)
        if not is_last:
            _add(mix, start, _arpeggio(generator, chord, bar, sample_rate, is_busy=index >= 2), 0.15)
        if 2 <= index < _NUM_BARS - 1:
            _add(dry, start, _drums(generator, bar, sample_rate), 0.5)
    wet = _reverberated(_echoed(mix, bar * 3 // 16), generator, sample_rate)
    sound = dry + mix + 0.35 * wet
    sound *= PEAK / np.abs(sound).max()
    fade = min(sample_rate, sound.shape[1])
    sound[:, -fade:] *= np.linspace(1.0, 0.0, fade)
    return Waveform(sound.astype(np.float32), sample_rate)


def _add(mix: Stereo, start: int, sound: Stereo, level: float) -> None:
    stop = min(start + sound.shape[1], mix.shape[1])
    mix[:, start:stop] += level * sound[:, : stop - start]


def _centred(sound: Mono) -> Stereo:
    return np.stack([sound, sound])


def _envelope(n_samples: int, attack: float, decay: float, sample_rate: int) -> Mono:
    """Linear rise over `attack` seconds, then exponential fall with time constant `decay`; ends at zero."""
    time = np.arange(n_samples) / sample_rate
    shape = np.minimum(time / max(attack, 1e-4), 1.0) * np.exp(-np.maximum(time - attack, 0.0) / decay)
    ending = min(n_samples, sample_rate // 100)
    shape[n_samples - ending :] *= np.linspace(1.0, 0.0, ending)
    return shape


def _tone(frequency: float, n_samples: int, sample_rate: int, *, brightness: float) -> Mono:
    """A saw-like tone whose harmonics stay below 0.45 of the sample rate, so that none of them aliases."""
    cycle = _cycle(max(1, min(24, int(0.45 * sample_rate / frequency))), brightness)
    phase = np.arange(n_samples) * (frequency / sample_rate * len(cycle))
    return cycle[phase.astype(np.int64) & (len(cycle) - 1)]


@lru_cache
def _cycle(num_harmonics: int, brightness: float) -> Mono:
    """One period in 16,384 steps; harmonic n has the amplitude n^(-1/brightness)."""
    phase = 2 * np.pi * np.arange(1 << 14) / (1 << 14)
    return np.sum([np.sin(n * phase) * n ** (-1 / brightness) for n in range(1, num_harmonics + 1)], axis=0)


def _pad(chord: tuple[int, ...], n_samples: int, sample_rate: int) -> Stereo:
    """Doubles each voice, slightly flat on the left and slightly sharp on the right."""
    shape = _envelope(n_samples, 0.35, 3.0, sample_rate)
    sides = [
        sum(_tone(pitch_to_frequency(pitch + detune), n_samples, sample_rate, brightness=0.6) for pitch in chord)
        for detune in (-0.06, 0.06)
    ]
    return np.stack(sides) * shape


def _bass(pitch: int, n_samples: int, sample_rate: int) -> Mono:
    """Long, short, short: the root on one, after three and on four."""
    beat = n_samples // 4
    sound = np.zeros(n_samples)
    for start, length in ((0, beat * 2), (beat * 5 // 2, beat // 2), (beat * 3, beat)):
        tone = _tone(pitch_to_frequency(pitch), length, sample_rate, brightness=0.7)
        sound[start : start + length] += tone * _envelope(length, 0.01, 0.5, sample_rate)
    return sound


def _arpeggio(
    generator: np.random.Generator, chord: tuple[int, ...], n_samples: int, sample_rate: int, *, is_busy: bool
) -> Stereo:
    """Eighths, later sixteenths: an arpeggio an octave up that pans from side to side."""
    count = 16 if is_busy else 8
    step = n_samples // count
    tones = [pitch + 12 * octave for octave in (1, 2) for pitch in chord]
    place = int(generator.integers(len(tones)))
    sound = np.zeros((2, n_samples))
    for index in range(count):
        place = int(np.clip(place + generator.choice((-2, -1, 1, 2)), 0, len(tones) - 1))
        length = min(step * 3, n_samples - index * step)
        tone = _tone(pitch_to_frequency(tones[place]), length, sample_rate, brightness=0.4)
        tone *= _envelope(length, 0.004, 0.16, sample_rate) * generator.uniform(0.7, 1.0)
        right = 0.5 + 0.4 * np.sin(2 * np.pi * index / 8)
        sound[:, index * step : index * step + length] += np.sqrt([[1 - right], [right]]) * tone
    return sound


def _drums(generator: np.random.Generator, n_samples: int, sample_rate: int) -> Stereo:
    """Bass drum on one and three, brushed noise on two and four, a closed hi-hat on the eighths."""
    beat = n_samples // 4
    sound = np.zeros((2, n_samples))
    for index in range(8):
        start, length = index * beat // 2, beat // 2
        time = np.arange(length) / sample_rate
        noise = np.diff(generator.standard_normal((2, length + 1)))  # the difference removes the low frequencies
        sound[:, start : start + length] += noise * np.exp(-time / 0.02) * (0.06 if index % 2 else 0.04)
        if index in (0, 4):
            sweep = 2 * np.pi * (48 * time - 60 * 0.04 * np.exp(-time / 0.04))
            sound[:, start : start + length] += np.sin(sweep) * np.exp(-time / 0.12)
        elif index in (2, 6):
            sound[:, start : start + length] += generator.standard_normal((2, length)) * np.exp(-time / 0.06) * 0.12
    return sound


def _echoed(sound: Stereo, delay: int) -> Stereo:
    """Echoes that alternate sides, each at half the level of the one before."""
    echoes = np.zeros_like(sound)
    source = sound
    for number in range(1, 5):
        source = 0.5 * source[::-1]
        echoes[:, number * delay :] += source[:, : sound.shape[1] - number * delay]
    return echoes + sound


def _reverberated(sound: Stereo, generator: np.random.Generator, sample_rate: int) -> Stereo:
    """Convolution with two seconds of decaying noise, different on each side."""
    n_room = 2 * sample_rate
    room = generator.standard_normal((2, n_room)) * np.exp(-np.arange(n_room) / (0.45 * sample_rate))
    room /= np.sqrt(np.sum(room**2, axis=1, keepdims=True))
    n_fft = 1 << (sound.shape[1] + n_room - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, n_fft) * np.fft.rfft(room, n_fft), n_fft)
    return wet[:, : sound.shape[1]]
