"""The parameters of AudioWaveNet: how it trains and what it generates."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.searching import Between, steps
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dilation_depth,
    epochs,
    kernel_size,
    learning_rate,
    length,
    prompt_length,
    prompt_start,
    sample_rate,
    seconds_per_song,
    skip_channels,
    stacks,
    temperature,
    top_p,
    validation_share,
)

MIN_RATE = 8_000


class Training(Schedule):
    sample_rate: int = sample_rate(16_000, le=48_000, more=f"At least {MIN_RATE:,} otherwise.")
    dilation_depth: int = dilation_depth(10, le=16)
    stacks: int = stacks(2)
    residual: int = parameter(
        32, ge=1, le=1024, title="Residual channels", help="Width of the signal that goes from block to block.",
        search=steps(16, 24, 32, 48, 64, 96),
    )  # fmt: skip
    skip: int = skip_channels(64, le=2048)
    epochs: int = epochs(30, le=100_000)
    batch_size: int = batch_size(8, ge=2, le=1024, multiple_of=2)
    learning_rate: float = learning_rate(2e-3)
    output: Literal["mu_law", "mixture"] = parameter(
        "mu_law", title="Output",
        help="mu_law: a probability for each of 256 levels; quick to learn, with a little hiss. mixture: logistic "
        "distributions over 65,536 levels; as fine as a CD, but slower to learn.",
    )  # fmt: skip
    conditioning: Literal["none", "pitch_and_loudness", "harmony_and_loudness"] = parameter(
        "none", title="Conditioning",
        help="What the network is told to play. none: nothing; it makes up what it plays, and soon drones. "
        "pitch_and_loudness: the pitch and loudness of a tune, taken from a song when it generates. "
        "harmony_and_loudness: which of the twelve tones sound, low and high, and how loud each octave is; when it "
        "generates, it follows a plan of short stretches of the songs in a new order.",
    )  # fmt: skip
    linear_prediction: bool = parameter(
        False, title="Linear prediction",
        help="The network is also told the spectrum of what it plays, as a sum of the samples before that linear "
        "prediction expects, and learns what differs from it: attacks, noise, and how partials lie against each "
        "other. Chords become clear and hiss goes. Off: it has to make every partial itself.",
        applies_when={"conditioning": "harmony_and_loudness", "output": "mu_law"},
    )  # fmt: skip
    crop_length: int = parameter(
        4096, ge=16, le=1_000_000, unit="samples", advanced=True, title="Crop length",
        help="How much of a song is predicted in one training example. The receptive field before it comes on top.",
    )  # fmt: skip
    kernel_size: int = kernel_size(2, ge=2, le=8, advanced=True)
    mixtures: int = parameter(
        10, ge=1, le=64, advanced=True, title="Mixture components",
        help="With mixture output: how many logistic distributions each prediction has.",
        applies_when={"output": "mixture"},
    )  # fmt: skip
    seconds: float = seconds_per_song(7_200.0, le=36_000, advanced=True)
    epoch_seconds: float = parameter(
        120.0, gt=0, le=36_000, unit="s", advanced=True, title="Epoch length",
        help="An epoch uses at most this much music, chosen at random each time, so that progress on long songs is "
        "reported often.",
    )  # fmt: skip
    gain_db: float = parameter(
        3.0, ge=0, le=24, unit="dB", advanced=True, title="Vary the loudness", search=Between(0, 12),
        help="Turn each crop up or down at random by at most this much, to get more training music from the same "
        "songs.",
    )  # fmt: skip
    semitones: float = parameter(
        0.0, ge=0, le=6, unit="semitones", advanced=True, title="Vary the pitch", search=Between(0, 2),
        help="Shift each crop up or down at random by at most this much. A quarter of a tone (0.5) helps with little "
        "music.",
    )  # fmt: skip
    heard_noise: float = parameter(
        0.0, ge=0, le=64, unit="levels", advanced=True, title="Input noise",
        help="Noise added to the input but not to the target, in steps of 256 levels. The network learns to continue "
        "from imperfect sound such as its own, and fades and hisses less.",
    )  # fmt: skip
    validation_share: float = validation_share(0.1, part="the last part of each song")

    @model_validator(mode="after")
    def _music_is_heard(self) -> Training:
        if 0 < self.sample_rate < MIN_RATE:
            raise ValueError(
                f"the sample_rate is 0 (that of the songs) or at least {MIN_RATE:,} Hz, not {self.sample_rate:,}: "
                "below that, music is only a rumble"
            )
        return self


class Generation(Parameters):
    seconds: float = length(5.0, gt=0, le=600, unit="s")
    temperature: float = temperature(
        le=2, more="Too low, it holds one tone or falls silent; too high, it turns to noise."
    )
    top_p: float = top_p(when="With mu_law output", applies_when={"training.output": "mu_law"})
    plan: Literal["new_order", "song"] = parameter(
        "new_order", title="Plan",
        help="Where what it is told to play comes from. new_order: stretches of one to three seconds of the songs, "
        "joined where they are alike. song: what the song plays after the prompt.",
        applies_when={"training.conditioning": "harmony_and_loudness"},
    )  # fmt: skip
    keep_level: bool = parameter(
        True, title="Keep the level",
        help="When the sound has become 3 dB softer or louder than the songs, it is turned up or down a little before "
        "the network reads it. Off: it may fade away.",
    )  # fmt: skip
    prompt_seconds: float = prompt_length(0.5, le=60, unit="s", more="0: it starts from silence.")
    start_seconds: float | None = prompt_start(le=36_000, advanced=True)
