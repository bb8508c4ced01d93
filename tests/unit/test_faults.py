"""What the machine does wrong is one sentence and exit code 1, wherever it happens; a bug of ours stays one."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import small_disk
from runs_at_work import add_song

from musicgen.cli import waiting
from musicgen.doctor import examine
from musicgen.errors import (
    CorruptArtifact,
    InvalidInput,
    MusicgenError,
    ResourceUnavailable,
    StorageUnavailable,
)
from musicgen.faults import in_words, is_storage_fault
from musicgen.processes import ROOT
from musicgen.settings import home as home_folder
from musicgen.storage import database
from musicgen.storage.files import copy_out, noticing_a_full_disk, write_out

LONG = "x" * 5000


def system_error(number: int, name: str | None = "/a/file") -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "kind", "code", "words"),
    [
        (system_error(errno.ENOSPC), StorageUnavailable, "disk_full", "No space left on device (/a/file). Make room"),
        (system_error(errno.ENOSPC, None), StorageUnavailable, "disk_full", "No space left on device. Make room"),
        (system_error(errno.EDQUOT), StorageUnavailable, "disk_full", "(/a/file)"),
        (system_error(errno.EFBIG), StorageUnavailable, "disk_full", "(/a/file)"),
        (OSError("25000 requested and 12 written"), StorageUnavailable, "disk_full", "Received: No space left"),
        (system_error(errno.EIO), StorageUnavailable, "disk_error", "Input/output error (/a/file)"),
        (system_error(errno.EROFS), StorageUnavailable, "not_allowed", "Read-only file system (/a/file)"),
        (system_error(errno.EACCES), StorageUnavailable, "not_allowed", "MUSICGEN_HOME"),
        (system_error(errno.ENAMETOOLONG, LONG), InvalidInput, "path_too_long", "one of 5,000 bytes"),
        (system_error(errno.EMFILE), ResourceUnavailable, "exhausted", "Too many open files"),
        (system_error(errno.EISDIR), ResourceUnavailable, "file", "Is a directory (/a/file)"),
        (OSError(errno.EISDIR, "Is a directory", "/a/.tmp", None, "/a/b"), ResourceUnavailable, "file", "(/a/b)"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), StorageUnavailable, "", "TMPDIR"),
    ],
)
def test_an_error_of_the_system_in_words(error: OSError, kind: type, code: str, words: str) -> None:
    told = in_words(error)
    assert type(told) is kind
    assert code in (told.code, "")
    assert words in str(told)
    assert is_storage_fault(error) == (kind is StorageUnavailable)


@pytest.mark.parametrize(
    "error", [KeyError("x"), OSError("something"), system_error(errno.EACCES, None), ValueError("disk is full")]
)
def test_a_bug_is_not_put_into_words(error: Exception) -> None:
    assert in_words(error) is None
    assert not is_storage_fault(error)


def test_an_error_of_ours_is_its_own_words() -> None:
    error = CorruptArtifact("It is damaged.")
    assert in_words(error) is error


def close_badly() -> None:
    try:
        raise system_error(errno.ENOSPC, None)
    finally:
        raise ValueError("Can't close the ZIP file while there is an open writing handle on it.")


def test_a_full_disk_is_found_behind_the_error_that_hides_it() -> None:
    """As when weights are written: closing an archive that does not fit fails as well, with another error."""
    with pytest.raises(ValueError, match="close the ZIP file") as caught:
        close_badly()
    assert is_storage_fault(caught.value)


@pytest.mark.parametrize("what", ["a file", "below a file", "too long", "of nobody"])
def test_a_home_that_cannot_be(home: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    (home / "file").touch()
    places = {"a file": home / "file", "below a file": home / "file/x", "too long": LONG, "of nobody": "~nobody-/x"}
    monkeypatch.setenv("MUSICGEN_HOME", str(places[what]))
    with pytest.raises(InvalidInput, match=r"^MUSICGEN_HOME must be a folder.* Received: .*\. Set it") as caught:
        home_folder()
    assert len(str(caught.value)) < 400
    checks = {check.name: check for check in examine(at_once=True)}
    assert checks["Storage folder"].status == "missing"
    assert checks["Storage folder"].remedy == "Set it to a folder of your own."
    assert checks["Packages"].status == "ok", "the other checks go on"


@pytest.mark.parametrize(
    "url",
    [
        *("nonsense", "no-such://x", "sqlite://", "sqlite:///:memory:", LONG),
        *("mysql+no_driver://me:secret@host/x", "postgresql://me:secret@host:port/x", "sqlite:////no/such/folder/x.db"),
    ],
)
def test_a_database_url_that_cannot_be(home: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MUSICGEN_DATABASE_URL", url)
    with pytest.raises(MusicgenError) as caught:
        database.engine()
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 700
    code, out, err = small_disk.call("doctor", "--json")
    (check,) = (each for each in json.loads(out)["checks"] if each["name"] == "Record of songs and runs")
    assert (code, err, check["status"]) == (0, "", "missing")
    assert "secret" not in out


def test_a_path_of_5000_characters(home: Path) -> None:
    for arguments in (
        ["compare", LONG, LONG],
        ["train", "note_lstm", LONG],
        ["runs", "import", LONG],
    ):
        code, out, err = small_disk.call(*arguments)
        assert (code, out) == (1, ""), arguments
        assert "one of 5,000 bytes" in err
    code, out, err = small_disk.call("songs", "add", LONG, "--json")
    (file,) = json.loads(out)["files"]
    assert (code, file["status"], file["code"]) == (1, "rejected", "unreadable")
    assert "File name too long" in file["reason"]


def command(*arguments: str, **environment: str) -> dict[str, Any]:
    """For Popen: the command line with this environment."""
    words = [sys.executable, "-m", "musicgen", *arguments]
    return {"args": words, "cwd": ROOT, "env": {**os.environ, **environment}, "text": True, "check": False}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_is_full(home: Path, unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            **command("approaches", "--json", PYTHONUNBUFFERED=unbuffered), stdout=full, stderr=subprocess.PIPE
        )
        assert done.returncode == 1
        assert done.stderr.startswith("Results must be printed completely. Received: No space left on device")
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_song_that_does_not_fit_into_an_output_that_is_full(home: Path, unbuffered: str) -> None:
    told = command("songs", "export", add_song("A song"), "--format", "wav", "--out", "-", PYTHONUNBUFFERED=unbuffered)
    whole = subprocess.run(**(told | {"text": False}), capture_output=True)
    assert (whole.returncode, whole.stdout[:4]) == (0, b"RIFF")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(**told, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.startswith("Results must be printed completely. Received: No space left on device")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_is_said_on_the_way_may_be_lost(home: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(**command("songs", "list"), stdout=subprocess.PIPE, stderr=full)
        assert (done.returncode, "format" in done.stdout) == (0, True)
        done = subprocess.run(**command("songs", "show", "x"), stdout=subprocess.PIPE, stderr=full)
        assert (done.returncode, done.stdout) == (1, "")


def test_an_output_that_knows_only_ascii(home: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(**command("songs", "show", "song-é", **ascii_only), capture_output=True)
    assert done.returncode == 1
    assert r"song-\xe9" in done.stderr
    assert "Received: one for ascii only." in done.stderr
    done = subprocess.run(**command("approaches", "--json", **ascii_only), capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    letters = json.loads(subprocess.run(**command("approaches", "--json"), capture_output=True).stdout)
    assert json.loads(done.stdout) == letters, "JSON loses nothing"


def test_the_doctor_finds_an_output_of_few_letters(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    (check,) = (each for each in examine(at_once=True) if each.name == "Output")
    assert (check.status, check.detail) == ("warn", "can print ascii only")


READ_ONLY = """
import json
from small_disk import call
from musicgen.runs import api
(song,), (run,) = (json.loads(call(kind, "list", "--json")[1]) for kind in ("songs", "runs"))
answers = {
    "lists": [call("runs", "show", run["id"])[0], call("songs", "show", song["id"])[0], call("runs", "list")[0]],
    "writes": [
        call(*words)
        for words in (
            ["songs", "rename", song["id"], "Other"],
            ["runs", "rename", run["id"], "Other"],
            ["runs", "resume", run["id"], "--epochs", "9"],
            ["generate", run["id"]],
            ["train", "ticking", song["id"]],
            ["songs", "remove", song["id"]],
            ["runs", "delete", run["id"]],
        )
    ],
    "doctor": [each for each in json.loads(call("doctor", "--json")[1])["checks"] if each["name"] == "Storage folder"],
}
assert api.list_runs()[0].name == run["name"]
print(json.dumps(answers))
"""


def test_a_home_that_may_not_be_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runs_at_work import add_song, nobody_supervises, start, ticking, work_here

    small_disk.need_mounting()
    with ticking(monkeypatch), nobody_supervises():
        work_here(start(add_song("A song"), epochs=1, epoch_ms=1))
    answers = json.loads(small_disk.run(small_disk.READ_ONLY, READ_ONLY))
    assert answers["lists"] == [0, 0, 0]
    for code, out, err in answers["writes"]:
        assert (code, out) == (1, ""), err
        assert len(err.strip().splitlines()) == 1
        assert "permission" in err
    (check,) = answers["doctor"]
    assert (check["status"], "Read-only file system" in check["detail"]) == ("missing", True)


@pytest.mark.parametrize(
    ("error", "free", "kind"),
    [
        (RuntimeError("System error."), 0, StorageUnavailable),
        (ResourceUnavailable("FFmpeg encodes AAC. Received: status 1."), 0, StorageUnavailable),
        (RuntimeError("System error."), 10**9, RuntimeError),
        (InvalidInput("No such format."), 0, InvalidInput),
    ],
)
def test_a_library_that_does_not_say_that_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, free: int, kind: type
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))
    with pytest.raises(Exception) as caught, noticing_a_full_disk(tmp_path, "A download is written whole"):  # noqa: PT011
        raise error
    assert type(caught.value) is kind
    if kind is StorageUnavailable:
        assert str(caught.value).startswith("A download is written whole. Received: 0.0 MB free.")


def test_waiting_ends_where_nobody_can_work(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waits because the disk is full: the record, on that disk, will never tell."""

    def full(_folder: Path) -> None:
        raise system_error(errno.ENOSPC)

    seen = SimpleNamespace(id="task-000000000000", run_id="run-000000000000", kind="train", state="queued", progress={})
    seen.is_active = True
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "try_to_write", full)
    with pytest.raises(OSError, match="No space"):
        waiting.wait_for(lambda: seen, lambda: None)
    states = iter([True, True, False])
    seen = type("Seen", (), {**vars(seen), "is_active": property(lambda self: next(states))})()
    monkeypatch.setattr(waiting, "try_to_write", lambda folder: None)
    assert waiting.wait_for(lambda: seen, lambda: None) is seen


