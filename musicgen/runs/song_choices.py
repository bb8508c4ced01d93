"""Songs chosen for a run or as a prompt, checked against the library and what the approach reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.contract.approach import Approach
from musicgen.errors import CorruptArtifact, InvalidInput, MusicgenError, sentence
from musicgen.runs.leaving_out import LeftOut
from musicgen.wording import count

if TYPE_CHECKING:
    from musicgen.songs.library import Song


@dataclass(frozen=True)
class SongChoice:
    """A song in the library; for MIDI, with the tracks to use (None: all)."""

    id: str
    tracks: tuple[int, ...] | None = None


def chosen_songs(approach: Approach, choices: Sequence[SongChoice]) -> list[dict[str, Any]]:
    """The choices as JSON for a request, checked against the library and the medium of the approach."""
    return [_chosen_song(approach, song, tracks) for song, tracks in _there(choices)]


def sorted_songs(approach: Approach, choices: Sequence[SongChoice]) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """(choices as JSON for a request, songs that the approach cannot learn from). Raises as `chosen_songs` if none is
    left; NotFound if one is not in the library."""
    chosen, left_out = [], []
    first: MusicgenError | None = None
    for song, tracks in _there(choices):
        try:
            found = _chosen_song(approach, song, tracks)
            _check_content(song, tracks)
            chosen.append(found)
        except (InvalidInput, CorruptArtifact) as error:
            first = first or error
            left_out.append(LeftOut(song.id, song.name, str(error)))
    if first is not None and not chosen:
        raise first
    return chosen, left_out


def _check_content(song: Song, tracks: Sequence[int] | None) -> None:
    """Raises CorruptArtifact if its files are gone, InvalidInput if no approach could learn from it."""
    _ = song.clip
    there = [track for track in song.facts.get("tracks", ()) if tracks is None or track["index"] in tracks]
    if there and all(track.get("is_drum") or track.get("num_notes") == 0 for track in there):
        raise InvalidInput(
            sentence("A song needs notes other than drums", f"“{song.name}”, with none in {count(len(there), 'track')}")
        )


def _there(choices: Sequence[SongChoice]) -> list[tuple[Song, Sequence[int] | None]]:
    """The songs of the choices, each with its tracks."""
    from musicgen.songs.library import get_song, songs_of

    if not choices:
        raise InvalidInput(sentence("A training needs at least one song", "none"))
    if len({choice.id for choice in choices}) < len(choices):
        raise InvalidInput(sentence("A song can be chosen only once", "the same song twice"))
    there = {song.id: song for song in songs_of([choice.id for choice in choices])}
    return [(there.get(each.id) or get_song(each.id), each.tracks) for each in choices]


def _chosen_song(approach: Approach, song: Song, tracks: Sequence[int] | None) -> dict[str, Any]:
    if song.medium != approach.medium:
        raise InvalidInput(
            sentence(f"{approach.title} learns from {approach.medium}", f"“{song.name}”, which is {song.medium}")
        )
    if tracks is not None:
        known = {int(track["index"]) for track in song.facts.get("tracks", ())}
        unknown = sorted(set(tracks) - known)
        if unknown or not tracks:
            listed = ", ".join(map(str, sorted(known))) or "none"
            raise InvalidInput(sentence(f"“{song.name}” has the tracks {listed}", f"tracks {unknown or 'none'}"))
    chosen = {
        "id": song.id,
        "name": song.name,
        "sha256": song.sha256,
        "tracks": None if tracks is None else sorted(set(tracks)),
    }
    return chosen | ({"rights": song.rights} if song.rights else {})
