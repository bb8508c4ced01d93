"""A trained amplitude network for each channel, and all of them at work at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from musicgen.approaches.base import Monitor
from musicgen.codecs.amplitude import AmplitudeCodec
from musicgen.codecs.windows import Samples
from musicgen.networks.bundle import Networks
from musicgen.sampling.pace import Pace

Report = Callable[[int], None]


@dataclass(frozen=True)
class Trained:
    """What a run of amplitude_lstm left. `training`: its parameters."""

    networks: Networks
    codec: AmplitudeCodec
    training: Any

    def each_channel(self, work: Callable[[int, str], Samples]) -> list[Samples]:
        """work(channel number, network name) of every channel, each on a core of its own."""
        with ThreadPoolExecutor(self.networks.count) as side_by_side:
            jobs = [side_by_side.submit(work, number, name) for number, name in enumerate(self.networks.models)]
            return [job.result() for job in jobs]


def progress_of_channels(
    monitor: Monitor, pace: Pace, phase: str, n_channels: int, total: int, done_before: int = 0, total_of_all: int = 0
) -> Callable[[int], Report]:
    """number → what that channel reports its progress to; called from the channels' threads.

    Args:
        total: steps of each channel. done_before, total_of_all: where this is one of several parts.
    """
    done = [0] * n_channels

    def of(number: int) -> Report:
        def report(count: int) -> None:
            done[number] = min(count, total)
            pace.note(done_before + sum(done))
            monitor.progress(phase, done_before + sum(done), total_of_all or total * n_channels)

        return report

    return of
