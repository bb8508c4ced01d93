"""Notes of a score are lit when they sound: the clock of the sound beside the moments at which their class changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicgen.clips import write_score_clip
from musicgen.clips.sheets import TIMEMAP, ensure_pages
from musicgen.symbolic.score import Score, Track, make_notes
from tests.browser.player_page import Sounds, serving
from tests.browser.test_player_view import lane, mount

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATE = 22_050
N_NOTES, EVERY = 60, 0.25  # seconds from one note to the next
LIMIT = 0.02  # seconds
# When each click leaves the player (seconds of the sound's clock), and what is heard at the moment a note is lit.
WATCH = """async () => {
    const code = `registerProcessor("clicks", class extends AudioWorkletProcessor {
        constructor() { super(); this.quiet = 1e9; }
        process([input]) {
            const samples = input[0];
            for (let i = 0; i < 128; i += 1) {
                const isLoud = samples && Math.abs(samples[i]) > 0.02;
                if (isLoud && this.quiet > 0.05 * sampleRate) this.port.postMessage((currentFrame + i) / sampleRate);
                this.quiet = isLoud ? 0 : this.quiet + 1;
            }
            return true;
        }
    });`;
    const {engine} = player.transport, {context} = engine;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
    const node = new AudioWorkletNode(context, "clicks");
    engine.master.connect(node);
    window.clicks = []; window.lit = [];
    node.port.onmessage = ({data}) => clicks.push(data);
    new MutationObserver(changes => {
        const {contextTime, performanceTime} = context.getOutputTimestamp();
        const heard = contextTime > 0 ? contextTime + (performance.now() - performanceTime) / 1000
            : context.currentTime - (context.outputLatency || 0);
        for (const {target, oldValue} of changes) {
            if (target.classList.contains("lit") && !/\\blit\\b/.test(oldValue ?? "")) lit.push([target.id, heard]);
        }
    }).observe(document.querySelector(".sheet"), {subtree: true, attributes: true, attributeOldValue: true,
        attributeFilter: ["class"]});
}"""


@pytest.fixture
def sounds() -> Iterator[Sounds]:
    with serving() as running:
        yield running


def click_train() -> np.ndarray:
    """A burst of 10 ms at each onset."""
    samples = np.zeros(round((N_NOTES * EVERY + 1) * RATE))
    burst = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(round(0.01 * RATE)) / RATE + 1)
    for number in range(N_NOTES):
        first = round(number * EVERY * RATE)
        samples[first : first + burst.size] = burst
    return samples


def test_the_lit_note_is_within_20_ms_of_the_sound(page: Page, sounds: Sounds, tmp_path: Path) -> None:
    pitch = 60 + np.arange(N_NOTES) % 12
    notes = make_notes(np.arange(N_NOTES) * 240, 240, pitch, 80, np.zeros(N_NOTES, int))
    sheet = ensure_pages(write_score_clip(tmp_path / "clip", Score(notes, 480, (Track("Piano"),))), None)
    pages = []
    for each in sheet.pages:
        assert each.path is not None
        sounds.files[f"/page{each.number}.svg"] = each.path.read_bytes()
        pages.append({"url": f"/page{each.number}.svg", "width": each.width, "height": each.height})
    sounds.files["/timemap.json"] = (sheet.folder / TIMEMAP).read_bytes()
    begins = {note: moment["seconds"] for moment in sheet.timemap() for note in moment.get("on") or ()}
    assert sorted(begins.values()) == pytest.approx([number * EVERY for number in range(N_NOTES)], abs=1e-3)
    piece = lane(sounds, "a", score={"pages": pages, "timemap": "/timemap.json"}, picture="score")
    piece["sound"] |= {"url": sounds.add("clicks.wav", click_train(), RATE), "content": "clicks"}
    piece["seconds"] = N_NOTES * EVERY + 1
    mount(page, sounds, [piece])
    page.wait_for_function("document.querySelector('.sheet svg')")
    page.locator(".icon-play").click()
    page.wait_for_function("player.transport.engine?.state === 'playing'")
    page.evaluate(WATCH)
    page.wait_for_function("!player.transport.isPlaying", timeout=60_000)
    clicks, lit = page.evaluate("[clicks, lit]")
    assert len(lit) > 0.8 * N_NOTES
    missed = N_NOTES - len(clicks)  # those before anybody listened
    began = np.median(np.asarray(clicks) - (missed + np.arange(len(clicks))) * EVERY)
    late = [1000 * (heard - began - begins[note]) for note, heard in lit]
    print(f"{len(lit)} notes lit: median {np.median(late):.1f} ms late, from {min(late):.1f} to {max(late):.1f} ms")
    assert abs(np.median(late)) < 1000 * LIMIT
    assert np.quantile(np.abs(late), 0.9) < 1000 * LIMIT
