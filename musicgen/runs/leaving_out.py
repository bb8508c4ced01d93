"""Songs that an approach cannot learn from are left out, each with its reason; it learns from the others.

Only where `prepare` refuses the songs together is each looked at alone. What songs lack together (all are too short,
all are silent) no leaving out repairs: that stays an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from musicgen.contract.approach import Approach
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.errors import InvalidParameter, MusicgenError, ResourceUnavailable

OF_ALL_TOGETHER = frozenset({"too_short", "silent", "no_piano", "too_large"})
NAMED = 5

OnSong = Callable[[int, int], None]


@dataclass(frozen=True)
class LeftOut:
    """A song that is not learned from. `reason`: one sentence."""

    id: str
    name: str
    reason: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def prepare_what_can_be_learned(
    approach: Approach, songs: Sequence[TrainingSong], training: Any, *, seed: int, on_song: OnSong | None = None
) -> tuple[Prepared, list[TrainingSong], list[LeftOut]]:
    """(prepared, songs that are learned from, songs that are not). `on_song`: (looked at, in all), where each is.

    Raises what `prepare` raises where nothing is left, or where it is not a single song's fault."""
    try:
        return approach.prepare(songs, training, seed=seed), list(songs), []
    except MusicgenError as error:
        if (
            len(songs) < 2
            or error.code in OF_ALL_TOGETHER
            or isinstance(error, (InvalidParameter, ResourceUnavailable))
        ):
            raise
        refused, first = _each_alone(approach, songs, training, seed, on_song), error
    left = [song for song in songs if song.id not in refused]
    if not left or not refused:
        raise first
    out = [LeftOut(song.id, song.name, refused[song.id]) for song in songs if song.id in refused]
    return approach.prepare(left, training, seed=seed), left, out


def _each_alone(
    approach: Approach, songs: Sequence[TrainingSong], training: Any, seed: int, on_song: OnSong | None
) -> dict[str, str]:
    """song id → why it is refused, alone and, where others may make up for what it lacks, with one that is not."""
    refused: dict[str, str] = {}
    unsure: list[TrainingSong] = []
    good: TrainingSong | None = None
    for number, song in enumerate(songs):
        error = _refusal(approach, [song], training, seed)
        if error is None:
            good = good or song
        elif error.code in OF_ALL_TOGETHER:
            unsure.append(song)
        else:
            refused[song.id] = str(error)
        if on_song is not None:
            on_song(number + 1, len(songs))
    for song in unsure if good else []:
        if error := _refusal(approach, [good, song], training, seed):  # type: ignore[list-item]
            refused[song.id] = str(error)
    return refused


def _refusal(approach: Approach, songs: list[TrainingSong], training: Any, seed: int) -> MusicgenError | None:
    try:
        approach.prepare(songs, training, seed=seed)
    except ResourceUnavailable:  # of the machine, not of the song
        raise
    except MusicgenError as error:
        return error
    return None


def as_warnings(left_out: Sequence[LeftOut]) -> list[str]:
    """What a page or a table says about them."""
    said = [f"Left out: “{each.name}”. {each.reason}" for each in left_out[:NAMED]]
    more = len(left_out) - NAMED
    return said + ([f"Left out as well: {more:,} more {'song' if more == 1 else 'songs'}."] if more > 0 else [])
