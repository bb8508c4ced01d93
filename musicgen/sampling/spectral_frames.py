"""Sound from a network over frames: choices by chance, one step after the other; then magnitudes, then phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.base import Made, Monitor, TrainingSong
from musicgen.audio.waveform import Waveform
from musicgen.codecs.spectral_frames import FrameCodec
from musicgen.codecs.spectral_phase import magnitudes_to_samples
from musicgen.networks.spectral_frames import FrameStepper
from musicgen.sampling.decoding import Rules, uniforms
from musicgen.sampling.pace import Pace
from musicgen.sampling.spectral_seeds import LOUDEST, Place, fate, frame_places, loudness_gain
from musicgen.sampling.tokens import hear, sample

Ids = NDArray[np.int32]
ROUGH_ITERATIONS = 2  # of the phases of a draft


def frame_pieces(
    model: Any,
    codec: FrameCodec,
    training: Any,
    generation: Any,
    songs: Sequence[TrainingSong],
    seeds: Sequence[int],
    monitor: Monitor,
) -> Iterator[Made]:
    """One piece for each seed; the choices of all of them are made together, the sound of each after the other."""
    length = codec.sequence_length * generation.seed_len
    n_new = generation.steps or max(1, round(generation.seconds * codec.steps_per_second))
    places = frame_places(songs, codec, length, training, generation, seeds)
    heard = np.stack([_heard(place, codec, length) for place in places])
    pace, total = Pace(), (n_new + n_new * generation.phase_iterations // 8) * len(seeds)

    def progress(done: int) -> None:
        pace.note(done)
        monitor.progress("generating", done * len(seeds), total)

    progress(0)
    stepper = FrameStepper(model, codec, training.num_layers)
    begin = stepper.start(len(seeds))
    if heard.shape[1]:
        begin = hear(stepper, begin, heard)
    rules = Rules(generation.temperature, generation.top_k, generation.top_p)
    noise = uniforms(seeds, n_new, stepper.num_fields)

    def kept(number: int, chosen: Ids) -> Ids:
        return np.concatenate([heard[number], chosen]) if generation.keep_seed else chosen

    def so_far(made: Ids) -> None:
        rough = min(generation.phase_iterations, ROUGH_ITERATIONS)
        monitor.so_far(
            lambda: _sound(codec, kept(0, made[0]), generation, seeds[0], iterations=rough)[0], made.shape[1], n_new
        )

    made = sample(stepper, begin, noise, rules, progress=progress, so_far=so_far)
    chosen = pace.facts(len(seeds))
    for number, (seed, place) in enumerate(zip(seeds, places, strict=True)):

        def sounding(number: int = number) -> None:
            left = (total - n_new * len(seeds)) * number // len(seeds)
            monitor.progress("generating", n_new * len(seeds) + left, total)

        began = time.monotonic()
        ids = kept(number, made[number])
        content, gain = _sound(codec, ids, generation, seed, iterations=generation.phase_iterations, progress=sounding)
        took = n_new / chosen["steps_per_second"] + time.monotonic() - began  # choices of this piece, and phases
        seconds = heard.shape[1] / codec.steps_per_second
        facts = {
            **chosen,
            "steps": n_new,
            "steps_per_second": round(n_new / took, 1),
            "seeded_seconds": round(seconds, 6) if generation.keep_seed else 0.0,
            "heard_seconds": round(seconds, 6),
            "distinct_sounds": len(np.unique(made[number][:, 0])),
            **(place.facts if place else {"seed_song": None}),
            **fate(content, codec.level, gain),
        }
        behind = 0.0 if generation.keep_seed else seconds
        yield Made(content, seed, facts, place.beside(behind, content.seconds) if place else None)


def _heard(place: Place | None, codec: FrameCodec, length: int) -> Ids:
    """The choices of a stretch of a song, (length, codebooks); none without a song."""
    if place is None:
        return np.zeros((0, len(codec.codebooks)), dtype=np.int32)
    n_frames = length * codec.frames_per_step
    samples = place.sound.read(place.first, place.first + codec.count_samples(n_frames))
    return codec.quantise(codec.steps_from(codec.log_frames(samples))[:: codec.frames_per_step])


def _sound(
    codec: FrameCodec,
    ids: Ids,
    generation: Any,
    seed: int,
    *,
    iterations: int,
    progress: Callable[[], None] = lambda: None,
) -> tuple[Waveform, float]:
    """(sound of these choices, what it was multiplied with so that it is not clipped)."""
    magnitudes = codec.to_magnitudes(codec.to_steps(ids))
    samples = magnitudes_to_samples(
        magnitudes,
        hop_length=codec.hop_length,
        iterations=iterations,
        rng=np.random.default_rng([seed, 5]),
        progress=progress,
    )
    peak = float(np.abs(samples).max(initial=0.0))
    gain = loudness_gain(samples, generation.normalise_peak or peak > LOUDEST)
    return Waveform(np.clip(samples * np.float32(gain), -1.0, 1.0), codec.sample_rate), gain
