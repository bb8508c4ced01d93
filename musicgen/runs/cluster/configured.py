"""Whether trainings can be given to a cluster, and what is missing if not. Light: Ray is looked for, never imported."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from musicgen.errors import InvalidInput, MusicgenError, sentence
from musicgen.settings import settings

CLUSTER = "cluster"  # as the device of a task: somewhere on the cluster
LOCAL = "local"  # on this machine
NOT_CONFIGURED = "Set MUSICGEN_CLUSTER_ADDRESS, MUSICGEN_CLUSTER_FOLDER and MUSICGEN_CLUSTER_TOKEN_FILE."


@dataclass(frozen=True)
class Cluster:
    """What the settings say, checked. `cpus`, `gpus`: that Ray reserves for each run."""

    address: str
    folder: Path
    token_file: Path
    python: str
    cpus: float
    gpus: int

    @property
    def device(self) -> str:
        """The device of a worker on a node: Ray shows it only the GPUs that it reserved."""
        return "cpu" if not self.gpus else "gpu:0" if self.gpus == 1 else "gpu:all"


def is_configured() -> bool:
    """Whether somebody means to use a cluster; `configured` tells whether everything is there."""
    return bool(settings().cluster_address)


def configured() -> Cluster:
    """The cluster. Raises InvalidInput with a sentence that says what is missing."""
    known = settings()
    if not known.cluster_address:
        raise _missing("Training on a cluster needs its address", "none", NOT_CONFIGURED)
    return Cluster(
        _address(known.cluster_address),
        _folder(known.cluster_folder),
        _token(known.cluster_token_file),
        known.cluster_python,
        known.cluster_cpus,
        known.cluster_gpus,
    )


def problem() -> str:
    """Why nothing can be given to the cluster, in a sentence; "" if all is there. Whether it answers is not asked."""
    try:
        configured()
        check_ray()
    except MusicgenError as error:
        return str(error)
    return ""


def check_ray() -> None:
    """Raises InvalidInput if Ray is not installed here."""
    if importlib.util.find_spec("ray") is None:
        rule, remedy = "Training on a cluster needs Ray on this machine too", "pip install -r requirements-cluster.txt"
        raise _missing(rule, "no package ray", remedy)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        rule = "MUSICGEN_CLUSTER_ADDRESS must be the address of Ray's dashboard, such as http://10.0.0.5:8265"
        raise _missing(rule, repr(text))
    return text.rstrip("/")


def _folder(path: Path | None) -> Path:
    rule = "MUSICGEN_CLUSTER_FOLDER must be a folder that this machine and all nodes share, under the same full path"
    if path is None or not path.is_absolute():
        raise _missing(rule, "none" if path is None else repr(str(path)))
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        raise _missing(rule, f"{path}, which is no folder that can be written to")
    return path


def _token(path: Path | None) -> Path:
    rule = "MUSICGEN_CLUSTER_TOKEN_FILE must be the file with the token of the cluster, readable by its owner only"
    path = None if path is None else path.expanduser()
    if path is None or not path.is_file():
        raise _missing(rule, "none" if path is None else f"{path}, which does not exist")
    if path.stat().st_mode & 0o077:
        raise _missing(rule, f"{path}, which others can read", f"Correct it with: chmod 600 {path}")
    return path.absolute()


def _missing(rule: str, received: str, remedy: str = "") -> InvalidInput:
    return InvalidInput(sentence(rule, received, remedy), code="cluster")
