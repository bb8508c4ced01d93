"""Sound from a network over frames: sampled choices, one step after another; then magnitudes, then phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.spectral_lstm.frame_network import FrameStepper
from musicgen.approaches.spectral_lstm.frames import FrameCodec
from musicgen.approaches.spectral_lstm.parameters import Generation, Training
from musicgen.approaches.spectral_lstm.phase import magnitudes_to_samples
from musicgen.approaches.spectral_lstm.seeds import LOUDEST, SeedPlace, fate, frame_places, loudness_gain
from musicgen.audio.waveform import Waveform
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import Monitor
from musicgen.sampling.pace import Pace
from musicgen.sampling.rules import Rules, uniforms
from musicgen.sampling.token_sampler import hear, sample

Ids = NDArray[np.int32]
ROUGH_ITERATIONS = 2  # of the phases of a draft


def frame_pieces(
    model: Any,
    codec: FrameCodec,
    training: Training,
    order: Order[Generation],
) -> Iterator[Made]:
    """One piece for each seed. Their choices are sampled together; then each is turned into sound."""
    generation, seeds, monitor = order.generation, order.seeds, order.monitor
    length = codec.sequence_length * generation.seed_len
    n_new = generation.steps or max(1, round(generation.seconds * codec.steps_per_second))
    places = frame_places(codec, length, training, order)
    heard = np.stack([_heard(place, codec, length) for place in places])
    work = _Work(codec, generation, monitor, list(seeds), places, heard, n_new)
    made, pace = work.choose(FrameStepper(model, codec, training.num_layers))
    for number in range(len(seeds)):
        yield work.piece(number, made[number], pace)


@dataclass(frozen=True)
class _Work:
    """The pieces to make: their seeds, the places of their prompts, the choices of the prompts, shape (n_pieces,
    length, codebooks), and how many choices to sample."""

    codec: FrameCodec
    generation: Generation
    monitor: Monitor
    seeds: list[int]
    places: Sequence[SeedPlace | None]
    heard: Ids
    n_new: int

    def choose(self, stepper: FrameStepper) -> tuple[Ids, dict[str, float]]:
        """(n_pieces, n_new, codebooks), and the speed."""
        pace, generation = Pace(), self.generation

        def progress(done: int) -> None:
            pace.note(done)
            self._tell(done * len(self.seeds))

        progress(0)
        begin = stepper.start(len(self.seeds))
        if self.heard.shape[1]:
            begin = hear(stepper, begin, self.heard)
        rules = Rules(generation.temperature, generation.top_k, generation.top_p)
        noise = uniforms(self.seeds, self.n_new, stepper.num_fields)
        made = sample(stepper, begin, noise, rules, progress=progress, so_far=self._so_far)
        return made, pace.facts(len(self.seeds))

    def piece(self, number: int, chosen: Ids, pace: Mapping[str, float]) -> Made:
        """The sound of one piece, and its facts."""
        began, iterations = time.monotonic(), self.generation.phase_iterations
        content, gain = self._sound(number, chosen, iterations, lambda: self._tell(self._chosen + self._phases(number)))
        took = self.n_new / pace["steps_per_second"] + time.monotonic() - began  # choices of this piece, and phases
        seconds, keeps = self.heard.shape[1] / self.codec.steps_per_second, self.generation.keep_seed
        place = self.places[number]
        facts = {
            **pace,
            "steps": self.n_new,
            "steps_per_second": round(self.n_new / took, 1),
            "seeded_seconds": round(seconds, 6) if keeps else 0.0,
            "heard_seconds": round(seconds, 6),
            "distinct_sounds": len(np.unique(chosen[:, 0])),
            **(place.facts if place else {"seed_song": None}),
            **fate(content, self.codec.level, gain),
        }
        beside = place.beside(0.0 if keeps else seconds, content.seconds) if place else None
        return Made(content, self.seeds[number], facts, beside)

    @property
    def _chosen(self) -> int:
        """All choices of all pieces."""
        return self.n_new * len(self.seeds)

    def _phases(self, n_pieces: int) -> int:
        """Their phases take about as long as this many choices."""
        return (self.n_new * self.generation.phase_iterations // 8) * n_pieces

    def _tell(self, done: int) -> None:
        self.monitor.progress("generating", done, self._chosen + self._phases(len(self.seeds)))

    def _so_far(self, made: Ids) -> None:
        rough = min(self.generation.phase_iterations, ROUGH_ITERATIONS)
        self.monitor.so_far(lambda: self._sound(0, made[0], rough)[0], made.shape[1], self.n_new)

    def _sound(
        self, number: int, chosen: Ids, iterations: int, progress: Callable[[], None] = lambda: None
    ) -> tuple[Waveform, float]:
        """(sound of a piece, the gain that keeps it from clipping)."""
        ids = np.concatenate([self.heard[number], chosen]) if self.generation.keep_seed else chosen
        samples = magnitudes_to_samples(
            self.codec.to_magnitudes(self.codec.to_steps(ids)),
            hop_length=self.codec.hop_length,
            iterations=iterations,
            rng=np.random.default_rng([self.seeds[number], 5]),
            progress=progress,
        )
        peak = float(np.abs(samples).max(initial=0.0))
        gain = loudness_gain(samples, self.generation.normalise_peak or peak > LOUDEST)
        return Waveform(np.clip(samples * np.float32(gain), -1.0, 1.0), self.codec.sample_rate), gain


def _heard(place: SeedPlace | None, codec: FrameCodec, length: int) -> Ids:
    """The choices of the prompt, (length, codebooks); none without a song."""
    if place is None:
        return np.zeros((0, len(codec.codebooks)), dtype=np.int32)
    n_frames = length * codec.frames_per_step
    samples = place.sound.read(place.first, place.first + codec.count_samples(n_frames))
    return codec.quantise(codec.steps_from(codec.log_frames(samples))[:: codec.frames_per_step])
