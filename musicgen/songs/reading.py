"""Reads uploads one by one; runs in a child process, the only place where an upload is decoded.

Small MIDI files are read in groups: at a thousand a second, one message each would take most of the time. The
files of a group go through each step together, because a processor runs a step it has just run half as fast
again. Messages for each group or file: `{"started": [first, stop]}`; for sound `{"cost": [seconds, bytes]}` if it
is large, and `{"seconds": decoded}` on the way; and `{"outcomes": […]}`, each
`{"accepted": {format, medium, seconds, facts, kept, dropped, warnings}}` or `{"rejected": {code, message}}`.
"""

from __future__ import annotations

import errno
import gc
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.child import child_main, send_line, set_limits
from musicgen.errors import MusicgenError, sentence
from musicgen.settings import Settings, settings
from musicgen.storage.files import check_free_space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS_BETWEEN_MESSAGES = 30.0  # of sound
COSTLY_BYTES = 200_000_000  # from this size on, the user is told before the sound is stored
GROUP_FILES, GROUP_BYTES = 32, 1 << 18
OUT_OF_MEMORY = "out_of_memory"

Outcome = dict[str, Any]  # {"accepted": …} or {"rejected": …}, as above
_Steps = Generator[None, None, Outcome]  # reads one file, pausing between steps


def read(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `jobs`, each with `path`, `format`, `folder` (new); `alone`: how many of them form a group of their
    own; `cpu_seconds` for each group."""
    jobs, first = payload["jobs"], 0
    gc.freeze()  # keep imported modules out of collection
    while first < len(jobs):
        stop = group_end(jobs, first, payload["alone"])
        set_limits(cpu_seconds=payload["cpu_seconds"])
        send_line({"started": [first, stop]})
        outcomes = _in_turn([_outcome(Path(path), format, Path(folder)) for path, format, folder in jobs[first:stop]])
        codes = [outcome.get("rejected", {}).get("code") for outcome in outcomes]
        # If memory ran out, the rest is left to the parent, which gives it to a fresh child.
        known = codes.index(OUT_OF_MEMORY) + 1 if OUT_OF_MEMORY in codes else len(codes)
        for number, (_, _, folder) in enumerate(jobs[first:stop]):
            if codes[number] or number >= known:
                shutil.rmtree(folder, ignore_errors=True)
        send_line({"outcomes": outcomes[:known]})
        if OUT_OF_MEMORY in codes:
            return {}
        first = stop
    return {}


def group_end(jobs: Sequence[Sequence[str]], first: int, num_alone: int) -> int:
    """The end of the group that begins with job `first`."""
    stop, size = first, 0
    while stop < len(jobs) and jobs[stop][1] == "midi" and num_alone <= first and stop - first < GROUP_FILES:
        size += os.stat(jobs[stop][0]).st_size
        if size > GROUP_BYTES:
            break
        stop += 1
    return max(stop, first + 1)


def _in_turn(readings: Sequence[_Steps]) -> list[Outcome]:
    """The outcomes; runs the first step of every reading, then the second of every one, and so on."""
    outcomes: list[Outcome] = [{} for _ in readings]
    waiting = list(enumerate(readings))
    while waiting:
        going_on = []
        for number, reading in waiting:
            try:
                next(reading)
                going_on.append((number, reading))
            except StopIteration as end:
                outcomes[number] = end.value
        waiting = going_on
    return outcomes


def _outcome(path: Path, format: str, folder: Path) -> _Steps:
    try:
        folder.mkdir()
        return {"accepted": (yield from (_read_midi if format == "midi" else _read_audio)(path, format, folder))}
    except MusicgenError as error:
        return _rejected(error.code, str(error))
    except MemoryError:
        rule = f"A file must be readable in {settings().intake_memory_mb:,} MB of memory"
        return _rejected(OUT_OF_MEMORY, sentence(rule, "a file that needs more", "Split it."))
    except OSError as error:
        return _rejected(*_explain(error))
    except Exception:  # a bug of ours or of a library on one file: the others are still read
        traceback.print_exc(file=sys.stderr)
        rule = "A file must be readable to its end"
        return _rejected("unreadable", sentence(rule, "something our reader cannot handle", "Export it again."))


def _rejected(code: str, message: str) -> Outcome:
    return {"rejected": {"code": code, "message": message}}


def _explain(error: OSError) -> tuple[str, str]:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk_full", sentence(
            "There must be room on the disk for the song", error.strerror, "Free some disk space and try again."
        )
    if error.errno == errno.EFBIG:
        return "too_long", sentence(
            "A song's sound must fit into one WAV file", "more than 4 GB of samples", "Split it."
        )
    return "unreadable", sentence("A file must be readable to its end", error.strerror or error, "Add it again.")


def _read_midi(path: Path, _format: str, folder: Path) -> _Steps:
    from musicgen.clips.writing import score_contents, write_contents
    from musicgen.symbolic.midi import preflight_to_score
    from musicgen.symbolic.preflight import check_midi

    limits = _limits()
    content = _content(path, limits.max_midi_mb * 1_000_000)
    yield
    preflight = check_midi(content, limits)
    yield
    score = preflight_to_score(preflight)
    yield
    facts, contents = score_contents(score)
    yield
    write_contents(folder, contents)
    return {
        "format": "midi",
        "medium": "midi",
        "seconds": facts["seconds"],
        "facts": facts,
        "kept": preflight.kept | {"seconds": round(preflight.seconds, 3)},
        "dropped": preflight.dropped,
        "warnings": list(preflight.warnings),
    }


@cache
def _limits() -> Settings:
    """The settings of this process; its environment never changes."""
    return settings()


def _content(path: Path, limit: int) -> bytes:
    """Reads only as much as shows that the file is too large."""
    with open(path, "rb", buffering=0) as file:
        return file.read(limit + 1)


def _read_audio(path: Path, format: str, folder: Path) -> _Steps:
    from musicgen.audio.decoding import decode
    from musicgen.clips import write_audio_clip

    decoded = decode(path, format, on_cost=_tell_cost())
    check_free_space(2 * decoded.pcm_bytes)
    yield
    clip = write_audio_clip(folder, _telling(decoded.blocks(), decoded.sample_rate), decoded.sample_rate)
    return {
        "format": decoded.format,
        "medium": "audio",
        "seconds": clip.seconds,
        "facts": clip.facts,
        "kept": decoded.kept,
        "dropped": decoded.dropped,
        "warnings": [*decoded.warnings, *_size(decoded.pcm_bytes)],
    }


def _size(n_bytes: int) -> list[str]:
    return [f"Its sound takes {n_bytes / 1e9:,.1f} GB of disk space."] if n_bytes >= COSTLY_BYTES else []


def _tell_cost() -> Callable[[float, int], None]:
    """Tells the parent, once, how large a long sound will be."""
    told = False

    def tell(seconds: float, n_bytes: int) -> None:
        nonlocal told
        if n_bytes >= COSTLY_BYTES and not told:
            told = True
            send_line({"cost": [seconds, n_bytes]})

    return tell


def _telling(blocks: Iterable[NDArray[np.float32]], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """The same blocks; now and then tells the parent how much sound was decoded, which extends the time limit."""
    n_samples, told = 0, 0.0
    for block in blocks:
        yield block
        n_samples += block.shape[-1]
        if n_samples / sample_rate - told >= SECONDS_BETWEEN_MESSAGES:
            told = n_samples / sample_rate
            send_line({"seconds": told})


if __name__ == "__main__":
    child_main(read)
