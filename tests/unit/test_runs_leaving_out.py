"""Songs that cannot be learned from are left out with their reason; what all of them lack is an error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from runs_at_work import add_song, nobody_supervises, ticking, work_here

from musicgen.errors import CorruptArtifact, InvalidInput, InvalidParameter, NotFound, ResourceUnavailable
from musicgen.runs import api
from musicgen.runs.leaving_out import LeftOut, as_warnings, prepare_what_can_be_learned
from musicgen.storage import database
from musicgen.storage.database import songs

pytestmark = pytest.mark.record(slow=True)


class Picky:
    """An approach that refuses songs by their names, and needs one that is long."""

    def __init__(self) -> None:
        self.prepared: list[list[str]] = []

    def prepare(self, given: Sequence[Any], _training: Any, *, seed: int) -> tuple[str, ...]:
        names = [song.name for song in given]
        self.prepared.append(names)
        for name in names:
            if error := ERRORS.get(name):
                raise error
        if all(name.startswith("short") for name in names):
            raise InvalidInput("One is long.", code="too_short")
        return tuple(names)


ERRORS: dict[str, Exception] = {
    "no melody": InvalidInput("No melody.", code="no_melody"),
    "damaged": CorruptArtifact("Damaged."),
    "setting": InvalidParameter("Not so."),
    "full disk": ResourceUnavailable("Full.", code="disk_full"),
    "bug": ZeroDivisionError(),
}


def tried(*names: str) -> tuple[tuple[str, ...], list[tuple[str, str]], Picky]:
    """(learned from, left out with reasons, the approach)."""
    picky = Picky()
    given: Any = [SimpleNamespace(id=str(number), name=name) for number, name in enumerate(names)]
    prepared, left, out = prepare_what_can_be_learned(picky, given, None, seed=0)  # type: ignore[arg-type]
    assert tuple(song.name for song in left) == prepared  # type: ignore[comparison-overlap]
    return prepared, [(each.name, each.reason) for each in out], picky  # type: ignore[return-value]


def test_good_songs_are_looked_at_once() -> None:
    prepared, out, picky = tried("a", "b", "short")
    assert (prepared, out) == (("a", "b", "short"), [])
    assert len(picky.prepared) == 1


def test_each_bad_song_is_left_out_with_its_own_reason() -> None:
    prepared, out, _ = tried("no melody", "a", "short", "damaged", "b")
    assert prepared == ("a", "short", "b")
    assert out == [("no melody", "No melody."), ("damaged", "Damaged.")]


def test_what_others_make_up_for_is_no_fault_of_a_song() -> None:
    assert tried("short", "damaged", "short one", "a")[0] == ("short", "short one", "a")


@pytest.mark.parametrize(
    ("names", "code"),
    [(("short", "short one"), "too_short"), (("no melody",), "no_melody"), (("no melody", "damaged"), "no_melody")],
)
def test_where_nothing_is_left_the_error_stays(names: tuple[str, ...], code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        tried(*names)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("name", "kind"),
    [("setting", InvalidParameter), ("full disk", ResourceUnavailable), ("bug", ZeroDivisionError)],
)
def test_what_is_no_fault_of_songs_is_never_left_out(name: str, kind: type[Exception]) -> None:
    for names in ((name, "a"), ("no melody", name, "a")):
        if name == "setting" and names[0] != name:
            continue  # a parameter is refused before any song is looked at
        with pytest.raises(kind):
            tried(*names)


def test_warnings_name_the_first_and_count_the_rest() -> None:
    out = [LeftOut(str(number), f"song {number}", "Why.") for number in range(7)]
    assert as_warnings(out)[0] == "Left out: “song 0”. Why."
    assert as_warnings(out)[5:] == ["Also left out: 2 more songs."]
    assert as_warnings([]) == []


# --- through the queue ----------------------------------------------------------------------------------------------


@pytest.fixture
def queue(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ticking(monkeypatch), nobody_supervises():
        yield


def chosen(*ids: str) -> list[api.SongChoice]:
    return [api.SongChoice(each) for each in ids]


def test_other_media_lost_files_and_drums_are_left_out_of_a_request(queue: None) -> None:
    good, written, lost = add_song("Good"), add_song("Written", medium="midi"), add_song("Lost")
    shutil.rmtree(api_folder(lost))
    choices = chosen(good, written, lost)
    with pytest.raises(InvalidInput, match="“Written”, which is midi"):
        api.submit_training("ticking", choices, {})
    run = api.get_run(api.submit_training("ticking", choices, {}, leave_out=True))
    assert [song["id"] for song in run.request["songs"]] == [good]
    assert [each["name"] for each in run.request["left_out"]] == ["Written", "Lost"]
    with pytest.raises(InvalidInput, match="Written"):
        api.submit_training("ticking", chosen(written, lost), {}, leave_out=True)
    with pytest.raises(NotFound):
        api.submit_training("ticking", chosen(good, "song-0123456789ab"), {}, leave_out=True)


def api_folder(song_id: str) -> Path:
    from musicgen.songs.library import get_song

    return get_song(song_id).folder


def test_songs_of_drums_alone_are_left_out_where_tracks_are_known(queue: None) -> None:
    tune, drums = add_song("Tune", medium="midi"), add_song("Drums", medium="midi")
    for song_id, is_drum in ((tune, False), (drums, True)):
        track = {"index": 0, "num_notes": 9, "is_drum": is_drum}
        database.change(sa.update(songs).where(songs.c.id == song_id).values(facts={"tracks": [track]}))
    run = api.get_run(api.submit_training("note_lstm", chosen(tune, drums), {}, leave_out=True))
    assert [song["name"] for song in run.request["songs"]] == ["Tune"]
    assert "none in 1 track" in run.request["left_out"][0]["reason"]


def test_a_run_learns_from_the_rest_and_says_so(queue: None) -> None:
    ids = [add_song(name) for name in ("First", "Refused", "Third")]
    strict = work_here(api.submit_training("ticking", chosen(*ids), {"epochs": 2, "refuses": "Refused"}))
    assert (strict.state, strict.reason) == ("failed", "“Refused” is refused here.")
    run_id = api.submit_training("ticking", chosen(*ids), {"epochs": 2, "refuses": "Refused"}, leave_out=True)
    run = work_here(run_id)
    assert run.state == "succeeded"
    assert run.prepared["facts"]["n_songs"] == 2
    assert [song["name"] for song in run.request["songs"]] == ["First", "Third"]
    assert run.request["left_out"] == [{"id": ids[1], "name": "Refused", "reason": "“Refused” is refused here."}]
    assert "Left out: “Refused”. “Refused” is refused here." in run.prepared["warnings"]
    api.resume(run_id, epochs=3)
    again = work_here(run_id)
    assert again.state == "succeeded"
    assert again.request["left_out"] == run.request["left_out"]
    assert again.prepared["warnings"] == run.prepared["warnings"]


def test_where_all_are_refused_the_run_fails_with_the_reason(queue: None) -> None:
    ids = [add_song("Refused"), add_song("Refused")]
    run = work_here(api.submit_training("ticking", chosen(*ids), {"refuses": "Refused"}, leave_out=True))
    assert (run.state, run.reason) == ("failed", "“Refused” is refused here.")


def test_a_plan_leaves_out_the_same_and_tells_how_far_it_is(home: Path) -> None:
    """In a child, with an approach of ours: jazz needs a melody over chords."""
    from musicgen.songs.intake import Upload, add_uploads
    from tests.makers_jazz import one_track, tune
    from tests.makers_midi import midi_bytes

    folder = home.parent / "files"
    folder.mkdir()
    scores = {"Solo": tune(8), "Bare": one_track([(beat, 1.0, 60 + beat % 7) for beat in range(64)])}
    for name, score in scores.items():
        (folder / f"{name}.mid").write_bytes(midi_bytes(score))
    report = add_uploads([Upload(path.name, path=path) for path in sorted(folder.iterdir())])
    told: list[tuple[str, int, int]] = []
    choices = chosen(*report.song_ids)
    plan = api.plan_training(
        "jazz_lstm", choices, {}, preset="quick", leave_out=True, on_progress=lambda *line: told.append(line)
    )
    assert plan.facts["n_songs"] == 1
    assert [each["name"] for each in plan.left_out] == ["Bare"]
    assert "no chords under them" in plan.left_out[0]["reason"]
    assert ("reading", 2, 2) in told
    assert ("checking each song", 2, 2) in told
    with pytest.raises(InvalidInput, match="no chords"):
        api.plan_training("jazz_lstm", choices, {}, preset="quick")
