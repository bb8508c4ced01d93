"""What is known of the training songs of a run, measured once, to judge all its outputs by. Children only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musicgen.clips import Clip
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation.borrowing import Basis, read_basis
from musicgen.evaluation.borrowing_words import borrowed
from musicgen.evaluation.description import describe_clip, describe_training
from musicgen.evaluation.given import NOTHING, Given
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.manners import Manners, manners_of


class Knowledge:
    """The limits that the songs set, and what they borrow from each other; each is measured when first needed."""

    def __init__(self, songs: Sequence[TrainingSong]) -> None:
        self.songs = songs
        self._manners: Manners | None = None
        self._learned: dict[Medium, dict[str, float]] = {}
        self._bases: dict[Medium, Basis | None] = {}

    def judge(self, clip: Clip, judgement: dict[str, Any], *, given: Given = NOTHING) -> None:
        """Adds {metrics, verdicts, copied} and then `originality` to `judgement`, which keeps the former if the latter
        cannot be measured. `given`: what the songs gave it on purpose."""
        medium: Medium = "midi" if clip.medium == "midi" else "audio"
        if medium not in self._learned:
            self._learned[medium] = describe_training(self.songs, medium)
            self._manners = manners_of(self.songs)
        found = describe_clip(
            clip,
            training_clips=self.songs,
            learned=self._learned[medium],
            manners=self._manners,
            given=given,
        )
        judgement |= {name: found[name] for name in ("metrics", "verdicts", "copied")}
        if medium not in self._bases:
            self._bases[medium] = read_basis(self.songs, medium)
        basis = self._bases[medium]
        originality = None if basis is None else basis.originality_of(clip, given)
        judgement["originality"] = originality
        is_known = any(verdict["code"] == "copied" for verdict in judgement["verdicts"])
        verdict = borrowed(originality, has_plan=given.has_plan)
        if verdict is not None and not (is_known or given.made_of_songs):
            judgement["verdicts"].append(verdict.to_json())
