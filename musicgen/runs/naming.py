"""The default name of a run: the approach, what was changed from the preset, the preset, the songs.

Two runs that differ in one setting have different names, and so have their outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from musicgen.contract.approach import Approach
from musicgen.contract.parameters import Parameters
from musicgen.songs.names import display_name

MAX_NAMED_SONGS, MAX_NAMED_CHANGES = 1, 2


def usual_name(approach: Approach, preset: str, training: Parameters, songs: Sequence[Mapping[str, Any]]) -> str:
    """`Amplitude LSTM, activation relu (original): A song and 2 more`; without a preset, the title and the songs.

    Changes come early, so that narrow lists still show them."""
    named = ", ".join(str(song["name"]) for song in songs[:MAX_NAMED_SONGS])
    others = len(songs) - MAX_NAMED_SONGS
    kind = approach.title
    if preset:
        kind = f"{', '.join([kind, *_changes(approach, preset, training)])} ({preset})"
    return display_name(f"{kind}: {named}" + (f" and {others} more" if others > 0 else ""))


def _changes(approach: Approach, preset: str, training: Parameters) -> Iterator[str]:
    """The first settings that differ from the preset, in the order of the form."""
    start = approach.Training(**approach.presets[preset].training)
    changed = [name for name in approach.Training.model_fields if getattr(training, name) != getattr(start, name)]
    for name in changed[:MAX_NAMED_CHANGES]:
        yield f"{name.replace('_', ' ')} {_words(getattr(training, name))}"
    if len(changed) > MAX_NAMED_CHANGES:
        yield "…"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(_words, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value).replace("_", " ")
