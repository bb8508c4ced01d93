"""The part of the songs that a training takes if they have more notes than it may: the start of each song, as much of
all as there is room for; of very many songs only some, drawn by the seed, so that the others need not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from musicgen.approaches.notes.tokens import melodic_tracks
from musicgen.contract.prepared import TrainingSong
from musicgen.symbolic.score import Score
from musicgen.wording import count

LEAST = 1_000  # notes of a song that are worth reading it for
NAMED = 3


@dataclass(frozen=True)
class Part:
    """What is learned from.

    Attributes:
        scores: (score, chosen tracks) of each song. num_notes: of each song at most; None for all.
        facts, warnings: which part it is; nothing if it is all.
    """

    scores: list[tuple[Score, Sequence[int] | None]]
    num_notes: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def take_part(songs: Sequence[TrainingSong], max_notes: int, seed: int) -> Part:
    """At most about `max_notes` notes of the songs; 0 for all."""
    if not max_notes:
        return Part([(song.clip.score(), song.tracks) for song in songs])
    drawn, scores, lengths = _read(songs, max_notes, seed)
    limit = _level(lengths, max_notes)
    taken, there = sum(min(length, limit) for length in lengths), sum(lengths)
    if taken == there and len(drawn) == len(songs):
        return Part(scores)
    facts = {
        "part": {
            "songs": len(drawn), "of_songs": len(songs), "notes": taken, "notes_in_these_songs": there,
            "notes_per_song": limit,
        },
        "part_songs": [song.id for song in drawn],
    }  # fmt: skip
    return Part(scores, limit, facts, (_words(songs, drawn, taken, there, limit),))


def _read(
    songs: Sequence[TrainingSong], max_notes: int, seed: int
) -> tuple[list[TrainingSong], list[tuple[Score, Sequence[int] | None]], list[int]]:
    """(songs, scores, notes of each) that fill the part, in the order of the songs."""
    is_few = len(songs) * LEAST <= max_notes
    order = range(len(songs)) if is_few else np.random.default_rng([seed, 9]).permutation(len(songs)).tolist()
    found, room = {}, max_notes
    for number in order:
        if room <= 0 and not is_few:
            break
        song = songs[number]
        score = song.clip.score()
        notes = int(np.isin(score.notes["track"], melodic_tracks(score, song.tracks)).sum())
        found[number] = (song, (score, song.tracks), notes)
        room -= min(notes, LEAST)
    chosen, scores, lengths = zip(*(found[number] for number in sorted(found)), strict=True)
    return list(chosen), list(scores), list(lengths)


def _level(lengths: Sequence[int], room: int) -> int:
    """The most notes that each song may have, so that all together have no more than `room`; at least 1."""
    left = len(lengths)
    for length in sorted(lengths):
        if length * left > room:
            return max(1, room // left)
        room, left = room - length, left - 1
    return max(lengths)


def _words(songs: Sequence[TrainingSong], drawn: Sequence[TrainingSong], taken: int, there: int, limit: int) -> str:
    remedy = "“Largest part” = 0 takes everything."
    each = f"{taken:,} of their {there:,} notes, the first {limit:,} or fewer of each song"
    each = each if taken < there else f"all of their {there:,} notes"
    if len(drawn) == len(songs):
        return f"A part is learned from: {count(len(songs), 'song')} with {each}. {remedy}"
    named = ", ".join(f"“{song.name}”" for song in drawn[:NAMED])
    more = f" and {len(drawn) - NAMED:,} more" if len(drawn) > NAMED else ""
    return (
        f"A part is learned from: {len(drawn):,} of {len(songs):,} songs, drawn by the seed ({named}{more}), with "
        f"{each}. {remedy}"
    )
