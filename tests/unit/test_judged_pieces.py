"""How verdicts are measured: real pieces and bad ones are judged as outputs are."""

from __future__ import annotations

from pathlib import Path

import pytest
from makers_music import chords, plucked

from musicgen.benchmarks import bad_pieces, bad_sounds
from musicgen.benchmarks.judged_pieces import Material, RulesOnly, tallies
from musicgen.evaluation.knowledge import Knowledge

pytestmark = pytest.mark.numeric


def test_sounds_are_judged_and_only_copies_are_searched_for_what_is_copied(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [Material(f"piece {seed}", "plucked", plucked(6 * 8_000, seed=seed)) for seed in range(3)]
    makers = {"hiss": bad_sounds.hiss, "copy": bad_sounds.copy}
    known: list[bool] = []
    judge = Knowledge.judge
    monkeypatch.setattr(Knowledge, "judge", lambda self, *rest: (known.append(True), judge(self, *rest))[1])
    found = tallies(pieces, makers, {name: bad_sounds.EXPECTED[name] for name in makers}, tmp_path)
    assert len(known) == 6
    assert [found[kind].num_pieces for kind in ("real", "hiss", "copy")] == [3, 3, 3]
    assert [found[kind].right for kind in ("hiss", "copy")] == [3, 3]
    assert found["hiss"].codes["hiss"] == 3


def test_notes_can_be_judged_by_their_metrics_alone(home: Path, tmp_path: Path) -> None:
    pieces = [Material(f"piece {seed}", "chords", chords(24, seed=seed)) for seed in range(5)]
    kind = "another key in every bar"
    found = tallies(
        pieces, {kind: bad_pieces.MAKERS[kind]}, {kind: bad_pieces.EXPECTED[kind]}, tmp_path, judge_of=RulesOnly
    )
    assert found["real"].named == 0
    assert found[kind].right == 5
