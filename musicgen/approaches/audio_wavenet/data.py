"""Songs → what a WaveNet on raw audio learns from: crops, facts and floors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from musicgen.approaches.audio_wavenet.codec import LINEAR_LEVELS, RawAudioCodec
from musicgen.approaches.audio_wavenet.crops import CropExamples, SoundStretch
from musicgen.approaches.audio_wavenet.floors import forecast_bits, ngram_bits
from musicgen.approaches.audio_wavenet.forecasts import LinearForecast
from musicgen.approaches.audio_wavenet.parameters import Training
from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.codecs.sounds import Sound, open_sounds, root_mean_square
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.linear_prediction import fit_linear_predictor
from musicgen.wording import count

MAX_CHECKED_SECONDS = 30.0  # of held-out music, spread evenly, that each epoch is validated on
MAX_COUNTED = 4_000_000  # samples that the floors are counted on
MIN_SAMPLES = 64  # less music is no use


def prepare_raw_audio(songs: Sequence[TrainingSong], sizes: RawAudioSizes, training: Training) -> Prepared:
    """See Approach.prepare."""
    sounds, warnings = open_sounds(songs, sample_rate=training.sample_rate, seconds=training.seconds)
    learned, held_out = _parts(sounds, training.validation_share)
    rate = sounds[0].sample_rate
    codec = RawAudioCodec(rate, sizes.levels, root_mean_square([_alone(each) for each in learned]))
    crops, checked = _crops(learned, codec, sizes, training), _checked(held_out, codec, sizes, training)
    facts = {
        "inputs_shape": [crops.n_examples, sizes.receptive_field - 1 + training.crop_length],
        "targets_shape": [crops.n_examples, training.crop_length],
        "n_windows": crops.n_examples,
        "n_validation_windows": checked.n_examples if checked else 0,
        "n_songs": len(songs),
        "sample_rate": rate,
        "levels": sizes.levels,
        "receptive_field": sizes.receptive_field,
        "receptive_field_ms": round(1000 * sizes.receptive_field / rate, 2),
        "dilations": list(sizes.dilations),
        "training_seconds": round(_length(learned) / rate, 3),
        "held_out_seconds": round(_length(held_out) / rate, 3),
        "loss_unit": "bits per sample",
    }
    if checked is None:
        warnings = (*warnings, "No music is held out, so the loss cannot tell learning from memorising.")
    floors = _floors(learned, held_out or learned, codec)
    if sizes.has_forecast:
        floors["linear_prediction"] = forecast_bits(checked or crops)
    return Prepared(codec, crops, checked, facts, floors, warnings)


def _parts(sounds: Sequence[Sound], share: float) -> tuple[list[SoundStretch], list[SoundStretch]]:
    """(training, held-out) stretches: the last part of each song is held out."""
    learned, held_out = [], []
    for sound in sounds:
        cut = sound.n_samples - round(sound.n_samples * share)
        learned += [SoundStretch(sound, 0, cut)] if cut >= 3 else []
        held_out += [SoundStretch(sound, cut, sound.n_samples)] if sound.n_samples - cut >= MIN_SAMPLES else []
    if _length(learned) < MIN_SAMPLES:
        longest = max(sound.n_samples for sound in sounds)
        raise InvalidInput(
            sentence(
                f"Training needs a song with at least {MIN_SAMPLES} samples",
                f"{longest} in the longest of {count(len(sounds), 'song')}, {share:.0%} of them held out",
                "Choose a longer song.",
            ),
            code="too_short",
        )
    return learned, held_out


def _crops(
    stretches: list[SoundStretch], codec: RawAudioCodec, sizes: RawAudioSizes, training: Training
) -> CropExamples:
    wanted = min(_length(stretches), round(training.epoch_seconds * codec.sample_rate))
    return CropExamples(
        stretches, codec, sizes.receptive_field, training.crop_length,
        n_examples=max(1, -(-wanted // training.crop_length)),
        conditioning=training.conditioning, gain_db=training.gain_db, semitones=training.semitones,
        noise=training.heard_noise, forecast=_forecast(codec, sizes),
    )  # fmt: skip


def _checked(
    stretches: list[SoundStretch], codec: RawAudioCodec, sizes: RawAudioSizes, training: Training
) -> CropExamples | None:
    """Held-out crops, shorter if the held-out music is shorter, so that no target is training music."""
    if not stretches:
        return None
    length = min(training.crop_length, *map(len, stretches))
    wanted = min(_length(stretches), round(MAX_CHECKED_SECONDS * codec.sample_rate))
    return CropExamples(
        stretches, codec, sizes.receptive_field, length,
        n_examples=max(1, wanted // length), conditioning=training.conditioning,
        forecast=_forecast(codec, sizes),
    )  # fmt: skip


def _forecast(codec: RawAudioCodec, sizes: RawAudioSizes) -> LinearForecast | None:
    return LinearForecast.at(codec.sample_rate) if sizes.has_forecast else None


def _floors(learned: Sequence[SoundStretch], checked: Sequence[SoundStretch], codec: RawAudioCodec) -> dict[str, float]:
    """Bits per sample without a network: by counting, or for 65,536 levels by linear prediction."""
    training, validation = (
        [each.sound.read(each.start, min(each.stop, each.start + MAX_COUNTED // len(side))) for each in side]
        for side in (learned, checked)
    )
    if codec.levels < LINEAR_LEVELS:
        known, wanted = ([codec.samples_to_levels(each) for each in side] for side in (training, validation))
        return ngram_bits(known, wanted, codec.levels)
    errors = {"unigram": float(np.mean(np.concatenate(validation).astype(np.float64) ** 2))}
    for order in (1, 2):
        errors[f"order_{order}"] = fit_linear_predictor(training, order).mse(validation)
    step = 2.0 / (codec.levels - 1)
    return {name: 0.5 * math.log2(2 * math.pi * math.e * max(e, step**2) / step**2) for name, e in errors.items()}


def _alone(stretch: SoundStretch) -> Sound:
    return stretch.sound.part(stretch.start, stretch.stop)


def _length(stretches: Sequence[SoundStretch]) -> int:
    return sum(map(len, stretches))
