"""Checkpoints: folders that are complete or absent, with the sha256 of every file in a manifest.

    checkpoints/000012/            after epoch 12: what `write` wrote (weights, optimiser), codec.json, state.json
        manifest.json              {"files": {name: {"sha256", "size"}}}; its own sha256 names the checkpoint
    checkpoints/000013-partial/    stopped in the middle of epoch 13: can generate, is never resumed from

The best one, the last two and those that outputs were made with are kept; small ones also after epochs 1, 2, 4, 8, …,
so that one can hear how a network learned. Knows no framework: the caller gives a function that writes the weights, and
has checked that they are finite.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from musicgen.errors import CorruptArtifact, MusicgenError, NotFound, sentence
from musicgen.runs.locks import FileLock
from musicgen.storage.files import check_free_space, damaged, publishing, read_json, sha256_of, sync_folder, write_json

NAME = re.compile(r"^(\d{6})(-partial)?$")
MANIFEST, STATE, CODEC = "manifest.json", "state.json", "codec.json"
LOCK = ".lock"
LAST_KEPT = 2
MAX_MILESTONE_BYTES = 40_000_000  # larger checkpoints of epochs 1, 2, 4, 8, … are not kept: nobody asked for them
MILESTONES_NEED_FREE = 1_000_000_000  # bytes of free disk space: below, the room is for what training needs
MAX_LAPSE = 8  # as many can be listened to side by side
FREE_COPIES = 3  # free disk space needed to save: this many times the size of the last checkpoint


@dataclass(frozen=True)
class Checkpoint:
    """One published checkpoint. `epoch` counts from 1; `is_complete`: the epoch was finished."""

    folder: Path
    epoch: int
    is_complete: bool

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """File name → {sha256, size}. Raises CorruptArtifact if it cannot be read."""
        try:
            files = read_json(self.folder / MANIFEST, {})["files"]
            return {
                str(name): {"sha256": str(facts["sha256"]), "size": int(facts["size"])} for name, facts in files.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(self, f"a {MANIFEST} that cannot be read") from error

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the manifest, and so of everything in the checkpoint."""
        try:
            return hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()
        except OSError as error:
            raise _damaged(self, f"no {MANIFEST}") from error

    @cached_property
    def state(self) -> dict[str, Any]:
        """Run, epoch, history row, seed and settings when it was written. {} if unreadable."""
        try:
            found = read_json(self.folder / STATE, {})
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def score(self) -> float | None:
        score = self.state.get("score")
        return float(score) if isinstance(score, (int, float)) and not isinstance(score, bool) else None

    @property
    def size_bytes(self) -> int:
        return sum(int(facts["size"]) for facts in self.manifest.values())

    def codec(self) -> dict[str, Any]:
        """Raises DamagedFile."""
        found = read_json(self.folder / CODEC)
        if not isinstance(found, dict):
            raise damaged(self.folder / CODEC, "must hold a JSON object", type(found).__name__)
        return found

    def verify(self) -> None:
        """Check every byte against the manifest. Raises CorruptArtifact that names the first file that differs."""
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        for name, facts in self.manifest.items():
            if name not in found:
                raise _damaged(self, f"{name} is missing")
            path = self.folder / name
            if path.stat().st_size != facts["size"] or sha256_of(path) != facts["sha256"]:
                raise _damaged(self, f"{name} has changed")
        if STATE not in self.manifest or not self.state:
            raise _damaged(self, f"no {STATE}")


