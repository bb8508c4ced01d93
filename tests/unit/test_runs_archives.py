"""Runs as archives: there and back, and archives that were made to do harm (K1, K4)."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from runs_at_work import add_song, epochs, nobody_supervises, start, ticking, weights, work_here

from musicgen.errors import MusicgenError, NotFound, RejectedFile, StorageUnavailable
from musicgen.runs import api, archive_bounds, importing
from musicgen.runs.archives import MANIFEST, RUN
from musicgen.runs.importing import bring_in
from musicgen.storage import database
from musicgen.storage.database import songs

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture
def run(approach: None) -> api.Run:
    made = work_here(start(add_song("A song"), epochs=5, epoch_ms=1))
    assert made.state == "succeeded"
    return made  # type: ignore[no-any-return]


Files = dict[str, bytes]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An archive, made once: most tests only spoil it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MUSICGEN_HOME", str(folder))
        with ticking(patch), nobody_supervises():
            return api.export_run(work_here(start(add_song("A song"), epochs=5, epoch_ms=1)).id).read_bytes()


def unzip(path: Path | bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(path) if isinstance(path, bytes) else path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zip_up(path: Path, files: Files, *, honest: bool = True) -> Path:
    """`honest`: with a manifest that describes the files."""
    if honest:
        described = {name: entry(content) for name, content in files.items() if name != MANIFEST}
        files = {**files, MANIFEST: json.dumps({**json.loads(files[MANIFEST]), "files": described}).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def entry(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def reseal(files: Files, folder: str) -> None:
    """Make the manifest of one checkpoint honest about what is in it."""
    names = [name for name in files if name.startswith(f"{folder}/") and not name.endswith(MANIFEST)]
    described = {name.removeprefix(f"{folder}/"): entry(files[name]) for name in names}
    files[f"{folder}/{MANIFEST}"] = json.dumps({"format": 1, "files": described}).encode()


def checkpoint_of(files: Files) -> str:
    return next(name for name in sorted(files) if name.startswith("checkpoints/")).rsplit("/", 1)[0]


def test_there_and_back(run: api.Run, home: Path) -> None:
    archive = api.export_run(run.id)
    assert archive.parent == home / "exports"
    names = set(unzip(archive))
    assert {MANIFEST, RUN, "history.jsonl", "prepared.json", "log.txt"} < names
    assert {name.split("/")[1] for name in names if name.startswith("checkpoints/")} == {"000003", "000005"}
    assert api.export_run(run.id).read_bytes() == archive.read_bytes(), "the same run, the same bytes"
    brought = api.get_run(api.import_run(archive))
    assert brought.id != run.id
    assert (brought.name, brought.approach, brought.state) == (run.name, run.approach, "succeeded")
    assert brought.request == run.request
    assert brought.history == run.history
    assert brought.prepared == run.prepared
    assert brought.best_epoch == 3
    assert brought.can_generate
    assert brought.log_tail(5) == run.log_tail(5)
    made = [work_here(api.submit_generation(each, {}, seed=4)) for each in (run.id, brought.id)]
    contents = [api.get_output(task.output_ids[0]).sidecar["content_sha256"] for task in made]
    assert contents[0] == contents[1]
    api.resume(brought.id, epochs=7)
    assert epochs(work_here(brought.id)) == [1, 2, 3, 4, 5, 6, 7]
    api.resume(run.id, epochs=7)
    work_here(run.id)
    assert (weights(brought.id) == weights(run.id)).all()


def test_elsewhere_songs_are_found_by_their_content_or_missed(run: api.Run) -> None:
    archive = api.export_run(run.id)
    song = run.request["songs"][0]
    database.change(sa.update(songs).values(id="song-aaaaaaaaaaaa", name="Its name here"))
    brought = api.get_run(api.import_run(archive))
    assert brought.request["songs"] == [{**song, "id": "song-aaaaaaaaaaaa", "name": "Its name here"}]
    database.change(sa.delete(songs))
    brought = api.get_run(api.import_run(archive))
    assert work_here(api.submit_generation(brought.id, {})).state == "succeeded"
    with pytest.raises(NotFound, match="“A song”, no longer in the library"):
        api.resume(brought.id, epochs=9)


def test_a_run_that_works_is_exported_as_paused(run: api.Run, tmp_path: Path) -> None:
    files = unzip(api.export_run(run.id))
    files[RUN] = json.dumps({**json.loads(files[RUN]), "state": "running", "reason": "x\u202e\n"}).encode()
    brought = api.get_run(api.import_run(zip_up(tmp_path / "run.zip", files)))
    assert (brought.state, brought.reason, brought.is_active) == ("paused", "x", False)


def rename(files: Files, name: str) -> None:
    files[name] = files.pop("log.txt")


def change_run(files: Files, **changes: Any) -> None:
    files[RUN] = json.dumps({**json.loads(files[RUN]), **changes}).encode()


def change_request(files: Files, **changes: Any) -> None:
    change_run(files, request={**json.loads(files[RUN])["request"], **changes})


def change_checkpoint(files: Files, name: str, content: bytes) -> None:
    folder = checkpoint_of(files)
    files[f"{folder}/{name}"] = content
    reseal(files, folder)


def without(files: Files, part: str) -> None:
    for name in [each for each in files if part in each]:
        del files[name]


EVIL: dict[str, Callable[[Files], None]] = {
    "path upwards": lambda files: rename(files, "../../evil.txt"),
    "path upwards below checkpoints": lambda files: rename(files, "checkpoints/000001/../../../../evil.txt"),
    "absolute path": lambda files: rename(files, "/tmp/evil.txt"),
    "backslashes": lambda files: rename(files, "..\\..\\evil.txt"),
    "a drive": lambda files: rename(files, "C:evil.txt"),
    "hidden file": lambda files: rename(files, "checkpoints/000001/.evil"),
    "worker lock": lambda files: rename(files, "worker.lock"),
    "folder entry": lambda files: rename(files, "checkpoints/"),
    "newline in a name": lambda files: rename(files, "log.txt\n"),
    "no manifest": lambda files: files.pop(MANIFEST) and None,
    "manifest is no JSON": lambda files: files.update({MANIFEST: b"{"}),
    "manifest is a list": lambda files: files.update({MANIFEST: b"[]"}),
    "deep JSON": lambda files: files.update({RUN: b"[" * 100_000}),
    "another version": lambda files: files.update(
        {MANIFEST: b'{"format": "musicgen-run", "version": 99, "files": {}}'}
    ),
    "no run": lambda files: files.pop(RUN) and None,
    "run is no JSON": lambda files: files.update({RUN: b"nonsense"}),
    "unknown approach": lambda files: change_request(files, approach="os.system"),
    "approach that is no text": lambda files: change_request(files, approach=["ticking"]),
    "parameters out of bounds": lambda files: change_request(files, training={"epochs": 10**12}),
    "unknown parameter": lambda files: change_request(files, training={"hope": 1}),
    "negative seed": lambda files: change_request(files, seed=-5),
    "song id that is a path": lambda files: change_request(
        files, songs=[{"id": "../../x", "name": "n", "sha256": "0" * 64}]
    ),
    "unknown state": lambda files: change_run(files, state="<b>"),
    "endless name": lambda files: change_run(files, name="x" * 10**6),
    "NaN in the history": lambda files: files.update(
        {"history.jsonl": b'{"epoch": 1, "loss": NaN, "seconds": 1, "learning_rate": 1}'}
    ),
    "history is no JSON": lambda files: files.update({"history.jsonl": b"nonsense"}),
    "history of epoch 0": lambda files: files.update(
        {"history.jsonl": b'{"epoch": 0, "loss": 1, "seconds": 1, "learning_rate": 1}'}
    ),
    "prepared is a list": lambda files: files.update({"prepared.json": b"[]"}),
    "no checkpoints": lambda files: without(files, "checkpoints/"),
    "checkpoint without manifest": lambda files: without(files, f"/{MANIFEST}"),
    "checkpoint of another epoch": lambda files: change_checkpoint(files, "state.json", b'{"epoch": 99}'),
    "row that is not finite": lambda files: change_checkpoint(
        files, "state.json", b'{"epoch": 3, "is_complete": true, "row": {"epoch": 3, "loss": "NaN"}}'
    ),
    "codec without its fields": lambda files: change_checkpoint(files, "codec.json", b"{}"),
    "codec of another type": lambda files: change_checkpoint(files, "codec.json", b'{"gain": {"a": []}}'),
    "codec is no JSON": lambda files: change_checkpoint(files, "codec.json", b"\xff\xfe"),
    "weights that have changed": lambda files: files.update({f"{checkpoint_of(files)}/weights.npy": b"changed"}),
}


@pytest.mark.parametrize("evil", EVIL)
def test_an_evil_archive_is_rejected_and_leaves_nothing(exported: bytes, home: Path, tmp_path: Path, evil: str) -> None:
    files = unzip(exported)
    EVIL[evil](files)
    path = zip_up(tmp_path / "evil.zip", files, honest=MANIFEST in files and "manifest" not in evil.split(" is")[0])
    with pytest.raises(MusicgenError) as caught:
        bring_in({"path": str(path)})
    assert len(str(caught.value)) < 600
    assert_nothing_was_left(home, tmp_path)


def assert_nothing_was_left(home: Path, tmp_path: Path) -> None:
    assert api.list_runs() == []
    assert not (home / "runs").is_dir() or not list((home / "runs").iterdir())
    assert not list(tmp_path.rglob("*evil.txt*"))
    assert not Path("/tmp/evil.txt").exists()


def liar(tmp_path: Path, exported: bytes, change: Callable[[dict[str, Any]], None]) -> Path:
    files = unzip(exported)
    manifest = json.loads(files[MANIFEST])
    change(manifest["files"])
    return zip_up(tmp_path / "liar.zip", {**files, MANIFEST: json.dumps(manifest).encode()}, honest=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files["log.txt"].update(sha256="0" * 64),
        lambda files: files["log.txt"].update(size=3),
        lambda files: files["log.txt"].update(size=10**6),
        lambda files: files["log.txt"].update(size=-1),
        lambda files: files["log.txt"].update(size=10**15),
        lambda files: files.pop("log.txt"),
        lambda files: files.update(more={"sha256": "0" * 64, "size": 1}),
        lambda files: files.update({"log.txt": None}),
    ],
)
def test_a_manifest_that_lies(exported: bytes, home: Path, tmp_path: Path, change: Callable[[Any], None]) -> None:
    with pytest.raises(RejectedFile):
        bring_in({"path": str(liar(tmp_path, exported, change))})
    assert_nothing_was_left(home, tmp_path)


def test_a_bomb_is_not_unpacked(exported: bytes, home: Path, tmp_path: Path) -> None:
    """300 MB of zeros in 300 KB, said to be 1 KB: reading stops after 1 KB."""
    files = unzip(exported)
    name = f"{checkpoint_of(files)}/weights.npy"
    manifest = json.loads(files[MANIFEST])
    manifest["files"][name]["size"] = 1000
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in {**files, MANIFEST: json.dumps(manifest).encode()}.items():
            if each != name:
                archive.writestr(each, content)
        with archive.open(name, "w") as sink:
            for _ in range(300):
                sink.write(b"\0" * 1_000_000)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(RejectedFile, match="longer than its manifest says"):
        bring_in({"path": str(path)})
    assert_nothing_was_left(home, tmp_path)


def test_names_twice_encrypted_and_too_many(exported: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = tmp_path / "twice.zip"
    twice.write_bytes(exported)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(twice, "a") as changed:
        changed.writestr("log.txt", "another")
    with pytest.raises(RejectedFile, match="a name twice"):
        bring_in({"path": str(twice)})
    content = bytearray(exported)
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<H", content, at + 8, 1)  # the flag of the first entry in the directory
    encrypted = tmp_path / "encrypted.zip"
    encrypted.write_bytes(bytes(content))
    with pytest.raises(RejectedFile, match="encrypted"):
        bring_in({"path": str(encrypted)})
    monkeypatch.setattr(archive_bounds, "TEXT_MB", {})
    monkeypatch.setattr(archive_bounds, "CHECKPOINT_MB", {})
    monkeypatch.setattr(archive_bounds, "MAX_OUTPUTS", 0)
    monkeypatch.setattr(archive_bounds, "MAX_PIECES", 0)
    with pytest.raises(RejectedFile, match=r"at most 5 files\. Received: 13 names"):
        bring_in({"path": str(zip_up(tmp_path / "many.zip", unzip(exported)))})


@pytest.mark.parametrize("content", [b"", b"PK", b"ID3 not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_of_a_run(home: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.zip"
    path.write_bytes(content)
    with pytest.raises(RejectedFile):
        api.import_run(path)


def test_a_truncated_archive(exported: bytes, home: Path, tmp_path: Path) -> None:
    content = exported
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start_of_directory = archive.start_dir
    for cut in (
        content[: len(content) // 2],
        content[:100] + content[200:],
        content[:50] + content[start_of_directory:],
    ):
        path = tmp_path / "cut.zip"
        path.write_bytes(cut)
        with pytest.raises(MusicgenError):
            api.import_run(path)
    assert_nothing_was_left(home, tmp_path)


def repeated_songs(files: Files, count: int) -> None:
    song = json.loads(files[RUN])["request"]["songs"][0]
    change_request(files, songs=[song] * count)


def array(values: Any, **options: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(values), **options)
    return content.getvalue()


def arrays(compression: int = zipfile.ZIP_STORED, **contents: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, each in contents.items():
            archive.writestr(f"{name}/000.npy", each)
    return content.getvalue()


def change_weights(files: Files, content: bytes, name: str = "weights.npy") -> None:
    folder = checkpoint_of(files)
    files.pop(f"{folder}/weights.npy") if name.startswith("weights") else None
    change_checkpoint(files, name, content)


def second_best(files: Files) -> None:
    """A third set of weights."""
    folder = checkpoint_of(files)
    for name in [each for each in files if each.startswith(f"{folder}/")]:
        files[name.replace(folder, "checkpoints/000009")] = files[name]


def claim(files: Files, parameters: int) -> None:
    files["prepared.json"] = json.dumps({**json.loads(files["prepared.json"]), "parameters": parameters}).encode()


LARGE: dict[str, tuple[Callable[[Files], None], str]] = {
    "a file beside the weights": (
        lambda files: change_checkpoint(files, "padding.npz", bytes(100)),
        r"Received: 'checkpoints/000003/padding.npz'",
    ),
    "a file named by nobody": (
        lambda files: files.update({f"{checkpoint_of(files)}/training.json": b"{}"}),
        "training.json, which the weights of epoch 3 do not name",
    ),
    "a third set of weights": (second_best, "Received: 3 sets of weights"),
    "weights twice": (
        lambda files: change_checkpoint(files, "weights.npz", arrays(vector=array([1.0]))),
        "exactly one file of numbers",
    ),
    "more weights than the network has": (
        lambda files: change_weights(files, bytes(6_000_000)),
        r"this network may take at most 4\.0 MB\. Received: 6\.0 MB",
    ),
    "a large optimiser": (
        lambda files: change_weights(files, bytes(6_000_000), "optimizer.npz"),
        r"Received: 6\.0 MB in checkpoints/000003/optimizer.npz",
    ),
    "a long text": (
        lambda files: files.update({"prepared.json": b" " * 6_000_000 + files["prepared.json"]}),
        "prepared.json may have at most 5 MB",
    ),
    "a hundred thousand songs": (
        lambda files: repeated_songs(files, 100_000),
        r"at most 20,000 songs\. Received: 100,000",
    ),
    "weights that are no numbers": (
        lambda files: change_weights(files, array([1.0, float("nan")] * 8)),
        r"arrays of finite numbers\. Received: weights that are not finite numbers, in weights.npy of epoch 3",
    ),
    "infinite weights in an archive": (
        lambda files: change_weights(files, arrays(vector=array([1.0, -float("inf")])), "weights.npz"),
        "weights that are not finite numbers in 'vector/000.npy'",
    ),
    "an optimiser that is no number": (
        lambda files: change_weights(files, arrays(vector=array([float("nan")])), "optimizer.npz"),
        "in optimizer.npz of epoch 3",
    ),
    "packed weights": (
        lambda files: change_weights(files, arrays(zipfile.ZIP_DEFLATED, vector=array([1.0] * 99)), "weights.npz"),
        "Received: 'vector/000.npy', which is compressed",
    ),
    "objects for weights": (
        lambda files: change_weights(files, array([{}], allow_pickle=True)),
        "Received: an array of object",
    ),
    "weights with a tail": (
        lambda files: change_weights(files, array([1.0] * 16) + bytes(1000)),
        "Received: 1,128 bytes for 16 numbers",
    ),
    "weights that are text": (lambda files: change_weights(files, b"text"), "cannot be understood"),
    "NaN in a codec": (
        lambda files: change_checkpoint(files, "codec.json", b'{"gain": NaN}'),
        "cannot be understood",
    ),
    "NaN in the state of a training": (
        lambda files: change_checkpoint(files, "training.json", b'{"error": Infinity}'),
        "cannot be understood",
    ),
}


@pytest.mark.parametrize("kind", LARGE)
def test_what_has_no_place_in_an_archive_is_refused_by_its_rule(
    exported: bytes, home: Path, tmp_path: Path, kind: str
) -> None:
    spoil, words = LARGE[kind]
    files = unzip(exported)
    spoil(files)
    with pytest.raises(RejectedFile, match=words) as caught:
        bring_in({"path": str(zip_up(tmp_path / "large.zip", files))})
    assert caught.value.code == "bad_archive"
    assert_nothing_was_left(home, tmp_path)


@pytest.mark.parametrize("kind", ["more weights than the network has", "a hundred thousand songs", "a long text"])
def test_what_is_too_large_is_refused_before_anything_is_unpacked(
    exported: bytes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def unpacked(*_arguments: Any) -> None:
        raise AssertionError("unpacked")

    monkeypatch.setattr(importing, "_unpack", unpacked)
    files = unzip(exported)
    LARGE[kind][0](files)
    with pytest.raises(RejectedFile):
        bring_in({"path": str(zip_up(tmp_path / "large.zip", files))})


def test_a_network_is_as_large_as_its_settings_make_it(
    exported: bytes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive may not claim more weights than its layers have, and then bring them."""
    files = unzip(exported)
    claim(files, 10**8)
    change_weights(files, array(np.zeros(10**6)))
    path = zip_up(tmp_path / "claim.zip", files)
    monkeypatch.setattr(archive_bounds, "drawn_weights", lambda *_arguments: 16)
    with pytest.raises(RejectedFile, match=r"has about 16 weights\. Received: 100,000,000 of them"):
        bring_in({"path": str(path)})


