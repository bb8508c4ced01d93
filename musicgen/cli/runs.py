"""`runs list | show | cancel | pause | resume | export | import | delete | log`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.generate import output_json
from musicgen.cli.shown import AsJson, print_json, print_table
from musicgen.cli.train import show_run
from musicgen.cli.waiting import raise_if_failed, wait_for
from musicgen.errors import NotFound, sentence
from musicgen.storage.files import copy_out

app = typer.Typer(help="Trainings: what runs, what ran.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(help="The id of a run.", show_default=False)]


def run_json(run: Any) -> dict[str, Any]:
    """A run as one JSON object."""
    shown = ("id", "name", "approach", "state", "reason", "advice", "progress", "history", "best_epoch", "request")
    times = ("created_at", "started_at", "finished_at")
    found = {name: getattr(run, name) for name in (*shown, *times)}
    return {**found, "prepared": run.prepared, "damage": list(run.damage)}


@app.command("list")
def list_(search: Annotated[str, typer.Option()] = "", as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    from musicgen.runs import api

    found = api.list_runs(search=search)
    if as_json:
        print_json([run_json(run) for run in found])
        return
    rows = [(run.id, run.name, run.approach, run.state, len(run.history), run.reason) for run in found]
    print_table(("run", "name", "approach", "state", "epochs", "reason"), rows)


@app.command()
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show one run: state, history, outputs, and where it failed, the last lines of its log."""
    from musicgen.runs import api

    run = api.get_run(run_id)
    outputs = [output_json(output) for output in api.list_outputs(run_id=run_id)]
    if as_json:
        print_json({**run_json(run), "log": run.log_tail(40), "outputs": outputs})
        return
    show_run(run, as_json=False)
    if run.reason or run.advice:
        print("\n".join([*filter(None, (run.reason, run.advice)), *(run.log_tail(10) if run.reason else ())]))
    print_table(("output", "seconds"), ((each["id"], f"{each['seconds']:.1f}") for each in outputs))


@app.command()
def log(run_id: RunId, lines: Annotated[int, typer.Option(min=1)] = 100) -> None:
    """Print the end of a run's log."""
    from musicgen.runs import api

    print("\n".join(api.get_run(run_id).log_tail(lines)))


@app.command()
def cancel(run_id: Annotated[str, typer.Argument(help="The id of a run or a generation task.")]) -> None:
    """Stop a run for good; what it learned is kept and can generate."""
    from musicgen.runs import api

    api.cancel(run_id)


@app.command()
def pause(run_id: RunId) -> None:
    """Stop a run so that it can go on later from where it was."""
    from musicgen.runs import api

    api.pause(run_id)


@app.command()
def resume(
    run_id: RunId,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train up to this many epochs in all.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the end, with a progress bar.")] = True,
    as_json: AsJson = False,
) -> None:
    """Go on with a paused, cancelled, failed or finished run."""
    from musicgen.runs import api

    api.resume(run_id, epochs=epochs)
    if not wait:
        return
    run = wait_for(lambda: api.get_run(run_id), lambda: api.cancel(run_id))
    raise_if_failed(run)
    show_run(run, as_json)


@app.command()
def export(run_id: RunId, file: Annotated[Path, typer.Argument(help="The zip archive to write.")]) -> None:
    """Write a run (settings, history, weights) to a zip archive."""
    from musicgen.runs import api

    copy_out(api.export_run(run_id), file)


@app.command("import")
def import_(file: Path, as_json: AsJson = False) -> None:
    """Bring in a run from a zip archive that `export` wrote."""
    from musicgen.runs import api

    if not file.is_file():
        raise NotFound(sentence("A run is brought in from a zip archive", repr(str(file)), "No such file."))
    run_id = api.import_run(file)
    print_json({"run": run_id}) if as_json else print(run_id)


@app.command()
def rename(run_id: RunId, name: str) -> None:
    """Give a run another name."""
    from musicgen.runs import api

    api.rename_run(run_id, name)


@app.command()
def delete(run_ids: Annotated[list[str], typer.Argument(help="Runs or outputs.", show_default=False)]) -> None:
    """Delete runs with all that belongs to them, or single outputs."""
    from musicgen.runs import api

    for each in run_ids:
        if each.startswith("output-"):
            api.delete_output(each)
        else:
            api.delete_run(each)
