"""The player's own view in a blank page: scores with lit notes, linked passages, a slider over checkpoints, loops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.clips import write_audio_clip
from musicgen.clips.pictures import picture_files
from tests.browser.player_page import Sounds, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

RATE = 22_050
MOUNT = """async data => {
    const mount = (await import("/player/index.js")).default;
    window.sent = [];
    window.parent_ ??= document.body.appendChild(document.createElement("div"));
    const setTriggerValue = (name, value) => window.sent.push([name, value]);
    window.unmount = mount({parentElement: window.parent_, data, setTriggerValue});
    window.player = window.parent_.querySelector(".player").player;
}"""
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" onload="window.hacked = 1">
<script>window.hacked = 1</script>
<g id="{0}1"><rect width="5" height="5"/></g><g id="{0}2"><rect width="5" height="5"/></g></svg>"""


LIT = "[...document.querySelectorAll('.lit')].map(each => each.id)"


@pytest.fixture
def sounds() -> Iterator[Sounds]:
    with serving() as running:
        yield running


def lane(sounds: Sounds, name: str, seconds: float = 20.0, frequency: float = 300.0, **more: Any) -> dict[str, Any]:
    time = np.arange(round(seconds * RATE)) / RATE
    url = sounds.add(f"{name}.wav", 0.3 * np.sin(2 * np.pi * frequency * time), RATE)
    sound = {"url": url, "content": url, "sample_rate": RATE, "n_channels": 1, "grows": False}
    return {
        "id": name, "title": f"Lane {name}", "note": "", "role": "single", "colour": "", "seconds": seconds, "shift": 0,
        "gain_db": 0, "picture": "waveform", "pictures": {}, "voices": [], "score": None, "sound": sound,
    } | more  # fmt: skip


def mount(page: Page, sounds: Sounds, lanes: list[dict[str, Any]], **more: Any) -> None:
    if not page.url.startswith(sounds.url):
        page.goto(sounds.url)
    page.evaluate(
        MOUNT, {"lanes": lanes, "regions": [], "window": None, "slider": None, "offers_excerpt": False} | more
    )


