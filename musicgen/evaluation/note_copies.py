"""What a generated score copies from its training songs, in numbers and in words; see `originality`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation import originality
from musicgen.symbolic.score import Score

MAX_SONGS = 500  # a second or two for two hundred events each


@dataclass(frozen=True)
class Copies:
    """What a score copies from its training songs, for the JSON of a comparison."""

    longest: originality.Passage
    share: float
    varied_share: float
    name: str
    num_songs: int
    of_songs: int = 0

    def metrics(self) -> dict[str, float]:
        return {
            "longest_copied_notes_training": self.longest.num_events,
            "copied_ngram_share_training": self.share,
            "copied_varied_share_training": self.varied_share,
        }

    def to_json(self) -> dict[str, Any]:
        """Where the longest passage is: song, seconds there and seconds in the generated score."""
        return {
            "num_songs": self.num_songs,
            "text": self._text(),
            "longest_copied_notes_song": self.name,
            "longest_copied_notes_song_seconds": self.longest.song_seconds,
            "longest_copied_notes_generated_seconds": self.longest.generated_seconds,
        }

    def _text(self) -> str:
        if not self.longest.num_events:
            return f"Nothing in it is copied from {songs_words(self.num_songs, self.of_songs)}."
        where = "" if self.of_songs <= self.num_songs else f" (of {songs_words(self.num_songs, self.of_songs)})"
        length = f"{self.longest.num_events} notes or chords"
        return (
            f"The longest passage that also occurs in a training song{where} has {length}: "
            f"at {self.longest.generated_seconds:.1f} s here, at {self.longest.song_seconds:.1f} s of “{self.name}”."
        )


def songs_words(looked_at: int, of: int) -> str:
    """`the 3 training songs`; `the first 500 of 2,000 training songs`."""
    return f"the first {looked_at} of {of:,} training songs" if of > looked_at else f"the {looked_at} training songs"


def score_of(song: TrainingSong) -> Score:
    """The notes of the training tracks only."""
    score = song.clip.score()
    return score if song.tracks is None else score.only_tracks(song.tracks)


def find_copies(generated: Score, songs: Sequence[TrainingSong]) -> Copies:
    """The longest passage, and the share of eight-note passages, that occur in any of the first `MAX_SONGS` songs."""
    scores = [score_of(song) for song in songs[:MAX_SONGS]]
    longest = originality.longest_copied_passage(scores, generated)
    name = songs[longest.song].name if longest.num_events else ""
    return Copies(longest, *originality.copied_shares(scores, generated), name, len(scores), len(songs))
