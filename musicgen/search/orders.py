"""What a user can do with a search: start it, stop it, go on with it, delete it. Nothing is trained here."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from musicgen.approaches import approach as find_approach
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidParameter, NotFound, WrongState, sentence
from musicgen.runs import orders as run_orders
from musicgen.runs.devices import check_device
from musicgen.runs.launching import ensure_searcher, make_ready
from musicgen.runs.naming import usual_name
from musicgen.runs.song_choices import SongChoice, chosen_songs, sorted_songs
from musicgen.runs.submissions import MAX_SEED, read_training
from musicgen.search import changes
from musicgen.search.preferences import SHARES
from musicgen.search.records import SEARCHING, STOPPED, get_study
from musicgen.search.space import search_space
from musicgen.storage import database
from musicgen.storage.database import judgements, new_id, studies, trials

MAX_TRIALS = 1000
MAX_MINUTES = 60.0 * 24 * 30
DEFAULT_TRIALS, DEFAULT_MINUTES = 30, 20.0  # if neither is given


def submit_study(
    approach_key: str,
    choices: Sequence[SongChoice],
    training: Mapping[str, Any],
    *,
    preset: str = "",
    fixed: Sequence[str] | None = None,
    trials: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    name: str = "",
    device: str = "auto",
    leave_out: bool = False,
    by_ear: bool = False,
    study_id: str | None = None,
) -> str:
    """Start a search; returns the study's id. It starts from the preset with these values, which is trial 0.

    Args:
        training: parameters that override the preset. fixed: those that the search must not change; by default all
            that `training` names.
        trials, minutes: the budget; the first that is used up ends the search. None: no limit, if the other is given.
            Minutes are of training, so time in the queue does not count.
        leave_out: see `submit_training`.
        by_ear: what is liked leads the search instead of the held-out loss: each trial makes a piece, and the search
            waits for `judge` while too many were not heard.
        study_id: the same id twice gives one study (a double click).

    Raises:
        InvalidInput, InvalidParameter, NotFound: with a sentence.
    """
    approach = find_approach(approach_key)
    parameters = read_training(approach, training, preset)
    kept = [*(training if fixed is None else fixed), "epochs", "patience"]
    knobs = search_space(approach, parameters, kept, by_ear=by_ear)
    max_trials, max_seconds = _budget(trials, minutes)
    songs, _ = sorted_songs(approach, choices) if leave_out else (chosen_songs(approach, choices), [])
    if not 0 <= seed <= MAX_SEED:
        raise InvalidParameter(sentence(f"A seed must be between 0 and {MAX_SEED}", seed))
    from musicgen.songs.names import clean_name

    row = {
        "id": study_id or new_id("study"),
        "name": clean_name(name) or usual_name(approach, preset, parameters, songs),
        "approach": approach_key,
        "request": {
            "preset": preset,
            "training": parameters.model_dump(mode="json"),
            "fixed": sorted(training if fixed is None else fixed),
            "songs": songs,
            "seed": int(seed),
            "device": check_device(device),
            "leave_out": leave_out,
            "by_ear": by_ear,
            "knobs": [knob.to_json() for knob in knobs],
        },
        "state": SEARCHING,
        "max_trials": max_trials,
        "max_seconds": max_seconds,
        "findings": {},
        "created_at": database.now(),
    }
    make_ready()
    with suppress(sa.exc.IntegrityError):
        database.change(sa.insert(studies).values(**row))
    ensure_searcher()
    return str(row["id"])


def stop_study(study_id: str) -> None:
    """End a search and the training of its present trial; what was learned is kept. Does nothing if it has ended."""
    study = get_study(study_id)
    if not changes.end_study(study.id, STOPPED):
        return
    for trial in study.trials:
        if trial.is_open and trial.run_id:
            with suppress(NotFound):
                run_orders.cancel(trial.run_id)
    ensure_searcher()  # which settles the trial


def continue_study(study_id: str, *, trials: int | None = None, minutes: float | None = None) -> None:
    """Go on with a search that has ended, with so many more trials or minutes. A trial that was stopped with it goes on
    where it was.

    Raises:
        WrongState: it searches already, or its budget is used up and nothing was added. InvalidParameter.
    """
    study = get_study(study_id)
    _check_amounts(trials, minutes)
    if study.is_active:
        raise WrongState(sentence("Only a search that has ended can go on", "one that searches", "Stop it first."))
    if not (trials or minutes) and study.state == "finished":
        rule = "A search that has used up its budget needs more trials or minutes to go on"
        raise WrongState(sentence(rule, "neither", "Say how many more."))
    make_ready()
    if not changes.go_on(study.id, trials or 0, 60.0 * (minutes or 0)):
        raise WrongState(sentence("Only a search that has ended can go on", "one that was continued a moment ago"))
    ensure_searcher()


def judge(study_id: str, one: int, other: int, better: str) -> None:
    """Say which of the pieces of two trials sounds better: one, other or same.

    Raises:
        NotFound: no such trials with a piece. InvalidParameter. WrongState: the study is led by the loss, or the pair
        was judged before.
    """
    study = get_study(study_id)
    if not study.by_ear:
        raise WrongState(sentence("Only a search by ear takes judgements", "one that is led by the held-out loss"))
    if better not in SHARES:
        raise InvalidParameter(sentence(f"A judgement is one of {', '.join(SHARES)}", repr(better)))
    if one == other or not {one, other} <= set(study.pieces):
        raise NotFound(sentence("A judgement needs two trials of the study with a piece", f"{one} and {other}"))
    if not changes.add_judgement(study.id, one, other, better):
        raise WrongState(sentence("Each pair is compared once", f"{one}-{other} again", "Listen to the next pair."))
    ensure_searcher()


def delete_study(study_id: str) -> None:
    """Delete a search. Its runs stay. Raises WrongState while it searches."""
    study = get_study(study_id)
    if study.is_active or any(trial.is_open for trial in study.trials):
        remedy = "Stop it first." if study.is_active else "Its last trial ends in a moment. Try again then."
        raise WrongState(sentence("Only a search that has ended can be deleted", "one at work", remedy))
    with database.engine().begin() as connection:
        connection.execute(sa.delete(trials).where(trials.c.study_id == study.id))
        connection.execute(sa.delete(judgements).where(judgements.c.study_id == study.id))
        connection.execute(sa.delete(studies).where(studies.c.id == study.id))
    shutil.rmtree(study.folder, ignore_errors=True)


def settings_of(study_id: str, number: int) -> dict[str, Any]:
    """All training parameters of a trial. Raises NotFound."""
    study = get_study(study_id)
    found = next((trial for trial in study.trials if trial.number == number), None)
    if found is None:
        raise NotFound(sentence("The number of an existing trial is needed", number))
    values = {**study.request["training"], **found.parameters}
    values |= {name: found.facts[name] for name in ("epochs", "patience") if name in found.facts and name in values}
    return read_parameters(find_approach(study.approach).Training, values).model_dump(mode="json")


def _budget(n_trials: int | None, minutes: float | None) -> tuple[int, float]:
    """(trials, seconds), 0 for no limit."""
    _check_amounts(n_trials, minutes)
    if n_trials is None and minutes is None:
        return DEFAULT_TRIALS, 60.0 * DEFAULT_MINUTES
    return n_trials or 0, 60.0 * (minutes or 0.0)


def _check_amounts(n_trials: int | None, minutes: float | None) -> None:
    if n_trials is not None and not 1 <= n_trials <= MAX_TRIALS:
        raise InvalidParameter(sentence(f"A search has between 1 and {MAX_TRIALS} trials", n_trials))
    if minutes is not None and not 0 < minutes <= MAX_MINUTES:
        raise InvalidParameter(sentence(f"A search takes more than 0 and at most {MAX_MINUTES:,.0f} minutes", minutes))
