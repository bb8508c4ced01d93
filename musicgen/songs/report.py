"""The import report: what became of every file, second, track and note that the user brought."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class FileReport:
    """What became of one file.

    Attributes:
        path: its name as brought, cleaned for display; inside an archive `archive.zip/folder/name`.
        status: a file that is in the library already is accepted, too, with a warning.
        id: of its song; None where it was rejected.
        reason: one sentence on why it was rejected. code: the same as a stable word.
        kept, dropped: what of it is part of the song and what is not → how much (seconds, tracks, notes …).
        warnings: one sentence each.
        format: wav, mp3, flac, ogg, m4a or midi, by content. medium: audio or midi. seconds: of the song.
    """

    path: str
    status: Literal["accepted", "rejected"]
    id: str | None = None
    reason: str = ""
    code: str = ""
    kept: dict[str, Any] = field(default_factory=dict)
    dropped: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    format: str = ""
    medium: str = ""
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"warnings": list(self.warnings)}


@dataclass(frozen=True)
class Ignored:
    """An entry of an archive that was not looked at, such as a folder or what a computer adds by itself."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """Every file in the order it was brought, those of an archive one by one; `ignored` has the archives' rest."""

    files: list[FileReport]
    ignored: list[Ignored] = field(default_factory=list)

    @property
    def accepted(self) -> list[FileReport]:
        return [file for file in self.files if file.status == "accepted"]

    @property
    def rejected(self) -> list[FileReport]:
        return [file for file in self.files if file.status == "rejected"]

    @property
    def song_ids(self) -> list[str]:
        """The songs that the files became or were already, each once, in order."""
        return list(dict.fromkeys(file.id for file in self.files if file.id is not None))

    def to_json(self) -> dict[str, Any]:
        return {
            "files": [file.to_json() for file in self.files],
            "ignored": [asdict(entry) for entry in self.ignored],
            "accepted": len(self.accepted),
            "rejected": len(self.rejected),
        }
