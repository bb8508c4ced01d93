"""Chooses where in a song a prompt begins."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from musicgen.contract.prepared import TrainingSong


class Prompted(Protocol):
    """The parameters that say which part of a song is the prompt."""

    @property
    def seconds(self) -> float: ...
    @property
    def prompt_seconds(self) -> float: ...
    @property
    def start_seconds(self) -> float | None: ...


def prompt_start(song: TrainingSong | None, generation: Prompted, seed: int) -> float:
    """Seconds from the start of the song: as requested, else random by the seed; 0 without a song."""
    if song is None:
        return 0.0
    latest = max(0.0, song.clip.seconds - generation.prompt_seconds)
    if generation.start_seconds is not None:
        return min(float(generation.start_seconds), latest)
    # If possible, where the song continues for as long as the piece, so that the two can be compared.
    return float(np.random.default_rng([seed, 1]).uniform(0.0, max(0.0, latest - generation.seconds) or latest))
