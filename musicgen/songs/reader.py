"""The parent's side of reading uploads: a few children share the files, and a bad file only harms itself.

If a child crashes, hangs or is killed over a file, that file is rejected and a new child continues with the next. Small
files are read and reported in groups; if a child is lost over a group, its files are read again one by one, so
that only the file to blame is refused.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from musicgen.child import error_from_json
from musicgen.errors import MusicgenError, RejectedFile, ResourceUnavailable, sentence
from musicgen.machine import usable_cores
from musicgen.processes import Child, ChildError
from musicgen.settings import settings
from musicgen.songs.reading import GROUP_FILES
from musicgen.songs.workplace import MB
from musicgen.storage.files import check_free_space

MODULE = "musicgen.songs.reading"
JOBS_PER_CHILD = 2000
MAX_CHILDREN = 8
WORTH_A_CHILD = 0.3  # seconds of work that make another child worth starting
SECONDS_PER_FILE = 0.001  # the least that a file takes
SECONDS_PER_MIDI_MB, SECONDS_PER_AUDIO_MB = 0.3, 0.5  # what its size adds: only used to share out the work
STARTING_SECONDS = 60.0  # to import the decoders from a slow disk
SECONDS_PER_MB = 1.0  # extra time for a large file: most of it may be decoded before the first sample comes out
SECONDS_PER_SECOND = 0.1  # extra time for each second of sound that was decoded
MAX_WAV_MB = 4096  # the largest size that a WAV header can hold
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

log = logging.getLogger(__name__)

Outcome = dict[str, Any]  # {"accepted": {…}} as `reading` describes it, or {"rejected": {"code", "message"}}


@dataclass(frozen=True)
class ReadingJob:
    """One file to read: `path` of our copy, `format` by its first bytes, `folder` for its clip,
    `size` in bytes (0: not known)."""

    path: Path
    format: str
    folder: Path
    size: int = 0

    @property
    def seconds(self) -> float:
        """An estimate of the time to read it, in seconds."""
        per_mb = SECONDS_PER_MIDI_MB if self.format == "midi" else SECONDS_PER_AUDIO_MB
        return SECONDS_PER_FILE + per_mb * self.size / MB


def read_files(
    jobs: Sequence[ReadingJob],
    scratch: Path,
    on_seconds: Callable[[ReadingJob, float], None] = lambda _job, _seconds: None,
    on_cost: Callable[[ReadingJob, float, int], None] = lambda _job, _seconds, _bytes: None,
) -> Generator[tuple[ReadingJob, Outcome], None, None]:
    """Yields each job with its outcome as soon as it is known; in order if one child is enough.

    Exhaust or close the iterator to make sure that the children end. `scratch`: a folder for their temporary
    files. `on_seconds` is called with how much of a job's sound has been decoded, `on_cost` with the seconds and
    bytes of a long one before it is stored. Raises MusicgenError or ChildError if no child can work at all.
    """
    news: SimpleQueue[_News] = SimpleQueue()
    readers = [_Reader(share, scratch, news) for share in shares(jobs, usable_cores())]
    try:
        num_left = len(readers)
        while num_left:
            found = news.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                num_left -= 1
            elif isinstance(found[1], float):
                on_seconds(found[0], found[1])
            elif isinstance(found[1], tuple):
                on_cost(found[0], *found[1])
            else:
                yield found[0], found[1]
    finally:
        for reader in readers:
            reader.stop()


def shares(jobs: Sequence[ReadingJob], cores: int) -> list[list[ReadingJob]]:
    """Distributes the jobs over as many children as are worth starting, each job to the one with the least to do."""
    most = min(cores, MAX_CHILDREN, len(jobs), 1 + int(sum(job.seconds for job in jobs) / WORTH_A_CHILD))
    dealt: list[list[ReadingJob]] = [[] for _ in range(most)]
    seconds = [0.0] * most
    for job in jobs:
        least = seconds.index(min(seconds))
        dealt[least].append(job)
        seconds[least] += job.seconds
    return dealt


@dataclass
class _Progress:
    """How far a child has got with its batch: the group it is reading, which ends before `stop`, and its time limit."""

    first: int = 0
    stop: int = 0
    begun: float = field(default_factory=time.monotonic)
    base: float = field(default_factory=lambda: STARTING_SECONDS)
    limit: float = field(default_factory=lambda: STARTING_SECONDS)
    last: Outcome = field(default_factory=dict)

    def start(self, first: int, stop: int, batch: Sequence[ReadingJob]) -> None:
        size = sum(job.path.stat().st_size for job in batch[first:stop])
        self.first, self.stop, self.begun = first, stop, time.monotonic()
        self.base = self.limit = settings().intake_seconds + SECONDS_PER_MB * size / MB

    @property
    def seconds_left(self) -> float:
        return self.begun + self.limit - time.monotonic()


_News = tuple[ReadingJob, Outcome | float | tuple[float, int]] | BaseException | None  # None: a reader is finished


class _Reader(Thread):
    """Reads one share of the jobs, with one child at a time, and posts their outcomes."""

    def __init__(self, jobs: Sequence[ReadingJob], scratch: Path, news: SimpleQueue[_News]) -> None:
        super().__init__(name="read uploads", daemon=True)
        self._waiting = deque(jobs)
        self._scratch = scratch
        self._news = news
        self._num_alone = 0
        self._child: Child | None = None
        self._is_stopped = False
        self.start()

    def stop(self) -> None:
        """Stop at once, together with the child."""
        self._is_stopped = True
        if self._child is not None:
            self._child.kill()
        self.join()

    def run(self) -> None:
        try:
            while self._waiting and not self._is_stopped:
                self._read_batch()
            self._news.put(None)
        except BaseException as error:  # raised again in the thread that asked for the files
            self._news.put(error)

    def _read_batch(self) -> None:
        batch = list(islice(self._waiting, JOBS_PER_CHILD))
        progress = _Progress()
        with _start(batch, self._num_alone, self._scratch) as self._child:
            try:
                while not self._is_stopped and self._listen(self._child, batch, progress):
                    pass
            except (TimeoutError, MusicgenError, ChildError) as error:
                self._child.close()
                if not self._is_stopped:
                    self._blame(error, batch, progress)
        if self._waiting and progress.last.get("rejected", {}).get("code") == "disk_full" and _is_disk_full():
            for job in self._waiting:
                self._news.put((job, progress.last))
            self._waiting.clear()

    def _listen(self, child: Child, batch: Sequence[ReadingJob], progress: _Progress) -> bool:
        """Take one message; False after the last one."""
        message = _receive(child, progress.seconds_left)
        if "started" in message:
            first, stop = message["started"]
            progress.start(first, stop, batch)
            check_free_space()
        elif "seconds" in message:
            progress.limit = progress.base + SECONDS_PER_SECOND * message["seconds"]
            check_free_space()
            self._news.put((batch[progress.first], float(message["seconds"])))
        elif "cost" in message:
            seconds, n_bytes = message["cost"]
            self._news.put((batch[progress.first], (float(seconds), int(n_bytes))))
        elif "outcomes" in message:
            for outcome in message["outcomes"]:
                self._settle(outcome, progress)
            progress.first, progress.begun = progress.stop, time.monotonic()
        return "result" not in message

    def _settle(self, outcome: Outcome, progress: _Progress) -> None:
        """The outcome of the first waiting job."""
        progress.last = outcome
        self._num_alone = max(self._num_alone - 1, 0)
        self._news.put((self._waiting.popleft(), outcome))

    def _blame(self, error: Exception, batch: Sequence[ReadingJob], progress: _Progress) -> None:
        """A child was lost: refuse the file it was reading, or read the files of its group again, one by one."""
        group = batch[progress.first : progress.stop]
        if not group:
            raise (_not_started() if isinstance(error, TimeoutError) else error) from error
        log.warning("Reading %s failed: %s", ", ".join(job.path.name for job in group), error)
        for job in group:
            shutil.rmtree(job.folder, ignore_errors=True)
        if len(group) > 1 and getattr(error, "code", "") != "disk_full":
            self._num_alone = GROUP_FILES
            return
        rejection = explain(error, progress.limit)
        outcome = {"rejected": {"code": rejection.code, "message": str(rejection)}}
        for _ in group:
            self._settle(outcome, progress)


def _start(batch: Sequence[ReadingJob], num_alone: int, scratch: Path) -> Child:
    jobs = [(str(job.path), job.format, str(job.folder)) for job in batch]
    longest = settings().intake_seconds + SECONDS_PER_SECOND * settings().max_audio_seconds
    longest += SECONDS_PER_MB * settings().max_upload_mb
    return Child(
        MODULE,
        {"jobs": jobs, "alone": num_alone, "cpu_seconds": longest},
        memory_mb=settings().intake_memory_mb,
        file_mb=MAX_WAV_MB,
        environment={**ONE_THREAD, "MALLOC_ARENA_MAX": "2", "TMPDIR": str(scratch), "MUSICGEN_DATABASE_URL": None},
    )


def _not_started() -> ResourceUnavailable:
    rule = f"The process that reads files must start within {STARTING_SECONDS:g} s"
    remedy = "Try again when the machine is less busy."
    return ResourceUnavailable(sentence(rule, "no answer in that time", remedy), code="timeout")


def _is_disk_full() -> bool:
    try:
        check_free_space()
    except ResourceUnavailable:
        return True
    return False


def _receive(child: Child, seconds: float) -> dict[str, Any]:
    message = child.receive(seconds)
    if message is None:
        raise child.crash()
    if "error" in message:
        error = error_from_json(message["error"])
        raise error if isinstance(error, MusicgenError) else ChildError(message["error"]["message"])
    return message


def explain(error: Exception, seconds: float) -> RejectedFile:
    """One sentence for the user on why a child failed on a file; `seconds`: its time limit."""
    again = "Export it again or convert it to WAV or MIDI, and add that."
    code = error.code if isinstance(error, MusicgenError) else ""
    if isinstance(error, TimeoutError) or code == "timeout":
        code, text = (
            "timeout",
            sentence(f"A file of this size must be read within {seconds:.3g} s", "a file that takes longer", again),
        )
    elif code == "cpu_limit":
        text = sentence("A file must not take too long to read", "a file that used up its processor time", again)
    elif code == "killed":
        text = sentence("A file must be readable in the available memory", "a file whose reader was killed", again)
    elif code == "crashed":
        text = sentence("A file must be readable to its end", "a file that crashes the decoder", again)
    elif isinstance(error, ResourceUnavailable):
        text = str(error)
    else:
        code, text = (
            "unreadable",
            sentence("A file must be readable to its end", "something our reader cannot handle", again),
        )
    return RejectedFile(text, code=code)
