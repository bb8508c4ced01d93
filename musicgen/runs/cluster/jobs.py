"""Jobs of the cluster, by way of a child process: this one never loads Ray. What a run does is never asked here; only
whether a job that never began still waits."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Protocol

from musicgen.errors import InvalidInput, MusicgenError, ResourceUnavailable, sentence
from musicgen.processes import ChildError, run_child
from musicgen.runs.cluster.configured import Cluster, check_ray
from musicgen.runs.cluster.places import Attempt, publish_program

ANSWER_SECONDS = 60.0
WAITING = ("PENDING", "RUNNING")


class Jobs(Protocol):
    """What starts processes on other machines."""

    def submit(self, attempt: Attempt, name: str) -> None:
        """Start the process of this attempt when there is room for it. Does nothing if that was asked before.

        Raises MusicgenError or OSError."""

    def why_gone(self, name: str) -> str | None:
        """None if the job waits or runs; else why it does not."""

    def stop(self, name: str) -> None:
        """Best effort."""


class RayJobs:
    """Jobs of a Ray cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def submit(self, attempt: Attempt, name: str) -> None:
        program = publish_program(self.cluster.folder)
        needs = {"cpus": self.cluster.cpus, "gpus": self.cluster.gpus}
        self._ask({"do": "submit", "name": name, "entrypoint": command(self.cluster.python, program, attempt), **needs})

    def why_gone(self, name: str) -> str | None:
        told = self._ask({"do": "ask", "name": name})
        return None if told["status"] in WAITING else str(told["message"] or told["status"])

    def stop(self, name: str) -> None:
        self._ask({"do": "stop", "name": name})

    def nodes(self) -> str:
        """What the cluster has, in words. Raises MusicgenError."""
        return str(self._ask({"do": "describe"})["words"])

    def _ask(self, payload: dict[str, Any]) -> Any:
        check_ray()
        environment = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.cluster.token_file),
        }
        try:
            return run_child(
                "musicgen.runs.cluster.ray_jobs",
                {**payload, "address": self.cluster.address},
                seconds=ANSWER_SECONDS,
                environment=environment,
            )
        except (ResourceUnavailable, ChildError) as error:
            raise no_answer(self.cluster.address, _first_line(error)) from error


def command(python: str, program: Path, attempt: Attempt) -> str:
    """What a node runs, as text for its shell."""
    words = [python, "-m", "musicgen.runs.cluster.node", str(attempt.shared), attempt.task_id, str(attempt.number)]
    return f"cd {shlex.quote(str(program))} && exec {shlex.join(words)}"


def no_answer(address: str, received: str) -> MusicgenError:
    """The error for a cluster that cannot be asked."""
    remedy = "Start the cluster, or correct MUSICGEN_CLUSTER_ADDRESS or the token. Training here works as always."
    return InvalidInput(sentence(f"The cluster at {address} must answer", received, remedy), code="no_cluster")


def _first_line(error: Exception) -> str:
    """The sentence of one of our errors; of another one's traceback, the line that names the error."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0] if isinstance(error, MusicgenError) else lines[-1] if lines else type(error).__name__)[
        :300
    ].rstrip(".")
