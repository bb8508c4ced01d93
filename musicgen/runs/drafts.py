"""Drafts: the beginning of a piece that is still being generated, as a clip that a page can show and play.

Each has a folder with a unique name, so that a cache never shows one for another, and appears there in one step. Drafts
may be lost: nothing is synced to disk, and nothing fails if they cannot be written. The worker writes and removes them;
the process that finds a worker dead removes them too.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from musicgen.errors import ResourceUnavailable
from musicgen.runs.folders import DRAFTS
from musicgen.settings import settings

if TYPE_CHECKING:
    from musicgen.audio.waveform import Waveform
    from musicgen.clips import Clip
    from musicgen.symbolic.score import Score

SHARE = 0.03  # largest share of the time spent on drafts
SECONDS_BETWEEN = 2.0
KEPT = 3  # a page may still be reading an older one
STATE = "draft.json"


@dataclass(frozen=True)
class Draft:
    """The beginning of a piece: `done` of its `total` steps."""

    folder: Path
    done: int
    total: int

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def clip(self) -> Clip:
        from musicgen.clips import Clip

        return Clip(self.folder)


def latest_draft(folder: Path) -> Draft | None:
    """The newest draft of the task in `folder`."""
    for found in sorted(_whole(folder / DRAFTS), reverse=True):
        with suppress(OSError, ValueError, KeyError, TypeError):  # just being removed
            state = json.loads((found / STATE).read_bytes())
            return Draft(found, int(state["done"]), int(state["total"]))
    return None


def draft_sound(draft: Draft) -> bytes:
    """The sound of a draft as a WAV file, at most as long as a player loads at once. Rendering MIDI takes seconds and
    uses a copy, because the draft may be removed meanwhile.

    Raises CorruptArtifact or OSError if it is gone, and what `clips.ensure_audio` raises."""
    from musicgen.audio.wav import wav_info, wav_stretch
    from musicgen.clips import Clip, ensure_audio

    with TemporaryDirectory(prefix="musicgen-draft-") as place:
        clip = draft.clip
        if clip.medium == "midi":
            clip = Clip(Path(shutil.copytree(draft.folder, Path(place) / draft.id)))
            ensure_audio(clip)
        sample_rate = wav_info(clip.audio_path).sample_rate
        return wav_stretch(clip.audio_path, 0, round(settings().player_seconds * sample_rate))


def remove_drafts(folder: Path) -> None:
    """Remove the drafts of the task in `folder`."""
    shutil.rmtree(folder / DRAFTS, ignore_errors=True)


class DraftWriter:
    """Writes drafts of what a worker generates, rarely enough to cost almost nothing.

    Args:
        folder: of the task. mark: a word unique to this worker of the task.
    """

    def __init__(self, folder: Path, mark: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.mark, self._clock = folder / DRAFTS, mark, clock
        self._is_new = True
        self._began = self._due = 0.0
        self._done_at_start = self._number = 0

    def offer(self, make: Callable[[], Waveform | Score], done: int, total: int) -> None:
        """See contract.monitor.Monitor.so_far. A piece that is nearly finished gets no draft."""
        clock = self._clock()
        if self._is_new or done < self._done_at_start:
            self._is_new, self._began, self._done_at_start = False, clock, done
            self._due = max(self._due, clock + SECONDS_BETWEEN)
        if clock < self._due or self._seconds_left(clock, done, total) < SECONDS_BETWEEN:
            return
        # A full disk is reported elsewhere, where something would be lost.
        with suppress(OSError, ResourceUnavailable):
            self._write(make(), done, total)
        now = self._clock()
        self._due = now + max(SECONDS_BETWEEN, (now - clock) / SHARE)

    def published(self) -> None:
        """The piece is finished: remove its drafts."""
        self._is_new = True
        shutil.rmtree(self.folder, ignore_errors=True)

    def _seconds_left(self, clock: float, done: int, total: int) -> float:
        made = done - self._done_at_start
        return (clock - self._began) / made * (total - done) if made > 0 else 0.0

    def _write(self, content: Waveform | Score, done: int, total: int) -> None:
        from musicgen.audio.waveform import Waveform
        from musicgen.clips import write_audio_clip, write_score_clip

        if not content.seconds:
            return
        self._number += 1
        target = self.folder / f"{self._number:06d}.{self.mark}"
        temporary = target.with_name(f".{target.name}")
        temporary.mkdir(parents=True, mode=0o700)
        try:
            if isinstance(content, Waveform):
                write_audio_clip(temporary, content, is_draft=True)
            else:
                write_score_clip(temporary, content, is_draft=True)
            (temporary / STATE).write_text(json.dumps({"done": done, "total": total}))
            os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for old in sorted(_whole(self.folder))[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _whole(drafts: Path) -> list[Path]:
    try:
        return [path for path in drafts.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
