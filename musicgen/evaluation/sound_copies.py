"""How much of a generated sound is copied, sample by sample, and from where.

Conventions
    The sound is cut into segments of 1.5 s. Each is compared with every place in the songs, to find the one where
    the waveforms match best: |Σ x·y| / (|x|·|y|), so neither gain nor polarity matters, and a copy that is cut
    and spliced is found piece by piece. In mono, at 8 kHz or the lowest sample rate involved. Silent segments are
    left out; a sound with no others copies nothing: 0. A copy at another speed or pitch is not found.
    At most `MAX_STRETCHES` (evenly spread) and the first `LISTENED_SECONDS` of `MAX_SONGS` songs together (an even
    share of each) are compared, which bounds the time; `SoundCopies` says how much that was.

Metrics
    copied_correlation_training  the best match of any segment, 0 … 1; 1: it is in a song, sample for sample
    copied_share_training        share of the segments that match by more than 0.9
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation.note_copies import songs_words

RATE = 8_000  # Hz
STRETCH_SECONDS = 1.5  # any shorter, and a held chord matches another of the same notes
MIN_SECONDS = 0.5
MAX_STRETCHES = 32
LISTENED_SECONDS = 600.0  # of all songs together
MAX_SONGS = 40  # so that at least 15 s of each are compared
COPIED = 0.9
FFT_SIZE = 1 << 17
AUDIBLE_POWER = 1e-8  # -80 dB: below it a segment is silent
QUIET_SHARE = 1e-3  # a place in a song 30 dB below its average matches nothing


@dataclass(frozen=True)
class SoundCopies:
    """What a sound copies from its training songs.

    Attributes:
        correlation, share: the two metrics.
        name: the song with the best match; at `song_seconds` of it and `generated_seconds` of the sound.
        num_stretches: segments compared. listened_seconds: of all songs together.
    """

    correlation: float = 0.0
    share: float = 0.0
    name: str = ""
    song_seconds: float = 0.0
    generated_seconds: float = 0.0
    num_songs: int = 0
    of_songs: int = 0
    num_stretches: int = 0
    listened_seconds: float = 0.0

    def metrics(self) -> dict[str, float]:
        return {"copied_correlation_training": self.correlation, "copied_share_training": self.share}

    def to_json(self) -> dict[str, Any]:
        """Where the best match is, and a sentence for people."""
        return {
            "num_songs": self.num_songs,
            "text": self._text(),
            "copied_correlation_song": self.name,
            "copied_correlation_song_seconds": round(self.song_seconds, 3),
            "copied_correlation_generated_seconds": round(self.generated_seconds, 3),
            "num_stretches": self.num_stretches,
            "listened_seconds": round(self.listened_seconds, 1),
        }

    def _text(self) -> str:
        listened = f"Compared with {self.listened_seconds:.0f} s of {songs_words(self.num_songs, self.of_songs)}"
        if not self.name:
            return f"{listened}: there was nothing to compare."
        return (
            f"{listened}: the best match is at {self.generated_seconds:.1f} s, with {self.song_seconds:.1f} s "
            f"of “{self.name}” ({self.correlation:.2f}; 1 is a copy)."
        )


def find_sound_copies(generated: Waveform, songs: Sequence[TrainingSong], *, start_seconds: float = 0.0) -> SoundCopies:
    """See the module; compares what comes after `start_seconds`. Songs without sound are skipped.

    Children and workers only: resamples."""
    every = [song for song in songs if song.clip.medium == "audio"]
    known = every[:MAX_SONGS]
    if not known:
        return SoundCopies()
    waveforms = [song.clip.waveform(0.0, LISTENED_SECONDS / len(known)) for song in known]
    rate = min([RATE, generated.sample_rate, *(each.sample_rate for each in waveforms)])
    own = generated.between(round(start_seconds * generated.sample_rate), generated.n_samples)
    starts, stretches = _stretches(_mono(own, rate), rate)
    listened = sum(each.seconds for each in waveforms)
    best = np.zeros(len(stretches))
    places: list[tuple[str, float]] = [("", 0.0)] * len(stretches)
    for song, waveform in zip(known, waveforms, strict=True):
        found, at = _best_agreements(stretches, _mono(waveform, rate))
        for number in np.flatnonzero(found > best):
            best[number], places[number] = found[number], (song.name, at[number] / rate)
    if not best.size:
        return SoundCopies(num_songs=len(known), of_songs=len(every), listened_seconds=listened)
    top = int(best.argmax())
    share = float((best > COPIED).mean())
    return SoundCopies(
        float(best[top]), share, *places[top], start_seconds + starts[top] / rate, len(known), len(every),
        len(stretches), listened,
    )  # fmt: skip


def _mono(waveform: Waveform, rate: int) -> NDArray[np.float32]:
    from musicgen.audio.resampling import resample

    samples = resample(waveform.to_mono(), rate).samples[0]
    return samples - samples.mean(dtype=np.float64).astype(np.float32) if samples.size else samples


def _stretches(samples: NDArray[np.float32], rate: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(first sample of each, the segments, scaled to energy 1, shape (n, length)): the audible ones, evenly spread."""
    length = min(int(STRETCH_SECONDS * rate), samples.size)
    if length < MIN_SECONDS * rate:
        return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
    count = min(max(samples.size // length, 1), MAX_STRETCHES)
    starts = np.linspace(0, samples.size - length, count).astype(np.int64)
    pieces = np.stack([samples[start : start + length] for start in starts]).astype(np.float64)
    energy = (pieces**2).sum(axis=1)
    is_audible = energy > AUDIBLE_POWER * length
    return starts[is_audible], (pieces[is_audible] / np.sqrt(energy[is_audible, None])).astype(np.float32)


def _best_agreements(
    stretches: NDArray[np.float32], song: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each segment's best |correlation| anywhere in the song, and where; shapes (n,)."""
    best, place = np.zeros(len(stretches)), np.zeros(len(stretches), np.int64)
    length = stretches.shape[1]
    if not len(stretches) or song.size < length:
        return best, place
    from scipy import fft

    spectra = [fft.rfft(each, FFT_SIZE) for each in stretches]
    floor = QUIET_SHARE * length * max(float(np.mean(song.astype(np.float64) ** 2)), AUDIBLE_POWER)
    for start, block, scale in _blocks(song, length, floor):
        spectrum = fft.rfft(block, FFT_SIZE)
        for number, own in enumerate(spectra):
            agreement = np.abs(fft.irfft(spectrum * own.conj(), FFT_SIZE)[: scale.size]) * scale
            top = int(agreement.argmax())
            if agreement[top] > best[number]:
                best[number], place[number] = min(float(agreement[top]), 1.0), start + top
    return best, place


def _blocks(
    song: NDArray[np.float32], length: int, floor: float
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
    """(first sample, block, 1 / norm of the segment that begins at each place, 0 in pauses)."""
    step = FFT_SIZE - length + 1
    for start in range(0, song.size - length + 1, step):
        block = song[start : start + FFT_SIZE]
        squares = np.concatenate([[0.0], np.cumsum(block.astype(np.float64) ** 2)])
        energy = squares[length:] - squares[: block.size - length + 1]
        scale = np.where(energy > floor, 1.0 / np.sqrt(np.maximum(energy, floor)), 0.0)
        yield start, block, scale.astype(np.float32)
