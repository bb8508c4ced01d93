"""What a browser draws a clip's pictures from: complete, small, made once, also for clips that had none before."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.clips import pictures as made
from musicgen.clips.pictures import ensure_pictures, missing_pictures, pack, picture_files, unpack
from tests.makers_midi import four_part_score

RATE = 8_000


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, (2, RATE * 20)).astype(np.float32)
    noise[0, 12_345] = -0.9
    noise[1, 99_999] = 0.8
    return write_audio_clip(tmp_path / "clip", Waveform(noise, RATE))


def read(clip: Clip, name: str) -> tuple[dict, dict[str, np.ndarray]]:
    return unpack(Path(picture_files(clip)[name]).read_bytes())


def test_what_is_packed_comes_out_again() -> None:
    arrays = {
        "a": np.arange(7, dtype=np.uint8),
        "b": np.arange(12, dtype=np.int16).reshape(3, 4),
        "c": np.array([0.5, -1.0], np.float32),
        "none": np.zeros((2, 0), np.int16),
    }
    content = pack({"bucket": 512}, arrays)
    facts, found = unpack(content)
    assert facts["bucket"] == 512
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    other = pack({"bucket": 512}, arrays | {"a": arrays["a"][::-1]})
    assert unpack(other)[0]["sha256"] != facts["sha256"], "Streamlit must be able to tell large ones apart"


def test_a_browser_cannot_read_doubles() -> None:
    with pytest.raises(TypeError, match="float64"):
        pack({}, {"x": np.zeros(3)})


def test_the_waveform_keeps_every_peak(clip: Clip) -> None:
    facts, arrays = read(clip, "waveform")
    assert arrays["low"][0, 12_345 // facts["bucket"]] == round(-0.9 * 32_767)
    assert arrays["high"][1, 99_999 // facts["bucket"]] == round(0.8 * 32_767)
    assert facts["sample_rate"] == RATE


def test_the_spectrogram_is_the_stored_one(clip: Clip) -> None:
    facts, arrays = read(clip, "spectrogram")
    assert arrays["level"].dtype == np.uint8
    assert arrays["level"].shape[1] * facts["column_seconds"] == pytest.approx(20.0, rel=0.02)


def test_five_minutes_of_stereo_take_less_than_a_megabyte_and_a_half(tmp_path: Path) -> None:
    blocks = (np.random.default_rng(n).uniform(-0.5, 0.5, (2, 44_100)).astype(np.float32) for n in range(300))
    clip = write_audio_clip(tmp_path / "long", blocks, 44_100)
    assert sum(Path(path).stat().st_size for path in picture_files(clip).values()) < 1_500_000


def test_the_notes_of_a_score(tmp_path: Path) -> None:
    clip = write_score_clip(tmp_path / "score", four_part_score())
    _, arrays = read(clip, "roll")
    roll = clip.roll()
    np.testing.assert_array_equal(arrays["pitch"], roll.pitch)
    np.testing.assert_array_equal(arrays["track"], roll.track)
    np.testing.assert_allclose(arrays["onset"], roll.onset, rtol=1e-6)
    assert missing_pictures(clip) == []


def test_an_older_clip_gets_its_pictures_once(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: Path(path).read_bytes() for name, path in picture_files(clip).items()}
    shutil.rmtree(clip.folder / "pictures")
    assert picture_files(clip) == {}
    assert missing_pictures(clip) == ["waveform", "spectrogram"]
    ensure_pictures(clip)
    assert {name: Path(path).read_bytes() for name, path in picture_files(clip).items()} == before
    monkeypatch.setattr(made, "run_child", lambda *_, **__: pytest.fail("made again"))
    ensure_pictures(clip)


def test_a_draft_has_a_waveform_and_lacks_nothing(tmp_path: Path) -> None:
    clip = write_audio_clip(tmp_path / "draft", Waveform(np.zeros((1, 4_000), np.float32), RATE), is_draft=True)
    assert list(picture_files(clip)) == ["waveform"]
    assert missing_pictures(clip) == []
