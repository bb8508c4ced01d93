"""Filling in by annealed block Gibbs sampling: the new notes are chosen again and again, each time from all others.

In each round a random share of the new cells is hidden and chosen afresh, each from what is not hidden; the share
falls, so that the notes come to agree. In the second half only one voice is hidden at a time and not the stretches
before and after, so that each note is chosen knowing all that it must go with, and less and less is left to chance.
Whole stretches are hidden together, so that held notes can move (Yao et al., On the equivalence between deep NADE and
GSNs, 2014; Huang et al., Counterpoint by convolution, 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.examples import surroundings
from musicgen.approaches.voices.filling_network import FillingLayers
from musicgen.approaches.voices.repairing import repairs_of
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.codecs.examples import Arrays
from musicgen.networks.backend import compiled, ops
from musicgen.sampling.rules import Rules, choose

NEVER = -1e9
SHARE_SETTLED = 0.5  # of the rounds, after which one voice at a time is hidden
LEAST_SHARE = 0.125  # of the cells, hidden until then
COOLED = 0.3  # what the temperature is multiplied by in the end
UNIT = 64  # steps: lengths are rounded up to it, so that few lengths are compiled

Cells = NDArray[np.bool_]


def padded_length(n_steps: int) -> int:
    """The number of steps that are computed for so many."""
    return -(-n_steps // UNIT) * UNIT


def hidden_rounds(free: Cells, rounds: int, beat: int, seed: int, first_share: float = 1.0) -> NDArray[np.int32]:
    """Which cells each round chooses again, shape (rounds, steps, voices): random ones of the `free` cells."""
    rng = np.random.default_rng([seed, 11])
    found = np.zeros((rounds, *free.shape), dtype=np.int32)
    least = min(LEAST_SHARE, first_share)
    for number in range(rounds):
        fall = number / max(1.0, SHARE_SETTLED * rounds)
        if fall < 1:
            drawn = _stretches(free, beat, first_share + (least - first_share) * fall, rng)
        else:
            # No longer than a beat: notes that are hidden together do not know of each other.
            drawn = _one_voice(free, int(rng.choice([beat, beat, max(1, beat // 2)])), first_share, rng)
        found[number] = (drawn | (number == 0 and first_share >= 1.0)) & free
    return found


def _stretches(free: Cells, length: int, share: float, rng: np.random.Generator) -> Cells:
    n_steps, n_voices = free.shape
    return np.repeat(rng.random((-(-n_steps // length), n_voices)) < share, length, axis=0)[:n_steps]


def _one_voice(free: Cells, length: int, first_share: float, rng: np.random.Generator) -> Cells:
    """In every other stretch, one of the voices that have free cells there."""
    n_steps, n_voices = free.shape
    n_blocks = -(-n_steps // length)
    is_free = np.pad(free, [(0, n_blocks * length - n_steps), (0, 0)]).reshape(n_blocks, length, n_voices).any(axis=1)
    one = np.argmax(rng.random(is_free.shape) * is_free, axis=1)
    drawn = (one[:, None] == np.arange(n_voices)) & (rng.random((n_blocks, 1)) < first_share * n_voices)
    drawn[int(rng.integers(2)) :: 2] = False
    return np.repeat(drawn, length, axis=0)[:n_steps]


def cooling(number: int, rounds: int) -> float:
    """What the temperature of a round, from 0, is multiplied by: 1 at first, falling while one voice is hidden."""
    settled = SHARE_SETTLED * rounds
    return 1.0 - (1.0 - COOLED) * max(0.0, (number + 1 - settled) / (rounds - settled))


class FillingSampler:
    """Fills in the free cells of a piece."""

    def __init__(self, model: Any, sizes: VoiceSizes, allowed: Cells) -> None:
        self.model, self.sizes = model, sizes
        self.layers = FillingLayers(sizes, model)
        self.allowed = allowed

    def fill(
        self,
        told: dict[str, NDArray[np.int32]],
        hidden: NDArray[np.int32],
        rules: Rules,
        seeds: list[int],
        progress: Callable[[int, NDArray[np.int32], Cells], None] = lambda done, ids, struck: None,
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(ids, struck) of the pieces, (batch, steps, voices).

        Args:
            told: ids, struck (batch, steps, voices); place, bar, near, is_beat (batch, steps). hidden: (rounds, batch,
            steps, voices), see `hidden_rounds`. progress: called with the number of rounds so far, and with what
            is returned as it is by then.
        """
        run, state = self._compiled(rules), dict(told)
        for number, part in enumerate(hidden):
            if part.any():
                state |= run(state, part, [12, number], seeds, cooling(number, len(hidden)))
            progress(number + 1, state["ids"], state["struck"] > 0)
        return state["ids"], state["struck"] > 0

    def repaired(
        self,
        told: dict[str, NDArray[np.int32]],
        free: Cells,
        usual: tuple[float, float],
        beat: int,
        rounds: int,
        rules: Rules,
        seeds: list[int],
        progress: Callable[[NDArray[np.int32], Cells], None] = lambda ids, struck: None,
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(ids, struck) of pieces already filled in, with notes chosen again where there are more faults than usual.

        Args:
            told: as in `fill`. free: the cells that may change, (steps, voices). usual, beat: see `repairs_of`.
            rounds: at most. progress: called after each.
        """
        run, state = self._compiled(rules), dict(told)
        for number in range(rounds):
            repairs = [
                repairs_of(ids, free, usual, beat, np.random.default_rng([seed, 13, number]))
                for ids, seed in zip(state["ids"], seeds, strict=True)
            ]
            if not any(repairs):
                break
            hidden = np.zeros_like(state["ids"])
            for piece, its in enumerate(repairs):
                for each in its:
                    hidden[piece, each.hidden, each.voice] = 1
            # More is left to chance when the likeliest notes did not help.
            tried = run(state, hidden, [14, number], seeds, COOLED + (1.0 - COOLED) * (number + 1) / rounds)
            made = {name: state[name].copy() for name in ("ids", "struck")}
            for piece, its in enumerate(repairs):
                for each in its:
                    if each.is_better(state["ids"][piece], tried["ids"][piece]):
                        for name, array in made.items():
                            array[piece, each.near] = tried[name][piece, each.near]
            state |= made
            progress(state["ids"], state["struck"] > 0)
        return state["ids"], state["struck"] > 0

    def _compiled(self, rules: Rules) -> Callable[..., Arrays]:
        """run(told, hidden (batch, steps, voices), salt of the random numbers, seeds, factor of the temperature) →
        ids, struck (batch, steps, voices)."""
        program = compiled(lambda told, hidden, noise, cool: self._round(told, hidden, noise, cool, rules), self.model)

        def run(told: Arrays, hidden: NDArray[np.int32], salt: list[int], seeds: list[int], cool: float) -> Arrays:
            steps = told["ids"].shape[1]
            missing = padded_length(steps) - steps
            there = np.where(hidden > 0, self.sizes.nothing, told["ids"])
            near = surroundings(there, told["is_beat"] > 0, self.sizes.nothing)
            hidden = np.pad(hidden, [(0, 0), (0, missing), (0, 0)])
            noise = np.stack(
                [np.random.default_rng([seed, *salt]).random((2, *hidden.shape[1:]), np.float32) for seed in seeds]
            )
            noise = np.minimum(noise, np.float32(1 - 2**-24))
            made = program(_padded({**told, **near}, missing), hidden, noise, np.float32(cool))
            return {name: np.asarray(each)[:, :steps] for name, each in zip(("ids", "struck"), made, strict=True)}

        return run

    def _round(self, told: dict[str, Any], hidden: Any, noise: Any, cool: Any, rules: Rules) -> tuple[Any, Any]:
        """The hidden cells chosen again, all others as they are."""
        made = self.layers({**told, "hidden": hidden})
        logits = ops.where(ops.convert_to_tensor(self.allowed), made["filled"] / cool, NEVER)
        flat = choose(ops.reshape(logits, (-1, self.sizes.values)), ops.reshape(noise[:, 0], (-1,)), rules)
        ids = ops.where(hidden > 0, ops.reshape(flat, ops.shape(hidden)), told["ids"])
        before = ops.concatenate([ops.full_like(ids[:, :1], self.sizes.nothing), ids[:, :-1]], axis=1)
        begins = ids != before
        if self.sizes.strikes:
            again = noise[:, 1] < ops.sigmoid(made["filled_again"])
            begins = ops.logical_or(begins, again)
        begins = ops.cast(ops.logical_and(begins, ids > 0), "int32")
        # A note that stays is struck where it was; one that is held on from a new note begins there after all.
        is_new = ops.logical_or(hidden > 0, ops.logical_and(ids != before, ids > 0))
        return ids, ops.where(is_new, begins, told["struck"])


def _padded(told: Arrays, missing: int) -> Arrays:
    """Arrays (batch, steps, …) with as many more steps, as in training."""
    return {name: np.pad(each, [(0, 0), (0, missing), *[(0, 0)] * (each.ndim - 2)]) for name, each in told.items()}
