"""The report opens from disk without a network, plays, and shows what the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.comparison.report import report_bytes, write_report
from tests.app.stored_work import NASTY, add_output, add_run, add_song
from tests.browser.driving import open_page, press, widget

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

RATE = 22_050
MEGABYTES = 1_000_000
# The loudest sample of what leaves the player, over a tenth of a second.
LOUDEST = """async () => {
    const {engine} = document.querySelector(".player").player.transport;
    const analyser = new AnalyserNode(engine.context, {fftSize: 4096});
    engine.master.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let most = 0;
    for (let i = 0; i < 5; i += 1) {
        await new Promise(resolve => setTimeout(resolve, 100));
        analyser.getFloatTimeDomainData(samples);
        most = Math.max(most, ...samples.map(Math.abs));
    }
    engine.master.disconnect(analyser);
    return most;
}"""
# Where the first click of a lane is, in seconds of the lane, in the sound that the player has.
FIRST_CLICK = """async id => {
    const {sound} = document.querySelector(".player").player.data.lanes.find(lane => lane.id === id);
    const view = new DataView(await (await fetch(sound.url)).arrayBuffer());
    const [channels, rate] = [view.getUint16(22, true), view.getUint32(24, true)];
    for (let i = 44; i < view.byteLength; i += 2 * channels) {
        if (Math.abs(view.getInt16(i, true)) > 8000) {
            return [(i - 44) / 2 / channels / rate, (view.byteLength - 44) / 2 / channels];
        }
    }
    return null;
}"""


def clicks(seconds: float, *, first: float, rate: int = RATE, channels: int = 1) -> Waveform:
    """A decaying tone every half second from `first` on."""
    moment = np.arange(round(seconds * rate)) / rate
    since = (moment - first) % 0.5
    samples = np.where(moment >= first, 0.7 * np.sin(2 * np.pi * 600 * since) * np.exp(-12 * since), 0.0)
    return Waveform(np.tile(samples.astype(np.float32), (channels, 1)), rate)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICGEN_HOME", str(tmp_path / "library"))
    (tmp_path / "library").mkdir()


def opened(browser: Browser, path: Path) -> tuple[Page, list[str]]:
    """The report in a browser without a network, and everything that it asked for or complained about."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page, told = context.new_page(), []
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    inside = ("blob:", "data:", path.as_uri())
    page.on("request", lambda request: None if request.url.startswith(inside) else told.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path.as_uri())
    page.locator("#player[data-state=ready]").wait_for(timeout=60_000)
    return page, told


def ask(page: Page, what: str) -> Any:
    return page.locator(".player").evaluate(f"element => {{ const {{player}} = element; return {what}; }}")


def test_it_plays_from_disk_without_a_network(browser: Browser, tmp_path: Path, library: None) -> None:
    song = add_song(NASTY, clicks(6, first=0.25))
    output = add_output(add_run([song]), clicks(6, first=0.4, channels=2), name=NASTY)
    path = tmp_path / "report.html"
    write_report(song, output, path)
    page, told = opened(browser, path)
    page.locator(".icon-play").click()
    for lane in (1, 2):
        page.keyboard.press(str(lane))
        assert ask(page, "player.heard") == ("reference", "generated")[lane - 1]
        assert page.evaluate(LOUDEST) > 0.1, "it sounds"
    began = ask(page, "[player.position, player.transport.engine.context.currentTime]")
    page.wait_for_timeout(700)
    ended = ask(page, "[player.position, player.transport.engine.context.currentTime]")
    assert ended[0] - began[0] > 0.4, "the clock advances"
    assert ended[0] - began[0] == pytest.approx(ended[1] - began[1], abs=0.06)
    for lane, first in (("reference", 0.25), ("generated", 0.4)):
        at, length = page.evaluate(FIRST_CLICK, lane)
        assert at == pytest.approx(first, abs=0.005), "compressing moved nothing"
        assert length == 6 * RATE
    same = page.locator("#same-loudness")
    if same.count():
        same.check()
    assert page.evaluate("window.__x") is None
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()


def test_its_pictures_are_drawn_in_the_colours_of_the_theme(browser: Browser, tmp_path: Path, library: None) -> None:
    song = add_song("A song", clicks(4, first=0.1))
    path = tmp_path / "report.html"
    write_report(song, add_output(add_run([song]), clicks(4, first=0.1)), path)
    page, _ = opened(browser, path)
    counted = """element => {
        const [canvas] = [...element.querySelectorAll(".lane canvas")].slice(-1);
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4) found += data[i] === %d && data[i + 1] === %d && data[i + 2] === %d;
        return found;
    }"""
    for theme, colour in (("light", (0x5B, 0x4B, 0xDB)), ("dark", (0x6F, 0x60, 0xEC))):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_timeout(300)
        assert page.locator(".player").evaluate(counted % colour) > 300, theme
    page.context.close()


@pytest.mark.slow
def test_the_page_and_the_command_line_give_the_same_report(
    server: Server, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSICGEN_HOME", str(server.home))
    song = add_song("A song", clicks(4, first=0.1))
    output = add_output(add_run([song]), clicks(4, first=0.2), name="Made")
    open_page(page, f"{server.url}/compare?reference={song}&generated={output}")
    widget(page, "compare_metrics").locator("table").first.wait_for(timeout=90_000)
    with page.expect_download(timeout=90_000) as download:
        press(page, "download_report")
    assert download.value.suggested_filename == "Made report.html"
    made = report_bytes(song, output, excerpts=((0.0, 4.0), (0.0, 4.0)))
    assert download.value.path().read_bytes() == made
    with page.expect_download() as picture:
        widget(page, "compare_player").locator(".icon-picture").click()
    assert picture.value.suggested_filename == "picture.png"
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_two_pieces_of_five_minutes_fit_into_ten_megabytes(browser: Browser, tmp_path: Path, library: None) -> None:
    rng = np.random.default_rng(0)

    def busy() -> Waveform:
        noise = 0.1 * rng.standard_normal((2, 300 * 44_100)).astype(np.float32)
        return Waveform(np.clip(clicks(300, first=0.0, rate=44_100, channels=2).samples * 0.5 + noise, -1, 1), 44_100)

    song = add_song("A long song", busy())
    output = add_output(add_run([song]), busy())
    path = tmp_path / "report.html"
    size = write_report(song, output, path)
    assert size == path.stat().st_size <= 10 * MEGABYTES
    page, told = opened(browser, path)
    page.locator(".icon-play").click()
    assert page.evaluate(LOUDEST) > 0.1
    assert ask(page, "player.whole.stop") == 300
    assert told == []
    page.context.close()
