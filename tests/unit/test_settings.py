"""Settings come from the environment, and what is wrong with one is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen.errors import InvalidInput
from musicgen.settings import settings


def test_defaults_and_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_UPLOAD_MB", "SOUND_FONT", "MIN_AUDIO_SECONDS"):
        monkeypatch.delenv(f"MUSICGEN_{name}", raising=False)
    assert (settings().max_upload_mb, settings().sound_font, settings().min_audio_seconds) == (200, None, 0.5)
    monkeypatch.setenv("MUSICGEN_MAX_UPLOAD_MB", "7")
    monkeypatch.setenv("MUSICGEN_SOUND_FONT", "/fonts/a.sf2")
    monkeypatch.setenv("musicgen_min_audio_seconds", "0.25")
    monkeypatch.setenv("MUSICGEN_NO_SUCH_SETTING", "x")
    found = settings()
    assert (found.max_upload_mb, found.sound_font, found.min_audio_seconds) == (7, Path("/fonts/a.sf2"), 0.25)


@pytest.mark.parametrize(
    ("name", "text"),
    [("MAX_UPLOAD_MB", "0"), ("MAX_UPLOAD_MB", "many"), ("MAX_AUDIO_SECONDS", "0"), ("MAX_MIDI_SECONDS", "nan")],
)
def test_an_impossible_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"MUSICGEN_{name}", text)
    with pytest.raises(InvalidInput, match=f"MUSICGEN_{name} must be a.*Received: '{text}'"):
        settings()
