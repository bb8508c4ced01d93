"""`songs add | samples | list | show | rename | remove`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import AsJson, console, print_json, print_table

app = typer.Typer(help="The library of songs.", no_args_is_help=True)


def files_in(paths: list[Path]) -> list[Path]:
    """The paths themselves, and every file below those that are folders (hidden ones left out)."""
    found: list[Path] = []
    for path in paths:
        if _is_folder(path):
            inside = sorted(each for each in path.rglob("*") if each.is_file())
            found += [each for each in inside if not any(part.startswith(".") for part in each.relative_to(path).parts)]
        else:
            found.append(path)
    return found


def _is_folder(path: Path) -> bool:
    """What cannot be looked at, such as a path that is too long, is left to the intake to refuse."""
    try:
        return path.is_dir()
    except OSError:
        return False


def add_paths(paths: list[Path]) -> Any:
    """Bring files in; the ImportReport. Progress goes to stderr."""
    from rich.progress import Progress

    from musicgen.songs.intake import Upload, add_uploads

    uploads = [Upload(name=path.name, path=path) for path in files_in(paths)]
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("Reading", total=len(uploads))

        def on_progress(done: int, total: int, name: str = "") -> None:
            progress.update(bar, completed=done, total=total)

        return add_uploads(uploads, on_progress=on_progress)


def show_report(report: Any, as_json: bool) -> None:
    """Print an import report; exit code 1 where nothing at all was accepted."""
    document = report.to_json()
    if as_json:
        print_json(document)
    else:
        rows = []
        for file in document["files"]:
            remarks = [file["reason"]] if file["reason"] else []
            remarks += file["warnings"]
            rows.append((file["status"], file["path"], file["id"] or "", " ".join(remarks)))
        print_table(("", "file", "song", "remarks"), rows)
    if document["files"] and all(file["status"] == "rejected" for file in document["files"]):
        raise typer.Exit(1)


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or zip archives.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Bring songs in: wav, mp3, flac, ogg, m4a, mid; zip archives and folders of them."""
    show_report(add_paths(paths), as_json)


@app.command()
def samples(
    key: Annotated[str | None, typer.Argument(help="Add this sample; without it, list them.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the samples that come with the program, or add one."""
    from musicgen.songs.intake import add_sample
    from musicgen.songs.samples import SAMPLES

    if key is not None:
        show_report(add_sample(key), as_json)
    elif as_json:
        print_json([{"key": s.key, "title": s.title, "medium": s.medium, "origin": s.origin} for s in SAMPLES])
    else:
        print_table(("sample", "title", "medium", "origin"), ((s.key, s.title, s.medium, s.origin) for s in SAMPLES))


def song_json(song: Any) -> dict[str, Any]:
    """A song as one JSON object."""
    shown = ("id", "name", "medium", "format", "source", "seconds", "sha256", "facts", "created_at")
    return {name: getattr(song, name) for name in shown}


@app.command("list")
def list_(
    search: Annotated[str, typer.Option(help="Only names that contain this.")] = "",
    medium: Annotated[str | None, typer.Option(help="audio or midi")] = None,
    as_json: AsJson = False,
) -> None:
    """List the songs of the library."""
    from musicgen.songs.library import list_songs

    found = list_songs(search=search, medium=medium)
    if as_json:
        print_json([song_json(song) for song in found])
        return
    print_table(
        ("song", "name", "medium", "format", "seconds"),
        ((song.id, song.name, song.medium, song.format, f"{song.seconds:.1f}") for song in found),
    )


@app.command()
def show(song_id: str, as_json: AsJson = False) -> None:
    """Show all that is known of one song."""
    from musicgen.songs.library import get_song

    document = song_json(get_song(song_id))
    if as_json:
        print_json(document)
        return
    facts = document.pop("facts")
    print_table(("", ""), [*document.items(), *facts.items()])


@app.command()
def rename(song_id: str, name: str) -> None:
    """Give a song another name."""
    from musicgen.songs.library import rename_song

    rename_song(song_id, name)


@app.command()
def remove(
    song_ids: Annotated[list[str], typer.Argument(show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Remove songs from the library; runs that learned from them keep working."""
    from musicgen.songs.library import remove_song

    for song_id in song_ids:
        remove_song(song_id)
    if as_json:
        print_json({"removed": song_ids})
