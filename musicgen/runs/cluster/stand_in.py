"""Here: the process that stands for a training on the cluster. `python -m musicgen.runs.cluster.stand_in TASK_ID FENCE`

To the supervisor it is the worker of the task: it holds the lock and the fence, and hears SIGTERM. It gives the task to
the cluster, follows it in the shared folder, brings the results into the run's folder here, and gives it away again if
the node is lost. If it is killed, the training goes on, and the next one takes up where it was.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.errors import DamagedFile, MusicgenError
from musicgen.runs import outputs, states, worker
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.cluster.carrying import Carrier
from musicgen.runs.cluster.configured import Cluster, configured
from musicgen.runs.cluster.giving import needed_files, order_of
from musicgen.runs.cluster.jobs import Jobs, RayJobs
from musicgen.runs.cluster.leases import TAKEOVER_SECONDS, Watch
from musicgen.runs.cluster.places import Attempt, current_number, grant, new_attempt, tidy
from musicgen.runs.control import Control
from musicgen.runs.folders import CHECKPOINTS, CLUSTER_ATTEMPTS, LOG, PROGRESS
from musicgen.runs.following import generate_after
from musicgen.runs.progress import ProgressFile, elapsed_seconds
from musicgen.runs.runlog import RunLog
from musicgen.runs.songs_of_runs import change_request
from musicgen.runs.worker import EXIT_RESUMABLE, Outcome
from musicgen.storage import database
from musicgen.storage.database import runs
from musicgen.storage.files import read_json, write_json

LOOK_SECONDS = 0.25
SECONDS_BETWEEN_FOLDS = 0.5
CANCEL_PATIENCE = 10.0  # seconds for a node to save what it has after a cancel
ASK_AFTER, ASK_AT_MOST = 15.0, 120.0  # seconds without a sign of a job, after which the cluster is asked; then doubled
SUBMIT_AGAIN_FOR = 600.0  # how long a task of a lost node waits for a cluster that does not answer
MAX_FRUITLESS = 5  # attempts in a row without a new checkpoint
RESULTS = (states.PAUSED, states.SUCCEEDED, states.FAILED, states.CANCELLED)
FRUITLESS = "It was lost {} times in a row before the next weights were saved. {}"
FRUITLESS_ADVICE = "See that MUSICGEN_CLUSTER_PYTHON has this program's packages on all nodes, then resume it."


class StandIn:
    """One period of work on a task. `clock`: steady seconds."""

    def __init__(
        self,
        task: Mapping[str, Any],
        folder: Path,
        control: Control,
        cluster: Cluster,
        jobs: Jobs,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task, self.folder, self.control, self.cluster, self.jobs = task, folder, control, cluster, jobs
        self.clock = clock
        self.log = RunLog(folder / LOG)
        self.kept = Checkpoints(folder / CHECKPOINTS)
        self.advice = self.why_lost = ""

    def run(self) -> Outcome:
        attempt, fruitless = self._present() or self._give(), 0
        while True:
            outcome, was_fruitful = self._follow(attempt)
            if outcome is not None:
                self.clear_away(attempt)
                return outcome
            fruitless = 0 if was_fruitful else fruitless + 1
            if fruitless >= MAX_FRUITLESS:
                self.clear_away(attempt)
                return Outcome(states.FAILED, FRUITLESS.format(fruitless, self.why_lost), FRUITLESS_ADVICE)
            attempt = self._give()

    def _present(self) -> Attempt | None:
        """The attempt that an earlier process gave away for this same place in the queue."""
        shared, task_id = self.cluster.folder, self.task["id"]
        number = current_number(shared, task_id)
        attempt = Attempt(shared, task_id, number)
        if not number or attempt.order().get("sequence") != self.task["sequence"]:
            return None
        self.log.line(f"Still on the cluster, as attempt {number}.")
        return attempt

    def _give(self) -> Attempt:
        """A new attempt, which goes on from what is here."""
        attempt = new_attempt(self.cluster.folder, self.task["id"], after=self._last_number())
        write_json(self.folder / CLUSTER_ATTEMPTS, {"number": attempt.number})
        complete = [each.epoch for each in self.kept.all() if each.is_complete]
        start = f", from epoch {max(complete)}" if complete else ""
        self.log.line(f"Given to the cluster at {self.cluster.address} as attempt {attempt.number}{start}.")
        self._show("sending the songs to the cluster")
        grant(attempt, order_of(self.task, attempt, self.cluster.device))
        return attempt

    def _last_number(self) -> int:
        try:
            found = read_json(self.folder / CLUSTER_ATTEMPTS, {})
        except (DamagedFile, OSError):
            return 0
        number = found.get("number") if isinstance(found, dict) else None
        return number if isinstance(number, int) else 0

    def _follow(self, attempt: Attempt) -> tuple[Outcome | None, bool]:
        """(how the task ended, or None if the node was lost; whether it saved new weights)."""
        following = Following(self, attempt)
        while (outcome := following.look()) is None and not following.is_lost:
            time.sleep(LOOK_SECONDS)
        return outcome, following.was_fruitful

    def _show(self, phase: str) -> None:
        before = elapsed_seconds(self.folder / PROGRESS) or 0.0
        # A clock that stands still: waiting is no work.
        progress = ProgressFile(self.folder / PROGRESS, clock=lambda: 0.0, elapsed_seconds=before)
        progress.write(phase=phase, device="the cluster", seconds_left=None)

    def clear_away(self, attempt: Attempt) -> None:
        attempt.revoke()
        attempt.forget()
        tidy(attempt.shared, lambda: needed_files(attempt.shared))


class Following:
    """One attempt, seen from here."""

    def __init__(self, owner: StandIn, attempt: Attempt) -> None:
        self.owner, self.attempt, self.clock = owner, attempt, owner.clock
        self.watch = Watch(attempt, clock=owner.clock)
        self.carrier = Carrier(attempt.folder, owner.folder)
        self.name = f"{owner.task['run_id']}-{attempt.number}"
        self.is_lost = self.was_fruitful = False
        self.wish = ""
        self._began = self._asked_at = self.clock()
        self._folded_at, self._ask_after = -1e9, ASK_AFTER
        self._wished_at = self._waited_at = 0.0
        self._asking: Asked | None = None
        self._is_submitted = False
        if not (attempt.lease() or attempt.outcome()):
            self._ask(lambda: owner.jobs.submit(attempt, self.name))

    def look(self) -> Outcome | None:
        """The outcome, once there is one. `is_lost` afterwards: the node is gone, and the fence raised."""
        self._pass_wishes_on()
        self.watch.look()
        told = self.attempt.outcome()
        if told.get("state") in RESULTS:
            return self._bring_home(told)
        if self.watch.has_begun and self.clock() - self._folded_at >= SECONDS_BETWEEN_FOLDS:
            self._folded_at = self.clock()
            self._fold()
        return self._give_up_what_is_wished() or self._look_for_loss()

    def _pass_wishes_on(self) -> None:
        wish = self.owner.control.wish()
        if wish != states.CANCEL and self.owner.control.is_stopped:
            raise SystemExit(EXIT_RESUMABLE)  # this machine is being shut down; the cluster goes on
        if wish != self.wish:
            self.wish, self._wished_at = wish, self.clock()
            self.attempt.express(wish)

    def _give_up_what_is_wished(self) -> Outcome | None:
        """A cancel that no node answers, or a wish for what has not begun anywhere."""
        if not self.wish or (self.watch.has_begun and self.wish == states.PAUSE):
            return None
        patience = CANCEL_PATIENCE if self.watch.has_begun else 0.0
        if self.clock() - self._wished_at < patience:
            return None
        self.attempt.revoke()
        self._stop_job()
        return Outcome(states.CANCELLED if self.wish == states.CANCEL else states.PAUSED)

    def _look_for_loss(self) -> Outcome | None:
        if self.watch.has_begun:
            if self.watch.silent_seconds > TAKEOVER_SECONDS:
                self._lose(f"The node {self.watch.last.get('node', '')} has not answered for {TAKEOVER_SECONDS:g} s.")
            return None
        if self.clock() - self._waited_at >= 1.0:
            self._waited_at = self.clock()
            self.owner._show("waiting for room on the cluster")
        return self._look_at_job()

    def _look_at_job(self) -> Outcome | None:
        """Until a node has begun: was the job taken, and does it still wait?"""
        if self._asking is not None:
            if self._asking.is_alive():
                return None
            answer, self._asking = self._asking, None
            if answer.error is not None and not self._is_submitted:
                return self._not_submitted(answer.error)
            if self._is_submitted and answer.error is None and answer.value is not None:
                self._lose(f"The job {self.name} ended before the training began: {answer.value}")
            self._is_submitted = self._is_submitted or answer.error is None
        elif not self._is_submitted:
            self._ask(lambda: self.owner.jobs.submit(self.attempt, self.name))
        elif self.clock() - self._asked_at > self._ask_after:
            self._ask_after = min(2 * self._ask_after, ASK_AT_MOST)
            self._ask(lambda: self.owner.jobs.why_gone(self.name))
        return None

    def _not_submitted(self, error: BaseException) -> Outcome | None:
        """The first attempt fails at once; what a lost node has begun waits for the cluster."""
        if isinstance(error, (MusicgenError, OSError)):
            if self.attempt.number > 1 and self.clock() - self._began < SUBMIT_AGAIN_FOR:
                time.sleep(LOOK_SECONDS)
                return None
            self.owner.clear_away(self.attempt)
        raise error

    def _ask(self, question: Callable[[], Any]) -> None:
        self._asked_at = self.clock()
        self._asking = Asked(question)
        self._asking.start()

    def _lose(self, why: str) -> None:
        self.attempt.revoke()
        self._fold()
        self.is_lost = True
        self.owner.why_lost = why
        self.owner.log.line(why)
        self._stop_job()

    def _stop_job(self) -> None:
        """So that Ray does not hold its place. Not waited for: the fence has stopped it already."""
        Asked(lambda: self.owner.jobs.stop(self.name)).start()

    def _fold(self) -> bool:
        """Bring what is new into the run's folder. False if the shared folder cannot be read at the moment."""
        try:
            is_new = self.carrier.carry()
        except OSError as error:
            print(f"not brought home: {error}", file=sys.stderr)
            return False
        if is_new:
            self.was_fruitful = True
            self.owner.kept.prune(lambda: outputs.pinned_checkpoints(self.owner.task["run_id"]))
        self._advise(str(self.watch.last.get("advice") or ""))
        return True

    def _advise(self, advice: str) -> None:
        if advice != self.owner.advice:
            self.owner.advice = advice
            states.advise(self.owner.task["id"], self.owner.control.fence, advice)

    def _bring_home(self, told: Mapping[str, Any]) -> Outcome | None:
        if not self._fold():
            return None  # looked at again
        run_id, owner = self.owner.task["run_id"], self.owner
        row = database.one(sa.select(runs.c.request).where(runs.c.id == run_id)) or {}
        request = dict(row.get("request") or {})
        theirs = told.get("request") or {}
        changed = {name: theirs[name] for name in ("songs", "left_out") if name in theirs}
        if changed and {**request, **changed} != request:
            request |= changed
            change_request(run_id, request, task_id=owner.task["id"], fence=owner.control.fence)
        advice = str(told.get("advice") or "")
        if told["state"] == states.SUCCEEDED:
            try:
                generate_after(run_id, request)
            except MusicgenError as error:  # the training itself is done
                advice = f"The pieces after the training could not be ordered. {error}"
        return Outcome(str(told["state"]), str(told.get("reason") or ""), advice, seconds=told.get("seconds"))


class Asked(threading.Thread):
    """A question to the cluster, which may take a minute, in a thread of its own."""

    def __init__(self, question: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._question = question
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self._question()
        except Exception as error:  # given to the thread that asked
            self.error = error


def stand_in(task: Mapping[str, Any], folder: Path, control: Control, cluster: Cluster, jobs: Jobs) -> Outcome:
    """Stand for the task until it has ended. Raises SystemExit if this process has to end before."""
    try:
        outcome = StandIn(task, folder, control, cluster, jobs).run()
        return outcome if outcome.seconds is not None else replace(outcome, seconds=elapsed_seconds(folder / PROGRESS))
    # As in a worker: whatever happens becomes a state that a person can read.
    except Exception as error:
        return worker.judge(error, task["kind"])


def work(task: dict[str, Any], folder: Path, control: Control) -> Outcome:
    """`stand_in` with the cluster of the settings."""
    try:
        cluster = configured()
    except MusicgenError as error:
        return worker.judge(error, task["kind"])
    return stand_in(task, folder, control, cluster, RayJobs(cluster))


if __name__ == "__main__":
    # It does not give way as workers do: it computes nothing, and is late if it waits.
    sys.exit(worker.main(*sys.argv[1:3], work=work))
