"""A study from its first trial to its last: the budget, what stops it, what survives. The trainings are `ticking`, done
in this process, and so is the searcher; `test_search_survival.py` has the processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from runs_at_work import add_song, nobody_supervises, ticking, work_here

from musicgen.errors import InvalidInput, InvalidParameter, MusicgenError, NotFound, WrongState
from musicgen.runs import api as runs_api
from musicgen.runs import launching, planning, plans, states
from musicgen.runs.folders import searcher_lock
from musicgen.runs.locks import FileLock
from musicgen.search import api, changes, proposing, records, trial
from musicgen.search.records import Study
from musicgen.search.searcher import Searcher


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing but this process: no supervisor, no searcher, and what children compute is computed here."""
    monkeypatch.setattr(plans, "run_child", lambda _module, request, **_options: planning.plan(request))
    monkeypatch.setattr(trial, "run_child", lambda _module, request, **_options: proposing.propose(request))
    with ticking(monkeypatch), nobody_supervises(), FileLock(searcher_lock()):
        yield


def begin(**options: Any) -> str:
    training = {"epochs": 4, "epoch_ms": 1.0, "best": 4, "lift": 0.5, **options.pop("training", {})}
    options = {"trials": 6, "fixed": ["epochs", "epoch_ms", "best"], **options}
    return api.submit_study("ticking", [runs_api.SongChoice(add_song())], training, **options)


def work(study_id: str, *, rounds: int = 200, fresh: bool = False) -> Study:
    """Rounds of the searcher, and of the queue, until the study is at rest. `fresh`: each by another process."""
    searcher = Searcher()
    for _ in range(rounds):
        searcher = Searcher() if fresh else searcher
        searcher.round()
        for task in states.active_tasks():
            work_here(task["run_id"])
        study = api.get_study(study_id)
        if not study.is_active and not any(each.is_open for each in study.trials):
            return study
    raise AssertionError(f"not at rest: {study}")


def told(study: Study) -> list[tuple[Any, ...]]:
    return [(each.number, each.state, each.value, str(each.parameters)) for each in study.trials]


def test_a_study_of_six_trials() -> None:
    study = work(begin())
    assert study.state == "finished"
    assert [each.number for each in study.trials] == list(range(6))
    assert {each.state for each in study.trials} <= {"succeeded", "pruned"}
    assert study.trials[0].parameters == {"lift": 0.5, "shade": "light"}, "the preset is trial 0"
    assert study.preset is not None
    assert study.best is not None
    assert study.preset.value == 1.5
    assert study.best.value == min(each.value for each in study.trials) < 1.5
    for each in study.trials:
        run = runs_api.get_run(each.run_id)
        expected = 1.0 + each.parameters["lift"] + 0.3 * (each.parameters["shade"] == "dark")
        assert each.state == "pruned" or each.value == pytest.approx(expected)
        assert run.request["training"]["lift"] == each.parameters["lift"]
        assert run.name.startswith(f"Trial {each.number}")
        assert runs_api.get_run(each.run_id).can_generate, "an ordinary run"
    assert (study.folder / proposing.JOURNAL).is_file()


def test_the_same_seed_gives_the_same_study_also_with_a_new_searcher_each_round() -> None:
    first, again, other = begin(seed=3), begin(seed=3), begin(seed=4)
    assert told(work(first)) == told(work(again, fresh=True))
    assert told(work(other)) != told(api.get_study(first))


@pytest.mark.slow
def test_a_study_that_is_continued_is_the_study_that_was_longer_at_once() -> None:
    whole, parts = begin(trials=9), begin(trials=4)
    work(parts)
    with pytest.raises(WrongState, match="more trials or minutes"):
        api.continue_study(parts)
    api.continue_study(parts, trials=5)
    assert told(work(parts)) == told(work(whole))


