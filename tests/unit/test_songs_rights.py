"""Rights to songs, as the user states them: at import, later, and on the card of a run that trained on them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sqlalchemy as sa

from musicgen.comparison.run_card import songs_rights_words
from musicgen.runs.archived import ArchivedSong
from musicgen.runs.importing import _here
from musicgen.songs.intake import Upload, add_uploads
from musicgen.songs.library import get_song, list_songs, remove_song, state_rights
from musicgen.storage import database
from tests.makers_midi import melody_score, midi_bytes

pytestmark = pytest.mark.usefixtures("home")
FIRST, SECOND = (midi_bytes(melody_score(pitches)) for pitches in ((60, 62, 64, 65, 67), (67, 65, 64, 62, 60)))


def add(rights: str = "", **files: bytes) -> dict[str, str]:
    """name → id"""
    report = add_uploads([Upload(f"{name}.mid", stream=io.BytesIO(files[name])) for name in files], rights=rights)
    return {name: str(file.id) for name, file in zip(files, report.files, strict=True)}


def test_words_at_import_are_kept_and_never_replace_others() -> None:
    first = add("My own.\u202e", first=FIRST)["first"]
    assert get_song(first).rights == "My own."
    both = add("Somebody else's", again=FIRST, second=SECOND)
    assert both["again"] == first
    assert [get_song(both[name]).rights for name in ("again", "second")] == ["My own.", "Somebody else's"]
    state_rights([first], "")
    add("Mine after all", again=FIRST)
    add(again=FIRST)
    assert get_song(first).rights == "Mine after all"


def test_a_card_says_what_is_stated_and_remembers_it_for_songs_that_are_gone() -> None:
    ids = add(first=FIRST, second=SECOND)
    chosen = [{"id": ids[name], "name": name} for name in ids]
    assert songs_rights_words(chosen) == songs_rights_words([]) == "not stated"
    state_rights(list(ids.values()), "Free to use.")
    assert songs_rights_words(chosen) == "Free to use."
    state_rights([ids["second"]], "Ask me")
    assert songs_rights_words(chosen) == "“first”: Free to use.\n“second”: Ask me."
    chosen[0]["rights"] = "As it was then"
    remove_song(ids["first"])
    assert songs_rights_words(chosen) == "“first”: As it was then.\n“second”: Ask me."


def test_words_come_along_in_the_archive_of_a_run() -> None:
    stated = ArchivedSong(id="song-aaaaaaaaaaaa", name="A", sha256="0" * 64, rights="Mine\u202e\n")
    silent = ArchivedSong(id="song-bbbbbbbbbbbb", name="B", sha256="1" * 64)
    assert [song.get("rights") for song in _here([stated, silent])] == ["Mine", None]


def test_a_record_of_an_earlier_version_has_no_words(home: Path) -> None:
    add(first=FIRST)
    with database.engine().begin() as connection:
        connection.execute(sa.text("ALTER TABLE songs DROP COLUMN rights"))
    database._engine.cache_clear()
    (song,) = list_songs()
    assert song.rights == ""
    state_rights([song.id], "Mine")
    assert get_song(song.id).rights == "Mine"
