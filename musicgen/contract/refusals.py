"""What several approaches say where nothing can be learned from the songs, in one place."""

from __future__ import annotations

from collections.abc import Sized

from musicgen.errors import InvalidInput, sentence


def require_songs(songs: Sized) -> None:
    """Raises InvalidInput without any."""
    if not len(songs):
        raise InvalidInput(sentence("Training needs at least one song", "none", "Choose a song."))


def only_silence(n_samples: int) -> InvalidInput:
    """For songs of so many samples, all of them silent."""
    return InvalidInput(
        sentence("Training needs songs that are not silent", f"{n_samples:,} silent samples", "Choose other songs."),
        code="silent",
    )
