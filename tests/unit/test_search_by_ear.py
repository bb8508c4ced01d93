"""A search that is led by ear: its pieces, where it waits, what is recorded, and what the listener is not told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import CommandLine
from runs_at_work import add_song, nobody_supervises, ticking, work_here

from musicgen.audio.wav import read_wav, wav_info
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip
from musicgen.errors import InvalidParameter, NotFound, RejectedFile, WrongState
from musicgen.listening import pairing, trial_pairs
from musicgen.runs import api as runs_api
from musicgen.runs import launching, planning, plans, states
from musicgen.runs.folders import searcher_lock
from musicgen.runs.locks import FileLock
from musicgen.search import api, proposing, trial
from musicgen.search.records import Study
from musicgen.search.searcher import WAITS, Searcher
from musicgen.storage import database


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing but this process: no supervisor, no searcher, and what children compute is computed here."""
    monkeypatch.setattr(plans, "run_child", lambda _module, request, **_options: planning.plan(request))
    monkeypatch.setattr(trial, "run_child", lambda _module, request, **_options: proposing.propose(request))
    monkeypatch.setattr(trial_pairs, "run_child", lambda _module, request, **_options: pairing.make_pair(request))
    monkeypatch.setattr(launching, "ensure_searcher", lambda: None)
    with ticking(monkeypatch), nobody_supervises(), FileLock(searcher_lock()):
        yield


def begin(trials: int = 6, *, by_ear: bool = True) -> str:
    training = {"epochs": 2, "epoch_ms": 1.0, "best": 2, "lift": 0.5}
    fixed = ["epochs", "epoch_ms", "best"]
    song = runs_api.SongChoice(add_song())
    return api.submit_study("ticking", [song], training, fixed=fixed, trials=trials, by_ear=by_ear)


def work(study_id: str, *, rounds: int = 60) -> Study:
    """Rounds of the searcher and of the queue until nothing changes any more without a listener."""
    searcher = Searcher()
    for _ in range(rounds):
        searcher.round()
        for task in states.active_tasks():
            work_here(task["id"] if task["kind"] == "generate" else task["run_id"])
        study = api.get_study(study_id)
        if study.reason == WAITS or (not study.is_active and not any(each.is_open for each in study.trials)):
            return study
    raise AssertionError(f"not at rest: {study}")


def answer(study_id: str, better: str) -> None:
    pair = trial_pairs.next_trial_pair(api.get_study(study_id))
    assert pair is not None
    trial_pairs.judge_pair(study_id, pair.name, better)


def test_it_waits_for_ears_and_goes_on_with_them() -> None:
    study_id = begin()
    study = work(study_id)
    assert (study.state, study.reason) == ("searching", WAITS)
    assert sorted(study.pieces) == [0, 1, 2], "three pieces, and nobody heard one"
    assert study.best is None
    assert all(each.state == "succeeded" for each in study.trials), "no trial is stopped for its loss"
    output = runs_api.get_output(study.pieces[1])
    assert output.run_id == study.trials[1].run_id
    assert output.sidecar["seed"] == study.request["seed"]
    assert len(runs_api.list_outputs(run_id=output.run_id)) == 1
    answer(study_id, "a")
    study = work(study_id)
    assert sorted(study.pieces) == [0, 1, 2, 3, 4]
    for _ in range(2):
        answer(study_id, "b")
    study = work(study_id)
    while trial_pairs.next_trial_pair(study) is not None and len(study.trials) < 6:
        answer(study_id, "same")
        study = work(study_id)
    assert study.state == "finished"
    assert [each.number for each in study.trials] == list(range(6))
    assert study.best is not None
    assert study.likings[study.best.number] == max(study.likings.values())
    told = study.to_json()
    assert told["judgements"] == len(study.judgements) >= 3
    assert told["likings"] == study.likings
    api.delete_study(study_id)
    assert database.every(database.judgements.select()) == []


