"""One-step prediction of a real song: each sample is predicted from the real samples before it.

This tests the network and makes no new piece: it sounds like the song, as closely as the network follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.amplitude_lstm.bank_pieces import frame_priors, guess_samples
from musicgen.approaches.amplitude_lstm.channels import Report, Trained, progress_of_channels
from musicgen.approaches.amplitude_lstm.parameters import Generation
from musicgen.approaches.amplitude_lstm.sampler import predict_windows
from musicgen.approaches.amplitude_lstm.windows import Samples, WindowExamples
from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.floors import linear_predictor_mse, persistence_mse
from musicgen.sampling.pace import Pace

MAX_SECONDS = 600.0  # of a song that are predicted: fits easily into memory
LEARNED_SECONDS = 60.0  # of the training part that the linear predictor of the comparison is fitted to


@dataclass(frozen=True)
class Part:
    """The requested part of a song, and what it is compared with, at the song's own rate. `first`: its first sample."""

    stretch: Waveform
    learned: Waveform
    first: int


def predicted(trained: Trained, order: Order[Generation]) -> Iterator[Made]:
    """The song's training or held-out part as the network predicts it. Nothing is random: all seeds give the same. The
    first `look_back` samples are left out because they lack a full look back."""
    generation, song, monitor = order.generation, order.song, order.monitor
    if song is None:
        raise InvalidInput(sentence("Mode predict needs a real song to follow", "no song", "Choose one as the prompt."))
    part = _part(trained, generation, song)
    codec, look_back = trained.codec, trained.training.look_back
    values, pace = codec.encode(part.stretch), Pace()
    total = values.shape[1] - look_back
    progress = progress_of_channels(monitor, pace, "predicting", codec.n_channels, total, decode=codec.decode)
    guesses = np.stack(
        trained.each_channel(lambda number, name: _guess(trained, number, name, values[number], progress(number)))
    )
    content, offset = _at_source_rate(codec.decode(guesses), part.stretch, look_back)
    facts = {
        "mode": "predict",
        "segment": generation.segment,
        "steps": int(guesses.shape[1]),
        **pace.facts(),
        **_errors(guesses, values, codec.encode(part.learned), look_back, codec.steps_per_unit**2),
        "negative_share": float((guesses < 0).mean()),
        "clipped_share": float((np.abs(guesses) > codec.scale).mean()),
    }
    start = (part.first + offset) / part.stretch.sample_rate
    for seed in order.seeds:
        yield Made(content, seed, facts, Reference(song.id, start, start + content.seconds))


def _part(trained: Trained, generation: Generation, song: TrainingSong) -> Part:
    segment, look_back, network_rate = generation.segment, trained.training.look_back, trained.codec.sample_rate
    rate = song.clip.waveform(0.0, 0.0).sample_rate
    spans = trained.training.cut.spans(round(song.clip.seconds * network_rate), network_rate)
    span = spans[segment == "held_out"]
    if generation.predicted_of(span.stop - span.start, network_rate) <= look_back + 1:
        raise InvalidInput(
            sentence(
                f"The {segment.replace('_', '-')} part of a song needs more than {look_back} samples",
                f"{max(0, generation.predicted_of(span.stop - span.start, network_rate))} samples of “{song.name}”",
                "Choose a longer song, use more of it, or choose the other part.",
            ),
            code="too_short",
        )
    learned, first, last = (round(sample * rate / network_rate) for sample in (spans[0].stop, span.start, span.stop))
    last = first + generation.predicted_of(min(last - first, round(MAX_SECONDS * rate)), rate)
    return Part(
        song.clip.waveform(first / rate, last / rate),
        song.clip.waveform(0.0, min(learned / rate, LEARNED_SECONDS)),
        first,
    )


def _guess(trained: Trained, number: int, name: str, series: Samples, progress: Report) -> Samples:
    """Predictions of every sample of one channel that has a full look back, (n_samples - look_back,)."""
    training, model = trained.training, trained.networks.models[name]
    if trained.codec.banks:
        bank = trained.codec.banks[number]
        whole = np.pad(series, (0, -series.size % bank.hop_length))
        prior = frame_priors(model, bank, bank.codes(bank.energies(whole)))
        return guess_samples(bank, whole, prior, progress)[training.look_back : series.size]
    starts = np.arange(series.size - training.look_back)
    windows = WindowExamples(series, starts, training.look_back, training.recurrence == "look_back")
    return predict_windows(model, windows, progress)


def _errors(guesses: Samples, values: Samples, learned: Samples, look_back: int, unit: float) -> dict[str, float]:
    """Mean squared errors, averaged over the channels: the network's, and those of floors that need no network (the
    linear predictor has the same look back and is fitted to the training part of the song)."""
    target, before = values[:, look_back:], values[:, look_back - 1 : -1]
    linear = [linear_predictor_mse([a], [b], look_back) for a, b in zip(learned, values, strict=True)]
    return {
        "mse": _mean_square(guesses - target) * unit,
        "persistence_mse": persistence_mse(target, before) * unit,
        "linear_predictor_mse": float(np.mean(linear)) * unit,
    }


def _at_source_rate(content: Waveform, stretch: Waveform, look_back: int) -> tuple[Waveform, int]:
    """The predictions at the song's own sample rate, and how many of its samples come before the first of them."""
    if content.sample_rate == stretch.sample_rate:
        return content, look_back
    offset = -(-look_back * stretch.sample_rate // content.sample_rate)
    resampled = resample(content, stretch.sample_rate)
    return resampled.between(0, stretch.n_samples - offset), offset


def _mean_square(values: NDArray[np.floating]) -> float:
    return float((values.astype(np.float64) ** 2).mean())
