"""What a worker works with: the task, its run, and the files to write to. Only worker processes import this."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import ResourceUnavailable
from musicgen.runs import states
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.compiled_programs import open_programs
from musicgen.runs.control import Control
from musicgen.runs.folders import CHECKPOINTS, run_folder
from musicgen.runs.progress import ProgressFile
from musicgen.runs.runlog import RunLog

if TYPE_CHECKING:
    from musicgen.contract.networks import TrainableNetworks


@dataclass(frozen=True)
class Job:
    """`task` and `run` are rows of the record; `device` was chosen by the supervisor; `folder` is the task's."""

    task: Mapping[str, Any]
    run: Mapping[str, Any]
    folder: Path
    control: Control
    progress: ProgressFile
    log: RunLog

    @property
    def device(self) -> str:
        return str(self.task["device"])

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(run_folder(self.run["id"]) / CHECKPOINTS)

    def notice(self, text: str) -> None:
        """Tell the user something while the work goes on."""
        self.log.line(f"warning: {text}")
        with suppress(ResourceUnavailable):  # busy or full for the moment, but the log has it
            states.advise(self.task["id"], self.control.fence, text)


def open_device(job: Job) -> None:
    """Load the framework and set up the device. Takes seconds, so a cancel may interrupt it."""
    job.progress.write(phase="loading the network library", device=job.device)
    open_programs(job.device)
    with job.control.interruptible():
        from musicgen.networks import backend

        backend.use_device(job.device)


def are_finite(networks: TrainableNetworks) -> bool:
    """Whether every weight of every network is a finite number."""
    import numpy as np

    return all(
        bool(np.isfinite(np.asarray(weights)).all())
        for model in networks.models.values()
        for weights in model.get_weights()
    )