@pytest.mark.slow
def test_a_crash_between_any_two_steps_loses_and_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each change of the record, the process that made it is gone, and another goes on."""
    expected = told(work(begin(trials=3)))

    class Gone(BaseException):
        pass

    def and_die(change: Any) -> Any:
        def changed(*arguments: Any, **options: Any) -> Any:
            made = change(*arguments, **options)
            raise Gone(made)

        return changed

    study_id = begin(trials=3)
    crashes = 0
    for owner, name in (
        (changes, "add_trial"),
        (runs_api, "submit_training"),
        (changes, "change_trial"),
        (changes, "keep_findings"),
    ):
        for number in range(3):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, and_die(getattr(owner, name)))
                for _ in range(5):
                    try:
                        Searcher().round()
                    except Gone:
                        crashes += 1
                        break
            if number == 1:
                for task in states.active_tasks():
                    work_here(task["run_id"])
    study = work(study_id)
    assert crashes >= 8
    assert told(study) == expected
    assert len({each.run_id for each in study.trials}) == 3
    assert sum(run.name.endswith(study.name) for run in runs_api.list_runs()) == 6, "three of each study, none twice"


def test_a_trial_that_was_stopped_with_its_study_goes_on_with_it() -> None:
    study_id = begin(trials=3)
    searcher = Searcher()
    while not (at_work := states.active_tasks()):
        searcher.round()
    api.stop_study(study_id)
    api.stop_study(study_id)  # again: nothing happens
    assert states.active_tasks() == []
    stopped = work(study_id)
    assert (stopped.state, [each.state for each in stopped.trials]) == ("stopped", ["cancelled"])
    api.continue_study(study_id)
    study = work(study_id)
    assert [each.state for each in study.trials] == ["succeeded"] * 3
    assert study.trials[0].run_id == at_work[0]["run_id"]
    assert told(study) == told(work(begin(trials=3)))


def test_a_proposal_of_a_stopped_study_is_taken_back() -> None:
    study_id = begin()
    Searcher().round()
    assert [each.state for each in api.get_study(study_id).trials] == ["proposed"]
    api.stop_study(study_id)
    assert work(study_id).trials == []


def test_minutes_of_training_are_a_budget() -> None:
    study = work(begin(trials=None, minutes=0.02, training={"epoch_ms": 200.0}))
    assert study.state == "finished"
    assert 1.0 < study.seconds < 8.0
    assert 1 <= len(study.trials) < 6
    assert study.max_trials == 0
    api.continue_study(study.id, trials=2)
    more = work(study.id)
    assert len(more.trials) == len(study.trials) + 2, "the minutes that are used up no longer count"
    assert [each.value for each in more.trials[: len(study.trials) - 1]] == [each.value for each in study.trials[:-1]]


def test_a_run_that_was_cancelled_by_hand_is_one_trial() -> None:
    study_id = begin(trials=2)
    searcher = Searcher()
    while not states.active_tasks():
        searcher.round()
    runs_api.cancel(states.active_tasks()[0]["run_id"])
    study = work(study_id)
    assert [each.state for each in study.trials] == ["cancelled", "succeeded"]
    assert study.trials[0].reason == "Its run was cancelled."


def test_a_trial_that_fails_is_told_and_the_study_goes_on() -> None:
    """The loss of dark ones is not finite; the others are fine."""
    study = work(begin(trials=4, training={"nan_loss_at": 2}, fixed=["epochs", "epoch_ms", "best"]))
    assert study.state == "failed", "not even the preset can be trained"
    assert "The loss stays finite" in study.reason


def test_a_preset_that_cannot_be_prepared_ends_the_study() -> None:
    study = work(begin(training={"unlearnable": True}))
    assert (study.state, study.trials) == ("failed", [])
    assert "Nothing can be learned here" in study.reason


def test_wrong_orders_are_told() -> None:
    with pytest.raises(InvalidParameter, match="between 1 and"):
        begin(trials=0)
    with pytest.raises(InvalidParameter, match="minutes"):
        begin(minutes=-1)
    with pytest.raises(InvalidParameter, match="seed"):
        begin(seed=-1)
    with pytest.raises(InvalidInput, match="at least one parameter"):
        begin(fixed=["lift", "shade"])
    with pytest.raises(NotFound):
        api.get_study("study-000000000000")
    with pytest.raises(NotFound):
        api.get_study("run-000000000000")
    study_id = begin()
    with pytest.raises(WrongState, match="Stop it first"):
        api.delete_study(study_id)
    with pytest.raises(WrongState, match="one that searches"):
        api.continue_study(study_id, trials=1)


def test_the_settings_of_a_trial_and_a_study_that_is_deleted() -> None:
    study = work(begin(trials=2))
    settings = api.settings_of(study.id, 1)
    assert settings["lift"] == study.trials[1].parameters["lift"]
    assert settings["epochs"] == study.trials[1].epochs
    with pytest.raises(NotFound):
        api.settings_of(study.id, 7)
    api.delete_study(study.id)
    assert not study.folder.exists()
    assert records.list_trials(study.id) == []
    assert runs_api.get_run(study.trials[1].run_id).can_generate, "runs stay"


def test_a_double_click_is_one_study() -> None:
    once = "study-0123456789ab"
    assert begin(study_id=once) == begin(study_id=once) == once
    assert len(api.list_studies()) == 1


def test_the_searcher_is_started_by_whoever_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(records, "ensure_searcher", lambda: begun.append("one"))
    study_id = begin(trials=1)
    api.get_study(study_id)
    assert begun == [], "one lives: this process holds its lock"
    monkeypatch.setattr(records, "searcher_lives", lambda: False)
    api.list_studies()
    assert begun == ["one"]
    assert states.has_searches()
    work(study_id)
    assert not states.has_searches()


def test_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The document that is promised; here the study is worked on while the command waits."""
    run = CommandLine(capsys, monkeypatch)
    song = add_song()
    searcher = Searcher()
    look = records.get_study

    def meanwhile(study_id: str) -> Study:
        searcher.round()
        for task in states.active_tasks():
            work_here(task["run_id"])
        return look(study_id)

    monkeypatch.setattr(api, "get_study", meanwhile)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    fixed = [text for pair in ("epochs=2", "epoch_ms=1", "best=2") for text in ("--set", pair)]
    left = run("search", "ticking", song, *fixed, "--trials", "3", "--seed", "5", "--json")
    found = left.document
    assert "trial 2" in left.err
    assert [each["state"] for each in found["trials"]] == ["succeeded"] * 3
    assert {"run", "state", "value", "parameters"} <= set(found["trials"][0])
    assert found["best"] in found["trials"]
    assert "epochs" not in found["trials"][1]["parameters"]
    study_id = found["study"]
    assert run("studies", "show", study_id, "--json").document == found
    assert study_id in run("studies", "list").out
    assert [each["study"] for each in run("studies", "list", "--json").document] == [study_id]
    more = run("studies", "continue", study_id, "--trials", "1", "--json").document
    assert more["trials"][:3] == found["trials"]
    assert len(more["trials"]) == 4
    assert run("studies", "stop", study_id, "--json").document == {"stopped": [study_id], "failed": []}
    assert "needs more trials" in run("studies", "continue", study_id, code=1).err
    assert "between 1" in run("search", "ticking", song, "--trials", "5000", code=1).err
    run("search", "ticking", code=2)
    run("studies", "delete", study_id)
    assert run("studies", "list", "--json").document == []


def test_without_held_out_music_there_is_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = begin(trials=2)
    look = runs_api.get_run

    def without(run_id: str) -> Any:
        run = look(run_id)
        run.__dict__["history"] = [{**row, "val_loss": None} for row in run.history]
        return run

    monkeypatch.setattr(runs_api, "get_run", without)
    study = work(study_id)
    assert study.state == "failed"
    assert "held-out music" in study.reason


def test_a_worker_that_is_killed_costs_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed goes on; one that is killed before each epoch ends, again and again, ends the study's
    patience."""
    study_id = begin(trials=1)
    searcher = Searcher()
    while not states.active_tasks():
        searcher.round()
    for _ in range(3):
        task = states.active_tasks()[0]
        fence = states.new_fence()
        assert states.claim(task["id"], fence, "cpu")
        states.finish(task["id"], fence, states.FAILED, "The process was killed (SIGKILL), by hand.")
        searcher.round()
        assert len(states.active_tasks()) == 1, "it is in the queue again"
    study = work(study_id)
    assert [each.state for each in study.trials] == ["succeeded"]
    assert study.trials[0].facts["resumed"] == 3
    assert issubclass(trial.CannotGoOn, MusicgenError)
    assert launching.SEARCHER == "musicgen.search.searcher"
