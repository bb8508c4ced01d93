"""Blind tests in the record: started, answered round by round, finished or given up. Light: measures nothing.

A test is there once all of its excerpts are: its row is written after its folder. The number of rounds is fixed by
then, and only a test with an answer to each of them counts. Which was which (`sealed`) is told only when it has ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.errors import CorruptArtifact, InvalidInput, NotFound, WrongState, sentence
from musicgen.listening.material import ABX, BlindOrder, find_material
from musicgen.processes import run_child
from musicgen.runs import rows
from musicgen.runs.folders import LISTENING, listening_folder, output_folder
from musicgen.storage import database
from musicgen.storage.database import blind_tests, check_id, outputs
from musicgen.storage.files import check_free_space, publishing

OPEN, FINISHED, GIVEN_UP = "open", "finished", "given_up"
MODULE = "musicgen.listening.rounds"
SECONDS = 900.0
MEMORY_MB = 4096
BYTES_A_SECOND = 4 * 44_100
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class BlindTest:
    """A blind test.

    Attributes:
        kind: real or abx, see material. other_id: the chosen song or the other output; "" for all songs of the run.
        state: open, finished or given_up.
        answers: the position chosen in each round so far.
        facts: seconds, levelled (what was made equal), shared (whose excerpts overlap), names.
        sealed: which was which. Never show it while the test is open: see `unsealed`.
    """

    id: str
    kind: str
    output_id: str
    other_id: str
    state: str
    n_rounds: int
    answers: tuple[str, ...]
    facts: dict[str, Any]
    created_at: float
    finished_at: float | None
    sequence: int
    sealed: dict[str, Any] = field(repr=False)

    @property
    def is_open(self) -> bool:
        return self.state == OPEN

    @property
    def is_abx(self) -> bool:
        return self.kind == ABX

    @property
    def positions(self) -> tuple[str, ...]:
        """What can be heard in a round."""
        return ("a", "b", "x") if self.is_abx else ("a", "b")

    @property
    def round_number(self) -> int:
        """The round that waits for an answer, from 1; after the last one, one more than there are."""
        return len(self.answers) + 1

    def unsealed(self) -> list[dict[str, Any]]:
        """{right, sides} of every round that was answered. Raises WrongState while the test is open."""
        if self.is_open:
            rule = "Which is which is shown only after a blind test has ended"
            raise WrongState(sentence(rule, f"a test with {len(self.answers)} of {self.n_rounds} answers"))
        return list(self.sealed.get("rounds", ()))[: len(self.answers)]

    @property
    def n_right(self) -> int:
        """How many answers were right. Raises WrongState while the test is open."""
        return sum(one["right"] == answer for one, answer in zip(self.unsealed(), self.answers, strict=True))


def start_test(order: BlindOrder, *, on_progress: Callable[[Mapping[str, Any]], None] | None = None) -> str:
    """Make the excerpts in a child process and record the test; returns its id. Takes seconds to a minute.

    `on_progress` is called with {phase, done, total}.

    Raises:
        NotFound, InvalidInput, WrongState: see `find_material`. InvalidInput: a piece that is too short or silent.
        ResourceUnavailable: no synthesiser, no room, no time.
    """
    material = find_material(order)
    n_sounds = order.n_rounds * (3 if order.kind == ABX else 2)
    check_free_space(round(2 * n_sounds * (order.seconds + 3) * BYTES_A_SECOND))
    _remove_leftovers(order.output_id)
    test_id = database.new_id("test")
    target = listening_folder(order.output_id, test_id)
    with publishing(target) as folder:
        payload = {**asdict(order), **asdict(material), "folder": str(folder.resolve())}
        made = run_child(
            MODULE, payload, seconds=SECONDS, on_line=on_progress, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD)
        )
    is_recorded = False
    try:
        is_recorded = _record(
            test_id, order, made, [material.ours["name"], *(each["name"] for each in material.theirs)]
        )
    finally:
        if not is_recorded:
            shutil.rmtree(target, ignore_errors=True)
    if not is_recorded:  # `publishing` made the folder of the output anew
        shutil.rmtree(output_folder(order.output_id), ignore_errors=True)
        raise NotFound(sentence("A blind test needs its output", f"{order.output_id}, deleted in the meantime"))
    return test_id


def _record(test_id: str, order: BlindOrder, made: Mapping[str, Any], names: list[str]) -> bool:
    facts = {name: made[name] for name in ("levelled", "shared", "loudness_lufs")}
    row = {
        "id": test_id,
        "kind": order.kind,
        "output_id": order.output_id,
        "other_id": order.other_id,
        "state": OPEN,
        "n_rounds": order.n_rounds,
        "sealed": {"rounds": made["rounds"]},
        "answers": {"given": []},
        "facts": {
            **facts,
            "seconds": order.seconds,
            "output": names[0],
            "against": names[1:4],
            "n_against": len(names) - 1,
        },
        "created_at": database.now(),
    }
    with database.engine().begin() as connection:
        if connection.execute(sa.select(outputs.c.id).where(outputs.c.id == order.output_id)).first() is None:
            return False
        connection.execute(sa.insert(blind_tests).values(**row))
    return True


def get_test(test_id: str) -> BlindTest:
    """The test. Raises NotFound."""
    return rows.only(_read(blind_tests.c.id == check_id("test", test_id)), "test", test_id)


def list_tests(output_id: str | None = None, *, limit: int | None = None) -> list[BlindTest]:
    """Newest first; of one output: also those in which it was the other one of an ABX."""
    if output_id is None:
        return _read(limit=limit)
    check_id("output", output_id)
    return _read(sa.or_(blind_tests.c.output_id == output_id, blind_tests.c.other_id == output_id), limit=limit)


def list_tests_of_run(run_id: str) -> list[BlindTest]:
    """The tests of all outputs of a run, newest first."""
    made = sa.select(outputs.c.id).where(outputs.c.run_id == check_id("run", run_id))
    return _read(blind_tests.c.output_id.in_(made))


def answer(test_id: str, number: int, position: str) -> BlindTest:
    """Answer round `number` (from 1) with `a` or `b`; after the last round the test is finished.

    A round keeps its first answer: another one, as from a double click, changes nothing.

    Raises:
        NotFound. WrongState: the test has ended. InvalidInput: another position, or a round that is not reached yet.
    """
    if position not in ("a", "b"):
        raise InvalidInput(sentence("The answer to a round is a or b", repr(position[:20])))
    with database.engine().begin() as connection:
        row = (
            connection.execute(sa.select(blind_tests).where(blind_tests.c.id == check_id("test", test_id)))
            .mappings()
            .first()
        )
        if row is None:
            raise NotFound(sentence("The test must exist", test_id))
        given = list(row["answers"].get("given", ()))
        if 1 <= number <= len(given):
            return _test(dict(row))
        if row["state"] != OPEN:
            raise WrongState(sentence("Only an open blind test can be answered", f"one that is {_words(row['state'])}"))
        if number != len(given) + 1:
            raise InvalidInput(sentence(f"The next round is {len(given) + 1} of {row['n_rounds']}", number))
        given.append(position)
        changes: dict[str, Any] = {"answers": {"given": given}}
        if len(given) == row["n_rounds"]:
            changes |= {"state": FINISHED, "finished_at": database.now()}
        connection.execute(sa.update(blind_tests).where(blind_tests.c.id == test_id).values(**changes))
    test = _test({**row, **changes})
    if not test.is_open:
        _remove_sounds(test)
    return test


def give_up(test_id: str) -> None:
    """End an open test. It is kept, but it does not count. Does nothing if it has ended already."""
    test = get_test(test_id)
    change = sa.update(blind_tests).where(blind_tests.c.id == test.id, blind_tests.c.state == OPEN)
    if database.change(change.values(state=GIVEN_UP, finished_at=database.now())):
        _remove_sounds(test)


def delete_test(test_id: str) -> None:
    """Remove a test from the record, with its result."""
    test = get_test(test_id)
    database.change(sa.delete(blind_tests).where(blind_tests.c.id == test.id))
    _remove_sounds(test)


def round_sound(test: BlindTest, position: str) -> bytes:
    """The WAV file at a position (a, b, x) of the round that waits for an answer.

    Raises WrongState if the test has ended, CorruptArtifact if its files are gone."""
    return sound_path(test, test.round_number, position).read_bytes()


def sound_path(test: BlindTest, number: int, position: str) -> Path:
    """The file of a round of an open test; raises as `round_sound`."""
    if not test.is_open:
        raise WrongState(
            sentence("The excerpts are kept while a blind test is open", f"one that is {_words(test.state)}")
        )
    path = listening_folder(test.output_id, test.id) / f"{number:02d}-{position}.wav"
    if position not in test.positions or not path.is_file():
        remedy = "Give this test up and start another one."
        raise CorruptArtifact(sentence("A blind test needs its excerpts", f"no {path.name}", remedy))
    return path


def _words(state: str) -> str:
    return state.replace("_", " ")


def _remove_sounds(test: BlindTest) -> None:
    shutil.rmtree(listening_folder(test.output_id, test.id), ignore_errors=True)


def _remove_leftovers(output_id: str) -> None:
    """Folders from a crash between the folder and the record, or after the end of a test."""
    folder = output_folder(output_id) / LISTENING
    known = {test.id for test in list_tests(output_id) if test.is_open}
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name not in known and _is_old(path):
                shutil.rmtree(path, ignore_errors=True)


def _is_old(path: Path) -> bool:
    return path.stat().st_mtime < database.now() - SECONDS


def _read(*conditions: Any, limit: int | None = None) -> list[BlindTest]:
    statement = sa.select(blind_tests).where(*conditions)
    ordered = statement.order_by(blind_tests.c.sequence.desc(), blind_tests.c.id).limit(limit)
    return [_test(row) for row in database.every(ordered)]


def _test(row: Mapping[str, Any]) -> BlindTest:
    fields = {name: row[name] for name in BlindTest.__dataclass_fields__}
    return BlindTest(**{**fields, "answers": tuple(row["answers"].get("given", ()))})
