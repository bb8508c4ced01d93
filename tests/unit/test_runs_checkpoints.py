"""Checkpoints appear whole or not at all, are verified, and only what is needed is kept (K2, K3, C.2)."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from musicgen.errors import CorruptArtifact, NotFound, ResourceUnavailable
from musicgen.processes import ROOT
from musicgen.runs import checkpoints as module
from musicgen.runs.checkpoints import Checkpoint, Checkpoints, first_intact

SAVER = """
import sys
from pathlib import Path
from musicgen.runs.checkpoints import Checkpoints

kept = Checkpoints(Path(sys.argv[1]))
kept.clean()
complete = [each for each in kept.newest_first() if each.is_complete]
epoch = complete[0].epoch if complete else 0
print("ready", flush=True)
while True:
    epoch += 1
    content = bytes([epoch % 251]) * 200_000
    score = 1.0 + (epoch % 7) / 10
    kept.publish(epoch, {"score": score, "row": {"epoch": epoch}}, {"epoch": epoch}, lambda folder: [
        (folder / name).write_bytes(content) for name in ("weights.npz", "optimizer.npz")
    ])
    kept.prune(lambda: ())
"""


def publish(kept: Checkpoints, epoch: int, score: float | None = None, *, is_complete: bool = True) -> Checkpoint:
    def write(folder: Path) -> None:
        (folder / "weights.npz").write_bytes(bytes([epoch]) * 1000)

    return kept.publish(epoch, {"score": score, "row": None}, {"epoch": epoch}, write, is_complete=is_complete)


def epochs(kept: Checkpoints) -> list[int]:
    return [each.epoch for each in kept.all()]


@pytest.fixture
def kept(home: Path) -> Checkpoints:
    return Checkpoints(home / "checkpoints")


def test_a_checkpoint_holds_what_was_written_and_verifies(kept: Checkpoints) -> None:
    made = publish(kept, 3, 0.5)
    made.verify()
    assert (made.epoch, made.is_complete, made.score, made.codec()) == (3, True, 0.5, {"epoch": 3})
    assert (made.folder / "weights.npz").read_bytes() == b"\x03" * 1000
    assert set(made.manifest) == {"weights.npz", "codec.json", "state.json"}
    assert len(made.sha256) == 64


def test_best_and_last_two_and_pinned_are_kept(kept: Checkpoints) -> None:
    pinned = publish(kept, 9, 9.0).sha256
    for epoch, score in ((10, 0.1), (11, 0.7), (12, 0.6), (13, 0.5), (14, 0.4)):
        publish(kept, epoch, score)
        kept.prune(lambda: {pinned})
    assert epochs(kept) == [9, 10, 13, 14]
    assert [each.epoch for each in kept.best_first()] == [10, 14, 13, 9]
    kept.prune(lambda: ())
    assert epochs(kept) == [10, 13, 14]


@pytest.mark.parametrize(("limit", "value"), [("MAX_MILESTONE_BYTES", 100), ("MILESTONES_NEED_FREE", 10**18)])
def test_small_ones_after_1_2_4_8_epochs_are_kept_while_there_is_room(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    for epoch in range(1, 22):
        publish(kept, epoch, 1 / epoch)
        kept.prune(lambda: ())
    assert epochs(kept) == [1, 2, 4, 8, 16, 20, 21]
    assert [each.epoch for each in kept.lapse()] == [1, 2, 4, 8, 16, 20, 21]
    for epoch in (22, 23, 24):
        publish(kept, epoch, 1 / epoch)
    assert [each.epoch for each in kept.lapse()] == [1, 2, 8, 16, 20, 21, 23, 24]
    kept.prune(lambda: ())
    assert epochs(kept) == [1, 2, 4, 8, 16, 23, 24]
    monkeypatch.setattr(module, limit, value)
    kept.prune(lambda: ())
    assert epochs(kept) == [23, 24]


def test_nothing_is_removed_while_somebody_chooses(kept: Checkpoints) -> None:
    for epoch in range(1, 6):
        publish(kept, epoch, 1 / epoch)
    with kept.lock():
        kept.prune(lambda: ())
    assert epochs(kept) == [1, 2, 3, 4, 5]
    kept.prune(lambda: ())
    assert epochs(kept) == [1, 2, 4, 5]


def test_a_partial_checkpoint_generates_until_its_epoch_is_done(kept: Checkpoints) -> None:
    publish(kept, 1, 1.0)
    publish(kept, 2, is_complete=False)
    kept.prune(lambda: ())
    assert [(each.epoch, each.is_complete) for each in kept.newest_first()] == [(2, False), (1, True)]
    assert kept.best_first()[0].is_complete
    publish(kept, 2, 0.9)
    kept.prune(lambda: ())
    assert [(each.epoch, each.is_complete) for each in kept.all()] == [(1, True), (2, True)]


def test_choices(kept: Checkpoints) -> None:
    for epoch, score in ((1, 0.3), (2, 0.1), (3, 0.2)):
        publish(kept, epoch, score)
    assert [each.epoch for each in kept.chosen("best")] == [2, 3, 1]
    assert [each.epoch for each in kept.chosen("last")] == [3, 2, 1]
    assert [each.epoch for each in kept.chosen("1")] == [1]
    assert [each.epoch for each in kept.chosen(kept.all()[2].sha256)] == [3]
    with pytest.raises(NotFound, match=r"are kept: 1, 2, 3\. Received: epoch 7"):
        kept.chosen("7")


@pytest.mark.parametrize("name", ["weights.npz", "codec.json", "state.json", "manifest.json"])
def test_one_flipped_bit_is_noticed_and_the_previous_is_used(kept: Checkpoints, name: str) -> None:
    publish(kept, 1, 0.5)
    path = publish(kept, 2, 0.4).folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    noticed: list[str] = []
    assert first_intact(kept.newest_first(), noticed.append).epoch == 1
    assert len(noticed) == 1
    assert "epoch 2" in noticed[0]


@pytest.mark.parametrize("harm", ["missing file", "shorter file", "no manifest", "manifest is no JSON", "empty folder"])
def test_other_damage_is_noticed(kept: Checkpoints, harm: str) -> None:
    folder = publish(kept, 1, 0.5).folder
    if harm == "missing file":
        (folder / "weights.npz").unlink()
    elif harm == "shorter file":
        (folder / "weights.npz").write_bytes(b"")
    elif harm == "no manifest":
        (folder / "manifest.json").unlink()
    elif harm == "manifest is no JSON":
        (folder / "manifest.json").write_text("[1, 2")
    else:
        shutil.rmtree(folder)
        folder.mkdir()
    with pytest.raises(CorruptArtifact, match="no intact checkpoint"):
        first_intact(kept.newest_first(), lambda _: None)
    publish(kept, 2, 0.4)
    assert first_intact(kept.newest_first(), lambda _: None).epoch == 2


def test_without_any_it_says_so(kept: Checkpoints) -> None:
    with pytest.raises(NotFound, match="no weights yet"):
        first_intact(kept.newest_first(), lambda _: None)


def test_a_full_disk_at_any_call_leaves_what_was_there(kept: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the 1st, 2nd, 3rd … sync or rename of a save, until a save gets through without failing."""
    before = publish(kept, 1, 0.5).sha256
    failing_call = 0
    while was_hit(kept, monkeypatch, failing_call):
        assert kept.all()[0].sha256 == before
        for each in kept.all():
            each.verify()
        shutil.rmtree(kept.folder / "000002", ignore_errors=True)
        failing_call += 1
    assert failing_call > 12
    assert epochs(kept) == [1, 2]


