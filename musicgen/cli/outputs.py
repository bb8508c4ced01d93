"""`outputs list | export | delete`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from musicgen.cli.exporting import Format, Out
from musicgen.cli.exporting import export as export_file
from musicgen.cli.listing import IN_A_TABLE, After, Limit, print_json_list, print_page
from musicgen.cli.several import for_each
from musicgen.cli.shown import AsJson
from musicgen.wording import span

app = typer.Typer(help="The music that runs have made.", no_args_is_help=True)


def short_json(output: Any) -> dict[str, Any]:
    """An output in a list; `runs show` has its measurements."""
    shown = ("id", "run_id", "task_id", "name", "medium", "seconds", "created_at")
    return {**{name: getattr(output, name) for name in shown}, "seed": output.sidecar.get("seed")}


@app.command("list")
def list_(
    run: Annotated[str | None, typer.Option(help="Only outputs of this run.")] = None,
    search: Annotated[str, typer.Option(help="Only names that contain this.")] = "",
    limit: Limit = None,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List the outputs, newest first."""
    from musicgen.runs import api

    if run is not None:
        api.get_run(run)  # raises NotFound if there is no such run
    if as_json:
        print_json_list(map(short_json, api.each_output(run_id=run, search=search, after=after)), limit)
        return
    page = api.list_outputs(run_id=run, search=search, after=after, limit=limit or IN_A_TABLE)
    rows = [(each.id, each.name, each.medium, span(each.seconds), each.run_id) for each in page]
    total = api.count_outputs(run_id=run, search=search, after=after)
    print_page(("output", "name", "medium", "length", "run"), rows, total, last=page[-1].id if page else None)


@app.command()
def export(output_id: str, out: Out, format: Format = None, as_json: AsJson = False) -> None:
    """Write an output to a file: the same as the page's download."""
    from musicgen.runs import api

    output = api.get_output(output_id)
    export_file(output, format, out, as_json=as_json, more={"zip": lambda: _zip(output)})


def _zip(output: Any) -> bytes:
    """All formats, the settings and a report in one archive."""
    from musicgen.cli.waiting import counting
    from musicgen.comparison.archive import output_zip

    with counting("archive", "files") as count:
        return output_zip(output, on_progress=count)


@app.command()
def delete(
    output_ids: Annotated[list[str], typer.Argument(metavar="OUTPUT...", show_default=False)], as_json: AsJson = False
) -> None:
    """Delete outputs."""
    from musicgen.runs import api

    for_each(list(dict.fromkeys(output_ids)), api.delete_output, "deleted", as_json=as_json)
