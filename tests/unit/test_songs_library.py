"""The library: one song for one content, and row, folder and blob always together."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from musicgen.errors import CorruptArtifact, InvalidInput, NotFound
from musicgen.processes import ROOT
from musicgen.songs import library
from musicgen.songs.library import (
    NewSong,
    count_songs,
    get_song,
    known_contents,
    list_songs,
    publish,
    remove_song,
    rename_song,
)
from musicgen.songs.tidying import Inspection, inspect, tidy
from musicgen.songs.workplace import Workplace
from musicgen.storage import database
from musicgen.storage.files import blob_path

pytestmark = [pytest.mark.usefixtures("home"), pytest.mark.record]


def new_song(folder: Path, name: str, *, content: bytes | None = None, medium: str = "midi") -> NewSong:
    """A song that only the library knows how to read: its clip is a single small file."""
    content = content if content is not None else name.encode()
    sha256 = hashlib.sha256(content).hexdigest()
    clip, blob = folder / f"clip-{os.urandom(4).hex()}", folder / f"blob-{os.urandom(4).hex()}"
    clip.mkdir(parents=True)
    (clip / "facts.json").write_text('{"medium": "midi"}')
    blob.write_bytes(content)
    return NewSong(sha256, name, medium, "midi", "upload", 2.5, {"medium": medium}, {"path": name}, clip, blob)


def add(home: Path, *names: str, medium: str = "midi") -> list[str]:
    with Workplace() as place:
        return [
            song_id for song_id, _ in publish([new_song(place.folder, name, medium=medium) for name in names], place)
        ]


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def check_whole(home: Path) -> None:
    """Rows, folders and blobs belong together, and nothing else is left."""
    assert inspect() == Inspection((), (), ())
    assert list((home / "tmp").iterdir()) == []


def test_a_published_song_is_there_with_its_files(home: Path) -> None:
    (song_id,) = add(home, "Étude")
    song = get_song(song_id)
    assert (song.name, song.medium, song.seconds, song.report["id"]) == ("Étude", "midi", 2.5, song_id)
    sha256 = hashlib.sha256("Étude".encode()).hexdigest()
    stored = files_below(home) - {"musicgen.db"}
    assert stored == {f"songs/{song_id}/facts.json", f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"}
    if os.name == "posix":
        assert (home / "songs").stat().st_mode & 0o077 == 0
        assert blob_path(sha256).parent.stat().st_mode & 0o077 == 0


def test_list_is_newest_first_in_pages(home: Path) -> None:
    ids = [add(home, f"song {index}")[0] for index in range(5)]
    newest = ids[::-1]
    assert [song.id for song in list_songs()] == newest
    assert [song.id for song in list_songs(offset=1, limit=2)] == newest[1:3]
    assert [song.id for song in list_songs(limit=0)] == []
    assert count_songs() == 5


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", {"Für Elise", "FUGA %", "Straße 66", "elise in blue"}),
        ("ELISE", {"Für Elise", "elise in blue"}),
        ("fur", {"Für Elise"}),
        ("elise für", {"Für Elise"}),
        ("STRASSE", {"Straße 66"}),
        ("%", {"FUGA %"}),
        ("_", set()),
        ("fugue", set()),
    ],
)
def test_search_ignores_case_and_accents_and_knows_no_wildcards(home: Path, search: str, found: set[str]) -> None:
    add(home, "Für Elise", "FUGA %", "Straße 66", "elise in blue")
    assert {song.name for song in list_songs(search=search)} == found
    assert count_songs(search=search) == len(found)


def test_media_are_told_apart(home: Path) -> None:
    add(home, "score")
    add(home, "sound", medium="audio")
    assert [song.name for song in list_songs(medium="audio")] == ["sound"]
    assert count_songs(medium="midi") == 1


def test_thousands_of_songs(home: Path) -> None:
    with Workplace() as place:
        publish([new_song(place.folder, f"number {index}") for index in range(600)], place)
    begun = time.perf_counter()
    assert len(list_songs()) == count_songs() == 600
    assert [song.name for song in list_songs(search="number 477", limit=10)] == ["number 477"]
    assert len(known_contents(hashlib.sha256(f"number {i}".encode()).hexdigest() for i in range(700))) == 600
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize("bad", ["song-000000000000", "../../etc/passwd", "", "run-3f9a0c12b7de", "song-3F9A0C12B7DE"])
def test_unknown_ids(home: Path, bad: str) -> None:
    for action in (get_song, remove_song, lambda song_id: rename_song(song_id, "x")):
        with pytest.raises(NotFound):
            action(bad)


def test_rename(home: Path) -> None:
    (song_id,) = add(home, "old")
    assert rename_song(song_id, "  AC/DC \u202e live ").name == "AC/DC live"
    assert get_song(song_id).name == "AC/DC live"
    for nothing in ("", "  ", "\u200b\u202e"):
        with pytest.raises(InvalidInput):
            rename_song(song_id, nothing)
    assert get_song(song_id).name == "AC/DC live"
    assert rename_song(song_id, "untitled").name == "untitled"


def test_the_same_content_is_one_song(home: Path) -> None:
    with Workplace() as place:
        (first,) = publish([new_song(place.folder, "a", content=b"same")], place)
        (second,) = publish([new_song(place.folder, "b", content=b"same")], place)
    assert first == (second[0], True)
    assert second[1] is False
    assert [song.name for song in list_songs()] == ["a"]


def test_the_same_content_at_the_same_time_is_one_song(home: Path) -> None:
    results: list[tuple[str, bool]] = []
    barrier = threading.Barrier(8)

    def work(index: int) -> None:
        with Workplace() as place:
            song = new_song(place.folder, f"copy {index}", content=b"same")
            barrier.wait()
            results.extend(publish([song], place))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({song_id for song_id, _ in results}) == 1
    assert sorted(is_new for _, is_new in results) == [False] * 7 + [True]
    assert len(list((home / "songs").iterdir())) == 1
    check_whole(home)


def test_remove_takes_row_folder_and_blob(home: Path) -> None:
    keep, gone = add(home, "keep", "gone")
    sha256 = get_song(gone).sha256
    remove_song(gone)
    assert [song.id for song in list_songs()] == [keep]
    assert not blob_path(sha256).exists()
    assert [path.name for path in (home / "songs").iterdir()] == [keep]
    with pytest.raises(NotFound):
        remove_song(gone)


def test_removed_while_somebody_adds_it_again(home: Path) -> None:
    """Whatever the order, a song that is in the library has its files."""
    stop = time.monotonic() + 1.5

    def adding() -> None:
        while time.monotonic() < stop:
            add(home, "contested")

    def removing() -> None:
        while time.monotonic() < stop:
            for song in list_songs():
                try:
                    remove_song(song.id)
                except NotFound:
                    continue

    threads = [threading.Thread(target=work) for work in (adding, adding, removing, removing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_whole(home)


def test_a_failing_record_publishes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[Path] = []
    move = library._move

    def fail(source: Path, target: Path) -> set[Path]:
        moved.append(target)
        if len(moved) == 3:
            raise OSError(28, "No space left on device")
        return move(source, target)

    monkeypatch.setattr(library, "_move", fail)
    with Workplace() as place, pytest.raises(OSError, match="No space"):
        publish([new_song(place.folder, "a"), new_song(place.folder, "b")], place)
    assert list_songs() == []
    check_whole(home)


def test_what_cannot_be_undone_now_is_undone_later(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing fails in the middle, and so does undoing it: the note of what was moved survives."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, Workplace() as place:
        patched.setattr(library, "sync_folders", fail)
        patched.setattr(library, "discard", fail)
        with pytest.raises(OSError, match="No space"):
            publish([new_song(place.folder, "a")], place)
        (place.folder / "a large upload").write_bytes(bytes(1000))
    assert list_songs() == []
    assert len(inspect().folders) == len(inspect().blobs) == 1
    assert [path.name[:6] for path in place.folder.iterdir()] == ["moves-"]
    assert tidy(0) == 1
    check_whole(home)


def test_lost_files_are_named_and_come_back_with_the_upload(home: Path) -> None:
    (song_id,) = add(home, "lost")
    song = get_song(song_id)
    shutil.rmtree(song.folder)
    with pytest.raises(CorruptArtifact, match=song_id):
        _ = song.clip
    assert inspect().dangling == (song_id,)
    assert known_contents([song.sha256]) == {}
    assert add(home, "lost") == [song_id]
    assert inspect().dangling == ()
    blob_path(song.sha256).unlink()
    assert inspect().dangling == (song_id,)
    assert add(home, "lost") == [song_id]
    assert (inspect().dangling, get_song(song_id).folder.is_dir()) == ((), True)


def test_tidy_removes_what_a_workplace_noted_and_nothing_else(home: Path) -> None:
    keep, lost = add(home, "keep", "lost")
    lost_sha256, kept_sha256 = get_song(lost).sha256, get_song(keep).sha256
    database.change(sa.delete(database.songs).where(database.songs.c.id == lost))
    assert inspect() == Inspection((), (lost,), (lost_sha256,))
    assert tidy(0) == 0
    assert inspect() == Inspection((), (lost,), (lost_sha256,))
    dead = home / "tmp" / "intake-dead"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    notes = [[lost, lost_sha256], [keep, kept_sha256], ["song-000000000000", "0" * 64]]
    (dead / "moves-1.json").write_text(json.dumps(notes))
    with Workplace() as living:
        (living.folder / "upload").write_bytes(b"x")
        assert tidy(0) == 1
        assert (living.folder / "upload").exists()
    assert [song.id for song in list_songs()] == [keep]
    check_whole(home)


def test_tidy_leaves_a_young_workplace_alone(home: Path) -> None:
    young = home / "tmp" / "intake-young"
    young.mkdir(parents=True)
    assert tidy() == 0
    assert young.exists()
    os.utime(young, (time.time() - 120, time.time() - 120))
    assert tidy() == 1


def test_many_tidy_at_once_while_songs_come_and_go(home: Path) -> None:
    errors: list[BaseException] = []
    stop = time.monotonic() + 1.5

    def repeat(action: object) -> None:
        try:
            index = 0
            while time.monotonic() < stop:
                action(index)  # type: ignore[operator]
                index += 1
        except BaseException as error:
            errors.append(error)

    def come_and_go(index: int) -> None:
        name = f"{threading.get_ident()}-{index}"
        (song_id,) = add(home, name)
        assert (get_song(song_id).folder / "facts.json").exists()
        if index % 2:
            remove_song(song_id)

    actions = (come_and_go, come_and_go, lambda _: tidy(), lambda _: tidy())
    threads = [threading.Thread(target=repeat, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    check_whole(home)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_between_any_two_steps_leaves_no_half_song(home: Path) -> None:
    """Kill a process that adds and removes songs at many moments; after tidying, all is whole."""
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.test_songs_library import add, get_song, remove_song, list_songs\n"
        "add(None, 'warm up'); print('ready', flush=True)\n"
        "for i in range(10**6):\n"
        "    ids = add(None, f'{sys.argv[1]}-{i}-a', f'{sys.argv[1]}-{i}-b')\n"
        "    remove_song(ids[0])\n"
    )
    for attempt in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(attempt)], cwd=ROOT, stdout=subprocess.PIPE, env=os.environ.copy()
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(0.02 + 0.017 * attempt)
        child.kill()
        child.wait()
        child.stdout.close()
        tidy(0)
        check_whole(home)
    with database.reading() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"


def test_names_are_sorted_as_a_person_would_whatever_the_database_says(home: Path) -> None:
    names = ("b-moll", "Étude", "zwei", "a b", "B dur", "ä", "ab", "etude 2")
    add(None, *names)
    assert [song.name for song in list_songs(order="name")] == [
        *("ä", "a b", "ab", "B dur", "b-moll", "Étude", "etude 2", "zwei")
    ]
    assert [song.name for song in list_songs(order="name", offset=2, limit=2)] == ["ab", "B dur"]
