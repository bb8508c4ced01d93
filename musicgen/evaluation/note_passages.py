"""Finds the passages of a score that also occur in another, in any key, at any tempo, with a few notes changed.

    lines → chains of notes that agree (`note_chains`) → passages

Knows two scores and no files. NumPy only.

Conventions
    Chains of several lines that belong together (one transposition, one time) are one passage with their notes.
    A passage counts if its bits exceed those needed to name a pair of places in both scores by `SURPLUS_BITS`: those of
    its best line, or those of all lines where many notes agree (two bars of slow voices are a few notes in each).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicgen.evaluation.melodic_lines import MelodicLines, melodic_lines
from musicgen.evaluation.note_chains import Chain, chains_of
from musicgen.evaluation.passages import BorrowedPassage, distinct, in_order
from musicgen.evaluation.surprise import Surprise, surprise_of
from musicgen.symbolic.score import Score

SURPLUS_BITS = 4.0
MIN_NOTES = 8  # that agree, in all lines
MIN_NOTES_TOGETHER = 24  # where no line has enough bits alone: more than a cadence, which all share
TOGETHER = 0.7  # of the bits of further lines: voices move together
MIN_NEW_NOTES = 3  # of a further line that belong to none before
TEMPO_RATIOS = (0.25, 4.0)


def note_passages(
    score: Score | MelodicLines, song: Score | MelodicLines, surprise: Surprise | None = None
) -> list[BorrowedPassage]:
    """The passages of `score` that also occur in `song`, in time order.

    Args:
        surprise: how common intervals and rhythms are; None: counted in `song` alone.
    """
    ours = score if isinstance(score, MelodicLines) else melodic_lines(score)
    theirs = song if isinstance(song, MelodicLines) else melodic_lines(song)
    if min(ours.note.size, theirs.note.size) < MIN_NOTES:
        return []
    chains = chains_of(ours, theirs, surprise or surprise_of([theirs]))
    needed = SURPLUS_BITS + np.log2(float(ours.num_notes) * theirs.num_notes)
    found = [group.passage() for group in _grouped(chains) if group.counts(needed)]
    return in_order(distinct(found))


class _Group:
    """Chains that are one passage in several lines."""

    def __init__(self, chain: Chain) -> None:
        self.chains = [chain]
        self._notes: set[int] = set()
        self._add(chain)

    def _add(self, chain: Chain) -> None:
        self._notes.update(chain.lines[0].note[chain.ours].tolist())

    def takes(self, chain: Chain) -> bool:
        """Adds a chain if it is the same passage in another line."""
        lead = self.chains[0]
        if chain.semitones != lead.semitones:
            return False
        start, stop, song_start, song_stop = lead.times
        begin, end, song_begin, song_end = chain.times
        if min(stop, end) <= max(start, begin) or min(song_stop, song_end) <= max(song_start, song_begin):
            return False
        off = (begin - start) * lead.tempo_ratio - (song_begin - song_start)
        if abs(off) > 0.1 * (song_stop - song_start):
            return False
        self.chains.append(chain)
        self._add(chain)
        return True

    def counts(self, needed: float) -> bool:
        low, high = TEMPO_RATIOS
        lead = self.chains[0]
        if not low <= lead.tempo_ratio <= high:
            return False
        bits, num_notes = self._together()
        if lead.score >= needed:
            return num_notes >= MIN_NOTES
        return bits >= needed and num_notes >= MIN_NOTES_TOGETHER

    def _together(self) -> tuple[float, int]:
        """(bits of all lines, how many notes agree); of a further line only what is not in those before it."""
        bits, notes = 0.0, set[int]()
        for chain in self.chains:
            own = chain.lines[0].note[chain.ours].tolist()
            new = set(own) - notes
            if len(new) >= MIN_NEW_NOTES:
                bits += (TOGETHER if notes else 1.0) * chain.score * len(new) / len(own)
                notes |= new
        return bits, len(notes)

    def passage(self) -> BorrowedPassage:
        """Times and tempo are those of its best line: those of a shorter one are less exact."""
        lead = self.chains[0]
        start, stop, song_start, song_stop = lead.times
        span = sum(int(chain.ours[-1] - chain.ours[0]) + 1 for chain in self.chains)
        return BorrowedPassage(
            start=start,
            stop=stop,
            song_id="",
            song="",
            song_start=song_start,
            song_stop=song_stop,
            semitones=lead.semitones,
            tempo_ratio=lead.tempo_ratio,
            similarity=sum(chain.ours.size for chain in self.chains) / span,
            num_notes=len(self._notes),
        )


def _grouped(chains: Sequence[Chain]) -> list[_Group]:
    groups: list[_Group] = []
    for chain in chains:
        if not any(group.takes(chain) for group in groups):
            groups.append(_Group(chain))
    return groups
