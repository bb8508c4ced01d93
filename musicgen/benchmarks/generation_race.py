"""Notes and samples a second of every approach that generates step by step (except raw audio), for one output and
for sixteen at once.

Ours is all of `generate`, up to the score or the sound. The naive way keeps no state: for each step, the whole window
goes through `predict` again. It makes one output after the other, so its rate for sixteen is that for one. The work
around `predict` is not counted against it: one call for each field of an event, and the phases of sound.
Weights are random: the music does not matter here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.approaches import approach
from musicgen.audio.waveform import Waveform
from musicgen.benchmarks import Line, paired, rate
from musicgen.benchmarks.race_music import sounding, written
from musicgen.contract.made import Made, Order
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong

NAIVE_STEPS = 20
BASELINE = "predict on a sliding window, one output after the other"


@dataclass(frozen=True)
class GenerationCase:
    """What is generated.

    Attributes:
        preset: sizes, changed by `training`. one, sixteen: generation parameters for this many outputs, about a second
        of work.
        inputs: names of the arrays of a training example that are the network's inputs, if it does not name them.
        samples: of sound in one step of the network.
    """

    key: str
    preset: str
    one: Mapping[str, Any]
    sixteen: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("inputs",)
    samples: Callable[[Any], int] = lambda training: 1

    @property
    def is_sound(self) -> bool:
        return approach(self.key).medium == "audio"

    def songs(self, folder: Path) -> list[TrainingSong]:
        return sounding(folder, 2, 12.0, sample_rate=44_100) if self.is_sound else written(folder, 2)


WORDS = {"representation": "tokens", "threshold": 1, "validation": "random_windows"}
FREE = {"mode": "free", "prompt_seconds": 0.1}
CASES = {
    # The sizes of the best-known published systems: three layers of 256, a window of 100, one number per note.
    "note_lstm": GenerationCase(
        "note_lstm", "original", {"num_notes": 4000}, {"num_notes": 1000},
        {**WORDS, "units": 256, "num_layers": 3, "sequence_length": 100},
    ),
    "note_lstm_events": GenerationCase("note_lstm", "quick", {"num_notes": 4000}, {"num_notes": 500}),
    "note_wavenet": GenerationCase(
        "note_wavenet", "original", {"num_notes": 2000}, {"num_notes": 500}, {**WORDS, "instruments": "all"}
    ),
    "note_wavenet_events": GenerationCase("note_wavenet", "quick", {"num_notes": 4000}, {"num_notes": 500}),
    "jazz_lstm": GenerationCase(
        "jazz_lstm", "original", {"num_measures": 400}, {"num_measures": 100}, inputs=("inputs", "places")
    ),
    "spectral_lstm": GenerationCase(
        "spectral_lstm", "original", {"steps": 60}, {"steps": 30}, samples=lambda training: training.block_size
    ),
    "spectral_lstm_frames": GenerationCase(
        "spectral_lstm", "quick", {"seconds": 20.0, "phase_iterations": 0}, {"seconds": 5.0, "phase_iterations": 0},
        inputs=("heard", "known"), samples=lambda training: training.hop_length * training.frames_per_step,
    ),
    "amplitude_lstm": GenerationCase("amplitude_lstm", "original", {**FREE, "seconds": 0.5}, {**FREE, "seconds": 0.1}),
    "amplitude_lstm_frames": GenerationCase(
        "amplitude_lstm", "quick", {**FREE, "seconds": 10.0}, {**FREE, "seconds": 2.0}, inputs=("previous",),
        samples=lambda training: training.hop_length,
    ),
}  # fmt: skip


def _measure(name: str, case: GenerationCase, count: int) -> Line:
    """Notes or samples per second of `count` outputs together, for both sides."""
    kind = approach(case.key)
    training = read_parameters(kind.Training, {**kind.presets[case.preset].training, **case.training})
    with tempfile.TemporaryDirectory() as folder:
        songs = case.songs(Path(folder))
        prepared = kind.prepare(songs, training)
        networks = kind.build(prepared.codec, training)
        values = {**kind.presets[case.preset].generation, **(case.one if count == 1 else case.sixteen)}
        generation = read_parameters(kind.Generation, values)

        def ours() -> int:
            order = Order(generation, range(count), songs, songs[0] if case.is_sound else None)
            return sum(_amount(made) for made in kind.generate(networks, prepared.codec, training, order))

        network = next(iter(networks.models.values()))
        naive = partial(_predict, network, _window(case, prepared, network))
        ours(), naive()  # compiled once, not measured
        rates = paired(lambda: rate(ours), lambda: rate(naive) * case.samples(training))
    return Line(name, *rates, baseline_name=BASELINE, unit="samples/s" if case.is_sound else "notes/s")


def _amount(made: Made) -> int:
    """Number of samples of a sound, or notes of a score."""
    return made.content.n_samples if isinstance(made.content, Waveform) else int(made.facts["steps"])


def _window(case: GenerationCase, prepared: Any, network: Any) -> dict[str, Any]:
    """The network's inputs in one training example; of the first channel if each has its own network."""
    examples = prepared.training[0] if isinstance(prepared.training, (list, tuple)) else prepared.training
    arrays = examples.gather(np.arange(1), None)
    names = list(network.input) if isinstance(network.input, dict) else case.inputs
    return {name: arrays[name] for name in names}


def _predict(network: Any, window: dict[str, Any]) -> int:
    """Steps of the naive way: predict from the whole window, choose the likeliest, move on by one."""
    by_name = isinstance(network.input, dict)
    for _ in range(NAIVE_STEPS):
        given = window if by_name else list(window.values()) if len(window) > 1 else next(iter(window.values()))
        answer = network.predict(given, verbose=0)
        np.argmax((answer[-1] if isinstance(answer, list) else answer).reshape(-1))
        window = {name: np.roll(array, -1, axis=1) for name, array in window.items()}
    return NAIVE_STEPS


LINES: dict[str, Callable[[], Line]] = {
    f"generation_{what}_{count}": partial(_measure, f"generation_{what}_{count}", case, count)
    for what, case in CASES.items()
    for count in (1, 16)
}
