"""An event network as layers, for drawings. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.events import FIELDS
from musicgen.contract.drawing import Layer

# Words for numbers of values that only the songs can tell, and what each choice does to the music.
NAMES = ("gaps", "voices", "pitches", "lengths", "levels")
NOTES = (
    "When the next note starts: with this one (a chord), soon, or after a rest.",
    "Which instrument plays it.",
    "Which pitch, given the last pitch of the voice, what sounds, and the key.",
    "How long it lasts.",
    "How loud it is.",
)


def event_layers(
    steps: int, embedding: int, memory: Sequence[Layer], sizes: EventSizes | None = None
) -> tuple[Layer, ...]:
    """Notes → five values each → input vectors → `memory` → one choice for each value → notes.

    Args:
        steps: notes in a window. memory: the layers that read the past (LSTM or convolutions).
        sizes: None if no songs have been chosen yet; what only they can tell is then a word, or None.
    """
    spoken = sizes.spoken if sizes else range(len(FIELDS))
    choices = [
        Layer(
            f"Choice of the {FIELDS[field]}",
            "choice",
            (steps, sizes.fields[field] if sizes else NAMES[field]),
            sizes.head_parameters(field) if sizes else None,
            NOTES[field],
        )
        for field in spoken
    ]
    return (
        Layer("Notes", "music", (steps,)),
        Layer("Five values of each note", "codec", (steps, len(FIELDS)), note="When, who, what, how long, how loud."),
        Layer(
            f"Vectors, {embedding} wide", "embedding", (steps, embedding), sizes.heard_parameters if sizes else None,
            "The note, its place in the bar, and what still sounds.",
        ),
        *memory,
        *choices,
        Layer("The next note", "music", (len(FIELDS),), note="It becomes the next input, and so on."),
    )  # fmt: skip
