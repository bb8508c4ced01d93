"""What a trained amplitude network can be asked for: prediction of a real song, or sound of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.base import Made, Monitor, Reference, TrainingSong
from musicgen.audio.resampling import resample
from musicgen.audio.waveform import PCM16_PEAK, Waveform
from musicgen.codecs.amplitude import AmplitudeCodec, Samples
from musicgen.codecs.windows import SequenceExamples, WindowExamples, lay_end_to_end
from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation.floors import persistence_mse
from musicgen.networks.amplitude import AmplitudeStepper, SampleGuess
from musicgen.networks.backend import compiled
from musicgen.networks.bundle import Networks
from musicgen.sampling.waveforms import free_run, predict_windows

SILENT_DB = -60.0


def predicted(
    networks: Networks,
    codec: AmplitudeCodec,
    training: Any,
    generation: Any,
    song: TrainingSong | None,
    seeds: Sequence[int],
    monitor: Monitor,
) -> Iterator[Made]:
    """One-step prediction of a song's training or held-out part. Nothing is left to chance: all seeds give the same."""
    if song is None:
        raise InvalidInput(sentence("Mode predict follows a real song", "no song", "Choose one as the prompt."))
    source = song.clip.waveform()
    span = training.cut.spans(_length_at(source, codec.sample_rate), codec.sample_rate)[
        generation.segment == "held_out"
    ]
    first, last = (round(sample * source.sample_rate / codec.sample_rate) for sample in (span.start, span.stop))
    stretch = source.between(first, last)
    values = codec.encode(stretch)
    if values.shape[1] <= training.reach:
        raise InvalidInput(
            sentence(
                f"The {generation.segment.replace('_', '-')} part of a song has more than {training.reach} samples",
                f"{values.shape[1]} samples of “{song.name}”",
                "Choose a longer song or the other part.",
            ),
            code="too_short",
        )
    began = time.monotonic()
    guesses = _predict_channels(networks, codec, training, values, monitor)
    seconds = time.monotonic() - began
    target = values[:, training.reach :]
    content, offset = _at_source_rate(codec.decode(guesses), stretch, training.reach)
    facts = {
        "mode": "predict",
        "segment": generation.segment,
        "steps": int(guesses.shape[1]),
        "steps_per_second": round(guesses.size / max(seconds, 1e-9), 1),
        "mse": _mean_square(guesses - target) * codec.squared_steps,
        "persistence_mse": persistence_mse(target, values[:, training.reach - 1 : -1]) * codec.squared_steps,
        "negative_share": float((guesses < 0).mean()),
        "clipped_share": float((np.abs(guesses) > codec.scale).mean()),
    }
    start = (first + offset) / source.sample_rate
    reference = Reference(song.id, start, start + content.seconds)
    for seed in seeds:
        yield Made(content, seed, facts, reference)


def free(
    networks: Networks,
    codec: AmplitudeCodec,
    training: Any,
    generation: Any,
    song: TrainingSong | None,
    seeds: Sequence[int],
    monitor: Monitor,
) -> Iterator[Made]:
    """Free-running sound, all seeds at once: each has its own noise and, unless it was given, its own prompt."""
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    starts = [_prompt_start(song, generation, seed) for seed in seeds]
    prompts = _prompts(codec, song, starts, generation.prompt_seconds)
    noise = np.stack([_noise(seed, codec.n_channels, n_samples) for seed in seeds]) * np.float32(generation.temperature)
    progress = _combined(monitor, "generating", codec.n_channels, n_samples)
    began = time.monotonic()

    def run(number: int, name: str) -> Samples:
        spread = float(networks.state.get("error", {}).get(name, 0.0)) * codec.scale
        stepper = _stepper(networks, name, codec, training, number, spread)
        return free_run(
            stepper,
            prompts[:, number],
            noise[:, number],
            spread_floor=generation.temperature * codec.scale / PCM16_PEAK,
            limit=codec.scale,
            progress=progress(number),
        )

    values = np.stack(_each_channel(networks, run), axis=1)  # (seeds, channels, n_samples)
    seconds = time.monotonic() - began
    for seed, start, made in zip(seeds, starts, values, strict=True):
        content = codec.decode(made)
        facts = {
            "mode": "free",
            "steps": n_samples,
            "steps_per_second": round(values.size / max(seconds, 1e-9), 1),
            "prompt_seconds": round(prompts.shape[2] / codec.sample_rate, 6),
            "prompt_start_seconds": round(start, 6) if song is not None else None,
            **_fate(content, codec),
        }
        yield Made(content, seed, facts, _continuation(song, start, generation, content))


def _predict_channels(
    networks: Networks, codec: AmplitudeCodec, training: Any, values: Samples, monitor: Monitor
) -> Samples:
    """Guesses for every sample that has a full past, shape (n_channels, n_samples - reach)."""
    progress = _combined(monitor, "predicting", codec.n_channels, values.shape[1] - training.reach)

    def run(number: int, name: str) -> Samples:
        series, base, bounds = lay_end_to_end([values[number]], codec.linear[number])
        guess = SampleGuess(codec.residual[number], training.has_spread)
        model = networks.models[name]

        if training.recurrence == "song":
            return _along_the_song(model, guess, training, (series, base, bounds), progress(number))
        starts = np.arange(series.size - training.reach)
        windows = WindowExamples(
            series, base, starts, training.reach, training.look_back, training.recurrence == "look_back"
        )

        def gather(index: NDArray[np.int64]) -> tuple[Samples, Samples]:
            arrays = windows.gather(index, None)
            return arrays["inputs"], arrays["base"]

        run_model = compiled(lambda inputs, base: guess.read(model(inputs), base[:, 0])[0], model)
        return predict_windows(run_model, gather, starts.size, progress=progress(number))

    return np.stack(_each_channel(networks, run))


