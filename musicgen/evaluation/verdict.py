"""What a verdict and a remedy are. Light: pages import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Remedy:
    """What to do, in words and as one click.

    Attributes:
        text: a sentence for people.
        action: `generate` again or `train` on, with changed parameters; `songs`: bring other music.
        factors: parameter → factor to multiply its value by, where the approach has such a parameter.
        values: parameter → its new value, likewise.
        unless: parameter of either kind → a value with which this would change nothing (a temperature, where no
            chance is drawn).
    """

    text: str
    action: Literal["generate", "train", "songs"]
    factors: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    unless: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """One thing that is wrong.

    Attributes:
        code: a stable word, see `degeneracy`. title: for a badge.
        metric, value, limit: the evidence. cause: one sentence, the likely one.
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


CHANCE = Remedy("Let chance decide instead of taking the likeliest each time.", "generate", values={"greedy": False})
NO_CHANCE = {"greedy": True, "mode": "predict", "representation": "blocks"}  # with these, no temperature is asked
WARMER = Remedy("Generate again with a higher temperature.", "generate", {"temperature": 1.25}, unless=NO_CHANCE)
COOLER = Remedy("Generate again with a lower temperature.", "generate", {"temperature": 0.8}, unless=NO_CHANCE)
WIDER = Remedy("Choose among more than the few likeliest.", "generate", {"top_k": 4.0}, unless=NO_CHANCE)
LONGER = Remedy("Train for more epochs.", "train", {"epochs": 2.0})
SLOWER = Remedy("Train with a lower learning rate.", "train", {"learning_rate": 0.3})
LOOK_BACK = Remedy(
    "Train with a longer look-back, so that the network hears more than an instant.", "train", {"look_back": 4.0}
)
LONGER_MEMORY = Remedy("Train on longer sequences, so that it learns what follows.", "train", {"sequence_length": 2.0})
FRAMES = Remedy(
    "Train on overlapping frames, chosen one after the other: they do not fall silent.",
    "train",
    values={"representation": "frames"},
)
RECURRENT = Remedy(
    "Train with recurrence from frame to frame: that network makes music of its own.",
    "train",
    values={"recurrence": "frames"},
    unless={"mode": "predict"},
)
KEEP_LEVEL = Remedy(
    "Generate again with the level kept: it hears itself turned up where it has faded, down where it is too loud.",
    "generate",
    values={"keep_level": True},
)
DISTURBED = Remedy(
    "Train with noise on what is heard: then it goes on from its own inexact sound without fading or hissing.",
    "train",
    values={"heard_noise": 5.0},
)
LEAKY = Remedy("Train with leaky_relu, which can answer below zero.", "train", values={"activation": "leaky_relu"})
DROPOUT = Remedy("Train with more dropout, so that less is learned by heart.", "train", {"dropout": 1.5})
MORE_SONGS = Remedy("Train on more songs, so that there is more to choose from than to repeat.", "songs")
