"""Blind tests in the record: answered once, counted only when complete, sealed until then, gone with their output."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import CorruptArtifact, InvalidInput, NotFound, WrongState
from musicgen.listening import records
from musicgen.listening.material import BlindOrder
from musicgen.listening.records import answer, delete_test, get_test, give_up, list_tests, round_sound, start_test
from musicgen.listening.results import as_json, confusion_of, finished_abx
from musicgen.runs.api import delete_output, delete_run
from tests.app.stored_work import add_output, add_run, add_song, tone

pytestmark = pytest.mark.record

RIGHT = "abbabaabba"


@pytest.fixture(autouse=True)
def child(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the child: ten rounds whose right answers are RIGHT."""

    def make(_module: str, payload: dict[str, Any], **_more: Any) -> dict[str, Any]:
        places = "abx" if payload["kind"] == "abx" else "ab"
        rounds = []
        for number, right in enumerate((RIGHT * 3)[: payload["n_rounds"]], 1):
            for place in places:
                Path(payload["folder"], f"{number:02d}-{place}.wav").write_bytes(f"{number}{place}".encode())
            side = {"id": payload["ours"]["id"], "name": "A piece", "start_seconds": 0.0, "stop_seconds": 1.0}
            rounds.append({"right": right, "sides": dict.fromkeys(places, side)})
        return {"rounds": rounds, "levelled": ["loudness"], "shared": [], "loudness_lufs": -20.0}

    monkeypatch.setattr(records, "run_child", make)


@pytest.fixture
def output(home: Path) -> str:
    return add_output(add_run([add_song("The original", tone())]), tone())


def begun(output_id: str, **more: Any) -> str:
    return start_test(BlindOrder(output_id, **{"n_rounds": 10, **more}))


def answered(test_id: str, answers: str) -> None:
    for number, each in enumerate(answers, 1):
        answer(test_id, number, each)


def sounds(home: Path) -> list[Path]:
    return list(home.glob("outputs/*/listening/*"))


def test_from_the_first_round_to_the_result(output: str, home: Path) -> None:
    test_id = begun(output)
    assert round_sound(get_test(test_id), "a") == b"1a"
    for number, given in enumerate("abbabaab", 1):
        test = answer(test_id, number, given)
        assert test.is_open
        assert test.round_number == number + 1
    assert round_sound(get_test(test_id), "b") == b"9b"
    assert confusion_of(output) is None
    answer(test_id, 9, "a")
    test = answer(test_id, 10, "b")
    assert (test.state, test.n_right) == ("finished", 8)
    assert get_test(test_id) == test
    assert sounds(home) == []
    found = confusion_of(output)
    assert (found["n_wrong"], found["n_rounds"], found["rate"]) == (2, 10, 0.2)
    assert found["p_value"] == pytest.approx(56 / 1024)


def test_a_round_keeps_its_first_answer(output: str) -> None:
    test_id = begun(output)
    answer(test_id, 1, "a")
    assert answer(test_id, 1, "b").answers == ("a",)
    with pytest.raises(InvalidInput, match="The next round is 2 of 10"):
        answer(test_id, 3, "a")
    for wrong in ("x", "A", ""):
        with pytest.raises(InvalidInput, match="a or b"):
            answer(test_id, 2, wrong)
    assert get_test(test_id).answers == ("a",)


