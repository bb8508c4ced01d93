"""A cluster without Ray: `LocalJobs` starts the process of a node as Ray would, and can kill it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from musicgen.runs import states, worker
from musicgen.runs.cluster.configured import Cluster
from musicgen.runs.cluster.jobs import command
from musicgen.runs.cluster.places import Attempt, publish_program
from musicgen.runs.cluster.stand_in import stand_in
from musicgen.runs.control import Control
from musicgen.runs.folders import task_folder


class LocalJobs:
    """Jobs that are processes of this machine."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stopped: list[str] = []

    def submit(self, attempt: Attempt, name: str) -> None:
        if name in self.names:
            return
        self.names.append(name)
        text = command(sys.executable, publish_program(attempt.shared), attempt)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MUSICGEN_")}
        self.processes.append(subprocess.Popen(text, shell=True, env=environment, start_new_session=True))

    def why_gone(self, name: str) -> str | None:
        return None

    def stop(self, name: str) -> None:
        self.stopped.append(name)

    def kill(self) -> None:
        """The latest node dies; its worker is left to the system."""
        self.processes[-1].kill()
        self.processes[-1].wait()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def standing_in(run: Any, shared: Path, jobs: LocalJobs, device: str = "cluster") -> Iterator[threading.Thread]:
    """The process that stands for the run's task, as a thread of this one."""
    fence = states.new_fence()
    assert states.claim(run.task.id, fence, device)
    cluster = Cluster("http://127.0.0.1:8265", shared, shared / "token", sys.executable, 1, 0)

    def work(task: dict[str, Any], folder: Path, control: Control) -> worker.Outcome:
        assert folder == task_folder("train", run.id, task["id"])
        return stand_in(task, folder, control, cluster, jobs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Control, "listen", lambda self: None)  # the signals of this process belong to pytest
        patch.setattr(worker, "identity", dict)  # nor is it to be ended like a worker that was left behind

        def stand() -> None:
            with suppress(SystemExit):
                worker.main(run.task.id, fence, work=work)

        thread = threading.Thread(target=stand)
        thread.start()
        try:
            yield thread
        finally:
            thread.join(300)
            jobs.close()
            assert not thread.is_alive()
