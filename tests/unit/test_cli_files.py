"""Files on the command line: folders with bad ones among the good, missing ones, and what is taken away again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from command_line import CommandLine
from runs_at_work import add_song, ticking

from musicgen.audio.wav import wav_bytes
from musicgen.cli.bringing import files_in
from musicgen.clips import write_score_clip
from musicgen.clips.exports import AUDIO_EXPORTS, SCORE_EXPORTS
from musicgen.runs import api
from musicgen.songs.library import get_song, list_songs, remove_song
from musicgen.storage import database
from musicgen.storage.database import outputs
from pages.ui.outputs.downloads import _content
from tests.makers_midi import four_part_score, midi_bytes
from tests.makers_music import plucked

pytestmark = pytest.mark.record(slow=True)


@pytest.fixture
def command(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sounds, a tune, a text, a link that leads nowhere, and what is hidden."""
    place = tmp_path / "music"
    (place / "more").mkdir(parents=True)
    for number, name in enumerate(("one.wav", "more/two.wav")):
        (place / name).write_bytes(wav_bytes(plucked(8000, seed=number)))
    (place / "tune.mid").write_bytes(midi_bytes(four_part_score(16)))
    (place / "notes.txt").write_text("not a song")
    (place / "gone.wav").symlink_to(place / "nowhere.wav")
    (place / ".hidden.wav").write_bytes(b"")
    (place / ".git").mkdir()
    (place / ".git" / "x.wav").write_bytes(b"")
    return place


def test_nothing_in_a_folder_is_passed_over_without_a_word(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent)
    found = [name for name, _ in files_in([folder, folder / "one.wav", Path("missing.wav")])]
    inside = ["gone.wav", "link", "more/two.wav", "notes.txt", "one.wav", "tune.mid"]
    assert found == [*(f"music/{name}" for name in inside), "one.wav", "missing.wav"]


def test_adding_a_folder_accounts_for_every_file_and_is_strict_on_request(command: CommandLine, folder: Path) -> None:
    report = command("songs", "add", str(folder), "--json").document
    assert {file["path"]: file["status"] for file in report["files"]} == {
        "music/gone.wav": "rejected", "music/more/two.wav": "accepted", "music/notes.txt": "rejected",
        "music/one.wav": "accepted", "music/tune.mid": "accepted",
    }  # fmt: skip
    assert sorted(song.name for song in list_songs()) == ["one", "tune", "two"]
    assert command("songs", "add", str(folder), "--strict", "--json", code=1).document["rejected"] == 2
    assert command("songs", "add", str(folder / "one.wav"), "--strict").code == 0
    left = command("songs", "add", str(folder / "notes.txt"), code=1)
    assert left.err.strip().endswith(
        "Received: 1 of 1 files that cannot be read as music. The report gives the reason for each."
    )
    assert len(left.err.strip().splitlines()) == 1


def test_a_named_file_that_is_missing_is_never_exit_0(command: CommandLine, folder: Path) -> None:
    left = command("songs", "add", str(folder / "one.wav"), "missing.wav", "--json", code=1)
    assert [file["status"] for file in left.document["files"]] == ["accepted", "rejected"]
    assert left.err.strip().splitlines() == [
        "Songs are given as files, folders or song ids. Received: 'missing.wav'. No such file."
    ]
    remove_song(list_songs()[0].id)
    for missing in ("missing.wav", "x" * 5000, "song-0123456789ab\n"):
        left = command("train", "note_lstm", str(folder), missing, "--dry-run", code=1)
        assert "No such file" in left.err
    assert list_songs() == [], "nothing was brought in before"
    left = command("train", "note_lstm", str(folder / "tune.mid"), "song-0123456789ab", "--dry-run", code=1)
    assert "song-0123456789ab" in left.err
    empty = folder.parent / "empty"
    empty.mkdir()
    for arguments in (("songs", "add", str(empty)), ("train", "note_lstm", str(empty))):
        assert "no file at all" in command(*arguments, code=1).err


@pytest.fixture
def queue(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch):
        yield