def _along_the_song(
    model: Any,
    guess: SampleGuess,
    training: Any,
    laid: tuple[Samples, Samples, NDArray[np.int64]],
    progress: Callable[[int], None],
) -> Samples:
    """A network with a memory hears the stretch in overlapping runs; of each, the guesses after the warm-up count."""
    runs = SequenceExamples(*laid, training.reach, training.sequence_length, training.warm_up, training.look_back)

    def gather(index: NDArray[np.int64]) -> tuple[Samples, Samples]:
        arrays = runs.gather(index, None)
        return arrays["inputs"], arrays["base"]

    n_guesses = laid[0].size - training.reach
    run_model = compiled(lambda inputs, base: guess.read(model(inputs), base)[0], model)
    guesses = predict_windows(
        run_model,
        gather,
        runs.n_examples,
        per_call=64,
        progress=lambda done: progress(min(done * runs.stride, n_guesses)),
    )
    whole = np.concatenate([guesses[0, : runs.warm_up], guesses[:, runs.warm_up :].reshape(-1)])
    return whole[:n_guesses]


def _stepper(
    networks: Networks, name: str, codec: AmplitudeCodec, training: Any, number: int, spread: float
) -> AmplitudeStepper:
    return AmplitudeStepper(
        networks.models[name],
        SampleGuess(codec.residual[number], training.has_spread),
        recurrence=training.recurrence,
        look_back=training.look_back,
        linear=codec.linear[number],
        spread=spread,
    )


def _each_channel(networks: Networks, run: Callable[[int, str], Samples]) -> list[Samples]:
    """Every channel's network on a core of its own."""
    with ThreadPoolExecutor(networks.count) as side_by_side:
        jobs = [side_by_side.submit(run, number, name) for number, name in enumerate(networks.models)]
        return [job.result() for job in jobs]


def _combined(monitor: Monitor, phase: str, n_channels: int, total: int) -> Callable[[int], Callable[[int], None]]:
    """Progress of all channels as one; called from their threads."""
    done = [0] * n_channels

    def of(number: int) -> Callable[[int], None]:
        def report(count: int) -> None:
            done[number] = count
            monitor.progress(phase, sum(done), total * n_channels)

        return report

    return of


def _length_at(waveform: Waveform, sample_rate: int) -> int:
    return round(waveform.n_samples * sample_rate / waveform.sample_rate)


def _at_source_rate(content: Waveform, stretch: Waveform, reach: int) -> tuple[Waveform, int]:
    """The guesses at the song's own sample rate, and how many of its samples lie before the first guess."""
    if content.sample_rate == stretch.sample_rate:
        return content, reach
    offset = -(-reach * stretch.sample_rate // content.sample_rate)
    resampled = resample(content, stretch.sample_rate)
    return resampled.between(0, stretch.n_samples - offset), offset


def _prompt_start(song: TrainingSong | None, generation: Any, seed: int) -> float:
    if song is None:
        return 0.0
    latest = max(0.0, song.clip.seconds - generation.prompt_seconds)
    if generation.start_seconds is not None:
        return min(float(generation.start_seconds), latest)
    return float(np.random.default_rng([seed, 1]).uniform(0.0, latest))


def _prompts(codec: AmplitudeCodec, song: TrainingSong | None, starts: Sequence[float], seconds: float) -> Samples:
    """What each output hears first, (seeds, n_channels, n); nothing without a song."""
    if song is None or not seconds:
        return np.zeros((len(starts), codec.n_channels, 0), dtype=np.float32)
    pieces = [codec.encode(song.clip.waveform(start, start + seconds)) for start in starts]
    shortest = min(piece.shape[1] for piece in pieces)
    return (
        np.stack([piece[:, -shortest:] for piece in pieces])
        if shortest
        else np.zeros((len(starts), codec.n_channels, 0), np.float32)
    )


def _noise(seed: int, n_channels: int, n_samples: int) -> Samples:
    return np.random.default_rng([seed, 2]).standard_normal((n_channels, n_samples), dtype=np.float32)


def _continuation(song: TrainingSong | None, start: float, generation: Any, content: Waveform) -> Reference | None:
    """What the song itself does after the prompt, where it goes on for as long."""
    if song is None:
        return None
    begin = start + generation.prompt_seconds
    stop = min(begin + content.seconds, song.clip.seconds)
    return Reference(song.id, begin, stop) if stop > begin else None


def _fate(content: Waveform, codec: AmplitudeCodec) -> dict[str, Any]:
    """How loud it is against the training music, and whether it died or hit full scale."""
    samples = content.samples.astype(np.float64)
    level = 20 * np.log10(max(float(np.sqrt((samples**2).mean())), 1e-6))
    wanted = 20 * np.log10(max(float(np.sqrt(np.mean(np.square(codec.level)))), 1e-6))
    step = max(1, content.sample_rate // 20)
    frames = samples[:, : content.n_samples // step * step].reshape(content.n_channels, -1, step)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=(0, 2))) > 10 ** ((wanted + SILENT_DB) / 20))
    silent_after = 0.0 if not loud.size else (int(loud[-1]) + 1) * step / content.sample_rate
    return {
        "level_db": round(float(level), 2),
        "level_of_songs_db": round(float(wanted), 2),
        "clipped_share": float((np.abs(samples) >= 1.0).mean()),
        "fell_silent_at_seconds": round(silent_after, 3) if silent_after < content.seconds - 0.25 else None,
    }


def _mean_square(values: NDArray[np.floating]) -> float:
    return float((values.astype(np.float64) ** 2).mean())
