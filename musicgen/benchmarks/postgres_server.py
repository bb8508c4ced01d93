"""A PostgreSQL server of our own in a temporary folder, for measurements and tests. It ends with its starter.

Debian's programs are used as they are installed. A server refuses to run as root, so root starts it as another user.
Local programs come in without a password by its socket, and with one by 127.0.0.1.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from musicgen.errors import ResourceUnavailable, sentence

USER, PASSWORD = "musicgen", "a secret of the test"
START_SECONDS = 60.0
# Nothing of it has to survive. Enough connections for a hundred workers and the pages.
SETTINGS = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "32MB",
    "max_connections": "250", "max_wal_size": "256MB", "log_min_messages": "fatal", "autovacuum": "off",
}  # fmt: skip
SYNCED = {"fsync": "on", "synchronous_commit": "on"}
PR_SET_PDEATHSIG = 1


def programs() -> Path | None:
    """The folder of the newest installed server's programs; None if there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


class Server:
    """A server that can be stopped and started again; `url` gives the address of a database on it."""

    def __init__(self, folder: Path, bin_folder: Path, **changes: str) -> None:
        self.folder, self.bin, self.port = folder, bin_folder, _free_port()
        self._settings = SETTINGS | changes
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Its files. Names are sorted as a person of some language would, as on most servers."""
        shutil.chown(self.folder, **_owner())
        (self.folder / "password").write_text(PASSWORD)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={USER}", "--auth-local=trust"]
        options += ["--auth-host=scram-sha-256", f"--pwfile={self.folder / 'password'}"]
        if float(self.bin.parent.name if self.bin.parent.name.isdecimal() else 0) >= 15:
            options += ["--locale-provider=icu", "--icu-locale=en-US"]
        command = [str(self.bin / "initdb"), *options, str(self.folder / "data")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **_as_owner())
        if done.returncode:
            raise ResourceUnavailable(sentence("A PostgreSQL server needs its files", done.stderr.strip()[-300:]))

    def start(self) -> None:
        """Returns when it answers. It ends with the thread that calls this: call it from the main one."""
        given = self._settings | {"port": str(self.port), "listen_addresses": "127.0.0.1"}
        given |= {"unix_socket_directories": str(self.folder)}
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.folder / "data"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_end_with_parent,
                start_new_session=True,
                **_as_owner(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                told = (self.folder / "log").read_text(errors="replace")[-300:]
                raise ResourceUnavailable(sentence("A PostgreSQL server must start", told))
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it and all its connections at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def url(self, database: str, *, password: str | None = None) -> str:
        """By the socket; with a password, by 127.0.0.1."""
        if password is None:
            return f"postgresql://{USER}@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        command = [str(self.bin / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port), "-t", "1"]
        return subprocess.run(command, check=False).returncode == 0


@contextmanager
def serving(**changes: str) -> Iterator[Server]:
    """A started server; `changes`: to SETTINGS. Raises ResourceUnavailable if there is none on this machine."""
    bin_folder = programs()
    if bin_folder is None:
        remedy = "sudo apt-get install postgresql"
        raise ResourceUnavailable(sentence("The PostgreSQL server must be installed", "no initdb", remedy))
    folder = Path(tempfile.mkdtemp(prefix="musicgen-postgres-", dir="/tmp"))  # short: the path of its socket
    server = Server(folder, bin_folder, **changes)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> dict[str, Any]:
    """Whose files they are."""
    if os.geteuid() != 0:
        return {"user": os.geteuid(), "group": os.getegid()}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid}
    raise ResourceUnavailable(sentence("A PostgreSQL server needs a user that is not root", "none"))


def _as_owner() -> dict[str, Any]:
    """For Popen."""
    return {**_owner(), "extra_groups": []} if os.geteuid() == 0 else {}


def _end_with_parent() -> None:
    with suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
