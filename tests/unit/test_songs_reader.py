"""One child reads many files; what a decoder does to it is felt by one file alone."""

from __future__ import annotations

import io
import os
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from musicgen.errors import ResourceUnavailable
from musicgen.processes import ChildError
from musicgen.songs import intake, reader, reading, workplace
from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import list_songs
from musicgen.songs.reader import Outcome, ReadingJob, read_files
from musicgen.songs.tidying import Inspection, inspect

pytestmark = [
    pytest.mark.usefixtures("home", "probe"),
    pytest.mark.skipif(os.name != "posix", reason="POSIX signals and limits"),
]


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MODULE", "tests.unit.reading_probe")
    monkeypatch.setenv("MUSICGEN_INTAKE_SECONDS", "2")
    monkeypatch.setenv("MUSICGEN_INTAKE_MEMORY_MB", "400")


def jobs(folder: Path, *orders: str) -> list[ReadingJob]:
    made = []
    for index, order in enumerate(orders):
        path = folder / f"{index}.mid"
        path.write_bytes(b"MThd " + order.encode())
        made.append(ReadingJob(path, "midi", folder / f"clip-{index}"))
    return made


def read(folder: Path, *orders: str) -> list[str]:
    """`ok` or the code of the rejection, one for each order."""
    outcomes = [outcome for _, outcome in read_files(jobs(folder, *orders), folder)]
    return ["ok" if "accepted" in outcome else outcome["rejected"]["code"] for outcome in outcomes]


def test_all_in_one_child_and_in_order(tmp_path: Path) -> None:
    assert read(tmp_path, "ok", "refuse", "bug", "ok") == ["ok", "no_notes", "unreadable", "ok"]


@pytest.mark.parametrize(
    ("order", "code", "said"),
    [
        ("crash", "crashed", "a file that crashes the decoder"),
        ("abort", "crashed", "a file that crashes the decoder"),
        ("leave", "crashed", "a file that crashes the decoder"),
        ("kill", "killed", "killed"),
        ("hang", "timeout", "within 2 s"),
        ("memory", "out_of_memory", "400 MB"),
    ],
)
def test_only_the_file_that_does_it_is_lost(tmp_path: Path, order: str, code: str, said: str) -> None:
    found: list[tuple[ReadingJob, Outcome]] = list(read_files(jobs(tmp_path, "ok", order, "ok", order, "ok"), tmp_path))
    codes = [outcome.get("rejected", {}).get("code", "ok") for _, outcome in found]
    assert codes == ["ok", code, "ok", code, "ok"]
    message = found[1][1]["rejected"]["message"]
    assert said in message
    assert "\n" not in message
    assert not (tmp_path / "clip-1").exists()


def test_sound_that_keeps_coming_earns_time(tmp_path: Path) -> None:
    told: list[float] = []
    outcomes = list(read_files(jobs(tmp_path, "slow"), tmp_path, lambda _job, seconds: told.append(seconds)))
    assert "accepted" in outcomes[0][1]
    assert told == [10.0 * index for index in range(1, 9)]


def test_one_file_too_large_for_the_disk(tmp_path: Path) -> None:
    assert read(tmp_path, "ok", "full", "ok") == ["ok", "disk_full", "ok"]
    assert not (tmp_path / "clip-1").exists()


def test_a_full_disk_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_MIN_FREE_MB", str(10**9))
    begun = time.monotonic()
    assert read(tmp_path, *["ok"] * 100) == ["disk_full"] * 100
    assert time.monotonic() - begun < 20


def test_more_files_than_one_child_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "JOBS_PER_CHILD", 3)
    assert read(tmp_path, *["ok", "crash", "ok", "ok", "refuse", "ok", "ok"]) == [
        *("ok", "crashed", "ok", "ok", "no_notes", "ok", "ok")
    ]


def test_a_child_that_cannot_start_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MODULE", "musicgen.no_such_module")
    with pytest.raises(ChildError, match="no_such_module"):
        read(tmp_path, "ok")
    monkeypatch.setattr(reader, "MODULE", "tests.unit.reading_probe")
    monkeypatch.setattr(reader, "STARTING_SECONDS", 0.0)
    with pytest.raises(ResourceUnavailable, match="must start within"):
        read(tmp_path, "ok")


