"""Random crops of stored sound as training examples, a little louder or softer, higher or lower each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import describe, margin
from musicgen.approaches.audio_wavenet.forecasts import LinearForecast
from musicgen.codecs.examples import Arrays
from musicgen.codecs.sounds import Samples, Sound


@dataclass(frozen=True)
class SoundStretch:
    """Samples `start` to `stop` of a sound, which are targets; those around them may be read."""

    sound: Sound
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class CropExamples:
    """Arrays: inputs (n, heard - 1 + crop_length) levels, target (n, crop_length) levels and, if conditioned,
    condition (n, heard - 2 + crop_length, conditions), that of the sample after each pair of inputs.

    Attributes:
        heard: the receptive field in samples. n_examples: crops in an epoch.
        gain_db, semitones: how far a crop may be turned up or down and tuned, at random.
        noise: standard deviation of the noise on the inputs, never on the targets: see `RawAudioCodec.disturbed`. The
            network learns to continue from imperfect sound such as its own.
    """

    stretches: Sequence[SoundStretch]
    codec: RawAudioCodec
    heard: int
    crop_length: int
    n_examples: int
    conditioning: str = "none"
    gain_db: float = 0.0
    semitones: float = 0.0
    noise: float = 0.0
    forecast: LinearForecast | None = None

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        lines = np.stack([self._even(int(number)) if rng is None else self._drawn(rng) for number in index])
        around, order = self._around, self.forecast.order if self.forecast else 0
        ids = self.codec.samples_to_levels(lines[:, around - order : lines.shape[1] - around])
        heard = ids[:, :-1]
        if self.noise and rng is not None:
            heard = self.codec.disturbed(heard, self.noise * rng.standard_normal(heard.shape, dtype=np.float32))
        length = self.heard - 1 + self.crop_length
        arrays: Arrays = {"inputs": heard[:, -length:], "target": ids[:, -self.crop_length :]}
        if self.forecast:
            arrays["forecast"] = self._forecasts(self.forecast, lines, ids[:, :-1])
        if self.conditioning != "none":
            described = np.stack([describe(line, self.codec.sample_rate, self.conditioning) for line in lines])
            arrays["condition"] = described[:, around : described.shape[1] - around][:, 2:]
        return arrays

    def _forecasts(self, forecast: LinearForecast, lines: Samples, heard: NDArray[np.int32]) -> Samples:
        """Of the samples that are predicted, and of those before them that the network answers, too, (n, n_inputs - 1,
        2). heard: levels without noise, which would grow in the sum, from `order` samples before the crop on."""
        aside = self._around - forecast.margin
        foretold = forecast.foretell(lines[:, aside : lines.shape[1] - aside])
        missing = forecast.order + foretold.errors.shape[1] * forecast.hop - heard.shape[1]
        samples = np.pad(self.codec.levels_to_samples(heard), ((0, 0), (0, missing)))
        return forecast.forecasts(samples, foretold)[:, 2 : heard.shape[1] - forecast.order + 1]

    @property
    def _around(self) -> int:
        """Samples before and after a crop that are read, too, so that all of it is described and foretold as in the
        song; whole frames."""
        around = margin(self.codec.sample_rate) if self.conditioning != "none" else 0
        return max(around, self.forecast.margin) if self.forecast else around

    def _even(self, number: int) -> NDArray[np.float32]:
        """Crop `number` of those spread evenly over the music."""
        places = max(0, sum(map(len, self.stretches)) - self.crop_length)
        return self._line(number * places // max(1, self.n_examples - 1), 0.0, 1.0)

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """A crop from anywhere."""
        place = int(rng.integers(sum(map(len, self.stretches))))
        ratio = 2 ** (rng.uniform(-self.semitones, self.semitones) / 12) if self.semitones else 1.0
        return self._line(place, rng.uniform(-self.gain_db, self.gain_db) if self.gain_db else 0.0, ratio)

    def _line(self, place: int, gain_db: float, ratio: float) -> NDArray[np.float32]:
        """heard + crop_length samples, and those around them. `place` counts through all stretches, and the targets
        stay within one. There is silence before the start of a song."""
        length, chosen = self.heard + self.crop_length + 2 * self._around, self.stretches[-1]
        for stretch in self.stretches:
            if place < len(stretch):
                chosen = stretch
                break
            place -= len(stretch)
        start = max(chosen.start, min(chosen.start + place, chosen.stop - self.crop_length)) - self.heard - self._around
        if ratio == 1.0:
            line = chosen.sound.read(start, start + length)
        else:
            line = tuned(chosen.sound.read(start, start + int(np.ceil(length * ratio)) + 3), ratio, length)
        return np.clip(line * np.float32(10 ** (gain_db / 20)), -1.0, 1.0)


def tuned(samples: NDArray[np.float32], ratio: float, length: int) -> NDArray[np.float32]:
    """Every `ratio`-th sample, by cubic interpolation (Catmull-Rom): good enough for a fraction of a tone."""
    place = 1.0 + np.arange(length) * ratio
    number = place.astype(np.int64)
    t = (place - number).astype(np.float32)
    a, b, c, d = (samples[np.minimum(number + shift, samples.size - 1)] for shift in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
