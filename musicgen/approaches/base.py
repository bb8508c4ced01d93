"""What an approach is: prepare → build → fit → generate. One file per approach; nothing else to register.

An approach is stateless. Its module imports no framework at module level, so that the pages and the command line can
describe it in milliseconds; `build`, `fit` and `generate` run in worker processes. It knows no pages, no database and
no queue: songs come in as clips, progress goes out through a Monitor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from musicgen.approaches.drawing import Layer, ReceptiveField
from musicgen.errors import InvalidParameter

if TYPE_CHECKING:
    from musicgen.audio.waveform import Waveform
    from musicgen.clips import Clip
    from musicgen.networks.bundle import Networks
    from musicgen.symbolic.score import Score

Medium = Literal["audio", "midi"]

# What a worker takes before it sees any music: the framework and its compiled steps, as measured on two cores.
FRAMEWORK_BYTES = 1.2e9


class Parameters(BaseModel):
    """Base of every `Training` and `Generation` model. The form, the bounds, the help, the errors, the command line
    and the stored JSON all come from the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def parameter(
    default: Any,
    *,
    title: str,
    help: str,
    advanced: bool = False,
    unit: str = "",
    widget: Literal["", "track"] = "",
    **bounds: Any,
) -> Any:
    """One hyper-parameter: `help` says what it does to the sound; `advanced` folds it away in the form.

    `widget`: another way to enter it than its type suggests. "track" offers the MIDI tracks of the chosen songs by
    name; the value is the number of one, or None for a guess."""
    extra: dict[str, Any] = {"advanced": advanced, "unit": unit, "widget": widget}
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class Preset:
    """Named values. What is not named stays at its default.

    Attributes:
        takes: how long a training takes on two processor cores, in words, where it is not what one expects of a preset
            of this name.
    """

    summary: str
    training: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    takes: str = ""


@dataclass(frozen=True)
class TrainingSong:
    """A song as an approach sees it. `tracks`: the MIDI tracks to use, None for all."""

    id: str
    name: str
    clip: Clip
    tracks: tuple[int, ...] | None = None


class Codec(Protocol):
    """Everything needed to turn a network's output into sound; JSON state, saved beside the weights."""

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found in the songs.

    Attributes:
        codec: see Codec.
        training, validation: what the approach's own `fit` reads; validation is None where too little music is left.
        facts: `inputs_shape`, `targets_shape` (examples first, batching left out), `n_windows`, `n_songs`, and where
            they apply `vocabulary_size`, `n_tokens`; JSON.
        floors: name → loss that needs no network, in the unit and on the data of `val_loss`.
        warnings: one sentence each; shown before the start and kept with the run.
    """

    codec: Any
    training: Any
    validation: Any
    facts: dict[str, Any]
    floors: dict[str, float]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a training will take, from arithmetic alone (no framework is loaded).

    Attributes:
        networks: how many. parameters: trainable weights of each.
        flops_per_epoch: multiply-adds × 2, forward and backward. memory_bytes: peak, data and weights and activations.
    """

    networks: int
    parameters: int
    flops_per_epoch: float
    memory_bytes: int


@dataclass(frozen=True)
class EpochRow:
    """One line of a run's history. `epoch` counts from 1; `val_loss` is None without validation music."""

    epoch: int
    loss: float
    val_loss: float | None
    seconds: float
    learning_rate: float
    extra: dict[str, float] = field(default_factory=dict)


class Monitor(Protocol):
    """The worker's ear. Every method may raise Cancelled; approaches let it pass."""

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        """Called often (it limits itself). `phase`: preparing, training, generating …"""

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        """Called often while pieces are made, for those who listen meanwhile. `make` gives the beginning of the first
        one as it is now, `done` of its `total` steps; it is called before this returns, and seldom."""

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        """After each epoch. `save(folder)` writes weights and optimiser state into an existing empty folder."""

    def notice(self, text: str) -> None:
        """One sentence for the user on something that changed on the way, although the work goes on."""


