"""What an amplitude network learns from: examples, facts and floors, with and without a bank of predictors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musicgen.approaches.amplitude_lstm.bank import fit_bank
from musicgen.approaches.amplitude_lstm.bank_examples import BankExamples
from musicgen.approaches.amplitude_lstm.codec import AmplitudeCodec
from musicgen.approaches.amplitude_lstm.mapped import mapped
from musicgen.approaches.amplitude_lstm.parameters import Training
from musicgen.approaches.amplitude_lstm.windows import Samples, WindowExamples, window_starts
from musicgen.floors.floors import linear_predictor_mse, persistence_mse

PASSES = 8  # times that an epoch covers the frames of a song, each time cut into other windows
Channel = WindowExamples | BankExamples


def with_banks(codec: AmplitudeCodec, kept: Sequence[Samples], training: Training) -> AmplitudeCodec:
    """The codec with a bank of predictors for each channel. kept: the training music, each (n_channels, n_samples)."""
    banks = [
        fit_bank(
            [stretch[channel] for stretch in kept],
            order=training.look_back,
            n_predictors=training.num_predictors,
            n_levels=training.num_levels,
            hop_length=training.hop_length,
        )
        for channel in range(codec.n_channels)
    ]
    return replace(codec, banks=tuple(banks))


def examples_of(
    kept: Sequence[Samples], codec: AmplitudeCodec, training: Training, *, is_validation: bool = False
) -> tuple[Channel, ...]:
    """The examples of each channel."""
    channels: list[Channel] = []
    for channel in range(codec.n_channels):
        series = [stretch[channel] for stretch in kept]
        if codec.banks:
            length = training.sequence_length
            # Half of each validation window only warms up the LSTM.
            sizes = (2 * length, length, 1) if is_validation else (length, 0, PASSES)
            channels.append(BankExamples(codec.banks[channel], series, *sizes))
            continue
        starts = window_starts(
            [each.size for each in series],
            training.look_back,
            cross_joins=training.cross_joins and not is_validation,
            off_by_one=training.off_by_one,
        )
        as_steps = training.recurrence == "look_back"
        channels.append(WindowExamples(mapped(series), starts, training.look_back, as_steps))
    return tuple(channels)


def facts_of(
    codec: AmplitudeCodec,
    data: tuple[Channel, ...],
    checked: tuple[Channel, ...] | None,
    kept: Sequence[Samples],
    held_out: Sequence[Samples],
    training: Training,
) -> dict[str, Any]:
    """What the Train page shows; shapes with the examples first."""
    n_examples, steps = data[0].n_examples, training.sequence_length
    shape, target = {
        "none": ([n_examples, 1, training.look_back], [n_examples]),
        "look_back": ([n_examples, training.look_back, 1], [n_examples]),
        "frames": ([n_examples, steps, 2], [n_examples, steps, training.hop_length]),
    }[training.recurrence]
    samples, held = (sum(stretch.shape[1] for stretch in side) for side in (kept, held_out))
    return {
        "inputs_shape": shape,
        "targets_shape": target,
        "n_windows": n_examples,
        "n_validation_windows": checked[0].n_examples if checked else 0,
        "n_channels": codec.n_channels,
        "sample_rate": codec.sample_rate,
        "training_samples": samples,
        "held_out_samples": held,
        "training_seconds": round(samples / codec.sample_rate, 3),
        "held_out_seconds": round(held / codec.sample_rate, 3),
        "look_back_ms": round(1000 * training.look_back / codec.sample_rate, 3),
        "loss_unit": "bits per sample" if codec.banks else "squared 16-bit steps",
    }


def floors_of(
    kept: Sequence[Samples], held_out: Sequence[Samples], codec: AmplitudeCodec, training: Training
) -> dict[str, float]:
    """Mean over the channels, on the held-out music (or the training music if none is held out), in the unit of the
    loss: squared 16-bit steps, or the bits that the same errors cost as noise of constant loudness."""
    names = ("persistence", "linear_predictor", "half_wave")[: 3 if training.is_half_wave else 2]
    found = []
    for channel in range(codec.n_channels):
        measured = [_targets(stretch[channel], training) for stretch in held_out or kept]
        found.append(_errors(measured, [stretch[channel] for stretch in kept], training.look_back))
    errors = np.array(found)[:, : len(names)] * codec.steps_per_unit**2
    figures = np.mean([[_bits(error) for error in row] for row in errors] if codec.banks else errors, axis=0)
    return dict(zip(names, figures.tolist(), strict=True))


def _errors(measured: Sequence[Samples], learned: Sequence[Samples], look_back: int) -> tuple[float, float, float]:
    """Mean squared errors on one channel of repeating the last sample, of the linear predictor that fits the training
    music best, and of a perfect prediction whose negative half is cut off."""
    target = np.concatenate([each[look_back:] for each in measured])
    previous = np.concatenate([each[look_back - 1 : -1] for each in measured])
    return (
        persistence_mse(target, previous),
        linear_predictor_mse(learned, measured, look_back),
        float((np.minimum(target, 0.0).astype(np.float64) ** 2).mean()),
    )


def _targets(series: Samples, training: Training) -> Samples:
    """The part of a series whose samples with a full look back are those the network is measured on: whole frames."""
    if training.recurrence != "frames":
        return series
    begin = training.first_frame * training.hop_length - training.look_back
    return series[begin : series.size // training.hop_length * training.hop_length]


def _bits(mean_square: float) -> float:
    """Bits per sample of Gaussian noise of this power, in steps of 1."""
    return 0.5 * math.log2(2 * math.pi * math.e * max(mean_square, 1e-12))
