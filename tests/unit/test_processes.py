"""Children: what they answer, how they are limited, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from musicgen import errors
from musicgen.processes import ROOT, Child, ChildError, child_environment, run_child

PROBE = "tests.unit.child_probe"
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and limits")


@pytest.fixture(autouse=True)
def _storage(home: Path) -> None:
    """Every child gets a MUSICGEN_HOME."""


def probe(do: str, *, seconds: float = 30, **options: Any) -> Any:
    names = ("on_line", "memory_mb", "cpu_seconds", "file_mb", "environment")
    chosen = {name: options.pop(name) for name in names if name in options}
    return run_child(PROBE, {"do": do, **options}, seconds=seconds, **chosen)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(condition: Any, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_result_and_messages_arrive_whatever_else_is_printed() -> None:
    seen: list[dict[str, Any]] = []
    assert probe("echo", value={"ü": [1, 2.5, None]}, on_line=seen.append) == {"ü": [1, 2.5, None]}
    assert seen == [{"progress": 1}, {"progress": 2}]


def test_payload_and_result_of_several_megabytes() -> None:
    value = "x" * 5_000_000
    assert probe("echo", value=value) == value


def test_child_starts_in_the_checkout_with_an_absolute_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSICGEN_HOME", "here")
    found = probe("surroundings")
    assert Path(found["folder"]) == ROOT
    assert found["environment"]["MUSICGEN_HOME"] == str((tmp_path / "here").resolve())
    assert found["session"] == found["pid"] != os.getsid(0)


def test_only_allowed_variables_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("MUSICGEN_DATABASE_URL", "postgresql://user:password@host/db")
    found = child_environment({"MUSICGEN_DATABASE_URL": None, "OMP_NUM_THREADS": "1"})
    assert "AWS_SECRET_ACCESS_KEY" not in found
    assert "MUSICGEN_DATABASE_URL" not in found
    assert (found["TF_CPP_MIN_LOG_LEVEL"], found["KERAS_BACKEND"], found["CUDA_VISIBLE_DEVICES"]) == ("3", "jax", "1")
    assert (found["OMP_NUM_THREADS"], found["PYTHONFAULTHANDLER"]) == ("1", "1")


@pytest.mark.parametrize("name", ["RejectedFile", "InvalidParameter", "NotFound", "Cancelled", "MusicgenError"])
def test_errors_come_back_as_what_they_are(name: str) -> None:
    with pytest.raises(getattr(errors, name), match="one sentence") as caught:
        probe("fail", type=name, message="one sentence")
    assert type(caught.value).__name__ == name


def test_code_and_advice_come_back() -> None:
    with pytest.raises(errors.TrainingFailed) as caught:
        probe("fail", type="TrainingFailed", message="the loss is NaN")
    assert (caught.value.code, caught.value.advice) == ("nan", "Lower the learning rate.")


def test_a_class_of_its_own_comes_back_as_its_ancestor() -> None:
    with pytest.raises(errors.RejectedFile) as caught:
        probe("fail_with_own_class")
    assert caught.value.code == "too_long"


@pytest.mark.parametrize(("do", "said"), [("bug", "IndexError"), ("nan", "ValueError"), ("no_such", "KeyError")])
def test_a_bug_is_called_a_bug(do: str, said: str) -> None:
    with pytest.raises(ChildError, match=said):
        probe(do)


def test_a_module_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(ChildError, match="no_such_module"):
        run_child("musicgen.no_such_module", {}, seconds=30)


@posix
@pytest.mark.parametrize(
    ("do", "code", "said"),
    [
        ("crash", "crashed", "SIGSEGV"),
        ("be_killed", "killed", "memory"),
        ("leave", "crashed", "exit status 0"),
        ("half_a_line", "crashed", "exit status 1"),
    ],
)
def test_a_death_is_one_sentence(do: str, code: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(errors.ResourceUnavailable, match=said) as caught:
        probe(do)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    if do == "crash":
        assert "child_probe.py" in caplog.text  # the fault handler's traceback is in the log


@posix
def test_limits_are_set_before_the_module_runs() -> None:
    found = probe("limits", memory_mb=1500, cpu_seconds=20, file_mb=3)
    assert found["RLIMIT_AS"] == 1500 << 20
    assert 20 <= found["RLIMIT_CPU"] <= 23
    assert found["RLIMIT_FSIZE"] == 3 << 20
    assert found["RLIMIT_CORE"] == 0


@posix
def test_memory_limit() -> None:
    with pytest.raises(errors.ResourceUnavailable) as caught:
        probe("eat_memory", memory_mb=400)
    assert caught.value.code == "out_of_memory"


@posix
def test_file_limit(tmp_path: Path) -> None:
    assert probe("fill_disk", path=str(tmp_path / "big"), file_mb=2) == 27  # EFBIG
    assert (tmp_path / "big").stat().st_size <= 2 << 20


@posix
def test_processor_limit_and_its_renewal() -> None:
    with pytest.raises(errors.ResourceUnavailable) as caught:
        run_child(PROBE, {"do": "burn", "seconds": 20}, seconds=30, cpu_seconds=0.5)
    assert caught.value.code == "cpu_limit"
    renewed = {"do": "burn", "seconds": 2.5, "renew": 5}
    assert run_child(PROBE, renewed, seconds=30, cpu_seconds=1) == "done"


@posix
def test_a_hanging_child_ends_at_its_time_with_all_it_started(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    begun = time.monotonic()
    with pytest.raises(errors.ResourceUnavailable) as caught:
        probe("hang", path=str(path), seconds=1.5)
    assert caught.value.code == "timeout"
    assert time.monotonic() - begun < 20
    assert all(wait_until(lambda pid=pid: is_gone(int(pid))) for pid in path.read_text().split())


@posix
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit, RuntimeError])
def test_whatever_leaves_the_callback_ends_the_child(tmp_path: Path, interruption: type[BaseException]) -> None:
    def interrupt(_message: dict[str, Any]) -> None:
        raise interruption

    path = tmp_path / "pids"
    with pytest.raises(interruption):
        probe("hang", path=str(path), on_line=interrupt)
    assert all(wait_until(lambda pid=pid: is_gone(int(pid))) for pid in path.read_text().split())


@posix
def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    payload = {"do": "hang", "path": str(path)}
    program = f"from musicgen.processes import run_child; run_child({PROBE!r}, {payload}, seconds=600)"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    assert wait_until(lambda: path.exists() and len(path.read_text().split()) == 2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all(wait_until(lambda pid=pid: is_gone(int(pid))) for pid in path.read_text().split())


def test_messages_one_by_one() -> None:
    with Child(PROBE, {"do": "echo", "value": 7}) as child:
        received = [child.receive(30) for _ in range(4)]
        assert received == [{"progress": 1}, {"progress": 2}, {"result": 7}, None]
        assert child.close() == 0
        assert child.close() == 0


def test_by_hand_without_a_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-m", PROBE], input='{"do": "echo", "value": 1}', capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == '{"result": 1}'
    assert "a library prints this" in done.stderr


def test_no_pipe_or_thread_is_left() -> None:
    import threading

    me = psutil.Process()
    probe("echo", value=1)
    files, threads = me.num_fds() if os.name == "posix" else 0, threading.active_count()
    for _ in range(3):
        probe("echo", value=1)
    assert threading.active_count() == threads
    assert (me.num_fds() if os.name == "posix" else 0) == files


def test_the_module_is_light() -> None:
    program = "import sys, musicgen.processes; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert "musicgen.processes" in loaded
    assert not {"numpy", "scipy", "sqlalchemy", "streamlit", "tensorflow"} & set(loaded)
