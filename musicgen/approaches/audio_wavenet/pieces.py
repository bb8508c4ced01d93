"""Pieces of sound from a WaveNet: several at once, each with its own prompt and its own random numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.conditions import describe_frames
from musicgen.approaches.audio_wavenet.level_keeping import LevelKeeper
from musicgen.approaches.audio_wavenet.parameters import Generation, Training
from musicgen.approaches.audio_wavenet.sampler import Hiss, RawAudioSampler
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.sampling.level_facts import level_facts
from musicgen.sampling.pace import Pace
from musicgen.sampling.prompts import prompt_start
from musicgen.sampling.rules import uniforms

MAX_TOGETHER = 1 << 24  # samples in one batch: the longer the pieces, the fewer in a batch


def sound_pieces(
    model: Any,
    sizes: RawAudioSizes,
    codec: RawAudioCodec,
    training: Training,
    order: Order[Generation],
) -> Iterator[Made]:
    """One piece for each seed. Without a prompt, each seed chooses a song and a place in it at random."""
    generation, seeds, monitor = order.generation, order.seeds, order.monitor
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    together = max(1, MAX_TOGETHER // n_samples)
    for first in range(0, len(seeds), together):
        batch, done = seeds[first : first + together], first * n_samples
        begins = [_Begin(codec, generation, order.prompt or _drawn(order.songs, seed), seed) for seed in batch]
        sampler = RawAudioSampler(model, sizes, len(batch))
        told = [begin.described(n_samples) for begin in begins] if sizes.conditions else None
        sampler.hear(
            _laid_together([begin.levels for begin in begins], sizes.silence),
            None if told is None else _laid_together([heard for heard, _ in told], 0.0),
        )
        pace = Pace()

        def progress(count: int, done: int = done, batch: Sequence[int] = batch, pace: Pace = pace) -> None:
            pace.note(count)
            monitor.progress("generating", done + count * len(batch), n_samples * len(seeds))

        def so_far(made: NDArray[np.int32]) -> None:
            monitor.so_far(lambda: codec.decode(made[0]), made.shape[1], n_samples)

        monitor.progress("generating", done, n_samples * len(seeds))
        made = sampler.say(
            uniforms(batch, n_samples, 1)[:, :, 0],
            temperature=generation.temperature,
            top_p=generation.top_p,
            hiss=Hiss(training.heard_noise, batch) if training.heard_noise else None,
            keeper=LevelKeeper(codec) if generation.keep_level else None,
            condition=None if told is None else np.stack([played for _, played in told]),
            progress=progress,
            so_far=so_far,
        )
        for seed, begin, ids in zip(batch, begins, made, strict=True):
            content = codec.decode(ids)
            facts = {"steps": n_samples, **pace.facts(len(batch)), **begin.facts, **level_facts(content, codec.level)}
            yield Made(content, seed, facts, begin.reference(content.seconds))


class _Begin:
    """The prompt of one piece, and what the piece is conditioned on, if the network is conditioned."""

    def __init__(self, codec: RawAudioCodec, generation: Generation, song: TrainingSong | None, seed: int) -> None:
        self.codec, self.song, self.seconds = codec, song, generation.prompt_seconds
        self.start = prompt_start(song, generation, seed)
        self.length = generation.seconds
        self.levels = np.zeros(0, dtype=np.int32)
        if song is not None and self.seconds:
            self.levels = codec.encode(song.clip.waveform(self.start, self.start + self.seconds))

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "mode": "free",
            "prompt_seconds": round(self.levels.size / self.codec.sample_rate, 6),
            "prompt_song": None if self.song is None else self.song.name,
            "prompt_start_seconds": None if self.song is None else round(self.start, 6),
        }

    def reference(self, seconds: float) -> Reference | None:
        """What the song itself plays after the prompt, until it ends."""
        return Reference.following(self.song, self.start + self.seconds, seconds) if self.song else None

    def described(self, n_samples: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The conditions of the prompt (n, 3), and of what the song plays after it (n_samples, 3): silence after its
        end."""
        if self.song is None:
            raise InvalidInput(
                sentence("This network takes pitch and loudness from a song", "no song", "Choose one as the prompt.")
            )
        begin = self.start + self.seconds
        follows = self.codec.encode(self.song.clip.waveform(begin, begin + self.length))
        samples = self.codec.levels_to_samples(np.concatenate([self.levels, follows])[: self.levels.size + n_samples])
        missing = self.levels.size + n_samples - samples.size
        found = describe_frames(np.pad(samples, (0, missing)), self.codec.sample_rate)
        return found[: self.levels.size], found[self.levels.size :]


def _drawn(songs: Sequence[TrainingSong], seed: int) -> TrainingSong | None:
    return songs[int(np.random.default_rng([seed, 3]).integers(len(songs)))] if songs else None


def _laid_together(each: Sequence[NDArray[Any]], filling: float) -> NDArray[Any]:
    """(n_pieces, longest, …), aligned at their ends: `filling` comes before the shorter ones."""
    longest = max(len(one) for one in each)
    return np.stack(
        [np.pad(one, [(longest - len(one), 0), (0, 0)][: one.ndim], constant_values=filling) for one in each]
    )
