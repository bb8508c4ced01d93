"""How many planted copies are found, how often something is found where nothing was planted, and how exact the places
are; see `planted_copies`. Children and scripts only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from musicgen.benchmarks.planted_copies import SHARE, Piece, Planted, pairs_of, plant_notes, plant_stretch, rendered
from musicgen.evaluation.melodic_lines import MelodicLines, melodic_lines
from musicgen.evaluation.note_passages import note_passages
from musicgen.evaluation.passages import BorrowedPassage
from musicgen.evaluation.pitch_onsets import FineOnsets, pitch_onsets
from musicgen.evaluation.sound_passages import sound_passages
from musicgen.evaluation.surprise import surprise_of
from musicgen.symbolic.score import Score

Plant = Callable[[Score, Score, np.random.Generator], Planted]
Read = Callable[[Score], Any]
Find = Callable[[Any, Any], list[BorrowedPassage]]
Tell = Callable[["Finding"], None]  # called with the counts so far, after each pair


@dataclass(frozen=True)
class Finding:
    """Counts of one measurement.

    Attributes:
        num_pairs: planted, and as many without. found: copies found. placed: of these, to one beat at both ends.
        false_alarms: pairs of different pieces in which something was found; alike: of pairs from one collection.
    """

    num_pairs: int
    found: int
    placed: int
    false_alarms: int
    alike_pairs: int
    alike_alarms: int
    num_pieces: int

    def and_one_more(self, *, is_found: bool, is_placed: bool, is_alarm: bool, is_alike: bool) -> Finding:
        """With another pair."""
        return Finding(
            self.num_pairs + 1, self.found + is_found, self.placed + is_placed, self.false_alarms + is_alarm,
            self.alike_pairs + is_alike, self.alike_alarms + (is_alarm and is_alike), self.num_pieces,
        )  # fmt: skip

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def find_notes(pieces: Sequence[Piece], num_pairs: int, seed: int = 0, tell: Tell = lambda so_far: None) -> Finding:
    """Twelve planted notes. What is common is counted in all the pieces, as it is in the songs of a run."""
    lines = {piece.name: melodic_lines(piece.score) for piece in pieces}
    surprise = surprise_of(list(lines.values()))

    def find(one: MelodicLines, other: MelodicLines) -> list[BorrowedPassage]:
        return note_passages(one, other, surprise)

    return _find(pieces, num_pairs, seed, plant_notes, melodic_lines, find, tell)


def find_sounds(
    pieces: Sequence[Piece], num_pairs: int, seed: int = 0, share: float = SHARE, tell: Tell = lambda so_far: None
) -> Finding:
    """A planted twentieth of a piece, or another share, rendered."""

    def read(score: Score) -> FineOnsets:
        return pitch_onsets(rendered(score))

    return _find(pieces, num_pairs, seed, partial(plant_stretch, share=share), read, sound_passages, tell)


def _find(
    pieces: Sequence[Piece], num_pairs: int, seed: int, plant: Plant, read: Read, find: Find, tell: Tell
) -> Finding:
    rng = np.random.default_rng(seed)
    known = {piece.name: read(piece.score) for piece in pieces}
    so_far = Finding(0, 0, 0, 0, 0, 0, len(pieces))
    for host, source in pairs_of(pieces, num_pairs, rng):
        planted = plant(host.score, source.score, rng)
        passages = find(read(planted.score), known[source.name])
        is_alarm, is_alike = bool(find(known[host.name], known[source.name])), host.collection == source.collection
        so_far = so_far.and_one_more(
            is_found=planted.is_found(passages), is_placed=planted.is_placed(passages), is_alarm=is_alarm,
            is_alike=is_alike,
        )  # fmt: skip
        tell(so_far)
    return so_far
