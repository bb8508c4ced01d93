"""The reading child with a decoder that does what the file tells it to: for test_songs_reader.py."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from musicgen.errors import RejectedFile
from musicgen.processes import child_main, send_line
from musicgen.songs import reading


def decode(path: Path, *rest: Any) -> dict[str, Any]:
    folder: Path = rest[-1]
    (folder / "facts.json").write_text("{}")
    order = path.read_bytes().split()[-1].decode()
    if order == "crash":
        ctypes.string_at(0)
    elif order == "abort":
        os.abort()
    elif order == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "leave":
        os._exit(0)
    elif order == "hang":
        time.sleep(600)
    elif order == "slow":  # longer than the limit for a short file, but sound keeps coming
        for index in range(1, 9):
            send_line({"seconds": index * 10.0})
            time.sleep(0.35)
    elif order == "costly":
        send_line({"cost": [7140.0, 1_260_000_000]})
        send_line({"seconds": 30.0})
    elif order == "memory":
        _ = [bytearray(1 << 24) for _ in range(1024)]
    elif order == "bug":
        raise ZeroDivisionError("of ours")
    elif order == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    elif order == "refuse":
        raise RejectedFile("no notes", code="no_notes")
    found = {"format": "midi", "medium": "midi", "seconds": 1.0, "facts": {"medium": "midi"}}
    return found | {"kept": {"seconds": 1.0}, "dropped": {}, "warnings": []}


def decode_in_steps(*arguments: Any) -> Generator[None, None, dict[str, Any]]:
    yield
    return decode(*arguments)


reading._read_midi = decode_in_steps
reading._read_audio = decode_in_steps

if __name__ == "__main__":
    child_main(reading.read)
