"""The states of a task and the changes between them: one conditional UPDATE each, so that two processes never both win.

    queued → starting → running → succeeded | failed | cancelled | paused
       ↑_________(machine restarted)____|        └── resume → queued

A worker identifies itself by its fence, a random word given at the start; once its fence is revoked, it can change
nothing. Knows no processes and no files.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from musicgen.storage import database
from musicgen.storage.database import studies, tasks
from musicgen.storage.reserve import at_last
from musicgen.storage.schema import next_number

QUEUED, STARTING, RUNNING = "queued", "starting", "running"
PAUSED, SUCCEEDED, FAILED, CANCELLED = "paused", "succeeded", "failed", "cancelled"
ACTIVE = (QUEUED, STARTING, RUNNING)
WITH_WORKER = (STARTING, RUNNING)
AT_REST = (PAUSED, SUCCEEDED, FAILED, CANCELLED)

CANCEL, PAUSE = "cancel", "pause"
STARTED_TOGETHER = 8  # as many can start at once for one device, such as on several cards with "auto"


def new_fence() -> str:
    return secrets.token_hex(8)


def claim(task_id: str, fence: str, device: str) -> bool:
    """queued → starting. From now on only the worker with this fence may write."""
    return _move(
        task_id,
        (QUEUED,),
        tasks.c.wish == "",
        state=STARTING,
        fence=fence,
        device=device,
        pid=None,
        started_at=database.now(),
        finished_at=None,
    )


def begin(task_id: str, fence: str, pid: int) -> bool:
    """starting → running, called by the worker itself. False if its fence was revoked."""
    return _move(task_id, (STARTING,), tasks.c.fence == fence, state=RUNNING, pid=pid)


def finish(
    task_id: str, fence: str, state: str, reason: str = "", advice: str = "", *, seconds: float | None = None
) -> bool:
    """starting or running → a state of rest, called by the worker or by the process that found it dead.

    `seconds`: of work on this task by a steady clock, including earlier periods; None if unknown."""
    moment = database.now()
    return _move(
        task_id,
        WITH_WORKER,
        tasks.c.fence == fence,
        state=state,
        reason=reason,
        advice=advice,
        wish="",
        fence="",
        pid=None,
        **_times(moment, seconds),
    )


def put_back(task_id: str, fence: str, request: dict[str, Any]) -> bool:
    """starting or running → queued, if the worker ended through no fault of its own. False if the user has cancelled
    it; a wish to pause is forgotten, because a task with a wish never starts."""
    return _move(
        task_id,
        WITH_WORKER,
        tasks.c.fence == fence,
        tasks.c.wish != CANCEL,
        state=QUEUED,
        wish="",
        fence="",
        pid=None,
        started_at=None,
        request=request,
    )


def refuse(task_id: str, reason: str, advice: str = "") -> bool:
    """queued → failed, for a task that can never start."""
    return _move(task_id, (QUEUED,), state=FAILED, reason=reason, advice=advice, finished_at=database.now())


def remark(task_id: str, fence: str, reason: str) -> bool:
    """Set the reason of a running task without changing its state."""
    return _move(task_id, (RUNNING,), tasks.c.fence == fence, reason=reason)


def advise(task_id: str, fence: str, advice: str) -> bool:
    """Show the user something that the running worker noticed."""
    return _move(task_id, WITH_WORKER, tasks.c.fence == fence, advice=advice)


def stop_waiting(task_id: str, state: str) -> bool:
    """A task without a worker → cancelled or paused."""
    return at_last(lambda: database.change(_stopping(state).where(tasks.c.id == task_id))) == 1


def stop_all_waiting(state: str) -> list[dict[str, Any]]:
    """All queued tasks → cancelled or paused, in one step; returns id, kind and run_id of each. Only trainings can be
    paused."""
    waiting = [tasks.c.state == QUEUED, *([tasks.c.kind == "train"] if state == PAUSED else [])]

    def stop() -> list[dict[str, Any]]:
        with database.engine().begin() as connection:
            wanted = sa.select(tasks.c.id, tasks.c.kind, tasks.c.run_id).where(*waiting)
            found = connection.execute(wanted.order_by(tasks.c.sequence, tasks.c.id)).mappings().all()
            connection.execute(_stopping(state).where(*waiting))
        return [dict(each) for each in found]

    return at_last(stop)


def _stopping(state: str) -> sa.Update:
    waiting = (QUEUED, PAUSED) if state == CANCELLED else (QUEUED,)
    # A paused task keeps the time at which its work ended.
    ended = sa.func.coalesce(tasks.c.finished_at, database.now())
    return sa.update(tasks).where(tasks.c.state.in_(waiting)).values(
        state=state, reason="", advice="", finished_at=ended
    )  # fmt: skip


def express(task_id: str, wish: str) -> bool:
    """Record a wish for the worker. A later wish to pause does not replace a wish to cancel."""
    return _move(task_id, WITH_WORKER, tasks.c.wish != CANCEL, wish=wish)


def queue_again(connection: sa.Connection, task_id: str, request: dict[str, Any]) -> bool:
    """A state of rest → the end of the queue, inside the caller's transaction."""
    statement = (
        sa.update(tasks)
        .where(tasks.c.id == task_id, tasks.c.state.in_(AT_REST))
        .values(state=QUEUED, wish="", reason="", advice="", fence="", pid=None, device=request["device"])
        .values(request=request, sequence=next_number("tasks"), started_at=None, finished_at=None)
    )
    return connection.execute(statement).rowcount == 1


