"""A form built from a parameter model: bounds, help, units and choices are declared once, in the approach."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from musicgen.contract.applicability import applies
from musicgen.contract.parameters import Parameters, read_parameters
from musicgen.errors import InvalidParameter
from pages.ui.bounds import allowed, number_refused
from pages.ui.layout import kept_place
from pages.ui.state import recall, remember

Model = TypeVar("Model", bound=Parameters)

VOICE_NUMBERS = ("1", "2", "3", "4", "5", "6")  # where the network's names of its voices are not known
UNIT_WORDS = {"s": "seconds"}  # how a title writes a unit that has a symbol


@dataclass(frozen=True)
class Entry:
    """One field of the form. `kind`: integer, number, boolean, choice, list or text. `applies_when`: see
    `musicgen.contract.applicability`."""

    name: str
    title: str
    help: str
    unit: str
    advanced: bool
    kind: str
    optional: bool
    choices: tuple[Any, ...]
    low: float | None
    high: float | None
    default: Any
    widget: str = ""
    applies_when: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The title, with the unit unless the title names it: "Samples to predict", but "Hop (samples)"."""
        is_named = UNIT_WORDS.get(self.unit, self.unit).lower() in self.title.lower().split()
        return self.title if is_named or not self.unit else f"{self.title} ({self.unit})"


@dataclass(frozen=True)
class Offered:
    """What fields offer that is not known to the model: tracks by number, and voices."""

    tracks: Mapping[int, str]
    voices: Sequence[str]


def entries(model: type[Parameters]) -> list[Entry]:
    """The fields of a model in order, read from its JSON schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    return [_entry(name, document, definitions) for name, document in schema.get("properties", {}).items()]


def _entry(name: str, document: Mapping[str, Any], definitions: Mapping[str, Any]) -> Entry:
    options = [_resolved(option, definitions) for option in document.get("anyOf", [document])]
    kinds = [option for option in options if option.get("type") != "null"]
    rules = kinds[0] if kinds else {}
    choices = tuple(
        value for option in kinds for value in option.get("enum", [option["const"]] if "const" in option else [])
    )
    kind = {"integer": "integer", "number": "number", "boolean": "boolean", "array": "list"}.get(
        str(rules.get("type")), "text"
    )
    is_whole = kind == "integer"
    return Entry(
        name=name,
        title=document.get("title", name),
        help=document.get("description", ""),
        unit=document.get("unit", ""),
        advanced=bool(document.get("advanced", False)),
        kind="choice" if choices else kind,
        optional=len(kinds) < len(options),
        choices=choices,
        low=_bound(rules, "minimum", "exclusiveMinimum", 1 if is_whole else 0),
        high=_bound(rules, "maximum", "exclusiveMaximum", -1 if is_whole else 0),
        default=document.get("default"),
        widget=document.get("widget", ""),
        applies_when=document.get("applies_when", {}),
    )


def _resolved(option: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = option.get("$ref")
    return definitions[reference.rsplit("/", 1)[-1]] if reference else option


def _bound(rules: Mapping[str, Any], inclusive: str, exclusive: str, inside: int) -> float | None:
    if inclusive in rules:
        return rules[inclusive]
    # A whole number just inside an exclusive bound. For fractions, the model rejects the bound itself, with a sentence.
    return rules[exclusive] + inside if exclusive in rules else None


def parameter_form(
    model: type[Parameters],
    values: Mapping[str, Any],
    *,
    key_prefix: str,
    tracks: Mapping[int, str] | None = None,
    voices: Sequence[str] = (),
    around: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Draw every field that has an effect, with the key `<key_prefix>.<field>`, and return the values entered, not yet
    validated (`read_form` does that). A field without effect has its value of the preset or the default, so that
    nothing that cannot be seen stops the action.

    Args:
        values: a preset; fills the form whenever it changes. Fields that it does not set start at the model's default.
        tracks: the choices of fields that ask for a track. voices: of those that ask for voices.
        around: what else conditions may name ("training.representation", "prompt").
    """  # fmt: skip
    wanted = entries(model)
    _fill(wanted, values, key_prefix)
    offered = Offered(tracks or {}, voices)
    known = {**{entry.name: st.session_state[f"{key_prefix}.{entry.name}"] for entry in wanted}, **(around or {})}
    shown = {entry.name for entry in wanted if applies(entry.applies_when, known)}
    entered = _grid([entry for entry in wanted if not entry.advanced], shown, key_prefix, offered)
    advanced = [entry for entry in wanted if entry.advanced]
    if advanced:
        with st.expander("Advanced", icon=":material/tune:", key=f"{key_prefix}.advanced"):
            entered |= _grid(advanced, shown, key_prefix, offered)
    return {entry.name: entered.get(entry.name, values.get(entry.name, entry.default)) for entry in wanted}