def test_two_tabs_at_once_answer_a_round_once(output: str) -> None:
    test_id = begun(output)
    threads = [threading.Thread(target=answer, args=(test_id, 1, "ab"[n % 2])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(get_test(test_id).answers) == 1


def test_nothing_is_unsealed_before_the_end(output: str) -> None:
    test_id = begun(output)
    answered(test_id, "abbab")
    test = get_test(test_id)
    for ask in (test.unsealed, lambda: test.n_right):
        with pytest.raises(WrongState, match="5 of 10 answers"):
            ask()
    told = json.dumps(as_json(test)) + repr(test)
    assert "right" not in told
    assert "sides" not in told


def test_stopping_early_does_not_count(output: str, home: Path) -> None:
    test_id = begun(output)
    answered(test_id, "abbab")
    give_up(test_id)
    test = get_test(test_id)
    assert (test.state, len(test.answers), len(test.unsealed())) == ("given_up", 5, 5)
    assert confusion_of(output) is None
    assert as_json(test)["result"] is None
    assert sounds(home) == []
    with pytest.raises(WrongState, match="given up"):
        answer(test_id, 6, "a")
    with pytest.raises(WrongState, match="given up"):
        round_sound(test, "a")
    give_up(test_id)
    assert get_test(test_id).state == "given_up"


def test_giving_up_after_the_last_round_changes_nothing(output: str) -> None:
    test_id = begun(output)
    answered(test_id, RIGHT)
    give_up(test_id)
    assert get_test(test_id).state == "finished"


def test_several_tests_add_up(output: str) -> None:
    answered(begun(output), "a" * 10)
    answered(begun(output), RIGHT)
    give_up(begun(output))
    begun(output)
    found = confusion_of(output)
    assert (found["n_tests"], found["n_rounds"], found["n_wrong"]) == (2, 20, 5)
    assert len(list_tests(output)) == 4


def test_an_abx_belongs_to_both_outputs_and_to_no_confusion_rate(output: str) -> None:
    from musicgen.runs.api import get_output

    other = add_output(get_output(output).run_id, tone())
    test_id = begun(output, kind="abx", other_id=other)
    assert round_sound(get_test(test_id), "x") == b"1x"
    answered(test_id, RIGHT)
    for each in (output, other):
        assert confusion_of(each) is None
        ((test, chance),) = finished_abx(list_tests(each))
        assert (test.id, chance.n_right) == (test_id, 10)


def test_tests_go_with_their_output(output: str, home: Path) -> None:
    from musicgen.runs.api import get_output

    run = get_output(output).run_id
    sibling = add_output(run, tone())
    first, second = begun(output), begun(sibling)
    delete_output(output)
    with pytest.raises(NotFound):
        get_test(first)
    assert get_test(second)
    delete_run(run)
    with pytest.raises(NotFound):
        get_test(second)
    assert list_tests() == []
    assert sounds(home) == []


def test_a_test_can_be_deleted(output: str, home: Path) -> None:
    test_id = begun(output)
    delete_test(test_id)
    assert list_tests(output) == []
    assert sounds(home) == []
    for name in (test_id, "test-../../etc", "song-000000000000", ""):
        with pytest.raises(NotFound):
            get_test(name)


def test_an_output_deleted_while_its_test_is_made_leaves_nothing(
    output: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = records.run_child

    def delete_meanwhile(*given: Any, **more: Any) -> Any:
        made = make(*given, **more)
        delete_output(output)
        Path(given[1]["folder"]).mkdir(parents=True, exist_ok=True)
        return made

    monkeypatch.setattr(records, "run_child", delete_meanwhile)
    with pytest.raises(NotFound, match="deleted in the meantime"):
        begun(output)
    assert list_tests() == []
    assert not (home / "outputs" / output).exists()


def test_a_failed_start_leaves_nothing(output: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any, **_more: Any) -> Any:
        raise InvalidInput("No music. Received: none.")

    monkeypatch.setattr(records, "run_child", fail)
    with pytest.raises(InvalidInput):
        begun(output)
    assert list_tests() == []
    assert sounds(home) == []


def test_lost_files_are_told_in_a_sentence(output: str, home: Path) -> None:
    test = get_test(begun(output))
    for path in sounds(home)[0].iterdir():
        path.unlink()
    with pytest.raises(CorruptArtifact, match="Give this test up"):
        round_sound(test, "a")


def test_leftovers_of_a_crash_are_removed_by_the_next_test(output: str, home: Path) -> None:
    import os

    kept = begun(output)
    for name in ("test-000000000000", ".test-000000000001.abc"):
        folder = home / "outputs" / output / "listening" / name
        folder.mkdir()
        os.utime(folder, (0, 0))
    os.utime(home / "outputs" / output / "listening" / kept, (0, 0))
    new = begun(output)
    assert {path.name for path in sounds(home)} == {kept, new}
