"""A trained amplitude network for each channel, all running at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from musicgen.approaches.amplitude_lstm.codec import AmplitudeCodec
from musicgen.approaches.amplitude_lstm.parameters import Training
from musicgen.approaches.amplitude_lstm.windows import Samples
from musicgen.audio.waveform import Waveform
from musicgen.contract.monitor import Monitor
from musicgen.contract.networks import TrainableNetworks
from musicgen.sampling.pace import Pace

Report = Callable[[Samples], None]  # called with the samples so far, (batch, n)


@dataclass(frozen=True)
class Trained:
    """The result of a run of amplitude_lstm. `training`: its parameters."""

    networks: TrainableNetworks
    codec: AmplitudeCodec
    training: Training

    def each_channel(self, work: Callable[[int, str], Samples]) -> list[Samples]:
        """work(channel number, network name) of every channel, each in its own thread."""
        with ThreadPoolExecutor(self.networks.count) as side_by_side:
            jobs = [side_by_side.submit(work, number, name) for number, name in enumerate(self.networks.models)]
            return [job.result() for job in jobs]


def progress_of_channels(
    monitor: Monitor,
    pace: Pace,
    phase: str,
    n_channels: int,
    total: int,
    done_before: int = 0,
    total_of_all: int = 0,
    *,
    decode: Callable[[Samples], Waveform],
) -> Callable[[int], Report]:
    """channel number → the function that it reports its progress to; called from the channels' threads.

    Args:
        total: steps of each channel. done_before, total_of_all: if this is one of several parts.
        decode: the first piece, or its beginning, from its samples (n_channels, n).
    """
    there = [np.zeros((1, 0), dtype=np.float32)] * n_channels

    def of(number: int) -> Report:
        def report(made: Samples) -> None:
            there[number] = made[:, :total]
            done = [each.shape[1] for each in there]
            if any(done):
                pace.note(done_before + sum(done))
            monitor.progress(phase, done_before + sum(done), total_of_all or total * n_channels)
            if number == 0 and (n := min(done)):  # one thread reports for all
                whole = [each[0, :n] for each in there]
                monitor.so_far(lambda: decode(np.stack(whole)), n, total)

        return report

    return of
