"""Which of the two codecs of notes a document or a run has, and what both note networks read from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicgen.approaches.notes.events import FIELDS, EventCodec
from musicgen.approaches.notes.token_codec import TokenCodec


def notes_codec(document: dict[str, Any]) -> EventCodec | TokenCodec:
    """The codec that was saved as JSON: only one of tokens has a vocabulary."""
    return (TokenCodec if "vocabulary" in document else EventCodec).from_json(document)


def field_sizes(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """Number of values of each field of an event, in the order of `FIELDS`, from the facts of `prepare_events`. They
    are found by name: JSON may have sorted them."""
    return tuple(int(facts["values_of_each_field"][name]) for name in FIELDS)