def test_one_of_three_wins_whatever_its_loss_and_every_pair_is_judged_once() -> None:
    study_id = begin(trials=3)
    study = work(study_id)
    worst = max(study.trials, key=lambda each: each.value or 0.0).number
    for _ in range(3):
        study = api.get_study(study_id)
        pair = trial_pairs.next_trial_pair(study)
        if pair is None:
            break
        likes_one = pair.one == worst if worst in (pair.one, pair.other) else True
        trial_pairs.judge_pair(study_id, pair.name, "a" if likes_one == pair.first_is_a else "b")
        with pytest.raises(WrongState, match="compared once"):
            trial_pairs.judge_pair(study_id, pair.name, "a")
    study = api.get_study(study_id)
    assert len(study.judgements) == 3
    assert trial_pairs.next_trial_pair(study) is None
    assert study.best is not None
    assert study.best.number == worst
    one, other = study.judgements[0].one, study.judgements[0].other
    with pytest.raises(WrongState, match="compared once"):
        api.judge(study_id, other, one, "one")
    assert len(api.get_study(study_id).judgements) == 3


def test_both_sounds_are_alike_in_all_that_is_not_music() -> None:
    study_id = begin(trials=3)
    pair = trial_pairs.next_trial_pair(work(study_id))
    assert pair is not None
    sounds = trial_pairs.pair_sounds(pair)
    assert sorted(sounds) == ["a", "b"]
    assert len(sounds["a"]) == len(sounds["b"])
    paths = trial_pairs.pair_paths(pair)
    infos = [wav_info(path) for path in paths.values()]
    assert replace(infos[0], stamp="") == replace(infos[1], stamp="")
    assert sounds["a"] != sounds["b"]
    assert trial_pairs.pair_sounds(pair) == sounds, "made once"
    trial_pairs.judge_pair(study_id, pair.name, "same")
    assert not pair.folder.exists()


