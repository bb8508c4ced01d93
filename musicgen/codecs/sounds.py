"""Songs at one sample rate, read from disk in excerpts, so that an hour needs no more memory than a second."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.contract.prepared import TrainingSong
from musicgen.contract.refusals import only_silence, require_songs
from musicgen.wording import count

Samples = NDArray[np.float32]
MARGIN_SECONDS = 0.05  # read on both sides of an excerpt before resampling, so that the filter's edges lie outside
SILENT = 1e-6  # an RMS below this (-120 dB) is silence


@dataclass(frozen=True)
class Sound:
    """A part of a song at `sample_rate` Hz.

    Attributes:
        source_rate, source_samples: of the song itself. first, n_samples: the part, in samples at `sample_rate`.
    """

    song: TrainingSong
    sample_rate: int
    source_rate: int
    source_samples: int
    first: int
    n_samples: int

    def read(self, start: int, stop: int) -> Samples:
        """Samples `start` to `stop` of this part in mono, float32, shape (stop - start,); zeros beyond its ends."""
        return self._padded(start, stop, is_mono=True)[0]

    def read_channels(self, start: int, stop: int) -> Samples:
        """The same with all channels, shape (n_channels, stop - start)."""
        return self._padded(start, stop, is_mono=False)

    def _padded(self, start: int, stop: int, *, is_mono: bool) -> Samples:
        begin, end = max(start, 0), min(stop, self.n_samples)
        if begin < end:
            heard = self._heard(self.first + begin, self.first + end, is_mono=is_mono)
        else:
            heard = np.zeros((1, 0), dtype=np.float32)
        made = np.zeros((len(heard), max(0, stop - start)), dtype=np.float32)
        made[:, begin - start : begin - start + heard.shape[1]] = heard
        return made

    def pieces(self, size: int) -> Iterator[Samples]:
        """The whole part, `size` samples at a time; the last piece is shorter."""
        for start in range(0, self.n_samples, size):
            yield self.read(start, min(start + size, self.n_samples))

    def part(self, start: int, stop: int) -> Sound:
        """Samples `start` to `stop` of this part, as a separate sound."""
        stop = min(stop, self.n_samples)
        return replace(self, first=self.first + start, n_samples=max(0, stop - start))

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    @cached_property
    def _ratio(self) -> tuple[int, int]:
        """(up, down): `up` samples here last as long as `down` samples of the song."""
        common = math.gcd(self.sample_rate, self.source_rate)
        return self.sample_rate // common, self.source_rate // common

    def _heard(self, start: int, stop: int, *, is_mono: bool) -> Samples:
        """Gives the same samples for any excerpt: resampling always begins where both sample grids meet."""
        up, down = self._ratio
        margin = 0 if up == down else math.ceil(MARGIN_SECONDS * self.sample_rate / up)
        begin = max(0, start // up - margin)
        end = min(-(-stop // up) + margin, -(-self.source_samples // down))
        stretch = self.song.clip.waveform(
            begin * down / self.source_rate, min(end * down, self.source_samples) / self.source_rate
        )
        stretch = stretch.to_mono() if is_mono else stretch
        return resample(stretch, self.sample_rate).samples[:, start - begin * up : stop - begin * up]


def open_sounds(
    songs: Sequence[TrainingSong],
    *,
    sample_rate: int,
    max_songs: int = 0,
    seconds: float = math.inf,
    keeps_stereo: bool = False,
) -> tuple[list[Sound], tuple[str, ...]]:
    """(sounds, warnings). `sample_rate` 0: the most common one. `keeps_stereo`: all channels are used. Raises
    InvalidInput without songs."""
    require_songs(songs)
    used = songs[: max_songs or None]
    heads = [song.clip.waveform(0.0, 0.0) for song in used]
    rates = [head.sample_rate for head in heads]
    rate = sample_rate or Counter(rates).most_common(1)[0][0]
    warnings = []
    if len(used) < len(songs):
        warnings.append(f"{count(len(songs) - len(used), 'song')} left out: at most {max_songs} are used.")
    if any(head.n_channels > 1 for head in heads) and not keeps_stereo:
        warnings.append("Stereo songs are mixed to mono: this network reads one channel.")
    if not sample_rate and len(set(rates)) > 1:
        listed = ", ".join(f"{each:,} Hz" for each in sorted(set(rates)))
        warnings.append(f"The songs have different sample rates ({listed}); all are converted to {rate:,} Hz.")
    return [_open(song, head, rate, seconds) for song, head in zip(used, heads, strict=True)], tuple(warnings)


def _open(song: TrainingSong, head: Waveform, sample_rate: int, seconds: float) -> Sound:
    n_source = round(song.clip.seconds * head.sample_rate)
    n_samples = n_source * sample_rate // head.sample_rate
    used = n_samples if math.isinf(seconds) else min(n_samples, round(seconds * sample_rate))
    return Sound(song, sample_rate, head.sample_rate, n_source, 0, used)


def split(sounds: Sequence[Sound], held_out_share: float) -> tuple[list[Sound], list[Sound]]:
    """(training, held out): the end of each song is held out."""
    if not held_out_share:
        return list(sounds), []
    cuts = [sound.n_samples - round(held_out_share * sound.n_samples) for sound in sounds]
    kept = [sound.part(0, cut) for sound, cut in zip(sounds, cuts, strict=True)]
    return kept, [sound.part(cut, sound.n_samples) for sound, cut in zip(sounds, cuts, strict=True)]


def root_mean_square(sounds: Sequence[Sound]) -> float:
    """RMS level of the music, full scale = 1. Raises InvalidInput for silence."""
    energy, n_samples = 0.0, 0
    for sound in sounds:
        for piece in sound.pieces(1 << 20):
            energy += float(np.dot(piece.astype(np.float64), piece))
            n_samples += piece.size
    level = math.sqrt(energy / max(1, n_samples))
    if level < SILENT:
        raise only_silence(n_samples)
    return level
