"""`runs list | show | lapse | cancel | pause | resume | card | rights | export | import | rename | delete | log`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.generate import output_json
from musicgen.cli.lapse import lapse
from musicgen.cli.listing import IN_A_TABLE, After, Limit, print_json_list, print_page
from musicgen.cli.places import Place
from musicgen.cli.several import AllQueued, for_each, named_or_all, tell
from musicgen.cli.shown import AsJson, print_json, print_table
from musicgen.cli.train import show_run
from musicgen.cli.waiting import raise_if_failed, wait_for
from musicgen.errors import NotFound, sentence
from musicgen.storage.files import copy_out
from musicgen.wording import span

app = typer.Typer(help="Runs: trainings, with their weights and history.", no_args_is_help=True)

app.command("lapse")(lapse)

RunId = Annotated[str, typer.Argument(help="The id of a run.", show_default=False)]
RunIds = Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Ids of runs.", show_default=False)]


def run_json(run: Any) -> dict[str, Any]:
    """A run as one JSON object."""
    shown = ("id", "name", "approach", "state", "reason", "advice", "progress", "history", "best_epoch", "request")
    times = ("created_at", "started_at", "finished_at", "seconds")
    found = {name: getattr(run, name) for name in (*shown, *times)}
    return {**found, "prepared": run.prepared, "damage": list(run.damage)}


def short_json(run: Any) -> dict[str, Any]:
    """A run in a list: without its history, song names and dataset facts, which `show` has."""
    document = run_json(run)
    del document["prepared"]
    document["epochs"] = len(document.pop("history"))
    request = dict(document["request"])
    songs = request.pop("songs", None)
    document["n_songs"] = len(songs) if isinstance(songs, list) else 0  # `damage` reports a request without them
    return {**document, "request": request}


@app.command("list")
def list_(
    search: Annotated[str, typer.Option(help="Only names that contain this.")] = "",
    limit: Limit = None,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List the runs, newest first. `runs show` has the history of each."""
    from musicgen.runs import api

    if as_json:
        print_json_list((short_json(run) for run in api.each_run(search=search, after=after)), limit)
        return
    page = api.list_runs(search=search, after=after, limit=limit or IN_A_TABLE)
    rows = [(run.id, run.name, run.approach, run.state, len(run.history), run.reason) for run in page]
    total = api.count_runs(search=search, after=after)
    print_page(
        ("run", "name", "approach", "state", "epochs", "reason"), rows, total, last=page[-1].id if page else None
    )


@app.command()
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show one run: state, history, outputs and, if it failed, the last lines of its log."""
    from musicgen.runs import api

    run = api.get_run(run_id)
    outputs = [output_json(output) for output in api.list_outputs(run_id=run_id)]
    if as_json:
        print_json({**run_json(run), "log": run.log_tail(40), "outputs": outputs})
        return
    show_run(run, as_json=False)
    if run.reason or run.advice:
        print("\n".join([*filter(None, (run.reason, run.advice)), *(run.log_tail(10) if run.reason else ())]))
    print_table(("output", "length"), ((each["id"], span(each["seconds"])) for each in outputs))


@app.command()
def log(run_id: RunId, lines: Annotated[int, typer.Option(min=1)] = 100) -> None:
    """Print the end of a run's log."""
    from musicgen.runs import api

    print("\n".join(api.get_run(run_id).log_tail(lines)))


@app.command()
def cancel(
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Ids of runs or generation tasks.", show_default=False)
    ] = None,
    all_queued: AllQueued = False,
    as_json: AsJson = False,
) -> None:
    """Stop runs or generations. What was learned or made so far is kept."""
    from musicgen.runs import api

    named = named_or_all(run_ids, all_queued, "--all-queued")
    if all_queued:
        tell(api.cancel_waiting(), "cancelled", as_json=as_json)
    else:
        for_each(named, api.cancel, "cancelled", as_json=as_json)


@app.command()
def pause(run_ids: RunIds = None, all_queued: AllQueued = False, as_json: AsJson = False) -> None:
    """Pause runs at the end of their epoch; resume continues from there."""
    from musicgen.runs import api

    named = named_or_all(run_ids, all_queued, "--all-queued")
    if all_queued:
        tell(api.pause_waiting(), "paused", as_json=as_json)
    else:
        for_each(named, api.pause, "paused", as_json=as_json)


