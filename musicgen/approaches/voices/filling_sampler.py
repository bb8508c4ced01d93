"""Notes chosen again by the network that fills in, one here and one there, each from all others around it.

A note is chosen as a whole: when it sounds, and for how long, stays as drafted. Round after round the new notes come
to agree, and less and less is left to chance (annealed Gibbs sampling: Huang et al., Counterpoint by convolution,
2017). Where voices then still move in parallels, cross or clash, notes are chosen again until they seldom do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.examples import surroundings
from musicgen.approaches.voices.filling_network import FillingLayers
from musicgen.approaches.voices.repairing import repairs_of
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.approaches.voices.whole_notes import APART, Note, notes_apart
from musicgen.codecs.examples import Arrays
from musicgen.networks.backend import compiled, ops
from musicgen.sampling.rules import Rules, choose

NEVER = -1e9
COOLED = 0.3  # what the temperature is multiplied by in the last round
STRETCH = 1  # beats, of each of which a round chooses one note again at most
UNIT = 64  # steps: lengths are rounded up to it, so that few lengths are compiled

Ids = NDArray[np.int32]
Cells = NDArray[np.bool_]


def padded_length(n_steps: int) -> int:
    """The number of steps that are computed for so many."""
    return -(-n_steps // UNIT) * UNIT


def cooling(number: int, rounds: int) -> float:
    """What the temperature of a round, from 0, is multiplied by: it falls from 1 to COOLED."""
    return 1.0 - (1.0 - COOLED) * (number + 1) / rounds


class FillingSampler:
    """Chooses notes of several pieces again. Pieces are arrays: ids, struck (batch, steps, voices); place, bar, near,
    is_beat (batch, steps). Only the `free` cells (batch, steps, voices) change."""

    def __init__(self, model: Any, sizes: VoiceSizes, allowed: Cells, rules: Rules) -> None:
        self.sizes = sizes
        self._run = _program(model, sizes, allowed, rules) if model is not None else None

    def settled(
        self,
        pieces: Arrays,
        free: Cells,
        beat: int,
        rounds: int,
        seeds: Sequence[int],
        progress: Callable[[int, Arrays], None],
    ) -> Arrays:
        """The pieces after so many rounds. `progress`: called with the number of rounds so far and the pieces."""
        for number in range(rounds):
            rngs = [np.random.default_rng([seed, 16, number]) for seed in seeds]
            notes = [
                notes_apart(ids, struck > 0, may, STRETCH * beat, APART * beat, rng)
                for ids, struck, may, rng in zip(pieces["ids"], pieces["struck"], free, rngs, strict=True)
            ]
            if any(notes):
                pieces = self.chosen_again(pieces, notes, rngs, cooling(number, rounds))
            progress(number + 1, pieces)
        return pieces

    def repaired(
        self,
        pieces: Arrays,
        free: Cells,
        usual: Sequence[float],
        beat: int,
        rounds: int,
        seeds: Sequence[int],
        progress: Callable[[Arrays], None] = lambda pieces: None,
    ) -> Arrays:
        """The pieces with notes chosen again until faults are few enough, in at most so many rounds.
        `usual`, `beat`: see `repairs_of`."""
        for number in range(rounds):
            rngs = [np.random.default_rng([seed, 13, number]) for seed in seeds]
            repairs = [
                repairs_of(ids, may, usual, beat, rng) for ids, may, rng in zip(pieces["ids"], free, rngs, strict=True)
            ]
            if not any(repairs):
                break
            # More is left to chance when the likeliest notes did not help.
            cool = COOLED + (1.0 - COOLED) * (number + 1) / rounds
            notes = [[each.note for each in its] for its in repairs]
            tried = self.chosen_again(pieces, notes, rngs, cool, may_stay=False)
            made = {name: pieces[name].copy() for name in ("ids", "struck")}
            for piece, its in enumerate(repairs):
                for each in its:
                    if each.is_better(pieces["ids"][piece], tried["ids"][piece]):
                        for name, array in made.items():
                            array[piece, each.near] = tried[name][piece, each.near]
            pieces = {**pieces, **made}
            progress(pieces)
        return pieces

    def chosen_again(
        self,
        pieces: Arrays,
        notes: Sequence[Sequence[Note]],
        rngs: Sequence[np.random.Generator],
        cool: float,
        *,
        may_stay: bool = True,
    ) -> Arrays:
        """The pieces with the pitches of these notes of each chosen again. `cool`: what the temperature is multiplied
        by. may_stay: whether a note may keep its pitch."""
        ids = pieces["ids"]
        hidden, begins, ends = np.zeros_like(ids), np.zeros_like(ids), np.ones_like(ids)
        avoided = np.full_like(ids, self.sizes.nothing)
        noise = np.zeros(ids.shape, dtype=np.float32)
        for piece, (its, rng) in enumerate(zip(notes, rngs, strict=True)):
            for note in its:
                cells = piece, note.steps, note.voice
                hidden[cells], begins[cells], ends[cells] = 1, note.steps.start, note.steps.stop
                noise[cells] = np.minimum(rng.random(dtype=np.float32), np.float32(1 - 2**-24))
                if not may_stay:
                    avoided[cells] = ids[cells]
        about = {"hidden": hidden, "begins": begins, "ends": ends, "noise": noise, "avoided": avoided}
        chosen = self.pitches(pieces, about, cool)
        changed = np.zeros(ids.shape, dtype=bool)
        changed[:, 1:] = chosen[:, 1:] != chosen[:, :-1]
        # Where only a part of a note was chosen again, it begins there; and so does what it went on into.
        struck = np.where(changed & (chosen > 0), 1, pieces["struck"]).astype(np.int32)
        return {**pieces, "ids": chosen, "struck": struck}

    def pitches(self, pieces: Arrays, about: Arrays, cool: float) -> Ids:
        """ids with the hidden notes chosen again. `about`, all (batch, steps, voices): hidden; begins and ends of the
        note that a hidden cell belongs to; noise, the random number of the note; avoided, ids that it may not have."""
        assert self._run is not None
        there = np.where(about["hidden"] > 0, self.sizes.nothing, pieces["ids"])
        near = surroundings(there, pieces["is_beat"] > 0, self.sizes.nothing)
        steps = pieces["ids"].shape[1]
        made = self._run(_padded({**pieces, **near, **about}, padded_length(steps) - steps), np.float32(cool))
        return np.asarray(made)[:, :steps]


def _program(model: Any, sizes: VoiceSizes, allowed: Cells, rules: Rules) -> Callable[[Arrays, np.float32], Any]:
    """run(arrays, factor of the temperature) → ids. One program for all temperatures and seeds."""
    layers, form = FillingLayers(sizes, model), rules.form
    run = compiled(lambda told, cool, numbers: _chosen(layers, allowed, told, cool, numbers, form), model)
    return lambda told, cool: run(told, cool, rules.numbers)


def _chosen(layers: FillingLayers, allowed: Cells, told: dict[str, Any], cool: Any, numbers: Any, form: Rules) -> Any:
    """ids with the hidden notes chosen again: see `pitches`."""
    values = layers.sizes.values
    logits = ops.where(ops.convert_to_tensor(allowed), layers(told), NEVER)
    logits = ops.where(ops.one_hot(told["avoided"], values, dtype="float32") > 0, NEVER, logits)
    logits = ops.concatenate([ops.full_like(logits[..., :1], NEVER), logits[..., 1:]], axis=-1)  # no rest
    # The mean over the cells of the note, from running sums.
    sums = ops.cumsum(ops.pad(ops.log_softmax(logits, axis=-1), [(0, 0), (1, 0), (0, 0), (0, 0)]), axis=1)
    ends, begins = (ops.take_along_axis(sums, told[name][..., None], axis=1) for name in ("ends", "begins"))
    mean = (ends - begins) / ops.cast(told["ends"] - told["begins"], "float32")[..., None]
    flat = choose(ops.reshape(mean / cool, (-1, values)), ops.reshape(told["noise"], (-1,)), form, numbers)
    return ops.where(told["hidden"] > 0, ops.reshape(flat, ops.shape(told["hidden"])), told["ids"])


def _padded(told: Arrays, missing: int) -> Arrays:
    """Arrays (batch, steps, …) with as many more steps, as in training."""
    padded = {name: np.pad(each, [(0, 0), (0, missing), *[(0, 0)] * (each.ndim - 2)]) for name, each in told.items()}
    padded["ends"] = np.maximum(padded["ends"], 1)
    return padded
