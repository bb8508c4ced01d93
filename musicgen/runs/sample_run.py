"""A first run for people without songs at hand: a sample, a quick training, and a piece when it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from musicgen.runs.song_choices import SongChoice
from musicgen.runs.submissions import submit_training

if TYPE_CHECKING:
    from musicgen.runs.records import Run
    from musicgen.songs.library import Song

SAMPLE, APPROACH, PRESET = "ten_chorales", "note_lstm", "quick"
# The first piece is to be there within half a minute, most of which is compiling: without recall that takes 60 % of the
# processor's time, and thirty epochs bring the loss on held-out music to 3.0 nats a note (bigrams: 6.0; eighty epochs
# with recall: 2.1).
CHANGES: dict[str, Any] = {"epochs": 30, "recall": False}


def start_sample_run(on_progress: Callable[..., None] | None = None, *, submit_key: str | None = None) -> str:
    """Add the sample's songs and put a training on them, with a piece to follow, into the queue; returns the run's id.

    Args:
        on_progress: called with (files done, files in all, name) while the songs are added.
        submit_key: the same key twice gives one run.

    Raises:
        MusicgenError: the sample cannot be made, the disk is full.
    """
    from musicgen.songs.intake import add_sample

    report = add_sample(SAMPLE, on_progress=on_progress)
    songs = [SongChoice(song_id) for song_id in dict.fromkeys(str(file.id) for file in report.accepted)]
    return submit_training(APPROACH, songs, CHANGES, preset=PRESET, pieces_after=1, submit_key=submit_key)


def original_of(run: Run) -> Song | None:
    """The song that its first piece will be compared with; None if it was removed."""
    from musicgen.songs.library import songs_of

    return next(iter(songs_of([str(song["id"]) for song in run.request["songs"][:1]])), None)
