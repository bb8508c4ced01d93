"""How two outputs differ: approach, songs, settings and seeds, so that the visitor can tell which is which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from musicgen.approaches import approaches
from musicgen.contract.approach import Approach
from pages.ui import run_words
from pages.ui.tables import text_table

Row = tuple[str, ...]


def draw_differences(reference_id: str, generated_id: str, headings: tuple[str, str]) -> None:
    """A table of how the two were made differently; nothing if one of them is a song."""
    from musicgen.runs.api import get_output

    if not (reference_id.startswith("output-") and generated_id.startswith("output-")):
        return
    rows = list(differences(get_output(reference_id).sidecar, get_output(generated_id).sidecar))
    if not rows:
        st.caption("Both were made with the same settings and seeds.")
        return
    with st.container(key="compare_differences"):
        text_table(("Difference", *headings), rows)


def differences(reference: Mapping[str, Any], generated: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of (what differs, value on the left, value on the right), from the sidecars of two outputs."""
    both = (reference, generated)
    kinds = [approaches().get(str((each.get("run") or {}).get("approach"))) for each in both]
    titles = _titles(kinds[0])
    pairs: list[tuple[str, list[Any]]] = [
        ("Approach", [kind.title if kind else "unknown" for kind in kinds]),
        ("Songs", [[song["name"] for song in each.get("songs") or ()] for each in both]),
        *(pair for part in ("training", "generation") for pair in _settings(part, both, titles)),
        ("Training seed", [each.get("training_seed") for each in both]),
        ("Seed", [each.get("seed") for each in both]),
    ]
    yield from ((what, *map(_words, values)) for what, values in pairs if values[0] != values[1])


def _settings(
    part: str, both: Sequence[Mapping[str, Any]], titles: Mapping[str, str]
) -> Iterator[tuple[str, list[Any]]]:
    """Settings that both have. A setting that only one approach has cannot be compared."""
    before, after = (each.get(part) or {} for each in both)
    for name in before:
        if name in after:
            yield titles.get(f"{part}.{name}", name), [before[name], after[name]]


def _titles(kind: Approach | None) -> dict[str, str]:
    """The titles that the form gives to the settings."""
    models = {"training": kind.Training, "generation": kind.Generation} if kind else {}
    return {
        f"{part}.{name}": field.title or name
        for part, model in models.items()
        for name, field in model.model_fields.items()
    }


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else run_words.fact_value(value)
