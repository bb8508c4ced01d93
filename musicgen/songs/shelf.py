"""The last step of the import: songs that were read go into the library, several in one transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musicgen.errors import MusicgenError, ResourceUnavailable, sentence
from musicgen.songs.content import extension_warning
from musicgen.songs.library import NewSong, Song, publish
from musicgen.songs.names import song_name
from musicgen.songs.report import FileReport
from musicgen.songs.workplace import Spooled, Workplace
from musicgen.storage.database import now

TOGETHER = 500
PATIENCE_SECONDS = 1.0


@dataclass
class Item:
    """One file on its way through the import; done when it has a report. `path`: for display. `name`: as uploaded.
    `number`: in upload order."""

    path: str
    name: str
    number: int = 0
    format: str = ""
    report: FileReport | None = None

    def reject(self, error: MusicgenError) -> None:
        self.report = FileReport(self.path, "rejected", reason=str(error), code=error.code, format=self.format)

    def accept(self, song: Song) -> None:
        """The same content is already in the library."""
        told = {name: song.report[name] for name in ("kept", "dropped") if name in song.report}
        self.report = FileReport(
            *(self.path, "accepted", song.id),
            format=song.format,
            medium=song.medium,
            seconds=song.seconds,
            warnings=(f"Already in the library as “{song.name}”.", *_warnings(self)),
            **told,
        )


class Shelf:
    """Collects songs and publishes them in groups. Call `publish_rest` when all are read."""

    def __init__(self, place: Workplace, source: str, rights: str = "") -> None:
        self.place = place
        self.source = source
        self.rights = rights
        self._begun = now()
        self._group: list[tuple[Item, NewSong]] = []
        self._since = time.monotonic()

    def add(self, item: Item, spooled: Spooled, folder: Path, found: dict[str, Any]) -> None:
        """`found`: what `reading` reports for an accepted file; `folder`: the clip it made.

        Songs are dated in upload order, whichever was read first."""
        item.format = found["format"]
        report = FileReport(
            *(item.path, "accepted"),
            format=item.format,
            medium=found["medium"],
            seconds=found["seconds"],
            kept=found["kept"],
            dropped=found["dropped"],
            warnings=(*_warnings(item), *found["warnings"]),
        )
        song = NewSong(
            sha256=spooled.sha256,
            name=song_name(item.name),
            medium=found["medium"],
            format=item.format,
            source=self.source,
            rights=self.rights,
            seconds=found["seconds"],
            facts=found["facts"],
            report=report.to_json(),
            created_at=self._begun + 1e-6 * item.number,
            folder=folder,
            blob=spooled.path,
        )
        item.report = report
        self._group.append((item, song))
        if len(self._group) >= TOGETHER or time.monotonic() - self._since >= PATIENCE_SECONDS:
            self.publish_rest()

    def publish_rest(self) -> None:
        """Publish what is waiting. If the disk or the database fails, its files are reported as rejected."""
        group, self._group = self._group, []
        try:
            published = publish([song for _, song in group], self.place) if group else []
        except (OSError, ResourceUnavailable) as error:
            for item, _ in group:
                item.reject(_not_stored(error))
        else:
            for (item, _), (song_id, is_new) in zip(group, published, strict=True):
                assert item.report is not None
                also = () if is_new else ("Somebody else added the same content at the same time; they are one song.",)
                item.report = replace(item.report, id=song_id, warnings=(*item.report.warnings, *also))
        self._since = time.monotonic()


def _warnings(item: Item) -> tuple[str, ...]:
    warning = extension_warning(item.name, item.format)
    return (warning,) if warning else ()


def _not_stored(error: OSError | ResourceUnavailable) -> ResourceUnavailable:
    if isinstance(error, ResourceUnavailable):
        return ResourceUnavailable(str(error), code="not_stored")
    text = error.strerror or str(error)
    return ResourceUnavailable(
        sentence("A song must be written to the disk and the database", text, "Free some disk space and add it again."),
        code="not_stored",
    )
