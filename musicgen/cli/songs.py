"""`songs add | samples | list | show | export | notes | rights | rename | remove`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.bringing import Strict, add_paths, missing_files, not_there, raise_if_machine_failed
from musicgen.cli.exporting import Format, Out
from musicgen.cli.exporting import export as export_file
from musicgen.cli.hearing import notes
from musicgen.cli.listing import IN_A_TABLE, After, Limit, print_json_list, print_page
from musicgen.cli.several import for_each
from musicgen.cli.shown import AsJson, print_json, print_table
from musicgen.errors import InvalidInput, NotFound, sentence
from musicgen.wording import span

app = typer.Typer(help="The song library.", no_args_is_help=True)


def show_report(report: Any, as_json: bool, *, missing: Sequence[Path] = (), is_strict: bool = False) -> None:
    """Print an import report. Raises an error if nothing was accepted (if `is_strict`: if anything was rejected), if a
    named file does not exist, or if the disk is full."""
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
    raise_if_machine_failed(report)
    if missing:
        raise missing_files(missing)
    rule = "Songs are music files, or folders and zip archives of them"
    if not document["files"]:
        raise NotFound(sentence(rule, "no file at all"))
    if document["rejected"] and (is_strict or not document["accepted"]):
        left_out = f"{document['rejected']} of {len(document['files'])} files that cannot be read as music"
        raise InvalidInput(sentence(rule, left_out, "The report gives the reason for each."))


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or zip archives.", show_default=False)],
    rights: Annotated[str, typer.Option(help="What you say about the rights to them; kept with each song.")] = "",
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Add songs to the library: wav, mp3, flac, ogg, m4a or mid files, and zip archives or folders of them."""
    show_report(add_paths(paths, rights=rights), as_json, missing=not_there(paths), is_strict=strict)


@app.command()
def samples(
    key: Annotated[str | None, typer.Argument(help="The sample to add. Without it, all are listed.")] = None,
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
    shown = ("id", "name", "medium", "format", "source", "seconds", "sha256", "facts", "created_at", "rights")
    return {name: getattr(song, name) for name in shown}


@app.command("list")
def list_(
    search: Annotated[str, typer.Option(help="Only names that contain this.")] = "",
    medium: Annotated[str | None, typer.Option(help="audio or midi")] = None,
    limit: Limit = None,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List the songs of the library, newest first."""
    from musicgen.songs.library import each_of, song_ids, songs_of

    ids = song_ids(search=search, medium=medium, after=after)
    if as_json:
        print_json_list((song_json(song) for song in each_of(ids[:limit])), limit)
        return
    page = songs_of(ids[: limit or IN_A_TABLE])
    rows = [(song.id, song.name, song.medium, song.format, span(song.seconds)) for song in page]
    last = page[-1].id if page else None
    print_page(("song", "name", "medium", "format", "length"), rows, len(ids), last=last)


@app.command()
def export(song_id: str, out: Out, format: Format = None, as_json: AsJson = False) -> None:
    """Write a song to a file: the same as the page's download."""
    from musicgen.songs.library import get_song

    export_file(get_song(song_id), format, out, as_json=as_json)


@app.command()
def show(song_id: str, as_json: AsJson = False) -> None:
    """Show everything known about one song."""
    from musicgen.songs.library import get_song

    document = song_json(get_song(song_id))
    if as_json:
        print_json(document)
        return
    facts = document.pop("facts")
    print_table(("", ""), [*document.items(), *facts.items()])


app.command()(notes)


@app.command()
def rights(song_id: str, text: Annotated[str, typer.Argument(help="An empty text removes it.")]) -> None:
    """State the rights to a song. They are on the cards and in the reports of runs that trained on it."""
    from musicgen.songs.library import get_song, state_rights

    state_rights([get_song(song_id).id], text)


@app.command()
def rename(song_id: str, name: str) -> None:
    """Rename a song."""
    from musicgen.songs.library import rename_song

    rename_song(song_id, name)


@app.command()
def remove(
    song_ids: Annotated[list[str], typer.Argument(show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Remove songs from the library; runs trained on them keep working."""
    from musicgen.songs.library import remove_song

    for_each(list(dict.fromkeys(song_ids)), remove_song, "removed", as_json=as_json)
