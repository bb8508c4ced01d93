"""In a child process: the next trial of a study, and which parameters mattered so far. The only module with Optuna.

A proposal is a function of the seed of the study, its number and the trials before it. The first few vary the preset;
then Optuna's TPE (Bergstra et al., Algorithms for hyper-parameter optimization, 2011) takes turns with variations of
the best one so far. Optuna's journal in
the folder of the study is written anew from the record each time, so the two never disagree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from musicgen.processes import child_main

JOURNAL = "optuna.journal"
VARIATIONS = 6  # trials before TPE, with the preset
CHANGED = 0.2  # share of the parameters that a variation changes: of many changes at once, some are usually bad
REACH = 3  # a variation moves at most a third of the way through the values
TRIES = 20  # before a proposal may repeat an earlier one
ENOUGH_TO_WEIGH = 8  # trials with a loss
GOOD = 0.3  # share of them that counts as good

STATES = {
    "succeeded": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "cancelled": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


def propose(request: Mapping[str, Any]) -> dict[str, Any]:
    """{places: name → place of the next trial (None if none is wanted), importance: name → share}.

    `request`: folder, seed, knobs (name, values, ordered, start), trials (in order: state, places, value, curve),
    wants_trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    knobs, trials, seed = request["knobs"], request["trials"], int(request["seed"])
    places = _next(knobs, trials, seed) if request["wants_trial"] else None
    importance = _importance(knobs, trials)
    _write_journal(Path(request["folder"]), knobs, trials, places)
    return {"places": places, "importance": importance}


def _next(knobs: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]], seed: int) -> dict[str, int]:
    if not trials:
        return {knob["name"]: knob["start"] for knob in knobs}
    known = [trial["places"] for trial in trials]
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, len(trials), attempt])
        if len(trials) < VARIATIONS:
            places = _varied(knobs, {knob["name"]: knob["start"] for knob in knobs}, rng)
        elif len(trials) % 2 or attempt > TRIES // 2:  # TPE may see no other place any more
            places = _varied(knobs, _best(knobs, trials), rng)
        else:
            places = _sampled(knobs, trials, rng)
        if places not in known:
            break
    return places


def _best(knobs: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    scored = [(trial["value"], number) for number, trial in enumerate(trials) if trial["value"] is not None]
    return dict(trials[min(scored)[1] if scored else 0]["places"])


def _varied(knobs: Sequence[Mapping[str, Any]], known: Mapping[str, int], rng: np.random.Generator) -> dict[str, int]:
    """A known trial with some of its values changed a little."""
    chosen = rng.random(len(knobs)) < CHANGED
    chosen[rng.integers(len(knobs))] = True
    places = {}
    for knob, is_changed in zip(knobs, chosen, strict=True):
        count, start = len(knob["values"]), known[knob["name"]]
        reach = max(1, count // REACH) if knob["ordered"] else count
        near = [place for place in range(max(0, start - reach), min(count, start + reach + 1)) if place != start]
        places[knob["name"]] = int(rng.choice(near)) if is_changed and near else start
    return places


def _sampled(
    knobs: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]], rng: np.random.Generator
) -> dict[str, int]:
    sampler = optuna.samplers.TPESampler(seed=int(rng.integers(2**31)), multivariate=True, n_startup_trials=VARIATIONS)
    study = optuna.create_study(storage=InMemoryStorage(), sampler=sampler, pruner=optuna.pruners.NopPruner())
    study.add_trials(_frozen(knobs, trials))
    asked = study.ask(_distributions(knobs))
    return {knob["name"]: int(asked.params[knob["name"]]) for knob in knobs}


def _distributions(knobs: Sequence[Mapping[str, Any]]) -> dict[str, BaseDistribution]:
    """Places: numbers where neighbours are alike, else choices."""
    return {
        knob["name"]: IntDistribution(0, len(knob["values"]) - 1)
        if knob["ordered"]
        else CategoricalDistribution(list(range(len(knob["values"]))))
        for knob in knobs
    }


def _frozen(knobs: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]]) -> list[FrozenTrial]:
    """The trials as Optuna has them."""
    space, found = _distributions(knobs), []
    for trial in trials:
        state = STATES[trial["state"]]
        if state != TrialState.FAIL and trial["value"] is None:
            state = TrialState.FAIL  # ended before its first epoch
        steps = {part: value for part, value in enumerate(trial["curve"], 1) if value is not None}
        found.append(
            create_trial(
                state=state,
                value=trial["value"] if state == TrialState.COMPLETE else None,
                params=dict(trial["places"]),
                distributions=space,
                intermediate_values={} if state == TrialState.FAIL else steps,
            )
        )
    return found


def _importance(knobs: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How much of the difference between good and other trials goes back to each parameter (PED-ANOVA, Watanabe et
    al., 2023): shares that add up to 1, the largest first; {} if there are too few trials."""
    finished = [{**trial, "state": "succeeded"} for trial in trials if trial["value"] is not None]
    if len(finished) < ENOUGH_TO_WEIGH or len({trial["value"] for trial in finished}) == 1:
        return {}
    varied = [knob for knob in knobs if len({trial["places"][knob["name"]] for trial in finished}) > 1]
    study = optuna.create_study(storage=InMemoryStorage())
    study.add_trials(_frozen(knobs, finished))
    with suppress(ValueError, RuntimeError):  # trials that are too much alike
        found = get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(target_quantile=GOOD), params=[knob["name"] for knob in varied]
        )
        if all(np.isfinite(value) for value in found.values()):
            return {name: float(value) for name, value in sorted(found.items(), key=lambda pair: -pair[1])}
    return {}


def _write_journal(
    folder: Path,
    knobs: Sequence[Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    places: Mapping[str, int] | None,
) -> None:
    """Optuna's own record of the study, whole or as it was before: another process may be killed while it writes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob(f"*.{JOURNAL}*"):
        left.unlink(missing_ok=True)
    path = folder / f"{os.getpid()}.{JOURNAL}"
    study = optuna.create_study(study_name=folder.name, storage=JournalStorage(JournalFileBackend(str(path))))
    study.add_trials(_frozen(knobs, trials))
    if places is not None:
        study.enqueue_trial(dict(places))
        study.ask(_distributions(knobs))
    os.replace(path, folder / JOURNAL)


if __name__ == "__main__":
    child_main(propose)
