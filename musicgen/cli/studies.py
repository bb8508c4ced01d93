"""`studies list | show | judge | stop | continue | delete`: searches for good settings, which `search` starts."""

from __future__ import annotations

from typing import Annotated

import typer

from musicgen.cli.search import show_study, wait_and_show
from musicgen.cli.several import for_each
from musicgen.cli.shown import AsJson, print_json, print_table
from musicgen.errors import WrongState, sentence

app = typer.Typer(help="Studies: searches for good settings, with their trials.", no_args_is_help=True)

StudyId = Annotated[str, typer.Argument(metavar="STUDY", help="The id of a study.", show_default=False)]
StudyIds = Annotated[list[str], typer.Argument(metavar="STUDY...", help="Ids of studies.", show_default=False)]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the studies, newest first."""
    from musicgen.search import api

    found = api.list_studies()
    if as_json:
        print_json([study.to_json() for study in found])
        return
    columns = ("study", "name", "approach", "state", "trials", "best loss")
    rows = [
        (study.id, study.name, study.approach, study.state, len(study.trials),
         "" if study.by_ear or study.best is None or study.best.value is None else f"{study.best.value:.5g}")
        for study in found
    ]  # fmt: skip
    print_table(columns, rows)


@app.command()
def show(study_id: StudyId, as_json: AsJson = False) -> None:
    """Show one study: its trials, the best of them against the preset, and which parameters mattered."""
    from musicgen.search import api

    show_study(api.get_study(study_id), as_json=as_json)


@app.command()
def judge(
    study_id: StudyId,
    pair: Annotated[str | None, typer.Option(help="The pair that you heard, such as 3-7.")] = None,
    better: Annotated[str | None, typer.Option(help="Which sounds better: a, b or same.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare pieces of a search by ear. Without an answer: the next pair, and the files to listen to."""
    from musicgen.listening import trial_pairs
    from musicgen.search import api

    if (pair is None) != (better is None):
        raise typer.BadParameter("Give both the pair and which is better, or neither.", param_hint="--pair, --better")
    if pair is not None and better is not None:
        trial_pairs.judge_pair(study_id, pair, better)
    study = api.get_study(study_id)
    if not study.by_ear:
        rule = "Only a search by ear has pairs to compare"
        raise WrongState(sentence(rule, "one that is led by the held-out loss", "Start one with `search --by-ear`."))
    found = trial_pairs.next_trial_pair(study)
    paths = {} if found is None else {name: str(path) for name, path in trial_pairs.pair_paths(found).items()}
    told = {
        "study": study.id,
        "judgements": len(study.judgements),
        "pair": None if found is None else found.name,
        **paths,
    }
    if as_json:
        print_json(told)
        return
    print_table(("", ""), [(name, "none to compare" if value is None else value) for name, value in told.items()])


@app.command()
def stop(study_ids: StudyIds, as_json: AsJson = False) -> None:
    """Stop studies. What was found so far is kept, and they can be continued."""
    from musicgen.search import api

    for_each(study_ids, api.stop_study, "stopped", as_json=as_json)


@app.command("continue")
def continue_(
    study_id: StudyId,
    trials: Annotated[int | None, typer.Option(min=1, help="So many more trials.")] = None,
    minutes: Annotated[float | None, typer.Option(help="So many more minutes of training.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until it ends, with progress.")] = True,
    as_json: AsJson = False,
) -> None:
    """Continue a study that has ended; a trial that was stopped with it goes on where it was."""
    from musicgen.search import api

    api.continue_study(study_id, trials=trials, minutes=minutes)
    if wait:
        wait_and_show(study_id, as_json=as_json)


@app.command()
def delete(study_ids: StudyIds, as_json: AsJson = False) -> None:
    """Delete studies. Their runs stay."""
    from musicgen.search import api

    for_each(study_ids, api.delete_study, "deleted", as_json=as_json)
