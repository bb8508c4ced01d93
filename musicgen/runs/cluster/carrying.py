"""Results go one way: from the folder where a run is trained to one where it is read, whole files at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from musicgen.errors import CorruptArtifact
from musicgen.runs.checkpoints import Checkpoint, Checkpoints
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LOG, PREPARED, PROGRESS
from musicgen.storage.files import write_bytes

TEXTS = (PREPARED, HISTORY, LOG, PROGRESS)


class Carrier:
    """Copies what has changed since the last time.

    Args:
        check: called before every write; raises to stop.
        replaces: also remove checkpoints that the source no longer has.
    """

    def __init__(
        self, source: Path, target: Path, *, check: Callable[[], None] = lambda: None, replaces: bool = False
    ) -> None:
        self.source, self.target, self.check, self.replaces = source, target, check, replaces
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._brought: set[str] = set()  # the sha256 of checkpoints

    def carry(self) -> bool:
        """True if a checkpoint was new. Raises OSError, and what `check` raises."""
        # Rows are there before the weights of a later epoch. So the history goes between looking for weights and
        # bringing them: whoever goes on from the weights has all rows up to them, even if this ends in the middle.
        found = Checkpoints(self.source / CHECKPOINTS).all()
        self._text(HISTORY)
        is_new = self._checkpoints(found)
        for name in TEXTS:
            self._text(name)
        return is_new

    def _checkpoints(self, found: list[Checkpoint]) -> bool:
        ours, theirs = Checkpoints(self.target / CHECKPOINTS), Checkpoints(self.source / CHECKPOINTS)
        is_new = False
        for each in found:
            try:
                if each.sha256 in self._brought:
                    continue
                self.check()
                is_new |= ours.bring(each, check=self.check)
                self._brought.add(each.sha256)
            except (FileNotFoundError, CorruptArtifact):
                continue  # just being removed, or not whole yet: tried again
        if self.replaces:
            there = {each.folder.name for each in theirs.all()}
            gone = [each for each in ours.all() if each.folder.name not in there]
            if gone:
                self.check()
                ours.remove(gone)
        return is_new

    def _text(self, name: str) -> None:
        path = self.source / name
        try:
            about = path.stat()
            seen = (about.st_ino, about.st_size, about.st_mtime_ns)
            if self._seen.get(name) == seen:
                return
            content = path.read_bytes()
        except FileNotFoundError:
            return
        self.check()
        write_bytes(self.target / name, content, survives_power_cut=name == HISTORY)
        self._seen[name] = seen
