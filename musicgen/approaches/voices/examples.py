"""Windows over songs on a grid as training examples, for both networks at once.

In each epoch the windows start at new random places, each is transposed to a random key, and other notes are hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.matches import HELD, LENGTHS, classes, earlier_matches, held_steps
from musicgen.approaches.voices.sizes import LEFT, PLACES, TONES
from musicgen.approaches.voices.whole_notes import APART, notes_apart
from musicgen.codecs.examples import Arrays

TRANSPOSE = 6  # semitones down that training may transpose a song, and one less up: every key once
STRETCHES_HIDDEN = (1, 2, 4)  # beats, of each of which one note is hidden
LAST_BEATS = 16  # in which tones are counted once more
ENDINGS = 0.5  # share of the windows that are told how near the end is


@dataclass(frozen=True)
class GridSong:
    """A song as ids.

    Attributes:
        ids: of each cell (steps, voices): 0 for a rest, else a pitch. struck: whether a note begins there.
        start: steps from a barline to the first step. bar: steps in a bar. beat: steps in a beat.
        values: see VoiceSizes; ids are less.
        followed, lengths: see `earlier_matches`. held: see `held_steps`.
    """

    ids: NDArray[np.int32]
    struck: NDArray[np.bool_]
    start: int
    bar: int
    beat: int
    values: int
    followed: NDArray[np.int32]
    lengths: NDArray[np.int32]
    held: NDArray[np.int32]

    @classmethod
    def of(
        cls, ids: NDArray[np.int32], struck: NDArray[np.bool_], *, start: int, bar: int, beat: int, values: int
    ) -> GridSong:
        followed, lengths = earlier_matches(ids, values)
        return cls(
            ids, struck, start, bar, beat, values, followed, classes(lengths, LENGTHS),
            classes(held_steps(ids, struck), HELD),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def shifts(self) -> tuple[int, int]:
        """The lowest and the highest transposition that keep every pitch among the values."""
        pitches = self.ids[self.ids > 0]
        if not pitches.size:
            return 0, 0
        return max(-TRANSPOSE, 1 - int(pitches.min())), min(TRANSPOSE - 1, self.values - 1 - int(pitches.max()))

    @cached_property
    def tones(self) -> NDArray[np.int32]:
        """How many cells before each step have each tone of the octave, (steps + 1, TONES), by the remainder of ids."""
        counts = np.zeros((len(self) + 1, TONES), dtype=np.int32)
        step, voice = np.nonzero((self.ids > 0) & (self.ids < self.values))
        np.add.at(counts, (step + 1, self.ids[step, voice] % TONES), 1)
        return np.cumsum(counts, axis=0, dtype=np.int32)

    def moved(self, shift: int) -> GridSong:
        """The song transposed by `shift` semitones."""
        return replace(
            self, ids=transposed(self.ids, shift, self.values), followed=transposed(self.followed, shift, self.values)
        )


def transposed(ids: NDArray[np.int32], shift: int, values: int) -> NDArray[np.int32]:
    """Ids moved by `shift` semitones; rests, and what is no id, stay."""
    return np.where((ids > 0) & (ids < values), ids + shift, ids).astype(np.int32)


@dataclass(frozen=True)
class GridExamples:
    """Windows of `steps` steps over songs, or stretches of songs.

    Attributes:
        stretches: (song, first step, step after the last).
        transpose: to a random key, anew each epoch. fills: give the arrays of the network that fills in.
        tells_end: whether some windows are told how near the end is. counts_tones: see VoiceSizes.

    Arrays: previous, held, last_beat, ids, struck (n, steps, voices); match (n, steps, KINDS, voices); match_length
    (n, steps, KINDS); place, bar, left, near, is_beat (n, steps); tones (n, steps, STRETCHES, TONES), see `told`;
    hidden, before, after (n, steps, voices), then (n, steps, voices, MOMENTS_AROUND); mask (n, steps), 0 for padding.
    """

    stretches: Sequence[tuple[GridSong, int, int]]
    steps: int
    transpose: bool = False
    fills: bool = True
    tells_end: bool = True
    passes: int = 1
    counts_tones: bool = False

    @cached_property
    def tiles(self) -> NDArray[np.int64]:
        """(stretch, first step) of the windows that cover everything `passes` times."""
        stride = max(1, self.steps // self.passes)
        firsts = [
            (number, first)
            for number, (_, start, stop) in enumerate(self.stretches)
            for first in range(start, stop, stride)
        ]
        return np.array(firsts, dtype=np.int64).reshape(-1, 2)

    @property
    def n_examples(self) -> int:
        return len(self.tiles)

    def gather(self, index: NDArray[np.int64], rng: np.random.Generator | None) -> Arrays:
        windows = [self._window(number, first, rng) for number, first in self.tiles[index].tolist()]
        return {name: np.stack([window[name] for window in windows]) for name in windows[0]}

    def _window(self, number: int, first: int, rng: np.random.Generator | None) -> Arrays:
        song, start, stop = self.stretches[number]
        shift = 0
        if rng is not None:
            first += int(rng.integers(-self.steps // 2, self.steps // 2 + 1))
            first = int(np.clip(first, start, max(start, stop - self.steps)))
            shift = int(rng.integers(song.shifts[0], song.shifts[1] + 1)) if self.transpose else 0
        told_end = rng is not None and self.tells_end and rng.random() < ENDINGS
        window = told(
            song, first, min(first + self.steps, stop), shift, told_end=told_end, counts_tones=self.counts_tones
        )
        count = len(window["ids"])
        window["mask"] = np.ones(count, dtype=np.float32)
        if self.fills:
            draw = rng if rng is not None else np.random.default_rng([first, number])
            window["hidden"] = hidden_notes(window["ids"], window["struck"] > 0, song.beat, draw)
            there = np.where(window["hidden"] > 0, song.values, window["ids"])
            window |= surroundings(there, window["is_beat"] > 0, song.values)
        else:
            del window["near"]
        missing = self.steps - count
        return {name: np.pad(array, [(0, missing), *[(0, 0)] * (array.ndim - 1)]) for name, array in window.items()}


def told(
    song: GridSong, first: int, stop: int, shift: int = 0, *, told_end: bool = False, counts_tones: bool = False
) -> Arrays:
    """What the networks are told of the steps `first` to `stop` of a song, transposed by `shift`.

    tones: how many cells before each step have each tone of the octave, in the song so far and in the last beats."""
    part, nothing = slice(first, stop), song.values
    before = slice(max(0, first - 1), stop - 1)
    previous, held = song.ids[before], song.held[before]
    if first == 0:
        n_voices = song.ids.shape[1]
        previous = np.concatenate([np.full((1, n_voices), nothing, dtype=np.int32), previous])
        held = np.concatenate([np.zeros((1, n_voices), dtype=np.int32), held])
    steps = np.arange(first, stop)
    since = (song.start + steps - 1) % song.beat + 1  # steps since the last beat before each step
    last_beat = np.where((steps >= since)[:, None], song.ids[np.maximum(steps - since, 0)], nothing)
    around = whereabouts(steps, len(song), song.start, song.bar, song.beat)
    arrays = {
        **around,
        "previous": transposed(previous, shift, song.values),
        "held": held,
        "last_beat": transposed(last_beat, shift, song.values),
        "ids": transposed(song.ids[part], shift, song.values),
        "struck": song.struck[part].astype(np.int32),
        "match": transposed(song.followed[part], shift, song.values),
        "match_length": song.lengths[part],
        "left": around["near"] if told_end else np.zeros_like(around["near"]),
    }
    if counts_tones:
        earlier = song.tones[np.maximum(steps - LAST_BEATS * song.beat, 0)]
        counted = np.stack([song.tones[steps], song.tones[steps] - earlier], axis=1)
        arrays["tones"] = np.roll(counted, shift, axis=-1).astype(np.float32)
    return arrays


def whereabouts(steps: NDArray[np.integer], n_steps: int, start: int, bar: int, beat: int) -> Arrays:
    """What is told of the steps of a piece of `n_steps` whatever sounds there: place, bar, near, is_beat, each (n,).
    `start`, `bar`, `beat`: see GridSong."""
    return {
        "place": np.minimum((start + steps) % bar, PLACES - 1).astype(np.int32),
        "bar": np.full(len(steps), min(bar, PLACES - 1), dtype=np.int32),
        "near": nearness(n_steps - steps, beat),
        "is_beat": ((start + steps) % beat == 0).astype(np.int32),
    }


def surroundings(there: NDArray[np.int32], is_beat: NDArray[np.bool_], nothing: int) -> Arrays:
    """What is near each cell, of the notes that are there.

    Args:
        there: ids (…, steps, voices), `nothing` where a note is hidden. is_beat: (…, steps).

    Returns:
        before, after (…, steps, voices): the nearest notes of the voice that are not hidden, the cell's own included;
        then (…, steps, voices, MOMENTS_AROUND): what is there a step before, a step after, on the last beat before and
        on the next beat; `nothing` where there is nothing.
    """
    steps = np.arange(there.shape[-2], dtype=np.int64)
    known = there != nothing
    earlier = np.maximum.accumulate(np.where(known, steps[:, None], -1), axis=-2)
    later = _from_the_end(np.where(known, steps[:, None], len(steps)))
    beats = np.maximum.accumulate(np.where(is_beat, steps, -1), axis=-1)[..., None]
    following = _from_the_end(np.where(is_beat, steps, len(steps))[..., None])
    everywhere = np.broadcast_to(steps[:, None], there.shape)
    last = np.concatenate([np.full_like(beats[..., :1, :], -1), beats[..., :-1, :]], axis=-2)
    coming = np.concatenate([following[..., 1:, :], np.full_like(following[..., :1, :], len(steps))], axis=-2)
    moments = [everywhere - 1, everywhere + 1, np.broadcast_to(last, there.shape), np.broadcast_to(coming, there.shape)]
    before, after, *then = (_at(there, places, nothing) for places in (earlier, later, *moments))
    return {"before": before, "after": after, "then": np.stack(then, axis=-1)}


def _from_the_end(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least of these and of all later ones, along the second axis from the end."""
    return np.flip(np.minimum.accumulate(np.flip(places, axis=-2), axis=-2), axis=-2)


def _at(there: NDArray[np.int32], places: NDArray[np.int64], nothing: int) -> NDArray[np.int32]:
    """What is there at these steps; `nothing` outside."""
    inside = (places >= 0) & (places < there.shape[-2])
    found = np.take_along_axis(there, np.where(inside, places, 0), axis=-2)
    return np.where(inside, found, nothing).astype(np.int32)


def nearness(left: NDArray[np.integer], beat: int) -> NDArray[np.int32]:
    """Class of how many steps are left, this one included: by the beat, the last for all that is farther; 0 is kept
    for not knowing."""
    return np.asarray(np.minimum(1 + (left - 1) // beat, LEFT - 1), dtype=np.int32)


def hidden_notes(
    ids: NDArray[np.int32], struck: NDArray[np.bool_], beat: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Random notes as wholes, to be filled in: 1 in their cells, (steps, voices)."""
    hidden = np.zeros_like(ids)
    stretch = beat * int(rng.choice(STRETCHES_HIDDEN))
    for note in notes_apart(ids, struck, np.ones(ids.shape, dtype=bool), stretch, APART * beat, rng):
        hidden[note.steps, note.voice] = 1
    return hidden