def read_form(model: type[Model], entered: Mapping[str, Any]) -> Model:
    """Validated parameters. Raises InvalidParameter, which names the fields as the form does, if Start must not start.

    Args:
        entered: what `parameter_form` returned.
    """
    fields = entries(model)
    asked = (
        number_refused(entry.label, entry.low, entry.high, entered[entry.name], entry.optional)
        for entry in fields
        if entry.kind in ("integer", "number") and entry.widget != "track"
    )
    if refused := " ".join(filter(None, asked)):
        raise InvalidParameter(refused)
    try:
        return read_parameters(model, entered)
    except InvalidParameter as error:
        raise InvalidParameter(_with_labels(str(error), fields)) from error


def _with_labels(sentence: str, fields: Sequence[Entry]) -> str:
    """`batch_size: Input should …` or `… batch_size = 3` with the labels of the form."""
    for entry in fields:
        sentence = re.sub(rf"(^|; ){entry.name}(\.\d+)*: ", rf"\1{entry.label}: ", sentence)
        sentence = re.sub(rf"(?<!\w){entry.name}(?= = )", entry.label, sentence)
    return sentence.replace(": Input should be ", " must be ")


def prefill(model: type[Parameters], values: Mapping[str, Any], changed: Mapping[str, Any], *, key_prefix: str) -> None:
    """Make the form open with `values` (a preset) and `changed` on top. For links from other pages; call it before the
    form is drawn."""
    wanted = entries(model)
    _fill(wanted, values, key_prefix)
    for entry in wanted:
        if entry.name in changed:
            st.session_state[f"{key_prefix}.{entry.name}"] = _shown(entry, changed[entry.name])


def _fill(wanted: list[Entry], values: Mapping[str, Any], key_prefix: str) -> None:
    """Fill the widgets from the preset if it is not the same as last time; always fill new widgets."""
    marker = json.dumps([[entry.name for entry in wanted], dict(values)], sort_keys=True, default=str)
    is_new = recall(f"form.{key_prefix}") != marker
    remember(f"form.{key_prefix}", marker)
    for entry in wanted:
        key = f"{key_prefix}.{entry.name}"
        if is_new or key not in st.session_state:
            st.session_state[key] = _shown(entry, values.get(entry.name, entry.default))


def _shown(entry: Entry, value: Any) -> Any:
    if entry.kind == "list":
        return ", ".join(str(item) for item in value or ())
    if entry.kind == "number" and value is not None:
        return float(value)
    if entry.widget == "voices":
        return [part.strip() for part in str(value or "").split(",") if part.strip()]
    if entry.kind == "text":
        return "" if value is None else str(value)
    return value


