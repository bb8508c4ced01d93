"""A process that is kept ready: `python -m musicgen.runs.spare DEVICE`, started by the supervisor.

It loads the network library and waits for a task on its standard input; meanwhile it rehearses the training that is
expected, if it is told to. Then it is the worker of its task like any other: same lock, fence, log, niceness and exit
code. After a generation that succeeded it stays, with the networks loaded, for further generations of the same run.
Without a task it ends as soon as its supervisor does.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.errors import MusicgenError
from musicgen.machine import give_way
from musicgen.runs import states, worker
from musicgen.runs.compiled_programs import open_programs
from musicgen.runs.expecting import expected_training
from musicgen.runs.launching import open_console
from musicgen.runs.memory import peak_memory_bytes
from musicgen.runs.preload import preload
from musicgen.runs.warm_protocol import Lines, OddMessage, to_line
from musicgen.settings import settings

EXIT_ODD = 77
MAX_TASKS = 50  # compiled programs are never freed, so a process does not stay for ever
MAX_BYTES = 4_000_000_000
GRACE_SECONDS = 60.0  # the supervisor ends it before, if it can


def main(device: str) -> int:
    """Serve tasks until there are no more; returns the exit code of the last one."""
    lines, sink = _take_streams()
    open_programs(device)
    preload(device)
    _send(sink, {"ready": os.getpid()})
    for number in range(1, MAX_TASKS + 1):
        order = lines.next(settings().warm_minutes * 60 + GRACE_SECONDS)
        while order is not None and "rehearse" in order:
            _rehearse(device, lines)
            if not _send(sink, {"rehearsed": order["rehearse"]}):
                return worker.EXIT_DONE
            order = lines.next(settings().warm_minutes * 60 + GRACE_SECONDS)
        if order is None:
            return worker.EXIT_DONE
        exit_code = _work(order)
        if exit_code != worker.EXIT_DONE or number == MAX_TASKS or not _may_rest(str(order["task"])):
            return exit_code
        _rest()
        if not _send(sink, {"resting": order["task"]}):
            return exit_code
    return worker.EXIT_DONE


def _rehearse(device: str, lines: Lines) -> None:
    """Never raises: what is wrong with a training is said when it is ordered."""
    expected = expected_training()
    if expected is None:
        return
    from musicgen.runs.rehearsing import rehearse

    # A boundary: approaches and libraries may raise anything.
    with suppress(Exception):
        rehearse(expected[0], device, lambda: not lines.has_next())
    gc.collect()  # its networks


def _take_streams() -> tuple[Lines, int]:
    """Keep both pipes for messages, where no child inherits them and nothing that is printed can reach them."""
    source, sink = os.dup(0), os.dup(1)
    _redirect(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return Lines(source), sink


def _send(sink: int, message: dict[str, Any]) -> bool:
    """False if the supervisor is gone."""
    try:
        os.write(sink, to_line(message))
    except OSError:
        return False
    return True


def _work(order: dict[str, Any]) -> int:
    try:
        task_id, fence, console = str(order["task"]), str(order["fence"]), Path(order["console"])
    except (KeyError, TypeError) as error:
        raise OddMessage(f"an order without {error}") from error
    _print_to(console)
    return worker.main(task_id, fence)


def _may_rest(task_id: str) -> bool:
    """After a generation that succeeded. After anything else, the process is as far from fresh as it may be."""
    try:
        task = states.read_task(task_id)
    except MusicgenError:
        return False
    is_done = task is not None and task["kind"] == "generate" and task["state"] == states.SUCCEEDED
    return is_done and (peak_memory_bytes() or 0) < MAX_BYTES


def _rest() -> None:
    """Nothing of the last task stays but its networks: no output file, no signal handler."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _print_to(Path(os.devnull))
    gc.collect()


def _print_to(path: Path) -> None:
    """As a worker that was started with this console; see launching."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open_console(path) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _redirect(descriptor: int, to: int) -> None:
    os.dup2(descriptor, to)
    os.close(descriptor)


if __name__ == "__main__":
    give_way(settings().niceness)
    multiprocessing.set_start_method("spawn")  # as workers do
    try:
        sys.exit(main(sys.argv[1]))
    except OddMessage as odd:
        print(f"odd: {odd}", file=sys.stderr)
        sys.exit(EXIT_ODD)
