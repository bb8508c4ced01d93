"""The generation task: weights and codec of a checkpoint → pieces, each published as soon as it exists; then their
sound is rendered, and they are judged.

Runs in a worker process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.approaches import approach as find_approach
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, ensure_audio, write_audio_clip, write_score_clip
from musicgen.contract.made import Made, Order
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import CorruptArtifact, MusicgenError, NotFound, sentence
from musicgen.evaluation.given import Given
from musicgen.evaluation.judging import Judgement, judge
from musicgen.runs import outputs
from musicgen.runs.checkpoints import Checkpoint
from musicgen.runs.control import EXIT_SUPERSEDED
from musicgen.runs.drafts import DraftWriter, remove_drafts
from musicgen.runs.folders import SIDECAR, output_folder
from musicgen.runs.generation_monitor import GenerationMonitor
from musicgen.runs.jobs import Job, open_device
from musicgen.runs.learning import verdicts_on_weights
from musicgen.runs.loading import load
from musicgen.runs.progress import finite
from musicgen.runs.songs_of_runs import find_songs
from musicgen.runs.versions import versions
from musicgen.storage import database
from musicgen.storage.database import tasks
from musicgen.storage.files import read_json


def generate(job: Job) -> None:
    """Generate the pieces of this task that do not exist yet. However that ends, only complete ones are kept."""
    remove_drafts(job.folder)
    try:
        _generate(job)
    finally:
        remove_drafts(job.folder)


def _generate(job: Job) -> None:
    request, trained = job.task["request"], job.run["request"]
    approach = find_approach(trained["approach"])
    training = read_parameters(approach.Training, trained["training"])
    generation = read_parameters(approach.Generation, request["generation"])
    songs, _ = find_songs(trained["songs"])
    prompt = _find_prompt(request["prompt"])
    job.log.line(f"{approach.title}, from “{job.run['name']}”, seeds {request['seeds']}, on {job.device}")
    open_device(job)
    monitor = GenerationMonitor(job.control, job.progress, job.notice, DraftWriter(job.folder, job.control.fence))
    order = Order(generation, tuple(request["seeds"]), songs, prompt, monitor)
    made: list[str] = []
    for number, choice in enumerate(request.get("checkpoints") or [request["checkpoint"]]):
        job.progress.write(phase="loading the weights")
        networks, codec, checkpoint = load(
            approach,
            training,
            _pinned(job, choice),
            seed=int(trained["seed"]),
            folder=job.folder,
            on_damaged=job.notice,
            keep=True,
        )
        _pin(job, checkpoint)
        job.log.line(f"weights of epoch {checkpoint.epoch}, sha256 {checkpoint.sha256}")
        pieces = approach.generate(networks, codec, training, order)
        made += _publish_all(job, checkpoint, pieces, monitor.drafts, first=number * len(order.seeds))
    _render(job, monitor, made)  # first: people wait for the sound
    _judge(job, made, songs, approach.medium)


def _find_prompt(choice: dict[str, Any] | None) -> TrainingSong | None:
    if choice is None:
        return None
    found, missing = find_songs([choice])
    if missing:
        raise NotFound(
            sentence("The prompt must be a song in the library", f"“{missing[0]}”, no longer there"),
            code="missing_songs",
        )
    return found[0]


def _pinned(job: Job, choice: str) -> list[Checkpoint]:
    """The checkpoints to try. The first is pinned, so that a training still at work does not remove it."""
    with job.checkpoints.lock():
        candidates = job.checkpoints.chosen(choice)
        if candidates:
            with suppress(CorruptArtifact):  # damaged: another one will be loaded and pinned
                _pin(job, candidates[0])
    return candidates


def _pin(job: Job, checkpoint: Checkpoint) -> None:
    request = {**job.task["request"], "pinned": {"epoch": checkpoint.epoch, "sha256": checkpoint.sha256}}
    database.change(
        sa.update(tasks).where(tasks.c.id == job.task["id"], tasks.c.fence == job.control.fence).values(request=request)
    )


def _publish_all(
    job: Job, checkpoint: Checkpoint, pieces: Iterator[Made], drafts: DraftWriter, *, first: int
) -> list[str]:
    """Publish the wanted pieces of one checkpoint, numbered from `first`; returns the ids of their outputs."""
    request = job.task["request"]
    there = outputs.made_indices(job.task["id"])
    made: list[str] = []
    units = seconds = 0.0
    for index, (piece, took) in enumerate(_timed(pieces), first):
        seconds += took
        units += _units(piece)
        if index in there or index not in request["wanted"]:
            continue
        facts = finite({**_rate(piece, units / seconds), **piece.facts})
        output_id = outputs.publish_output(
            job.task,
            job.control.fence,
            _name(job),
            _sidecar(job, checkpoint, piece, index, facts),
            partial(_write_clip, piece),
        )
        if output_id is None:
            raise SystemExit(EXIT_SUPERSEDED)
        drafts.published()
        made.append(output_id)
        job.log.line(f"made {output_id}, seed {piece.seed}: {json.dumps(facts)}")
        job.progress.write(made=len(there) + len(made))
    return made


def _timed(pieces: Iterator[Made]) -> Iterator[tuple[Made, float]]:
    """Each piece with the seconds it took (in a batch, the first one counts the time of all)."""
    while True:
        began = time.monotonic()
        piece = next(pieces, None)
        if piece is None:
            return
        yield piece, max(time.monotonic() - began, 1e-9)


def _rate(piece: Made, measured: float) -> dict[str, float]:
    """Samples or notes a second: from the approach's own step rate, which allows for batches, else from `measured`."""
    unit = "samples_per_second" if isinstance(piece.content, Waveform) else "notes_per_second"
    steps, steps_per_second = piece.facts.get("steps"), piece.facts.get("steps_per_second")
    return {unit: round(_units(piece) / steps * steps_per_second if steps and steps_per_second else measured, 1)}


