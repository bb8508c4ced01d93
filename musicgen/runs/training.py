"""The training task: songs → prepared → networks → epochs, each with a checkpoint. Runs in a worker process."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from musicgen.approaches import approach as find_approach
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters, read_parameters
from musicgen.contract.prepared import Cost, Prepared, TrainingSong
from musicgen.errors import Cancelled, DamagedFile, MusicgenError, WrongState, sentence
from musicgen.faults import in_words, is_storage_fault
from musicgen.runs import outputs, speeds
from musicgen.runs.damage import read_prepared
from musicgen.runs.folders import CONSOLE, HISTORY, PREPARED
from musicgen.runs.following import generate_after
from musicgen.runs.history import best_epoch, rewind
from musicgen.runs.jobs import Job, are_finite, open_device
from musicgen.runs.lapse import HEAR_IT_LEARN, lapse_of
from musicgen.runs.lapse_making import LapseMaker
from musicgen.runs.leaving_out import LeftOut, as_warnings, prepare_what_can_be_learned
from musicgen.runs.loading import load
from musicgen.runs.progress import finite
from musicgen.runs.songs_of_runs import change_request, find_songs, missing_songs
from musicgen.runs.starting import STARTED_FROM, TRAIN_FROM, begin_from, start_pace, start_words
from musicgen.runs.training_monitor import TrainingMonitor
from musicgen.runs.versions import versions
from musicgen.storage.files import write_json

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks

MARKS = ("attempt",)  # in the request of a task on a cluster: who added which row to the history


def train(job: Job) -> None:
    """Train the run of this task, from its last good checkpoint if it has one, up to `training.epochs`."""
    request = job.run["request"]
    approach = find_approach(request["approach"])
    training = read_parameters(approach.Training, request["training"])
    seed = int(request["seed"])
    prepared, cost, songs = _prepare(job, approach, training, seed)
    open_device(job)
    networks, rows = _starting_point(job, approach, training, prepared, cost, seed)
    lapse = lapse_of(job.run["id"])
    lapse.clean()
    lapse.forget_after(int(rows[-1]["epoch"]) if rows else 0)
    maker = LapseMaker(job, approach, training, networks, prepared.codec, songs) if request.get(HEAR_IT_LEARN) else None
    monitor = TrainingMonitor(
        control=job.control,
        progress=job.progress,
        log=job.log,
        checkpoints=job.checkpoints,
        history=job.folder / HISTORY,
        rows=rows,
        epochs=training.epochs,
        codec=prepared.codec.to_json(),
        state={"run": job.run["id"], "approach": approach.key, "seed": seed, "versions": versions()},
        is_finite=lambda: are_finite(networks),
        pinned=lambda: outputs.pinned_checkpoints(job.run["id"]),
        notice=job.notice,
        marks={name: job.task["request"][name] for name in MARKS if name in job.task["request"]},
        console=job.folder / CONSOLE,
        after_saving=None if maker is None else maker.after_saving,
    )
    try:
        if monitor.epochs_done < training.epochs:
            first = monitor.epochs_done + 1
            job.progress.write(phase="training", epoch=first)
            paced = start_pace(approach, request, training)
            approach.fit(networks, prepared, paced, seed=seed, monitor=monitor, first_epoch=first)
            monitor.keep_last(networks.save)
    except Cancelled:
        _keep_unfinished(job, monitor, networks)
        raise
    finally:
        _remember_speed(job, prepared, cost, training, monitor)
        if maker is not None:
            maker.remember()
    job.log.line(f"Finished after epoch {monitor.epochs_done}; the best is epoch {best_epoch(rows)}.")
    _order_pieces(job)


def _order_pieces(job: Job) -> None:
    try:
        generate_after(job.run["id"], job.run["request"])
    except MusicgenError as error:  # the training itself is done
        job.notice(f"The pieces after the training could not be ordered. {error}")


def _prepare(
    job: Job, approach: Approach, training: TrainingParameters, seed: int
) -> tuple[Prepared, Cost, list[TrainingSong]]:
    """(prepared, cost, the songs that it learns from)"""
    request = job.run["request"]
    songs, missing = find_songs(request["songs"])
    if missing:
        raise missing_songs(missing)
    job.log.line(f"{approach.title}, preset {request['preset'] or 'none'}, seed {seed}, on {job.device}")
    job.log.line("songs: " + "; ".join(song.name for song in songs))
    job.log.line("parameters: " + json.dumps(request["training"]))
    job.progress.write(phase="preparing", epochs=training.epochs, device=job.device)
    with job.control.interruptible():
        if request.get("leave_out"):
            prepared, songs = _leaving_out(job, approach, songs, training, seed)
        else:
            prepared = approach.prepare(songs, training, seed=seed)
        cost = approach.cost(prepared, training)
    if started := _facts_before(job).get(STARTED_FROM):
        prepared.facts[STARTED_FROM] = started
    _keep_prepared(job, prepared, cost)
    _describe(job, prepared, cost)
    return prepared, cost, songs


def _facts_before(job: Job) -> dict[str, Any]:
    """What was found when the run was first started; {} if it is new, or if that is damaged."""
    try:
        return dict(read_prepared(job.folder / PREPARED).get("facts", {}))
    except (OSError, DamagedFile):
        return {}


def _keep_prepared(job: Job, prepared: Prepared, cost: Cost) -> None:
    found = {"facts": prepared.facts, "floors": prepared.floors, "warnings": list(prepared.warnings)}
    write_json(job.folder / PREPARED, finite({**found, **asdict(cost)}))


def _leaving_out(
    job: Job, approach: Approach, songs: list[TrainingSong], training: TrainingParameters, seed: int
) -> tuple[Prepared, list[TrainingSong]]:
    """Prepare without the songs that cannot be learned from, and remove them from the run's request; (prepared, the
    others)."""
    prepared, left, out = prepare_what_can_be_learned(approach, songs, training, seed=seed)
    request = job.run["request"]
    every = [*(LeftOut(**each) for each in request["left_out"]), *out]
    if out:
        ids = {song.id for song in left}
        chosen = [song for song in request["songs"] if song["id"] in ids]
        changed = {**request, "songs": chosen, "left_out": [each.to_json() for each in every]}
        change_request(job.run["id"], changed, task_id=job.task["id"], fence=job.control.fence)
    return replace(prepared, warnings=(*prepared.warnings, *as_warnings(every))), left


def _describe(job: Job, prepared: Prepared, cost: Cost) -> None:
    for name, value in prepared.facts.items():
        job.log.line(f"{name.replace('_', ' ')}: {value}")
    for name, value in prepared.floors.items():
        job.log.line(f"floor, {name.replace('_', ' ')}: {value:.6g}")
    for warning in prepared.warnings:
        job.log.line(f"warning: {warning}")
    job.log.line(f"networks: {cost.networks}, with {cost.parameters:,} weights each")


def _starting_point(
    job: Job, approach: Approach, training: TrainingParameters, prepared: Prepared, cost: Cost, seed: int
) -> tuple[TrainableNetworks, list[dict[str, Any]]]:
    """The networks of the last good checkpoint and the history up to it, or new networks and no history."""
    job.progress.write(phase="building the network")
    job.checkpoints.clean()
    candidates = [each for each in job.checkpoints.newest_first() if each.is_complete]
    if not candidates:
        return _new_networks(job, approach, training, prepared, cost, seed), rewind(job.folder / HISTORY, 0, None)
    networks, _, checkpoint = load(approach, training, candidates, seed=seed, folder=job.folder, on_damaged=job.notice)
    if not _is_same(_plain(checkpoint.codec()), _plain(prepared.codec.to_json())):
        raise WrongState(
            sentence(
                "A run must go on with the songs that it started with, read as they were then",
                "songs that give another vocabulary or scaling, or a later version that reads them in another way",
                "Start a new run.",
            ),
            code="other_songs",
        )
    job.log.line(f"Going on after epoch {checkpoint.epoch}.")
    return networks, rewind(job.folder / HISTORY, checkpoint.epoch, checkpoint.state.get("row"))


def _is_same(before: Any, now: Any) -> bool:
    """Whether two codecs, as JSON, agree in all that the earlier one has: later versions add to it."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(name in now and _is_same(value, now[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_is_same, before, now))
    return bool(before == now)