def test_the_notes_that_sound_are_lit_on_the_page_where_they_stand(page: Page, sounds: Sounds) -> None:
    for number in (1, 2):
        sounds.files[f"/page{number}.svg"] = PAGE.format(f"p{number}n").encode()
    score = {
        "pages": [{"url": f"/page{number}.svg", "width": 100, "height": 50} for number in (1, 2)],
        "timemap": "/timemap.json",
    }
    moments = [
        {"seconds": 0.0, "page": 1, "on": ["p1n1"], "off": []},
        {"seconds": 2.0, "page": 1, "on": ["p1n2"], "off": ["p1n1"]},
        {"seconds": 4.0, "page": 2, "on": ["p2n1"], "off": ["p1n2"]},
        {"seconds": 6.0, "page": 2, "on": [], "off": ["p2n1"]},
    ]
    sounds.files["/timemap.json"] = json.dumps(moments).encode()
    missing = {**score, "pages": [score["pages"][0], {**score["pages"][1], "url": ""}]}
    mount(page, sounds, [lane(sounds, "a", score=missing, picture="score")])
    page.wait_for_function(f"{LIT}.length === 1")
    page.evaluate("player.seek(5)")
    assert page.evaluate("sent") == [["page", {"lane": "a", "page": 2}]], "a page is made when it is turned to"
    mount(page, sounds, [lane(sounds, "a", score=score, picture="score")])
    for seconds, lit in ((0.5, ["p1n1"]), (2.5, ["p1n2"]), (4.5, ["p2n1"]), (6.5, []), (2.1, ["p1n2"])):
        page.evaluate("at => player.seek(at)", seconds)
        page.wait_for_function(f"JSON.stringify({LIT}) === JSON.stringify({lit})")
    page.evaluate("document.querySelector('#p1n1 rect').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert page.evaluate("player.position") == 0.0, "a click on a note goes to it"
    assert page.evaluate("window.hacked") is None, "an SVG is a picture, never a program"
    assert page.locator(".sheet script").count() == 0
    assert page.locator(".sheet [onload]").count() == 0


def test_linked_passages_are_played_one_after_the_other(page: Page, sounds: Sounds) -> None:
    regions = [
        {"lane": "b", "start": 3.0, "stop": 3.4, "group": "g", "label": "copied bar"},
        {"lane": "a", "start": 11.0, "stop": 11.4, "group": "g", "label": "its source"},
        {"lane": "a", "start": 15.0, "stop": 16.0, "group": "h", "label": "another"},
    ]
    mount(page, sounds, [lane(sounds, "a"), lane(sounds, "b", frequency=500, shift=2.0)], regions=regions)
    assert page.get_by_role("button", name="Play copied bar in Lane b").count() == 1
    page.evaluate("window.log = []; setInterval(() => log.push([player.heard, player.position]), 5)")
    page.get_by_role("button", name="Play copied bar in Lane b").click()
    page.wait_for_function("player.transport.isPlaying")
    page.wait_for_function("!player.transport.isPlaying", timeout=20_000)
    log = page.evaluate("log")
    heard = [name for number, (name, _) in enumerate(log) if number == 0 or log[number - 1][0] != name]
    assert heard[-2:] == ["b", "a"]
    for name, (first, last) in {"b": (5.0, 5.4), "a": (11.0, 11.4)}.items():
        places = [at for who, at in log if who == name and at > 1]
        assert first - 0.05 <= min(places)
        assert max(places) <= last + 0.25


def test_a_slider_over_checkpoints_switches_without_a_stop(page: Page, sounds: Sounds) -> None:
    lanes = [lane(sounds, name, frequency=200 + 100 * number) for number, name in enumerate("abcd")]
    stops = [{"lane": name, "label": f"epoch {2**number}"} for number, name in enumerate("abcd")]
    mount(page, sounds, lanes, slider={"label": "Trained for", "stops": stops})
    assert page.locator(".lane:visible").count() == 1, "only the one that is heard is shown"
    page.locator(".icon-play").click()
    page.wait_for_function("player.transport.engine?.state === 'playing'")
    page.evaluate("window.timeline = player.transport.engine.timeline")
    slider = page.get_by_role("slider", name="Trained for")
    slider.focus()
    for name, label in zip("bcd", ("epoch 2", "epoch 4", "epoch 8"), strict=True):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("name => player.transport.engine.chosen === name", arg=name)
        assert slider.get_attribute("aria-valuetext") == label
        assert page.locator(".lane:visible").inner_text().startswith(f"{'abcd'.index(name) + 1}")
    assert page.evaluate("player.transport.engine.timeline === window.timeline"), "it was one take, without a restart"


def test_new_data_leaves_what_is_the_same_alone(page: Page, sounds: Sounds) -> None:
    first, second = lane(sounds, "a"), lane(sounds, "b", frequency=500)
    mount(page, sounds, [first, second])
    page.locator(".icon-play").click()
    page.wait_for_function("player.transport.engine?.state === 'playing'")
    page.evaluate("""() => { window.before = [player, player.transport.engine.lanes.get("a").voice,
        player.transport.engine.lanes.get("b").voice, player.rows.get("a").element]; }""")
    moved = {**first["sound"], "url": first["sound"]["url"] + "?elsewhere"}
    third = lane(sounds, "c", frequency=700)
    mount(page, sounds, [{**first, "sound": moved, "note": "quieter", "gain_db": -6.0}, third])
    assert page.evaluate("before[0] === player && before[1] === player.transport.engine.lanes.get('a').voice")
    assert page.evaluate("before[3] === player.rows.get('a').element")
    assert page.evaluate("[...player.transport.engine.lanes.keys()]") == ["a", "c"]
    assert page.evaluate("player.transport.engine.state") == "playing"
    page.evaluate("unmount()")
    assert page.locator(".player").count() == 0
    assert page.evaluate("before[0].transport.engine") is None


def test_a_sound_that_is_missing_for_a_moment_is_asked_for_again(page: Page, sounds: Sounds) -> None:
    piece = lane(sounds, "a")
    content = sounds.files.pop("/a.wav")
    mount(page, sounds, [piece])
    page.locator(".icon-play").click()
    page.wait_for_timeout(300)
    assert page.evaluate("player.transport.isWaiting")
    sounds.files["/a.wav"] = content
    page.wait_for_function("player.transport.engine.state === 'playing'", timeout=15_000)
    assert page.locator(".trouble").is_hidden()


def test_close_up_the_samples_themselves_are_drawn(page: Page, sounds: Sounds, tmp_path: Path) -> None:
    time = np.arange(20 * RATE) / RATE
    clip = write_audio_clip(tmp_path / "clip", Waveform((0.9 * np.sin(2 * np.pi * 50 * time)).astype(np.float32), RATE))
    sounds.files["/waveform.bin"] = Path(picture_files(clip)["waveform"]).read_bytes()
    piece = lane(sounds, "a", frequency=50, pictures={"waveform": "/waveform.bin"})
    mount(page, sounds, [piece])
    page.wait_for_function("player.rows.get('a').data")
    asked = len(sounds.asked)
    page.evaluate("player.setView({start: 10.0, stop: 10.06})")  # three periods
    page.wait_for_function("player.rows.get('a').closeUp.part")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    first, last = sounds.asked[-1][1:]
    assert len(sounds.asked) - asked <= 2
    assert last - first < RATE, "only what is near the view is read"
    tops = page.evaluate("""() => { const canvas = player.rows.get("a").canvas;
        const {width, height} = canvas; const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        const row = Math.round(height * 0.4); let edges = 0, before = false;
        for (let x = 0; x < width; x += 1) {
            const is = pixels[4 * (row * width + x) + 3] > 60; if (is && !before) edges += 1; before = is; }
        return edges; }""")
    assert tops == 6, "each of three periods crosses the line twice"


def test_titles_are_data(page: Page, sounds: Sounds) -> None:
    nasty = "<img src=x onerror='window.hacked=1'>"
    region = {"lane": "a", "start": 1, "stop": 2, "group": None, "label": nasty}
    mount(page, sounds, [lane(sounds, "a", title=nasty, note=nasty, voices=[nasty])], regions=[region])
    assert nasty in page.locator(".hear").inner_text(timeout=5_000) or page.locator(".hear").is_hidden()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".player img").count() == 0
