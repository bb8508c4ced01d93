"""Where a piece of sound begins: at a prompt from a song."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musicgen.approaches.audio_wavenet.codec import RawAudioCodec
from musicgen.approaches.audio_wavenet.parameters import Generation
from musicgen.contract.made import Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.sampling.prompts import prompt_start


class Beginning:
    """The prompt of one piece: a part of a song, as levels (n_samples,); none without a song.

    Attributes:
        start, seconds: of the prompt in its song. length: seconds of the piece.
    """

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


def drawn_song(songs: Sequence[TrainingSong], seed: int) -> TrainingSong | None:
    return songs[int(np.random.default_rng([seed, 3]).integers(len(songs)))] if songs else None
