"""The verdict on a run whose loss shows that it has learned too little. Light: pages and the command line import it.

A validation loss that is not below the bigram floor is reached by a table of which note follows which; where an
approach has no such floor, its lowest one counts. See `curves.useful_floors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicgen.evaluation.curves import row_loss, useful_floors
from musicgen.evaluation.verdict import DROPOUT, LONGER, MORE_SONGS, SLOWER, Verdict

BIGRAM = "bigram"
COMMON = "it has not learned more than which notes are common"
SIMPLE = "it has not learned more than a simple rule knows that needs no network"


def learned_little(
    history: Sequence[Mapping[str, Any]], floors: Mapping[str, float], epoch: int | None, *, medium: str
) -> Verdict | None:
    """The verdict on the weights of `epoch` (None: of the lowest loss); None if they are better than the floor, or if
    there is nothing to compare.

    Args:
        history: rows of a run. floors: as `prepare` gave them. medium: of the approach.
    """
    known = useful_floors(floors)
    rows = [row for row in history if row_loss(row) is not None]
    row = next((each for each in rows if each.get("epoch") == epoch), None) or min(
        rows, key=lambda each: row_loss(each) or 0.0, default=None
    )
    if row is None or not known:
        return None
    name = BIGRAM if BIGRAM in known else min(known, key=lambda each: known[each])
    loss, limit = row_loss(row), known[name]
    if loss is None or loss < limit:
        return None
    kind = "validation loss" if row.get("val_loss") is not None else "loss"
    what = COMMON if medium == "midi" else SIMPLE
    cause = (
        f"The {kind} of this network, {loss:.4g} in epoch {row['epoch']}, is not below the floor "
        f"“{name.replace('_', ' ')}”, {limit:.4g}: {what}."
    )
    remedies = (LONGER, SLOWER, DROPOUT, MORE_SONGS)
    return Verdict("learned_little", "Learned too little", kind.replace(" ", "_"), loss, limit, cause, remedies)
