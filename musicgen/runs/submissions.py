"""New work: the user's settings are validated, stored completely and put into the queue. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.approaches import approach as find_approach
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidParameter, NotFound, WrongState, sentence
from musicgen.runs import states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.cluster.configured import CLUSTER
from musicgen.runs.devices import check_device
from musicgen.runs.folders import CHECKPOINTS, run_folder
from musicgen.runs.lapse import HEAR_IT_LEARN
from musicgen.runs.launching import ensure_supervisor, make_ready
from musicgen.runs.naming import usual_name
from musicgen.runs.records import get_output, get_run
from musicgen.runs.song_choices import SongChoice, chosen_songs, sorted_songs
from musicgen.runs.starting import TRAIN_FROM, start_entry
from musicgen.storage import database
from musicgen.storage.database import new_id, runs, tasks

MAX_COUNT = 64
EVERY = "all"  # as a checkpoint: every kept one
MAX_SEED = 2**31 - 1
PIECES_AFTER = "pieces_after"  # in the request of a run: how many pieces follow its training
THEN = "then"  # in the request of a run: generations with settings of their own that follow its training


def submit_training(
    approach_key: str,
    choices: Sequence[SongChoice],
    training: Mapping[str, Any],
    *,
    preset: str = "",
    seed: int = 0,
    name: str = "",
    device: str = "auto",
    submit_key: str | None = None,
    leave_out: bool = False,
    pieces_after: int = 0,
    train_from: str = "",
    then: Sequence[Mapping[str, Any]] = (),
    hear_it_learn: bool = False,
) -> str:
    """Put a training into the queue; returns the run's id.

    Args:
        training: parameters; missing ones come from the preset, then from the defaults.
        submit_key: the same key twice gives one run (a double click).
        leave_out: leave out songs that the approach cannot learn from, and list them in `left_out` of the request,
        unless none would be left. Without it, they are an error.
        pieces_after: how many pieces to generate when the training is finished, with the preset's settings.
        train_from: id of a run of the same approach whose weights it starts from, or COMMON_PRACTICE; "" for none.
        then: generations that follow when the training is finished: {generation, seed, count, checkpoint}.
        hear_it_learn: make short pieces on the way, for the time-lapse. They change nothing that is learned.

    Raises:
        InvalidInput, InvalidParameter, NotFound, WrongState: with a sentence.
    """
    if submit_key is not None and (before := find_submitted(submit_key)):
        return str(before["run_id"])
    approach = find_approach(approach_key)
    parameters = read_training(approach, training, preset)
    songs, left_out = sorted_songs(approach, choices) if leave_out else (chosen_songs(approach, choices), [])
    from musicgen.songs.names import clean_name

    run_id = new_id("run")
    request = {
        "approach": approach_key,
        "preset": preset,
        "training": parameters.model_dump(mode="json"),
        "seed": _check_seed(seed),
        "songs": songs,
        "device": check_device(device),
    }
    if train_from:
        request[TRAIN_FROM] = start_entry(approach, train_from)
    if pieces_after:
        request[PIECES_AFTER] = check_count(pieces_after)
    if then:
        request[THEN] = [_generation_to_follow(approach, order) for order in then]
    if hear_it_learn:
        request[HEAR_IT_LEARN] = True
    if leave_out:
        request |= {"leave_out": True, "left_out": [each.to_json() for each in left_out]}
    run = {
        "id": run_id,
        "name": clean_name(name) or usual_name(approach, preset, parameters, songs),
        "approach": approach_key,
        "request": request,
        "created_at": database.now(),
    }
    task = _add_task("train", run_id, {"device": device}, submit_key, run)
    return str(task["run_id"])


def submit_generation(
    run_id: str,
    generation: Mapping[str, Any] | None = None,
    *,
    count: int = 1,
    seed: int = 0,
    prompt: SongChoice | None = None,
    checkpoint: str | int = "best",
    device: str = "auto",
    submit_key: str | None = None,
) -> str:
    """Put a generation into the queue; returns the task's id.

    Args:
        generation: parameters; None: those of the preset that the run was trained with.
        count: how many pieces, with seeds `seed`, `seed + 1`, …
        checkpoint: best, last, an epoch whose weights are kept, or all: as many from each of the kept ones.

    Raises:
        InvalidInput, InvalidParameter, NotFound, WrongState: with a sentence.
    """
    if submit_key is not None and (before := find_submitted(submit_key)):
        return str(before["id"])
    run = get_run(run_id)
    run.check_request()
    approach = find_approach(run.approach)
    if not run.can_generate:
        raise WrongState(
            sentence("A run can generate after its first epoch", f"a run that is {run.state}", "Wait, or resume it.")
        )
    check_count(count)
    if device == CLUSTER:
        rule = "Pieces are generated on this machine, from what the cluster has learned"
        raise InvalidParameter(sentence(rule, f"--device {CLUSTER}", "Leave the device out."))
    values = preset_generation(approach, run.request) if generation is None else generation
    lapse = _lapse(run_folder(run.id), str(checkpoint))
    seeds = [(_check_seed(seed) + number) % (MAX_SEED + 1) for number in range(count)]
    request: dict[str, Any] = {
        "generation": read_parameters(approach.Generation, values).model_dump(mode="json"),
        "seeds": seeds,
        "wanted": list(range(count * max(len(lapse), 1))),
        "prompt": None if prompt is None else chosen_songs(approach, [prompt])[0],
        "checkpoint": str(checkpoint),
        "device": check_device(device),
    }
    if lapse:
        request["checkpoints"] = lapse
    return str(_add_task("generate", run.id, request, submit_key)["id"])


def _generation_to_follow(approach: Approach, order: Mapping[str, Any]) -> dict[str, Any]:
    """The order, validated before anything is trained."""
    return {
        "generation": read_parameters(approach.Generation, order.get("generation") or {}).model_dump(mode="json"),
        "seed": _check_seed(int(order.get("seed") or 0)),
        "count": check_count(int(order.get("count") or 1)),
        "checkpoint": str(order.get("checkpoint") or "best"),
    }


def preset_generation(approach: Approach, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The generation parameters of the preset that a run was trained with; {} for the defaults."""
    preset = approach.presets.get(request.get("preset") or "")
    return preset.generation if preset else {}


