"""Counts of the tokens in the chosen songs, for tables and histograms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from musicgen.approaches.notes.events import DURATION, PITCH, STEPS_PER_BEAT, EventSong
from musicgen.symbolic.pitches import pitch_name

MAX_ROWS = 100
MAX_COUNTS = 5_000


def token_table(counts: Mapping[str, int]) -> dict[str, Any]:
    """The most frequent tokens, and the share of all others together.

    `token_table`: [{token, count}], most frequent first. `token_table_rest`: 0 … 1.
    """
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    shown, total = ordered[:MAX_ROWS], sum(counts.values())
    rest = 1.0 - sum(count for _, count in shown) / total if total else 0.0
    return {
        "token_table": [{"token": token, "count": count} for token, count in shown],
        "token_table_rest": round(max(0.0, rest), 4),
    }


def frequency_histogram(counts: Mapping[str, int]) -> dict[str, Any]:
    """How often each distinct token occurs, largest first."""
    return {"frequency_histogram": {"counts": sorted(counts.values(), reverse=True)[:MAX_COUNTS]}}


def count_tokens(songs: Iterable[Iterable[str]]) -> Counter[str]:
    """Token → how often it occurs in all songs."""
    return Counter(token for song in songs for token in song)


def event_table(pieces: Sequence[EventSong]) -> dict[str, Any]:
    """Pitches with their lengths, as a table: 'G4, 1/2 beat'."""
    counts: Counter[str] = Counter()
    for piece in pieces:
        for pitch, steps in piece.events[:, [PITCH, DURATION]].tolist():
            counts[f"{pitch_name(pitch)}, {beats(steps)}"] += 1
    return token_table(counts)


def beats(steps: int) -> str:
    """Steps of 1/24 beat in words: '1/2 beat', '1 beat', '1 1/2 beats'."""
    length = Fraction(steps, STEPS_PER_BEAT)
    whole, part = divmod(length, 1)
    words = " ".join(str(each) for each in (int(whole), part) if each)
    return f"{words or 0} beat{'s' if length > 1 else ''}"