def test_closing_the_iterator_ends_the_child(tmp_path: Path) -> None:
    with closing(read_files(jobs(tmp_path, "ok", "hang"), tmp_path)) as outcomes:
        next(outcomes)
        assert psutil.Process().children()
    assert psutil.Process().children() == []


def test_many_uploads_with_trouble_among_them(home: Path) -> None:
    orders = ["ok", "crash", "ok", "hang", "refuse", "ok"]
    uploads = [
        Upload(f"{i} {order}.mid", stream=io.BytesIO(b"MThd %d %s" % (i, order.encode())))
        for i, order in enumerate(orders)
    ]
    seen: list[tuple[int, int, str]] = []
    report = add_uploads(uploads, on_progress=lambda *args: seen.append(args))
    assert [file.code for file in report.files] == ["", "crashed", "", "timeout", "no_notes", ""]
    assert [file.path for file in report.files] == [upload.name for upload in uploads]
    assert {song.name for song in list_songs()} == {"0 ok", "2 ok", "5 ok"}
    assert [file.id for file in report.accepted] == [song.id for song in reversed(list_songs())]
    assert seen[-1][:2] == (6, 6)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert inspect() == Inspection((), (), ())
    assert list((home / "tmp").iterdir()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_import_keeps_what_was_published(
    home: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    monkeypatch.setattr("musicgen.songs.shelf.TOGETHER", 1)

    def interrupt(done: int, _total: int, _name: str) -> None:
        if done == 2:
            raise interruption

    uploads = [Upload(f"{i}.mid", stream=io.BytesIO(b"MThd %d ok" % i)) for i in range(5)]
    with pytest.raises(interruption):
        add_uploads(uploads, on_progress=interrupt)
    assert len(list_songs()) == 2
    assert list((home / "tmp").iterdir()) == []
    assert psutil.Process().children() == []
    report = add_uploads(uploads)
    assert len(report.accepted) == 5
    assert len(list_songs()) == 5
    assert sum("Already in the library" in " ".join(file.warnings) for file in report.files) == 2


def test_rounds_bound_what_is_spooled(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "ROUND_FILES", 2)
    uploads = [Upload(f"{i}.mid", stream=io.BytesIO(b"MThd %d ok" % (i % 3))) for i in range(5)]
    report = add_uploads(uploads)
    assert [file.status for file in report.files] == ["accepted"] * 5
    assert len(list_songs()) == 3
    assert len(report.song_ids) == 3


def test_a_disk_that_fills_up_while_spooling(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = workplace._copy_to

    def fail(path: Path, stream: object, limit: int) -> object:
        if b"2" in stream.getvalue():  # type: ignore[attr-defined]
            path.write_bytes(b"half")
            raise workplace.disk_full(OSError(28, "No space left on device"))
        return real(path, stream, limit)  # type: ignore[arg-type]

    monkeypatch.setattr(workplace, "_copy_to", fail)
    report = add_uploads([Upload(f"{i}.mid", stream=io.BytesIO(b"MThd %d ok" % i)) for i in range(4)])
    assert [file.code for file in report.files] == ["", "", "disk_full", ""]
    assert len(list_songs()) == 3
    assert list((home / "tmp").iterdir()) == []


def test_what_a_long_sound_costs_is_said_before_it_is_stored(tmp_path: Path) -> None:
    said: list[str] = []
    upload = Upload("long.mid", stream=io.BytesIO(b"MThd costly"))
    report = add_uploads([upload], on_progress=lambda _done, _total, name: said.append(name), on_cost=said.append)
    cost = "long.mid has 119 minutes of sound: it needs 1.3 GB of disk space and about a minute to read."
    assert said.index(cost) < said.index("long.mid (30 of 7,140 s)")
    assert said.count(cost) == 2  # for who looks at the progress, and for who is told
    assert report.files[0].status == "accepted"


def test_the_reader_tells_a_high_cost_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, list[float]]] = []
    monkeypatch.setattr(reading, "send_line", sent.append)
    tell = reading._tell_cost()
    for n_bytes in (reading.COSTLY_BYTES - 1, reading.COSTLY_BYTES, 2 * reading.COSTLY_BYTES):
        tell(60.0, n_bytes)
    assert sent == [{"cost": [60.0, reading.COSTLY_BYTES]}]