def _lapse(folder: Path, checkpoint: str) -> list[str]:
    """The sha256 of the checkpoints to generate from one after the other; [] for a single one, which must be there."""
    kept = Checkpoints(folder / CHECKPOINTS)
    if checkpoint == EVERY:
        return [each.sha256 for each in kept.lapse()]
    kept.chosen(checkpoint)
    return []


def regenerate(output_id: str, *, submit_key: str | None = None) -> str:
    """Make exactly the same output again: same weights, settings, seed and batch. Returns the task's id."""
    if submit_key is not None and (before := find_submitted(submit_key)):
        return str(before["id"])
    output = get_output(output_id)
    made = output.sidecar
    run = get_run(output.run_id)
    kept = Checkpoints(run_folder(run.id) / CHECKPOINTS).chosen("last")
    wanted = made["checkpoint"]["sha256"]
    if wanted not in {each.sha256 for each in kept}:
        raise NotFound(
            sentence(
                "Making an output again needs the weights that made it",
                f"weights of epoch {made['checkpoint']['epoch']}, which are no longer kept",
                "Generate from the weights that are kept.",
            )
        )
    request = {
        "generation": made["generation"],
        "seeds": made["seeds"],
        "wanted": [made["index"] % len(made["seeds"])],  # pieces from several checkpoints are numbered through
        "prompt": made["prompt"],
        "checkpoint": wanted,
        "device": made["device"],
        "regenerates": {
            "id": output.id,
            "name": output.name,
            "content_sha256": made["content_sha256"],
            "versions": made.get("versions", {}),
        },
    }
    return str(_add_task("generate", run.id, request, submit_key)["id"])


def read_training(approach: Approach, values: Mapping[str, Any], preset: str = "") -> Any:
    """Validated training parameters: `values` override the preset, which overrides the defaults."""
    if preset and preset not in approach.presets:
        known = ", ".join(approach.presets)
        raise InvalidParameter(sentence(f"Presets of {approach.key} are {known}", repr(preset)))
    base = approach.presets[preset].training if preset else {}
    return read_parameters(approach.Training, {**base, **values})


def check_count(count: int) -> int:
    """How many pieces one generation makes. Raises InvalidParameter."""
    if not 1 <= count <= MAX_COUNT:
        raise InvalidParameter(sentence(f"A generation makes between 1 and {MAX_COUNT} pieces", count))
    return count


def _check_seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise InvalidParameter(sentence(f"A seed must be between 0 and {MAX_SEED}", seed))
    return int(seed)


def find_submitted(submit_key: str) -> dict[str, Any] | None:
    """`{id, run_id}` of the task that was submitted with this key."""
    return database.one(sa.select(tasks.c.id, tasks.c.run_id).where(tasks.c.submit_key == submit_key))


def _add_task(
    kind: str, run_id: str, request: dict[str, Any], submit_key: str | None, run: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Insert the task (and its run) in one transaction, or return the one that the same click made before."""
    task = {
        "id": new_id("task"),
        "kind": kind,
        "run_id": run_id,
        "state": states.QUEUED,
        "device": request["device"],
        "request": request,
        "submit_key": submit_key,
        "created_at": database.now(),
    }
    make_ready()
    try:
        with database.engine().begin() as connection:
            if run is not None:
                connection.execute(sa.insert(runs).values(**run))
            connection.execute(sa.insert(tasks).values(**task))
    except sa.exc.IntegrityError:
        before = find_submitted(submit_key) if submit_key is not None else None
        if before is None:
            raise
        task = before
    ensure_supervisor()
    return task
