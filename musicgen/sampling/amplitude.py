"""What a trained amplitude network can be asked for: prediction of a real song, or sound of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.base import Made, Monitor, Reference, TrainingSong
from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.codecs.amplitude import AmplitudeCodec
from musicgen.codecs.windows import Samples, WindowExamples
from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation.floors import linear_predictor_mse, persistence_mse
from musicgen.networks.bank import BankStepper
from musicgen.networks.bundle import Networks
from musicgen.sampling.bank import choose_codes, frame_priors, guess_samples, play_codes
from musicgen.sampling.decoding import uniforms
from musicgen.sampling.pace import Pace
from musicgen.sampling.waveforms import free_run, predict_windows

SILENT_DB = -60.0  # below the level of the songs


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
    source, learned, stretch, first = _part(codec, training, generation, song)
    values = codec.encode(stretch)
    pace = Pace()
    progress = _combined(monitor, pace, "predicting", codec.n_channels, values.shape[1] - training.look_back)
    guesses = np.stack(
        _each_channel(
            networks, lambda number, name: _guess(networks, codec, training, name, number, values, progress(number))
        )
    )
    content, offset = _at_source_rate(codec.decode(guesses), stretch, training.look_back)
    start = (first + offset) / source.sample_rate
    target, before = values[:, training.look_back :], values[:, training.look_back - 1 : -1]
    facts = {
        "mode": "predict",
        "segment": generation.segment,
        "steps": int(guesses.shape[1]),
        **pace.facts(),
        "mse": _mean_square(guesses - target) * codec.steps_per_unit**2,
        "persistence_mse": persistence_mse(target, before) * codec.steps_per_unit**2,
        "linear_predictor_mse": _linear_mse(codec.encode(learned), values, training.look_back)
        * codec.steps_per_unit**2,
        "negative_share": float((guesses < 0).mean()),
        "clipped_share": float((np.abs(guesses) > codec.scale).mean()),
    }
    for seed in seeds:
        yield Made(content, seed, facts, Reference(song.id, start, start + content.seconds))


def free(
    networks: Networks,
    codec: AmplitudeCodec,
    training: Any,
    generation: Any,
    song: TrainingSong | None,
    seeds: Sequence[int],
    monitor: Monitor,
) -> Iterator[Made]:
    """Free-running sound, all seeds at once: each has its own chance and, unless it was given, its own prompt."""
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    starts = [_prompt_start(song, generation, seed) for seed in seeds]
    prompts = _prompts(codec, song, starts, generation.prompt_seconds)
    pace = Pace()
    progress = _combined(monitor, pace, "generating", codec.n_channels, n_samples)

    def run(number: int, name: str) -> Samples:
        play = _play_bank if codec.banks else _play_network
        return play(networks, codec, training, generation, seeds, (number, name), prompts[:, number], progress(number))

    values = np.stack(_each_channel(networks, run), axis=1)[:, :, :n_samples]  # (seeds, channels, n_samples)
    for seed, start, made in zip(seeds, starts, values, strict=True):
        gain = _gain(made / codec.scale, codec) if codec.banks else 1.0
        content = codec.decode(made * gain)
        facts = {
            "mode": "free",
            "steps": n_samples,
            **pace.facts(len(seeds)),
            "prompt_seconds": round(prompts.shape[2] / codec.sample_rate, 6),
            "prompt_start_seconds": round(start, 6) if song is not None else None,
            "turned_down_db": abs(round(20 * float(np.log10(gain)), 2)),
            **_fate(content, codec),
        }
        yield Made(content, seed, facts, _continuation(song, start, generation, content))


def _guess(
    networks: Networks,
    codec: AmplitudeCodec,
    training: Any,
    name: str,
    number: int,
    values: Samples,
    progress: Callable[[int], None],
) -> Samples:
    """Guesses for every sample of one channel that has a full past, (n_samples - look_back,)."""
    series, model = values[number], networks.models[name]
    if codec.banks:
        bank = codec.banks[number]
        whole = np.pad(series, (0, -series.size % bank.hop_length))
        prior = frame_priors(model, bank, bank.codes(bank.energies(whole)))
        return guess_samples(bank, whole, prior, progress)[training.look_back : series.size]
    starts = np.arange(series.size - training.look_back)
    windows = WindowExamples(series, starts, training.look_back, training.recurrence == "look_back")
    return predict_windows(model, windows, progress)


def _play_network(
    networks: Networks,
    codec: AmplitudeCodec,
    training: Any,
    generation: Any,
    seeds: Sequence[int],
    channel: tuple[int, str],
    prompt: Samples,
    progress: Callable[[int], None],
) -> Samples:
    """Each sample is the network's guess, plus noise as strong as the network's error was in training."""
    number, name = channel
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    error = float(networks.state.get("error", {}).get(name, 0.0)) / codec.steps_per_unit
    noise = _noise(seeds, number, n_samples) * np.float32(error * generation.temperature)
    return free_run(
        networks.models[name],
        _end_of(prompt, training.look_back),
        noise,
        as_steps=training.recurrence == "look_back",
        limit=codec.scale,
        progress=progress,
    )


def _play_bank(
    networks: Networks,
    codec: AmplitudeCodec,
    training: Any,
    generation: Any,
    seeds: Sequence[int],
    channel: tuple[int, str],
    prompt: Samples,
    progress: Callable[[int], None],
) -> Samples:
    """The network chooses predictors and levels frame by frame; the samples follow from them."""
    number, name = channel
    bank = codec.banks[number]
    n_frames = max(1, -(-round(generation.seconds * codec.sample_rate) // bank.hop_length))
    whole = prompt[:, prompt.shape[1] % bank.hop_length :]  # whole frames, up to its end
    heard = np.stack([bank.codes(bank.energies(each)) for each in whole])
    uniform = uniforms([seed + number * 2**32 for seed in seeds], n_frames, 2)
    codes = choose_codes(BankStepper(networks.models[name], bank), heard, uniform, generation.temperature)
    noise = _noise(seeds, number, n_frames * bank.hop_length)
    return play_codes(bank, codes, _end_of(prompt, bank.order), noise, limit=codec.scale, progress=progress)


def _part(
    codec: AmplitudeCodec, training: Any, generation: Any, song: TrainingSong
) -> tuple[Waveform, Waveform, Waveform, int]:
    """(the song, its training part, the wanted part, the first sample of that), at the song's own rate."""
    source = song.clip.waveform()
    n_samples = round(source.n_samples * codec.sample_rate / source.sample_rate)
    spans = training.cut.spans(n_samples, codec.sample_rate)
    span = spans[generation.segment == "held_out"]
    learned, first, last = (
        round(sample * source.sample_rate / codec.sample_rate) for sample in (spans[0].stop, span.start, span.stop)
    )
    if span.stop - span.start <= training.look_back + 1:
        raise InvalidInput(
            sentence(
                f"The {generation.segment.replace('_', '-')} part of a song has more than {training.look_back} samples",
                f"{max(0, span.stop - span.start)} samples of “{song.name}”",
                "Choose a longer song or the other part.",
            ),
            code="too_short",
        )
    return source, source.between(0, learned), source.between(first, last), first


