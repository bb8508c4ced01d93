"""What can be set: how AudioWaveNet trains, and what it makes."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.shared_parameters import Schedule, learning_rate

LOWEST_RATE = 8_000


class Training(Schedule):
    sample_rate: int = parameter(
        16_000, ge=0, le=48_000, unit="Hz", title="Sample rate",
        help="What the network hears and says, 8,000 to 48,000. Higher is brighter and costs as much more; 0 takes "
        "that of the songs.",
    )  # fmt: skip
    dilation_depth: int = parameter(
        10, ge=1, le=16, title="Dilation depth",
        help="Dilations 1, 2, 4 … up to 2^(depth - 1). One more doubles how far back the network hears.",
    )  # fmt: skip
    stacks: int = parameter(
        2, ge=1, le=8, title="Stacks", help="How often the dilations are gone through: more layers, finer sound."
    )
    residual: int = parameter(
        32, ge=1, le=1024, title="Residual channels", help="Width of what goes from block to block."
    )
    skip: int = parameter(64, ge=1, le=2048, title="Skip channels", help="Width of what each block tells the output.")
    epochs: int = parameter(30, ge=1, le=100_000, title="Epochs", help="How often the music is gone through.")
    batch_size: int = parameter(
        8, ge=2, le=1024, multiple_of=2, title="Batch size", help="Crops per step, from different places of the songs."
    )
    learning_rate: float = learning_rate(2e-3)
    output: Literal["mu_law", "mixture"] = parameter(
        "mu_law", title="Output",
        help="mu_law: a probability for each of 256 levels, quick to learn, with a little hiss. mixture: logistic "
        "distributions over 65,536 levels, as fine as a CD, slower to learn.",
    )  # fmt: skip
    conditioning: Literal["none", "pitch_and_loudness"] = parameter(
        "none", title="Conditioning",
        help="pitch_and_loudness: the network is told how high and how loud to play, and then takes that from a song "
        "while it generates: its timbre on another song's tune.",
    )  # fmt: skip
    crop_length: int = parameter(
        4096, ge=16, le=1_000_000, unit="samples", advanced=True, title="Crop length",
        help="Samples that are answered for at a time; what the network hears before them comes on top.",
    )  # fmt: skip
    kernel_size: int = parameter(
        2, ge=2, le=8, advanced=True, title="Kernel size", help="Taps of each dilated convolution."
    )
    mixtures: int = parameter(
        10, ge=1, le=64, advanced=True, title="Mixtures",
        help="Logistic distributions in an answer, where the output is a mixture.",
    )  # fmt: skip
    seconds: float = parameter(
        7_200.0, gt=0, le=36_000, unit="s", advanced=True, title="Seconds of each song", help="At most so much is used."
    )
    epoch_seconds: float = parameter(
        120.0, gt=0, le=36_000, unit="s", advanced=True, title="Seconds in an epoch",
        help="An epoch goes through at most so much music, drawn anew each time, so that long songs report often.",
    )  # fmt: skip
    gain_db: float = parameter(
        3.0, ge=0, le=24, unit="dB", advanced=True, title="Vary the loudness",
        help="Each crop is turned up or down by at most so much: more music from the same songs.",
    )  # fmt: skip
    semitones: float = parameter(
        0.0, ge=0, le=6, unit="semitones", advanced=True, title="Vary the pitch",
        help="Each crop is tuned up or down by at most so much. A quarter of a tone helps where there is little music.",
    )  # fmt: skip
    heard_noise: float = parameter(
        0.0, ge=0, le=64, unit="levels", advanced=True, title="Heard noise",
        help="Noise put on the samples heard, never on those asked for, in steps of 256 levels: the network learns so "
        "to go on from sound that is not quite right, as its own is, and fades and hisses less.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.1, ge=0, le=0.5, advanced=True, title="Held-out share", help="The last part of each song, which validates."
    )

    @model_validator(mode="after")
    def _music_is_heard(self) -> Training:
        if 0 < self.sample_rate < LOWEST_RATE:
            raise ValueError(
                f"sample_rate is 0, for that of the songs, or {LOWEST_RATE:,} Hz or more, not {self.sample_rate:,}: "
                "below it music is a rumble"
            )
        return self


class Generation(Parameters):
    seconds: float = parameter(5.0, gt=0, le=600, unit="s", title="Length", help="How much sound to make.")
    temperature: float = parameter(
        1.0, ge=0.05, le=2, title="Temperature",
        help="Below 1 cleaner, and sooner one held tone or silence; above 1 livelier, and sooner noise.",
    )  # fmt: skip
    top_p: float = parameter(
        1.0, gt=0, le=1, title="Top p",
        help="Choose among the likeliest levels that together have this probability: takes off hiss. For mu_law.",
    )  # fmt: skip
    keep_level: bool = parameter(
        True, title="Keep the level",
        help="Once it has become 3 dB softer or louder than the songs, it is turned up or down a little in its own "
        "ears. Off, it fades as it will.",
    )  # fmt: skip
    prompt_seconds: float = parameter(
        0.5, ge=0, le=60, unit="s", title="Prompt",
        help="How much of a song is heard before the network goes on. 0: it begins out of silence.",
    )  # fmt: skip
    start_seconds: float | None = parameter(
        None, ge=0, le=36_000, unit="s", advanced=True, title="Where the prompt begins", help="Empty: by chance."
    )
