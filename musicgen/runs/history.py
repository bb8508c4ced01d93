"""The history of a training: one JSON line per epoch, appended. A line torn by a crash is not read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from musicgen.approaches.base import EpochRow
from musicgen.runs.progress import finite
from musicgen.storage.files import write_bytes


def row_to_json(row: EpochRow) -> dict[str, Any]:
    return finite(asdict(row))


def score_of(row: dict[str, Any]) -> float | None:
    """What decides which epoch is best, lower is better: the validation loss, else the training loss."""
    score = row.get("val_loss")
    return row.get("loss") if score is None else score


def best_epoch(rows: list[dict[str, Any]]) -> int | None:
    """The epoch with the lowest score; the first of equals. None without rows."""
    scored = [(score, int(row["epoch"])) for row in rows if (score := score_of(row)) is not None]
    return min(scored)[1] if scored else None


def read_history(path: Path) -> list[dict[str, Any]]:
    """The rows in order, each epoch once."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    rows: dict[int, dict[str, Any]] = {}
    for line in lines:
        try:
            row = json.loads(line)
            rows[int(row["epoch"])] = row
        except (ValueError, TypeError, KeyError):
            continue
    return [rows[epoch] for epoch in sorted(rows)]


def append_row(path: Path, row: dict[str, Any]) -> None:
    """One write of one line, on a line of its own even after a torn one."""
    with open(path, "ab") as file:
        if file.tell() and not _ends_a_line(path):
            file.write(b"\n")
        file.write(json.dumps(row, sort_keys=True).encode() + b"\n")


def rewind(path: Path, epoch: int, row: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Cut the history back to the checkpoint from which a run goes on: rows before `epoch`, then the checkpoint's own
    row (the crash may have come before it was appended). Returns the rows."""
    kept = [known for known in read_history(path) if known["epoch"] < epoch]
    if row is not None:
        kept.append(row)
    write_bytes(path, "".join(json.dumps(each, sort_keys=True) + "\n" for each in kept).encode())
    return kept


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
