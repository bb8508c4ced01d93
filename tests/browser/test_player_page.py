"""The player on the real pages: it goes on sounding whatever the page does, and a keyboard is enough."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from musicgen.audio.waveform import Waveform
from tests.app.stored_work import add_output, add_run, add_song
from tests.browser.driving import assert_nothing_broke, open_page, settle, told_lanes, widget
from tests.browser.serving import start_server, stop_everything_in

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

RATE = 22_050
# An AudioWorklet that hears what leaves the player: the longest silence and the largest step between two samples.
LISTEN = """async element => {
    const code = `registerProcessor("listener", class extends AudioWorkletProcessor {
        constructor() { super(); this.reset(); this.port.onmessage = ({data}) => {
            if (data === "reset") this.reset(); else this.port.postMessage(this.heard); }; }
        reset() { this.heard = {frames: 0, silence: 0, step: 0}; this.run = 0; this.last = null; }
        process([input]) {
            const samples = input[0]; const heard = this.heard;
            for (let i = 0; i < 128; i += 1) {
                const value = samples ? samples[i] : 0;
                this.run = Math.abs(value) < 1e-3 ? this.run + 1 : 0;
                heard.silence = Math.max(heard.silence, this.run);
                if (this.last !== null) heard.step = Math.max(heard.step, Math.abs(value - this.last));
                this.last = value; heard.frames += 1;
            }
            return true;
        }
    });`;
    const {engine} = element.player.transport;
    await engine.context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
    const node = new AudioWorkletNode(engine.context, "listener");
    engine.master.connect(node);
    window.listener = node;
    window.engine = engine;
}"""
HEARD = """() => new Promise(resolve => {
    window.listener.port.onmessage = ({data}) => resolve(data);
    window.listener.port.postMessage("tell");
})"""


def steady(seconds: float, frequency: float, *, rate: int = RATE, level: float = 0.4, channels: int = 1) -> Waveform:
    time = np.arange(round(seconds * rate)) / rate
    return Waveform(np.tile((level * np.sin(2 * np.pi * frequency * time)).astype(np.float32), (channels, 1)), rate)


@pytest.fixture
def filling(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process stores songs and outputs where the server looks for them."""
    monkeypatch.setenv("MUSICGEN_HOME", str(server.home))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a comparison of two minutes, on a server for all tests that only look at it."""
    running = start_server(tmp_path_factory.mktemp("player") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICGEN_HOME", str(running.home))
        song = add_song("The original", steady(120, 220.0))
        output = add_output(add_run([song]), steady(120, 330.0, level=0.1))
    yield f"{running.url}/compare?generated={output}"
    running.process.kill()
    running.process.wait()
    stop_everything_in(running.home)


def the_player(page: Page, key: str) -> Locator:
    told_lanes(page, widget(page, key))
    return widget(page, key).locator(".player").first


def ask(player: Locator, what: str) -> Any:
    return player.evaluate(f"element => {{ const {{player}} = element; return {what}; }}")


def wait_until(page: Page, player: Locator, what: str) -> None:
    handle = player.element_handle()
    page.wait_for_function(f"element => {{ const {{player}} = element; return {what}; }}", arg=handle, timeout=20_000)


@pytest.mark.parametrize("reruns", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_it_sounds_on_through_reruns_and_a_change_of_theme(page: Page, pair: str, reruns: int) -> None:
    open_page(page, pair)
    player = the_player(page, "compare_player")
    widget(page, "compare_metrics").locator("table").first.wait_for(timeout=90_000)
    player.locator(".icon-play").click()
    wait_until(page, player, "player.transport.engine?.state === 'playing'")
    player.evaluate(LISTEN)
    page.wait_for_timeout(300)
    page.evaluate("window.listener.port.postMessage('reset')")
    began, at = ask(player, "[player.position, player.transport.engine.context.currentTime]")
    scope = widget(page, "compare_scope").locator("button")
    for number in range(reruns):
        scope.nth(number % 2).click()
        settle(page)
        if number == reruns // 2:
            page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    heard = page.evaluate(HEARD)
    ended, later = ask(player, "[player.position, player.transport.engine.context.currentTime]")
    assert ask(player, "player.transport.engine === window.engine"), "the audio graph is the same"
    assert ask(player, "getComputedStyle(element).getPropertyValue('--accent').trim()") == "#6f60ec", (
        "the theme is dark"
    )
    assert heard["frames"] > RATE
    assert heard["silence"] < 20, f"silence of {heard['silence']} samples"
    assert heard["step"] < 0.4 * 2 * np.pi * 220 / RATE * 1.05, "a click"
    assert ended - began == pytest.approx(later - at, abs=0.06)
    assert_nothing_broke(page)


def test_the_switch_of_loudness_moves_a_gain_and_nothing_else(page: Page, pair: str) -> None:
    open_page(page, pair)
    player = the_player(page, "compare_player")
    widget(page, "match_loudness").wait_for(timeout=60_000)
    player.locator(".icon-play").click()
    wait_until(page, player, "player.transport.engine?.state === 'playing'")
    player.evaluate("element => { window.engine = element.player.transport.engine; }")
    widget(page, "match_loudness").locator("label").first.click()
    player.locator(".note", has_text="+").first.wait_for()
    gain = "player.transport.engine.lanes.get('generated').level.gain.value"
    wait_until(page, player, f"Math.abs(20 * Math.log10({gain}) - player.data.lanes[1].gain_db) < 0.1")
    shown = ask(player, "player.data.lanes[1].gain_db - player.data.lanes[0].gain_db")
    assert shown == pytest.approx(12.0, abs=0.6)  # 330 Hz is weighted a little differently from 220 Hz
    assert ask(player, "player.transport.engine === window.engine && player.transport.isPlaying")


def focused(page: Page) -> str:
    return str(
        page.evaluate("""() => { let at = document.activeElement;
            while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
            return at?.getAttribute("aria-label") ?? at?.className ?? ""; }""")
    )


def test_a_keyboard_is_enough(page: Page, pair: str) -> None:
    open_page(page, pair)
    player = the_player(page, "compare_player")
    page.locator("h1").first.click()
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page) == "Play":
            break
    assert focused(page) == "Play"
    page.keyboard.press("Enter")
    wait_until(page, player, "player.transport.engine?.state === 'playing'")
    assert ask(player, "player.heard") == "reference"
    page.keyboard.press("2")
    wait_until(page, player, "player.transport.engine.chosen === 'generated'")
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(focused(page))
        if focused(page) == "Position":
            break
    assert {"Loop (L)", "Zoom in (+)", "Zoom out (−)", "Show all (0)", "Volume", "Position"} <= reached
    page.keyboard.press("Space")
    wait_until(page, player, "!player.transport.isPlaying")
    page.keyboard.press("Home")
    assert ask(player, "player.position") == pytest.approx(0.0, abs=0.01)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert ask(player, "player.position") == pytest.approx(11.0, abs=0.01)
    page.keyboard.press("[")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    assert ask(player, "[player.isLooping, player.region.start, player.region.stop]") == [True, 11.0, 13.0]
    page.keyboard.press("l")
    assert ask(player, "player.isLooping") is False
    before = ask(player, "player.view.stop - player.view.start")
    page.keyboard.press("+")
    assert ask(player, "player.view.stop - player.view.start") == pytest.approx(before / 2)
    page.keyboard.press("0")
    assert ask(player, "player.isAll")
    page.keyboard.press("End")
    assert ask(player, "player.position") == pytest.approx(120.0)
    page.keyboard.press("ArrowUp")
    assert ask(player, "player.heard") == "reference"
    assert player.locator(".ruler").get_attribute("aria-valuetext") == "2:00.0 of 2:00.0"


def test_a_click_seeks_and_a_dragged_part_becomes_the_excerpt(page: Page, pair: str) -> None:
    open_page(page, pair)
    player = the_player(page, "compare_player")
    page.keyboard.press("Escape")
    player.locator(".icon-whole").click()
    settle(page)  # pictures that arrive move what is below them
    picture = player.locator(".picture").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 20)
    assert ask(player, "player.position") == pytest.approx(30.0, abs=0.2)
    box = picture.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 25, steps=4)
    page.mouse.up()
    assert ask(player, "[player.region.start, player.region.stop]") == pytest.approx([60.0, 72.0], abs=0.3)
    player.locator(".icon-excerpt").click()
    settle(page)
    wait_until(page, player, "Math.abs(player.data.window[1] - player.data.window[0] - 12) < 0.5")
    assert_nothing_broke(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_window(page: Page, pair: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 400, "height": 800})
    open_page(page, pair)
    player = the_player(page, "compare_player")
    assert ask(player, "element.scrollWidth <= element.clientWidth")
    assert ask(player, "element.getBoundingClientRect().right") <= 400
    text, ground = ask(player, "[getComputedStyle(element).color, getComputedStyle(document.body).backgroundColor]")
    assert text != ground


@pytest.mark.slow
def test_one_player_pauses_another(server: Server, page: Page, filling: None) -> None:
    run = add_run([add_song("s", steady(3, 220.0))])
    outputs = [add_output(run, steady(20, frequency)) for frequency in (300.0, 400.0)]
    open_page(page, f"{server.url}/generate?run={run}")
    first, second = (the_player(page, f"play_{output}") for output in reversed(outputs))
    first.locator(".icon-play").click()
    wait_until(page, first, "player.transport.engine?.state === 'playing'")
    second.locator(".icon-play").click()
    wait_until(page, second, "player.transport.engine?.state === 'playing'")
    assert not ask(first, "player.transport.isPlaying")
    shared = "(player.transport.engine.context)"
    second.evaluate(f"element => {{ const {{player}} = element; window.context = {shared}; }}")
    assert ask(first, f"{shared} === window.context"), "there is one audio context"


SIX = """async addresses => {
    const {Engine} = await import("/player/engine.js");
    const context = new AudioContext({sampleRate: 44100});
    await context.resume();
    window.engine = new Engine(context);
    engine.setLanes(addresses.map((url, number) => (
        {id: String(number), url, content: url, grows: false, shift: 0, gain: 0})));
    engine.play(0);
    setInterval(() => engine.pump(), 100);
}"""


def tab_megabytes() -> float:
    """Resident memory of what sounds: the page's own process, and the browser's for sound. What all pages of a browser
    share (its window, its graphics) is left out."""
    sizes: dict[str, list[float]] = {"--type=renderer": [0.0], "--utility-sub-type=audio.mojom.AudioService": [0.0]}
    for each in psutil.Process(os.getpid()).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            for kind in sizes.keys() & set(each.cmdline()):
                sizes[kind].append(each.memory_info().rss / 1e6)
    return sum(map(max, sizes.values()))


@pytest.mark.slow
def test_six_lanes_of_five_minutes_take_less_than_600_megabytes(page: Page) -> None:
    from tests.browser.player_page import serving

    with serving() as sounds:
        noise = np.random.default_rng(5).uniform(-0.3, 0.3, (2, 300 * 44_100)).astype(np.float32)
        addresses = [sounds.add(f"{number}.wav", noise, 44_100) for number in range(6)]
        del noise
        page.goto(sounds.url)
        before, most = tab_megabytes(), 0.0
        page.evaluate(SIX, addresses)
        page.wait_for_function("engine.state === 'playing'")
        for step in range(45):  # half a minute of playing, and of jumping through all of it
            page.wait_for_timeout(600)
            if step % 3 == 2:
                page.evaluate("place => engine.seek(place * 44100)", (step * 37) % 290)
                page.evaluate("id => engine.choose(id)", str(step % 6))
            most = max(most, tab_megabytes())
        assert page.evaluate("engine.state") == "playing"
        assert before + 30 < most < 600, f"{most:.0f} MB, {before:.0f} MB before"
