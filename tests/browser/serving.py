"""A real server on a free port, and its background processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Server:
    """A running app. `log` holds its output, which explains a failure."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def healthy(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def resident_mb(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 1e6


def start_server(home: Path, port: int | None = None) -> Server:
    """Start the app as `make run` does, on a free port, with its own storage."""
    port = port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home.parent / f"server-{port}.log"
    environment = {**os.environ, "MUSICGEN_HOME": str(home)}
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with open(log, "ab") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    server = Server(process, port, home, log)
    for _ in range(240):
        if server.healthy():
            return server
        if process.poll() is not None:
            break
        time.sleep(0.25)
    process.kill()
    pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")


def stop_everything_in(home: Path) -> None:
    """End the background processes (supervisor, workers) of this storage."""
    for process in psutil.process_iter(["environ"]):
        with contextlib.suppress(psutil.Error):
            if (process.info["environ"] or {}).get("MUSICGEN_HOME") == str(home) and process.pid != os.getpid():
                process.send_signal(signal.SIGKILL)
