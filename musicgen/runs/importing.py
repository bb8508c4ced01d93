"""In a child process: checks and imports an exported run. `python -m musicgen.runs.importing`

Nothing in the archive is trusted. Its contents and sizes are checked first, from its directory and its texts. Then only
files with expected names are read, sizes are counted while reading, hashes compared and JSON validated field by field.
Weights are arrays of finite numbers, loaded into networks that we build ourselves.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from musicgen.approaches import approach as find_approach
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import TrainingParameters, read_parameters
from musicgen.errors import RejectedFile
from musicgen.faults import in_words, is_storage_fault
from musicgen.processes import child_main
from musicgen.runs import archive_bounds, states, weights_check
from musicgen.runs.archive_bounds import refused
from musicgen.runs.archived import (
    MAX_SONGS,
    UNREADABLE,
    ArchivedPrepared,
    ArchivedRow,
    ArchivedRun,
    ArchivedSong,
    read_text,
)
from musicgen.runs.archived_outputs import ArchivedOutput, ArchivedPiece
from musicgen.runs.archives import CARD, FORMAT, MANIFEST, READABLE, RUN
from musicgen.runs.archiving_outputs import OUTPUT
from musicgen.runs.checkpoints import CODEC, STATE, Checkpoint, Checkpoints
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LAPSE, LOG, PREPARED, run_folder
from musicgen.runs.importing_lapse import bring_piece
from musicgen.runs.importing_outputs import BroughtOutputs, check_tests
from musicgen.runs.lapse import HEAR_IT_LEARN, PIECE, Lapse
from musicgen.songs.names import clean_lines, display_name
from musicgen.storage import database
from musicgen.storage.database import new_id, runs, songs, tasks
from musicgen.storage.files import CHUNK, check_free_space, publishing, write_bytes, write_json

MAX_MANIFEST_BYTES = 1_000_000
MANY = 500  # values in one SQL statement
ENCRYPTED = 0x1
Known = TypeVar("Known", bound=BaseModel)
INCOMING = "incoming"  # music of an output, while it is read


@dataclass(frozen=True)
class Understood:
    """The texts of an archive. `files`: name → (sha256, size), as the manifest has it; `outputs`, `lapse`: folder of an
    output or a short piece → the name of its music."""

    files: dict[str, tuple[str, int]]
    run: ArchivedRun
    approach: Approach
    training: TrainingParameters
    prepared: ArchivedPrepared | None
    outputs: dict[str, str]
    lapse: dict[str, str]


def bring_in(payload: dict[str, Any]) -> dict[str, str]:
    """Import the archive at `path`; returns {"run": id}. Raises RejectedFile."""
    run_id = new_id("run")
    try:
        with archive_bounds.open_archive(Path(payload["path"])) as archive:
            found = _understand(archive)
            check_free_space(sum(size for _, size in found.files.values()))
            brought = BroughtOutputs(run_id, found.approach, found.training.model_dump(mode="json"), _here)
            with brought.removed_after_a_fault(), publishing(run_folder(run_id)) as folder:
                for name in found.files:
                    if not (archive_bounds.OUTPUT_FILE.match(name) or archive_bounds.LAPSE_FILE.match(name)):
                        _unpack(archive, name, found.files[name], folder / name)
                _check(folder, found)
                _bring_outputs(archive, found, brought, folder / INCOMING)
                _bring_lapse(archive, found, folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        if is_storage_fault(error) and (told := in_words(error)):
            raise told from error
        raise _rejected(f"a damaged one ({error})") from error
    state = found.run.state if found.run.state in states.AT_REST else states.PAUSED
    try:
        with brought.removed_after_a_fault():
            _record(run_id, found, brought, state, display_name(found.run.reason) if found.run.reason else "")
    except BaseException:
        shutil.rmtree(run_folder(run_id), ignore_errors=True)  # all or nothing
        raise
    return {"run": run_id}


def _understand(archive: zipfile.ZipFile) -> Understood:
    """The texts of the archive, after names, number and sizes of its files have been checked."""
    files = _files(archive)
    sizes = {name: size for name, (_, size) in files.items()}
    archive_bounds.check_names(sizes)
    outputs, lapse = archive_bounds.check_outputs(sizes), archive_bounds.check_lapse(sizes)
    try:
        document = read_text(_content(archive, RUN, files[RUN]))
        num_songs = len(document["request"]["songs"])
        if num_songs > MAX_SONGS:
            raise refused(f"An imported run may have learned from at most {MAX_SONGS:,} songs", f"{num_songs:,}")
        run = ArchivedRun.model_validate(document)
        approach = find_approach(run.request.approach)
        training = read_parameters(approach.Training, run.request.training)
        prepared = None
        if PREPARED in files:
            prepared = ArchivedPrepared.model_validate(read_text(_content(archive, PREPARED, files[PREPARED])))
        archive_bounds.check_weights(sizes, prepared, archive_bounds.drawn_weights(approach, training, prepared))
    except ValidationError as error:
        raise _invalid(error) from error
    except UNREADABLE as error:
        raise _rejected(f"one that cannot be understood ({type(error).__name__})") from error
    return Understood(files, run, approach, training, prepared, outputs, lapse)


def _files(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    """The manifest's entries, which must match the files in the archive to the byte."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise _rejected("one that has a name twice")
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise _rejected("an encrypted one")
    files = _manifest(archive)
    if set(names) != {*files, MANIFEST}:
        raise _rejected("files that do not match its manifest")
    for entry in entries:
        if entry.filename != MANIFEST and entry.file_size != files[entry.filename][1]:
            more = "longer" if entry.file_size > files[entry.filename][1] else "shorter"
            raise _rejected(f"{entry.filename[:80]}, {more} than its manifest says")
    return files


