"""A training that starts from what is known: from the best weights of another run, or from those that come with the
program, as far as the two networks mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from musicgen.approaches import approach as find_approach
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters, read_parameters
from musicgen.errors import InvalidInput, NotFound, WrongState, sentence
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS
from musicgen.runs.loading import load
from musicgen.runs.records import Run, get_run
from musicgen.starters.card import read_starter, starter_path
from musicgen.storage.files import sha256_of
from musicgen.wording import count

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks
    from musicgen.networks.starting import Inherited

COMMON_PRACTICE = "common-practice"  # in place of a run: the starter of the approach
COMMON_PRACTICE_NAME = "common practice"
# In the request of a run: {run, name} of the one that it starts from, or {starter, name}.
TRAIN_FROM = "train_from"
# In its facts: {run, name, epoch, sha256, weights, carried, rate}, or {starter, name, pieces, sha256, weights, …}.
STARTED_FROM = "started_from"


def start_entry(approach: Approach, start: str) -> dict[str, str]:
    """What the request of a new run has about its start: a run, or COMMON_PRACTICE. Raises NotFound, InvalidInput,
    WrongState or DamagedFile."""
    if start == COMMON_PRACTICE:
        read_starter(starter_path(approach.key))
        return {"starter": approach.key, "name": COMMON_PRACTICE_NAME}
    run = _run_of(start)
    if run.approach != approach.key:
        title = find_approach(run.approach).title
        rule = f"{approach.title} can start from a run of the same approach"
        raise InvalidInput(sentence(rule, f"“{run.name}”, a run of {title}", "Choose another run."))
    if not run.can_generate:
        rule = "A training can start from a run that has weights"
        raise WrongState(sentence(rule, f"“{run.name}”, which is {run.state}", "Wait for its first epoch."))
    return {"run": run.id, "name": run.name}


def _run_of(run_id: str) -> Run:
    try:
        return get_run(run_id)
    except NotFound as error:
        rule, remedy = "A training starts from a run that exists", "Choose another run, or start anew."
        raise NotFound(sentence(rule, repr(run_id), remedy), code="missing_start") from error


class Source(NamedTuple):
    """What a training starts from: networks, what they were built from, and what the fact STARTED_FROM says of them."""

    networks: TrainableNetworks
    codec: Any
    training: TrainingParameters
    facts: dict[str, Any]


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
    """Carry the weights of the run, or of the starter, over to new networks; returns the fact STARTED_FROM.

    Args:
        entry: of `start_entry`. codec, training: of the new run. folder, on_damaged: see `loading.load`.
    """
    if "starter" in entry:
        source = of_starter(starter_path(entry["starter"]), approach, entry["name"])
    else:
        source = _of_run(entry["run"], approach, folder, on_damaged)
    found = carried_over(source, approach, networks, codec, training)
    if not found.carried:
        rule = "A training can start from a network that has parts in common with the new one"
        name = source.facts["name"]
        raise InvalidInput(sentence(rule, f"“{name}”, which has none", "Use its settings, or start anew."))
    return {**source.facts, "weights": found.weights, "carried": found.carried, "rate": approach.start_rate}


def carried_over(
    source: Source, approach: Approach, networks: TrainableNetworks, codec: Any, training: TrainingParameters
) -> Inherited:
    """Give the new networks the weights of the source that mean the same there; how many those are."""
    from musicgen.networks.starting import inherit

    return inherit(
        networks,  # type: ignore[arg-type]  # as `build` made them
        source.networks,  # type: ignore[arg-type]
        approach.weight_labels(codec, training, source.codec),
        approach.weight_labels(source.codec, source.training),
    )


def of_starter(path: Path, approach: Approach, name: str = COMMON_PRACTICE_NAME) -> Source:
    """The networks of a starter file. Raises NotFound or DamagedFile."""
    from musicgen.starters.weights import read_networks

    networks, codec, training, starter = read_networks(path, approach)
    facts = {"starter": approach.key, "name": name, "pieces": len(starter.sources), "sha256": sha256_of(path)}
    return Source(networks, codec, training, facts)


def _of_run(run_id: str, approach: Approach, folder: Path, on_damaged: Callable[[str], None]) -> Source:
    """The networks of a run, of its best checkpoint."""
    run = _run_of(run_id)
    training = read_parameters(approach.Training, run.request["training"])
    candidates = Checkpoints(run.folder / CHECKPOINTS).chosen("best")
    networks, codec, checkpoint = load(approach, training, candidates, seed=0, folder=folder, on_damaged=on_damaged)
    facts = {"run": run.id, "name": run.name, "epoch": checkpoint.epoch, "sha256": checkpoint.sha256}
    return Source(networks, codec, training, facts)


def start_pace(approach: Approach, request: Mapping[str, Any], training: TrainingParameters) -> TrainingParameters:
    """The parameters that a run is trained with: a start may need a lower learning rate than new weights, which would
    soon lose what is known."""
    rate = getattr(training, "learning_rate", None)
    if not request.get(TRAIN_FROM) or rate is None or approach.start_rate == 1.0:
        return training
    return training.model_copy(update={"learning_rate": approach.start_rate * rate})


def start_words(request: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Where a run comes from, in one sentence; "" if it started anew."""
    started, entry = facts.get(STARTED_FROM), request.get(TRAIN_FROM)
    if isinstance(started, Mapping) and started.get("name") and started.get("weights"):
        share = f"with {int(started.get('carried') or 0) / int(started['weights']):.0%} of the weights"
        rate = float(started.get("rate", 1.0))
        slower = f" The learning rate is {rate:g} times the one that was set." if rate != 1.0 else ""
        if started.get("starter"):
            learned = f"learned from {count(int(started.get('pieces') or 0), 'piece')} in the public domain"
            return f"Started from {started['name']} ({learned}), {share}; the others are new.{slower}"
        return f"Started from epoch {started.get('epoch')} of “{started['name']}”, {share}; the others are new.{slower}"
    if not isinstance(entry, Mapping) or not entry.get("name"):
        return ""
    return f"Starts from {entry['name']}." if entry.get("starter") else f"Starts from “{entry['name']}”."
