"""Sizes of an event network, and its number of weights. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.approaches.notes.event_features import BEATS_IN_BAR, FADING
from musicgen.approaches.notes.event_recall import N_CLASSES, N_STATES, habit_fields
from musicgen.approaches.notes.events import DURATION, GAP, PITCH, STEPS_PER_BEAT, VELOCITY, VOICE, EventCodec

# How many values each field is pointed at by what a piece recalls (see event_recall).
POINTERS = {GAP: 2, VOICE: 1, PITCH: 2, DURATION: 4, VELOCITY: 3}
N_LIKED = 12 * (1 + len(FADING))  # a pitch in relation to what sounds and to the key


@dataclass(frozen=True)
class EventSizes:
    """Sizes of an event network.

    Attributes:
        fields: number of values of each field.
        units: width of the context. num_layers: LSTM layers; 0 if other layers stand in for them and are counted
            elsewhere.
        recalls: whether it is told what the piece recalls of itself.
    """

    fields: tuple[int, ...]
    embedding: int
    units: int
    num_layers: int
    head: int
    dropout: float
    recurrent_dropout: float = 0.0
    recalls: bool = False

    @classmethod
    def of(
        cls,
        codec: EventCodec,
        *,
        embedding: int,
        units: int,
        num_layers: int,
        head: int,
        dropout: float,
        recalls: bool = False,
    ) -> EventSizes:
        return cls(codec.sizes, embedding, units, num_layers, head, dropout, recalls=recalls)

    @property
    def spoken(self) -> tuple[int, ...]:
        """The fields that are chosen: those with two values or more."""
        return tuple(field for field, size in enumerate(self.fields) if size > 1)

    @property
    def n_pitches(self) -> int:
        return self.fields[PITCH]

    @property
    def n_intervals(self) -> int:
        """From the highest pitch down to the lowest, and back up."""
        return 2 * self.n_pitches - 1

    @property
    def heard(self) -> list[int]:
        """The inputs for an event: its fields (or the start mark), and its place in the bar."""
        return [*(size + 1 for size in self.fields), STEPS_PER_BEAT, BEATS_IN_BAR]

    def told(self, field: int) -> list[int]:
        """What the head of a field is conditioned on: the fields before it, its place, the last pitch of its voice."""
        if field == GAP:
            return self.recalled(field)
        before = [self.fields[earlier] for earlier in self.spoken if earlier < field]
        last = [self.n_pitches + 1] if field == PITCH else []
        return [*before, STEPS_PER_BEAT, BEATS_IN_BAR, *last, *self.recalled(field)]

    def recalled(self, field: int) -> list[int]:
        """How long what is recalled has matched; when the next voice ends; length or level of the voice's last note."""
        further = {
            GAP: [self.fields[GAP] + 1],
            PITCH: [N_CLASSES, self.fields[DURATION] + 1],
            DURATION: [N_CLASSES, self.fields[DURATION] + 1],
            VELOCITY: [self.fields[VELOCITY] + 1],
        }
        return [N_CLASSES, *further.get(field, [])] if self.recalls else []

    @property
    def habits(self) -> list[int]:
        """The fields that are mixed with the values that the piece has used."""
        return habit_fields(self.fields) if self.recalls else []

    def recall_parameters(self, field: int) -> int:
        """Weights of a head for what is recalled, besides those of what it is told."""
        if not self.recalls:
            return 0
        strengths = POINTERS[field] + (field in self.habits) + (N_STATES if field == VOICE else 0)
        return (self.head + 1) * strengths + (N_STATES * self.fields[VOICE] * self.head if field == VOICE else 0)

    @property
    def heard_parameters(self) -> int:
        """Weights of the input layers."""
        return (sum(self.heard) + self.n_pitches) * self.embedding

    def head_parameters(self, field: int) -> int:
        """Weights of the head that chooses a field."""
        told = sum(self.told(field)) + (self.n_pitches + 2 * self.n_intervals if field == PITCH else 0)
        liked = (self.head + 1) * N_LIKED if field == PITCH else 0
        chosen = (self.units + 1 + told) * self.head + (self.head + 1) * self.fields[field]
        return liked + chosen + self.recall_parameters(field)

    @property
    def parameters(self) -> int:
        """Trainable weights, in closed form."""
        inputs = [self.embedding, *[self.units] * (self.num_layers - 1)][: self.num_layers]
        memory = sum(4 * self.units * (size + self.units + 1) for size in inputs)
        return self.heard_parameters + memory + sum(self.head_parameters(field) for field in self.spoken)

    @property
    def multiplied(self) -> int:
        """Multiply-adds for one event; looking up a vector costs nothing."""
        inputs = [self.embedding, *[self.units] * (self.num_layers - 1)][: self.num_layers]
        memory = sum(4 * self.units * (size + self.units) for size in inputs)
        heads = sum(self.head * (self.units + self.fields[field]) for field in self.spoken)
        return memory + heads + self.n_pitches * (self.embedding + 5 * self.head)
