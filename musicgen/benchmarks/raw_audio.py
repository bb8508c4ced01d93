"""Samples of raw sound a second: the compiled sampler with ring buffers against `predict` on the receptive field.

The network has typical published sizes: 30 blocks, 64 channels, 128 skip channels, 256 levels. Its weights are random:
its output does not matter here. The limit is that of this machine, measured in the same run: reading each weight once
per sample from the cache, or the arithmetic at the speed of a large matrix product, whichever is slower.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.benchmarks import Line, Skipped, paired, rate
from musicgen.errors import sentence
from musicgen.machine import usable_cores

SIZES = RawAudioSizes(levels=256, mixtures=0, residual=64, skip=128, kernel_size=2, dilation_depth=10, stacks=3)
SECONDS = 1.5  # duration of each round
NAIVE_SAMPLES = 10
MATRIX = 1024
UNIT = "samples/s"

Clock = Callable[[], float]


def _measure(name: str, count: int, n_cores: int) -> Line:
    """`count` outputs at once on `n_cores` cores (0: all), against predict on the same."""
    _keep_to(n_cores or usable_cores())
    ours, naive = _sampling(count), _predicting()
    rates = paired(partial(ours, time.perf_counter), naive)
    share = None
    if n_cores == 1:  # by processor time, so that other programs on the same core do not count
        used, limit = paired(partial(ours, time.process_time), _limit)
        share = used / limit
    return Line(name, *rates, baseline_name="predict on the receptive field", unit=UNIT, limit_share=share)


def _measure_eight(name: str) -> Line:
    eight, one = (partial(_sampling(count), time.perf_counter) for count in (8, 1))
    return Line(name, *paired(eight, one), baseline_name="one output, on the same cores", unit=UNIT)


def _keep_to(n_cores: int) -> None:
    """Keep this process, which measures one line, on this many cores."""
    if n_cores > usable_cores():
        raise Skipped(sentence(f"This line needs {n_cores} cores", usable_cores()))
    if n_cores < usable_cores():
        if not hasattr(os, "sched_setaffinity"):
            raise Skipped(sentence("Limiting a program to some cores needs Linux", os.name))
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_cores])


def _sampling(count: int) -> Callable[[Clock], float]:
    """Measures samples per second by the given clock, for `count` outputs together."""
    from musicgen.approaches.audio_wavenet.sampler import RawAudioSampler

    sampler, rng = RawAudioSampler(_model(), SIZES, count), np.random.default_rng(0)

    def work(n_samples: int) -> int:
        sampler.say(rng.random((count, n_samples), dtype=np.float32))
        return count * n_samples

    n_samples = max(1000, round(SECONDS * _rate(lambda: work(1000), time.perf_counter) / count))
    return lambda clock: _rate(lambda: work(n_samples), clock)


def _predicting() -> Callable[[], float]:
    """Measures samples per second if the whole network runs again for each sample, on its receptive field."""
    model, rng = _model(), np.random.default_rng(0)
    window = np.full((1, SIZES.receptive_field), SIZES.silence, dtype=np.int32)

    def work() -> int:
        for _ in range(NAIVE_SAMPLES):
            logits = np.asarray(model.predict(window, verbose=0))[0, -1].astype(np.float64)
            chances = np.exp(logits - logits.max())
            window[0] = np.append(window[0, 1:], rng.choice(SIZES.levels, p=chances / chances.sum()))
        return NAIVE_SAMPLES

    work()  # compiled once, outside the measurement
    return lambda: rate(work)


def _limit() -> float:
    """The most samples per second that one core of this machine allows."""
    return min(_bytes_per_second() / (4 * SIZES.multiplied), _flops_per_second() / (2 * SIZES.multiplied))


def _bytes_per_second() -> float:
    """Reads as many bytes as the weights have, again and again."""
    numbers = np.ones(SIZES.multiplied, dtype=np.float32)
    again = _reader()
    return _rate(lambda: int(again(numbers, 10_000) > 0) * 10_000 * numbers.nbytes, time.process_time)


@cache
def _reader() -> Callable[[Any, int], float]:
    from numba import njit

    def again(numbers, times):  # type: ignore[no-untyped-def]
        total = np.float32(0.0)
        for _ in range(times):
            for place in range(numbers.size):
                total += numbers[place]
            numbers[0] = total * np.float32(1e-9)  # or the compiler would read them only once
        return total

    compiled = njit(again, fastmath=True)
    compiled(np.ones(1, dtype=np.float32), 1)
    return compiled


def _flops_per_second() -> float:
    from threadpoolctl import threadpool_limits

    matrix = np.ones((MATRIX, MATRIX), dtype=np.float32)
    with threadpool_limits(1):
        return _rate(lambda: sum(2 * len(matrix @ matrix) ** 3 for _ in range(10)), time.process_time)


def _rate(work: Callable[[], int], clock: Clock) -> float:
    began = clock()
    return work() / (clock() - began)


@cache
def _model() -> Any:
    from musicgen.approaches.audio_wavenet.network import build_audio_wavenet

    return build_audio_wavenet(SIZES)


LINES = {
    "generation_audio_wavenet_1": partial(_measure, "generation_audio_wavenet_1", 1, 1),
    "generation_audio_wavenet_1_two_cores": partial(_measure, "generation_audio_wavenet_1_two_cores", 1, 2),
    "generation_audio_wavenet_16": partial(_measure, "generation_audio_wavenet_16", 16, 0),
    "generation_audio_wavenet_8_against_1": partial(_measure_eight, "generation_audio_wavenet_8_against_1"),
}
