"""The units of a piece: the network chooses a code, then the unit of this code that joins best is taken.

Among codes, that of the unit that follows in the song is preferred; among units, the following one always is, until the
stretch is as long as is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.collage.bank import UnitBank
from musicgen.approaches.collage.frames import Floats
from musicgen.approaches.collage.grid import UNITS_PER_BEAT
from musicgen.approaches.collage.network import CodeStepper
from musicgen.approaches.collage.parameters import Generation
from musicgen.networks.backend import compiled
from musicgen.sampling.rules import EXCLUDED, Rules, choose

USED_AGAIN = 0.3  # cost of each time that a unit was played lately
REMEMBERED = 64  # units
HIGHEST = 1 - 2**-24  # of the random numbers, in single precision
CHANCE = 0.05  # of the usual distance: so that another seed may take another of two units that join as well


@dataclass(frozen=True)
class Beginning:
    """What a piece continues.

    Attributes:
        codes, places: heard before, (n,). place: of the first unit of the piece.
        natural: the unit that would follow; -1 for none. end: see UnitBank.join_costs.
    """

    codes: NDArray[np.int32]
    places: NDArray[np.int32]
    place: int
    natural: int = -1
    end: tuple[Floats, Floats] | None = None


class CodeSampler:
    """The network, one piece at a time."""

    def __init__(self, stepper: CodeStepper, generation: Generation) -> None:
        rules = Rules(generation.temperature, generation.top_k, generation.top_p)
        self.nothing, self.state = stepper.sizes.num_codes, stepper.start(1)

        def draw(code: Any, place: Any, state: Any, bias: Any, uniform: Any) -> Any:
            logits, state = stepper.step(code, place, state)
            return choose(logits + bias, uniform, rules), state

        self._draw = compiled(draw, stepper.model)

    def next(self, code: int, place: int, bias: NDArray[np.float32], uniform: float) -> int:
        """The code that comes at this place after `code`. `bias`: added to the logits, (codes,)."""
        chosen, self.state = self._draw(
            np.array([code], np.int32), np.array([place], np.int32), self.state, bias[None], np.array([uniform], "f4")
        )
        return int(np.asarray(chosen)[0])


class UnitChooser:
    """Chooses the units of one piece one after the other."""

    def __init__(self, bank: UnitBank, sampler: CodeSampler, generation: Generation, seed: int) -> None:
        self.bank, self.sampler, self.generation = bank, sampler, generation
        self.rng = np.random.default_rng([seed, 3])
        self.longest = max(1, round(generation.longest_run * UNITS_PER_BEAT))
        self.num_codes = sampler.nothing
        self.played: list[int] = []

    def choose(self, begin: Beginning, per_bar: int) -> Iterator[int]:
        """Units without end. `per_bar`: units in a bar; 0 without beats."""
        code, place, natural, end, run = self.sampler.nothing, begin.place, begin.natural, begin.end, 0
        none = np.zeros(self.num_codes, np.float32)
        for heard, at in zip(begin.codes.tolist(), begin.places.tolist(), strict=True):
            self.sampler.next(code, at, none, 0.5)
            code = heard
        while True:
            follows = natural if run < self.longest else -1
            barred = natural if follows < 0 else -1
            units = self._candidates(place, barred)
            uniform = min(float(self.rng.random()), HIGHEST)
            code = self.sampler.next(code, place, self._bias(units, follows), uniform)
            unit = self._unit(units[self.bank.codes[units] == code], follows, end, place)
            run = run + 1 if unit == follows else 1
            self.played.append(unit)
            natural, end = int(self.bank.following[unit]), (self.bank.end_before[unit], self.bank.end_after[unit])
            place = (place + 1) % per_bar if per_bar else 0
            yield unit

    def _candidates(self, place: int, barred: int) -> NDArray[np.int64]:
        """The units that may come: those from the right half of a beat, if there are any."""
        usable = np.flatnonzero(self.bank.is_usable & (np.arange(len(self.bank)) != barred))
        if not usable.size:
            usable = np.flatnonzero(np.arange(len(self.bank)) != barred)
        fitting = usable[(self.bank.places[usable] - place) % UNITS_PER_BEAT == 0]
        return fitting if fitting.size else usable

    def _bias(self, units: NDArray[np.int64], follows: int) -> NDArray[np.float32]:
        """Only codes that there is a unit for; that of the unit that follows in the song is preferred."""
        bias = np.full(self.num_codes, EXCLUDED, np.float32)
        bias[self.bank.codes[units]] = 0.0
        if follows >= 0:
            # The temperature divides logits and bias alike.
            bias[self.bank.codes[follows]] = self.generation.continuity * self.generation.temperature
        return bias

    def _unit(self, units: NDArray[np.int64], follows: int, end: tuple[Floats, Floats] | None, place: int) -> int:
        if follows >= 0 and (not units.size or self.bank.codes[follows] == self.bank.codes[units[0]]):
            return follows
        lately = np.bincount(self.played[-REMEMBERED:], minlength=len(self.bank))[units]
        cost = self.bank.join_costs(end, units) + self.bank.place_costs(units, place) + USED_AGAIN * lately
        return int(units[np.argmin(cost + CHANCE * self.rng.gumbel(size=len(units)))])
