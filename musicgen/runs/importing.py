"""In a child process: an exported run, checked byte by byte and brought in. `python -m musicgen.runs.importing`

Nothing in the archive is believed: files are taken by names of our own pattern, sizes are counted while reading,
hashes compared, JSON validated field by field; weights stay arrays that are loaded into networks of our own building.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from musicgen.approaches import approach as find_approach
from musicgen.approaches.base import read_parameters
from musicgen.errors import RejectedFile, ResourceUnavailable, sentence
from musicgen.processes import child_main
from musicgen.runs import states
from musicgen.runs.archives import FORMAT, MANIFEST, RUN, VERSION
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LOG, PREPARED, run_folder
from musicgen.songs.names import display_name
from musicgen.storage import database
from musicgen.storage.database import ID_PATTERN, new_id, runs, songs, tasks
from musicgen.storage.files import CHUNK, check_free_space, publishing, write_bytes, write_json

NAME = re.compile(
    rf"^({re.escape(RUN)}|{re.escape(HISTORY)}|{re.escape(PREPARED)}|{re.escape(LOG)}"
    rf"|{CHECKPOINTS}/\d{{6}}(-partial)?/[A-Za-z0-9_][A-Za-z0-9._-]{{0,99}})\Z"
)
MAX_FILES = 500
MAX_BYTES = 8_000_000_000
MAX_TEXT_BYTES = 20_000_000
ENCRYPTED = 0x1
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=10**15)]


class Strict(BaseModel):
    """Known fields only; the rest is left behind."""

    model_config = ConfigDict(extra="ignore", strict=False)


class ArchivedSong(Strict):
    id: Annotated[str, Field(pattern=ID_PATTERN)]
    name: Text
    sha256: Sha256
    tracks: list[Annotated[int, Field(ge=0, le=1000)]] | None = None


class ArchivedRequest(Strict):
    approach: Text
    preset: Text = ""
    training: dict[str, Any]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    songs: Annotated[list[ArchivedSong], Field(max_length=100_000)]


class ArchivedRun(Strict):
    name: Text
    request: ArchivedRequest
    state: Literal["queued", "starting", "running", "paused", "succeeded", "failed", "cancelled"]
    reason: Text = ""


class ArchivedRow(Strict):
    epoch: Annotated[int, Field(ge=1, le=10**7)]
    loss: FiniteFloat
    val_loss: FiniteFloat | None = None
    seconds: FiniteFloat
    learning_rate: FiniteFloat
    extra: dict[str, FiniteFloat | None] = {}


class ArchivedPrepared(Strict):
    facts: dict[str, Any] = {}
    floors: dict[str, FiniteFloat | None] = {}
    warnings: list[Text] = []
    networks: Count = 0
    parameters: Count = 0
    flops_per_epoch: FiniteFloat = 0.0
    memory_bytes: Count = 0


def bring_in(payload: dict[str, Any]) -> dict[str, str]:
    """{"run": id} of the run that the archive at `path` became. Raises RejectedFile."""
    run_id = new_id("run")
    try:
        with zipfile.ZipFile(payload["path"]) as archive, publishing(run_folder(run_id)) as folder:
            for name, content in _checked(archive):
                _unpack(archive, name, content, folder / name)
            request, state, reason = _check(folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        if is_full_disk(error):
            raise ResourceUnavailable(sentence("A run is brought in whole", "a full disk"), code="disk_full") from error
        raise _rejected(f"a damaged one ({error})") from error
    _record(run_id, request, state, reason)
    return {"run": run_id}


def _checked(archive: zipfile.ZipFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, {sha256, size}) of every file, after names, number and sizes were found to be in order."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > MAX_FILES or len(set(names)) < len(names):
        raise _rejected(f"{len(entries)} entries, or a name twice")
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise _rejected("an encrypted one")
    files = _manifest(archive)
    if set(names) != {*files, MANIFEST} or not all(NAME.match(name) for name in files):
        raise _rejected("files that the manifest does not name, or that have no place in a run")
    if any(size > MAX_TEXT_BYTES for name, (_, size) in files.items() if not name.startswith(CHECKPOINTS)):
        raise _rejected("a text that is too long")
    total = sum(size for _, size in files.values())
    if total > MAX_BYTES:
        raise _rejected(f"{total // 10**6:,} MB")
    check_free_space(total)
    for name, (sha256, size) in files.items():
        yield name, {"sha256": sha256, "size": size}


def _manifest(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    try:
        with archive.open(MANIFEST) as file:
            document = json.loads(file.read(MAX_TEXT_BYTES))
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise _rejected("one of another kind or version")
        files = {str(name): (str(facts["sha256"]), int(facts["size"])) for name, facts in document["files"].items()}
    except UNREADABLE as error:
        raise _rejected("one without a readable manifest") from error
    if any(size < 0 for _, size in files.values()):
        raise _rejected("a negative size")
    return files


def _unpack(archive: zipfile.ZipFile, name: str, expected: dict[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, left = hashlib.sha256(), expected["size"]
    with archive.open(name) as source, open(target, "xb") as sink:
        while chunk := source.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise _rejected(f"{name}, longer than its manifest says")
            digest.update(chunk)
            sink.write(chunk)
    if left or digest.hexdigest() != expected["sha256"]:
        raise _rejected(f"{name}, which has changed")


def _check(folder: Path) -> tuple[dict[str, Any], str, str]:
    """The request, state and reason of the unpacked run; texts are written anew from what was understood."""
    try:
        run = ArchivedRun.model_validate_json((folder / RUN).read_bytes())
        approach = find_approach(run.request.approach)
        training = read_parameters(approach.Training, run.request.training)
        rows = [ArchivedRow.model_validate_json(line) for line in _lines(folder / HISTORY)]
        if (folder / PREPARED).is_file():
            prepared = ArchivedPrepared.model_validate_json((folder / PREPARED).read_bytes())
            write_json(folder / PREPARED, prepared.model_dump(mode="json"))
        _check_checkpoints(folder, approach)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _rejected(f"{where}: {first['msg']}") from error
    except UNREADABLE as error:
        raise _rejected(f"one that cannot be understood ({type(error).__name__})") from error
    (folder / RUN).unlink()
    write_bytes(folder / HISTORY, "".join(row.model_dump_json() + "\n" for row in rows).encode())
    _clean_log(folder / LOG)
    request = run.request.model_dump(mode="json") | {
        "approach": approach.key,
        "preset": run.request.preset if run.request.preset in approach.presets else "",
        "training": training.model_dump(mode="json"),
        "songs": [_here(song) for song in run.request.songs],
        "device": "auto",
    }
    state = run.state if run.state in states.AT_REST else states.PAUSED
    return {"request": request, "name": display_name(run.name)}, state, display_name(run.reason) if run.reason else ""


def _check_checkpoints(folder: Path, approach: Any) -> None:
    found = Checkpoints(folder / CHECKPOINTS).all()
    if not found:
        raise _rejected("one without weights")
    for checkpoint in found:
        checkpoint.verify()
        state = checkpoint.state
        if (state.get("epoch"), state.get("is_complete")) != (checkpoint.epoch, checkpoint.is_complete):
            raise _rejected(f"weights that are not those of epoch {checkpoint.epoch}")
        if state.get("row") is not None:
            ArchivedRow.model_validate(state["row"])
        approach.codec_from_json(checkpoint.codec())


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line.strip()] if path.is_file() else []


def _clean_log(path: Path) -> None:
    if path.is_file():
        text = path.read_bytes().decode("utf-8", errors="replace")
        shown = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
        write_bytes(path, shown.encode())


def _here(song: ArchivedSong) -> dict[str, Any]:
    """The song as this library knows it, where it has the same content."""
    row = database.one(sa.select(songs.c.id, songs.c.name).where(songs.c.sha256 == song.sha256))
    known = {"id": row["id"], "name": row["name"]} if row else {"name": display_name(song.name)}
    return song.model_dump(mode="json") | known


def _record(run_id: str, about: dict[str, Any], state: str, reason: str) -> None:
    request, moment = about["request"], database.now()
    with database.engine().begin() as connection:
        connection.execute(
            sa.insert(runs).values(
                id=run_id, name=about["name"], approach=request["approach"], request=request, created_at=moment
            )
        )
        connection.execute(
            sa.insert(tasks).values(
                id=new_id("task"),
                kind="train",
                run_id=run_id,
                state=state,
                device="auto",
                request={"device": "auto"},
                reason=reason,
                created_at=moment,
                finished_at=moment,
            )
        )


def _rejected(received: str) -> RejectedFile:
    return RejectedFile(
        sentence("A run is brought in from an archive that export wrote, unchanged", received, "Export it again."),
        code="bad_archive",
    )


if __name__ == "__main__":
    child_main(bring_in)
