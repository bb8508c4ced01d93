"""Runs as zip archives, to export and import: settings, history, log, weights, outputs, time-lapse; no songs.

    manifest.json   {"format": "musicgen-run", "version": 3, "files": {name: {"sha256", "size"}}}
    run.json        name, approach, request, state, reason, created_at, rights
    card.md         the same and what came of it, for people; not read again
    history.jsonl, prepared.json, log.txt, checkpoints/000012/…, outputs/0001/…, lapse/000012/…

An archive is untrusted: it is read in a child process, by names of our own (`importing`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from musicgen.errors import RejectedFile, WrongState, sentence
from musicgen.processes import run_child
from musicgen.runs.archiving_lapse import lapse_to_archive
from musicgen.runs.archiving_outputs import ArchivedFiles, outputs_to_archive
from musicgen.runs.checkpoints import Checkpoint, Checkpoints, first_intact
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LOG, PREPARED, export_path
from musicgen.runs.records import Run, get_run
from musicgen.runs.versions import versions
from musicgen.storage.files import CHUNK, check_free_space

FORMAT, VERSION = "musicgen-run", 3
READABLE = (1, 2, 3)  # version 1 had no outputs, version 2 no time-lapse
MANIFEST, RUN, CARD = "manifest.json", "run.json", "card.md"
TRIES = 5
IMPORT_SECONDS = 600.0
IMPORT_MEMORY_MB = 2048
TEXTS = (HISTORY, PREPARED, LOG)


def export_run(run_id: str, *, card: str = "") -> Path:
    """Write the run to a zip archive in the storage; returns its path. Raises WrongState if there are no weights.

    `card`: what the run is, for people, as Markdown: see `comparison.run_card`."""
    run = get_run(run_id)
    kept = Checkpoints(run.folder / CHECKPOINTS)
    if not kept.exist():
        raise WrongState(sentence("A run can be exported once it has weights", f"a run that is {run.state}"))
    target = export_path(run.id)
    target.parent.mkdir(exist_ok=True, mode=0o700)
    temporary = target.with_name(f".{uuid.uuid4().hex}.zip")
    try:
        for attempt in range(TRIES):
            chosen, made = _worth_taking(kept), [*outputs_to_archive(run.id)[0], *lapse_to_archive(run.id)]
            check_free_space(sum(each.size_bytes for each in chosen))
            try:
                _write(temporary, run, chosen, made, card)
                break
            except FileNotFoundError:  # a checkpoint, an output or a short piece was removed meanwhile: choose again
                if attempt == TRIES - 1:
                    raise
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def import_run(path: Path) -> str:
    """Import a run from an archive that `export_run` wrote, here or elsewhere; returns its new id.

    Raises RejectedFile for anything that is not such an archive, complete and unchanged."""
    if not zipfile.is_zipfile(path):
        raise RejectedFile(sentence("A run is imported from a zip archive that export wrote", "another kind of file"))
    check_free_space(path.stat().st_size)
    found = run_child(
        "musicgen.runs.importing",
        {"path": str(Path(path).resolve())},
        seconds=IMPORT_SECONDS,
        memory_mb=IMPORT_MEMORY_MB,
    )
    return str(found["run"])


def _worth_taking(kept: Checkpoints) -> list[Checkpoint]:
    """The best and the last intact one, often the same."""
    best, last = (first_intact(kept.chosen(choice), lambda _damage: None) for choice in ("best", "last"))
    return [best] if best == last else [best, last]


def _write(path: Path, run: Run, chosen: list[Checkpoint], made: list[ArchivedFiles], card: str) -> None:
    files: dict[str, Any] = {}
    with zipfile.ZipFile(path, "w") as archive:
        files[RUN] = _add_json(archive, RUN, _describe(run))
        if card:
            files[CARD] = _add(archive, CARD, io.BytesIO(card.encode()), zipfile.ZIP_DEFLATED)
        for name in TEXTS:
            if (run.folder / name).is_file():
                with open(run.folder / name, "rb") as source:
                    files[name] = _add(archive, name, source, zipfile.ZIP_DEFLATED)
        for checkpoint in chosen:
            for file in sorted(each for each in checkpoint.folder.rglob("*") if each.is_file()):
                name = f"{CHECKPOINTS}/{checkpoint.folder.name}/{file.relative_to(checkpoint.folder).as_posix()}"
                with open(file, "rb") as source:
                    files[name] = _add(archive, name, source, zipfile.ZIP_STORED)  # weights do not compress
        for piece in made:
            name = f"{piece.folder}/{piece.description}"
            files[name] = _add_json(archive, name, piece.about)
            name = f"{piece.folder}/{piece.music.name}"
            with open(piece.music, "rb") as source:
                files[name] = _add(archive, name, source, zipfile.ZIP_STORED)
        manifest = {"format": FORMAT, "version": VERSION, "files": files}
        archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest, indent=1, sort_keys=True).encode())


def _add_json(archive: zipfile.ZipFile, name: str, document: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(document, indent=1, sort_keys=True).encode()
    return _add(archive, name, io.BytesIO(content), zipfile.ZIP_DEFLATED)


def _add(archive: zipfile.ZipFile, name: str, source: BinaryIO, compression: int) -> dict[str, Any]:
    """Copy a stream into the archive; returns its manifest entry. No dates are stored: same run, same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = compression
    digest, size = hashlib.sha256(), 0
    with archive.open(entry, "w", force_zip64=True) as sink:
        while chunk := source.read(CHUNK):
            sink.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return {"sha256": digest.hexdigest(), "size": size}


def _describe(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "approach": run.approach,
        "request": run.request,
        "state": run.state,
        "reason": run.reason,
        "created_at": run.created_at,
        "rights": run.rights,
        "versions": versions(),
    }
