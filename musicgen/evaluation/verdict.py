"""Verdicts and remedies. Light: pages import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Metrics = Mapping[str, float]
NUM_SONGS = "num_songs"  # how many songs were measured
TYPICAL = "typical_"  # before the name of a metric: its median among the songs


@dataclass(frozen=True)
class Remedy:
    """What to do, in words and as one button.

    Attributes:
        text: a sentence for people.
        action: `generate` or `train` again with changed parameters; `songs`: add other music.
        factors: parameter → factor to multiply its value by, if the approach has such a parameter.
        values: parameter → its new value, if the approach has it.
        unless: parameter of either kind → a value with which this would change nothing (a temperature when nothing
            is sampled).
    """

    text: str
    action: Literal["generate", "train", "songs"]
    factors: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    unless: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """One fault.

    Attributes:
        code: a stable word, see `degeneracy`. title: short, for a badge.
        metric, value, limit: the evidence. cause: the likely cause, in one sentence.
    """

    code: str
    title: str
    metric: str
    value: float
    limit: float
    cause: str
    remedies: tuple[Remedy, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON for the sidecar and the command line."""
        return asdict(self) | {"remedies": [asdict(remedy) for remedy in self.remedies]}


CHANCE = Remedy("Sample at random instead of always choosing the likeliest.", "generate", values={"greedy": False})
NO_CHANCE = {"greedy": True, "mode": "predict", "representation": "blocks"}  # with these, temperature has no effect
WARMER = Remedy("Generate again with a higher temperature.", "generate", {"temperature": 1.25}, unless=NO_CHANCE)
COOLER = Remedy("Generate again with a lower temperature.", "generate", {"temperature": 0.8}, unless=NO_CHANCE)
WIDER = Remedy("Choose from more than the few likeliest.", "generate", {"top_k": 4.0}, unless=NO_CHANCE)
LONGER = Remedy("Train for more epochs.", "train", {"epochs": 2.0})
SLOWER = Remedy("Train with a lower learning rate.", "train", {"learning_rate": 0.3})
FASTER = Remedy("Train with a higher learning rate: the loss has not moved.", "train", {"learning_rate": 3.0})
LOOK_BACK = Remedy(
    "Train with a longer look-back, so that the network sees more than an instant.", "train", {"look_back": 4.0}
)
LONGER_MEMORY = Remedy("Train on longer sequences, so that it learns what follows.", "train", {"sequence_length": 2.0})
FRAMES = Remedy(
    "Train on overlapping frames, which are chosen one by one and do not fade to silence.",
    "train",
    values={"representation": "frames"},
)
RECURRENT = Remedy(
    "Train with recurrence from frame to frame: that network composes by itself.",
    "train",
    values={"recurrence": "frames"},
    unless={"mode": "predict"},
)
KEEP_LEVEL = Remedy(
    "Generate again with the level kept steady: output that fades is turned up, output that is too loud turned down.",
    "generate",
    values={"keep_level": True},
)
DISTURBED = Remedy(
    "Train with noise added to the input: the network then copes with its own inexact output, without fading or hiss.",
    "train",
    values={"heard_noise": 5.0},
)
LEAKY = Remedy("Train with leaky_relu, which can output negative values.", "train", values={"activation": "leaky_relu"})
DROPOUT = Remedy("Train with more dropout, so that the network memorises less.", "train", {"dropout": 1.5})
MORE_SONGS = Remedy(
    "Train on more songs, so that the network learns what they share instead of repeating one.", "songs"
)
