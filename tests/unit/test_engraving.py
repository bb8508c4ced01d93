"""Sheet music: every note is lit when it sounds, pages are safe anywhere, and what is printed is what is written."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from makers_midi import four_part_score, melody_score, scale_score

from musicgen.errors import InvalidInput, ResourceUnavailable
from musicgen.songs.composed import jazz_tune
from musicgen.symbolic.corpus import corpus_score
from musicgen.symbolic.engraving import engraver
from musicgen.symbolic.engraving.engraver import Engraving, engrave_score
from musicgen.symbolic.engraving.pages import NAMESPACE, Glyphs, clean_page, join_pages
from musicgen.symbolic.engraving.pdf import pages_to_pdf
from musicgen.symbolic.engraving.timemap import SHORTEST, lit_heads
from musicgen.symbolic.notation import score_to_musicxml
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes
from musicgen.symbolic.written_score import WrittenScore, write_down

NEAR = 0.02  # seconds
HOSTILE = '<script>alert(1)</script> & "x" http://evil.example/'
KNOWN = {"svg", "defs", "g", "use", "path", "polygon", "polyline", "ellipse", "rect", "text"}


@cache
def corpus(name: str, *programs: int) -> Score:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what music21 says of its own files
        return corpus_score(name, tracks=tuple(Track("", program) for program in programs), tempo=100.0)


def rubato() -> Score:
    """A tempo change in nearly every beat, also inside notes that are held over barlines."""
    score = four_part_score(24)
    notes = score.notes.copy()
    notes["duration_ticks"][::5] = 480 * 3
    tempos = tuple(TempoChange(tick, 50.0 + tick % 113) for tick in range(0, 24 * 480, 371))
    return replace(score, notes=notes, tempos=tempos)


def played(seed: int = 3) -> Score:
    """Notes that nobody wrote: any onset, any length, several at once."""
    random = np.random.default_rng(seed)
    onsets, lengths = np.sort(random.integers(0, 40 * 480, 150)), random.integers(20, 1_500, 150)
    return Score(make_notes(onsets, lengths, random.integers(40, 85, 150), 80), tempos=(TempoChange(0, 52.0),))


PIECES: dict[str, Callable[[], Score]] = {
    "a chorale with a pickup": lambda: corpus("bach/bwv66.6", 52, 52, 52, 52),
    "a rag": lambda: corpus("joplin/maple_leaf_rag", 0, 0),
    "a quartet": lambda: corpus("haydn/opus1no1/movement3", 40, 40, 41, 42),
    "6/8 with a pickup": lambda: corpus("johnson_j_r/lift_every_voice", 0, 0, 0, 0),
    "tuplets in free rhythm": lambda: corpus("schoenberg/opus19/movement2", 0, 0),
    "swing with drums": jazz_tune,
    "tempo changes": rubato,
    "played": played,
}


def ids_of(page: bytes) -> set[str]:
    return {id for each in ElementTree.fromstring(page).iter() if (id := each.get("id"))}


def all_pages(engraving: Engraving) -> list[bytes]:
    return [engraving.page(number) for number in range(1, engraving.num_pages + 1)]


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIECES)
def test_every_note_is_lit_when_it_sounds_on_the_page_that_is_told(name: str) -> None:
    score = PIECES[name]()
    engraving = engrave_score(score, prefix="m1-")
    pages = [ids_of(page) for page in all_pages(engraving)]
    heads = {f"m1-{head.id}": head for head in engraving.written.notes()}
    lit: dict[tuple[int, int], list[float]] = {}  # track and pitch → when one of its heads lights up
    moments = engraving.timemap()
    assert [moment["seconds"] for moment in moments] == sorted({moment["seconds"] for moment in moments})
    for moment in moments:
        for id in moment["on"]:
            assert id in pages[moment["page"] - 1]
            lit.setdefault((heads[id].part.track, heads[id].pitch), []).append(moment["seconds"])
    for onset, pitch, track in zip(score.onset, score.notes["pitch"], score.notes["track"], strict=True):
        found = lit[int(track), int(pitch)]
        nearest = min(found, key=lambda seconds: abs(seconds - onset))
        assert abs(nearest - onset) <= NEAR, (onset, pitch, track)
    on, off = (Counter(id for moment in moments for id in moment[kind]) for kind in ("on", "off"))
    assert on == off
    assert set(on.values()) == {1}


@pytest.mark.parametrize("name", ["a chorale with a pickup", "a quartet", "6/8 with a pickup"])
def test_written_music_is_lit_as_verovio_would_play_it(name: str) -> None:
    engraving = engrave_score(PIECES[name]())
    theirs = {id: row["tstamp"] / 1000 for row in engraving._toolkit.renderToTimemap({}) for id in row.get("on", ())}
    ours = {id: moment["seconds"] for moment in engraving.timemap() for id in moment["on"]}
    begun = [head.id for head in engraving.written.notes() if head.event.tie in ("", "start")]
    assert len(begun) > 100
    assert max(abs(theirs[id] - ours[id]) for id in begun) <= NEAR


def test_a_tied_note_lights_its_heads_one_after_the_other() -> None:
    score = Score(make_notes([960], [480 * 5], 60, 80), tempos=(TempoChange(0, 60.0),))
    lit = list(lit_heads(write_down(score)))
    assert [(each.start, each.end, each.head.event.tie) for each in lit] == [
        (2.0, 4.0, "start"),
        (4.0, 7.0, "stop"),
    ]


def test_a_short_note_is_lit_while_it_sounds_and_long_enough_to_be_seen() -> None:
    score = Score(make_notes([0, 480, 960], [120, 120, 0], [60, 62, 64], 80), tempos=(TempoChange(0, 60.0),))
    spans = [(each.start, each.end) for each in lit_heads(write_down(score))]
    wanted = [(0.0, 0.25), (1.0, 1.25), (2.0, 2.0 + SHORTEST)]
    assert np.array(spans) == pytest.approx(np.array(wanted))


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(20, 300))
def test_whatever_is_played_has_heads_at_all_onsets(seed: int, tempo: float) -> None:
    score = replace(played(seed), tempos=(TempoChange(0, tempo), TempoChange(7_001, 2 * tempo)))
    written: WrittenScore = write_down(score)
    begun = [lit for lit in lit_heads(written) if lit.head.event.tie in ("", "start")]
    assert all(lit.end > lit.start >= 0 for lit in begun)
    num_new = 0
    for onset, pitch in zip(score.onset, score.notes["pitch"], strict=True):
        own = [lit for lit in begun if lit.head.pitch == pitch and lit.start - NEAR <= onset <= lit.end]
        assert own
        num_new += any(abs(lit.start - onset) <= NEAR for lit in own)
    assert num_new >= 0.98 * score.num_notes  # the rest are notes that share a head with one that still sounds


def test_two_strokes_that_are_one_head_light_it_twice() -> None:
    crowd = [(0, 960, 40 + pitch) for pitch in range(4)]  # all voices are taken
    onset, duration, pitch = zip(*crowd, (3, 20, 70), (41, 20, 70), (101, 333, 50), (207, 91, 51), strict=True)
    score = Score(make_notes(onset, duration, pitch, 80), tempos=(TempoChange(0, 20.0),))
    lit = [(each.start, each.end) for each in lit_heads(write_down(score)) if each.head.pitch == 70]
    assert np.array(lit) == pytest.approx(np.array([(3, 23), (41, 61)]) * 3 / 480)


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drums() -> Engraving:
    score = jazz_tune()
    tracks = tuple(replace(track, name=f"{HOSTILE} {index}") for index, track in enumerate(score.tracks))
    return engrave_score(replace(score, tracks=tracks), prefix="mdrums-")


def test_a_page_holds_outlines_and_text_only_and_refers_to_itself(drums: Engraving) -> None:
    for page in all_pages(drums):
        root = ElementTree.fromstring(page)
        ids = ids_of(page)
        assert {each.tag.removeprefix(f"{{{NAMESPACE}}}") for each in root.iter()} <= KNOWN
        for each in root.iter():
            for name, value in each.attrib.items():
                assert not name.startswith("on")
                assert name != "style"
                assert "http" not in value
                assert "url" not in value
                assert name != "href" or value.removeprefix("#") in ids
        assert all(id.startswith("mdrums-") for id in ids)
        assert page.count(b"http") == page.count(f'xmlns="{NAMESPACE}"'.encode())


def test_ink_is_the_colour_of_the_page_around_it(drums: Engraving) -> None:
    root = ElementTree.fromstring(drums.page(1))
    inks = {each.get(name) for each in root.iter() for name in ("fill", "stroke", "color") if each.get(name)}
    assert inks == {"currentColor", "none"}
    assert root.get("fill") == "currentColor"


def test_a_hostile_name_is_cut_text(drums: Engraving) -> None:
    texts = [each.text for each in ElementTree.fromstring(drums.page(1)).iter(f"{{{NAMESPACE}}}text")]
    assert f"{HOSTILE[: engraver.NAME_LENGTH - 1]}…" in texts
    assert "\xa0=\xa0138" in texts


def test_what_does_not_belong_on_a_page_is_left_out() -> None:
    drawn = (
        f'<svg xmlns="{NAMESPACE}" xmlns:xlink="http://www.w3.org/1999/xlink" onload="x()">'
        '<style>@import "http://evil.example/x.css";</style><defs><g id="E0A4-x"><path d="M0 0"/><script/></g></defs>'
        '<svg viewBox="0 0 100 200"><script>x()</script><foreignObject><b/></foreignObject>'
        '<image href="http://evil.example/x.png"/><a href="javascript:x()"><path d="M1 1"/></a>'
        '<g id="P1" class="note" onclick="x()" style="fill:url(http://evil.example)">'
        '<use href="http://evil.example/x.svg#a"/><path d="M2 2" fill="url(http://evil.example)" stroke-width="2"/></g>'
        '<g id="other"><path d="M3 3"/></g></svg></svg>'
    )
    page = clean_page(drawn, Glyphs("/nowhere"), prefix="m-", number=1, heads={"P1"}, width=50).decode()
    assert "evil" not in page
    assert not re.search(r"script|style|image|foreign|onl|onc|M1 1", page)
    assert '<path d="M2 2" stroke-width="2" stroke="currentColor"/>' in page
    assert 'id="m-P1"' in page
    assert "other" not in page
    assert 'width="50" height="100"' in page


def test_scores_can_stand_in_one_document() -> None:
    first, second = (engrave_score(melody_score(range(60, 72)), prefix=prefix) for prefix in ("ma-", "mb-"))
    assert not ids_of(first.page(1)) & ids_of(second.page(1))
    engraving = engrave_score(jazz_tune(), prefix="m-")
    pages = all_pages(engraving)
    assert len(pages) > 2
    assert sum(len(ids_of(page)) for page in pages) == len(ids_of(join_pages(pages)))


def test_the_same_score_makes_the_same_pages() -> None:
    assert engrave_score(scale_score(), prefix="m-").page(1) == engrave_score(scale_score(), prefix="m-").page(1)


def test_pages_are_joined_below_each_other() -> None:
    pages = all_pages(engrave_score(jazz_tune(), prefix="m-"))
    assert join_pages(pages[:1]) == pages[0]
    root = ElementTree.fromstring(join_pages(pages))
    below = [(int(each.get("y", -1)), int(each.get("height", 0))) for each in root]
    assert len(below) == len(pages)
    assert all(top + height < following for (top, height), (following, _) in pairwise(below))
    assert below[-1][0] + below[-1][1] == int(root.get("height", 0))


# --- scores of all kinds --------------------------------------------------------------------------------------------


def test_many_parts_are_drawn_smaller_and_fit_the_page() -> None:
    notes = make_notes(np.arange(640) % 16 * 480, 480, 60, 80, np.arange(640) // 16)
    names = tuple(Track(f"Part {number}", 40) for number in range(40))
    engraving = engrave_score(Score(notes, tracks=names, time_signatures=(TimeSignature(0, 4, 4),)), prefix="m-")
    root = ElementTree.fromstring(engraving.page(1))
    _, _, _, down = map(int, root.get("viewBox", "").split())
    lowest = max(float(each.get("y", 0)) for each in root.iter(f"{{{NAMESPACE}}}text") if each.text == "Part 39")
    assert lowest < down
    assert len([each for each in root.iter(f"{{{NAMESPACE}}}text") if (each.text or "").startswith("Part")]) >= 40


def test_pitches_of_all_octaves_and_odd_tuplets_can_be_drawn() -> None:
    ticks = [round(place * 3360) for place in (0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1, 1 + 1 / 5, 1 + 3 / 5)]
    notes = make_notes(ticks, 300, [0, 127, 60, 12, 120, 61, 1, 126, 60, 60], 80)
    engraving = engrave_score(Score(notes, ticks_per_beat=3360, tempos=(TempoChange(0, 7.0),)), prefix="m-")
    assert {id for moment in engraving.timemap() for id in moment["on"]} <= ids_of(engraving.page(1))


def test_names_of_notes_are_in_no_download() -> None:
    assert b"<note id=" not in score_to_musicxml(scale_score())


# --- errors ---------------------------------------------------------------------------------------------------------


def test_no_notes_and_too_many_are_one_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"1 to 20,000 notes.*Received: 0"):
        engrave_score(Score(make_notes([], [], [], [])))
    with pytest.raises(InvalidInput, match="Received: 20,001"):
        engrave_score(Score(make_notes(np.arange(20_001), 10, 60, 80)))


def test_without_verovio_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verovio", None)
    with pytest.raises(ResourceUnavailable, match="needs the package verovio") as told:
        engrave_score(scale_score())
    assert told.value.code == "no_engraver"
    assert "\n" not in str(told.value)


def test_without_fpdf2_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(ResourceUnavailable, match="needs the package fpdf2"):
        pages_to_pdf([])


def test_what_verovio_cannot_draw_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engraver, "written_to_musicxml", lambda *_, **__: b"<no score>")
    with pytest.raises(ResourceUnavailable, match="Verovio must draw this score") as told:
        engrave_score(scale_score())
    assert told.value.code == "engraver_failed"
    with pytest.raises(ResourceUnavailable, match="as this program knows them"):
        clean_page(f'<svg xmlns="{NAMESPACE}"/>', Glyphs(""), prefix="m-", number=1, heads=(), width=100)


# --- PDF ------------------------------------------------------------------------------------------------------------


def test_a_pdf_has_the_staves_and_the_names_of_the_pages() -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="reads the PDF; in requirements-dev.txt")
    names = ("Soprän", "Ελένη", "Тенор", "低音 B")
    score = four_part_score(48)
    score = replace(score, tracks=tuple(Track(name, 52) for name in names))
    pages = all_pages(engrave_score(score, prefix="m-"))
    content = pages_to_pdf(pages)
    document = pdfium.PdfDocument(content)
    assert len(document) == len(pages)
    assert document[0].get_size() == pytest.approx((595.28, 841.89), abs=0.1)
    words = document[0].get_textpage().get_text_range()
    assert all(name in words for name in ("Soprän", "Ελένη", "Тенор"))
    assert "B" in words.split()  # no font here has the other two letters
    ink = document[0].render(scale=3, grayscale=True).to_numpy().reshape(-1, round(595.28 * 3 + 0.49))[:, :] < 160
    rows = np.flatnonzero(ink.mean(axis=1) > 0.6)  # of pixels: the lines of the staves
    lines = int((np.diff(rows, prepend=-9) > 1).sum())
    staves = len(re.findall(r'<path d="M\d+ (\d+) L\d+ \1"', pages[0].decode())) // 5
    assert lines % 20 == 0
    assert 20 <= lines <= staves * 5
    document.close()
