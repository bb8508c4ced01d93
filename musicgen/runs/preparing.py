"""Songs prepared for plans, kept for the next plan of a process that stays.

What was prepared is used again for every setting that `prepare` did not look at (see `traced`): then only the cost is
computed anew, in closed form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from musicgen.approaches import approach as find_approach
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters, read_parameters
from musicgen.contract.prepared import Cost, Prepared, TrainingSong
from musicgen.runs.leaving_out import LeftOut, as_warnings, prepare_what_can_be_learned
from musicgen.runs.songs_of_runs import find_songs, missing_songs, told_when_read
from musicgen.runs.speeds import flops_per_step
from musicgen.runs.traced import Reads, traced

KEPT = 4  # a form goes back and forth between a few choices

OnSong = Callable[[int, int], None]


@dataclass(frozen=True)
class Planned:
    """What a plan found. `reads`: what it depends on; all else is as in `Plan` and `Cost`."""

    prepared: Prepared
    left_out: tuple[LeftOut, ...]
    cost: Cost
    flops_per_step: float
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As `planning.plan` answers."""
        return {
            "facts": self.prepared.facts,
            "floors": self.prepared.floors,
            "warnings": [*self.prepared.warnings, *as_warnings(self.left_out)],
            "left_out": [each.to_json() for each in self.left_out],
            **asdict(self.cost),
            "flops_per_step": self.flops_per_step,
            "settings": dict(self.settings),
        }


@dataclass(frozen=True)
class _Kept:
    """`name`: of approach, songs and seed."""

    name: str
    reads: Reads
    prepared: Prepared
    left_out: tuple[LeftOut, ...]


class Preparations:
    """The last few; pass the same object for all plans of a process."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self.n_made = 0  # how often songs had to be prepared

    def clear(self) -> None:
        self._kept.clear()

    def plan(
        self,
        request: Mapping[str, Any],
        approach: Approach,
        training: TrainingParameters,
        *,
        on_read: OnSong | None = None,
        on_checked: OnSong | None = None,
    ) -> Planned:
        """The plan for a request of `planning`; its songs are looked up here. `on_read`, `on_checked`: (done, total).

        Raises MusicgenError if nothing can be learned from the songs."""
        name = json.dumps([request[part] for part in ("approach", "songs", "seed")] + [bool(request.get("leave_out"))])
        values = training.model_dump(mode="json")
        for kept in self._kept:
            if kept.name == name and kept.reads.hold_for(values):
                planned = _costed(kept, approach, training)
                if kept.reads.hold_for(values):  # computing the cost may have looked further into what was prepared
                    self._put_first(kept)
                    return planned
        made = _prepare(name, request, approach, training, on_read, on_checked)
        self.n_made += 1
        self._put_first(made)
        return _costed(made, approach, training)

    def _put_first(self, kept: _Kept) -> None:
        self._kept = [kept, *(each for each in self._kept if each is not kept)][:KEPT]


def _prepare(
    name: str,
    request: Mapping[str, Any],
    approach: Approach,
    training: TrainingParameters,
    on_read: OnSong | None,
    on_checked: OnSong | None,
) -> _Kept:
    songs = _songs(request["songs"])
    if on_read is not None:
        songs = told_when_read(songs, on_read)
    observed, reads = traced(training)
    if request.get("leave_out"):
        prepared, _, left_out = prepare_what_can_be_learned(
            approach, songs, observed, seed=request["seed"], on_song=on_checked
        )
    else:
        prepared, left_out = approach.prepare(songs, observed, seed=request["seed"]), []
    return _Kept(name, reads, prepared, tuple(left_out))


def _songs(chosen: Sequence[Mapping[str, Any]]) -> list[TrainingSong]:
    songs, missing = find_songs(chosen)
    if missing:
        raise missing_songs(missing)
    return songs


def _costed(kept: _Kept, approach: Approach, training: TrainingParameters) -> Planned:
    observed, reads = traced(training)
    prepared = replace(kept.prepared, facts=dict(kept.prepared.facts))
    cost = approach.cost(prepared, observed)
    step = flops_per_step(cost, prepared.facts, observed)
    settings = {**kept.reads.settings(), **reads.settings()}
    return Planned(prepared, kept.left_out, cost, step, settings)


def find(request: Mapping[str, Any]) -> tuple[Approach, TrainingParameters]:
    """The approach and the parameters of a request. Raises NotFound, InvalidParameter."""
    approach = find_approach(request["approach"])
    return approach, read_parameters(approach.Training, request["training"])
