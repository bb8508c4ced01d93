"""The devices for training. TensorFlow is asked once, in a child process, and only if there may be a GPU."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen.errors import MusicgenError, NotFound, sentence
from musicgen.machine import usable_cores
from musicgen.networks.replicas import ALL_GPUS
from musicgen.processes import ChildError, child_main, run_child
from musicgen.runs.cluster.configured import CLUSTER, check_ray, configured
from musicgen.runs.launching import framework_settings
from musicgen.runs.versions import backend_name, version_of
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

CPU = "cpu"
ASKING_SECONDS = 120.0
NODES = ("nvidia[0-9]*", "kfd", "dxg")  # below /dev: NVIDIA, AMD, WSL


@dataclass(frozen=True)
class Device:
    """`id`: cpu, gpu:0, gpu:1 … in the order of the framework; gpu:all is all of them together."""

    id: str
    label: str


def list_devices() -> list[Device]:
    """The CPU, then all GPUs together if there are several, then each GPU that the framework sees. Takes seconds the
    first time on a machine with GPUs."""
    cpu = Device(CPU, f"CPU, {usable_cores()} cores")
    if not _may_have_gpu():
        return [cpu]
    gpus = [Device(each["id"], each["label"]) for each in _known_gpus()]
    together = [Device(ALL_GPUS, f"All {len(gpus)} GPUs together")] if len(gpus) > 1 else []
    return [cpu, *together, *gpus]


def pick_device(wanted: str, busy: Collection[str], *, together: bool = True) -> str | None:
    """A free device that matches `wanted`; None if the task has to wait.

    `auto` is the GPU if there is one. Of several, it is all `together` if all are free, else a free one.
    Raises NotFound for a device that this machine does not have."""
    if wanted == CPU:
        return None if CPU in busy else CPU
    names = [device.id for device in list_devices()]
    if wanted == "auto":
        gpus = [name for name in names[1:] if together or name != ALL_GPUS]
        return next((name for name in gpus or [CPU] if _is_free(name, busy)), None)
    if wanted not in names:
        raise NotFound(
            sentence(f"The device must be one of auto, {', '.join(names)}", repr(wanted)), code="no_such_device"
        )
    return wanted if _is_free(wanted, busy) else None


def _is_free(device: str, busy: Collection[str]) -> bool:
    """All GPUs together are busy if one is, and each one is busy if all are."""
    if device == CPU:
        return CPU not in busy
    gpus = {name for name in busy if name != CPU}
    return not gpus if device == ALL_GPUS else not gpus & {device, ALL_GPUS}


def check_device(wanted: str) -> str:
    """`wanted` if it is `auto`, a device of this machine (else NotFound), or `cluster` and that is configured (else
    InvalidInput)."""
    if wanted == CLUSTER:
        configured()
        check_ray()
    else:
        pick_device(wanted, ())
    return wanted


def _may_have_gpu() -> bool:
    """A cheap check: without a device file, no framework sees a GPU."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return False
    if sys.platform == "darwin":
        return version_of("tensorflow-metal") is not None
    return bool(_nodes())


def _nodes() -> list[str]:
    return sorted(path.name for pattern in NODES for path in Path("/dev").glob(pattern))


def _known_gpus() -> list[dict[str, Any]]:
    backend = backend_name()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    key = {"backend": backend, "version": version_of(backend), "visible": visible, "nodes": _nodes()}
    path = home() / "devices.json"
    try:
        stored = read_json(path, {})
        if stored.get("key") == key:
            return list(stored["gpus"])
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        pass  # asked again below
    try:
        gpus = run_child("musicgen.runs.devices", {}, seconds=ASKING_SECONDS, environment=framework_settings("auto"))
    except (MusicgenError, ChildError):  # a broken driver must not prevent work on the CPU; asked again next time
        return []
    with suppress(OSError):  # a full disk: asked again next time
        write_json(path, {"key": key, "gpus": gpus})
    return list(gpus)


def _ask(_payload: dict[str, Any]) -> list[dict[str, str]]:
    """In the child: the GPUs that the framework sees."""
    if backend_name() == "jax":
        import jax

        return [
            {"id": f"gpu:{number}", "label": f"GPU {number}, {device.device_kind}"}
            for number, device in enumerate(device for device in jax.devices() if device.platform != "cpu")
        ]
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(device).get("device_name", "GPU") for device in found]
    return [{"id": f"gpu:{number}", "label": f"GPU {number}, {name}"} for number, name in enumerate(names)]


if __name__ == "__main__":
    child_main(_ask)
