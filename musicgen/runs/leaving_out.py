"""Leaves out songs that an approach cannot learn from, each with its reason; it learns from the others.

Each song is checked alone only if `prepare` refuses all of them together. If all songs share a fault (all too short,
all silent), leaving some out does not help, and it stays an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.errors import InvalidParameter, MusicgenError, ResourceUnavailable

OF_ALL_TOGETHER = frozenset({"too_short", "silent", "no_piano", "too_large"})
NAMED = 5

OnSong = Callable[[int, int], None]


@dataclass(frozen=True)
class LeftOut:
    """A song that is left out. `reason`: one sentence."""

    id: str
    name: str
    reason: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def prepare_what_can_be_learned(
    approach: Approach,
    songs: Sequence[TrainingSong],
    training: TrainingParameters,
    *,
    seed: int,
    on_song: OnSong | None = None,
) -> tuple[Prepared, list[TrainingSong], list[LeftOut]]:
    """(prepared, songs to learn from, songs left out). `on_song`: called with (checked, total) when each is checked.

    Raises what `prepare` raises if no song is left, or if no single song is at fault."""
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
    approach: Approach, songs: Sequence[TrainingSong], training: TrainingParameters, seed: int, on_song: OnSong | None
) -> dict[str, str]:
    """song id → why it is refused alone and, if others might make up for what it lacks, with a good one as well."""
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


def _refusal(
    approach: Approach, songs: list[TrainingSong], training: TrainingParameters, seed: int
) -> MusicgenError | None:
    try:
        approach.prepare(songs, training, seed=seed)
    except ResourceUnavailable:  # a fault of the machine, not of the song
        raise
    except MusicgenError as error:
        return error
    return None


def as_warnings(left_out: Sequence[LeftOut]) -> list[str]:
    """Sentences about them for a page or a table."""
    said = [f"Left out: “{each.name}”. {each.reason}" for each in left_out[:NAMED]]
    more = len(left_out) - NAMED
    return said + ([f"Also left out: {more:,} more {'song' if more == 1 else 'songs'}."] if more > 0 else [])
