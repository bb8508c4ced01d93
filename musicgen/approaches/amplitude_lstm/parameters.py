"""What can be set: how AmplitudeLSTM trains, and what it makes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from musicgen.approaches.amplitude_lstm.training_parts import Cut
from musicgen.contract.parameters import Parameters, parameter
from musicgen.contract.shared_parameters import Schedule, learning_rate


def _as_list(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], BeforeValidator(_as_list), Field(max_length=8)]


class Training(Schedule):
    look_back: int = parameter(
        3, ge=1, le=4096, unit="samples", title="Look back",
        help="How many past samples each guess is made from. More of them catch more of the tone; 3 see only its "
        "slope.",
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "tanh", "linear"] = parameter(
        "leaky_relu", title="Activation",
        help="Shape of the layers' answers. relu cannot say anything negative: half of the wave is cut off and the "
        "sound is distorted, however long it trains (the half-wave floor). leaky_relu was its authors' remedy.",
    )  # fmt: skip
    epochs: int = parameter(20, ge=1, le=10_000, title="Epochs", help="How often the music is gone through.")
    seconds_per_song: float = parameter(
        60.0, gt=0, le=7200, unit="s", title="Seconds of each song",
        help="At most this much of each song is used, from its start. More music takes longer and generalises better.",
    )  # fmt: skip
    units: int = parameter(
        100,
        ge=1,
        le=4096,
        title="LSTM units",
        help="Size of the memory. Larger hears finer differences, and is slower.",
    )
    dense: Widths = parameter(
        (50, 25, 12),
        title="Dense layers",
        help="Widths of the layers after the LSTM, before the one number at the end.",
    )
    batch_size: int = parameter(
        100, ge=1, le=65_536, title="Batch size",
        help="Windows per step. Larger is faster an epoch, but learns in fewer steps.",
    )  # fmt: skip
    learning_rate: float = learning_rate(1e-3)
    sample_rate: int = parameter(
        0, ge=0, le=192_000, unit="Hz", title="Sample rate",
        help="0 keeps the rate of the songs. A lower rate loses the highest tones; the same look back then reaches "
        "further back in time, and everything is faster.",
    )  # fmt: skip
    channels: Literal["source", "mono"] = parameter(
        "source", title="Channels", help="source: a network of its own for left and right. mono: one for their mean."
    )
    normalise: bool = parameter(
        False, title="Normalise",
        help="Bring all music to one loudness before it is learned from. Without, samples are whole numbers up to "
        "32,767, as the authors had them; quiet music then trains slowly.",
    )  # fmt: skip
    recurrence: Literal["none", "look_back", "frames"] = parameter(
        "none", advanced=True, title="Recurrence",
        help="none: all of the look back is one step, so nothing recurs (what the authors did). look_back: one step "
        "for each sample of it. frames: one step for each short frame of the song, carried along all of it; the "
        "network then plays a bank of linear predictors fitted to the songs. Only that one makes music of its own.",
    )  # fmt: skip
    num_songs: int = parameter(
        0, ge=0, le=10_000, unit="songs", advanced=True, title="Number of songs",
        help="Only so many of the chosen songs are learned from, the first ones; 0 for all. The authors used two.",
    )  # fmt: skip
    num_predictors: int = parameter(
        32, ge=1, le=256, advanced=True, title="Predictors",
        help="With recurrence frames: how many kinds of moments are told apart. More of them ring on more chords.",
    )  # fmt: skip
    num_levels: int = parameter(
        24, ge=1, le=256, advanced=True, title="Loudness patterns",
        help="With recurrence frames: in how many ways a frame can be struck, from silence to a loud attack.",
    )  # fmt: skip
    hop_length: int = parameter(
        256, ge=16, le=8192, multiple_of=4, unit="samples", advanced=True, title="Frame",
        help="With recurrence frames: length of a frame. Shorter ones follow a rhythm more exactly.",
    )  # fmt: skip
    dropout: float = parameter(
        0.3, ge=0, lt=1, advanced=True, title="Dropout",
        help="With recurrence frames: share of the signals that are left out at random while learning, against "
        "learning the song by heart.",
    )  # fmt: skip
    leaky_slope: float = parameter(
        0.3,
        ge=0,
        le=1,
        advanced=True,
        title="Leaky slope",
        help="What leaky_relu leaves of a negative value. 0 is relu, 1 is linear.",
    )
    activate_output: bool = parameter(
        True, advanced=True, title="Activation on the output",
        help="As the authors had it. With relu no sample can be negative; without, any value can be said.",
    )  # fmt: skip
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = parameter(
        "hard_sigmoid", advanced=True, title="Gates", help="Shape of the LSTM's gates; hard_sigmoid is that of Keras 2."
    )
    scale: Literal["rms", "peak"] = parameter(
        "rms", advanced=True, title="Normalise by",
        help="rms: divided by the loudness of the music, which trains more evenly. peak: divided by its peak, which "
        "tanh needs.",
    )  # fmt: skip
    samples_per_song: int = parameter(
        0, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Samples of each song",
        help="Exactly this many samples from the start of each song train, whatever the seconds above say. 0: go by "
        "the seconds.",
    )  # fmt: skip
    held_out_samples: int = parameter(
        239_999, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Held-out samples",
        help="With samples of each song set: this many after them are kept for validation, where the song has them.",
    )  # fmt: skip
    validation_share: float = parameter(
        0.15, ge=0, le=0.5, advanced=True, title="Held-out share",
        help="The last part of what is used of each song is never trained on: the loss on it tells what was learned "
        "and what was only memorised.",
    )  # fmt: skip
    cross_joins: bool = parameter(
        False, advanced=True, title="Windows across songs",
        help="As the authors had it: some windows begin in one song and end in the next. They teach a click.",
    )  # fmt: skip
    off_by_one: bool = parameter(
        False, advanced=True, title="Leave out the last window",
        help="As the authors' loop did. It changes nothing you hear.",
    )  # fmt: skip
    sequence_length: int = parameter(
        64, ge=2, le=4096, unit="frames", advanced=True, title="Sequence length",
        help="With recurrence frames: how many frames the network is shown at a time.",
    )  # fmt: skip

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
        """What a sample of 1 means to the network: a 16-bit step, the loudness of the music, or its peak."""
        return self.scale if self.normalise else "int16"

    @property
    def is_half_wave(self) -> bool:
        """Whether no sample that it says can be negative."""
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
        """Samples in a row that are too few for one example."""
        if self.recurrence == "frames":
            return self.first_frame * self.hop_length + self.hop_length - 1
        return self.look_back + int(self.off_by_one)

    @property
    def first_frame(self) -> int:
        """The first frame of a stretch all of whose samples have a full past."""
        return -(-self.look_back // self.hop_length)


class Generation(Parameters):
    mode: Literal["predict", "free"] = parameter(
        "predict", title="Mode",
        help="predict: for each sample of the real song, guess it from the real samples before it; a test of the "
        "network, not a new piece. free: the network hears only itself after a short prompt.",
    )  # fmt: skip
    segment: Literal["training", "held_out"] = parameter(
        "held_out", title="Part of the song",
        help="For predict: the part it was trained on, or the part it never heard.",
    )  # fmt: skip
    predict_seconds: float = parameter(
        0.0, ge=0, le=7200, unit="s", title="Seconds to predict",
        help="For predict: how much of that part is predicted, from its start; 0 for all of it.",
    )  # fmt: skip
    seconds: float = parameter(10.0, gt=0, le=600, unit="s", title="Length", help="For free: how much to make.")
    temperature: float = parameter(
        1.0, ge=0, le=4, title="Temperature",
        help="For free: how much chance is drawn. 0 leaves the network alone with itself: it soon dies away or buzzes.",
    )  # fmt: skip
    prompt_seconds: float = parameter(
        1.0, ge=0, le=60, unit="s", title="Prompt",
        help="For free: how much of the song it hears before it goes on alone.",
    )  # fmt: skip
    start_seconds: float | None = parameter(
        None, ge=0, le=7200, unit="s", title="Prompt from", help="For free: where the prompt begins; empty: anywhere."
    )
    predict_samples: int = parameter(
        0, ge=0, le=1_000_000_000, unit="samples", advanced=True, title="Samples to predict",
        help="For predict: exactly this many samples, whatever the seconds above say. 0: go by the seconds.",
    )  # fmt: skip

    def predicted_of(self, n_samples: int, sample_rate: int) -> int:
        """How many of a part's samples are predicted from."""
        wanted = self.predict_samples or round(self.predict_seconds * sample_rate)
        return min(wanted or n_samples, n_samples)
