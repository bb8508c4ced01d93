"""A blind test in a real browser: nothing that the browser receives tells which excerpt is which, and the keyboard is
enough."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.listening.material import BlindOrder
from musicgen.listening.records import get_test, start_test
from musicgen.runs.api import get_output
from musicgen.songs.library import get_song
from pages.blind.round_view import SLIP_SECONDS
from tests.app.stored_work import add_output, add_run, add_song
from tests.browser.driving import assert_nothing_broke, open_page, pcm_of, settle, widget

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

ROUNDS = 10
HEADER = 130


def noise(seconds: float, *, rate: int, level: float, channels: int, seed: int) -> Waveform:
    samples = np.random.default_rng(seed).normal(0, level, (channels, round(seconds * rate)))
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), rate)


@pytest.fixture
def output(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A loud stereo song, and a soft mono output of another sample rate, in the server's storage."""
    monkeypatch.setenv("MUSICGEN_HOME", str(server.home))
    song = add_song("Telling name of the song", noise(60, rate=16_000, level=0.2, channels=2, seed=1))
    piece = noise(60, rate=8000, level=0.01, channels=1, seed=2)
    return add_output(add_run([song], name="Telling name of the run"), piece, name="Telling name of the output")


class Ear:
    """Everything that the browser receives: messages of the web socket, answers by HTTP, and when they came."""

    def __init__(self, page: Page) -> None:
        self.frames: list[bytes] = []
        self.answers: list[Any] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._hear))
        page.on("response", lambda answer: self.answers.append(answer))

    def _hear(self, frame: str | bytes) -> None:
        self.frames.append(frame.encode() if isinstance(frame, str) else frame)

    def media(self) -> list[Any]:
        return [each for each in self.answers if "/media/" in each.url]


def telling(output: str) -> list[bytes]:
    """Texts and bytes that would give a side away."""
    (song,) = get_output(output).sidecar["songs"]
    hashes = [get_output(output).clip.facts["sha256"], get_song(song["id"]).clip.facts["sha256"]]
    texts = [output, song["id"], get_output(output).run_id, "Telling name", *hashes]
    return [*(text.encode() for text in texts), *(bytes.fromhex(each) for each in hashes)]


def press_key(page: Page, key: str, number: int) -> None:
    """Answer a round by the keyboard, not sooner than a second press for the round before is ignored."""
    settle(page)
    page.locator(f".st-key-blind_choose_{key}-{number} button").wait_for()
    page.wait_for_timeout(1000 * SLIP_SECONDS + 100)
    page.keyboard.press(key)


def players(page: Page) -> list[str]:
    """The addresses of the sounds, once the page is drawn."""
    for place in "ab":
        widget(page, f"blind_play_{place}").locator("audio").wait_for(state="attached")
    settle(page)
    return [str(widget(page, f"blind_play_{place}").locator("audio").get_attribute("src")) for place in "ab"]


def test_nothing_that_the_browser_receives_tells_which_is_which(server: Server, page: Page, output: str) -> None:
    test_id = start_test(BlindOrder(output, n_rounds=ROUNDS, seconds=1.0))
    ear = Ear(page)
    open_page(page, f"{server.url}/blind?test={test_id}")
    received: list[tuple[bytes, bytes]] = []
    heads: list[tuple[Any, ...]] = []
    addresses: set[str] = set()
    for number in range(1, ROUNDS + 1):
        page.get_by_text(f"Round {number} of {ROUNDS}").wait_for()
        page.locator(f".st-key-blind_choose_b-{number} button").wait_for()
        sources = players(page)
        assert not addresses & set(sources), "an address comes back"
        addresses |= set(sources)
        got = [
            page.request.get(page.evaluate("source => new URL(source, location.href).href", each)) for each in sources
        ]
        received.append((got[0].body(), got[1].body()))
        kept = [{name: value for name, value in each.headers.items() if name not in ("etag", "date")} for each in got]
        heads.append(tuple(kept))
        assert kept[0] == kept[1], "the answers differ in more than their content"
        press_key(page, "a", number)
    page.locator(".st-key-blind_result").wait_for()
    page.locator(".st-key-blind_rounds_table").wait_for()
    settle(page)
    frames = b"\n".join(ear.frames)
    before_the_result = frames[: frames.index(b"Which was which")]
    assert len(before_the_result) > 10_000
    # The result is told in one message; the messages before it are those of the rounds.
    rounds = [frame for frame in ear.frames if b"Telling name" not in frame]
    assert len(rounds) < len(ear.frames), "the search below could find nothing"
    first_telling = next(index for index, frame in enumerate(ear.frames) if b"Telling name" in frame)
    last_round = max(index for index, frame in enumerate(ear.frames) if f"Round {ROUNDS} of".encode() in frame)
    assert last_round < first_telling
    for text in telling(output):
        assert not [frame for frame in ear.frames[: last_round + 1] if text in frame], text
        assert not [sound for pair in received for sound in pair if text in sound], text
        assert not [each.url for each in ear.answers if text.decode("latin-1") in each.url], text

    test = get_test(test_id)
    assert test.answers == ("a",) * ROUNDS
    assert_alike(received, [one["right"] for one in test.unsealed()])
    assert_nothing_broke(page)
    assert server.resident_mb() < 300


def assert_alike(received: list[tuple[bytes, bytes]], right: list[str]) -> None:
    """Originals and generated excerpts have one length, header, level and format, and no content comes twice."""
    every = [sound for pair in received for sound in pair]
    assert len({len(sound) for sound in every}) == 1
    stamps = [re.findall(rb"ICMT....([0-9a-f]{64})", sound[:HEADER], re.DOTALL)[0] for sound in every]
    assert len(set(stamps)) == len(every)
    assert len({sound[:HEADER].replace(stamp, b"") for sound, stamp in zip(every, stamps, strict=True)}) == 1
    assert len({sound[HEADER:] for sound in every}) == len(every)
    levels: dict[bool, list[float]] = {True: [], False: []}
    for pair, answer in zip(received, right, strict=True):
        for place, sound in zip("ab", pair, strict=True):
            samples = pcm_of(sound).astype(float)
            levels[place == answer].append(10 * np.log10(np.mean(samples**2)))
    assert len(levels[True]) == len(levels[False]) == ROUNDS
    assert np.mean(levels[True]) == pytest.approx(np.mean(levels[False]), abs=0.5)  # noise: here RMS and loudness agree


def test_the_keyboard_alone_suffices_and_a_reload_goes_on(server: Server, page: Page, output: str) -> None:
    open_page(page, f"{server.url}/blind?generated={output}")
    widget(page, "blind_rounds").locator("input[type=range]").focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(600)  # a slider reports where it is when it rests
    settle(page)
    widget(page, "blind_start").locator("button").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Round 1 of 10").wait_for(timeout=90_000)
    assert "generated" not in page.url
    assert "test=test-" in page.url
    players(page)
    for number, key in enumerate("abba", 1):
        press_key(page, key, number)
        page.get_by_text(f"Round {number + 1} of 10").wait_for()
    page.reload()
    page.get_by_text("Round 5 of 10").wait_for()
    test = get_test(page.url.split("test=")[1].split("&")[0])
    assert test.answers == tuple("abba")
    assert_nothing_broke(page)