class SilentMonitor:
    """A monitor that listens to nothing: for tests and dry runs."""

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        return None

    def so_far(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        return None

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        return None

    def notice(self, text: str) -> None:
        return None


@dataclass(frozen=True)
class Reference:
    """The stretch of a song that an output can be laid beside: sample i of the output belongs to
    `start_seconds + i / sample_rate`."""

    song_id: str
    start_seconds: float
    stop_seconds: float

    @classmethod
    def following(cls, song: TrainingSong, start: float, seconds: float) -> Reference | None:
        """`seconds` of a song from `start` on, as far as it goes; None past its end."""
        stop = min(start + seconds, song.clip.seconds)
        return cls(song.id, start, stop) if stop > start else None


@dataclass(frozen=True)
class Made:
    """One piece that an approach made. `facts`: JSON for the sidecar (steps, steps_per_second, prompt length …)."""

    content: Waveform | Score
    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    reference: Reference | None = None


class Approach(ABC):
    """Subclass this in `approaches/<key>.py`; the class attributes are the description that pages and CLI show."""

    key: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    can_learn: ClassVar[str]
    cannot_learn: ClassVar[str]
    medium: ClassVar[Medium]
    Training: ClassVar[type[Parameters]]
    Generation: ClassVar[type[Parameters]]
    presets: ClassVar[Mapping[str, Preset]]
    tiny: ClassVar[Preset]

    @abstractmethod
    def prepare(self, songs: Sequence[TrainingSong], training: Any, *, seed: int = 0) -> Prepared:
        """Songs → codec, examples, facts and floors. NumPy only: also runs before a training to show what it will be.

        Raises InvalidInput where nothing can be learned from the songs, with the arithmetic."""

    def layers(self, training: Any, facts: Mapping[str, Any] | None = None) -> tuple[Layer, ...]:
        """What music goes through, from what comes in to what comes out, for drawings; arithmetic alone.

        `facts`: those of `prepare`, where songs have been chosen; without them, what only songs can tell stays a word.
        With them the parameters add up to those of `cost`."""
        return ()

    def receptive_field(self, training: Any) -> ReceptiveField | None:
        """How far back its convolutions hear; None for networks without."""
        return None

    @abstractmethod
    def cost(self, prepared: Prepared, training: Any) -> Cost:
        """Closed-form size and effort; a test holds `parameters` equal to what `build` builds."""

    @abstractmethod
    def build(self, codec: Any, training: Any, *, seed: int = 0) -> Networks:
        """The untrained networks, from the codec and the parameters alone (that is how a checkpoint is loaded)."""

    @abstractmethod
    def fit(
        self,
        networks: Networks,
        prepared: Prepared,
        training: Any,
        *,
        seed: int,
        monitor: Monitor,
        first_epoch: int = 1,
    ) -> None:
        """Train in place up to `training.epochs`. `first_epoch` > 1 continues a run whose state was loaded into
        `networks`. Raises TrainingFailed on a loss that is not finite."""

    @abstractmethod
    def generate(
        self,
        networks: Networks,
        codec: Any,
        training: Any,
        generation: Any,
        *,
        songs: Sequence[TrainingSong],
        prompt: TrainingSong | None,
        seeds: Sequence[int],
        monitor: Monitor,
    ) -> Iterator[Made]:
        """One Made per seed. `songs` are the songs of the run that still exist."""

    @abstractmethod
    def codec_from_json(self, document: dict[str, Any]) -> Any:
        """The codec that `prepare` made, from its saved state."""


def read_parameters(model: type[Parameters], values: Mapping[str, Any]) -> Any:
    """Validated parameters, or InvalidParameter naming the field, the rule and the value."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidParameter("; ".join(_explain(model, item) for item in error.errors())) from error


def _explain(model: type[Parameters], item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"]) or "parameters"
    if item["type"] == "extra_forbidden":
        return f"{name} is not a parameter here. Known: {', '.join(model.model_fields)}."
    message = item["msg"].removeprefix("Value error, ").rstrip(".")
    if not item["loc"]:  # a rule about several parameters says itself what it received
        return f"{message[:1].upper()}{message[1:]}."
    return f"{name}: {message}. Received: {str(item['input'])[:120]}."