@pytest.mark.parametrize("key", ["amplitude_lstm", "note_lstm", "spectral_lstm", "audio_wavenet"])
def test_layers_tell_how_many_weights_there_are(home: Path, key: str) -> None:
    from musicgen.approaches import approach
    from musicgen.runs.archived import ArchivedPrepared

    found = approach(key)
    training = found.Training()
    prepared = ArchivedPrepared(facts={}, networks=1, parameters=1)
    drawn = archive_bounds.drawn_weights(found, training, prepared)
    assert drawn is None or drawn > 100, "never an error, whatever the facts are"


def test_a_run_of_many_songs_is_brought_in_with_few_questions(
    exported: bytes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = unzip(exported)
    song = json.loads(files[RUN])["request"]["songs"][0]
    change_request(files, songs=[{**song, "sha256": f"{number:064x}"} for number in range(5000)])
    asked: list[Any] = []
    real = database.every
    monkeypatch.setattr(database, "every", lambda statement: asked.append(statement) or real(statement))
    brought = bring_in({"path": str(zip_up(tmp_path / "many.zip", files))})
    assert len(asked) <= 24  # by hundreds: which songs are here, and what is stated about the rights to them
    assert len(api.get_run(brought["run"]).request["songs"]) == 5000


def test_a_record_that_refuses_leaves_no_files(
    exported: bytes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> None:
        raise StorageUnavailable("full", code="disk_full")

    path = zip_up(tmp_path / "run.zip", unzip(exported))
    assert api.list_runs() == []
    monkeypatch.setattr(importing.database, "now", full)
    with pytest.raises(StorageUnavailable):
        bring_in({"path": str(path)})
    assert_nothing_was_left(home, tmp_path)
