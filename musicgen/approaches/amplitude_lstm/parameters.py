"""The parameters of AmplitudeLSTM: how it trains and what it generates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from musicgen.approaches.amplitude_lstm.training_parts import Cut
from musicgen.contract.applicability import Other
from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.searching import Between, choices
from musicgen.contract.shared_parameters import (
    Schedule,
    batch_size,
    dropout,
    epochs,
    learning_rate,
    length,
    prompt_length,
    prompt_start,
    sample_rate,
    seconds_per_song,
    sequence_length,
    song_limit,
    temperature,
    units,
    validation_share,
)


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], BeforeValidator(_as_list), Field(max_length=8)]


class Training(Schedule):
    look_back: int = parameter(
        3, ge=1, le=4096, unit="samples", title="Look back",
        help="How many past samples each prediction uses. More of them capture more of the tone; 3 show only its "
        "slope.",
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "tanh", "linear"] = parameter(
        "leaky_relu", title="Activation",
        help="Activation function of the layers. relu cannot output negative values: half of the wave is cut off and "
        "the sound is distorted, however long it trains (the half-wave floor). leaky_relu was the authors' remedy.",
    )  # fmt: skip
    epochs: int = epochs(20)
    seconds_per_song: float = seconds_per_song(60.0, applies_when={"samples_per_song": 0})
    units: int = units(100)
    dense: Widths = parameter(
        (50, 25, 12), title="Dense layers", help="Widths of the layers between the LSTM and the output.",
        search=choices((12,), (25, 12), (50, 25, 12), (100, 50)),
    )  # fmt: skip
    batch_size: int = batch_size(100)
    learning_rate: float = learning_rate(1e-3)
    sample_rate: int = sample_rate(0, more="The same look back then reaches further back in time.")
    channels: Literal["source", "mono"] = parameter(
        "source", title="Channels", help="source: left and right have a network each. mono: one network for their mean."
    )
    normalise: bool = parameter(
        False, title="Normalise loudness",
        help="Bring all music to the same loudness before training. Otherwise samples are whole numbers up to 32,767, "
        "as in the authors' code, and quiet music trains slowly.",
    )  # fmt: skip
    recurrence: Literal["none", "look_back", "frames"] = parameter(
        "none", advanced=True, title="Recurrence",
        help="none: the whole look back is one step, so nothing recurs (as the authors did). look_back: one step for "
        "each of its samples. frames: one step for each short frame, with the state carried through the whole song; "
        "the network then plays a bank of linear predictors fitted to the songs. Only frames makes music of its own.",
    )  # fmt: skip
    num_songs: int = song_limit(0, advanced=True)
    num_predictors: int = parameter(
        32, ge=1, le=256, advanced=True, title="Predictors",
        help="With recurrence frames: how many linear predictors the bank has. More of them cover more chords.",
        applies_when={"recurrence": "frames"},
    )  # fmt: skip
    num_levels: int = parameter(
        24, ge=1, le=256, advanced=True, title="Loudness patterns",
        help="With recurrence frames: how many ways a frame can be struck, from silence to a loud attack.",
        applies_when={"recurrence": "frames"},
    )  # fmt: skip
    hop_length: int = parameter(
        256, ge=16, le=8192, multiple_of=4, unit="samples", advanced=True, title="Frame length",
        help="With recurrence frames: shorter frames follow a rhythm more exactly.",
        applies_when={"recurrence": "frames"},
    )  # fmt: skip
    dropout: float = dropout(0.3, advanced=True, when="With recurrence frames", applies_when={"recurrence": "frames"})
    leaky_slope: float = parameter(
        0.3, ge=0, le=1, advanced=True, title="Leaky slope", search=Between(0.05, 1),
        help="What leaky_relu multiplies negative values by. 0 is the same as relu, 1 as linear.",
        applies_when={"activation": "leaky_relu"},
    )  # fmt: skip
    activate_output: bool = parameter(
        True, advanced=True, title="Activation on the output",
        help="On, as in the authors' code: with relu no sample can be negative. Off: the output can be any value.",
        applies_when={"recurrence": Other("frames")},
    )  # fmt: skip
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = parameter(
        "hard_sigmoid", advanced=True, title="Gate activation", search=choices("sigmoid", "hard_sigmoid"),
        help="Activation function of the LSTM's gates; Keras 2 used hard_sigmoid.",
    )  # fmt: skip
    scale: Literal["rms", "peak"] = parameter(
        "rms", advanced=True, title="Normalise by",
        help="rms: divide by the RMS level of the music, which trains more evenly. peak: divide by its peak, which "
        "tanh needs.",
        applies_when={"normalise": True},
    )  # fmt: skip
    samples_per_song: int = parameter(
        0, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Exact training length",
        help="Train on exactly this much from the start of each song and ignore the length used per song. 0: use that "
        "length.",
    )  # fmt: skip
    held_out_samples: int = parameter(
        239_999, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Exact held-out length",
        help="With an exact training length: how much after it is held out, if the song is long enough.",
        applies_when={"samples_per_song": Other(0)},
    )  # fmt: skip
    validation_share: float = validation_share(
        0.15, part="the last part of each song used", applies_when={"samples_per_song": 0}
    )
    cross_joins: bool = parameter(
        False, advanced=True, title="Windows across songs",
        help="As in the authors' code: some windows begin in one song and end in the next. They teach a click.",
        applies_when={"recurrence": Other("frames")},
    )  # fmt: skip
    off_by_one: bool = parameter(
        False, advanced=True, title="Leave out the last window",
        help="As the authors' loop did. You cannot hear the difference.",
    )  # fmt: skip
    sequence_length: int = sequence_length(
        64,
        ge=2,
        le=4096,
        unit="frames",
        advanced=True,
        when="With recurrence frames",
        applies_when={"recurrence": "frames"},
    )

    @model_validator(mode="after")
    def _tanh_reaches(self) -> Training:
        ends_in_tanh = self.activation == "tanh" and self.activate_output and self.recurrence != "frames"
        if ends_in_tanh and self.units_of_sound != "peak":
            raise ValueError(
                f"a tanh output lies between -1 and 1, so it needs normalise on and scale = peak (or activate_output "
                f"off), not scale = {self.units_of_sound}"
            )
        return self

    @property
    def units_of_sound(self) -> str:
        """What 1 stands for in the network: a 16-bit step, the RMS level of the music, or its peak."""
        return self.scale if self.normalise else "int16"

    @property
    def is_half_wave(self) -> bool:
        """Whether no output sample can be negative."""
        return self.activation == "relu" and self.activate_output and self.recurrence != "frames"

    @property
    def cut(self) -> Cut:
        """Which part of each song trains."""
        return Cut(
            self.samples_per_song, self.held_out_samples, int(self.off_by_one), self.seconds_per_song,
            self.validation_share,
        )  # fmt: skip

    @property
    def shortest(self) -> int:
        """A series of this many samples or fewer is too short for one example."""
        if self.recurrence == "frames":
            return self.first_frame * self.hop_length + self.hop_length - 1
        return self.look_back + int(self.off_by_one)

    @property
    def first_frame(self) -> int:
        """The first frame of a series in which every sample has its whole look back."""
        return -(-self.look_back // self.hop_length)


class Generation(Parameters):
    mode: Literal["predict", "free"] = parameter(
        "predict", title="Mode",
        help="predict: predict each sample of a real song from the real samples before it; a test of the network, not "
        "a new piece. free: after a short prompt, the network continues from its own output.",
    )  # fmt: skip
    segment: Literal["training", "held_out"] = parameter(
        "held_out", title="Part of the song",
        help="For predict: the part that it was trained on, or the held-out part.",
        applies_when={"mode": "predict"},
    )  # fmt: skip
    predict_seconds: float = parameter(
        0.0, ge=0, le=7200, unit="s", title="Predicted length",
        help="For predict: how much of that part to predict, from its start; 0 for all of it.",
        applies_when={"mode": "predict", "predict_samples": 0},
    )  # fmt: skip
    seconds: float = length(10.0, gt=0, le=600, unit="s", when="For free", applies_when={"mode": "free"})
    temperature: float = temperature(
        ge=0,
        when="For free",
        more="At 0 nothing is random: the sound soon dies away or buzzes.",
        applies_when={"mode": "free"},
    )
    prompt_seconds: float = prompt_length(1.0, le=60, unit="s", when="For free", applies_when={"mode": "free"})
    start_seconds: float | None = prompt_start(when="For free", applies_when={"mode": "free"})
    predict_samples: int = parameter(
        0, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Exact predicted length",
        help="For predict: predict exactly this much and ignore the predicted length in seconds. 0: use the seconds.",
        applies_when={"mode": "predict"},
    )  # fmt: skip

    def predicted_of(self, n_samples: int, sample_rate: int) -> int:
        """How many samples of a part to read for prediction."""
        wanted = self.predict_samples or round(self.predict_seconds * sample_rate)
        return min(wanted or n_samples, n_samples)
