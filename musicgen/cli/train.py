"""`train APPROACH PATH|SONG_ID…`: the Train page as one command; waits, with a progress bar."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import AsJson, Settings, console, preset_values, print_json, print_table, read_settings
from musicgen.cli.songs import add_paths
from musicgen.cli.waiting import raise_if_failed, wait_for
from musicgen.errors import InvalidInput, NotFound, sentence

SONG_ID = re.compile(r"^song-[0-9a-f]{12}$")


def song_ids(given: list[str]) -> list[str]:
    """Ids of what was named: ids as they are, files and folders through the library. Order is kept, twice is once.

    Raises InvalidInput where a file that was named itself is rejected; files of a folder are skipped with a note.
    """
    found: list[str] = []
    for text in given:
        if SONG_ID.match(text):
            found.append(text)
            continue
        path = Path(text)
        if not path.exists():
            raise NotFound(sentence("Songs are given as files, folders or song ids", repr(text), "No such file."))
        for file in add_paths([path]).to_json()["files"]:
            if file["id"]:
                found.append(file["id"])
            elif path.is_dir() or path.suffix.lower() == ".zip":
                console.print(f"left out: {file['path']}: {file['reason']}", markup=False)
            else:
                raise InvalidInput(f"{file['path']}: {file['reason']}")
    return list(dict.fromkeys(found))


def choices(given: list[str], tracks: str | None) -> list[Any]:
    """SongChoices of what was named, all with the same tracks (None: every track)."""
    from musicgen.runs.api import SongChoice

    try:
        wanted = tuple(int(part) for part in tracks.split(",")) if tracks else None
    except ValueError as error:
        raise InvalidInput(sentence("Tracks are numbers with commas between, such as 0,2", repr(tracks))) from error
    return [SongChoice(each, wanted) for each in song_ids(given)]


def library_songs(medium: str, search: str) -> list[str]:
    """Ids of the songs of a medium that a search finds. Raises NotFound where there are none."""
    from musicgen.songs.library import list_songs

    found = [song.id for song in list_songs(search=search, medium=medium)]
    if not found:
        rule = f"--all-songs takes the songs of the library that the approach reads, {medium}"
        raise NotFound(sentence(rule, f"none found with {search!r}" if search else "none"))
    return found


def train(
    approach: Annotated[str, typer.Argument(help="The key of an approach; `approaches` lists them.")],
    given: Annotated[
        list[str] | None, typer.Argument(metavar="PATH|SONG_ID...", help="Files, folders or ids of songs.")
    ] = None,
    all_songs: Annotated[bool, typer.Option("--all-songs", help="All songs of the library that it can read.")] = False,
    search: Annotated[str, typer.Option(help="With --all-songs: only those with these words in their name.")] = "",
    preset: Annotated[str | None, typer.Option(help="A preset of the approach, such as quick.")] = None,
    sets: Settings = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Start of all that is random.")] = 0,
    name: Annotated[str, typer.Option(help="A name for the run.")] = "",
    tracks: Annotated[str | None, typer.Option(help="MIDI tracks to learn from, such as 0,2.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, gpu:N or gpu:all")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Prepare and build only; show what it would be.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train an approach on songs."""
    from musicgen.approaches import approach as find
    from musicgen.runs import api

    if bool(given) == all_songs:
        raise typer.BadParameter("Name songs, or give --all-songs; one of the two.", param_hint="PATH|SONG_ID...")
    chosen = find(approach)
    values = {**preset_values(chosen, preset, "training"), **read_settings(sets)}
    songs = choices(library_songs(chosen.medium, search) if all_songs else given or [], tracks)
    if dry_run:
        show_plan(api.plan_training(approach, songs, values, seed=seed, build=True), as_json)
        return
    run_id = api.submit_training(approach, songs, values, preset=preset or "", seed=seed, name=name, device=device)
    run = wait_for(lambda: api.get_run(run_id), lambda: api.cancel(run_id))
    raise_if_failed(run)
    show_run(run, as_json)


def show_plan(plan: Any, as_json: bool) -> None:
    """What a training would be: dataset facts, network sizes, estimates."""
    document = {
        "dataset": {**plan.facts, "floors": plan.floors},
        "networks": plan.networks,
        "parameters": plan.parameters,
        "estimate": {"seconds_per_epoch": plan.seconds_per_epoch, "memory_bytes": plan.memory_bytes},
        "warnings": list(plan.warnings),
    }
    if as_json:
        print_json(document)
        return
    rows = [*document["dataset"].items(), ("networks", plan.networks), ("parameters of each", plan.parameters)]
    rows += [("seconds per epoch, about", f"{plan.seconds_per_epoch:.1f}")]
    rows += [("memory, about", f"{plan.memory_bytes / 1e6:.0f} MB"), *(("warning", text) for text in plan.warnings)]
    print_table(("", ""), rows)


def show_run(run: Any, as_json: bool) -> None:
    """The end of a training."""
    best = next((row for row in run.history if row["epoch"] == run.best_epoch), None)
    document = {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "epochs": len(run.history),
        "history": run.history,
        "best": best,
        "seconds": round((run.finished_at or 0) - (run.started_at or 0), 3),
        "dataset": {**run.prepared.get("facts", {}), "floors": run.prepared.get("floors", {})},
        "networks": run.prepared.get("networks"),
        "parameters": run.prepared.get("parameters"),
        "warnings": run.prepared.get("warnings", []),
    }
    if as_json:
        print_json(document)
        return
    shown = ("run", "name", "state", "epochs", "best", "seconds", "networks", "parameters")
    rows = [(key, document[key]) for key in shown]
    rows += [(f"floor: {key}", f"{value:.4g}") for key, value in document["dataset"]["floors"].items()]
    rows += [("warning", text) for text in document["warnings"]]
    print_table(("", ""), rows)
