"""Fits a FrameCodec to songs: principal components of their spectra, and codebooks of typical ones.

It uses at most a few thousand steps, spread evenly over all songs, so an hour takes no more memory than ten minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from musicgen.approaches.spectral_lstm.frames import QUIETEST_DB, Floats, FrameCodec
from musicgen.approaches.spectral_lstm.parameters import Training
from musicgen.approaches.spectral_lstm.phase import count_frames, hann, short_time_spectrum
from musicgen.codecs.clustering import nearest, typical
from musicgen.codecs.sounds import Sound

MAX_STEPS = 8_192
MAX_NUMBERS = 24_000_000  # in the steps used for fitting: 96 MB
FRAMES_AT_ONCE = 512
LEAST_TOLERANCE = 1e-4
STEPS_PER_SOUND = 3  # at least, for each typical sound
POWER_ROUNDS = 3


def fit_frames(sounds: Sequence[Sound], training: Training, *, sequence_length: int, level: float) -> FrameCodec:
    """The codec of the training parts of songs."""
    rng = np.random.default_rng(17)
    n_fft, per_step = training.n_fft, training.frames_per_step
    plain = FrameCodec(
        sounds[0].sample_rate, n_fft, training.hop_length, per_step, sequence_length, _quietest(sounds, training),
        np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros((0, 0), np.float32), 1.0, (), (), level,
    )  # fmt: skip
    steps = _some_steps(plain, sounds)
    loudest = steps.reshape(-1, plain.n_bins).max(axis=0) / plain.bin_weights
    mean, basis = _principal(steps, training.components, rng)
    components = np.asarray((steps - mean) @ basis.T, dtype=np.float32)
    scale = float(np.sqrt(np.mean(components**2))) or 1.0
    sizes = [training.codebook_size, *[training.correction_size] * (training.num_codebooks - 1)]
    codebooks, tolerances = _codebooks(components / np.float32(scale), sizes, rng)
    return replace(
        plain, loudest=loudest, mean=mean, basis=basis, scale=scale, codebooks=codebooks, tolerances=tolerances
    )


def _stretches(sounds: Sequence[Sound], codec: FrameCodec, share: float) -> list[tuple[Sound, int, int]]:
    """(sound, first frame, frames) of evenly spread parts with about this share of all frames."""
    found = []
    for sound in sounds:
        n_frames = count_frames(sound.n_samples, codec.n_fft, codec.hop_length)
        for first in range(0, n_frames, FRAMES_AT_ONCE):
            length = min(FRAMES_AT_ONCE, n_frames - first)
            found.append((sound, first, max(min(length, codec.frames_per_step), round(share * length))))
    return found


def _some_steps(codec: FrameCodec, sounds: Sequence[Sound]) -> Floats:
    """Steps to fit the codec to, (n, dims)."""
    total = sum(count_frames(sound.n_samples, codec.n_fft, codec.hop_length) for sound in sounds)
    most = min(MAX_STEPS, MAX_NUMBERS // (codec.frames_per_step * codec.n_bins))
    made = []
    for sound, first, n_frames in _stretches(sounds, codec, min(1.0, most / max(1, total))):
        begin = first * codec.hop_length
        frames = codec.log_frames(sound.read(begin, begin + codec.count_samples(n_frames)))
        if n_frames >= codec.frames_per_step:
            windows = np.lib.stride_tricks.sliding_window_view(frames, codec.frames_per_step, axis=0)  # (n, bins, S)
            made.append(windows.transpose(0, 2, 1).reshape(len(windows), -1))
    return np.concatenate(made).astype(np.float32)


def _quietest(sounds: Sequence[Sound], training: Training) -> float:
    """The magnitude that counts as silence, derived from the loudest one in some parts of the songs."""
    n_fft = training.n_fft
    loudest = 0.0
    for sound in sounds:
        step = max(1, sound.n_samples // 16)
        for start in range(0, max(1, sound.n_samples - n_fft), step):
            heard = sound.read(start, start + max(n_fft, min(step, 16 * n_fft)))
            loudest = max(loudest, float(np.abs(short_time_spectrum(heard, n_fft, n_fft // 2)).max()))
    return max(loudest, 1e-6 * float(hann(n_fft).sum())) * 10 ** (QUIETEST_DB / 20)


def _principal(steps: Floats, most: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(mean (dims,), basis (components, dims)) of the largest principal components.

    Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53, 2011."""
    mean = steps.mean(axis=0)
    centred = steps - mean
    count = max(1, min(most, len(steps) - 1, steps.shape[1]))
    width = min(count + 8, *steps.shape)
    directions = rng.standard_normal((steps.shape[1], width)).astype(np.float32)
    for _ in range(POWER_ROUNDS):
        directions = np.linalg.qr(centred.T @ (centred @ directions))[0]
    _, _, rotation = np.linalg.svd(centred @ directions, full_matrices=False)
    return mean, np.ascontiguousarray((rotation @ directions.T)[:count], dtype=np.float32)


def _codebooks(
    steps: Floats, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[tuple[Floats, ...], tuple[float, ...]]:
    """(codebooks, tolerances): each codebook covers the error of those before it; most frequent entries come first."""
    made, tolerances, left = [], [], steps
    for size in sizes:
        codebook = typical(left, max(2, min(size, len(steps) // STEPS_PER_SOUND)), rng)
        left = left - codebook[nearest(left, codebook)]
        made.append(codebook)
        tolerances.append(max(float((left**2).sum(axis=1).mean()), LEAST_TOLERANCE))
    return tuple(made), tuple(tolerances)