def test_a_folder_with_bad_files_trains_on_the_rest(queue: None, command: CommandLine, folder: Path) -> None:
    left = command("train", "ticking", str(folder), "--set", "epochs=1", "--json")
    assert left.document["state"] == "succeeded"
    assert left.document["dataset"]["n_songs"] == 2
    assert [each["name"] for each in left.document["left_out"]] == ["music/gone.wav", "music/notes.txt", "tune"]
    assert "left out: music/notes.txt: " in left.err
    assert "left out: tune: Ticking learns from audio." in left.err
    known = len(api.list_runs())
    assert "music/gone.wav: " in command("train", "ticking", str(folder), "--strict", code=1).err
    assert "which is midi" in command(
        "train", "ticking", str(folder / "one.wav"), str(folder / "tune.mid"), "--strict", code=1
    ).err  # fmt: skip
    assert len(api.list_runs()) == known
    refused = ("train", "ticking", "--all-songs", "--set", "epochs=1", "--set", "refuses=one")
    left = command(*refused, "--json")
    assert left.document["dataset"]["n_songs"] == 1
    assert [each["name"] for each in left.document["left_out"]] == ["tune", "one"]
    assert "left out: one: “one” is refused here." in left.err
    assert "left out: tune: Ticking learns from audio; this is midi." in left.err
    assert command(*refused, "--strict", code=1).err.strip().endswith("“one” is refused here.")
    left = command("train", "ticking", str(folder / "one.wav"), "--set", "refuses=one", code=1)
    assert "“one” is refused here." in left.err


def test_a_full_disk_is_not_a_bad_file(command: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SimpleNamespace(path="one.wav", reason="The disk is full.", code="disk_full")
    monkeypatch.setattr("musicgen.cli.train.add_paths", lambda _: SimpleNamespace(accepted=[], rejected=[file]))
    assert command("train", "note_lstm", str(folder), code=1).err.strip() == "one.wav: The disk is full."


# --- what the pages can take away -----------------------------------------------------------------------------------


def test_songs_are_exported_as_the_page_downloads_them(command: CommandLine, folder: Path, tmp_path: Path) -> None:
    ids = {file["path"]: file["id"] for file in command("songs", "add", str(folder), "--json").document["files"]}
    for name, formats in (("music/one.wav", AUDIO_EXPORTS), ("music/tune.mid", (*SCORE_EXPORTS, *AUDIO_EXPORTS))):
        song = get_song(ids[name])
        for format in formats:
            target = tmp_path / "out" / f"{song.name}-{format}"
            command("songs", "export", song.id, "--format", format, "--out", str(target))
            assert target.read_bytes() == _content(song.clip, format), (name, format)
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    left = command("songs", "export", ids["music/one.wav"], "--format", "musicxml", "--out", "x.xml", code=1)
    assert "Choose wav" in left.err


def test_where_an_export_goes(command: CommandLine, folder: Path, tmp_path: Path) -> None:
    song_id = add_song("A song: 1/2")
    stored = get_song(song_id).clip.audio_path.read_bytes()
    places = {"by ending": tmp_path / "x.wav", "new folder": tmp_path / "a" / "b" / "y.wav"}
    for path in places.values():
        told = command("songs", "export", song_id, "--out", str(path), "--json").document
        assert told == {"id": song_id, "format": "wav", "path": str(path), "bytes": len(stored)}
        assert path.read_bytes() == stored
    for out in (str(tmp_path), f"{tmp_path}/new/"):
        path = Path(command("songs", "export", song_id, "--format", "WAV", "--out", out, "--json").document["path"])
        assert path.name == "A song_ 1_2.wav"
        assert path.read_bytes() == stored
    (tmp_path / "link.wav").symlink_to(tmp_path / "x.wav")
    places["by ending"].write_bytes(b"old")
    command("songs", "export", song_id, "--out", str(tmp_path / "link.wav"))
    assert places["by ending"].read_bytes() == stored


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--out", "noending"), "Received: neither"), (("--format", "exe", "--out", "x"), "Received: exe"),
     (("--out", f"/{'x' * 5000}.wav"), "name too long"), (("--out", "/proc/none/x.wav"), "/proc/none/x.wav"),
     (("--format", "wav", "--out", "/dev/full"), "No space left")],
)  # fmt: skip
def test_an_export_that_cannot_be_is_one_sentence(command: CommandLine, arguments: tuple[str, ...], words: str) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc and /dev/full are Linux's")
    left = command("songs", "export", add_song(), *arguments, code=1)
    assert words.lower() in left.err.lower()
    assert len(left.err.strip().splitlines()) == 1


def test_an_output_is_exported_as_the_page_downloads_it(command: CommandLine, tmp_path: Path) -> None:
    row = {"id": "output-000000000001", "run_id": "run-000000000001", "task_id": "task-000000000001", "name": "Piece"}
    row |= {"medium": "midi", "seconds": 8.0, "sidecar": {}, "created_at": 0.0}
    database.change(sa.insert(outputs).values(**row))
    output = api.get_output(str(row["id"]))
    write_score_clip(output.folder, four_part_score(8))
    for format in ("mid", "musicxml", "svg", "pdf", "wav", "ogg"):
        command("outputs", "export", output.id, "--format", format, "--out", str(tmp_path))
        assert (tmp_path / f"Piece.{format}").read_bytes() == _content(output.clip, format)
    assert "No such output" in command(
        "outputs", "export", "output-0123456789ab", "--out", "x.mid", code=1
    ).err  # fmt: skip
    assert not Path("x.mid").exists()
