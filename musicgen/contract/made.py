"""Orders to trained networks, and the pieces they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from musicgen.audio.waveform import Waveform
from musicgen.contract.monitor import Monitor, SilentMonitor
from musicgen.contract.parameters import Parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.symbolic.score import Score

GenerationModel = TypeVar("GenerationModel", bound=Parameters)
Generation = TypeVar("Generation", bound=Parameters, covariant=True)


@dataclass(frozen=True)
class Order(Generic[Generation]):
    """What to generate.

    Attributes:
        generation: the parameters. seeds: one piece for each.
        songs: those of the run that still exist. prompt: a song to continue.
    """

    generation: Generation
    seeds: Sequence[int]
    songs: Sequence[TrainingSong] = ()
    prompt: TrainingSong | None = None
    monitor: Monitor = field(default_factory=SilentMonitor)

    @property
    def song(self) -> TrainingSong | None:
        """The prompt, else the first song there is."""
        return self.prompt or (self.songs[0] if self.songs else None)


@dataclass(frozen=True)
class Reference:
    """The part of a song that an output can be compared with: sample i of the output belongs to
    `start_seconds + i / sample_rate`."""

    song_id: str
    start_seconds: float
    stop_seconds: float

    @classmethod
    def following(cls, song: TrainingSong, start: float, seconds: float) -> Reference | None:
        """`seconds` of a song from `start` on, or up to its end; None past its end."""
        stop = min(start + seconds, song.clip.seconds)
        return cls(song.id, start, stop) if stop > start else None


@dataclass(frozen=True)
class Made:
    """One piece that an approach made. `facts`: JSON for the sidecar (steps, steps_per_second, prompt length …)."""

    content: Waveform | Score
    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    reference: Reference | None = None
