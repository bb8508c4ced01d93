"""Sizes of the two networks, and their numbers of weights. Arithmetic only: no framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.approaches.voices.matches import HELD, KINDS, LENGTHS

PLACES = 64  # steps in a bar that are told apart; also of the length of a bar
LEFT = 18  # how near the end is: unknown, and by the beat
LEAPS = 36  # semitones between two voices that are told apart, each way
KERNEL = 5  # of the convolutions that fill in
MOMENTS = 2  # that a voice's move is judged from: the step before and the last beat before
MOMENTS_AROUND = 4  # the same for filling in, and those after
TONES = 12  # in an octave
STRETCHES = 2  # over which tones are counted: the whole piece so far, and its last beats; for filling in, both ways
TONES_REACH = 32  # steps before and after a cell to be filled in, in which tones are counted once more
COUNTED = 2 * STRETCHES * TONES  # numbers that say how often each tone was heard: shares, and their logarithms


@dataclass(frozen=True)
class VoiceSizes:
    """Sizes of both networks.

    Attributes:
        values: of a cell: a rest and the pitches. voices: how many. strikes: whether the songs say that a note is
            struck again.
        units, num_layers: of the LSTM. head: width of the layer that decides a voice.
        channels, depth: of the convolutions that fill in; depth 0 leaves them out.
        told_dropout: share of the facts about a step that training leaves out, each as a whole.
        counts_tones: whether both networks are told how often each tone of the octave is heard.
    """

    values: int
    voices: int
    strikes: bool
    units: int
    num_layers: int
    head: int
    channels: int
    depth: int
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    told_dropout: float = 0.0
    counts_tones: bool = False

    @property
    def nothing(self) -> int:
        """The id that stands for no step at all: before the start, or no match."""
        return self.values

    @property
    def order(self) -> tuple[int, ...]:
        """The voices in the order in which a step is decided: the top, the bottom, then upwards."""
        return (0, *range(self.voices - 1, 0, -1))

    @property
    def shifted(self) -> int:
        """Logits by interval: enough for every pitch from every other, by halves (see network.from_anchor)."""
        return self.values + (1 << (self.values - 1).bit_length()) - 1

    @property
    def heard(self) -> list[int]:
        """What the LSTM is told before a step: each voice's last note and how long it has been held, what followed
        earlier matches, each other voice's height above the lowest, how long the matches are, the place in the bar, the
        bar, and how near the end is."""
        notes = [self.values + 1] * self.voices
        held = [len(HELD) + 1] * self.voices
        chord = [2 * LEAPS + 2] * (self.voices - 1)
        return [*notes, *held, *notes * KINDS, *chord, *self.around]

    @property
    def around(self) -> list[int]:
        """What the head is told of a step, whichever voice it decides."""
        return [*[len(LENGTHS) + 1] * KINDS, PLACES, PLACES, LEFT]

    @property
    def told_own(self) -> list[int]:
        """What is told of the voice to be decided, besides the context: which it is, its last note, how long it has
        been held, its guesses from earlier matches."""
        return [self.voices, self.values + 1, len(HELD) + 1, *[self.values + 1] * KINDS]

    @property
    def told_decided(self) -> list[int]:
        """And of each voice decided before (or not yet): its note, the intervals from the own last note to it and to
        its own last note, how far it has moved, and (with strikes) whether it was struck."""
        return [self.values + 1, *[2 * LEAPS + 2] * 3, *([2] if self.strikes else [])]

    @property
    def pairs(self) -> int:
        """Of a voice and another one."""
        return self.voices * (self.voices - 1)

    def pair_parameters(self, moments: int) -> int:
        """Weights of the tables of two voices that go together, see `pairs`."""
        return moments * self.pairs * 4 * (TONES + 1) * 2 * TONES + self.pairs * (2 * self.values - 1)

    @property
    def decided_outputs(self) -> list[int]:
        """Parts of what is said of a voice: of its pitch, of two intervals, of each guess, of being struck again."""
        return [self.values, self.shifted, self.shifted, KINDS, *([1] if self.strikes else [])]

    @property
    def context_parameters(self) -> int:
        """Weights of the layer that turns the context into a view for each voice."""
        return (self.units + 1) * self.voices * self.head + sum(self.around) * self.head

    @property
    def told_parameters(self) -> int:
        """Weights of what is told of the other voices."""
        told = sum(self.told_own) + (self.voices - 1) * sum(self.told_decided)
        counted = self.voices * COUNTED if self.counts_tones else 0
        return told * self.head + self.pair_parameters(MOMENTS) + counted

    @property
    def decided_parameters(self) -> int:
        """Weights of the last layer, which all voices share."""
        return (self.head + 1) * sum(self.decided_outputs)

    @property
    def lstm_parameters(self) -> list[int]:
        return [4 * self.units * (2 * self.units + 1)] * self.num_layers

    @property
    def heard_parameters(self) -> int:
        return (sum(self.heard) + (COUNTED if self.counts_tones else 0)) * self.units

    @property
    def seen(self) -> list[int]:
        """What is told of each step that is filled in: each voice's note, struck or held, or hidden; the nearest notes
        of the voice that are not hidden, before and after; and its place."""
        cells, near = [2 * self.values + 1] * self.voices, [self.values + 1] * (2 * self.voices)
        return cells + near + [PLACES, PLACES, LEFT]

    @property
    def block_parameters(self) -> int:
        """Weights of one block of convolutions."""
        return self.channels * (2 + KERNEL + 1 + self.channels + 1)

    @property
    def filled_parts(self) -> list[int]:
        """Parts of what is said of a cell: of its pitch, of the intervals from the nearest notes before and after, of
        these notes themselves."""
        return [self.values, self.shifted, self.shifted, 2]

    @property
    def filled_own(self) -> list[int]:
        """What is told of a cell to be filled in, besides what the convolutions see: its voice, the nearest notes of
        the voice before and after."""
        return [self.voices, self.values + 1, self.values + 1]

    @property
    def filled_others(self) -> list[int]:
        """And of each other voice its note there, if it is not hidden, and the intervals as in `told_decided`."""
        return [self.values + 1, *[2 * LEAPS + 2] * 3]

    @property
    def seen_parameters(self) -> int:
        return (sum(self.seen) + (COUNTED if self.counts_tones else 0)) * self.channels if self.depth else 0

    @property
    def filled_parameters(self) -> int:
        """Weights of the last layers that fill in."""
        if not self.depth:
            return 0
        views = 2 * self.channels + (self.channels + 1) * self.voices * self.head
        told = sum(self.filled_own) + (self.voices - 1) * sum(self.filled_others)
        last = told * self.head + (self.head + 1) * sum(self.filled_parts)
        counted = self.voices * COUNTED if self.counts_tones else 0
        return views + last + counted + self.pair_parameters(MOMENTS_AROUND)

    @property
    def parameters(self) -> int:
        """Trainable weights, in closed form."""
        heads = self.context_parameters + self.told_parameters + self.decided_parameters
        causal = self.heard_parameters + sum(self.lstm_parameters) + heads
        return causal + self.seen_parameters + self.depth * self.block_parameters + self.filled_parameters

    @property
    def multiplied(self) -> int:
        """Multiply-adds for one step, forward; looking up a vector costs nothing."""
        heads = self.context_parameters + self.voices * self.decided_parameters
        return sum(self.lstm_parameters) + heads + self.depth * self.block_parameters + self.filled_parameters