def wish_for(task_id: str, fence: str) -> str | None:
    """The user's wish for this worker; None if the fence was revoked and the worker has to end."""
    row = database.one(sa.select(tasks.c.wish).where(tasks.c.id == task_id, tasks.c.fence == fence))
    return None if row is None else str(row["wish"])


def read_task(task_id: str) -> dict[str, Any] | None:
    return database.one(sa.select(tasks).where(tasks.c.id == task_id))


def active_tasks() -> list[dict[str, Any]]:
    """Queued and running tasks, in the order in which they were submitted."""
    return database.every(sa.select(tasks).where(tasks.c.state.in_(ACTIVE)).order_by(tasks.c.sequence, tasks.c.id))


def has_searches() -> bool:
    """Whether a search for good settings is going on, for which a process of its own proposes trials."""
    return database.one(sa.select(studies.c.id).where(studies.c.state == "searching").limit(1)) is not None


def tasks_at_work() -> list[dict[str, Any]]:
    """Those that have a worker, in the order in which they were submitted."""
    chosen = sa.select(tasks).where(tasks.c.state.in_(WITH_WORKER))
    return database.every(chosen.order_by(tasks.c.sequence, tasks.c.id))


def next_waiting() -> list[dict[str, Any]]:
    """The queued tasks that can be the next to start, in the order of the queue: the first few of each device and kind.
    Thousands may wait behind them, and this is asked several times a second."""
    place = sa.func.row_number().over(
        partition_by=(tasks.c.kind, tasks.c.device), order_by=(tasks.c.sequence, tasks.c.id)
    )
    waiting = sa.select(tasks.c.id, place.label("place")).where(tasks.c.state == QUEUED).subquery()
    chosen = sa.select(tasks).join(waiting, waiting.c.id == tasks.c.id).where(waiting.c.place <= STARTED_TOGETHER)
    return database.every(chosen.order_by(tasks.c.sequence, tasks.c.id))


def _times(moment: float, seconds: float | None) -> dict[str, Any]:
    """When a period of work ended and began, by the present wall clock. They differ by the duration of the work, even
    if the clock was set meanwhile."""
    if seconds is None:
        begun = sa.case((tasks.c.started_at > moment, moment), else_=tasks.c.started_at)
        return {"finished_at": moment, "started_at": begun}
    before = sa.func.coalesce(tasks.c.work_seconds, 0.0)
    stretch = sa.case((before < seconds, seconds - before), else_=0.0)
    return {"finished_at": moment, "started_at": moment - stretch, "work_seconds": seconds}


def _move(task_id: str, states: tuple[str, ...], *conditions: Any, **values: Any) -> bool:
    statement = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.state.in_(states), *conditions).values(**values)
    # These must also be written on a full disk: that the work has stopped, or is to stop.
    return at_last(lambda: database.change(statement)) == 1
