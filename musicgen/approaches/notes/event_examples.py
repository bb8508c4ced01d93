"""Windows over songs of note events as training examples: every step of a window is a target.

In each epoch the windows start at new random places, and each is transposed to a random key. Some of them start with a
start mark instead of the note before, so that the network can start a piece in many ways, not only like the songs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.event_features import features_of
from musicgen.approaches.notes.event_recall import NEXT_END, SongRecall, followed_columns, recall_of, song_recall
from musicgen.approaches.notes.events import FIELDS, GAP, PITCH, TRANSPOSE, EventCodec, EventSong
from musicgen.codecs.examples import Arrays

SHADOW = 48  # events before a window that may still sound in it, and that show its key
FRESH_STARTS = 0.25


@dataclass(frozen=True)
class EventStretch:
    """Part of a song: events `start` to `stop` are targets; those before are only read."""

    song: EventSong
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class EventExamples:
    """Windows of `steps` events.

    Attributes:
        warm_up: events of a window that only warm up the state. transpose: to a random key, anew each epoch.
        passes: how many times the windows of an epoch overlap, so that a short song gives more than one.
        recalls: with what the piece recalls of itself (`event_recall`).

    Arrays: previous, chosen (n, steps, 5) ids; phase_before, phase (n, steps, 2); sounding_before, sounding
    (n, steps, pitches); last (n, steps); tonality (n, steps, 24); mask (n, steps), 0 for padding and for steps that
    only warm up the state. With `recalls` also pointers, states and habits.
    """

    codec: EventCodec
    stretches: Sequence[EventStretch]
    steps: int
    warm_up: int = 0
    transpose: bool = False
    passes: int = 1
    recalls: bool = False
    ids: list[NDArray[np.int32]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", [self.codec.events_to_ids(each.song.events) for each in self.stretches])

    @cached_property
    def recalled(self) -> list[SongRecall]:
        """What each song recalls of itself."""
        return [song_recall(ids) for ids in self.ids]

    @cached_property
    def tiles(self) -> NDArray[np.int64]:
        """(stretch, first target) of the windows that cover everything `passes` times."""
        firsts = [
            (number, first)
            for number, stretch in enumerate(self.stretches)
            for first in range(stretch.start, stretch.stop, max(1, self.stride // self.passes))
        ]
        return np.array(firsts, dtype=np.int64).reshape(-1, 2)

    @property
    def stride(self) -> int:
        """Events of a window that are targets."""
        return self.steps - self.warm_up

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    @property
    def start_mark(self) -> NDArray[np.int32]:
        """It stands in for the event before the first one."""
        return np.array(self.codec.sizes, dtype=np.int32)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        windows = [self._window(stretch, first, rng) for stretch, first in self.tiles[index].tolist()]
        ids, position, bar, lead, mask, followed = (np.stack(part) for part in zip(*windows, strict=True))
        is_real = np.arange(ids.shape[1]) >= SHADOW - lead[:, None]
        features = features_of(self.codec, ids, position, bar[:, None], is_real)
        before, now = slice(SHADOW - 1, -1), slice(SHADOW, None)
        arrays = {
            "previous": ids[:, before].copy(),
            "chosen": ids[:, now],
            "phase_before": features.phase[:, before].copy(),
            "phase": features.phase[:, now],
            "sounding_before": features.sounding_after[:, before].copy(),
            "sounding": features.sounding[:, now],
            "last": features.last[:, now],
            "tonality": features.tonality[:, now],
            "mask": mask,
        }
        if self.recalls:
            recall = recall_of(self.codec, ids, followed, is_real)
            arrays |= {name: getattr(recall, name)[:, now] for name in ("pointers", "states", "habits")}
        fresh = np.flatnonzero(lead == 0)  # nothing before: a start mark at the place of the first event
        arrays["previous"][fresh, 0] = self.start_mark
        arrays["phase_before"][fresh, 0] = arrays["phase"][fresh, 0]
        arrays["sounding_before"][fresh, 0] = 0.0
        return arrays

    def _window(
        self, number: int, first: int, rng: np.random.Generator | None
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], int, int, NDArray[np.float32], NDArray[np.int32]]:
        """(ids, position, bar, events before it, mask, followed columns) of one window with its shadow, padded to full
        length."""
        stretch, ids = self.stretches[number], self.ids[number]
        is_fresh = False
        if rng is not None:
            first, is_fresh = self._moved(stretch, ids, first, rng)
        begin = first if is_fresh else max(0, first - self.warm_up)
        stop = min(first + self.stride, stretch.stop)
        lead = 0 if is_fresh else min(SHADOW, begin)
        piece = ids[begin - lead : stop].copy()
        position = stretch.song.position[begin - lead : stop]
        if lead == 0:
            piece[0, GAP] = nearest_zero(self.codec)
        shift = self._shift(piece[:, PITCH], rng) if rng is not None and self.transpose else 0
        piece[:, PITCH] += shift
        full = np.zeros((SHADOW + self.steps, len(FIELDS)), dtype=np.int32)
        places = np.zeros(SHADOW + self.steps, dtype=np.int64)
        mask = np.zeros(self.steps, dtype=np.float32)
        at = SHADOW - lead
        full[at : at + len(piece)] = piece
        places[at : at + len(piece)] = position
        mask[first - begin : stop - begin] = 1.0
        followed = np.zeros((SHADOW + self.steps, NEXT_END), dtype=np.int32)
        if self.recalls:
            followed[SHADOW : SHADOW + stop - begin] = followed_columns(
                self.codec, ids, self.recalled[number], begin, stop, first=begin if is_fresh else 0, shift=shift
            )
        return full, places, stretch.song.bar, lead, mask, followed

    def _moved(
        self, stretch: EventStretch, ids: NDArray[np.int32], first: int, rng: np.random.Generator
    ) -> tuple[int, bool]:
        """A random first event near `first`, and whether the window starts with a start mark."""
        first += int(rng.integers(-self.stride // 2, self.stride // 2 + 1))
        first = int(np.clip(first, stretch.start, max(stretch.start, stretch.stop - self.stride)))
        if rng.random() >= FRESH_STARTS:
            return first, False
        while first > stretch.start and ids[first, GAP] == nearest_zero(self.codec):
            first -= 1  # never in the middle of a chord
        return first, True

    def _shift(self, pitches: NDArray[np.int32], rng: np.random.Generator) -> int:
        """Semitones to transpose by, so that every pitch stays in the vocabulary."""
        low = max(-TRANSPOSE, -int(pitches.min()))
        high = min(TRANSPOSE - 1, self.codec.sizes[PITCH] - 1 - int(pitches.max()))
        return int(rng.integers(low, high + 1))


def nearest_zero(codec: EventCodec) -> int:
    """The id of a gap of 0."""
    return codec.values[GAP].index(0)
