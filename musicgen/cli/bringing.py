"""Files and folders named on the command line are added to the library."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import console
from musicgen.errors import NotFound, ResourceUnavailable, sentence

NAMED = 5
SHOWN = 200  # characters of a path in an error
OF_THE_MACHINE = frozenset({"disk_full", "disk_error", "not_allowed", "not_stored"})

Strict = Annotated[bool, typer.Option("--strict", help="Fail if any file or song has to be left out.")]


def add_paths(paths: Sequence[Path], *, rights: str = "") -> Any:
    """Add files to the library and return the ImportReport. Progress goes to stderr."""
    from rich.progress import Progress

    from musicgen.songs.intake import Upload, add_uploads

    uploads = [Upload(name=name, path=path) for name, path in files_in(paths)]
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Reading", total=len(uploads))

        def on_progress(done: int, total: int, name: str = "") -> None:
            progress.update(bar, completed=done, total=total)

        on_cost = partial(console.print, markup=False)
        return add_uploads(uploads, on_progress=on_progress, on_cost=on_cost, rights=rights)


def files_in(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """(name to show, path) of each path and of everything inside folders, except hidden files. Links to folders and
    folders that cannot be opened are included, so that the report can mention them."""
    for path in paths:
        if os.path.isdir(path):
            for inside in sorted(_below(path)):
                yield f"{path.resolve().name}/{inside.relative_to(path).as_posix()}", inside
        else:
            yield path.name, path


def _below(folder: Path) -> Iterator[Path]:
    closed: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in (*files, *links) if not name.startswith("."))
    yield from closed


def not_there(paths: Sequence[Path]) -> list[Path]:
    """The paths that do not exist, or that cannot be a path at all."""
    return [path for path in paths if not os.path.exists(path)]


def raise_if_machine_failed(report: Any) -> None:
    """Raises ResourceUnavailable if a file could not be stored although the file itself is good."""
    for file in report.rejected:
        if file.code in OF_THE_MACHINE:
            raise ResourceUnavailable(f"{file.path}: {file.reason}", code=file.code)


def missing_files(paths: Sequence[Path]) -> NotFound:
    """The error for files that do not exist."""
    listed = ", ".join(map(_named, paths[:NAMED]))
    listed += f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return NotFound(sentence("Songs are given as files, folders or song ids", listed, "No such file."))


def _named(path: Path) -> str:
    """The path as given, or the beginning of a long one and its length, which may be more than the system allows."""
    text = str(path)
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}…, one of {len(os.fsencode(text)):,} bytes"