def _units(piece: Made) -> float:
    return float(piece.content.n_samples if isinstance(piece.content, Waveform) else piece.content.num_notes)


def _write_clip(piece: Made, folder: Path) -> Clip:
    if isinstance(piece.content, Waveform):
        return write_audio_clip(folder, piece.content)
    return write_score_clip(folder, piece.content)


def _name(job: Job) -> str:
    if again := job.task["request"].get("regenerates"):
        return f"{again['name']} (again)"
    return f"{job.run['name']}, {outputs.count_outputs(job.run['id']) + 1}"


def _sidecar(job: Job, checkpoint: Checkpoint, piece: Made, index: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything needed to make this piece again, byte for byte on the same machine."""
    request, trained = job.task["request"], job.run["request"]
    reference = piece.reference
    return {
        "run": {"id": job.run["id"], "name": job.run["name"], "approach": trained["approach"]},
        "checkpoint": {
            "epoch": checkpoint.epoch,
            "is_complete": checkpoint.is_complete,
            "sha256": checkpoint.sha256,
            "chosen": request["checkpoint"],
        },
        "training": trained["training"],
        "training_seed": trained["seed"],
        "songs": trained["songs"],
        "generation": request["generation"],
        "prompt": request["prompt"],
        "seed": piece.seed,
        "seeds": request["seeds"],  # one batch: generated together, and repeated together
        "index": index,
        "reference": None
        if reference is None
        else {
            "song_id": reference.song_id,
            "start_seconds": reference.start_seconds,
            "stop_seconds": reference.stop_seconds,
        },
        "facts": facts,
        "device": job.device,
        "versions": versions(),
        "regenerates": request.get("regenerates"),
    }


def _judge(job: Job, made: Sequence[str], songs: Sequence[TrainingSong], medium: str) -> None:
    """Add metrics, copies and verdicts to the sidecars; `medium`: of the approach. The pieces are published already: an
    error here loses none."""
    if not made:
        return
    job.progress.write(phase="checking the pieces", step=0, steps=len(made), seconds_left=None)
    began = time.monotonic()

    def write_down(output_id: str, judgement: Judgement) -> None:
        error = judgement.pop("error", "")
        if "verdicts" in judgement:
            epoch = (sidecars[output_id].get("checkpoint") or {}).get("epoch")
            judgement["verdicts"] = verdicts_on_weights(job.run["id"], epoch, medium=medium) + judgement["verdicts"]
        judgement["judging"] = {"seconds": round(time.monotonic() - began, 2), "error": error}
        outputs.amend_output(output_id, job.task["id"], job.control.fence, judgement)
        codes = [verdict["code"] for verdict in judgement.get("verdicts", ())]
        job.log.line(f"checked {output_id}: {error or ', '.join(codes) or 'nothing wrong'}")

    sidecars = {output_id: read_json(output_folder(output_id) / SIDECAR, {}) for output_id in made}
    with job.control.interruptible():
        judge(
            {output_id: Clip(output_folder(output_id)) for output_id in made},
            songs,
            on_judged=write_down,
            given={output_id: Given.of(sidecar) for output_id, sidecar in sidecars.items()},
        )


def _render(job: Job, monitor: GenerationMonitor, made: Sequence[str]) -> None:
    """Render scores to sound. If that fails, they still exist, and the page renders them on demand."""
    clips = [clip for clip in (Clip(output_folder(each)) for each in made) if not clip.has_audio]
    for number, clip in enumerate(clips):
        monitor.progress("rendering the sound", number, len(clips))
        try:
            with job.control.interruptible():
                ensure_audio(clip)
        except MusicgenError as error:
            job.notice(f"The sound could not be rendered. {error}")
            return
