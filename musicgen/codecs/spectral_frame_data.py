"""What a network over frames learns from: windows of steps that begin at any frame, their choices, facts and floors.

Songs are read from disk once; what is kept of a second of them is some kilobytes of components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.base import Prepared, TrainingSong
from musicgen.codecs.examples import Arrays
from musicgen.codecs.spectral_fitting import FRAMES_AT_ONCE, fit_frames
from musicgen.codecs.spectral_frames import Floats, FrameCodec
from musicgen.codecs.spectral_phase import count_frames
from musicgen.codecs.spectral_sounds import Sound, open_sounds, root_mean_square, split
from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation.floors import bigram_nats, uniform_nats, unigram_nats

NOTHING_HELD_OUT = "Too little music is left to hold out, so there is no validation loss: choose longer songs."


@dataclass(frozen=True)
class Steps:
    """A song, or a part of one, as the step that begins at each of its frames.

    Attributes:
        components: float32 (n, C). ids: uint16 (n, codebooks).
        first: the first frame that may be a target; those before it are only heard.
    """

    components: Floats
    ids: NDArray[np.uint16]
    first: int = 0

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class FrameExamples:
    """Windows of `length` steps, after `warm_up` steps that only fill the memory.

    Attributes:
        tiles: (part, first frame) of windows that together show everything `passes` times.
        noise: standard deviation of what is added to what is heard, in units of each component's own.

    Arrays: heard (n, T, C), the step before each; tokens (n, T, codebooks); known (n, T, codebooks - 1, C), what the
    choices before each later one add up to; mask (n, T). T = warm_up + length.
    """

    codec: FrameCodec
    parts: Sequence[Steps]
    tiles: NDArray[np.int64]
    length: int
    warm_up: int = 0
    noise: float = 0.0

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    @property
    def nbytes(self) -> int:
        return sum(part.components.nbytes + part.ids.nbytes for part in self.parts)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        windows = [self._window(int(part), int(first), rng) for part, first in self.tiles[index]]
        heard, tokens, mask = (np.stack(each) for each in zip(*windows, strict=True))
        known, total = [], np.zeros_like(heard)
        for number, codebook in enumerate(self.codec.codebooks[:-1]):
            total = total + codebook[tokens[..., number]]
            known.append(total)
        none = np.zeros((*mask.shape, 0, heard.shape[-1]), np.float32)
        return {
            "heard": heard,
            "tokens": tokens,
            "known": np.stack(known, axis=2) if known else none,
            "mask": mask,
        }

    def _window(
        self, number: int, first: int, rng: np.random.Generator | None
    ) -> tuple[Floats, NDArray[np.int32], Floats]:
        part, hop = self.parts[number], self.codec.frames_per_step
        if rng is not None:
            latest = max(part.first, len(part) - self.length * hop)
            spread = self.length * hop // 2
            first = int(np.clip(first + rng.integers(-spread, spread + 1), part.first, latest))
        size = self.warm_up + self.length
        frames = first + hop * np.arange(-self.warm_up, self.length)
        is_there = (frames >= 0) & (frames < len(part))
        tokens = np.zeros((size, part.ids.shape[1]), dtype=np.int32)
        tokens[is_there] = part.ids[frames[is_there]]
        heard = np.zeros((size, part.components.shape[1]), dtype=np.float32)
        has_past = is_there & (frames >= hop)
        heard[has_past] = self.codec.to_steps(part.ids[frames[has_past] - hop])
        if rng is not None and self.noise:
            heard += rng.standard_normal(heard.shape, dtype=np.float32) * np.float32(self.noise) * self.spread
        mask = (is_there & (frames >= first)).astype(np.float32)
        return heard, tokens, mask

    @property
    def spread(self) -> Floats:
        """Standard deviation of each component in the first codebook, (C,)."""
        return self.codec.codebooks[0].std(axis=0)


def prepare_frames(songs: Sequence[TrainingSong], training: Any) -> Prepared:
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
        Steps(part.components[:cut], part.ids[:cut])
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
    return Steps(together, codec.quantise(together).astype(np.uint16) if len(together) else _no_ids(codec))


def _no_ids(codec: FrameCodec) -> NDArray[np.uint16]:
    return np.zeros((0, len(codec.codebooks)), np.uint16)


def _after(part: Steps, cut: int, codec: FrameCodec) -> Steps:
    """The whole song, of which only what no training frame overlaps is a target."""
    return Steps(part.components, part.ids, cut + -(-codec.n_fft // codec.hop_length))


def _examples(codec: FrameCodec, parts: Sequence[Steps], training: Any) -> FrameExamples:
    length = codec.sequence_length
    stride = max(1, round(length * codec.frames_per_step * (1 - training.sequence_overlap)))
    tiles = _tiles(parts, stride)
    return FrameExamples(codec, parts, tiles, length, noise=training.input_noise)


def _checks(codec: FrameCodec, parts: Sequence[Steps], training: Any) -> FrameExamples | None:
    """Windows over what is held out, each after a memory of the same length; everything counts once."""
    length = max(1, codec.sequence_length // 2)
    tiles = _tiles(parts, length * codec.frames_per_step) if training.validation_share else np.zeros((0, 2), np.int64)
    return FrameExamples(codec, parts, tiles, length, warm_up=codec.sequence_length) if len(tiles) else None


def _tiles(parts: Sequence[Steps], stride: int) -> NDArray[np.int64]:
    tiles = [(number, first) for number, part in enumerate(parts) for first in range(part.first, len(part), stride)]
    return np.array(tiles, dtype=np.int64).reshape(-1, 2)


def _floors(data: FrameExamples, checked: FrameExamples | None) -> dict[str, float]:
    """Nats for all choices of a step, by counting: each as frequent as it is, and each as frequent as it is after the
    same choice of the step before."""
    hop = data.codec.frames_per_step
    learned = [part.ids[begin::hop].astype(np.int64) for part in data.parts for begin in range(hop)]
    heard = checked or data
    asked = [part.ids[part.first :: hop].astype(np.int64) for part in heard.parts if len(part) > part.first + hop]
    found = {"uniform": 0.0, "unigram": 0.0, "bigram": 0.0}
    for number, codebook in enumerate(data.codec.codebooks):
        size = len(codebook)
        pair = ([ids[:, number] for ids in learned], [ids[:, number] for ids in asked])
        found["uniform"] += uniform_nats(size)
        if asked:
            found["unigram"] += unigram_nats(*pair, size)
            found["bigram"] += bigram_nats(*pair, size)
    return found if asked else {"uniform": found["uniform"]}


def _facts(
    songs: Sequence[TrainingSong],
    kept: Sequence[Sound],
    held_out: Sequence[Sound],
    data: FrameExamples,
    checked: FrameExamples | None,
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


def _codec_error(data: FrameExamples) -> float:
    """How far the codebooks' sounds lie from the songs', root mean square over the weighted logarithmic spectrum, in
    dB; what the components leave out does not count."""
    codec = data.codec
    misses = [np.square(codec.to_steps(part.ids[::7]) - part.components[::7]).sum(axis=1) for part in data.parts]
    per_bin = float(np.concatenate(misses).mean()) * codec.scale**2 / (codec.frames_per_step * codec.n_bins)
    return float(20 / np.log(10) * np.sqrt(per_bin))


def _check_long_enough(sounds: Sequence[Sound], training: Any) -> None:
    needed = training.n_fft + (2 * training.frames_per_step - 1) * training.hop_length
    longest = max(sound.n_samples for sound in sounds)
    if longest < needed:
        raise InvalidInput(
            sentence(
                f"A song to learn from has two steps or more: {needed:,} samples to train on",
                f"{longest:,} samples in the longest of {len(sounds)} song(s)",
                "Choose longer songs, a shorter window or fewer frames per step.",
            ),
            code="too_short",
        )
