"""A passage of an output that also occurs in a training song, as data. Light: pages import it.

    {"start": 4.0, "stop": 9.5, "song_id": "song-…", "song": "A name", "song_start": 12.0, "song_stop": 17.0,
     "semitones": -3, "tempo_ratio": 1.1, "similarity": 0.9, "num_notes": 24}

Times are seconds. `semitones` and `tempo_ratio` say what was done to the song's passage to get the output's: moved up
by so many semitones, played so many times as fast. `similarity`: 0 … 1, the share of the song's notes (or the mean
likeness of the frames of sound) that agree. `num_notes`: notes that agree; 0 for sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

DIGITS = 3  # of times and shares in JSON: a millisecond


@dataclass(frozen=True)
class BorrowedPassage:
    """See the module."""

    start: float
    stop: float
    song_id: str
    song: str
    song_start: float
    song_stop: float
    semitones: int = 0
    tempo_ratio: float = 1.0
    similarity: float = 1.0
    num_notes: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            name: round(value, DIGITS) if isinstance(value, float) else value for name, value in asdict(self).items()
        }

    def of_song(self, song_id: str, name: str) -> BorrowedPassage:
        """The same passage, said to come from this song."""
        return replace(self, song_id=song_id, song=name)


def covered_seconds(passages: Iterable[BorrowedPassage]) -> float:
    """How many seconds lie in at least one of the passages."""
    covered, reached = 0.0, float("-inf")
    for start, stop in sorted((each.start, each.stop) for each in passages):
        covered += max(stop - max(start, reached), 0.0)
        reached = max(reached, stop)
    return covered


def in_order(passages: Iterable[BorrowedPassage]) -> list[BorrowedPassage]:
    """By time in the output; of those that begin together, the longest first."""
    return sorted(passages, key=lambda each: (each.start, each.start - each.stop, each.song_id, each.song_start))


def distinct(passages: Sequence[BorrowedPassage], overlap: float = 0.5) -> list[BorrowedPassage]:
    """Without those that lie for more than `overlap` of their length in an earlier one of the same song, here and
    there. Earlier entries win: put the best first."""
    kept: list[BorrowedPassage] = []
    for each in passages:
        if not any(_repeats(each, other, overlap) for other in kept):
            kept.append(each)
    return kept


def _repeats(one: BorrowedPassage, other: BorrowedPassage, overlap: float) -> bool:
    if one.song_id != other.song_id:
        return False
    here = min(one.stop, other.stop) - max(one.start, other.start)
    there = min(one.song_stop, other.song_stop) - max(one.song_start, other.song_start)
    return here > overlap * (one.stop - one.start) and there > overlap * (one.song_stop - one.song_start)
