"""A rehearsal: a training is begun with networks that are thrown away, before it is ordered, by a process that is kept
ready. Then the programs of its steps are compiled, and the training begins at once; so are those of the short pieces
that it makes on the way. Child processes only.

It changes nothing: programs take the weights as arguments (`networks.programs`), and what is computed in them does not
depend on what a process did before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.errors import Cancelled
from musicgen.machine import free_memory_bytes
from musicgen.networks.randomness import unchanged_randomness
from musicgen.runs.compiled_programs import keep_programs
from musicgen.runs.lapse import HEAR_IT_LEARN
from musicgen.runs.lapse_seconds import remember_seconds
from musicgen.runs.preparing import find
from musicgen.runs.short_pieces import ShortPieces
from musicgen.runs.songs_of_runs import find_songs
from musicgen.runs.starting import start_pace

MAX_SONGS = 40  # more take long to prepare, and then to compile is not what takes the time
MEMORY_SHARE = 0.25  # of the free memory, at most
NUM_PIECES = 2


class _Enough(Cancelled):
    """The first steps are done, or something else is to be done."""


class _UntilFirstSteps(SilentMonitor):
    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        if phase == "training" and done:
            raise _Enough

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        raise _Enough


def rehearse(request: Mapping[str, Any], device: str, is_wanted: Callable[[], bool]) -> None:
    """Do the first steps of a training.

    Args:
        request: see `expecting`. is_wanted: asked between its parts; where it says no, the rest is left out.

    Raises MusicgenError and whatever a training raises.
    """
    approach, training = find(request)
    songs, missing = find_songs(request["songs"][: MAX_SONGS + 1])
    if missing or not songs or len(songs) > MAX_SONGS:
        return
    seed = int(request["seed"])
    prepared = approach.prepare(songs, training, seed=seed)
    free = free_memory_bytes()
    if free is None or approach.cost(prepared, training).memory_bytes > MEMORY_SHARE * free or not is_wanted():
        return
    from musicgen.networks import backend

    backend.use_device(device)
    try:
        with unchanged_randomness():
            networks = approach.build(prepared.codec, training, seed=seed)
            if not is_wanted():
                return
            with suppress(_Enough):
                paced = start_pace(approach, request, training)
                approach.fit(networks, prepared, paced, seed=seed, monitor=_UntilFirstSteps(), first_epoch=1)
            if request.get(HEAR_IT_LEARN):
                pieces = ShortPieces(approach, training, networks, prepared.codec, songs, request)
                _make_pieces(pieces, device, is_wanted)
    finally:
        keep_programs()


def _make_pieces(pieces: ShortPieces, device: str, is_wanted: Callable[[], bool]) -> None:
    """Two: the first one compiles, and the other one tells what those on the way will take."""
    took: list[float] = []
    were_compiled = pieces.are_compiled
    while len(took) < NUM_PIECES and is_wanted():
        began = time.monotonic()
        pieces.make(SilentMonitor())
        took.append(time.monotonic() - began)
    remember_seconds(pieces.approach.key, device, took, were_compiled=were_compiled)