class Checkpoints:
    """The checkpoints in one folder. One process writes them (the training's worker); any number read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Checkpoint]:
        """Oldest first; a partial one comes before the complete one of its epoch."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if matched := NAME.match(path.name):
                found.append(Checkpoint(path, int(matched[1]), matched[2] is None))
        return sorted(found, key=lambda each: (each.epoch, each.is_complete))

    def exist(self) -> bool:
        return self.folder.is_dir() and any(NAME.match(path.name) for path in self.folder.iterdir())

    def newest_first(self) -> list[Checkpoint]:
        return self.all()[::-1]

    def best_first(self) -> list[Checkpoint]:
        """By score, lowest first. Those without a score (partial ones) come last, newest first."""
        return sorted(self.newest_first(), key=lambda each: (each.score is None, each.score or 0.0))

    def chosen(self, choice: str) -> list[Checkpoint]:
        """`best`, `last`, an epoch number or a sha256 → the checkpoints to try, in this order."""
        if choice in ("best", "last"):
            return self.best_first() if choice == "best" else self.newest_first()
        wanted = [each for each in self.newest_first() if choice in (str(each.epoch), _sha256_or_none(each))]
        if not wanted:
            epochs = ", ".join(str(each.epoch) for each in self.all()) or "none"
            raise NotFound(sentence(f"Choose an epoch whose weights are kept: {epochs}", f"epoch {choice}"))
        return wanted

    def lapse(self) -> list[Checkpoint]:
        """Up to `MAX_LAPSE` of the complete ones, oldest first: those of a run from its first epochs to its last."""
        complete = [each for each in self._readable() if each.is_complete]
        if len(complete) <= MAX_LAPSE:
            return complete
        last = len(complete) - 1
        return [complete[round(number * last / (MAX_LAPSE - 1))] for number in range(MAX_LAPSE)]

    def publish(
        self,
        epoch: int,
        state: dict[str, Any],
        codec: Any,
        write: Callable[[Path], None],
        *,
        is_complete: bool = True,
    ) -> Checkpoint:
        """Write a checkpoint in one step: afterwards it is complete or absent.

        Args:
            write: writes weights and optimiser into an existing empty folder.
            is_complete: False for one from the middle of `epoch`.

        Raises:
            ResourceUnavailable: too little free space; nothing was written.
            OSError: the disk became full nevertheless; earlier checkpoints are untouched.
        """
        check_free_space(FREE_COPIES * max((each.size_bytes for each in self._readable()), default=0))
        target = self.folder / (f"{epoch:06d}" + ("" if is_complete else "-partial"))
        self._discard([Checkpoint(target, epoch, is_complete)])
        with publishing(target) as folder:
            write(folder)
            write_json(folder / CODEC, codec)
            write_json(folder / STATE, {**state, "epoch": epoch, "is_complete": is_complete})
            write_json(folder / MANIFEST, {"format": 1, "files": _describe(folder)})
        return Checkpoint(target, epoch, is_complete)

    def bring(self, each: Checkpoint, *, check: Callable[[], None] = lambda: None) -> bool:
        """Copy a checkpoint from elsewhere under its own name, in one step; False if it is here already.

        `check` is called when only the last step is left. Raises CorruptArtifact if it does not match its manifest;
        OSError."""
        here = Checkpoint(self.folder / each.folder.name, each.epoch, each.is_complete)
        if here.folder.is_dir() and _sha256_or_none(here) == each.sha256:
            return False
        with publishing(here.folder) as folder:
            shutil.copytree(each.folder, folder, dirs_exist_ok=True)
            Checkpoint(folder, each.epoch, each.is_complete).verify()
            check()
            self._discard([here])
        return True

    def remove(self, unneeded: Sequence[Checkpoint]) -> None:
        """Remove checkpoints of this folder, each in one step."""
        self._discard(unneeded)

    def prune(self, pinned: Callable[[], Collection[str]]) -> None:
        """Remove checkpoints that are no longer needed; later, if another process is choosing one now.

        Args:
            pinned: gives the sha256 of further checkpoints to keep; called under the lock.
        """
        lock = FileLock(self.folder / LOCK)
        try:
            if not lock.take():
                return
            names = set(pinned())
        except MusicgenError:  # it is unknown what is needed: keep everything
            lock.release()
            return
        with lock:
            every = self._readable()
            complete = [each for each in every if each.is_complete]
            kept = set(complete[-LAST_KEPT:]) | set(self.best_first()[:1])
            if shutil.disk_usage(self.folder).free >= MILESTONES_NEED_FREE:
                kept |= {each for each in complete if is_milestone(each)}
            if complete:
                kept |= {each for each in every if not each.is_complete and each.epoch > complete[-1].epoch}
            unneeded = [each for each in every if each not in kept]
            if unneeded:
                self._discard([each for each in unneeded if each.sha256 not in names])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while checkpoints are chosen and pinned, and while they are removed, so that the two never overlap."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.folder / LOCK):
            yield

    def clean(self) -> None:
        """Remove leftovers of an interrupted save or removal. Only for the process that may write."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.is_dir() and path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)

    def _readable(self) -> list[Checkpoint]:
        readable = []
        for each in self.all():
            try:
                each.manifest  # noqa: B018
            except CorruptArtifact:
                continue
            readable.append(each)
        return readable

    def _discard(self, unneeded: Sequence[Checkpoint]) -> None:
        # Renamed first, so that a half removed checkpoint never has its name.
        for each in unneeded:
            if each.folder.is_dir():
                trash = self.folder / f".removed.{uuid.uuid4().hex}"
                each.folder.rename(trash)
                sync_folder(self.folder)
                shutil.rmtree(trash, ignore_errors=True)


def is_milestone(checkpoint: Checkpoint) -> bool:
    """Whether it is small and of epoch 1, 2, 4, 8, …: networks learn most at first."""
    epoch = checkpoint.epoch
    return epoch & (epoch - 1) == 0 and checkpoint.size_bytes <= MAX_MILESTONE_BYTES


def first_intact(candidates: Sequence[Checkpoint], on_damaged: Callable[[str], None]) -> Checkpoint:
    """The first candidate whose bytes match its manifest. `on_damaged` is called for each one skipped.

    Raises:
        NotFound: there are no candidates. CorruptArtifact: none of them is intact.
    """
    if not candidates:
        raise NotFound(sentence("A run has weights once its first epoch has ended", "no weights yet"))
    damages = []
    for each in candidates:
        try:
            each.verify()
        except (CorruptArtifact, OSError) as error:
            damages.append(str(error))
            on_damaged(damages[-1])
            continue
        return each
    remedy = "Train again or import a copy. Its songs, history and outputs are unchanged."
    received = f"no intact checkpoint ({damages[0].rstrip('.')})"
    raise CorruptArtifact(
        sentence("Stored weights must match their recorded sha256", received, remedy), code="no_intact_checkpoint"
    )


def _describe(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "size": path.stat().st_size} for path in files
    }


def _sha256_or_none(checkpoint: Checkpoint) -> str | None:
    try:
        return checkpoint.sha256
    except CorruptArtifact:
        return None


def _damaged(checkpoint: Checkpoint, what: str) -> CorruptArtifact:
    where = "/".join(checkpoint.folder.parts[-3:])
    rule = f"The weights of epoch {checkpoint.epoch} must match their recorded sha256"
    return CorruptArtifact(sentence(rule, f"{what}, in {where}"))