def _new_networks(
    job: Job, approach: Approach, training: TrainingParameters, prepared: Prepared, cost: Cost, seed: int
) -> TrainableNetworks:
    """As the seed makes them, with the weights of what this run starts from, if there is anything."""
    networks = approach.build(prepared.codec, training, seed=seed)
    request = job.run["request"]
    if entry := request.get(TRAIN_FROM):
        job.progress.write(phase="reading what it starts from")
        started = begin_from(
            entry, approach, networks, prepared.codec, training, folder=job.folder, on_damaged=job.notice
        )
        prepared.facts[STARTED_FROM] = started
        _keep_prepared(job, prepared, cost)
        job.log.line(start_words(request, prepared.facts))
    return networks


def _keep_unfinished(job: Job, monitor: TrainingMonitor, networks: TrainableNetworks) -> None:
    try:
        kept = monitor.keep_unfinished(networks.save)
    except (MusicgenError, OSError) as error:
        if not is_storage_fault(error):
            raise
        job.log.line(f"The weights of the unfinished epoch could not be saved. {in_words(error)}")
        return
    if kept is not None:
        job.log.line(f"Saved the weights of the unfinished epoch {kept.epoch} ({monitor.steps_in_epoch} steps).")


def _remember_speed(
    job: Job, prepared: Prepared, cost: Cost, training: TrainingParameters, monitor: TrainingMonitor
) -> None:
    # The first epoch includes compilation; it counts only if there is no other.
    seconds = [row["seconds"] for row in monitor.rows_made[1:] or monitor.rows_made if row["seconds"]]
    if seconds:
        step = speeds.flops_per_step(cost, prepared.facts, training)
        with suppress(MusicgenError, OSError):  # an estimate for next time must not fail the run
            name = speeds.speed_name(find_approach(job.run["approach"]), training)
            speeds.remember_speed(name, job.device, step, cost.flops_per_epoch / median(seconds))


def _plain(document: Any) -> Any:
    return json.loads(json.dumps(document))
