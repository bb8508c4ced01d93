"""What the rows and columns of a note network's weights stand for, so that a run can start from another whose songs
have other pitches, rhythms and instruments. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from musicgen.approaches.notes.event_features import BEATS_IN_BAR
from musicgen.approaches.notes.event_recall import N_CLASSES, N_STATES
from musicgen.approaches.notes.event_sizes import EventSizes
from musicgen.approaches.notes.events import (
    DURATION,
    FIELDS,
    GAP,
    PITCH,
    STEPS_PER_BEAT,
    VELOCITY,
    VOICE,
    EventCodec,
)
from musicgen.approaches.notes.token_codec import TokenCodec

Axes = tuple[Sequence[Hashable] | None, ...]
FAMILY = 8  # programs of General MIDI
OTHER_FAMILY = 12  # another family of instruments counts as far as an octave
START, NONE = "start", "none"


def note_weight_labels(codec: Any, sizes: EventSizes | None, source: Any = None) -> dict[str, Axes]:
    """The labels of the axes of each weight, by "layer/weight".

    Args:
        codec: of the network. sizes: of an event network.
        source: codec of the run that it starts from; each voice then stands for the nearest voice there.
    """
    if isinstance(codec, TokenCodec):
        words = codec.vocabulary.tokens
        return {"embedding/embeddings": (words, None), "logits/kernel": (None, words), "logits/bias": (words,)}
    assert sizes is not None  # of an event network
    return _EventLabels(codec, sizes, source if isinstance(source, EventCodec) else None).all()


class _EventLabels:
    def __init__(self, codec: EventCodec, sizes: EventSizes, source: EventCodec | None) -> None:
        self.sizes = sizes
        self.values: list[list[Hashable]] = [list(values) for values in codec.values]
        voices = [_nearest_voice(codec, number, source) for number in range(len(codec.voices))]
        self.values[VOICE] = [voices[number] for number in codec.values[VOICE]]

    def all(self) -> dict[str, Axes]:
        pitches, n_pitches = self._of(PITCH), self.sizes.n_pitches
        intervals = range(1 - n_pitches, n_pitches)
        labels: dict[str, Axes] = {
            "hear/embeddings": (self._heard(), None),
            "hear_sounding/kernel": (pitches, None),
            "pitch_sounding/kernel": (pitches, None),
            "interval_1/kernel": (None, intervals),
            "interval_2/kernel": (None, intervals),
            "voice_states/kernel": (
                [(state, voice) for state in range(N_STATES) for voice in self.values[VOICE]],
                None,
            ),
        }
        for field in self.sizes.spoken:
            name = FIELDS[field]
            labels[f"{name}_logits/kernel"] = (None, self._of(field))
            labels[f"{name}_logits/bias"] = (self._of(field),)
            labels[f"{name}_told/embeddings"] = (self._told(field), None)
        return labels

    def _of(self, field: int, name: str = "", *more: Hashable) -> list[Hashable]:
        return [(name or FIELDS[field], value) for value in [*self.values[field], *more]]

    def _heard(self) -> list[Hashable]:
        values = [label for field in range(len(FIELDS)) for label in self._of(field, "", START)]
        return [*values, *_counted("place", STEPS_PER_BEAT), *_counted("beat", BEATS_IN_BAR)]

    def _told(self, field: int) -> list[Hashable]:
        labels: list[Hashable] = []
        if field != GAP:
            for before in self.sizes.spoken:
                labels += self._of(before) if before < field else []
            labels += [*_counted("place", STEPS_PER_BEAT), *_counted("beat", BEATS_IN_BAR)]
        if field == PITCH:
            labels += self._of(PITCH, "last", NONE)
        if not self.sizes.recalls:
            return labels
        labels += _counted("followed", N_CLASSES)
        if field in (PITCH, DURATION):
            labels += _counted("voiced", N_CLASSES)
        further = {GAP: GAP, PITCH: DURATION, DURATION: DURATION, VELOCITY: VELOCITY}
        return labels + (self._of(further[field], "recalled", NONE) if field in further else [])


def _counted(name: str, number: int) -> list[Hashable]:
    return [(name, each) for each in range(number)]


def _nearest_voice(codec: EventCodec, number: int, source: EventCodec | None) -> Hashable:
    """The voice of the source that is nearest in instrument and register; without a source, the voice itself."""
    if source is None:
        return codec.voices[number].program, codec.voices[number].number

    def distance(other: int) -> tuple[float, int]:
        mine, theirs = codec.voices[number], source.voices[other]
        is_same = (mine.program, mine.number) == (theirs.program, theirs.number)
        family = OTHER_FAMILY * (mine.program // FAMILY != theirs.program // FAMILY)
        return (0.0 if is_same else 1.0 + family + abs(_middle(codec, number) - _middle(source, other))), other

    nearest = source.voices[min(range(len(source.voices)), key=distance)]
    return nearest.program, nearest.number


def _middle(codec: EventCodec, voice: int) -> float:
    return sum(codec.ranges[voice]) / 2
