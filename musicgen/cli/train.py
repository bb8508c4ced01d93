"""`train APPROACH PATH|SONG_ID…`: the Train page as one command. Waits, with a progress bar."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.approaches import approaches
from musicgen.cli.bringing import Strict, add_paths, missing_files, not_there, raise_if_machine_failed
from musicgen.cli.places import On, Place, place_of
from musicgen.cli.shown import AsJson, Settings, console, preset_values, print_json, print_table, read_settings
from musicgen.cli.waiting import counting, raise_if_failed, wait_for
from musicgen.errors import InvalidInput, NotFound, sentence
from musicgen.evaluation.curves import shape_words, useful_floors
from musicgen.evaluation.learned_little import learned_little
from musicgen.evaluation.verdict import Verdict
from musicgen.wording import span

SONG_ID = re.compile(r"^song-[0-9a-f]{12}\Z")
MAX_NAMED = 10


def song_ids(given: Sequence[str], *, is_strict: bool = True) -> tuple[list[str], list[dict[str, str]]]:
    """(ids of the songs given, what was left out). Ids are taken as they are; files and folders are first added to the
    library. The order is kept; duplicates are dropped.

    Raises:
        NotFound: a named file or folder does not exist, or nothing is left.
        InvalidInput: a file is rejected and `is_strict`. Otherwise it is left out.
        ResourceUnavailable: the disk is full.
    """
    if missing := not_there([Path(text) for text in given if not SONG_ID.match(text)]):
        raise missing_files(missing)
    found: list[str] = []
    left_out: list[dict[str, str]] = []
    for is_id, group in groupby(given, key=lambda text: bool(SONG_ID.match(text))):
        if is_id:
            found += group
            continue
        report = add_paths([Path(text) for text in group])
        raise_if_machine_failed(report)
        found += [str(file.id) for file in report.accepted]
        left_out += [{"name": file.path, "reason": file.reason} for file in report.rejected]
    if left_out and (is_strict or not found):
        raise InvalidInput("; ".join(f"{each['name']}: {each['reason']}" for each in left_out[:MAX_NAMED]))
    if not found:
        raise NotFound(sentence("Songs are given as files, folders or song ids", "no file at all"))
    return list(dict.fromkeys(found)), left_out


def choices(ids: Sequence[str], tracks: str | None = None) -> list[Any]:
    """SongChoices, all with the same tracks (None: every track)."""
    from musicgen.runs.api import SongChoice

    try:
        wanted = tuple(int(part) for part in tracks.split(",")) if tracks else None
    except ValueError as error:
        raise InvalidInput(sentence("Tracks are numbers separated by commas, such as 0,2", repr(tracks))) from error
    return [SongChoice(each, wanted) for each in ids]


def library_songs(approach: Any, search: str) -> tuple[list[str], list[dict[str, str]]]:
    """(ids of the songs found that the approach can read, songs found of the other medium). Raises NotFound if it can
    read none."""
    from musicgen.songs.library import each_of
    from musicgen.songs.library import song_ids as ids_of

    found = ids_of(search=search, medium=approach.medium)
    if not found:
        rule = f"--all-songs needs songs in the library that the approach reads ({approach.medium})"
        raise NotFound(sentence(rule, f"none found with {search!r}" if search else "none"))
    other = "audio" if approach.medium == "midi" else "midi"
    reason = f"{approach.title} learns from {approach.medium}; this is {other}."
    others = each_of(ids_of(search=search, medium=other))
    return found, [{"id": song.id, "name": song.name, "reason": reason} for song in others]


def say_left_out(left_out: Sequence[Mapping[str, str]]) -> None:
    """Lines on stderr: for each reason the first few songs, and how many more."""
    by_reason: dict[str, list[str]] = {}
    for each in left_out:
        by_reason.setdefault(each["reason"], []).append(each["name"])
    for reason, names in by_reason.items():
        more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
        said = f"left out: {', '.join(names[:MAX_NAMED])}{more}: {reason}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)


def train(
    approach: Annotated[str, typer.Argument(help="The key of an approach. The command `approaches` lists them.")],
    given: Annotated[
        list[str] | None, typer.Argument(metavar="PATH|SONG_ID...", help="Files, folders or ids of songs.")
    ] = None,
    all_songs: Annotated[bool, typer.Option("--all-songs", help="All songs in the library that it can read.")] = False,
    search: Annotated[str, typer.Option(help="With --all-songs: only songs whose name contains this.")] = "",
    preset: Annotated[str | None, typer.Option(help="A preset of the approach, such as quick.")] = None,
    sets: Settings = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of everything random.")] = 0,
    name: Annotated[str, typer.Option(help="A name for the run.")] = "",
    tracks: Annotated[str | None, typer.Option(help="MIDI tracks to learn from, such as 0,2.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, gpu:N or gpu:all")] = "auto",
    on: On = Place.LOCAL,
    pieces: Annotated[
        int,
        typer.Option(
            "--generate", min=0, max=64, help="Then generate this many pieces, with the settings of the preset."
        ),
    ] = 0,
    train_from: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Start from the weights of this run of the same approach, or from common-practice: weights that come "
            "with the program, learned from music in the public domain.",
        ),
    ] = "",
    hear_it_learn: Annotated[
        bool,
        typer.Option(
            help="Make short pieces on the way, in at most a twentieth of the training's time. `runs lapse` has them."
        ),
    ] = True,
    strict: Strict = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Prepare and build only; show the estimates.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train an approach on songs. Songs that it cannot read are left out and listed."""
    from musicgen.approaches import approach as find
    from musicgen.runs import api

    if bool(given) == all_songs:
        raise typer.BadParameter("Give either songs or --all-songs, not both.", param_hint="PATH|SONG_ID...")
    chosen = find(approach)
    values = {**preset_values(chosen, preset, "training"), **read_settings(sets)}
    # --all-songs means all that the approach reads: songs of the other medium are no error, even with --strict.
    ids, left_out = library_songs(chosen, search) if all_songs else song_ids(given or [], is_strict=strict)
    songs, leave_out = choices(ids, tracks), not strict
    say_left_out(left_out)
    if dry_run:
        with counting("Preparing") as on_progress:
            plan = api.plan_training(
                approach, songs, values, seed=seed, build=True, leave_out=leave_out, on_progress=on_progress
            )
        say_left_out(plan.left_out)
        show_plan(plan, [*left_out, *plan.left_out], as_json)
        return
    run_id = api.submit_training(
        approach, songs, values, preset=preset or "", seed=seed, name=name,
        device=place_of(on, device), leave_out=leave_out, pieces_after=pieces, train_from=train_from,
        hear_it_learn=hear_it_learn,
    )  # fmt: skip
    run = wait_for(lambda: api.get_run(run_id), lambda: api.cancel(run_id))
    say_left_out(run.request.get("left_out", ()))
    raise_if_failed(run)
    show_run(run, as_json, left_out, outputs_after(run_id) if pieces else None)


