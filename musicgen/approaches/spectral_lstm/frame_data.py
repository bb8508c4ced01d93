"""What a network over frames learns from: windows of steps that start at any frame, their choices, facts and floors.

Songs are read from disk once; a few kilobytes of components are kept for each second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.spectral_lstm.fitting import FRAMES_AT_ONCE, fit_frames
from musicgen.approaches.spectral_lstm.frames import Floats, FrameCodec, log_credit
from musicgen.approaches.spectral_lstm.parameters import Training
from musicgen.approaches.spectral_lstm.phase import count_frames
from musicgen.codecs.examples import Arrays
from musicgen.codecs.sounds import Sound, open_sounds, root_mean_square, split
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.wording import count

MAX_COUNTED = 8_000  # steps that the floors are counted on
STAYS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
NOTHING_HELD_OUT = "Too little music is left to hold out, so there is no validation loss: choose longer songs."


@dataclass(frozen=True)
class Steps:
    """A song or part of one, as the step that starts at each of its frames.

    Attributes:
        components: float32 (n, C). first: the first frame that may be a target; those before it are only read.
    """

    components: Floats
    first: int = 0

    def __len__(self) -> int:
        return len(self.components)


@dataclass(frozen=True)
class SpectralFrameExamples:
    """Windows of `length` steps, after `warm_up` steps that only warm up the state.

    Attributes:
        tiles: (part, first frame) of windows that together cover everything, several times if they overlap.
        blur: how far inputs may differ from the music in training; see FrameCodec.quantise.

    Arrays: heard (n, T, C), the step before each, quantised by the codebooks; target (n, T, C); known (n, T,
    codebooks - 1, C), the sum of the choices before each later one; mask (n, T). T = warm_up + length.
    """

    codec: FrameCodec
    parts: Sequence[Steps]
    tiles: NDArray[np.int64]
    length: int
    warm_up: int = 0
    blur: float = 0.0

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    @property
    def nbytes(self) -> int:
        return sum(part.components.nbytes for part in self.parts)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        windows = [self._window(int(part), int(first), rng) for part, first in self.tiles[index]]
        before, has_past, target, mask = (np.stack(each) for each in zip(*windows, strict=True))
        chance = rng if self.blur else None
        heard = self.codec.to_steps(self._ids(before, chance)) * has_past[..., None]
        ids, known, total = self._ids(target, chance), [], np.zeros_like(target)
        for number, codebook in enumerate(self.codec.codebooks[:-1]):
            total = total + codebook[ids[..., number]]
            known.append(total)
        none = np.zeros((*mask.shape, 0, target.shape[-1]), np.float32)
        return {"heard": heard, "target": target, "known": np.stack(known, axis=2) if known else none, "mask": mask}

    def _ids(self, steps: Floats, rng: np.random.Generator | None) -> NDArray[np.int32]:
        flat = self.codec.quantise(steps.reshape(-1, steps.shape[-1]), rng, self.blur)
        return flat.reshape(*steps.shape[:-1], -1)

    def _window(
        self, number: int, first: int, rng: np.random.Generator | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """(step before each, whether there is one, step, mask)."""
        part, hop = self.parts[number], self.codec.frames_per_step
        if rng is not None:
            latest = max(part.first, len(part) - self.length * hop)
            spread = self.length * hop // 2
            first = int(np.clip(first + rng.integers(-spread, spread + 1), part.first, latest))
        frames = first + hop * np.arange(-self.warm_up, self.length)
        is_there = (frames >= 0) & (frames < len(part))
        has_past = is_there & (frames >= hop)
        target = np.zeros((frames.size, part.components.shape[1]), dtype=np.float32)
        before = np.zeros_like(target)
        target[is_there] = part.components[frames[is_there]]
        before[has_past] = part.components[frames[has_past] - hop]
        mask = is_there & (frames >= first)
        return before, has_past.astype(np.float32), target, mask.astype(np.float32)


def prepare_frames(songs: Sequence[TrainingSong], training: Training) -> Prepared:
    """Songs → FrameCodec, examples, facts and floors. Raises InvalidInput where no song has two steps."""
    sounds, warnings = open_sounds(
        songs, sample_rate=training.sample_rate, max_songs=training.max_songs, seconds=training.seconds_per_song
    )
    kept, held_out = split(sounds, training.validation_share)
    _check_long_enough(kept, training)
    step = training.hop_length * training.frames_per_step
    length = max(2, round(training.clip_seconds * sounds[0].sample_rate / step))
    codec = fit_frames(kept, training, sequence_length=length, level=root_mean_square(kept))
    parts = [_steps_of(codec, sound) for sound in sounds]
    cuts = [count_frames(sound.n_samples, codec.n_fft, codec.hop_length) for sound in kept]
    learned = [
        Steps(part.components[:cut])
        for part, cut in zip(parts, (max(0, cut - codec.frames_per_step + 1) for cut in cuts), strict=True)
    ]
    data = _examples(codec, learned, training)
    checked = _checks(codec, [_after(part, cut, codec) for part, cut in zip(parts, cuts, strict=True)], training)
    if checked is None and training.validation_share:
        warnings = (*warnings, NOTHING_HELD_OUT)
    facts = _facts(songs, kept, held_out, data, checked)
    return Prepared(codec, data, checked, facts, _floors(data, checked), warnings)


def _steps_of(codec: FrameCodec, sound: Sound) -> Steps:
    """The steps of a song, read piece by piece."""
    n_frames = count_frames(sound.n_samples, codec.n_fft, codec.hop_length)
    overlap = codec.frames_per_step - 1
    components = []
    for first in range(0, n_frames - overlap, FRAMES_AT_ONCE):
        count = min(FRAMES_AT_ONCE + overlap, n_frames - first)
        begin = first * codec.hop_length
        components.append(codec.steps_from(codec.log_frames(sound.read(begin, begin + codec.count_samples(count)))))
    together = np.concatenate(components) if components else np.zeros((0, codec.num_components), np.float32)
    return Steps(together)


def _after(part: Steps, cut: int, codec: FrameCodec) -> Steps:
    """The whole song; only steps that no training frame overlaps are targets."""
    return Steps(part.components, cut + -(-codec.n_fft // codec.hop_length))


def _examples(codec: FrameCodec, parts: Sequence[Steps], training: Training) -> SpectralFrameExamples:
    length = codec.sequence_length
    stride = max(1, round(length * codec.frames_per_step * (1 - training.sequence_overlap)))
    tiles = _tiles(parts, stride)
    return SpectralFrameExamples(codec, parts, tiles, length, blur=training.input_blur)


def _checks(codec: FrameCodec, parts: Sequence[Steps], training: Training) -> SpectralFrameExamples | None:
    """Windows over the held-out music, each after a warm-up; everything counts once."""
    length = max(1, codec.sequence_length // 2)
    tiles = _tiles(parts, length * codec.frames_per_step) if training.validation_share else np.zeros((0, 2), np.int64)
    return SpectralFrameExamples(codec, parts, tiles, length, warm_up=codec.sequence_length) if len(tiles) else None


def _tiles(parts: Sequence[Steps], stride: int) -> NDArray[np.int64]:
    tiles = [(number, first) for number, part in enumerate(parts) for first in range(part.first, len(part), stride)]
    return np.array(tiles, dtype=np.int64).reshape(-1, 2)


def _floors(data: SpectralFrameExamples, checked: SpectralFrameExamples | None) -> dict[str, float]:
    """Losses that need no network, in nats per step with the same credit for similar sounds: each choice by its
    frequency (unigram), and a mix of repeating the last step and unigram (repeat)."""
    heard, found = checked or data, {"uniform": 0.0, "unigram": 0.0, "repeat": 0.0}
    learned = _pairs(data.codec, data.parts)
    asked = _pairs(data.codec, heard.parts)
    for number, codebook in enumerate(data.codec.codebooks):
        credit, again = _credits(data.codec, number, learned)
        share = np.exp(credit - np.logaddexp.reduce(credit, axis=1, keepdims=True)).mean(axis=0)
        share = (share + 0.1 / len(codebook) / len(credit)) / (1 + 0.1 / len(credit))
        by_frequency = np.exp(credit) @ share
        stays = min(STAYS, key=lambda stay: -float(np.log(stay * again + (1 - stay) * by_frequency).mean()))
        credit, again = _credits(data.codec, number, asked)
        by_frequency = np.exp(credit) @ share
        found["uniform"] -= float(np.log(np.exp(credit).mean(axis=1)).mean())
        found["unigram"] -= float(np.log(by_frequency).mean())
        found["repeat"] -= float(np.log(stays * again + (1 - stays) * by_frequency).mean())
    return found


def _pairs(codec: FrameCodec, parts: Sequence[Steps]) -> tuple[Floats, Floats]:
    """(steps, the step before each), (n, C) each; about MAX_COUNTED at most."""
    hop = codec.frames_per_step
    chosen = [(part, np.arange(max(part.first, hop), len(part))) for part in parts]
    every = max(1, sum(frames.size for _, frames in chosen) // MAX_COUNTED)
    steps = np.concatenate([part.components[frames[::every]] for part, frames in chosen])
    return steps, np.concatenate([part.components[frames[::every] - hop] for part, frames in chosen])


def _credits(codec: FrameCodec, number: int, pairs: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """For one codebook: (log credit of each entry (n, size), credit of the entry before (n,))."""
    steps, before = pairs
    ids, ids_before = codec.quantise(steps), codec.quantise(before)
    left = steps - np.sum([codec.codebooks[each][ids[:, each]] for each in range(number)], axis=0)
    credit = log_credit(np.asarray(left, np.float32), codec.codebooks[number], codec.tolerances[number])
    return credit, np.exp(credit[np.arange(len(steps)), ids_before[:, number]])


def _facts(
    songs: Sequence[TrainingSong],
    kept: Sequence[Sound],
    held_out: Sequence[Sound],
    data: SpectralFrameExamples,
    checked: SpectralFrameExamples | None,
) -> dict[str, Any]:
    codec, n_windows = data.codec, data.n_examples
    return {
        "inputs_shape": [n_windows, codec.sequence_length, codec.num_components],
        "targets_shape": [n_windows, codec.sequence_length, len(codec.codebooks)],
        "n_windows": n_windows,
        "n_validation_windows": checked.n_examples if checked else 0,
        "n_songs": len(songs),
        "n_songs_used": len(kept),
        "sample_rate": codec.sample_rate,
        "n_fft": codec.n_fft,
        "hop_length": codec.hop_length,
        "frames_per_step": codec.frames_per_step,
        "sequence_length": codec.sequence_length,
        "num_components": codec.num_components,
        "codebook_sizes": [len(codebook) for codebook in codec.codebooks],
        "n_steps": sum(len(part) for part in data.parts) // codec.frames_per_step,
        "step_ms": round(1000 / codec.steps_per_second, 3),
        "codec_error_db": round(_codec_error(data), 3),
        "training_seconds": round(sum(sound.seconds for sound in kept), 3),
        "held_out_seconds": round(sum(sound.seconds for sound in held_out), 3),
        "level_db": round(20 * float(np.log10(codec.level)), 2),
        "loss_unit": "nats per step",
    }


def _codec_error(data: SpectralFrameExamples) -> float:
    """Error of the codebooks against the songs: root mean square over the weighted logarithmic spectrum, in dB, without
    what the components leave out."""
    codec = data.codec
    some = [part.components[::7] for part in data.parts]
    misses = [np.square(codec.to_steps(codec.quantise(steps)) - steps).sum(axis=1) for steps in some]
    per_bin = float(np.concatenate(misses).mean()) * codec.scale**2 / (codec.frames_per_step * codec.n_bins)
    return float(20 / np.log(10) * np.sqrt(per_bin))


def _check_long_enough(sounds: Sequence[Sound], training: Training) -> None:
    needed = training.n_fft + (2 * training.frames_per_step - 1) * training.hop_length
    longest = max(sound.n_samples for sound in sounds)
    if longest < needed:
        raise InvalidInput(
            sentence(
                f"Training needs a song with at least two steps, that is {needed:,} samples",
                f"{longest:,} samples to train on in the longest of {count(len(sounds), 'song')}",
                "Choose longer songs, a shorter window or fewer frames per step.",
            ),
            code="too_short",
        )
