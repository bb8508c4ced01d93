"""Turns verdicts into buttons: what this approach can change, by how much, and in what words. Light.

A remedy says "a higher temperature"; an Offer says "Generate again at temperature 1.25". Only changes
that the approach has a parameter for, that its bounds and rules allow, and that make a difference are offered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from musicgen.contract.parameters import Parameters, read_parameters
from musicgen.errors import InvalidParameter
from musicgen.evaluation.verdict import FASTER

ACTIONS = ("generate", "resume", "train", "songs")


@dataclass(frozen=True)
class Offer:
    """One button.

    Attributes:
        action: `generate` again with `changes` to the settings; `resume` the training up to `changes["epochs"]`;
            `train` again with `changes` to the settings; `songs`: add other music.
        title: the label, with numbers. why: a sentence.
    """

    action: str
    title: str
    why: str
    changes: dict[str, Any]


@dataclass(frozen=True)
class RemedySettings:
    """A parameter model and its current values."""

    model: type[Parameters]
    values: Mapping[str, Any]

    def has(self, name: str) -> bool:
        return name in self.model.model_fields

    def title(self, name: str) -> str:
        """The title of a parameter as written in the middle of a sentence."""
        title = str(self.model.model_fields[name].title or name)
        return title if title[:2].isupper() else title[:1].lower() + title[1:]

    def unit(self, name: str) -> str:
        extra = self.model.model_fields[name].json_schema_extra
        return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def possible_remedies(
    verdicts: Iterable[Mapping[str, Any]],
    training: RemedySettings,
    generation: RemedySettings,
    *,
    trained_epochs: int = 0,
    is_flat: bool = False,
) -> list[Offer]:
    """What can be done about verdicts (their JSON), without repeats, the quickest first.

    Args:
        trained_epochs: epochs that the run has finished; more are added to these.
        is_flat: the loss of the run has not moved, so more of the same, or smaller steps, would change nothing.
    """
    offers: list[Offer] = []
    for verdict in verdicts:
        for given in verdict.get("remedies", ()):
            remedy = asdict(FASTER) if is_flat and _needs_a_moving_loss(given) else given
            offer = _offer(remedy, training, generation, trained_epochs)
            if offer is not None and all((offer.action, offer.changes) != (o.action, o.changes) for o in offers):
                offers.append(offer)
    return sorted(offers, key=lambda offer: ACTIONS.index(offer.action))


def _needs_a_moving_loss(remedy: Mapping[str, Any]) -> bool:
    """Whether it is "more epochs" or "a lower learning rate"."""
    factors = remedy.get("factors") or {}
    return remedy.get("action") == "train" and ("epochs" in factors or factors.get("learning_rate", 1.0) < 1.0)


def _offer(
    remedy: Mapping[str, Any], training: RemedySettings, generation: RemedySettings, trained_epochs: int
) -> Offer | None:
    text, action = str(remedy.get("text", "")), str(remedy.get("action", ""))
    if action == "songs":
        return Offer("songs", "Add more songs", text, {})
    if action not in ("generate", "train"):
        return None
    settings = generation if action == "generate" else training
    if _is_pointless(remedy, {**training.values, **generation.values}):
        return None
    changes = _changes(remedy, settings, trained_epochs)
    if not changes:
        return None
    if set(changes) == {"epochs"}:
        return Offer("resume", f"Continue training to epoch {changes['epochs']:,}", text, changes)
    verb = "Generate again" if action == "generate" else "Train again"
    return Offer(action, f"{verb} {_words(changes, settings)}", text, changes)


def _changes(remedy: Mapping[str, Any], settings: RemedySettings, trained_epochs: int) -> dict[str, Any]:
    """New values; {} if they are not allowed or would change nothing."""
    factors, values = remedy.get("factors") or {}, remedy.get("values") or {}
    if not all(settings.has(name) for name in (*factors, *values)):
        return {}
    changes = {name: value for name, value in values.items() if settings.values.get(name) != value}
    for name, factor in factors.items():
        now = trained_epochs if name == "epochs" and trained_epochs else settings.values.get(name)
        value = scaled(settings.model, name, now, factor)
        if value is not None:
            changes[name] = value
    return changes if changes and _is_possible(settings, changes) else {}


def _is_pointless(remedy: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return any(name in values and values[name] == value for name, value in (remedy.get("unless") or {}).items())


def _is_possible(settings: RemedySettings, changes: Mapping[str, Any]) -> bool:
    known = {name: value for name, value in settings.values.items() if settings.has(name)}
    try:
        read_parameters(settings.model, {**known, **changes})
    except InvalidParameter:
        return False
    return True


def scaled(model: type[Parameters], name: str, value: Any, factor: float) -> int | float | None:
    """`value` × `factor` within the bounds of the parameter, to three digits; None if that changes nothing.

    A 0 that is to grow becomes the default: it meant "none at all"."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    rules = _rules(model, name)
    wanted = value * factor if value else (model.model_fields[name].default or 0) if factor > 1 else 0
    if not isinstance(wanted, int | float) or isinstance(wanted, bool):
        return None
    is_whole = rules.get("type") == "integer"
    wanted = _whole(wanted, factor) if is_whole else float(f"{wanted:.3g}")
    wanted = max(min(wanted, rules.get("maximum", math.inf)), rules.get("minimum", -math.inf))
    if wanted >= rules.get("exclusiveMaximum", math.inf):
        wanted = float(f"{(value + rules['exclusiveMaximum']) / 2:.3g}")
    if step := rules.get("multipleOf"):
        wanted = round(wanted / step) * step
    return None if math.isclose(wanted, value) else (int(wanted) if is_whole else float(wanted))


def _whole(wanted: float, factor: float) -> int:
    return math.ceil(wanted) if factor > 1 else math.floor(wanted)


def _rules(model: type[Parameters], name: str) -> Mapping[str, Any]:
    """The JSON schema of a parameter; of an optional one, the part that is a number."""
    document = model.model_json_schema()["properties"][name]
    options = document.get("anyOf", [document])
    return next((option for option in options if option.get("type") in ("integer", "number")), {})


def _words(changes: Mapping[str, Any], settings: RemedySettings) -> str:
    return " and ".join(_change_words(name, value, settings) for name, value in changes.items())


def _change_words(name: str, value: Any, settings: RemedySettings) -> str:
    if isinstance(value, bool):
        return f"{'with' if value else 'without'} “{settings.title(name)}”"
    shown = f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
    preposition = "at" if isinstance(value, float) else "with"
    return f"{preposition} {settings.title(name)} {shown} {settings.unit(name)}".strip()
