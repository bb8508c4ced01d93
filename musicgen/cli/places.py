"""`--on local|cluster`: where a training is done."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from musicgen.runs.cluster.configured import CLUSTER


class Place(StrEnum):
    LOCAL = "local"
    CLUSTER = "cluster"


On = Annotated[Place, typer.Option("--on", help="Train on this machine, or on the cluster of the settings.")]


def place_of(on: Place, device: str) -> str:
    """The device of a training for `--on` and `--device`."""
    if on is Place.LOCAL:
        return device
    if device != "auto":
        raise typer.BadParameter("On the cluster, MUSICGEN_CLUSTER_GPUS says what a run gets.", param_hint="--device")
    return CLUSTER
