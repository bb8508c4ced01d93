"""Songs whose notes are being heard: each in a thread that waits for a child process. Like an import, the work goes on
when its visitor clicks elsewhere, changes the page or closes the tab."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from musicgen.settings import home
from musicgen.wording import span

if TYPE_CHECKING:
    from musicgen.songs.library import Song

KEPT = 32

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hearing")  # the network uses every core
_hearings: OrderedDict[str, Hearing] = OrderedDict()


@dataclass
class Hearing:
    """One song being heard: how far it is, and finally what was heard."""

    phase: str = ""
    num_done: int = 0
    num_windows: int = 0
    began: float = 0.0
    stopped: threading.Event = field(default_factory=threading.Event)
    outcome: Future[Any] = field(default_factory=Future)

    def on_progress(self, phase: str, num_done: int, num_windows: int) -> None:
        if not self.began:
            self.began = time.monotonic()  # after the first window: until then, the network is loaded
        self.phase, self.num_done, self.num_windows = phase, num_done, num_windows

    @property
    def share(self) -> float:
        return min(self.num_done / self.num_windows, 1.0) if self.num_windows else 0.0

    @property
    def words(self) -> str:
        """What is being done, and how long the rest of the windows will take at the speed so far."""
        if self.stopped.is_set():
            return "Stopping"
        if not self.num_windows:
            return "Loading the network" if self.outcome.running() else "Waiting for another song to be heard"
        if self.num_done >= self.num_windows:
            return "Finding notes and beats: a few seconds"
        told = f"Hearing the notes: {self.share:.0%}"
        if self.num_done < 5:
            return told
        rest = (time.monotonic() - self.began) / (self.num_done - 1) * (self.num_windows - self.num_done)
        return f"{told}, about {span(max(rest, 1.0))} left"


def start_hearing(song: Song) -> None:
    """Start hearing a song, if it is not being heard already."""
    from musicgen.hearing.heard import hear

    if find_hearing(song.id) is None:
        begun = Hearing()
        begun.outcome = _pool.submit(hear, song, on_progress=begun.on_progress, should_stop=begun.stopped.is_set)
        _hearings[_name(song.id)] = begun
        while len(_hearings) > KEPT:
            _hearings.popitem(last=False)


def find_hearing(song_id: str) -> Hearing | None:
    """The hearing of this song that is not over, or that has failed and was not forgotten yet."""
    return _hearings.get(_name(song_id))


def forget_hearing(song_id: str) -> None:
    _hearings.pop(_name(song_id), None)


def _name(song_id: str) -> str:
    return f"{home()}|{song_id}"
