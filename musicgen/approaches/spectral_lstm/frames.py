"""Sound as a series of choices from codebooks, which stand for the spectra of a few overlapping frames, and back.

A step is the logarithmic spectrum of `frames_per_step` neighbouring frames, kept in a few principal components. It is
encoded by several choices: a typical sound, then a correction of it, then a correction of that (residual vector
quantisation; Juang and Gray, Multiple stage vector quantization for speech coding, ICASSP, 1982). Phases are not kept;
they are reconstructed from the overlap of the frames (`phase`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.spectral_lstm.phase import short_time_spectrum
from musicgen.codecs.arrays import array_to_text, text_to_array
from musicgen.codecs.clustering import nearest

Floats = NDArray[np.float32]
QUIETEST_DB = -66.0  # relative to the loudest magnitude of the songs: anything lower counts as silence
CORNER = 700.0  # Hz: above it the ear hears frequencies by ratio (mel scale), so bins get less weight


@dataclass(frozen=True)
class FrameCodec:
    """Sound ↔ choices.

    Attributes:
        sample_rate: Hz. n_fft, hop_length: samples; see phase.
        frames_per_step: frames in a step. sequence_length: steps in a training example.
        quietest: magnitude that counts as silence. loudest: float32 (bins,), the largest magnitude of the songs at each
            frequency, as a multiple of it, logarithmic: no sum of choices may be louder.
        mean: float32 (dims,), basis: float32 (components, dims), scale: of a weighted step: (step - mean) @ basis.T /
            scale are its components, about as large as 1. dims = frames_per_step · bins.
        codebooks: float32 (size, components) each. tolerances: for each codebook the mean squared distance from
            what it encodes; entries about as near as the nearest one count as about as right.
        level: RMS of the training music, full scale = 1.
    """

    sample_rate: int
    n_fft: int
    hop_length: int
    frames_per_step: int
    sequence_length: int
    quietest: float
    loudest: Floats
    mean: Floats
    basis: Floats
    scale: float
    codebooks: tuple[Floats, ...]
    tolerances: tuple[float, ...]
    level: float

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def num_components(self) -> int:
        return int(self.basis.shape[0])

    @property
    def steps_per_second(self) -> float:
        return self.sample_rate / (self.hop_length * self.frames_per_step)

    @cached_property
    def bin_weights(self) -> Floats:
        """(bins,)."""
        return bin_weights(self.n_fft, self.sample_rate)

    def count_samples(self, n_frames: int) -> int:
        """Samples under this many frames."""
        return (n_frames - 1) * self.hop_length + self.n_fft

    def log_frames(self, samples: Floats) -> Floats:
        """(n_samples,) → weighted logarithmic magnitudes of its frames, (n_frames, bins); 0 is silence."""
        magnitudes = np.abs(short_time_spectrum(samples, self.n_fft, self.hop_length))
        return np.asarray(np.log1p(magnitudes / self.quietest) * self.bin_weights, dtype=np.float32)

    def steps_from(self, frames: Floats) -> Floats:
        """Frames (n, bins) → components of the step that starts at each of them, (n - frames_per_step + 1, C)."""
        n_steps = len(frames) - self.frames_per_step + 1
        parts = self.basis.reshape(self.num_components, self.frames_per_step, self.n_bins)
        made = np.broadcast_to(-self.mean @ self.basis.T, (n_steps, self.num_components)).copy()
        for number in range(self.frames_per_step):
            made += frames[number : number + n_steps] @ parts[:, number].T
        return np.asarray(made / self.scale, dtype=np.float32)

    def quantise(self, steps: Floats, rng: np.random.Generator | None = None, blur: float = 1.0) -> NDArray[np.int32]:
        """Components (n, C) → choices (n, codebooks): the nearest entries; with `rng`, random entries about as
        near (the more `blur`, the farther)."""
        ids, left = [], np.asarray(steps, dtype=np.float32)
        for codebook, tolerance in zip(self.codebooks, self.tolerances, strict=True):
            chosen = nearest(left, codebook, rng, blur * tolerance)
            left = left - codebook[chosen]
            ids.append(chosen)
        return np.stack(ids, axis=1).astype(np.int32)

    def to_steps(self, ids: NDArray[np.integer]) -> Floats:
        """Choices (…, codebooks) → components (…, C). Inverse of `quantise`, as closely as the codebooks allow."""
        return np.sum([codebook[ids[..., number]] for number, codebook in enumerate(self.codebooks)], axis=0)

    def to_magnitudes(self, steps: Floats) -> Floats:
        """Components of following steps (n, C) → magnitudes (n · frames_per_step, bins)."""
        frames = (steps @ self.basis) * np.float32(self.scale) + self.mean
        logs = frames.reshape(-1, self.n_bins) / self.bin_weights
        return np.float32(self.quietest) * np.expm1(np.clip(logs, 0.0, self.loudest))

    def to_json(self) -> dict[str, Any]:
        return {
            "representation": "frames",
            "sample_rate": self.sample_rate,
            "n_fft": self.n_fft,
            "hop_length": self.hop_length,
            "frames_per_step": self.frames_per_step,
            "sequence_length": self.sequence_length,
            "quietest": self.quietest,
            "num_components": self.num_components,
            "loudest": array_to_text(self.loudest),
            "mean": array_to_text(self.mean),
            "basis": array_to_text(self.basis),
            "scale": self.scale,
            "sizes": [len(codebook) for codebook in self.codebooks],
            "codebooks": [array_to_text(codebook) for codebook in self.codebooks],
            "tolerances": list(self.tolerances),
            "level": self.level,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> FrameCodec:
        n_fft, per_step = int(document["n_fft"]), int(document["frames_per_step"])
        dims, components = per_step * (n_fft // 2 + 1), int(document["num_components"])
        return cls(
            sample_rate=int(document["sample_rate"]),
            n_fft=n_fft,
            hop_length=int(document["hop_length"]),
            frames_per_step=per_step,
            sequence_length=int(document["sequence_length"]),
            quietest=float(document["quietest"]),
            loudest=text_to_array(document["loudest"], (n_fft // 2 + 1,)),
            mean=text_to_array(document["mean"], (dims,)),
            basis=text_to_array(document["basis"], (components, dims)),
            scale=float(document["scale"]),
            codebooks=tuple(
                text_to_array(text, (int(size), components))
                for text, size in zip(document["codebooks"], document["sizes"], strict=True)
            ),
            tolerances=tuple(float(each) for each in document["tolerances"]),
            level=float(document["level"]),
        )


def bin_weights(n_fft: int, sample_rate: int) -> Floats:
    """The weight of each frequency, (bins,), by how finely the ear hears there."""
    frequency = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    return np.sqrt(CORNER / (CORNER + frequency)).astype(np.float32)


def log_credit(vectors: Floats, codebook: Floats, tolerance: float) -> Floats:
    """How right each entry is for each vector, logarithmic, (n, size): 0 for the nearest, -1/2 for one with twice its
    squared distance (or with one tolerance more, if the nearest is nearer than that)."""
    squared = (vectors**2).sum(axis=1)[:, None] - 2 * vectors @ codebook.T + (codebook**2).sum(axis=1)
    least = np.maximum(squared.min(axis=1, keepdims=True), 0)
    return np.asarray((least - squared) / (2 * np.maximum(least, tolerance)), dtype=np.float32)
