"""The whole workflow in a real browser: a song → training → generation → comparison, for MIDI and for audio."""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.driving import (
    SLOW,
    assert_nothing_broke,
    audio_bytes,
    choose,
    enter_number,
    open_page,
    pcm_of,
    press,
    settle,
    widget,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser


def _stereo_mp3(folder: Path, seconds: float = 6.0) -> Path:
    """A melody of three tones, as a stereo mp3."""
    import soundfile

    rate = 22_050
    time = np.arange(int(rate * seconds)) / rate
    pitch = np.choose((time * 2).astype(int) % 3, [220.0, 277.2, 329.6])
    tone = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / rate)
    soundfile.write(folder / "tune.mp3", np.stack([tone, 0.7 * tone], axis=1), rate)
    return folder / "tune.mp3"


def _start_training(page: Page, server: Server, approach: str, epochs: int) -> None:
    open_page(page, f"{server.url}/train")
    choose(page, "approach", approach)
    choose(page, "preset", "Quick")
    enter_number(page, "training.epochs", epochs)
    page.locator(".st-key-train_start button:not([disabled])").wait_for(timeout=60_000)
    press(page, "train_start")
    page.wait_for_url("**/runs?*run=run-**", timeout=30_000)
    page.locator(".st-key-run_status", has_text="finished").wait_for(timeout=SLOW)
    assert_nothing_broke(page)


def _generate(page: Page, server: Server) -> bytes:
    """From the page of the run to its first output; returns what its player plays."""
    press(page, "run_generate_next")
    page.wait_for_url("**/generate?**")
    settle(page)
    press(page, "generate_start")
    page.locator("[class*=st-key-play_output-] .icon-play:not([disabled])").first.wait_for(timeout=SLOW)
    assert_nothing_broke(page)
    return audio_bytes(page, page.locator("[class*=st-key-play_output-]").first)


def _stored_output(server: Server) -> Path:
    (folder,) = [path for path in (server.home / "outputs").iterdir() if path.name.startswith("output-")]
    return folder


def _assert_heard(heard: bytes, stored: Path) -> None:
    assert hashlib.sha256(heard).digest() == hashlib.sha256(stored.read_bytes()).digest(), (
        "the player plays something else"
    )
    level = np.sqrt(np.mean(np.square(pcm_of(heard).astype(np.float64)))) / 32_767
    assert 20 * np.log10(level + 1e-12) > -60, "the output is silent"


def _compare(page: Page, server: Server, output: Path) -> None:
    """Both lanes of the Compare page have sound, not the same one, and the table of measurements is there."""
    open_page(page, f"{server.url}/compare?generated={output.name}")
    room = widget(page, "compare_player")
    sides = [pcm_of(audio_bytes(page, room, number=number)) for number in range(2)]
    assert all(np.abs(side.astype(int)).max() > 300 for side in sides)
    assert sides[0].shape != sides[1].shape or not np.array_equal(*sides)
    widget(page, "compare_metrics").locator("table").first.wait_for(timeout=90_000)
    assert_nothing_broke(page)


def test_from_a_sample_to_generated_notes(server: Server, page: Page) -> None:
    open_page(page, f"{server.url}/songs")
    press(page, "sample_add")
    widget(page, "import_report").wait_for(timeout=120_000)
    _start_training(page, server, "Note LSTM", epochs=2)
    heard = _generate(page, server)
    output = _stored_output(server)
    _assert_heard(heard, output / "audio.wav")
    assert (output / "score.mid").read_bytes().startswith(b"MThd")
    _compare(page, server, output)
    assert server.resident_mb() < 300


@pytest.mark.slow
def test_from_my_own_song_to_generated_sound(server: Server, page: Page, tmp_path: Path) -> None:
    song = _stereo_mp3(tmp_path)
    open_page(page, f"{server.url}/songs")
    widget(page, "song_upload").locator("input[type=file]").set_input_files(str(song))
    widget(page, "import_report").wait_for(timeout=120_000)
    _start_training(page, server, "Amplitude LSTM", epochs=1)
    heard = _generate(page, server)
    output = _stored_output(server)
    _assert_heard(heard, output / "audio.wav")
    with wave.open(str(output / "audio.wav")) as file:
        assert file.getsampwidth() == 2
    _compare(page, server, output)
    assert server.resident_mb() < 300


def test_the_run_outlives_the_server(server: Server, page: Page, tmp_path: Path) -> None:
    from tests.browser.serving import start_server, stop_everything_in

    song = _stereo_mp3(tmp_path)
    environment_home = server.home
    open_page(page, f"{server.url}/songs")
    widget(page, "song_upload").locator("input[type=file]").set_input_files(str(song))
    widget(page, "import_report").wait_for(timeout=120_000)
    open_page(page, f"{server.url}/train")
    choose(page, "approach", "Amplitude LSTM")
    enter_number(page, "training.epochs", 3)
    page.locator(".st-key-train_start button:not([disabled])").wait_for(timeout=60_000)
    press(page, "train_start")
    page.wait_for_url("**/runs?*run=run-**", timeout=30_000)
    address = page.url.split("/runs", 1)[1]
    server.process.kill()
    server.process.wait()
    again = start_server(environment_home)
    try:
        open_page(page, f"{again.url}/runs{address}")
        page.locator(".st-key-run_status", has_text="finished").wait_for(timeout=SLOW)
        rows = (next(environment_home.glob("runs/run-*")) / "history.jsonl").read_text().splitlines()
        assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3]
    finally:
        again.process.kill()
        again.process.wait()
        stop_everything_in(environment_home)
