"""The two sides of a comparison, given as ids or paths. Light: a file is read by the import's child.

A path comes from the command line of the local user. Its content is copied, named by its hash, recognised by
its first bytes and read with the same limits as an upload; nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.contract.prepared import TrainingSong
from musicgen.errors import CorruptArtifact, NotFound, RejectedFile, sentence
from musicgen.evaluation.given import NOTHING, Given
from musicgen.evaluation.stretches import StretchPlace
from musicgen.songs.content import refusal, sniff
from musicgen.songs.library import Song, get_song, known_contents
from musicgen.songs.reader import ReadingJob, read_files
from musicgen.songs.workplace import Workplace
from musicgen.storage.database import ID_PATTERN

if TYPE_CHECKING:
    from musicgen.clips import Clip


@dataclass(frozen=True)
class Learned:
    """A training song of an output, with the hash of its clip."""

    song: TrainingSong
    sha256: str


@dataclass(frozen=True)
class Side:
    """One side.

    Attributes:
        sha256: of the source of the clip: equal hashes, equal clips. place: the song it belongs to.
        training: its training songs that still exist.
        open: returns the clip; a file is only read now.
        given: what its training songs gave it on purpose.
    """

    sha256: str
    place: StretchPlace | None
    training: tuple[Learned, ...]
    open: Callable[[], Clip]
    given: Given = NOTHING


@contextmanager
def open_sides(reference: str | Path, generated: str | Path) -> Iterator[tuple[Side, Side]]:
    """Both sides; what was made from files is removed when the block ends.

    Raises NotFound if there is no such song, output or file, RejectedFile if a file is not music."""
    if _is_id(reference) and _is_id(generated):
        yield _by_id(str(reference)), _by_id(str(generated))
        return
    with Workplace() as place:
        one, other = (
            _by_id(str(each)) if _is_id(each) else _by_path(Path(each), place) for each in (reference, generated)
        )
        yield one, other


def _is_id(text: str | Path) -> bool:
    return isinstance(text, str) and ID_PATTERN.match(text) is not None


def _by_id(text: str) -> Side:
    if text.startswith("song-"):
        return _side_of_song(get_song(text))
    if text.startswith("output-"):
        return _side_of_output(text)
    rule = "Each side of a comparison must be a song, an output or a file"
    raise NotFound(sentence(rule, repr(text), "Name one of the run's outputs: `generate` prints their ids."))


def _side_of_song(song: Song) -> Side:
    return Side(song.sha256, StretchPlace(song.id), (), lambda: song.clip)


def _side_of_output(output_id: str) -> Side:
    from musicgen.runs.api import get_output

    output = get_output(output_id)
    belongs = output.sidecar.get("reference")
    place = StretchPlace(belongs["song_id"], float(belongs["start_seconds"])) if belongs else None
    training = tuple(existing_songs(output.sidecar.get("songs", ())))
    given = Given.of(output.sidecar)
    return Side(output.sidecar["content_sha256"], place, training, lambda: output.clip, given)


def existing_songs(chosen: Sequence[Mapping[str, Any]]) -> Iterator[Learned]:
    for choice in chosen:
        try:
            song = get_song(choice["id"])
            sha256 = str(song.clip.facts["sha256"])
        except (NotFound, CorruptArtifact):  # removed or damaged since: the comparison goes on without it
            continue
        tracks = choice.get("tracks")
        yield Learned(TrainingSong(song.id, song.name, song.clip, None if tracks is None else tuple(tracks)), sha256)


def _by_path(path: Path, place: Workplace) -> Side:
    if not path.exists():
        rule = "Each side of a comparison must be a song id, an output id or an existing file"
        raise NotFound(sentence(rule, repr(str(path)[:200]), "`songs list` and `generate` print ids."))
    spooled = place.spool(path)
    if known := known_contents([spooled.sha256]).get(spooled.sha256):
        return _side_of_song(known)
    format = sniff(spooled.head)
    if format is None:
        raise refusal(spooled.head, path.name)
    if format == "zip":
        rule = "Each side of a comparison must be one piece of music"
        raise RejectedFile(sentence(rule, "a zip archive", "Unpack it and name one of its files."), code="archive")
    job = ReadingJob(spooled.path, format, place.folder / f"clip-{spooled.sha256}")
    return Side(spooled.sha256, None, (), lambda: _read(job, place))


def _read(job: ReadingJob, place: Workplace) -> Clip:
    from musicgen.clips import Clip

    if not job.folder.is_dir():
        for _, outcome in read_files([job], place.folder):
            if rejected := outcome.get("rejected"):
                raise RejectedFile(rejected["message"], code=rejected["code"])
    return Clip(job.folder)
