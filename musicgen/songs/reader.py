"""The parent's side of reading uploads: one child reads many files, and no file can take more than itself down.

When the child crashes, hangs or is killed over a file, that file is rejected and a new child goes on with the next.
Later a pool of children may share the jobs; nothing outside this module would see it.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen.child import error_from_json
from musicgen.errors import MusicgenError, RejectedFile, ResourceUnavailable, sentence
from musicgen.processes import Child, ChildError
from musicgen.settings import settings
from musicgen.songs.workplace import MB
from musicgen.storage.files import check_free_space

MODULE = "musicgen.songs.reading"
JOBS_PER_CHILD = 250
STARTING_SECONDS = 60.0  # to import what reads files, from a slow disk
SECONDS_PER_MB = 1.0  # more time for a large file: most of it may be decoded before the first sound comes out
SECONDS_PER_SECOND = 0.1  # more time for each second of sound that came out
MAX_WAV_MB = 4096  # what the sizes in a WAV header can say
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

log = logging.getLogger(__name__)

Outcome = dict[str, Any]  # {"accepted": {…}} as `reading` describes it, or {"rejected": {"code", "message"}}


@dataclass(frozen=True)
class Job:
    """One file to read: `path` is our copy, `format` what it is by its first bytes, `folder` where its clip is made."""

    path: Path
    format: str
    folder: Path


def read_files(
    jobs: Sequence[Job], scratch: Path, on_seconds: Callable[[Job, float], None] = lambda _job, _seconds: None
) -> Generator[tuple[Job, Outcome], None, None]:
    """Read every job; each with its outcome, in order, as soon as it is known.

    Exhaust or close the iterator to be sure that the child has ended. `scratch`: a folder for its temporary files.
    `on_seconds` is told how much sound of the present job has been decoded. Raises MusicgenError or ChildError where
    no child can work at all.
    """
    waiting = deque(jobs)
    while waiting:
        batch = [waiting.popleft() for _ in range(min(JOBS_PER_CHILD, len(waiting)))]
        num_done, last = yield from _one_child(batch, scratch, on_seconds)
        waiting.extendleft(reversed(batch[num_done:]))
        if waiting and last.get("rejected", {}).get("code") == "disk_full" and _is_disk_full():
            yield from ((job, last) for job in waiting)
            return


def _one_child(
    batch: Sequence[Job], scratch: Path, on_seconds: Callable[[Job, float], None]
) -> Generator[tuple[Job, Outcome], None, tuple[int, Outcome]]:
    """What one child makes of the batch. Returns how many jobs are done and the last outcome."""
    current: Job | None = None
    num_done, outcome = 0, Outcome()
    begun, base, limit = time.monotonic(), STARTING_SECONDS, STARTING_SECONDS
    with _start(batch, scratch) as child:
        try:
            while (message := _receive(child, begun + limit - time.monotonic())) and "result" not in message:
                if "started" in message:
                    current, begun = batch[message["started"]], time.monotonic()
                    base = limit = settings().intake_seconds + SECONDS_PER_MB * current.path.stat().st_size / MB
                    check_free_space()
                elif "seconds" in message and current is not None:
                    limit = base + SECONDS_PER_SECOND * message["seconds"]
                    check_free_space()
                    on_seconds(current, message["seconds"])
                elif "outcome" in message and current is not None:
                    job, outcome, current = current, message["outcome"], None
                    num_done, begun = num_done + 1, time.monotonic()
                    yield job, outcome
        except (TimeoutError, MusicgenError, ChildError) as error:
            child.close()
            if current is None:
                raise (_not_started() if isinstance(error, TimeoutError) else error) from error
            log.warning("Reading %s failed: %s", current.path.name, error)
            shutil.rmtree(current.folder, ignore_errors=True)
            rejection = explain(error, limit)
            num_done, outcome = num_done + 1, {"rejected": {"code": rejection.code, "message": str(rejection)}}
            yield current, outcome
    return num_done, outcome


def _start(batch: Sequence[Job], scratch: Path) -> Child:
    jobs = [{"path": str(job.path), "format": job.format, "folder": str(job.folder)} for job in batch]
    longest = settings().intake_seconds + SECONDS_PER_SECOND * settings().max_audio_seconds
    longest += SECONDS_PER_MB * settings().max_upload_mb
    return Child(
        MODULE,
        {"jobs": jobs, "cpu_seconds": longest},
        memory_mb=settings().intake_memory_mb,
        file_mb=MAX_WAV_MB,
        environment={**ONE_THREAD, "MALLOC_ARENA_MAX": "2", "TMPDIR": str(scratch), "MUSICGEN_DATABASE_URL": None},
    )


def _not_started() -> ResourceUnavailable:
    rule = f"The process that reads files answers within {STARTING_SECONDS:g} s"
    remedy = "Try again when the machine is less busy."
    return ResourceUnavailable(sentence(rule, "no answer by then", remedy), code="timeout")


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
    """One sentence for the user whose file a child failed over; `seconds`: the time it had."""
    again = "Export it again or convert it to WAV or MIDI, and add that."
    code = error.code if isinstance(error, MusicgenError) else ""
    if isinstance(error, TimeoutError) or code == "timeout":
        code, text = (
            "timeout",
            sentence(f"A file of this length is read within {seconds:.3g} s", "no end by then", again),
        )
    elif code == "cpu_limit":
        text = sentence("A file is read in reasonable time", "more processor time than that", again)
    elif code == "killed":
        text = sentence("A file can be read in the memory there is", "a reader killed on this file", again)
    elif code == "crashed":
        text = sentence("A file can be read to its end", "a crash of the decoder on this file", again)
    elif isinstance(error, ResourceUnavailable):
        text = str(error)
    else:
        code, text = (
            "unreadable",
            sentence("A file can be read to its end", "something our reader cannot handle", again),
        )
    return RejectedFile(text, code=code)
