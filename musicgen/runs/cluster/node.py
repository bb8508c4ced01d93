"""On a node: one attempt at a training. `python -m musicgen.runs.cluster.node SHARED_FOLDER TASK_ID NUMBER`

Makes a storage folder of its own on the node's disk, starts the usual worker in it, and carries the results into the
shared folder for as long as it holds the lease. It ends with its parent, and the worker ends with it. Exit codes as in
worker.py: 76, if the lease was lost or never given.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.errors import MusicgenError
from musicgen.faults import in_words
from musicgen.runs import identity, liveness, states
from musicgen.runs.cluster.carrying import Carrier
from musicgen.runs.cluster.leases import Lease, LeaseLost
from musicgen.runs.cluster.places import Attempt, fetch
from musicgen.runs.control import EXIT_SUPERSEDED
from musicgen.runs.family import DIES_WITH
from musicgen.runs.folders import task_folder
from musicgen.runs.launching import start_worker
from musicgen.settings import PREFIX
from musicgen.storage import database
from musicgen.storage.database import runs, songs, tasks
from musicgen.storage.files import write_json

LOOK_SECONDS = 0.25
SECONDS_BETWEEN_CARRIES = 1.0
TABLES = {"songs": songs, "runs": runs, "tasks": tasks}


class Orphaned(LeaseLost):
    """The process that started this one is gone: the node is being given up."""


class Node:
    """One attempt, from its order to its outcome."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.parent = os.getppid()
        self.advice = ""
        self.lease = Lease(attempt, self.about)
        self.is_asked_to_end = False

    def about(self) -> dict[str, Any]:
        return {"node": socket.gethostname(), "pid": os.getpid(), "advice": self.advice}

    def run(self) -> int:
        """The exit code."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._hear)
        place = Path(tempfile.mkdtemp(prefix="musicgen-node-"))
        try:
            self.lease.keep()
            outcome = self._outcome(place)
            self.lease.check()
            write_json(self.attempt.folder / "outcome.json", outcome)
            return 0
        except LeaseLost as lost:
            print(f"attempt {self.attempt.number} ends: {lost}", file=sys.stderr)
            return EXIT_SUPERSEDED
        finally:
            self.lease.let_go()
            shutil.rmtree(place, ignore_errors=True)

    def _outcome(self, place: Path) -> dict[str, Any]:
        order = self.attempt.order()
        try:
            self._settle_in(place, order)
        except (MusicgenError, OSError) as error:
            return {"state": states.FAILED, "reason": str(in_words(error) or error), "advice": "Then resume."}
        task = next(row for row in order["rows"]["tasks"] if row["id"] == self.attempt.task_id)
        folder = task_folder(task["kind"], task["run_id"], task["id"])
        carrier = Carrier(folder, self.attempt.folder, check=self.lease.check, replaces=True)
        worker = start_worker(task["id"], task["fence"], folder, task["device"])
        try:
            self._accompany(worker, task, carrier)
        finally:
            identity.end_tree({"pid": worker.pid, "started": identity.started(worker.pid)})
        if (row := states.read_task(task["id"])) and row["state"] in states.WITH_WORKER:
            liveness.settle(row, worker.returncode)  # it was killed or crashed
        _carry(carrier, tries=20)
        return _told(task)

    def _settle_in(self, place: Path, order: dict[str, Any]) -> None:
        """Make the storage folder: files first, checked by their hash, then the record."""
        for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
            del os.environ[name]
        os.environ |= {str(name): str(value) for name, value in order["environment"].items()}
        os.environ |= {f"{PREFIX}HOME": str(place), DIES_WITH: str(os.getpid())}
        for name, sha256 in order["files"].items():
            target = (place / name).resolve()
            if not target.is_relative_to(place.resolve()):
                raise ValueError(f"a path outside the storage folder: {name!r}")
            self._check_family()
            fetch(self.attempt.shared, sha256, target)
        with database.engine().begin() as connection:
            for name, rows in order["rows"].items():
                for row in rows:
                    connection.execute(sa.insert(TABLES[name]).values(**row))

    def _accompany(self, worker: subprocess.Popen[bytes], task: dict[str, Any], carrier: Carrier) -> None:
        """Until the worker has ended: pass wishes on to it, and its results to the shared folder."""
        carried_at, wished = -1e9, ""
        while worker.poll() is None:
            self._check_family()
            self.lease.check()
            wish = self.attempt.wish()
            if wish != wished:
                wished = wish
                states.express(task["id"], wish)
            if wish == states.CANCEL or self.is_asked_to_end:
                identity.ask_to_end({"pid": worker.pid, "started": identity.started(worker.pid)})
            if time.monotonic() - carried_at >= SECONDS_BETWEEN_CARRIES:
                _carry(carrier)
                self.advice = (states.read_task(task["id"]) or {}).get("advice") or ""
                carried_at = time.monotonic()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(LOOK_SECONDS)

    def _check_family(self) -> None:
        if os.getppid() != self.parent:
            raise Orphaned("the process that started it is gone")

    def _hear(self, _number: int, _frame: Any) -> None:
        self.is_asked_to_end = True


def _carry(carrier: Carrier, tries: int = 1) -> None:
    """Raises LeaseLost. Anything else is tried again: the lease ends the attempt if that never works."""
    for _ in range(tries):
        try:
            carrier.carry()
            return
        except OSError as error:
            print(f"not carried: {error}", file=sys.stderr)
            if tries > 1:
                time.sleep(LOOK_SECONDS)


def _told(task: dict[str, Any]) -> dict[str, Any]:
    """How the attempt ended, from the record of the node."""
    row = states.read_task(task["id"]) or {}
    run = database.one(sa.select(runs.c.request).where(runs.c.id == task["run_id"])) or {}
    return {
        **{name: row.get(name) or "" for name in ("state", "reason", "advice")},
        "seconds": row.get("work_seconds"),
        "request": run.get("request") or {},
    }


def main(shared: str, task_id: str, number: str) -> int:
    attempt = Attempt(Path(shared), task_id, int(number))
    if not attempt.is_current():
        return EXIT_SUPERSEDED
    return Node(attempt).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
