"""Stored sheet music: pages appear whole, on request, once; each file is complete or absent."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, engraving, sheets, write_audio_clip, write_score_clip
from musicgen.clips.exports import export_clip
from musicgen.clips.sheets import FOLDER, SHEET, TIMEMAP, ensure_pages, on_paper, page_path, stored_sheet
from musicgen.errors import DamagedFile, InvalidInput, ResourceUnavailable, StorageUnavailable, WrongState
from musicgen.songs.composed import jazz_tune
from musicgen.symbolic.engraving.engraver import Engraving
from tests.makers_audio import sine
from tests.makers_midi import scale_score


@pytest.fixture
def melody(tmp_path: Path, home: Path) -> Clip:
    return write_score_clip(tmp_path / "melody", scale_score(16))


@pytest.fixture
def tune(tmp_path: Path, home: Path) -> Clip:
    """A score of more pages than are made in one go."""
    return write_score_clip(tmp_path / "tune", jazz_tune())


def made(clip: Clip) -> set[str]:
    return {path.name for path in (clip.folder / FOLDER).iterdir()}


def engrave(clip: Clip, pages: list[int] | None) -> dict[str, int]:
    """What the child does, in this process."""
    return engraving.engrave({"folder": str(clip.folder), "pages": pages})


def test_pages_are_made_on_request_and_once(tune: Clip) -> None:
    assert stored_sheet(tune) is None
    told: list[tuple[int, int]] = []
    sheet = ensure_pages(tune, (1,), on_page=lambda number, of: told.append((number, of)))
    assert sheet.num_pages == 11
    assert told == [(number, 11) for number in range(1, 7)]
    assert made(tune) == {SHEET, TIMEMAP, *(f"page-{number}.svg" for number in range(1, 7))}
    assert sheet.missing([1, 7, 99]) == [7]
    stamps = {path: path.stat().st_mtime_ns for path in (tune.folder / FOLDER).iterdir()}
    ensure_pages(tune, (6,))
    ensure_pages(tune, (sheet.num_pages, 99))
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert page_path(tune.folder / FOLDER, sheet.num_pages).is_file()
    assert sheet.missing([sheet.num_pages - 1]) == [sheet.num_pages - 1]
    assert not sheet.missing(range(1, ensure_pages(tune, None).num_pages + 1))


def test_what_is_known_of_pages_before_and_after_they_are_made(tune: Clip) -> None:
    sheet = ensure_pages(tune)
    first, later = sheet.page(1), sheet.page(sheet.num_pages)
    assert first.path is not None
    root = ElementTree.parse(first.path).getroot()
    assert (first.width, first.height) == (int(root.get("width", 0)), int(root.get("height", 0)))
    assert later.path is None
    assert (later.width, later.height) == (first.width, first.height)
    assert [page.number for page in sheet.pages] == list(range(1, sheet.num_pages + 1))
    with pytest.raises(InvalidInput, match=r"pages 1 to \d+\. Received: 0"):
        sheet.page(0)


def test_the_time_map_names_what_is_on_the_pages(melody: Clip) -> None:
    sheet = ensure_pages(melody)
    moments = sheet.timemap()
    path = sheet.page(1).path
    assert path is not None
    page = path.read_text()
    assert [moment["seconds"] for moment in moments if moment["on"]] == pytest.approx(melody.score().onset.tolist())
    assert all(f'id="{id}"' in page and id.startswith(sheet.prefix) for moment in moments for id in moment["on"])


def test_two_clips_of_one_score_have_different_ids(melody: Clip, tmp_path: Path) -> None:
    again = write_score_clip(tmp_path / "again", scale_score(16))
    assert ensure_pages(melody).prefix != ensure_pages(again).prefix


def test_many_ask_at_once_and_it_is_made_once(melody: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    real = sheets.run_child
    monkeypatch.setattr(sheets, "run_child", lambda *args, **more: calls.append(args) or real(*args, **more))
    threads = [threading.Thread(target=ensure_pages, args=(melody,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert stored_sheet(melody) is not None


def test_nothing_is_there_until_the_first_page_is(melody: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Engraving, "timemap", broken)
        with pytest.raises(OSError, match="No space left"):
            engrave(melody, [1])
    assert not (melody.folder / FOLDER).exists()
    assert not [path for path in melody.folder.iterdir() if FOLDER in path.name]
    engrave(melody, [1])
    assert stored_sheet(melody) is not None


def test_pages_of_another_layout_are_made_again(tune: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    engrave(tune, [1])
    facts = tune.folder / FOLDER / SHEET
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "engraver": "verovio 0.1"}))
    (tune.folder / FOLDER / "page-2.svg").write_text("old")
    engrave(tune, [6])
    assert json.loads(facts.read_text())["engraver"].startswith("verovio ")
    assert json.loads(facts.read_text())["engraver"] != "verovio 0.1"
    assert "page-2.svg" not in made(tune)
    monkeypatch.setattr(sheets, "VERSION", 2)
    assert stored_sheet(tune) is None


def test_what_cannot_be_is_one_sentence(melody: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = write_audio_clip(tmp_path / "sound", Waveform(sine(1.0), 44_100))
    with pytest.raises(WrongState, match="needs written music"):
        ensure_pages(recording)
    with monkeypatch.context() as patched:
        patched.setenv("MUSICGEN_MIN_FREE_MB", str(10**9))
        with pytest.raises(StorageUnavailable, match="must stay free"):
            ensure_pages(melody)
    sheet = ensure_pages(melody)
    (sheet.folder / "page-1.svg").write_text("no page")
    with pytest.raises(DamagedFile, match=r"page-1\.svg is a page of sheet music"):
        sheet.page(1)
    (sheet.folder / TIMEMAP).write_text("{")
    with pytest.raises(DamagedFile, match=r"timemap\.json must be complete JSON"):
        sheet.timemap()


def test_without_verovio_the_rest_works(melody: Clip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "verovio.py").write_text("raise ImportError('gone')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    for format in ("svg", "pdf"):
        with pytest.raises(ResourceUnavailable, match=r"needs the package verovio.*pip install") as told:
            export_clip(melody, format)
        assert told.value.code == "no_engraver"
    assert export_clip(melody, "musicxml").startswith(b"<?xml")
    assert stored_sheet(melody) is None


def test_an_image_of_a_page_is_black_on_white(melody: Clip) -> None:
    path = ensure_pages(melody).page(1).path
    assert path is not None
    root = ElementTree.fromstring(on_paper(path.read_text()))
    assert root.get("color") == "#000"
    assert root[0].attrib == {"width": "100%", "height": "100%", "fill": "#fff"}


def test_downloads_have_all_pages(tune: Clip) -> None:
    root = ElementTree.fromstring(export_clip(tune, "svg"))
    sheet = stored_sheet(tune)
    assert sheet is not None
    assert len(root) == sheet.num_pages
    assert all(page.path for page in sheet.pages)
    content = export_clip(tune, "pdf")
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == sheet.num_pages
    assert export_clip(tune, "pdf") == content