def _grid(wanted: list[Entry], shown: Collection[str], key_prefix: str, offered: Offered) -> dict[str, Any]:
    """The fields that are `shown`; the others keep their place, so that nothing moves under a visitor who types."""
    entered = {}
    with st.grid(3, min_column_width=190, vertical_alignment="bottom") as grid:
        for entry in wanted:
            # Names of tracks are long.
            place = grid.cell(column_span="all") if entry.widget == "track" else nullcontext()
            with place, kept_place() if entry.applies_when else nullcontext():
                if entry.name in shown:
                    entered[entry.name] = _widget(entry, f"{key_prefix}.{entry.name}", offered)
    return entered


def _widget(entry: Entry, key: str, offered: Offered) -> Any:
    """The widget of one field. Its value comes only from the session state (`_fill`), never from a default here."""
    common: dict[str, Any] = {"key": key, "help": entry.help or None, "persist_state": "session"}
    if entry.widget == "track":
        return _track(entry, offered.tracks, common)
    if entry.widget == "voices":
        return _voices(entry, offered.voices or VOICE_NUMBERS, common)
    if entry.kind == "boolean":
        return st.toggle(entry.label, **common)
    if entry.kind == "choice":
        return st.selectbox(entry.label, _choices(entry), format_func=_choice_label, **common)
    if entry.kind in ("integer", "number"):
        return st.number_input(entry.label, **_number_rules(entry), **common)
    text = st.text_input(entry.label, **common)
    if entry.kind == "list":
        return read_list(text) or (None if entry.optional else [])
    return None if entry.optional and not text.strip() else text


def _track(entry: Entry, tracks: Mapping[int, str], common: Mapping[str, Any]) -> int | None:
    """The tracks of the chosen songs by name. A number that no song has stays visible, so that it can be rejected."""
    current = st.session_state[common["key"]]
    labels: dict[Any, str] = {**({None: "Guess"} if entry.optional else {}), **tracks}
    if current not in labels:
        labels[current] = f"{current}: in none of the songs"
    return st.selectbox(
        entry.label, list(labels), format_func=lambda index: labels.get(index, str(index)),
        placeholder=labels.get(None), **common,
    )  # fmt: skip


def _voices(entry: Entry, names: Sequence[str], common: Mapping[str, Any]) -> str:
    """Voices by name, with commas between them. What a link or preset gives as a number or in small letters counts."""
    known = {name.lower(): name for name in names} | {str(number): name for number, name in enumerate(names, 1)}
    given = [known[each.lower()] for each in st.session_state[common["key"]] if each.lower() in known]
    st.session_state[common["key"]] = [name for name in names if name in given]
    return ", ".join(st.pills(entry.label, list(names), selection_mode="multi", **common))


def _choices(entry: Entry) -> list[Any]:
    return [None, *entry.choices] if entry.optional else list(entry.choices)


def _choice_label(value: Any) -> str:
    return "none" if value is None else str(value).replace("_", " ")


def _number_rules(entry: Entry) -> dict[str, Any]:
    """No bounds, so that every number arrives (see `pages.ui.bounds`); `read_form` knows them."""
    rules: dict[str, Any] = {
        "step": 1 if entry.kind == "integer" else float_step(entry),
        "value": None,
        "placeholder": "not set" if entry.optional else allowed(entry.low, entry.high),
    }
    return rules if entry.kind == "integer" else rules | {"format": "%g"}


def float_step(entry: Entry) -> float:
    """One click changes a fraction by about a tenth of its default: 0.0001 for a learning rate of 0.001."""
    size = abs(float(entry.default or 0.0)) or (entry.high or 1.0)
    return 10.0 ** (math.floor(math.log10(size) + 1e-9) - (0 if math.log10(size) % 1 > 0.3 else 1))


def read_list(text: str) -> list[Any]:
    """From "50, 25, 12" to [50, 25, 12]. What is not a number stays text: the model rejects it with a sentence."""
    return [_number(word) for word in text.replace(";", ",").split(",") if word.strip()]


def _number(word: str) -> Any:
    for read in (int, float):
        try:
            return read(word)
        except ValueError:
            continue
    return word.strip()