def outputs_after(run_id: str) -> list[str]:
    """Wait for the pieces that were ordered with a training; returns the ids of the outputs."""
    from musicgen.runs import api
    from musicgen.runs.following import task_after

    ordered = task_after(run_id)
    if ordered is None:  # cancelled, or it could not be ordered: the run's advice says why
        return []
    task = wait_for(lambda: api.get_task(ordered.id), lambda: api.cancel(ordered.id))
    raise_if_failed(task)
    return list(task.output_ids)


def show_plan(plan: Any, left_out: Sequence[Mapping[str, str]], as_json: bool) -> None:
    """Print what a training would be: dataset facts, network sizes, estimates."""
    document = {
        "dataset": {**plan.facts, "floors": plan.floors},
        "networks": plan.networks,
        "parameters": plan.parameters,
        "estimate": {"seconds_per_epoch": plan.seconds_per_epoch, "memory_bytes": plan.memory_bytes},
        "warnings": list(plan.warnings),
        "left_out": list(left_out),
    }
    if as_json:
        print_json(document)
        return
    rows = [*document["dataset"].items(), ("networks", plan.networks), ("weights of each", plan.parameters)]
    rows += [("time per epoch, about", span(plan.seconds_per_epoch))]
    rows += [("memory, about", f"{plan.memory_bytes / 1e6:.0f} MB"), *(("warning", text) for text in plan.warnings)]
    print_table(("", ""), rows)


def show_run(
    run: Any, as_json: bool, left_out: Sequence[Mapping[str, str]] = (), outputs: Sequence[str] | None = None
) -> None:
    """Print the result of a training, or its present state.

    Args:
        left_out: songs left out before it was submitted.
        outputs: ids of the pieces that were ordered with it.
    """
    from musicgen.runs.starting import start_words

    best = next((row for row in run.history if row["epoch"] == run.best_epoch), None)
    document = {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "epochs": len(run.history),
        "history": run.history,
        "best": best,
        "seconds": None if run.seconds is None else round(run.seconds, 3),
        "dataset": {**run.prepared.get("facts", {}), "floors": run.prepared.get("floors", {})},
        "networks": run.prepared.get("networks"),
        "parameters": run.prepared.get("parameters"),
        "warnings": run.prepared.get("warnings", []),
        "left_out": [*left_out, *run.request.get("left_out", ())],
    }
    verdict = _learned_little(run, document["dataset"]["floors"])
    document["verdicts"] = [verdict.to_json()] if verdict else []
    if outputs is not None:
        document["outputs"] = list(outputs)
    if as_json:
        print_json(document)
        return
    rows = [(key, document[key]) for key in ("run", "name", "state", "epochs")]
    rows += [("best", _row_words(best))] if best else []
    rows += [("training time", span(run.seconds))] if run.seconds is not None else []
    rows += [(key, document[key]) for key in ("networks", "parameters") if document[key] is not None]
    floors = useful_floors(document["dataset"]["floors"])
    rows += [(f"floor: {key.replace('_', ' ')}", f"{value:.4g}") for key, value in floors.items()]
    rows += [("start", words)] if (words := start_words(run.request, document["dataset"])) else []
    rows += [("curve", words)] if (words := shape_words(run.history, is_active=run.is_active)) else []
    rows += [(verdict.title, verdict.cause)] if verdict else []
    rows += [("warning", text) for text in document["warnings"]]
    rows += [("output", each) for each in outputs or ()]
    print_table(("", ""), rows)


def _learned_little(run: Any, floors: Mapping[str, float]) -> Verdict | None:
    """The verdict on a training that has ended and learned too little."""
    known = approaches().get(run.approach)
    if run.is_active or known is None:
        return None
    return learned_little(run.history, floors, run.best_epoch, medium=known.medium)


def _row_words(row: Mapping[str, Any]) -> str:
    checked = "" if row.get("val_loss") is None else f", validation {row['val_loss']:.4g}"
    return f"epoch {row['epoch']}: loss {row['loss']:.4g}{checked}"
