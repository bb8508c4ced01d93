"""Sound from a trained amplitude network on its own: it reads a short prompt, then only its own output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musicgen.approaches.amplitude_lstm.bank_network import BankStepper
from musicgen.approaches.amplitude_lstm.bank_pieces import choose_codes, play_codes
from musicgen.approaches.amplitude_lstm.channels import Report, Trained, progress_of_channels
from musicgen.approaches.amplitude_lstm.codec import AmplitudeCodec
from musicgen.approaches.amplitude_lstm.parameters import Generation
from musicgen.approaches.amplitude_lstm.sampler import free_run
from musicgen.approaches.amplitude_lstm.windows import Samples
from musicgen.audio.waveform import Waveform
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.sampling.level_facts import level_facts
from musicgen.sampling.pace import Pace
from musicgen.sampling.prompts import prompt_start
from musicgen.sampling.rules import uniforms

SILENT_DB = -60.0  # below the level of the songs
MAX_TOGETHER = 1 << 24  # samples in one batch: the longer the pieces, the fewer in a batch


def free(trained: Trained, order: Order[Generation]) -> Iterator[Made]:
    """As many pieces at once as fit into memory. Each has its own random numbers and, unless one was given, its own
    prompt."""
    codec, generation, seeds = trained.codec, order.generation, order.seeds
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    together = max(1, MAX_TOGETHER // (n_samples * codec.n_channels))
    for first in range(0, len(seeds), together):
        steps = n_samples * codec.n_channels
        done, total = steps * first // together, steps * -(-len(seeds) // together)
        batch = replace(order, seeds=seeds[first : first + together])
        yield from _pieces(trained, batch, (done, total))


def _pieces(
    trained: Trained,
    order: Order[Generation],
    place: tuple[int, int],
) -> Iterator[Made]:
    """One batch. place: (steps done before it, steps of all batches), for the progress."""
    generation, song, seeds, monitor = order.generation, order.song, order.seeds, order.monitor
    codec, pace = trained.codec, Pace()
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    starts = [prompt_start(song, generation, seed) for seed in seeds]
    prompts = _prompts(codec, song, starts, generation.prompt_seconds)

    def decode(made: Samples) -> tuple[Waveform, float]:
        """made: (channels, n) → (sound, the gain that was applied)."""
        gain = _gain(made / codec.scale, codec) if codec.banks else 1.0
        return codec.decode(made * gain), gain

    progress = progress_of_channels(
        monitor, pace, "generating", codec.n_channels, n_samples, *place, decode=lambda made: decode(made)[0]
    )
    play = _play_bank if codec.banks else _play_network

    def run(number: int, name: str) -> Samples:
        return play(trained, number, name, generation, seeds, prompts[:, number], progress(number))

    values = np.stack(trained.each_channel(run), axis=1)[:, :, :n_samples]  # (seeds, channels, n_samples)
    for seed, start, made in zip(seeds, starts, values, strict=True):
        content, gain = decode(made)
        facts = {
            "mode": "free",
            "steps": n_samples,
            **pace.facts(len(seeds)),
            "prompt_seconds": round(prompts.shape[2] / codec.sample_rate, 6),
            "prompt_start_seconds": round(start, 6) if song is not None else None,
            "turned_down_db": abs(round(20 * float(np.log10(gain)), 2)),
            **_fate(content, codec),
        }
        after = start + generation.prompt_seconds
        beside = Reference.following(song, after, content.seconds) if song else None
        yield Made(content, seed, facts, beside)


def _play_network(
    trained: Trained,
    number: int,
    name: str,
    generation: Generation,
    seeds: Sequence[int],
    prompt: Samples,
    progress: Report,
) -> Samples:
    """Each sample is the network's prediction, plus noise as strong as its error was in training."""
    codec, training = trained.codec, trained.training
    n_samples = max(1, round(generation.seconds * codec.sample_rate))
    error = float(trained.networks.state.get("error", {}).get(name, 0.0)) / codec.steps_per_unit
    noise = _noise(seeds, number, n_samples) * np.float32(error * generation.temperature)
    return free_run(
        trained.networks.models[name],
        _end_of(prompt, training.look_back),
        noise,
        as_steps=training.recurrence == "look_back",
        limit=codec.scale,
        progress=progress,
    )


