"""The time-lapse of a run: short pieces that its training made on the way, all with one seed.

    lapse/000012-1f3a5c7e/     after epoch 12: the files of a clip
        piece.json             epoch, seed, loss, val_loss, facts, reference, generation, versions, verdicts

A piece is complete or absent. `MAX_PIECES` of them are kept: the first, the newest, and between them those that show
most of the way. One process writes (the training's worker); any number read. Light: knows no approach.
"""

from __future__ import annotations

import math
import re
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import DamagedFile
from musicgen.runs.folders import LAPSE, run_folder
from musicgen.runs.progress import finite
from musicgen.storage.files import check_free_space, publishing, read_json, sync_folder, write_json

if TYPE_CHECKING:
    from musicgen.clips import Clip

HEAR_IT_LEARN = "hear_it_learn"  # in the request of a run: whether its training makes short pieces on the way
MAX_PIECES = 7  # with the original, as many as the player has lanes
PIECE = "piece.json"
NAME = re.compile(r"^(\d{6})-[0-9a-f]{8}\Z")


@dataclass(frozen=True)
class LapsePiece:
    """What the weights of one epoch sounded like. `folder`: of the clip; its name is unique."""

    folder: Path
    epoch: int

    @cached_property
    def about(self) -> dict[str, Any]:
        """How it was made: see the top of this file. {} if that cannot be read."""
        try:
            found = read_json(self.folder / PIECE, {})
        except (OSError, DamagedFile):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def clip(self) -> Clip:
        from musicgen.clips import Clip

        return Clip(self.folder)

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def lapse_of(run_id: str) -> Lapse:
    """The time-lapse of a run, which may have no pieces."""
    return Lapse(run_folder(run_id) / LAPSE)


class Lapse:
    """The pieces in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pieces(self) -> list[LapsePiece]:
        """By epoch, one of each."""
        found: dict[int, LapsePiece] = {}
        for piece in self._all():
            found.setdefault(piece.epoch, piece)
        return [found[epoch] for epoch in sorted(found)]

    def _all(self) -> list[LapsePiece]:
        names = sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []
        return [LapsePiece(self.folder / name, int(found[1])) for name in names if (found := NAME.match(name))]

    def publish(self, epoch: int, write: Callable[[Path], Mapping[str, Any]]) -> LapsePiece:
        """Store a piece in one step, in place of one of the same epoch, and let go of what is no longer needed.

        Args:
            write: writes the files of a clip into an existing folder, and returns what is to be kept about it.

        Raises:
            ResourceUnavailable: the disk is nearly full; nothing was written.
        """
        check_free_space()
        folder = self.folder / f"{epoch:06d}-{uuid.uuid4().hex[:8]}"
        with publishing(folder) as place:
            write_json(place / PIECE, finite({**write(place), "epoch": epoch}))
        for piece in self._all():
            if piece.epoch == epoch and piece.folder != folder:
                self._remove(piece)
        self.thin()
        return LapsePiece(folder, epoch)

    def thin(self) -> None:
        """Remove pieces until `MAX_PIECES` are left."""
        pieces = self.pieces()
        while len(pieces) > MAX_PIECES:
            self._remove(pieces.pop(least_needed([piece.epoch for piece in pieces])))

    def forget_after(self, epoch: int) -> None:
        """Remove the pieces of later epochs, which are going to be trained again."""
        for piece in self._all():
            if piece.epoch > epoch:
                self._remove(piece)

    def clean(self) -> None:
        """Remove what an interrupted write or removal left behind. Only for the process that may write."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.is_dir() and path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)

    def _remove(self, piece: LapsePiece) -> None:
        # Renamed first, so that a half removed piece never has its name.
        trash = self.folder / f".removed.{uuid.uuid4().hex}"
        piece.folder.rename(trash)
        sync_folder(self.folder)
        shutil.rmtree(trash, ignore_errors=True)


def least_needed(epochs: list[int]) -> int:
    """Which of them (in order) is missed least: its neighbours are nearest to each other, in proportion, because a
    network learns most at first. Never the first or the last."""
    return min(range(1, len(epochs) - 1), key=lambda place: math.log(epochs[place + 1] / epochs[place - 1]))
