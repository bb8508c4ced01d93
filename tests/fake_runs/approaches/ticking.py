"""An approach for tests of the machinery: an epoch is a few short naps, the weights are a function of (seed, epoch).

Its parameters say when something terrible shall happen."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.audio.waveform import Waveform
from musicgen.contract.approach import Approach
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.monitor import EpochRow, Monitor
from musicgen.contract.parameters import Parameters, Preset, TrainingParameters, parameter
from musicgen.contract.prepared import Cost, Prepared, TrainingSong
from musicgen.contract.searching import Between, choices
from musicgen.errors import InvalidInput, TrainingFailed


class TickingTraining(TrainingParameters):
    epochs: int = parameter(4, title="Epochs", help="How many.", ge=1, le=10_000)
    steps: int = parameter(5, title="Steps", help="In an epoch.", ge=1)
    epoch_ms: float = parameter(50.0, title="Nap", help="How long an epoch takes.", ge=0)
    prepare_ms: float = parameter(0.0, title="Nap", help="How long preparing takes.", ge=0)
    width: int = parameter(16, title="Width", help="Weights.", ge=1)
    lift: float = parameter(0.0, title="Lift", help="Added to the validation loss.", ge=0, le=1, search=Between(0, 1))
    shade: str = parameter("light", title="Shade", help="dark adds to the loss.", search=choices("light", "dark"))
    best: int = parameter(3, title="Best", help="The epoch with the lowest validation loss.", ge=1)
    nan_loss_at: int = parameter(0, title="NaN", help="Epoch with a loss that is not finite.")
    nan_weights_at: int = parameter(0, title="NaN", help="Epoch after which weights are not finite.")
    segv_at: int = parameter(0, title="Crash", help="Epoch that crashes.")
    bug_at: int = parameter(0, title="Bug", help="Epoch that raises a ZeroDivisionError.")
    oom_at: int = parameter(0, title="Memory", help="Epoch that runs out of memory.")
    hang_at: int = parameter(0, title="Hang", help="Epoch that never ends.")
    stop_at: int = parameter(0, title="Stop", help="Epoch after which the approach stops by itself.")
    piece_fails_after: int = parameter(-1, title="Fails", help="Epochs after which pieces cannot be made.", ge=-1)
    lucky: bool = parameter(False, title="Lucky", help="Learns from generators that others use too.")
    slow_piece_ms: float = parameter(0.0, title="Nap", help="How much longer a piece takes.", ge=0)
    unlearnable: bool = parameter(False, title="No", help="Nothing can be learned.")
    refuses: str = parameter("", title="Refuses", help="The name of songs that cannot be read.")


class TickingGeneration(Parameters):
    seconds: float = parameter(0.5, title="Seconds", help="How long a piece is.", gt=0)
    piece_ms: float = parameter(20.0, title="Nap", help="How long a piece takes.", ge=0)


class TickingCodec:
    def __init__(self, gain: float) -> None:
        self.gain = gain

    def to_json(self) -> dict[str, Any]:
        return {"gain": self.gain}


class Vector:
    def __init__(self, width: int, seed: int) -> None:
        self.values = np.random.default_rng(seed).normal(size=width)

    def get_weights(self) -> list[Any]:
        return [self.values]


class TickingNetworks:
    def __init__(self, width: int, seed: int) -> None:
        self.models = {"vector": Vector(width, seed)}
        self.epoch = 0

    @property
    def parameters(self) -> list[int]:
        return [self.models["vector"].values.size]

    @property
    def values(self) -> Any:
        return self.models["vector"].values

    def save(self, folder: Path, with_optimizer: bool = True) -> None:
        np.save(folder / "weights.npy", self.values)

    def load(self, folder: Path) -> None:
        self.models["vector"].values = np.load(folder / "weights.npy", allow_pickle=False)


class Ticking(Approach):
    key = "ticking"
    title = "Ticking"
    summary = "Learns nothing, in a known time."
    reference = "none"
    medium = "audio"
    Training = TickingTraining
    Generation = TickingGeneration
    presets = {"short": Preset("Two epochs", {"epochs": 2}, {"seconds": 0.25})}  # noqa: RUF012
    tiny = Preset("", {"epochs": 1})
    short = {"seconds": 0.25}  # noqa: RUF012

    def prepare(self, songs: Sequence[TrainingSong], training: TickingTraining, *, seed: int = 0) -> Prepared:
        if training.unlearnable:
            raise InvalidInput("Nothing can be learned here: 0 windows of 1.")
        if training.refuses and any(song.name == training.refuses for song in songs):
            raise InvalidInput(f"“{training.refuses}” is refused here.", code="no_melody")
        time.sleep(training.prepare_ms / 1000)
        facts = {"inputs_shape": [len(songs), 1], "targets_shape": [len(songs)], "n_windows": 7, "n_songs": len(songs)}
        return Prepared(TickingCodec(0.5), None, None, facts, {"silence": 1.5}, ("It is only a test.",))

    def cost(self, prepared: Prepared, training: TickingTraining) -> Cost:
        return Cost(1, training.width, 1e6 * training.epoch_ms, 600_000_000)

    def build(self, codec: Any, training: TickingTraining, *, seed: int = 0) -> Any:
        return TickingNetworks(training.width, seed)

    def fit(
        self,
        networks: Any,
        prepared: Prepared,
        training: TickingTraining,
        *,
        seed: int,
        monitor: Monitor,
        first_epoch: int = 1,
    ) -> None:
        for epoch in range(first_epoch, training.epochs + 1):
            began = time.monotonic()
            for step in range(training.steps):
                time.sleep(training.epoch_ms / training.steps / 1000)
                self._misbehave(training, epoch, step, networks)
                monitor.progress("training", step + 1, training.steps, loss=1.0 / epoch)
            noise = np.random.default_rng((seed, epoch)).normal(size=training.width) + self._luck(training)
            networks.models["vector"].values = 0.9 * networks.values + noise
            if epoch == training.nan_weights_at:
                networks.models["vector"].values = networks.values * np.nan
            validation = 1.0 + abs(epoch - training.best) + training.lift + 0.3 * (training.shade == "dark")
            networks.epoch = epoch
            row = EpochRow(epoch, 1.0 / epoch, validation, time.monotonic() - began, 0.001, {"accuracy": 0.5})
            monitor.epoch_ended(row, networks.save)
            if epoch == training.stop_at:
                return

    def _luck(self, training: TickingTraining) -> float:
        """From the generators that all libraries share."""
        return random.random() + float(np.random.random()) if training.lucky else 0.0

    def _misbehave(self, training: TickingTraining, epoch: int, step: int, networks: Any) -> None:
        if step != training.steps // 2:
            return
        if epoch == training.segv_at:
            os.kill(os.getpid(), signal.SIGSEGV)
        if epoch == training.bug_at:
            _ = 1 // 0
        if epoch == training.oom_at:
            raise MemoryError
        if epoch == training.nan_loss_at:
            networks.models["vector"].values = networks.values * np.nan
            raise TrainingFailed("The loss stays finite. Received: nan.", advice="Lower learning_rate.")
        if epoch == training.hang_at:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            time.sleep(10_000)

    def generate(
        self,
        networks: Any,
        codec: TickingCodec,
        training: TickingTraining,
        order: Order[TickingGeneration],
    ) -> Iterator[Made]:
        generation, prompt, seeds, monitor = order.generation, order.prompt, order.seeds, order.monitor
        if 0 <= training.piece_fails_after < networks.epoch:
            raise ZeroDivisionError("a piece that fails")
        random.seed(1)  # a careless approach
        np.random.seed(1)
        for number, seed in enumerate(seeds):
            rng = np.random.default_rng((seed, int(abs(networks.values).sum() * 1000)))
            noise = codec.gain * rng.uniform(-1, 1, size=(1, int(8000 * generation.seconds)))
            samples = noise.astype(np.float32)
            for tenth in range(1, 11):
                time.sleep((generation.piece_ms + training.slow_piece_ms) / 10_000)
                monitor.progress("generating", number, len(seeds))
                there = Waveform(samples[:, : samples.shape[1] * tenth // 10], 8000)
                monitor.so_far(lambda there=there: there, there.n_samples, samples.shape[1])
            reference = Reference(prompt.id, 0.0, generation.seconds) if prompt else None
            yield Made(Waveform(samples, 8000), seed, {"steps": samples.size}, reference)

    def codec_from_json(self, document: dict[str, Any]) -> TickingCodec:
        return TickingCodec(float(document["gain"]))
