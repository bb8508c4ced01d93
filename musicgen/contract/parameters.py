"""Hyper-parameters and presets: declared once, read by the form, the command line, the errors and the stored JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from musicgen.contract.applicability import Conditions, conditions_document
from musicgen.contract.searching import Searched, search_document
from musicgen.errors import InvalidParameter


class Parameters(BaseModel):
    """Base of every `Training` and `Generation` model. The form, the bounds, the help, the errors, the command line
    and the stored JSON all come from the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class TrainingParameters(Parameters):
    """Base of every `Training` model: all have epochs, which each approach declares with its own default."""

    epochs: int


def parameter(
    default: Any,
    *,
    title: str,
    help: str,
    advanced: bool = False,
    unit: str = "",
    widget: Literal["", "track", "voices"] = "",
    applies_when: Conditions | None = None,
    search: Searched | None = None,
    **bounds: Any,
) -> Any:
    """One hyper-parameter: `help` says what it does to the sound; `advanced` hides it in a fold of the form.

    `widget`: another way to enter it than its type suggests. "track" offers the MIDI tracks of the chosen songs by
    name; the value is a track number, or None for a guess. "voices" offers the voices that the network knows (its fact
    `voices`) by name; the value is text with commas between the names.

    `applies_when`: the values that other parameters must have for this one to have an effect (see `applicability`).

    `search`: where a search for good settings may look; None for what it must not change (see `searching`)."""
    extra: dict[str, Any] = {"advanced": advanced, "unit": unit, "widget": widget}
    if applies_when:
        extra["applies_when"] = conditions_document(applies_when)
    if search is not None:
        extra["search"] = search_document(search, bounds)
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class Preset:
    """Named values. All other parameters keep their defaults.

    Attributes:
        takes: how long a training takes on two CPU cores, in words, if it is not what one expects of a preset of this
            name.
    """

    summary: str
    training: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    takes: str = ""


Model = TypeVar("Model", bound=Parameters)


def read_parameters(model: type[Model], values: Mapping[str, Any]) -> Model:
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
    if not item["loc"]:  # a rule about several parameters includes what it received
        return f"{message[:1].upper()}{message[1:]}."
    return f"{name}: {message}. Received: {str(item['input'])[:120]}."