def test_a_is_the_piece_that_it_is_judged_as(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = begin(trials=3)
    pair = trial_pairs.next_trial_pair(work(study_id))
    assert pair is not None
    asked: list[dict[str, Any]] = []

    def make(_module: str, request: dict[str, Any], **_options: Any) -> dict[str, Any]:
        asked.append(request)
        return pairing.make_pair(request)

    monkeypatch.setattr(trial_pairs, "run_child", make)
    trial_pairs.pair_paths(pair)
    for position, folder in asked[0]["clips"].items():
        output = runs_api.get_output(Path(folder).name)
        number = pair.one if (position == "a") == pair.first_is_a else pair.other
        assert output.id == api.get_study(study_id).pieces[number]

    seconds = np.arange(16_000) / 8_000
    made = {}
    for position, pitch, gain in (("a", 330.0, 0.02), ("b", 550.0, 0.6)):
        silence = np.zeros(4_000 if position == "a" else 0)
        tone = np.concatenate([silence, gain * np.sin(2 * np.pi * pitch * seconds)])
        made[position] = write_audio_clip(tmp_path / position, Waveform(tone[None].astype(np.float32), 8_000))
    clips = {position: str(clip.folder) for position, clip in made.items()}
    (tmp_path / "pair").mkdir()
    pairing.make_pair({"clips": clips, "folder": str(tmp_path / "pair")})
    heard = {position: read_wav(tmp_path / "pair" / f"{position}.wav").samples[0] for position in ("a", "b")}
    for position, pitch in (("a", 330.0), ("b", 550.0)):
        spectrum = np.abs(np.fft.rfft(heard[position]))
        assert abs(spectrum.argmax() * 8_000 / heard[position].size - pitch) < 2.0
    loud = {position: float(np.sqrt(np.mean(sound**2))) for position, sound in heard.items()}
    assert loud["a"] == pytest.approx(loud["b"], rel=0.1), "equally loud"
    assert np.abs(heard["a"][800:1600]).max() > 0.5 * np.abs(heard["a"]).max(), "it begins where something is heard"


def test_sides_are_mixed() -> None:
    sides = [
        trial_pairs.TrialPair("study-0123456789ab", one, other, ("", ""), Path()).first_is_a
        for one, other in combinations(range(12), 2)
    ]
    assert 0.35 < sum(sides) / len(sides) < 0.65


def test_an_answer_counts_although_a_new_piece_came_while_it_was_heard() -> None:
    """The page goes on showing the pair that is being heard."""
    study_id = begin(trials=5)
    work(study_id)
    trial_pairs.judge_pair(study_id, "0-1", "a")
    heard = trial_pairs.next_trial_pair(api.get_study(study_id))
    assert heard is not None
    trial_pairs.judge_pair(study_id, heard.name, "b")
    heard = trial_pairs.next_trial_pair(api.get_study(study_id))
    assert heard is not None, "two of the three that were heard"
    work(study_id)
    now = trial_pairs.next_trial_pair(api.get_study(study_id))
    assert now is not None
    assert now.name != heard.name, "a new piece comes first"
    trial_pairs.judge_pair(study_id, heard.name, "b")
    assert len(api.get_study(study_id).judgements) == 3


def test_a_deleted_piece_is_left_out() -> None:
    study_id = begin(trials=3)
    study = work(study_id)
    runs_api.delete_output(study.pieces[0])
    pair = trial_pairs.next_trial_pair(api.get_study(study_id))
    assert pair is not None
    assert (pair.one, pair.other) == (1, 2)
    runs_api.delete_output(study.pieces[1])
    assert trial_pairs.next_trial_pair(api.get_study(study_id)) is None
    with pytest.raises(NotFound):
        trial_pairs.judge_pair(study_id, "1-2", "a")


def test_the_search_goes_on_where_pieces_were_deleted() -> None:
    study_id = begin()
    study = work(study_id)
    assert study.reason == WAITS
    for number in (0, 1):
        runs_api.delete_output(study.pieces[number])
    assert sorted(work(study_id).pieces) == [2, 3, 4], "there are three to compare again"


def test_a_piece_without_sound_is_heard_as_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = begin(trials=3)
    pair = trial_pairs.next_trial_pair(work(study_id))
    assert pair is not None
    silent = runs_api.get_output(pair.outputs[0]).clip.folder

    def refuse(clip: Clip) -> None:
        if clip.folder == silent:
            raise RejectedFile("A song must have at least one note. Received: none.")

    monkeypatch.setattr(trial_pairs, "ensure_audio", refuse)
    paths = trial_pairs.pair_paths(pair)
    quiet, loud = ("a", "b") if pair.first_is_a else ("b", "a")
    assert np.abs(read_wav(paths[quiet]).samples).max() < 1e-3
    assert np.abs(read_wav(paths[loud]).samples).max() > 0.1


def test_a_search_whose_preset_makes_no_piece_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> str:
        raise WrongState("A run can generate after its first epoch. Received: none.")

    monkeypatch.setattr(runs_api, "submit_generation", refuse)
    study = work(begin(trials=3))
    assert study.state == "failed"
    assert study.reason == (
        "A search by ear needs a piece of the preset. A run can generate after its first epoch. Received: none."
    )
    assert [each.state for each in study.trials] == ["failed"]


def test_what_is_no_judgement_is_refused() -> None:
    study_id, by_loss = begin(trials=3), begin(trials=3, by_ear=False)
    study = work(study_id)
    with pytest.raises(InvalidParameter):
        api.judge(study_id, 0, 1, "louder")
    for pair in ((0, 0), (0, 9)):
        with pytest.raises(NotFound):
            api.judge(study_id, *pair, "one")
    with pytest.raises(WrongState, match="by ear"):
        api.judge(by_loss, 0, 1, "one")
    for name, better in (("0-1", "c"), ("one", "a"), ("0-1-2", "a")):
        with pytest.raises(InvalidParameter):
            trial_pairs.judge_pair(study_id, name, better)
    with pytest.raises(WrongState, match="by ear"):
        trial_pairs.judge_pair(by_loss, "0-1", "a")
    assert study.judgements == []
    assert trial_pairs.next_trial_pair(api.get_study(by_loss)) is None


def test_from_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    command_line = CommandLine(capsys, monkeypatch)
    study_id = begin(trials=3)
    work(study_id)
    first = command_line("studies", "judge", study_id, "--json").document
    assert first["judgements"] == 0
    assert Path(first["a"]).is_file()
    assert Path(first["b"]).is_file()
    after = command_line("studies", "judge", study_id, "--pair", first["pair"], "--better", "a", "--json").document
    assert after["judgements"] == 1
    assert after["pair"] != first["pair"]
    assert "which is better" in command_line("studies", "judge", study_id, "--pair", after["pair"], code=2).err
    assert "none to compare" in command_line("studies", "judge", begin(trials=3)).out
    assert "1 comparison" in command_line("studies", "show", study_id).out
