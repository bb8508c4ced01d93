"""Where the files of runs, tasks and outputs are. Ids are checked here: no other text becomes part of a path.

runs/<run>/                the training: request in the record, files here
    prepared.json          facts, floors, warnings, sizes
    progress.json          replaced a few times a second by the worker
    history.jsonl          one line per epoch
    log.txt, console.txt   for people; output of libraries
    worker.lock            held by the living worker
    worker.json            which process that is
    attempts.json          number of the last attempt on a cluster
    checkpoints/000012/    weights, optimiser, codec, state, manifest
    lapse/000012-1f3a5c7e/ a short piece that the training made after epoch 12
    generations/<task>/    the same small files for each generation
        drafts/            the beginning of a piece while it is being generated
studies/<study>/           journal of the search: Optuna's own, made anew from the record if it is lost
outputs/<output>/          a clip and its sidecar.json
    listening/<test>/      the excerpts of a blind test that is not finished
"""

from __future__ import annotations

from pathlib import Path

from musicgen.settings import home
from musicgen.storage.database import check_id

PREPARED = "prepared.json"
PROGRESS = "progress.json"
HISTORY = "history.jsonl"
LOG = "log.txt"
CONSOLE = "console.txt"
WORKER_LOCK = "worker.lock"
WORKER = "worker.json"
CHECKPOINTS = "checkpoints"
CLUSTER_ATTEMPTS = "attempts.json"
LAPSE = "lapse"
DRAFTS = "drafts"
SIDECAR = "sidecar.json"
LISTENING = "listening"


def run_folder(run_id: str) -> Path:
    return home() / "runs" / check_id("run", run_id)


def task_folder(kind: str, run_id: str, task_id: str) -> Path:
    """The folder of a run for a training; a folder below it for a generation."""
    folder = run_folder(run_id)
    return folder if kind == "train" else folder / "generations" / check_id("task", task_id)


def output_folder(output_id: str) -> Path:
    return home() / "outputs" / check_id("output", output_id)


def listening_folder(output_id: str, test_id: str) -> Path:
    return output_folder(output_id) / LISTENING / check_id("test", test_id)


def export_path(run_id: str) -> Path:
    return home() / "exports" / f"{check_id('run', run_id)}.zip"


def study_folder(study_id: str) -> Path:
    return home() / "studies" / check_id("study", study_id)


def searcher_lock() -> Path:
    """Held by the process that goes on with the searches."""
    return home() / "searcher.lock"


def supervisor_lock() -> Path:
    return home() / "supervisor.lock"


def expected_file() -> Path:
    """Touched by a page on which work is about to be ordered."""
    return home() / "expected"


def expected_training_file() -> Path:
    """Of a training that is about to be ordered: see `expecting`."""
    return home() / "expected.json"


def ready_file() -> Path:
    """Which processes the supervisor keeps ready: for people only."""
    return home() / "ready.json"


def planner_lock() -> Path:
    """Held by the process that makes the plans of the Train page: there is one at most."""
    return home() / "planner.lock"


def planner_file() -> Path:
    """Which process that is: for people only."""
    return home() / "planner.json"