def _play_bank(
    trained: Trained,
    number: int,
    name: str,
    generation: Generation,
    seeds: Sequence[int],
    prompt: Samples,
    progress: Report,
) -> Samples:
    """The network chooses predictors and levels frame by frame; the samples follow from them."""
    codec, bank = trained.codec, trained.codec.banks[number]
    n_frames = max(1, -(-round(generation.seconds * codec.sample_rate) // bank.hop_length))
    whole = prompt[:, prompt.shape[1] % bank.hop_length :]  # whole frames, up to its end
    heard = np.stack([bank.codes(bank.energies(each)) for each in whole])
    uniform = uniforms([seed + number * 2**32 for seed in seeds], n_frames, 2)
    stepper = BankStepper(trained.networks.models[name], bank)
    # There are no samples yet: this only asks whether to go on.
    nothing = np.zeros((len(seeds), 0), dtype=np.float32)
    codes = choose_codes(stepper, heard, uniform, generation.temperature, lambda chosen: progress(nothing))
    noise = _noise(seeds, number, n_frames * bank.hop_length)
    return play_codes(bank, codes, _end_of(prompt, bank.order), noise, limit=codec.scale, progress=progress)


def _prompts(codec: AmplitudeCodec, song: TrainingSong | None, starts: Sequence[float], seconds: float) -> Samples:
    """The prompt of each output, (seeds, n_channels, n); empty without a song."""
    if song is None or not seconds:
        return np.zeros((len(starts), codec.n_channels, 0), dtype=np.float32)
    pieces = [codec.encode(song.clip.waveform(start, start + seconds)) for start in starts]
    shortest = min(piece.shape[1] for piece in pieces)
    return np.stack([piece[:, :shortest] for piece in pieces])


def _end_of(prompt: Samples, length: int) -> Samples:
    """The last samples of the prompts, (batch, length); short prompts have silence before them."""
    return np.pad(prompt, ((0, 0), (length, 0)))[:, prompt.shape[1] :]


def _noise(seeds: Sequence[int], channel: int, n_samples: int) -> Samples:
    """Standard normal, (len(seeds), n_samples)."""
    return np.stack(
        [np.random.default_rng([seed, 2, channel]).standard_normal(n_samples, dtype=np.float32) for seed in seeds]
    )


def _gain(made: Samples, codec: AmplitudeCodec) -> float:
    """The gain that brings sound (full scale = 1) down to the level of the songs; 1 if it is not louder than they were.
    One predictor can drive what another left ringing higher than any song was."""
    level = float(np.sqrt((made.astype(np.float64) ** 2).mean()))
    return min(1.0, _level_of_songs(codec) / max(level, 1e-9))


def _level_of_songs(codec: AmplitudeCodec) -> float:
    """RMS over all channels, full scale = 1."""
    return float(np.sqrt(np.mean(np.square(codec.level))))


def _fate(content: Waveform, codec: AmplitudeCodec) -> dict[str, Any]:
    """How loud it is compared with the training music, and whether it fell silent or reached full scale."""
    level = _level_of_songs(codec)
    step = max(1, content.sample_rate // 20)
    samples = content.samples[:, : content.n_samples // step * step].astype(np.float64)
    frames = samples.reshape(content.n_channels, -1, step)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=(0, 2))) > max(level, 1e-6) * 10 ** (SILENT_DB / 20))
    silent_after = 0.0 if not loud.size else (int(loud[-1]) + 1) * step / content.sample_rate
    return {
        **level_facts(content, level),
        "fell_silent_at_seconds": round(silent_after, 3) if silent_after < content.seconds - 0.25 else None,
    }