def _each_channel(networks: Networks, run: Callable[[int, str], Samples]) -> list[Samples]:
    """Every channel's network on a core of its own."""
    with ThreadPoolExecutor(networks.count) as side_by_side:
        jobs = [side_by_side.submit(run, number, name) for number, name in enumerate(networks.models)]
        return [job.result() for job in jobs]


def _combined(
    monitor: Monitor, pace: Pace, phase: str, n_channels: int, total: int
) -> Callable[[int], Callable[[int], None]]:
    """Progress of all channels as one; called from their threads."""
    done = [0] * n_channels

    def of(number: int) -> Callable[[int], None]:
        def report(count: int) -> None:
            done[number] = min(count, total)
            pace.note(sum(done))
            monitor.progress(phase, sum(done), total * n_channels)

        return report

    return of


def _at_source_rate(content: Waveform, stretch: Waveform, look_back: int) -> tuple[Waveform, int]:
    """The guesses at the song's own sample rate, and how many of its samples lie before the first guess."""
    if content.sample_rate == stretch.sample_rate:
        return content, look_back
    offset = -(-look_back * stretch.sample_rate // content.sample_rate)
    resampled = resample(content, stretch.sample_rate)
    return resampled.between(0, stretch.n_samples - offset), offset


def _prompt_start(song: TrainingSong | None, generation: Any, seed: int) -> float:
    if song is None:
        return 0.0
    latest = max(0.0, song.clip.seconds - generation.prompt_seconds)
    if generation.start_seconds is not None:
        return min(float(generation.start_seconds), latest)
    # Where the song itself goes on for as long, if it does: the two can then be heard side by side.
    return float(np.random.default_rng([seed, 1]).uniform(0.0, max(0.0, latest - generation.seconds) or latest))


def _prompts(codec: AmplitudeCodec, song: TrainingSong | None, starts: Sequence[float], seconds: float) -> Samples:
    """What each output hears first, (seeds, n_channels, n); nothing without a song."""
    if song is None or not seconds:
        return np.zeros((len(starts), codec.n_channels, 0), dtype=np.float32)
    pieces = [codec.encode(song.clip.waveform(start, start + seconds)) for start in starts]
    shortest = min(piece.shape[1] for piece in pieces)
    return np.stack([piece[:, :shortest] for piece in pieces])


def _end_of(prompt: Samples, length: int) -> Samples:
    """The last samples of the prompts; silence before short ones. (batch, length)."""
    return np.pad(prompt, ((0, 0), (length, 0)))[:, prompt.shape[1] :]


def _noise(seeds: Sequence[int], channel: int, n_samples: int) -> Samples:
    """Standard normal, (len(seeds), n_samples)."""
    return np.stack(
        [np.random.default_rng([seed, 2, channel]).standard_normal(n_samples, dtype=np.float32) for seed in seeds]
    )


def _continuation(song: TrainingSong | None, start: float, generation: Any, content: Waveform) -> Reference | None:
    """What the song itself does after the prompt, as long as it goes on."""
    if song is None:
        return None
    begin = start + generation.prompt_seconds
    stop = min(begin + content.seconds, song.clip.seconds)
    return Reference(song.id, begin, stop) if stop > begin else None


def _gain(made: Samples, codec: AmplitudeCodec) -> float:
    """What turns sound (full scale = 1) down to the level of the songs; 1 where it is not louder than they were. What
    one predictor leaves ringing another may drive higher than any song was."""
    level = float(np.sqrt((made.astype(np.float64) ** 2).mean()))
    return min(1.0, float(np.sqrt(np.mean(np.square(codec.level)))) / max(level, 1e-9))


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


def _linear_mse(learned: Samples, values: Samples, look_back: int) -> float:
    """The linear predictor of the same look back, fitted to the training part of the song; mean over the channels."""
    return float(np.mean([linear_predictor_mse([a], [b], look_back) for a, b in zip(learned, values, strict=True)]))


def _mean_square(values: NDArray[np.floating]) -> float:
    return float((values.astype(np.float64) ** 2).mean())