def was_hit(kept: Checkpoints, monkeypatch: pytest.MonkeyPatch, failing_call: int) -> bool:
    """Save epoch 2 while the call of this number fails; whether there was such a call."""
    calls = 0

    def failing(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == failing_call + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments)

        return call

    with monkeypatch.context() as patch:
        for name in ("fsync", "rename", "replace"):
            patch.setattr(os, name, failing(getattr(os, name)))
        with suppress(OSError):
            publish(kept, 2, 0.4)
    return calls > failing_call


def test_too_little_room_is_refused_before_anything_is_written(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(kept, 1, 0.5)
    monkeypatch.setenv("MUSICGEN_MIN_FREE_MB", str(10**9))
    with pytest.raises(ResourceUnavailable) as caught:
        publish(kept, 2, 0.4)
    assert caught.value.code == "disk_full"
    assert sorted(path.name for path in kept.folder.iterdir()) == ["000001"]


def test_saving_an_epoch_again_replaces_it(kept: Checkpoints) -> None:
    publish(kept, 1, 0.5)
    kept.publish(1, {"score": 0.2}, {}, lambda folder: [(folder / "weights.npz").write_bytes(b"new")][0])
    assert [each.score for each in kept.all()] == [0.2]
    kept.all()[0].verify()


def kill_while_saving(folder: Path, kills: int, seed: int) -> list[int]:
    """Start a process that saves without end, kill it at a random moment, look; so many times. The epochs seen."""
    rng = random.Random(seed)
    seen = [0]
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        kept = Checkpoints(folder)
        if kept.exist():
            noticed: list[str] = []
            newest = first_intact(kept.newest_first(), noticed.append)
            assert noticed == [], "what bears a checkpoint's name is whole"
            assert newest.state["epoch"] == newest.codec()["epoch"] == newest.epoch
            assert (newest.folder / "weights.npz").read_bytes() == bytes([newest.epoch % 251]) * 200_000
            seen.append(newest.epoch)
            assert seen[-1] >= seen[-2], "nothing that was saved is lost"
    return seen


def test_killed_at_any_moment_the_newest_checkpoint_is_whole(home: Path) -> None:
    seen = kill_while_saving(home / "checkpoints", kills=8, seed=1)
    assert seen[-1] > 0


@pytest.mark.slow
def test_killed_at_any_moment_a_hundred_times(home: Path) -> None:
    seen = kill_while_saving(home / "checkpoints", kills=120, seed=2)
    assert seen[-1] > 120


@pytest.mark.slow
def test_really_full_disk(home: Path, tmp_path: Path) -> None:
    """A hundred saves on a file system of 2 MB: each is whole or was refused, and the one before is intact."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("mounting in a namespace of one's own is not allowed here")
    script = tmp_path / "fill.py"
    script.write_text(
        "import errno, json, os, random, sys\n"
        "from pathlib import Path\n"
        "from musicgen.runs.checkpoints import Checkpoints, first_intact\n"
        "kept, refused, last = Checkpoints(Path(sys.argv[1])), 0, 0\n"
        "for epoch in range(1, 101):\n"
        "    try:\n"
        "        size = random.Random(epoch).randrange(100_000, 900_000)\n"
        "        write = lambda folder: (folder / 'weights').write_bytes(os.urandom(size))\n"
        "        kept.publish(epoch, {'score': 1 / epoch}, {}, write)\n"
        "        last = epoch\n"
        "    except OSError as error:\n"
        "        assert error.errno == errno.ENOSPC, error\n"
        "        refused += 1\n"
        "    assert last == 0 or first_intact(kept.newest_first(), print).epoch == last\n"
        "    if epoch % 3 == 0: kept.prune(lambda: ())\n"
        "    for path in Path(sys.argv[1]).iterdir(): assert not path.name.startswith('.0'), path\n"
        "print(json.dumps([refused, last]))\n"
    )
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = f"mount -t tmpfs -o size=2m none {mounted} && exec {sys.executable} {script} {mounted}/checkpoints"
    environment = {**os.environ, "MUSICGEN_MIN_FREE_MB": "0", "MUSICGEN_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["unshare", "-rm", "sh", "-c", command], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    refused, last = json.loads(done.stdout.splitlines()[-1])
    assert refused > 10
    assert last > 50


def test_leftovers_of_a_crash_are_cleaned(kept: Checkpoints) -> None:
    publish(kept, 1, 0.5)
    (kept.folder / ".000002.abc").mkdir()
    (kept.folder / ".removed.abc").mkdir()
    kept.clean()
    assert sorted(path.name for path in kept.folder.iterdir()) == ["000001"]
    assert module.NAME.match("000001-partial")
