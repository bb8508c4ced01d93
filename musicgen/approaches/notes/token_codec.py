"""The authors' tokens as a codec: one sorted vocabulary, and some windows of the songs to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.tokens import score_to_tokens, tokens_to_score
from musicgen.codecs.vocabulary import Vocabulary
from musicgen.symbolic.metre import Metre
from musicgen.symbolic.score import Score


@dataclass(frozen=True)
class TokenCodec:
    """Scores ↔ token ids.

    Attributes:
        starts: windows of ids from the songs: a piece without a prompt continues one of them.
        piano_only, in_time_order: see tokens.score_to_tokens. tempo: BPM, median of the songs.
        metre: numerator and denominator of the most common metre; None in codecs of older runs, whose pieces are all
            in 4/4.
    """

    vocabulary: Vocabulary
    starts: tuple[tuple[int, ...], ...]
    piano_only: bool
    in_time_order: bool
    tempo: float
    metre: tuple[int, int] | None = None

    def score_to_ids(self, score: Score, tracks: Sequence[int] | None = None) -> NDArray[np.int32]:
        """Ids of the tokens in the vocabulary; others are left out, as rare ones were in training."""
        words = score_to_tokens(score, tracks=tracks, piano_only=self.piano_only, in_time_order=self.in_time_order)
        return self.vocabulary.encode(self.vocabulary.known(words))

    def ids_to_score(
        self,
        ids: NDArray[np.integer],
        *,
        step_beats: float = 1.0,
        tempo: float | None = None,
        metre: Metre | None = None,
    ) -> Score:
        """One token per step, each as long as a step. `metre`: that of the prompt; None for that of the songs."""
        words, signed = self.vocabulary.decode(ids), (4, 4)
        if self.metre is not None:
            signed = (metre.numerator, metre.denominator) if metre else self.metre
        return tokens_to_score(
            words, step_beats=step_beats, note_beats=step_beats, tempo=tempo or self.tempo, metre=signed
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary.to_json(),
            "starts": [list(start) for start in self.starts],
            "piano_only": self.piano_only,
            "in_time_order": self.in_time_order,
            "tempo": self.tempo,
            "metre": list(self.metre) if self.metre else None,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> TokenCodec:
        metre = document.get("metre")
        return cls(
            vocabulary=Vocabulary.from_json(document["vocabulary"]),
            starts=tuple(tuple(int(number) for number in start) for start in document["starts"]),
            piano_only=bool(document["piano_only"]),
            in_time_order=bool(document["in_time_order"]),
            tempo=float(document["tempo"]),
            metre=tuple(int(each) for each in metre) if metre else None,  # type: ignore[arg-type]
        )
