"""Sounds that are bad on purpose, made from good ones, to see whether each is named. Children and scripts only.

Every maker takes the songs of a run, one more piece of their kind, and a generator of random numbers; all sounds are
in mono and have one sample rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform

Sound = NDArray[np.float32]
Maker = Callable[[Sequence[Waveform], Waveform, np.random.Generator], Waveform]
CHORD = (0, 4, 7, 12)
ENVELOPE_SECONDS = 0.02
HIGH_HISS_HZ = 3_000.0
HISS_COLOUR_HZ = 200.0  # the noise follows the spectrum of the piece, but not its tones


def drone_with_hiss(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """What a network for raw sound falls into: one tone with its harmonics, swelling a little, under noise."""
    time = np.arange(piece.n_samples) / piece.sample_rate
    tone = _chord(time, float(rng.uniform(90, 250)), (0,))
    swell = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.2, 2.0) * time + rng.uniform(0, 6))
    hiss = rng.uniform(0.02, 0.2) * rng.normal(size=time.size)
    return _like(piece, swell * tone + hiss)


def one_chord_in_rhythm(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """The loudness of the piece, on one chord."""
    time = np.arange(piece.n_samples) / piece.sample_rate
    return _like(piece, _chord(time, float(rng.uniform(110, 330)), CHORD) * _loudness(piece))


def held_chord(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """One chord to the end."""
    time = np.arange(piece.n_samples) / piece.sample_rate
    return _like(piece, _chord(time, float(rng.uniform(110, 330)), CHORD))


def frozen(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """A fifth of a second of the piece, with ever new phases, in the loudness of the piece."""
    length = round(0.2 * piece.sample_rate)
    start = int(rng.integers(0, piece.n_samples - length))
    spectrum = np.abs(np.fft.rfft(piece.samples[0, start : start + length], piece.n_samples))
    phases = np.exp(2j * np.pi * rng.random(spectrum.size))
    return _like(piece, np.fft.irfft(spectrum * phases, piece.n_samples) * _loudness(piece))


def noise_in_rhythm(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """The loudness of the piece, on noise."""
    return _like(piece, rng.normal(size=piece.n_samples) * _loudness(piece))


def loop(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """One to three seconds again and again."""
    length = round(rng.uniform(1.0, 3.0) * piece.sample_rate)
    start = int(rng.integers(0, piece.n_samples - length))
    return _like(piece, np.resize(piece.samples[0, start : start + length], piece.n_samples))


def hiss(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """The piece under noise that is 6 to 10 dB softer: white, high, or of the colour of the piece."""
    samples = piece.samples[0].astype(np.float64)
    frequency = np.fft.rfftfreq(samples.size, 1 / piece.sample_rate)
    width = max(round(HISS_COLOUR_HZ * samples.size / piece.sample_rate), 1)
    power = np.abs(np.fft.rfft(samples)) ** 2
    own = np.sqrt(np.convolve(power, np.full(width, 1 / width), "same"))
    colours = (np.ones(frequency.size), (frequency > HIGH_HISS_HZ).astype(float), own)
    colour = colours[int(rng.integers(len(colours)))]
    noise = np.fft.irfft(np.fft.rfft(rng.normal(size=samples.size)) * colour, samples.size)
    noise *= samples.std() / max(float(noise.std()), 1e-9) * 10 ** (-rng.uniform(6, 10) / 20)
    return _like(piece, samples + noise)


def holes(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """A third of the time is silent, in stretches of a second or two; each begins and ends softly."""
    samples = piece.samples[0].copy()
    for start in np.arange(1.0, piece.seconds - 2.0, 4.5):
        first = round(start * piece.sample_rate)
        last = first + round(rng.uniform(1.2, 2.0) * piece.sample_rate)
        fade = round(0.02 * piece.sample_rate)
        samples[first : first + fade] *= np.linspace(1, 0, samples[first : first + fade].size, dtype=np.float32)
        samples[first + fade : last] = 0
        samples[last : last + fade] *= np.linspace(0, 1, samples[last : last + fade].size, dtype=np.float32)
    return Waveform(samples[None], piece.sample_rate)


def hard_joints(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """Pieces of half a second to two, in another order, joined as they are."""
    cuts = np.cumsum(rng.uniform(0.5, 2.0, int(piece.seconds))) * piece.sample_rate
    parts = np.split(piece.samples[0], cuts[cuts < piece.n_samples].astype(int))
    return Waveform(np.concatenate([parts[index] for index in rng.permutation(len(parts))])[None], piece.sample_rate)


def clicks(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """Every second, a few samples are lost."""
    samples = piece.samples[0].copy()
    level = max(float(np.abs(samples).max()), 1e-3)
    for second in range(1, int(piece.seconds)):
        at = int((second + rng.uniform(0, 0.9)) * piece.sample_rate)
        samples[at : at + 3] = rng.choice([-1, 1]) * level * rng.uniform(0.4, 1.0)
    return Waveform(samples[None], piece.sample_rate)


def faint(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """The piece, 26 dB softer."""
    return Waveform(0.05 * piece.samples, piece.sample_rate)


def clipped(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """The piece, far too loud for the file."""
    peak = max(float(np.abs(piece.samples).max()), 1e-9)
    return Waveform(np.clip(5.0 / peak * piece.samples, -1, 1).astype(np.float32), piece.sample_rate)


def copy(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """A song."""
    return songs[int(rng.integers(len(songs)))]


def copy_moved(songs: Sequence[Waveform], piece: Waveform, rng: np.random.Generator) -> Waveform:
    """A song, played a semitone lower and so much slower."""
    song = songs[int(rng.integers(len(songs)))]
    places = np.arange(0, song.n_samples - 1, 2 ** (-1 / 12))
    samples = np.interp(places, np.arange(song.n_samples), song.samples[0])
    return Waveform(samples[None].astype(np.float32), song.sample_rate)


MAKERS: Mapping[str, Maker] = {
    "drone with hiss": drone_with_hiss,
    "one chord in the rhythm of the piece": one_chord_in_rhythm,
    "one chord held": held_chord,
    "a fifth of a second, frozen": frozen,
    "noise in the rhythm of the piece": noise_in_rhythm,
    "one to three seconds again and again": loop,
    "hiss": hiss,
    "silent gaps": holes,
    "hard joints": hard_joints,
    "clicks": clicks,
    "26 dB softer": faint,
    "clipped": clipped,
    "copy": copy,
    "copy, a semitone lower and slower": copy_moved,
}
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "drone with hiss": ("buzz", "flat", "noise", "looping"),
    "one chord in the rhythm of the piece": ("buzz", "flat", "looping"),
    "one chord held": ("flat", "buzz"),
    "a fifth of a second, frozen": ("buzz", "flat", "noise"),
    "noise in the rhythm of the piece": ("noise",),
    "one to three seconds again and again": ("looping",),
    "hiss": ("hiss", "noise"),
    "silent gaps": ("gaps",),
    "hard joints": ("seams",),
    "clicks": ("seams",),
    "26 dB softer": ("faint",),
    "clipped": ("clipped",),
    "copy": ("copied",),
    "copy, a semitone lower and slower": ("copied",),
}


def _chord(time: NDArray[np.float64], root: float, semitones: Sequence[int]) -> NDArray[np.float64]:
    tones = [root * 2 ** (each / 12) * harmonic for each in semitones for harmonic in (1, 2, 3, 4)]
    found = np.zeros(time.size)
    for index, frequency in enumerate(tones):
        found += np.sin(2 * np.pi * frequency * time + index) / (1 + index % 4)
    return found


def _loudness(piece: Waveform) -> NDArray[np.float64]:
    """The level of the piece at every sample."""
    size = max(round(ENVELOPE_SECONDS * piece.sample_rate), 1)
    n_frames = -(-piece.n_samples // size)
    padded = np.pad(piece.samples[0], (0, n_frames * size - piece.n_samples)).reshape(n_frames, size)
    level = np.sqrt((padded.astype(np.float64) ** 2).mean(axis=1))
    return np.interp(np.arange(piece.n_samples), (np.arange(n_frames) + 0.5) * size, level)


def _like(piece: Waveform, samples: NDArray[np.floating]) -> Waveform:
    """As loud as the piece on average."""
    wanted = float(np.sqrt((piece.samples.astype(np.float64) ** 2).mean()))
    level = float(np.sqrt((samples.astype(np.float64) ** 2).mean()))
    return Waveform(np.clip(samples * wanted / max(level, 1e-9), -1, 1)[None].astype(np.float32), piece.sample_rate)
