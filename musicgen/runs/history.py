"""The history of a training: one JSON line per epoch, appended. A line cut off by a crash is not read."""

from __future__ import annotations

import json
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from musicgen.contract.monitor import EpochRow
from musicgen.runs.progress import finite
from musicgen.storage.files import damaged, write_bytes

ROW_BEGINS = b'{"epoch": '  # keys are sorted
REMEDY = "The curve lacks them. Listening, generating and resuming work as before: weights are separate files."
KEPT_ROWS = 20_000  # some 15 MB


def row_to_json(row: EpochRow) -> dict[str, Any]:
    return finite(asdict(row))


def score_of(row: dict[str, Any]) -> float | None:
    """The score that decides which epoch is best (lower is better): the validation loss, else the training loss."""
    score = row.get("val_loss")
    return row.get("loss") if score is None else score


def best_epoch(rows: list[dict[str, Any]]) -> int | None:
    """The epoch with the lowest score, the first of equal ones. None without rows."""
    scored = [(score, int(row["epoch"])) for row in rows if (score := score_of(row)) is not None]
    return min(scored)[1] if scored else None


def read_history(path: Path) -> list[dict[str, Any]]:
    """The rows in order, each epoch once. If a file has grown, only the new part is read: a page that shows a running
    training asks every second."""
    try:
        with open(path, "rb") as file, _lock:
            known = _kept.take(path)
            if known is None or not known.goes_on_in(file):
                known = _Known()
            known.read_on(file)
            _kept.put(path, known)
            return known.in_order()
    except OSError:  # not there yet, or a folder, or not readable, which `history_damage` reports
        with _lock:
            _kept.take(path)
        return []


def history_damage(path: Path) -> str:
    """What is wrong with the file; empty if nothing is. An incomplete last row was cut off by a crash or is just being
    written, which is no damage."""
    try:
        with open(path, "rb"):
            pass
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(damaged(path, "must have a line of JSON for each epoch", error.strerror or error, REMEDY))
    read_history(path)
    with _lock:
        known = _kept.look(path)
        unread = known.count_unread() if known is not None else 0
    if not unread:
        return ""
    lines = "1 line that is" if unread == 1 else f"{unread:,} lines that are"
    return str(damaged(path, "must have a line of JSON for each epoch", f"{lines} something else", REMEDY))


def lost_history(path: Path, checkpoints: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong if a run has no rows: empty, unless there are weights of finished epochs (`Run.checkpoints`)."""
    ended = [each["epoch"] for each in checkpoints if each["is_complete"]]
    if not ended:
        return ""
    received = f"none, though there are weights of epoch {max(ended)}"
    return str(damaged(path, "must have a line of JSON for each epoch", received, REMEDY))


@dataclass
class _Known:
    """What has been read of a history: its rows, and the position of the last line read."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    size: int = 0
    last_line: bytes = b""
    unfinished: bytes = b""  # after the last line: cut off, or still being written
    num_unread: int = 0  # lines that are not rows

    def goes_on_in(self, file: BinaryIO) -> bool:
        """Whether the part already read is unchanged: a resumed run rewrites its history."""
        file.seek(self.size - len(self.last_line))
        return file.read(len(self.last_line)) == self.last_line

    def read_on(self, file: BinaryIO) -> None:
        file.seek(self.size)
        *lines, self.unfinished = file.read().split(b"\n")
        for line in lines:
            row = _row(line)
            self.rows |= row
            self.num_unread += not row and bool(line.strip())
        if lines:
            self.last_line = lines[-1] + b"\n"
            self.size += sum(len(line) + 1 for line in lines)

    def count_unread(self) -> int:
        """Number of lines that are neither rows nor the beginning of one."""
        rest = self.unfinished.strip()
        is_begun = rest.startswith(ROW_BEGINS) or ROW_BEGINS.startswith(rest)
        return self.num_unread + (not is_begun and not _row(rest))

    def in_order(self) -> list[dict[str, Any]]:
        rows = self.rows | _row(self.unfinished)
        return [rows[epoch] for epoch in sorted(rows)]


class _Kept:
    """The most recently read histories, up to `KEPT_ROWS` rows together, but at least one."""

    def __init__(self) -> None:
        self._by_path: OrderedDict[Path, _Known] = OrderedDict()
        self._num_rows = 0

    def look(self, path: Path) -> _Known | None:
        return self._by_path.get(path)

    def take(self, path: Path) -> _Known | None:
        known = self._by_path.pop(path, None)
        self._num_rows -= len(known.rows) if known else 0
        return known

    def put(self, path: Path, known: _Known) -> None:
        self._by_path[path] = known
        self._num_rows += len(known.rows)
        while len(self._by_path) > 1 and self._num_rows > KEPT_ROWS:
            self._num_rows -= len(self._by_path.popitem(last=False)[1].rows)


_kept = _Kept()
_lock = threading.Lock()


def _row(line: bytes) -> dict[int, dict[str, Any]]:
    """epoch → row, skipping lines that were cut off or are not rows."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(row, dict) or not _is_epoch(row.get("epoch")):
        return {}
    if not all(_is_number(row.get(name)) for name in ("loss", "seconds", "learning_rate")):
        return {}
    if not (row.get("val_loss") is None or _is_number(row["val_loss"])) or not isinstance(row.get("extra", {}), dict):
        return {}
    return {row["epoch"]: row}


def _is_epoch(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Append a row in one write, on a new line even after an incomplete one."""
    with open(path, "ab") as file:
        if file.tell() and not _ends_a_line(path):
            file.write(b"\n")
        file.write(json.dumps(row, sort_keys=True).encode() + b"\n")


def rewind(path: Path, epoch: int, row: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Cut the history back to the checkpoint from which a run resumes: the rows before `epoch`, then the checkpoint's
    own row, which a crash may have kept from being appended. Returns the rows."""
    kept = [known for known in read_history(path) if known["epoch"] < epoch]
    if row is not None:
        kept.append(row)
    write_bytes(path, "".join(json.dumps(each, sort_keys=True) + "\n" for each in kept).encode())
    return kept


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
