"""Outputs, blind tests and rights in the archive of a run: there and back, and archives that were made to do harm."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from runs_at_work import add_song, nobody_supervises, start, ticking, work_here

from musicgen.comparison.run_card import card_rows, export_with_card
from musicgen.errors import MusicgenError
from musicgen.listening.records import list_tests
from musicgen.listening.results import confusion_of
from musicgen.runs import api
from musicgen.runs.archives import CARD, MANIFEST
from musicgen.runs.importing import bring_in
from musicgen.storage import database
from tests.app.stored_work import add_output, tone, tune

pytestmark = pytest.mark.record(slow=True)

RIGHT, GIVEN = "abbabaabba", "abbabaabab"
ORIGINALITY = {
    "medium": "midi", "share": 0.25, "compared_share": 0.25, "num_songs": 1, "of_songs": 1, "is_partial": False,
    "num_passages": 1, "yardstick": None, "level": "more", "text": "25% of it also occurs in the training song.",
}  # fmt: skip
VERDICT = {
    "code": "looping", "title": "It repeats itself", "metric": "loop_correlation", "value": 0.99, "limit": 0.9,
    "cause": "The temperature is low.",
    "remedies": [{"text": "Warmer.", "action": "generate", "factors": {"warmth": 1.25}, "values": {}, "unless": {}}],
}  # fmt: skip


def a_test(output_id: str, song: str) -> None:
    """A finished "Which one is real?" in the record."""
    side = {"name": "A piece", "start_seconds": 0.0, "stop_seconds": 1.0}
    sides = {"a": {**side, "id": song}, "b": {**side, "id": output_id}}
    facts = {"seconds": 4.0, "levelled": ["loudness"], "shared": [], "loudness_lufs": -20.0}
    row = {
        "id": database.new_id("test"), "kind": "real", "output_id": output_id, "other_id": song, "state": "finished",
        "n_rounds": 10, "sealed": {"rounds": [{"right": right, "sides": sides} for right in RIGHT]},
        "answers": {"given": list(GIVEN)}, "created_at": 5.0, "finished_at": 9.0,
        "facts": facts | {"output": "A piece", "against": ["A song"], "n_against": 1},
    }  # fmt: skip
    database.change(sa.insert(database.blind_tests).values(**row))


def a_run_with_outputs() -> str:
    song = add_song("A song")
    run = work_here(start(song, epochs=3, epoch_ms=1)).id
    made = {
        "generation": {"seconds": 0.5, "piece_ms": 20.0},
        "prompt": None,
        "checkpoint": {"epoch": 3, "sha256": "0" * 64},
    }
    passage = {"start": 0.0, "stop": 1.0, "song_id": song, "song": "A song", "song_start": 2.0, "song_stop": 3.0}
    found = {"originality": {**ORIGINALITY, "passages": [passage]}, "verdicts": [VERDICT], "metrics": {"num_notes": 32}}
    place = {"song_id": song, "start_seconds": 0.0, "stop_seconds": 1.0}
    first = add_output(run, tune(), name="The first", reference=place, **made, **found)
    a_test(first, song)
    add_output(run, tone(), name="<b>The second</b>", **made)
    api.state_rights(run, "My own songs.\nFree to use.\u202e")
    return str(run)


@pytest.fixture(autouse=True)
def approach(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICGEN_HOME", str(tmp_path_factory.mktemp("home")))
        with ticking(patch), nobody_supervises():
            return export_with_card(a_run_with_outputs()).read_bytes()


def test_there_and_back(home: Path, tmp_path: Path) -> None:
    run_id = a_run_with_outputs()
    archive = export_with_card(run_id)
    assert export_with_card(run_id).read_bytes() == archive.read_bytes(), "the same run, the same bytes"
    before = api.list_outputs(run_id)
    database.change(sa.update(database.songs).values(id="song-aaaaaaaaaaaa"))  # elsewhere, songs have other ids
    brought = bring_in({"path": str(archive)})["run"]
    after = api.list_outputs(brought)
    assert [each.name for each in after] == ["<b>The second</b>", "The first"]
    assert [each.medium for each in after] == ["audio", "midi"]
    for one, other in zip(before, after, strict=True):
        assert other.id != one.id
        assert other.clip.facts["sha256"] == other.sidecar["content_sha256"] == one.clip.facts["sha256"]
        assert other.sidecar["run"]["id"] == brought
        assert {name: other.sidecar[name] for name in ("seed", "generation", "checkpoint")} == {
            name: one.sidecar[name] for name in ("seed", "generation", "checkpoint")
        }
    first = after[1]
    assert first.sidecar["verdicts"] == [VERDICT]
    assert first.sidecar["reference"]["song_id"] == "song-aaaaaaaaaaaa"
    assert first.sidecar["originality"]["passages"][0]["song_id"] == "song-aaaaaaaaaaaa"
    (test,) = list_tests(first.id)
    assert (test.n_right, test.n_rounds, test.other_id) == (8, 10, "song-aaaaaaaaaaaa")
    assert {side["id"] for one in test.unsealed() for side in one["sides"].values()} == {first.id, "song-aaaaaaaaaaaa"}
    assert confusion_of(first.id)["n_wrong"] == 2  # type: ignore[index]
    assert api.get_run(brought).rights == "My own songs.\nFree to use."
    assert [path.name for path in (home / "runs" / brought).iterdir() if path.name in ("incoming", CARD)] == []


def test_the_card_says_what_came_of_the_run(home: Path) -> None:
    run_id = a_run_with_outputs()
    card = dict(card_rows(api.get_run(run_id)))
    assert card["Sources"] == "1 song: “A song” (a file that was added by hand)"
    assert card["Start"] == "New weights."
    assert card["Rights, as stated by the owner of the run"] == "My own songs.\nFree to use."
    assert card["Floors"] == "silence 1.5. The network is below 1 of 1."
    assert card["Originality"].startswith("Of 1 output, 25% of the time also occurs in a training song: 1 borrows more")
    assert card["Confusion rate"].startswith("Taken for real in 2 of 10 rounds (20 %;")
    with zipfile.ZipFile(export_with_card(run_id)) as archive:
        text = archive.read(CARD).decode()
    assert all(words in text for words in card.values())
    api.state_rights(run_id, "  \n")
    assert dict(card_rows(api.get_run(run_id)))["Rights, as stated by the owner of the run"] == "not stated"


def test_an_archive_without_outputs_is_still_read(exported: bytes, tmp_path: Path) -> None:
    files = {name: content for name, content in unzip(exported).items() if not name.startswith(("outputs/", CARD))}
    brought = bring_in({"path": str(zip_up(tmp_path / "old.zip", files, version=1))})["run"]
    assert api.list_outputs(brought) == []


Files = dict[str, bytes]
NOTES, SOUND = "outputs/0001", "outputs/0002"


def unzip(content: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zip_up(path: Path, files: Files, version: int = 2) -> Path:
    """With a manifest that describes the files honestly."""
    described = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in files.items()
        if name != MANIFEST
    }
    manifest = {"format": "musicgen-run", "version": version, "files": described}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, MANIFEST: json.dumps(manifest).encode()}.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def change(files: Files, folder: str, edit: Callable[[dict[str, Any]], Any]) -> None:
    document = json.loads(files[f"{folder}/output.json"])
    edit(document)
    files[f"{folder}/output.json"] = json.dumps(document).encode()


def move(files: Files, old: str, new: str) -> None:
    files[new] = files.pop(old)


EVIL: dict[str, Callable[[Files], Any]] = {
    "a path upwards": lambda files: move(files, f"{NOTES}/score.mid", "outputs/0001/../../../evil.txt"),
    "another file": lambda files: files.update({f"{NOTES}/evil.txt": b"x"}),
    "a fifth digit": lambda files: move(files, f"{NOTES}/score.mid", "outputs/00001/score.mid"),
    "no music": lambda files: files.pop(f"{NOTES}/score.mid"),
    "no description": lambda files: files.pop(f"{NOTES}/output.json"),
    "music twice": lambda files: files.update({f"{NOTES}/audio.wav": files[f"{SOUND}/audio.wav"]}),
    "notes that are sound": lambda files: files.update({f"{NOTES}/score.mid": files[f"{SOUND}/audio.wav"]}),
    "sound that is notes": lambda files: files.update({f"{SOUND}/audio.wav": files[f"{NOTES}/score.mid"]}),
    "sound that is cut": lambda files: files.update({f"{SOUND}/audio.wav": files[f"{SOUND}/audio.wav"][:-100]}),
    "a medium that lies": lambda files: change(files, NOTES, lambda it: it.update(medium="audio")),
    "no JSON": lambda files: files.update({f"{NOTES}/output.json": b"nonsense"}),
    "deep JSON": lambda files: files.update({f"{NOTES}/output.json": b"[" * 100_000}),
    "deep facts": lambda files: change(files, NOTES, lambda it: it["sidecar"].update(facts={"a": [[[[[[[[1]]]]]]]]})),
    "endless facts": lambda files: change(files, NOTES, lambda it: it["sidecar"].update(facts={"a": [0] * 30_000})),
    "NaN": lambda files: files.update({f"{NOTES}/output.json": files[f"{NOTES}/output.json"].replace(b"0.25", b"NaN")}),
    "a song that is a path": lambda files: change(
        files, NOTES, lambda it: it["sidecar"]["reference"].update(song_id="../../x")
    ),
    "settings out of bounds": lambda files: change(
        files, NOTES, lambda it: it["sidecar"].update(generation={"seconds": -1})
    ),
    "unknown settings": lambda files: change(files, NOTES, lambda it: it["sidecar"].update(generation={"hope": 1})),
    "a verdict without a cause": lambda files: change(
        files, NOTES, lambda it: it["sidecar"]["verdicts"][0].pop("cause")
    ),
    "more answers than rounds": lambda files: change(files, NOTES, lambda it: it["tests"][0]["answers"].append("a")),
    "an answer that is no place": lambda files: change(
        files, NOTES, lambda it: it["tests"][0].update(answers=["<b>"] * 10)
    ),
    "a round with a third side": lambda files: change(
        files,
        NOTES,
        lambda it: it["tests"][0]["rounds"][0]["sides"].update(x=it["tests"][0]["rounds"][0]["sides"]["a"]),
    ),
}


@pytest.mark.parametrize("evil", EVIL)
def test_an_evil_output_is_rejected_with_all_of_its_run(exported: bytes, home: Path, tmp_path: Path, evil: str) -> None:
    files = unzip(exported)
    EVIL[evil](files)
    with pytest.raises(MusicgenError) as caught:
        bring_in({"path": str(zip_up(tmp_path / "evil.zip", files))})
    assert len(str(caught.value)) < 700
    assert api.list_runs() == []
    assert api.list_outputs() == []
    for folder in ("runs", "outputs"):
        assert not (home / folder).is_dir() or not list((home / folder).iterdir()), folder
    assert not list(tmp_path.rglob("*evil.txt*"))


def test_what_is_damaged_here_is_left_out_of_the_archive(home: Path) -> None:
    run_id = a_run_with_outputs()
    second, first = api.list_outputs(run_id)
    (first.folder / "score.mid").unlink()
    database.change(sa.update(database.outputs).where(database.outputs.c.id == second.id).values(sidecar={"seed": "x"}))
    files = unzip(export_with_card(run_id).read_bytes())
    assert not [name for name in files if name.startswith("outputs/")]
    assert "0 outputs in this archive; 2 more left out" in files[CARD].decode()
