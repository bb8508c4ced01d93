"""The import report: what became of every file, second, track and note."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class FileReport:
    """The result for one file.

    Attributes:
        path: its name as uploaded, cleaned for display; inside an archive `archive.zip/folder/name`.
        status: a file that is already in the library is accepted too, with a warning.
        id: of its song; None if it was rejected.
        reason: why it was rejected, in one sentence. code: the same as a stable word.
        kept, dropped: what is part of the song and what was left out → how much (seconds, tracks, notes …).
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
    """An archive entry that was skipped, such as a folder or a file that an operating system added."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """Every file in upload order, those of an archive one by one; `ignored` lists the other archive entries."""

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
        """The songs that the files became or already were, each once, in order."""
        return list(dict.fromkeys(file.id for file in self.files if file.id is not None))

    def to_json(self) -> dict[str, Any]:
        return {
            "files": [file.to_json() for file in self.files],
            "ignored": [asdict(entry) for entry in self.ignored],
            "accepted": len(self.accepted),
            "rejected": len(self.rejected),
        }
