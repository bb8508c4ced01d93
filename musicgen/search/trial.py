"""One trial: proposed → planned and in the queue → watched → its value. Each step is safe to repeat: a process that is
killed between two of them has another do the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from musicgen.approaches import approach as find_approach
from musicgen.errors import InvalidInput, MusicgenError, NotFound, WrongState, sentence
from musicgen.processes import run_child
from musicgen.runs import api, liveness, states
from musicgen.runs.records import Run
from musicgen.search import budget, changes
from musicgen.search.curves import curve_of, lowest, stopped_at
from musicgen.search.pieces import NoPiece, trial_piece
from musicgen.search.records import (
    CANCELLED,
    FAILED,
    FINISHED,
    PIECE,
    PRUNED,
    RESUMES,
    RUNNING,
    SUCCEEDED,
    Study,
    Trial,
)

PROPOSING_SECONDS = 300.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
MAX_RESUMES = 5  # of a run that was killed, without an epoch in between


class CannotGoOn(MusicgenError):
    """The study has to end."""


def propose(study: Study, *, wants_trial: bool = True) -> None:
    """Add the next trial to the record, and keep which parameters mattered so far."""
    knobs = study.knobs
    known = [
        {
            "state": trial.state,
            "value": study.score(trial),
            "curve": [] if study.by_ear else trial.curve,
            "places": {knob.name: knob.place(trial.parameters[knob.name]) for knob in knobs},
        }
        for trial in study.trials
    ]
    request = {
        "folder": str(study.folder),
        "seed": study.request["seed"],
        "knobs": study.request["knobs"],
        "trials": known,
        "wants_trial": wants_trial,
    }
    found = run_child(
        "musicgen.search.proposing", request, seconds=PROPOSING_SECONDS, environment=dict(ONE_THREAD)
    )  # fmt: skip
    changes.keep_findings(study.id, {"importance": found["importance"], "of": len(known)})
    if wants_trial:
        parameters = {knob.name: knob.values[found["places"][knob.name]] for knob in knobs}
        changes.add_trial(study.id, len(known), parameters)


def put_in_queue(study: Study, trial: Trial) -> None:
    """Plan the trial, so that it has as much work as the preset, and put its run into the queue."""
    request, approach = study.request, find_approach(study.approach)
    values = {**request["training"], **trial.parameters}
    choices = [api.SongChoice(song["id"], None if song["tracks"] is None else tuple(song["tracks"]))
               for song in request["songs"]]  # fmt: skip
    common: dict[str, Any] = {"seed": request["seed"], "device": request["device"], "leave_out": request["leave_out"]}
    try:
        plan = api.plan_training(study.approach, choices, values, **common)
    except InvalidInput as error:
        if trial.number == 0:
            raise CannotGoOn(str(error)) from error
        changes.change_trial(trial, state=FAILED, reason=str(error))
        return
    facts: dict[str, Any] = {"effort": budget.effort(plan), "floors": plan.floors}
    if trial.number == 0:
        facts |= {"epochs": values["epochs"], "patience": values.get("patience", 0)}
    else:
        first = study.trials[0].facts
        work = first["epochs"] * first["effort"]
        epochs = budget.epochs_for(work, facts["effort"], most=budget.most_epochs(approach.Training))
        refusal = _refusal(first, facts, epochs)
        if refusal or epochs is None:
            changes.change_trial(trial, state=FAILED, reason=refusal, facts=facts)
            return
        facts |= {"epochs": epochs, "patience": budget.scaled_patience(first["patience"], epochs, first["epochs"])}
    values["epochs"] = facts["epochs"]
    if "patience" in values:
        values["patience"] = facts["patience"]
    run_id = api.submit_training(
        study.approach, choices, values, preset=request["preset"], name=trial_name(study, trial),
        submit_key=trial.id, **common,
    )  # fmt: skip
    changes.change_trial(trial, run_id=run_id, state=RUNNING, facts=facts)


def trial_name(study: Study, trial: Trial) -> str:
    return f"Trial {trial.number}{'' if trial.number else ' (the preset)'}: {study.name}"


def _refusal(first: Mapping[str, Any], facts: Mapping[str, Any], epochs: int | None) -> str:
    """Why a trial cannot be compared with the preset; "" if it can."""
    if not budget.same_task(first["floors"], facts["floors"]):
        return sentence("All trials are scored on the same music in the same way", "floors that differ")
    if epochs is None:
        share = facts["effort"] / (first["epochs"] * first["effort"])
        rule = "A trial has as much work as the whole training of the preset"
        return sentence(rule, f"an epoch that takes {share:.1f} times as much", "It was not trained.")
    return ""


def watch(study: Study, trial: Trial) -> str:
    """Look at the run of a trial: note its curve, stop it early, resume it, or settle its value. Returns a sentence if
    the trial waits for the user."""
    try:
        run = api.get_run(trial.run_id)
    except NotFound:
        changes.change_trial(trial, state=CANCELLED, reason="Its run was deleted.")
        return ""
    trial = _note(trial, run)
    needs_loss = study.is_active and not study.by_ear and trial.number == 0
    if needs_loss and run.history and run.history[0].get("val_loss") is None:
        api.cancel(run.id)
        raise CannotGoOn(
            sentence(
                "A search compares losses on held-out music",
                "a training without any",
                "Add more music, or set validation_share above 0.",
            )
        )
    if run.state == states.SUCCEEDED:
        _succeeded(study, trial, run)
        return ""
    if (part := _stopped_at(study, trial)) is not None:
        _stop_early(trial, run, part)
        return ""
    if run.is_active:
        return _end_with_study(study, trial, run)
    return _at_rest(study, trial, run)


def _note(trial: Trial, run: Run) -> Trial:
    """Keep the curve as far as it has come."""
    curve = curve_of(run.history, trial.facts["epochs"], has_ended=run.state == states.SUCCEEDED)
    seconds = run.seconds or trial.seconds
    close = 1.0 if run.is_active else 0.01
    if curve != trial.curve or abs(seconds - trial.seconds) > close or lowest(run.history) != trial.value:
        facts = {**trial.facts, "curve": curve}
        changes.change_trial(trial, facts=facts, seconds=seconds, value=lowest(run.history))
        return replace(trial, facts=facts, seconds=seconds, value=lowest(run.history))
    return trial


def _succeeded(study: Study, trial: Trial, run: Run) -> None:
    """Settle a trial whose training is done; by ear, as soon as its piece is there."""
    if not study.by_ear:
        _settle(trial, run, SUCCEEDED)
        return
    try:
        piece = trial_piece(study, trial, run)
    except NoPiece as error:
        if study.is_active and trial.number == 0:
            raise CannotGoOn(f"A search by ear needs a piece of the preset. {error}") from error
        _settle(trial, run, FAILED, str(error))
        return
    if piece is not None:
        _settle(trial, run, SUCCEEDED, **{PIECE: piece})


def _stopped_at(study: Study, trial: Trial) -> int | None:
    if study.by_ear:  # the loss may not say what is liked
        return None
    others = [other.curve for other in study.trials if other.number < trial.number]
    return stopped_at(trial.curve, others) if trial.number else None


def _settle(trial: Trial, run: Run, state: str, reason: str = "", **facts: Any) -> None:
    changes.change_trial(
        trial, state=state, reason=reason, value=lowest(run.history), seconds=run.seconds or trial.seconds,
        facts={**trial.facts, **facts},
    )  # fmt: skip


def _stop_early(trial: Trial, run: Run, part: int) -> None:
    """Its value and curve are those at the moment that decided, however much longer it went on."""
    if run.is_active:
        api.cancel(run.id)
        if api.get_run(run.id).is_active:  # it ends within a second; the next look settles it
            return
    curve = trial.curve[:part]
    changes.change_trial(
        trial, state=PRUNED, reason="Stopped early: worse than half of the other trials at this point.",
        value=curve[-1], seconds=run.seconds or trial.seconds, facts={**trial.facts, "curve": curve},
    )  # fmt: skip


def _end_with_study(study: Study, trial: Trial, run: Run) -> str:
    """An active run of a study that was stopped, or whose time is used up, ends too."""
    others = sum(other.seconds for other in study.trials if other.number != trial.number)
    is_out_of_time = study.is_active and study.max_seconds and others + trial.seconds >= study.max_seconds
    if is_out_of_time:
        changes.end_study(study.id, FINISHED)
    if is_out_of_time or not study.is_active:
        api.cancel(run.id)
    return ""


def _at_rest(study: Study, trial: Trial, run: Run) -> str:
    if not study.is_active and run.state == states.FAILED and not liveness.was_killed(run.reason):
        _settle(trial, run, FAILED, run.reason)
        return ""
    if not study.is_active:
        _settle(trial, run, CANCELLED, "Stopped with the search.", **{RESUMES: True})
        return ""
    if run.state == states.CANCELLED and not trial.facts.get(RESUMES):
        _settle(trial, run, CANCELLED, "Its run was cancelled.")
        return ""
    if run.state == states.PAUSED and not run.reason:
        return f"Trial {trial.number} is paused. Resume its run, or cancel it."
    was_interrupted = run.state in (states.PAUSED, states.CANCELLED) or liveness.was_killed(run.reason)
    if was_interrupted and _resume(trial, run):
        return ""
    if run.state == states.FAILED:
        if trial.number == 0:
            raise CannotGoOn(f"The training of the preset failed. {run.reason} {run.advice}".strip())
        _settle(trial, run, FAILED, run.reason)
        return ""
    raise CannotGoOn(f"Trial {trial.number} could not go on. {run.reason}".strip())


def _resume(trial: Trial, run: Run) -> bool:
    """Let the run of a trial go on from its last checkpoint; False if that was tried too often without progress."""
    done = len(run.history)
    tried = trial.facts.get("tried", 0) if trial.facts.get("tried_at") == done else 0
    if tried >= MAX_RESUMES:
        return False
    facts = {**trial.facts, "tried": tried + 1, "tried_at": done, "resumed": trial.facts.get("resumed", 0) + 1}
    facts.pop(RESUMES, None)
    try:
        api.resume(run.id)
    except WrongState:  # another process resumed it a moment ago
        return True
    changes.change_trial(trial, facts=facts)
    return True


def is_used_up(study: Study, ended: Sequence[Trial]) -> bool:
    """Whether the budget of a study is used up."""
    seconds = sum(trial.seconds for trial in ended)
    by_trials = bool(study.max_trials) and len(ended) >= study.max_trials
    return by_trials or (bool(study.max_seconds) and seconds >= study.max_seconds)