def _manifest(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    try:
        with archive.open(MANIFEST) as file:
            document = read_text(file.read(MAX_MANIFEST_BYTES))
        if document["format"] != FORMAT or document["version"] not in READABLE:
            raise _rejected("one of another kind or version")
        files = {str(name): (str(facts["sha256"]), int(facts["size"])) for name, facts in document["files"].items()}
    except UNREADABLE as error:
        raise _rejected("one without a readable manifest") from error
    if any(size < 0 for _, size in files.values()):
        raise _rejected("a negative size")
    return files


def _content(archive: zipfile.ZipFile, name: str, expected: tuple[str, int]) -> bytes:
    with archive.open(name) as source:
        content = source.read(expected[1] + 1)
    if len(content) != expected[1] or hashlib.sha256(content).hexdigest() != expected[0]:
        raise _rejected(f"{name}, which has changed")
    return content


def _unpack(archive: zipfile.ZipFile, name: str, expected: tuple[str, int], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, left = hashlib.sha256(), expected[1]
    with archive.open(name) as source, open(target, "xb") as sink:
        while chunk := source.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise _rejected(f"{name}, longer than its manifest says")
            digest.update(chunk)
            sink.write(chunk)
    if left or digest.hexdigest() != expected[0]:
        raise _rejected(f"{name}, which has changed")


def _check(folder: Path, found: Understood) -> None:
    """Check the unpacked weights, and write the texts again from what was validated."""
    try:
        rows = [ArchivedRow.model_validate_json(line) for line in _lines(folder / HISTORY)]
        for checkpoint in Checkpoints(folder / CHECKPOINTS).all():
            _check_checkpoint(checkpoint, found.approach)
    except ValidationError as error:
        raise _invalid(error) from error
    except UNREADABLE as error:
        raise _rejected(f"one that cannot be understood ({type(error).__name__})") from error
    (folder / RUN).unlink()
    (folder / CARD).unlink(missing_ok=True)  # it is made anew from what was imported
    if found.prepared is not None:
        write_json(folder / PREPARED, found.prepared.model_dump(mode="json"))
    write_bytes(folder / HISTORY, "".join(row.model_dump_json() + "\n" for row in rows).encode())
    _clean_log(folder / LOG)


def _check_checkpoint(checkpoint: Checkpoint, approach: Approach) -> None:
    checkpoint.verify()
    unknown = {path.name for path in checkpoint.folder.iterdir()} - {*checkpoint.manifest, MANIFEST}
    if unknown:
        raise _rejected(f"{sorted(unknown)[0]}, which the weights of epoch {checkpoint.epoch} do not name")
    state, codec = (read_text((checkpoint.folder / name).read_bytes()) for name in (STATE, CODEC))
    if (state.get("epoch"), state.get("is_complete")) != (checkpoint.epoch, checkpoint.is_complete):
        raise _rejected(f"weights that are not those of epoch {checkpoint.epoch}")
    if state.get("row") is not None:
        ArchivedRow.model_validate(state["row"])
    approach.codec_from_json(codec)
    if archive_bounds.TRAINING in checkpoint.manifest:
        read_text((checkpoint.folder / archive_bounds.TRAINING).read_bytes())
    for name in (*archive_bounds.WEIGHTS, archive_bounds.OPTIMIZER):
        if name in checkpoint.manifest and (fault := weights_check.fault(checkpoint.folder / name)):
            raise refused("Weights must be arrays of finite numbers", f"{fault}, in {name} of epoch {checkpoint.epoch}")


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line.strip()] if path.is_file() else []


def _clean_log(path: Path) -> None:
    if path.is_file():
        text = path.read_bytes().decode("utf-8", errors="replace")
        shown = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
        write_bytes(path, shown.encode())


def _here(archived: list[ArchivedSong]) -> list[dict[str, Any]]:
    """The songs, with this library's ids for those with the same content."""
    wanted = sorted({song.sha256 for song in archived})
    known: dict[str, dict[str, Any]] = {}
    for start in range(0, len(wanted), MANY):
        chosen = sa.select(songs.c.sha256, songs.c.id, songs.c.name)
        rows = database.every(chosen.where(songs.c.sha256.in_(wanted[start : start + MANY])))
        known |= {row["sha256"]: {"id": row["id"], "name": row["name"]} for row in rows}
    return [
        song.model_dump(mode="json", exclude={"rights"})
        | known.get(song.sha256, {"name": display_name(song.name)})
        | ({"rights": words} if (words := clean_lines(song.rights)) else {})
        for song in archived
    ]


def _bring_outputs(archive: zipfile.ZipFile, found: Understood, brought: BroughtOutputs, incoming: Path) -> None:
    """Each output in turn, so that no two are unpacked at the same time."""
    for folder, name in found.outputs.items():
        output = _described(archive, found, f"{folder}/{OUTPUT}", ArchivedOutput)
        check_tests(output)
        music = incoming / name.rsplit("/", 1)[-1]
        _unpack(archive, name, found.files[name], music)
        brought.add(output, music)
        shutil.rmtree(incoming)


def _bring_lapse(archive: zipfile.ZipFile, found: Understood, folder: Path) -> None:
    """The short pieces, into the folder of the new run."""
    archived = found.run.request.songs
    ids = {song.id: str(here["id"]) for song, here in zip(archived, _here(archived), strict=True)}
    for place, name in found.lapse.items():
        piece = _described(archive, found, f"{place}/{PIECE}", ArchivedPiece)
        if place != f"{LAPSE}/{piece.epoch:06d}":
            raise _rejected(f"a short piece in {place} that is not of that epoch")
        music = folder / INCOMING / name.rsplit("/", 1)[-1]
        _unpack(archive, name, found.files[name], music)
        bring_piece(Lapse(folder / LAPSE), piece, music, found.approach.medium, ids)
        shutil.rmtree(folder / INCOMING)


def _described(archive: zipfile.ZipFile, found: Understood, name: str, kind: type[Known]) -> Known:
    """What the archive says about a piece, field by field."""
    try:
        return kind.model_validate(read_text(_content(archive, name, found.files[name])))
    except ValidationError as error:
        raise _invalid(error) from error
    except UNREADABLE as error:
        raise _rejected(f"one that cannot be understood ({type(error).__name__})") from error


def _record(run_id: str, found: Understood, brought: BroughtOutputs, state: str, reason: str) -> None:
    request = found.run.request.model_dump(mode="json", exclude={"songs"}) | {
        "approach": found.approach.key,
        "preset": found.run.request.preset if found.run.request.preset in found.approach.presets else "",
        "training": found.training.model_dump(mode="json"),
        "songs": _here(found.run.request.songs),
        "device": "auto",
    }
    if not request[HEAR_IT_LEARN]:
        del request[HEAR_IT_LEARN]
    name, moment = display_name(found.run.name), database.now()
    run = {"id": run_id, "name": name, "approach": request["approach"], "request": request, "created_at": moment}
    run["rights"] = clean_lines(found.run.rights)
    task: dict[str, Any] = {"id": new_id("task"), "kind": "train", "run_id": run_id, "state": state, "device": "auto"}
    task |= {"request": {"device": "auto"}, "reason": reason, "created_at": moment, "finished_at": moment}
    with database.engine().begin() as connection:
        connection.execute(sa.insert(runs).values(**run))
        connection.execute(sa.insert(tasks).values(**task))
        brought.record(connection)


def _invalid(error: ValidationError) -> RejectedFile:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _rejected(f"{where[:200]}: {first['msg'][:300]}")


def _rejected(received: str) -> RejectedFile:
    return refused("A run is imported from an unchanged archive that export wrote", received)


if __name__ == "__main__":
    child_main(bring_in)
