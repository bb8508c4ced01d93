"""Stretches of songs joined to one sound: where they overlap they are aligned, and faded into each other at even power.

A joint lies just before the first attack of the new stretch. The new stretch may be moved by a few milliseconds so that
its wave fits to the one that ends. This does not add up: the next one begins where it should.

Source of the fade: for two sounds with correlation ρ, gains x and y keep the power even if x² + y² + 2ρxy = 1; so equal
waves get equal gain (ρ = 1), unlike ones equal power (ρ = 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.frames import Floats
from musicgen.codecs.sounds import Sound

REACH_SECONDS = 0.006
COMPARED_SECONDS = 0.02  # at least, before a joint
FARTHEST_COST = 0.05  # of the correlation, for the largest move
AUDIBLE = 1e-9
BEGIN_SECONDS, END_SECONDS = 0.005, 0.05  # fades of the piece itself


@dataclass(frozen=True)
class Stretch:
    """Samples `start` to `stop` of a song, at a gain."""

    sound: Sound
    start: int
    stop: int
    gain: float = 1.0

    @property
    def n_samples(self) -> int:
        return self.stop - self.start


class Splicer:
    """Joins stretches. `made`: float32 (n_channels, n_samples). `joints`: the samples at which stretches begin."""

    def __init__(self, sample_rate: int, n_channels: int, n_samples: int, overlap_seconds: float) -> None:
        self.sample_rate, self.overlap = sample_rate, max(2, round(overlap_seconds * sample_rate))
        self._samples = np.zeros((n_channels, n_samples), dtype=np.float32)
        self.position, self._last = 0, 0
        self.joints: list[int] = []

    def add(self, stretch: Stretch) -> None:
        """Put a stretch after what is there."""
        at, channels = self.position, len(self._samples)
        if not at:
            self._samples[:, : stretch.n_samples] = stretch.gain * _spread(
                stretch.sound.read_channels(stretch.start, stretch.stop), channels
            )
        else:
            self._join(stretch, at)
            self.joints.append(at)
        self.position, self._last = at + stretch.n_samples, stretch.n_samples

    def finished(self) -> Floats:
        """The samples so far, faded in and out, (n_channels, position)."""
        made = self._samples[:, : self.position].copy()
        for seconds, edge in ((BEGIN_SECONDS, 1), (END_SECONDS, -1)):
            size = min(round(seconds * self.sample_rate), made.shape[1] // 2)
            made[:, ::edge][:, :size] *= _rise(size)
        return made

    def _join(self, stretch: Stretch, at: int) -> None:
        channels = len(self._samples)
        overlap = max(1, min(self.overlap, self._last // 2, stretch.n_samples // 2))
        reach = min(round(REACH_SECONDS * self.sample_rate), overlap)
        compared = min(at, max(overlap, round(COMPARED_SECONDS * self.sample_rate)))
        lead = compared + reach
        found = _spread(stretch.sound.read_channels(stretch.start - lead, stretch.stop + reach), channels)
        old = self._samples[:, at - compared : at]
        move, alike = best_move(old.mean(axis=0), found[:, : compared + 2 * reach].mean(axis=0))
        begin = lead - reach + move  # of the new stretch in `found`; move is 0 … 2 · reach
        new = stretch.gain * found[:, begin - overlap : begin + stretch.n_samples]
        old_gain, new_gain = fade_gains(overlap, alike)
        self._samples[:, at - overlap : at] *= old_gain
        self._samples[:, at - overlap : at] += new_gain * new[:, :overlap]
        self._samples[:, at : at + stretch.n_samples] = new[:, overlap:]


def best_move(old: Floats, new: Floats) -> tuple[int, float]:
    """(where in `new` the part begins that is most like `old`, their correlation there, 0 … 1).

    `new` is longer than `old` by twice the reach; near the middle counts a little more."""
    places = new.size - old.size + 1
    energy = np.concatenate([[0.0], np.cumsum(new.astype(np.float64) ** 2)])
    energy = energy[old.size :] - energy[:places]
    own = float(np.dot(old.astype(np.float64), old))
    middle = places // 2
    if own <= AUDIBLE * old.size or not (energy > AUDIBLE * old.size).any():
        return middle, 0.0
    alike = np.correlate(new, old, "valid") / np.sqrt(own * np.maximum(energy, AUDIBLE * old.size))
    far = np.abs(np.arange(places) - middle) / max(1, middle)
    best = int(np.argmax(alike - FARTHEST_COST * far))
    return best, float(np.clip(alike[best], 0.0, 1.0))


def fade_gains(size: int, alike: float) -> tuple[Floats, Floats]:
    """Gains (size,) of the old and of the new sound, whose correlation is `alike`."""
    new = _rise(size)
    old = 1.0 - new
    even = np.sqrt(new**2 + old**2 + 2.0 * alike * new * old)
    return (old / even).astype(np.float32), (new / even).astype(np.float32)


def _rise(size: int) -> NDArray[np.float64]:
    """From 0 to 1 along a squared sine."""
    return np.sin(0.5 * np.pi * (np.arange(size) + 0.5) / max(1, size)) ** 2


def _spread(samples: Floats, n_channels: int) -> Floats:
    """One channel for all, if there is only one; the first ones if there are more than needed."""
    if len(samples) == n_channels:
        return samples
    return np.repeat(samples[:1], n_channels, axis=0) if len(samples) == 1 else samples[:n_channels]