@pytest.mark.parametrize(
    ("state", "reason", "is_an_error"),
    [("failed", "x", True), ("paused", "full", True), ("paused", "", False), ("cancelled", "", False)],
)
def test_a_run_that_paused_of_itself_is_an_error(state: str, reason: str, is_an_error: bool) -> None:
    seen = SimpleNamespace(state=state, reason=reason, advice="Make room.")
    if not is_an_error:
        waiting.raise_if_failed(seen)
        return
    with pytest.raises(MusicgenError, match=f"{reason} Make room"):
        waiting.raise_if_failed(seen)


def test_what_is_copied_out_replaces_a_file_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    with monkeypatch.context() as patch:

        def torn(_source: Path, half: Path) -> None:
            half.write_bytes(b"n")
            raise OSError(errno.ENOSPC, "No space left on device", str(half))

        patch.setattr(shutil, "copyfile", torn)
        with pytest.raises(OSError, match="No space") as caught:
            copy_out(source, target)
    assert caught.value.filename == str(target), "the name that the user knows"
    assert target.read_bytes() == b"old"
    copy_out(source, target)
    write_out(b"newer", source)
    assert (target.read_bytes(), source.read_bytes()) == (b"new", b"newer")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
    for place in (tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OSError) as caught:  # noqa: PT011 (the system's words differ)
            copy_out(source, place)
        assert caught.value.filename == str(place)
