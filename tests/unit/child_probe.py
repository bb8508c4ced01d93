"""A child for test_processes.py that behaves as its payload says."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from musicgen import errors
from musicgen.processes import child_main, send_line, set_limits


def behave(payload: dict[str, Any]) -> Any:
    return globals()[payload["do"]](payload)


def echo(payload: dict[str, Any]) -> Any:
    print("a library prints this")
    os.system("echo and its subprocess this")
    send_line({"progress": 1})
    send_line({"progress": 2})
    return payload["value"]


def surroundings(_payload: dict[str, Any]) -> Any:
    return {"environment": dict(os.environ), "folder": os.getcwd(), "session": os.getsid(0), "pid": os.getpid()}


def limits(_payload: dict[str, Any]) -> Any:
    import resource

    names = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_CORE")
    return {name: resource.getrlimit(getattr(resource, name))[0] for name in names}


def fail(payload: dict[str, Any]) -> Any:
    if payload["type"] == "TrainingFailed":
        raise errors.TrainingFailed(payload["message"], code="nan", advice="Lower the learning rate.")
    raise getattr(errors, payload["type"])(payload["message"])


class TooLong(errors.RejectedFile):
    pass


def fail_with_own_class(_payload: dict[str, Any]) -> Any:
    raise TooLong("too long", code="too_long")


def bug(_payload: dict[str, Any]) -> Any:
    return [][0]


def nan(_payload: dict[str, Any]) -> Any:
    return float("nan")


def crash(_payload: dict[str, Any]) -> Any:
    send_line({"progress": 1})
    ctypes.string_at(0)


def be_killed(_payload: dict[str, Any]) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(_payload: dict[str, Any]) -> Any:
    os._exit(0)


def half_a_line(_payload: dict[str, Any]) -> Any:
    from musicgen import child

    assert child._sink is not None
    child._sink.write(b'{"result": 4')
    child._sink.flush()
    os._exit(1)


def eat_memory(_payload: dict[str, Any]) -> Any:
    return len([bytearray(1 << 20) for _ in range(4096)])


def fill_disk(payload: dict[str, Any]) -> Any:
    try:
        with open(payload["path"], "wb") as file:
            for _ in range(64):
                file.write(bytes(1 << 20))
    except OSError as error:
        return error.errno
    return 0


def burn(payload: dict[str, Any]) -> Any:
    if payload.get("renew"):
        set_limits(cpu_seconds=payload["renew"])
    end = time.process_time() + payload["seconds"]
    while time.process_time() < end:
        pass
    return "done"


def hang(payload: dict[str, Any]) -> Any:
    """Hang together with a grandchild, after telling who we are."""
    nap = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(payload["path"]).write_text(f"{os.getpid()} {nap.pid}")
    send_line({"ready": True})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    time.sleep(600)


if __name__ == "__main__":
    child_main(behave)
