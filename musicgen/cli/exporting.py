"""Exports a song or an output as a file: the same bytes as the page's download."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import console, print_json
from musicgen.cli.streams import print_bytes
from musicgen.errors import InvalidInput, ResourceUnavailable, sentence
from musicgen.storage.files import write_bytes

STDOUT = "-"
SHOWN = 200  # characters of a path in an error

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="wav, mp3, flac, ogg or m4a; for MIDI music also mid, musicxml, svg or pdf; for outputs also zip (all).",
    ),
]
Out = Annotated[str, typer.Option("--out", help="The file to write, a folder to put it in, or - for stdout.")]


def export(
    owner: Any, format: str | None, out: str, *, as_json: bool, more: Mapping[str, Callable[[], bytes]] | None = None
) -> None:
    """Write the clip of `owner`, a song or an output. Without a format, the file name's ending decides. `more`: makers
    of further formats.

    Raises InvalidInput, WrongState: no such format, or not for this medium. ResourceUnavailable: it cannot be written.
    """
    from musicgen.clips.exports import export_clip
    from musicgen.songs.names import file_name

    kind = (format or Path(out).suffix).lower().removeprefix(".")
    if not kind:
        rule = "An export needs a format: give --format mp3, or a file name that ends in one"
        raise InvalidInput(sentence(rule, f"neither, {out[:SHOWN]!r}"))
    content = more[kind]() if more and kind in more else export_clip(owner.clip, kind)
    if out == STDOUT:
        print_bytes(content)
        return
    is_folder = os.path.isdir(out) or out.endswith(os.sep)
    path = Path(out, file_name(owner.name, kind)) if is_folder else Path(out)
    _write(path, content)
    if as_json:
        print_json({"id": owner.id, "format": kind, "path": str(path), "bytes": len(content)})
    else:
        console.print(f"Written to {path}", markup=False, highlight=False)


def _write(path: Path, content: bytes) -> None:
    """Write the file whole or not at all. A pipe or a device that is already there is written into."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            path.write_bytes(content)
        else:
            write_bytes(path.resolve(), content, survives_power_cut=False)
    except OSError as error:
        rule = "An export needs room and permission to write"
        received = f"{error.strerror or error}, {str(path)[:SHOWN]!r}"
        raise ResourceUnavailable(sentence(rule, received, "Choose another place with --out.")) from error
