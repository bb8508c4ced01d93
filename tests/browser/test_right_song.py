"""Two long songs with the same length and the same first, middle and last 64 KiB: each page plays its own song."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.driving import audio_bytes, open_page, pcm_of, widget

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.serving import Server

pytestmark = pytest.mark.browser

RATE, SECONDS = 44_100, 30


def _twin(path: Path, frequency: float) -> np.ndarray:
    """One second of silence, eight seconds of a tone, then silence until the end."""
    samples = np.zeros((RATE * SECONDS, 2), dtype="<i2")
    time = np.arange(8 * RATE) / RATE
    samples[RATE : 9 * RATE] = (9_000 * np.sin(2 * np.pi * frequency * time))[:, np.newaxis].astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return samples


def test_each_song_page_plays_its_own_sound(server: Server, page: Page, tmp_path: Path) -> None:
    made = {name: _twin(tmp_path / f"{name}.wav", frequency) for name, frequency in (("low", 220.0), ("high", 660.0))}
    open_page(page, f"{server.url}/songs")
    files = [str(tmp_path / f"{name}.wav") for name in made]
    widget(page, "song_upload").locator("input[type=file]").set_input_files(files)
    widget(page, "import_report").wait_for(timeout=120_000)
    heard = {}
    for name in made:
        open_page(page, f"{server.url}/songs")
        widget(page, "song_list").get_by_text(name, exact=True).first.click()
        page.wait_for_url("**song=song-**")
        heard[name] = pcm_of(audio_bytes(page, widget(page, "song_player")))
    for name, samples in made.items():
        np.testing.assert_array_equal(heard[name], samples, err_msg=f"{name}.wav plays something else")
