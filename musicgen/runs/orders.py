"""What a user can do with existing work: cancel, pause, resume, rename, delete."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import sqlalchemy as sa

from musicgen.approaches import approach as find_approach
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, InvalidParameter, WrongState, sentence
from musicgen.runs import states
from musicgen.runs.cluster.configured import CLUSTER, LOCAL
from musicgen.runs.devices import check_device
from musicgen.runs.folders import export_path, output_folder, run_folder
from musicgen.runs.launching import ensure_supervisor, make_ready
from musicgen.runs.records import Run, get_output, get_run
from musicgen.runs.states import CANCELLED, PAUSED
from musicgen.runs.task_records import Task, get_task
from musicgen.storage import database
from musicgen.storage.database import blind_tests, outputs, runs, tasks
from musicgen.storage.reserve import at_last


def cancel(id: str) -> None:
    """Stop a run (or one generation task); what it learned or made is kept. Does nothing if it is at rest already."""
    task = _task_of(id)
    if states.stop_waiting(task.id, states.CANCELLED):
        return
    if states.express(task.id, states.CANCEL):
        ensure_supervisor()


def cancel_waiting() -> list[str]:
    """Cancel all tasks that wait in the queue at once; returns the ids of the runs and generation tasks."""
    return [task["run_id"] if task["kind"] == "train" else task["id"] for task in states.stop_all_waiting(CANCELLED)]


def pause_waiting() -> list[str]:
    """Pause all trainings that wait in the queue at once; returns the ids of the runs."""
    return [task["run_id"] for task in states.stop_all_waiting(PAUSED)]


def queued_runs() -> list[str]:
    """Runs that wait in the queue, in queue order."""
    return _runs_in(states.QUEUED)


def paused_runs() -> list[str]:
    """Paused runs, in the order in which they were submitted."""
    return _runs_in(PAUSED)


def _runs_in(state: str) -> list[str]:
    chosen = sa.select(tasks.c.run_id).where(tasks.c.kind == "train", tasks.c.state == state)
    return [str(run_id) for (run_id,) in database.tuples(chosen.order_by(tasks.c.sequence, tasks.c.id))]


def pause(run_id: str) -> None:
    """Stop a run at the end of its epoch, to resume from there. Raises WrongState if it is at rest."""
    task = _task_of(run_id)
    if task.kind != "train":
        raise WrongState(sentence("Only a training can be paused", "a generation", "Cancel it instead."))
    if states.stop_waiting(task.id, states.PAUSED) or states.express(task.id, states.PAUSE):
        ensure_supervisor()
        return
    seen = get_task(task.id)
    if seen.state != states.PAUSED and not seen.is_active:
        raise WrongState(sentence("Only a run that is queued or training can be paused", f"a run that is {seen.state}"))


def resume(run_id: str, *, epochs: int | None = None, on: str = "") -> None:
    """Resume a run from its last checkpoint, up to `epochs` in total.

    `on`: local or cluster; "" for where it was.

    Raises:
        InvalidInput: the cluster is not configured.
        WrongState: it is queued or running already, or nothing is left to do. NotFound: one of its songs was removed.
    """
    run = get_run(run_id)
    if run.is_active:
        raise WrongState(sentence("Only a run that has stopped can be resumed", f"a run that is {run.state}"))
    run.check_request()
    request = _with_epochs(run, epochs)
    request["device"] = _device_on(on, str(request.get("device", "auto")))
    _check_songs(run)
    make_ready()
    with database.engine().begin() as connection:
        connection.execute(sa.update(runs).where(runs.c.id == run.id).values(request=request))
        task_request = {**run.task.request, "device": request.get("device", "auto"), "restarts": 0}
        if not states.queue_again(connection, run.task.id, task_request):
            raise WrongState(
                sentence("Only a run that has stopped can be resumed", "a run that was resumed a moment ago")
            )
    ensure_supervisor()


def _with_epochs(run: Run, epochs: int | None) -> dict[str, object]:
    done = int(run.history[-1]["epoch"]) if run.history else 0
    training = dict(run.request["training"])
    if epochs is not None:
        training["epochs"] = epochs
        approach = find_approach(run.approach)
        training = read_parameters(approach.Training, training).model_dump(mode="json")
    if run.state == states.SUCCEEDED and done >= training["epochs"]:
        raise WrongState(
            sentence(
                "A finished run needs more epochs to go on",
                f"{training['epochs']} epochs, {done} done",
                "Set a higher number.",
            )
        )
    if epochs is not None and epochs < done:
        raise InvalidParameter(sentence(f"This run has trained {done} epochs already", f"epochs = {epochs}"))
    return {**run.request, "training": training}


def _device_on(on: str, before: str) -> str:
    if on == LOCAL:
        return "auto" if before == CLUSTER else before
    return check_device(CLUSTER) if CLUSTER in (on, before) else before


def _check_songs(run: Run) -> None:
    from musicgen.runs.songs_of_runs import missing_songs, which_are_missing

    if missing := which_are_missing(run.request["songs"]):
        raise missing_songs(missing)


def rename_run(run_id: str, name: str) -> None:
    """Rename a run."""
    from musicgen.songs.names import clean_name

    run = get_run(run_id)
    cleaned = clean_name(name)
    if not cleaned:
        raise InvalidInput(sentence("A run must have a name", repr(name)))
    database.change(sa.update(runs).where(runs.c.id == run.id).values(name=cleaned))


def state_rights(run_id: str, text: str) -> None:
    """Keep what the owner of a run says about the rights to its songs and its music; an empty text removes it."""
    from musicgen.songs.names import clean_lines

    run = get_run(run_id)
    database.change(sa.update(runs).where(runs.c.id == run.id).values(rights=clean_lines(text)))


def delete_run(run_id: str) -> None:
    """Delete a run with its weights, log and outputs. Raises WrongState while it is at work."""
    run = get_run(run_id)
    made = at_last(lambda: _forget(run))  # must work on a full disk: this makes room
    # The record first: if a crash leaves files behind, housekeeping finds them.
    for folder in (*(output_folder(each) for each in made), run_folder(run.id)):
        shutil.rmtree(folder, ignore_errors=True)
    export_path(run.id).unlink(missing_ok=True)


def _forget(run: Run) -> Sequence[str]:
    """Remove a run from the record; returns the ids of its outputs. Raises WrongState while it is at work."""
    with database.engine().begin() as connection:
        busy = sa.select(tasks.c.kind).where(tasks.c.run_id == run.id, tasks.c.state.in_(states.ACTIVE))
        if (found := connection.execute(busy).first()) is not None:
            what = "training" if found[0] == "train" else "generating"
            raise WrongState(
                sentence("Only a run that has stopped can be deleted", f"a run that is {what}", "Cancel it first.")
            )
        ours = sa.select(outputs.c.id).where(outputs.c.run_id == run.id)
        made = connection.execute(ours).scalars().all()
        connection.execute(sa.delete(blind_tests).where(blind_tests.c.output_id.in_(ours)))
        for table in (outputs, tasks):
            connection.execute(sa.delete(table).where(table.c.run_id == run.id))
        connection.execute(sa.delete(runs).where(runs.c.id == run.id))
    return made


def _forget_output(output_id: str) -> None:
    with database.engine().begin() as connection:
        connection.execute(sa.delete(blind_tests).where(blind_tests.c.output_id == output_id))
        connection.execute(sa.delete(outputs).where(outputs.c.id == output_id))


def delete_output(output_id: str) -> None:
    """Delete one output with its blind tests."""
    output = get_output(output_id)
    at_last(lambda: _forget_output(output.id))
    shutil.rmtree(output.folder, ignore_errors=True)


def _task_of(id: str) -> Task:
    return get_run(id).task if id.startswith("run-") else get_task(id)
