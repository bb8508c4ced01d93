"""One sorted vocabulary, used for both the inputs and the outputs of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import CorruptArtifact, InvalidInput, sentence


class Vocabulary:
    """Token ↔ id, ids counted from 0 in sorted order: the same tokens always have the same ids."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(sorted(set(tokens)))

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def encode(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        """Tokens → ids. InvalidInput for a token that is not in the vocabulary."""
        unknown = next((token for token in tokens if token not in self._ids), None)
        if unknown is not None:
            raise InvalidInput(sentence(f"A token must be one of the {len(self)} in the vocabulary", repr(unknown)))
        return np.array([self._ids[token] for token in tokens], dtype=np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """Ids → tokens. Inverse of `encode`."""
        found = np.asarray(ids, dtype=np.int64)
        if found.size and not 0 <= found.min() <= found.max() < len(self):
            raise InvalidInput(sentence(f"Token ids must lie in 0 … {len(self) - 1}", f"{found.min()} … {found.max()}"))
        return [self.tokens[number] for number in found]

    def known(self, tokens: Iterable[str]) -> list[str]:
        """Those of the tokens that are in the vocabulary, in their order."""
        return [token for token in tokens if token in self._ids]

    def to_json(self) -> list[str]:
        return list(self.tokens)

    @classmethod
    def from_json(cls, tokens: Any) -> Vocabulary:
        """Raises CorruptArtifact if the order or a duplicate shows that ids have changed their meaning."""
        made = cls(str(token) for token in tokens)
        if list(made.tokens) != list(tokens):
            raise CorruptArtifact(
                sentence("A stored vocabulary must be sorted and have no duplicates", f"{len(tokens)} tokens")
            )
        return made


def frequent(songs: Sequence[Sequence[str]], threshold: int) -> Vocabulary:
    """The tokens that occur at least `threshold` times in all songs together; 0 and 1 keep all."""
    counts = Counter(token for song in songs for token in song)
    return Vocabulary(token for token, count in counts.items() if count >= threshold)