@app.command()
def resume(
    run_ids: RunIds = None,
    all_paused: Annotated[bool, typer.Option("--all-paused", help="All paused runs.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train up to this many epochs in total.")] = None,
    on: Annotated[
        Place | None, typer.Option("--on", help="Go on here, or on the cluster; otherwise where it was.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until they end, with a progress bar.")] = True,
    as_json: AsJson = False,
) -> None:
    """Continue paused, cancelled, failed or finished runs."""
    from musicgen.runs import api

    named = named_or_all(run_ids, all_paused, "--all-paused")
    if len(named) != 1:
        ids = api.paused_runs() if all_paused else named
        _resume_several(ids, epochs, on, wait=wait, as_json=as_json)
        return
    (run_id,) = named
    api.resume(run_id, epochs=epochs, on=on or "")
    if not wait:
        return
    run = wait_for(lambda: api.get_run(run_id), lambda: api.cancel(run_id))
    raise_if_failed(run)
    show_run(run, as_json)


def _resume_several(run_ids: list[str], epochs: int | None, on: Place | None, *, wait: bool, as_json: bool) -> None:
    from musicgen.runs import api

    def go_on(run_id: str) -> None:
        api.resume(run_id, epochs=epochs, on=on or "")
        going.append(run_id)

    def wait_and_see(run_id: str) -> None:
        raise_if_failed(wait_for(lambda: api.get_run(run_id), lambda: api.cancel(run_id)))

    going: list[str] = []
    try:
        for_each(run_ids, go_on, "resumed", as_json=as_json and not wait)
    finally:  # wait for the others even if some could not be resumed
        if wait:
            for_each(going, wait_and_see, "finished", as_json=as_json)


@app.command()
def export(run_id: RunId, file: Annotated[Path, typer.Argument(help="The zip archive to write.")]) -> None:
    """Write a run (settings, history, weights, outputs, blind tests, card) to a zip archive."""
    from musicgen.comparison.run_card import export_with_card

    copy_out(export_with_card(run_id), file)


@app.command("import")
def import_(file: Path, as_json: AsJson = False) -> None:
    """Import a run from a zip archive that `runs export` wrote."""
    from musicgen.runs import api

    if not file.is_file():
        raise NotFound(sentence("A run is imported from a zip archive", repr(str(file)), "No such file."))
    run_id = api.import_run(file)
    print_json({"run": run_id}) if as_json else print(run_id)


@app.command()
def card(run_id: RunId, as_json: AsJson = False) -> None:
    """Show the card of a run: sources, rights, loss and floors, originality, confusion rate."""
    from musicgen.comparison.run_card import card_rows
    from musicgen.runs import api

    rows = card_rows(api.get_run(run_id))
    print_json(dict(rows)) if as_json else print_table(("", "card"), rows)


@app.command()
def rights(run_id: RunId, text: Annotated[str, typer.Argument(help="An empty text removes it.")]) -> None:
    """State the rights to the songs of a run and to its music. They are on its card and in its archive."""
    from musicgen.runs import api

    api.state_rights(run_id, text)


@app.command()
def rename(run_id: RunId, name: str) -> None:
    """Rename a run."""
    from musicgen.runs import api

    api.rename_run(run_id, name)


@app.command()
def delete(
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Runs or outputs.", show_default=False)
    ] = None,
    all_queued: AllQueued = False,
    as_json: AsJson = False,
) -> None:
    """Delete runs with their weights and outputs, or single outputs."""
    from musicgen.runs import api

    named = named_or_all(run_ids, all_queued, "--all-queued")
    if all_queued:
        for_each(api.queued_runs(), _delete_waiting, "deleted", as_json=as_json)
    else:
        for_each(named, _delete, "deleted", as_json=as_json)


def _delete(run_or_output: str) -> None:
    from musicgen.runs import api

    (api.delete_output if run_or_output.startswith("output-") else api.delete_run)(run_or_output)


def _delete_waiting(run_id: str) -> None:
    from musicgen.runs import api

    api.cancel(run_id)
    api.delete_run(run_id)
