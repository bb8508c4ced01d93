"""The words of a jazz grammar: the kind of tone, its length, and its interval from the note before.

`C,0.333,<m2,P-4>` is a chord tone, a third of a beat long, between a minor second above the note before and a perfect
fourth below it (its real interval, plus or minus a minor third); `R,0.250` a rest; `S,0.500` a scale tone of any pitch
that starts a measure. Words have no key: the same phrase over another chord has the same words (Gillick, Tang and
Keller, Machine learning of jazz grammars, Computer Music Journal 34(3), 2010; Kim, deepjazz, 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from musicgen.errors import InvalidInput, sentence
from musicgen.symbolic.gathering import STEPS, Event
from musicgen.symbolic.harmony import tones_of
from musicgen.symbolic.spelling import (
    MINOR_THIRD,
    Interval,
    interval_between,
    interval_name,
    plain_interval,
    read_interval,
)

KINDS = "RCSAX"


@dataclass(frozen=True)
class Token:
    """One word.

    Attributes:
        kind: R rest, C chord tone, S scale tone, A approach tone, X another. length: twelfths of a beat.
        reach: highest and lowest interval from the note before; None for rests and for notes without one before them.
    """

    kind: str
    length: int
    reach: tuple[Interval, Interval] | None = None

    @property
    def is_rest(self) -> bool:
        return self.kind == "R"

    def __str__(self) -> str:
        reach = f",<{interval_name(self.reach[0])},{interval_name(self.reach[1])}>" if self.reach else ""
        return f"{self.kind},{self.length / STEPS:.3f}{reach}"


@lru_cache(maxsize=65_536)
def read_token(word: str) -> Token:
    """The token of a word. Inverse: `str`. Raises InvalidInput for anything else."""
    parts = word.split(",")
    if len(parts) not in (2, 4) or parts[0] not in KINDS or not parts[1].replace(".", "", 1).isdigit():
        raise InvalidInput(sentence("A word has a kind, a length and a reach, such as C,0.250,<P4,m-2>", repr(word)))
    reach = None
    if len(parts) == 4:
        reach = read_interval(parts[2].removeprefix("<")), read_interval(parts[3].removesuffix(">"))
    return Token(parts[0], round(float(parts[1]) * STEPS), reach)


@dataclass(frozen=True)
class Phrasing:
    """How notes become words.

    Attributes:
        as_written: intervals and scales as the notes are spelled, so that one distance has several names; else one name
            for each distance.
        linked: the first note of a measure, too, has an interval from the note before.
    """

    as_written: bool = True
    linked: bool = False

    def measures(self, line: Sequence[Sequence[Event]], chords: Sequence[Sequence[Event]]) -> list[list[str]]:
        """Words of each measure. `line`: its notes and rests (events without pitches); `chords`: at least one each."""
        before: int | None = None
        words: list[list[str]] = []
        for events, harmony in zip(line, chords, strict=True):
            before = before if self.linked else None
            words.append([])
            for event, token in self._tokens(events, harmony, before):
                before = event.pitches[0] if event.pitches else before
                words[-1].append(str(token))
        return words

    def _tokens(
        self, events: Sequence[Event], harmony: Sequence[Event], before: int | None
    ) -> Iterator[tuple[Event, Token]]:
        for event in events:
            if not event.pitches:
                yield event, Token("R", event.length)
                continue
            pitch, chord = event.pitches[0], chord_at(harmony, event.onset)
            kind = tones_of(chord.pitches, as_written=self.as_written).kind_of(pitch)
            yield event, Token(kind, event.length, None if before is None else self.reach(before, pitch))
            before = pitch

    def reach(self, before: int, pitch: int) -> tuple[Interval, Interval]:
        """The distance, a minor third more and a minor third less."""
        if self.as_written:
            interval = interval_between(before, pitch)
            return interval + MINOR_THIRD, interval - MINOR_THIRD
        semitones = pitch - before
        return plain_interval(semitones + 3), plain_interval(semitones - 3)


def chord_at(harmony: Sequence[Event], onset: int) -> Event:
    """The last chord that has started; before the first chord of the measure, that one."""
    sounding = [chord for chord in harmony if chord.onset <= onset]
    return sounding[-1] if sounding else harmony[0]
