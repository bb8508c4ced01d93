"""Spoiled MIDI files are songs: with all notes that were meant, and all that an independent lenient reader finds."""

from __future__ import annotations

from collections import Counter

import pytest

from musicgen.errors import RejectedFile
from musicgen.symbolic.preflight import check_midi
from tests.makers_spoiled_midi import Spoiled, spoiled_files
from tests.readers_lenient import notes_of_mido

LEAST_SHARE = 0.97


def fault_of(spoiled: Spoiled) -> str:
    """What is wrong with our reading; empty where nothing is."""
    try:
        preflight = check_midi(spoiled.content)
    except RejectedFile as error:
        return f"refused: {error}"
    notes = preflight.file.notes
    ours = Counter(
        zip(
            notes.onset.tolist(),
            (notes.key & 127).tolist(),
            (notes.key >> 7).tolist(),
            notes.velocity.tolist(),
            strict=True,
        )
    )
    meant = Counter(spoiled.notes)
    if spoiled.kind in ("stray_bytes", "lost_byte"):  # what comes behind one may begin earlier or later
        missing = Counter(note[1:] for note in meant.elements()) - Counter(note[1:] for note in ours.elements())
        return f"{sum(missing.values())} notes missing" if missing else ""
    if missing := meant - ours:
        return f"{sum(missing.values())} of {len(spoiled.notes)} notes missing"
    theirs = Counter(notes_of_mido(spoiled.content)) if spoiled.kind != "behind_the_end" else Counter()
    if not meant - theirs and (missing := theirs - ours):  # else it lost its way: notes that nobody wrote
        return f"{sum(missing.values())} notes of mido missing"
    return ""


def check_share(count: int) -> None:
    faults = [(spoiled.kind, fault) for spoiled in spoiled_files(count) if (fault := fault_of(spoiled))]
    assert len(faults) <= (1 - LEAST_SHARE) * count, Counter(kind for kind, _ in faults) + Counter(faults)


def test_spoiled_files_keep_their_notes() -> None:
    check_share(84)


@pytest.mark.slow
def test_a_thousand_spoiled_files_keep_their_notes() -> None:
    check_share(1_000)
