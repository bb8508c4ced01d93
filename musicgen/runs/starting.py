"""A training that starts from another run: from its best weights, as far as the two networks mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.approaches import approach as find_approach
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters, read_parameters
from musicgen.errors import InvalidInput, NotFound, WrongState, sentence
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS
from musicgen.runs.loading import load
from musicgen.runs.records import Run, get_run

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks

TRAIN_FROM = "train_from"  # in the request of a run: {run, name} of the one that it starts from
STARTED_FROM = "started_from"  # in its facts: {run, name, epoch, sha256, weights, carried}


def start_entry(approach: Approach, run_id: str) -> dict[str, str]:
    """What the request of a new run has about its start. Raises NotFound, InvalidInput or WrongState."""
    run = _source(run_id)
    if run.approach != approach.key:
        title = find_approach(run.approach).title
        rule = f"{approach.title} can start from a run of the same approach"
        raise InvalidInput(sentence(rule, f"“{run.name}”, a run of {title}", "Choose another run."))
    if not run.can_generate:
        rule = "A training can start from a run that has weights"
        raise WrongState(sentence(rule, f"“{run.name}”, which is {run.state}", "Wait for its first epoch."))
    return {"run": run.id, "name": run.name}


def _source(run_id: str) -> Run:
    try:
        return get_run(run_id)
    except NotFound as error:
        rule, remedy = "A training starts from a run that exists", "Choose another run, or start anew."
        raise NotFound(sentence(rule, repr(run_id), remedy), code="missing_start") from error


def begin_from(
    entry: Mapping[str, str],
    approach: Approach,
    networks: TrainableNetworks,
    codec: Any,
    training: TrainingParameters,
    *,
    folder: Path,
    on_damaged: Callable[[str], None],
) -> dict[str, Any]:
    """Carry the weights of the run over to new networks; returns the fact STARTED_FROM.

    Args:
        entry: of `start_entry`. codec, training: of the new run. folder, on_damaged: see `loading.load`.
    """
    from musicgen.networks.starting import inherit

    run = _source(entry["run"])
    before = read_parameters(approach.Training, run.request["training"])
    candidates = Checkpoints(run.folder / CHECKPOINTS).chosen("best")
    source, known, checkpoint = load(approach, before, candidates, seed=0, folder=folder, on_damaged=on_damaged)
    found = inherit(
        networks,  # type: ignore[arg-type]  # as `build` made them
        source,  # type: ignore[arg-type]
        approach.weight_labels(codec, training, known),
        approach.weight_labels(known, before),
    )
    if not found.carried:
        rule = "A training can start from a run whose network has parts in common with the new one"
        raise InvalidInput(sentence(rule, f"“{run.name}”, which has none", "Use the settings of that run."))
    return {
        "run": run.id,
        "name": run.name,
        "epoch": checkpoint.epoch,
        "sha256": checkpoint.sha256,
        "weights": found.weights,
        "carried": found.carried,
    }


def start_words(request: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Where a run comes from, in one sentence; "" if it started anew."""
    started, entry = facts.get(STARTED_FROM), request.get(TRAIN_FROM)
    if isinstance(started, Mapping) and started.get("name") and started.get("weights"):
        share = int(started.get("carried") or 0) / int(started["weights"])
        return (
            f"Started from epoch {started.get('epoch')} of “{started['name']}”, with {share:.0%} of the weights; the "
            "others are new."
        )
    return f"Starts from “{entry['name']}”." if isinstance(entry, Mapping) and entry.get("name") else ""
