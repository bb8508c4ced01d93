"""Voices: which instrument plays a note, and on which of its staves, whatever the tracks are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from musicgen.approaches.notes.tokens import melodic_tracks
from musicgen.symbolic.score import Score

MAX_VOICES = 32


@dataclass(frozen=True)
class Voice:
    """One staff of one instrument: the `number`-th track with this General MIDI program in a song."""

    program: int
    number: int
    name: str = ""


def voice_numbers(score: Score, tracks: Sequence[int] | None, voices: Sequence[Voice]) -> dict[int, int]:
    """Track → number of its voice: same program and same position among the tracks of that program, else the
    nearest."""
    numbers, seen = {}, Counter[int]()
    for track in melodic_tracks(score, tracks):
        program = score.tracks[track].program
        wanted = (program, seen[program])
        seen[program] += 1
        numbers[track] = min(range(len(voices)), key=lambda v: _distance(voices[v], *wanted), default=0)
    return numbers


def _distance(voice: Voice, program: int, number: int) -> tuple[int, int, int]:
    # Programs of one family (eight each in General MIDI) sound alike; within a program the staff decides.
    return abs(voice.program // 8 - program // 8), abs(voice.program - program), abs(voice.number - number)


def voices_of(scores: Sequence[tuple[Score, Sequence[int] | None]]) -> tuple[Voice, ...]:
    """The voices of some songs (score, tracks or None for all), those with the most notes if there are too many."""
    counts: Counter[tuple[int, int]] = Counter()
    names: dict[tuple[int, int], Counter[str]] = {}
    for score, tracks in scores:
        seen: Counter[int] = Counter()
        for track in melodic_tracks(score, tracks):
            program = score.tracks[track].program
            key = (program, seen[program])
            seen[program] += 1
            counts[key] += int((score.notes["track"] == track).sum())
            names.setdefault(key, Counter())[score.tracks[track].name] += 1
    kept = sorted(key for key, _ in counts.most_common(MAX_VOICES))
    return tuple(Voice(*key, names[key].most_common(1)[0][0]) for key in kept)
