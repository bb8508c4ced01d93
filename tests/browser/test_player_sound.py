"""What the player sends to its output, rendered offline by its own engine in a real browser, sample by sample."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import signal

from musicgen.audio.ffmpeg import find_ffmpeg
from musicgen.audio.loudness import matching_gains, measure_loudness
from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform, float_to_pcm16, pcm16_to_float
from tests.browser.player_page import Sounds, render, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

RATE = 44_100


@pytest.fixture
def sounds() -> Iterator[Sounds]:
    with serving() as running:
        yield running


def tone(seconds: float, frequency: float, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def clicks(seconds: float, level: float, rate: int = RATE, every: float = 0.5, first: float = 0.1) -> np.ndarray:
    samples = np.zeros(round(seconds * rate), np.float32)
    samples[np.round(np.arange(first, seconds, every) * rate).astype(int)] = level
    return samples


def loudest_of_high(samples: np.ndarray, moments: list[float], rate: int = RATE, above: float = 5_000.0) -> float:
    """The largest sample, in dB of full scale, of what lies above `above` Hz within 20 ms of the moments."""
    high = signal.sosfiltfilt(signal.butter(4, above, "high", fs=rate, output="sos"), samples.astype(np.float64))
    near = [high[max(round((at - 0.02) * rate), 0) : round((at + 0.02) * rate)] for at in moments]
    return float(20 * np.log10(max(np.abs(each).max() for each in near) + 1e-12))


def test_a_file_sounds_as_it_is_over_the_joints_of_its_stretches(page: Page, sounds: Sounds) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, RATE * 13)).astype(np.float32)
    url = sounds.add("noise.wav", noise, RATE)
    steps = [{"at": 0, "play": 0}]
    heard, done = render(page, sounds, seconds=13, rate=RATE, lanes=[{"id": "a", "url": url}], steps=steps, channels=2)
    begin = round(done[0]["begins"] * RATE)
    stored = pcm16_to_float(float_to_pcm16(noise))
    np.testing.assert_allclose(heard[:, begin:], stored[:, : heard.shape[1] - begin], atol=1e-6)
    asked = [(first, last) for path, first, last in sounds.asked if path == url]
    assert max(last - first for first, last in asked) < 6 * RATE * 4, "long files are read by stretches"


@pytest.mark.parametrize(("own", "rate"), [(22_050, 48_000), (48_000, 22_050), (8_000, RATE)])
def test_another_sample_rate_is_resampled_without_a_seam(page: Page, sounds: Sounds, own: int, rate: int) -> None:
    url = sounds.add("tone.wav", tone(12, 997.0, own), own)
    steps = [{"at": 0, "play": 0}]
    heard, done = render(page, sounds, seconds=12, rate=rate, lanes=[{"id": "a", "url": url}], steps=steps)
    begin = round(done[0]["begins"] * rate)
    wanted = tone(12, 997.0, rate)[: heard.shape[1] - begin]
    differs = np.abs(heard[0, begin:] - wanted)[rate // 10 : -rate // 10]
    assert differs.max() < 1e-3  # −60 dB; a lost sample at a joint would be 0.05


def test_lanes_stay_together_over_a_minute_and_a_hundred_switches(page: Page, sounds: Sounds) -> None:
    levels = {"a": 0.9, "b": 0.6, "c": 0.3}
    rates = {"a": RATE, "b": 22_050, "c": 48_000}
    lanes = [
        {"id": name, "url": sounds.add(f"{name}.wav", clicks(62, level, rates[name]), rates[name])}
        for name, level in levels.items()
    ]
    order = ["bca"[number % 3] for number in range(100)]
    switches = [{"at": 0.4 + 0.6 * number, "choose": name} for number, name in enumerate(order)]
    steps = [{"at": 0, "play": 0}, *switches]
    (heard,), done = render(page, sounds, seconds=61, rate=RATE, lanes=lanes, steps=steps)
    assert [each["chosen"] for each in done[1:]] == order
    begin, seen = done[0]["begins"], set()
    for number in range(120):
        wanted = begin + 0.1 + 0.5 * number
        near = np.abs(heard[round((wanted - 0.05) * RATE) : round((wanted + 0.05) * RATE)])
        found = (round((wanted - 0.05) * RATE) + int(near.argmax())) / RATE
        assert near.max() > 0.05, f"no click at {wanted:.3f} s"
        assert abs(found - wanted) < 0.001, f"{(found - wanted) * 1000:.2f} ms late at {wanted:.1f} s"
        current = [each["chosen"] for each in done if each["at"] <= wanted - 0.02][-1]
        seen.add(current)
    assert seen == set(levels)


def test_a_switch_makes_no_click(page: Page, sounds: Sounds) -> None:
    lanes = [
        {"id": "a", "url": sounds.add("low.wav", tone(6, 220.0, level=0.7), RATE)},
        {"id": "b", "url": sounds.add("high.wav", tone(6, 331.0, level=0.7), RATE)},
    ]
    moments = [1.0 + 0.0371 * number for number in range(100)]
    steps = [{"at": 0, "play": 0}]
    steps += [{"at": at, "choose": "ba"[number % 2]} for number, at in enumerate(moments)]
    (heard,), done = render(page, sounds, seconds=5, rate=RATE, lanes=lanes, steps=steps)
    assert len({each["chosen"] for each in done}) == 2
    assert loudest_of_high(heard, moments) < -60
    hard = np.concatenate([tone(1, 220.0, level=0.7), tone(1, 331.0, level=0.7)[300:]])
    assert loudest_of_high(hard, [1.0]) > -40, "the measure hears a hard cut"
    steady = heard[round(1.5 * RATE) : round(4.5 * RATE)]
    power = np.convolve(steady**2, np.ones(441) / 441, "valid")
    assert power.min() > 0.5 * 0.7**2 / 2 * 0.5, "there is no hole between two lanes"


def test_a_switch_during_a_switch_waits_for_its_end(page: Page, sounds: Sounds) -> None:
    lanes = [
        {"id": name, "url": sounds.add(f"{name}.wav", tone(3, 220.0 + 50 * n), RATE)} for n, name in enumerate("abc")
    ]
    steps = [{"at": 0, "play": 0}, *({"at": 1.0, "choose": name} for name in "bcabc")]
    (heard,), _ = render(page, sounds, seconds=2, rate=RATE, lanes=lanes, steps=steps)
    assert loudest_of_high(heard, [1.0, 1.02, 1.04]) < -60


def test_seeking_is_exact(page: Page, sounds: Sounds) -> None:
    ramp = np.linspace(0.05, 0.95, RATE * 20, dtype=np.float32)  # the value tells the place
    lanes = [{"id": "a", "url": sounds.add("ramp.wav", ramp, RATE)}]
    places = [17.123, 3.5, 9.999]
    steps = [{"at": 0, "play": 0}] + [{"at": 1.0 + number, "seek": place} for number, place in enumerate(places)]
    (heard,), done = render(page, sounds, seconds=5, rate=RATE, lanes=lanes, steps=steps)
    for place, step in zip(places, done[1:], strict=True):
        later = 0.3
        value = heard[round((step["begins"] + later) * RATE)]
        assert abs((value - 0.05) / 0.9 * 20 - (place + later)) < 0.005
        assert step["begins"] - step["at"] < 0.1


def test_a_loop_repeats_exactly_and_without_a_click(page: Page, sounds: Sounds) -> None:
    train = clicks(10, 0.5, every=20, first=2.3)
    lanes = [{"id": "a", "url": sounds.add("loop.wav", train, RATE)}]
    steps = [{"at": 0, "loop": [2.1, 2.85]}, {"at": 0, "play": 2.1}]
    (heard,), done = render(page, sounds, seconds=9, rate=RATE, lanes=lanes, steps=steps)
    found = np.flatnonzero(heard > 0.25) / RATE - done[1]["begins"]
    wanted = 0.2 + 0.75 * np.arange(len(found))
    assert len(found) >= 11
    assert np.abs(found - wanted).max() < 0.005
    steady = [{"id": "a", "url": sounds.add("steady.wav", tone(10, 220.0), RATE)}]
    (heard,), done = render(page, sounds, seconds=4, rate=RATE, lanes=steady, steps=steps)
    joints = [done[1]["begins"] + 0.75 * number for number in range(1, 5)]
    assert loudest_of_high(heard, joints) < -60


def test_a_lane_may_begin_later_than_another(page: Page, sounds: Sounds) -> None:
    lanes = [
        {"id": "a", "url": sounds.add("whole.wav", clicks(8, 0.9), RATE)},
        {"id": "b", "url": sounds.add("part.wav", clicks(3, 0.4), RATE), "shift": 2.25},
    ]
    steps = [{"at": 0, "play": 0}, {"at": 0.5, "choose": "b"}]
    (heard,), done = render(page, sounds, seconds=5, rate=RATE, lanes=lanes, steps=steps)
    found = np.flatnonzero(heard[RATE:] > 0.2) / RATE + 1 - done[0]["begins"]
    np.testing.assert_allclose(found, 2.35 + 0.5 * np.arange(len(found)), atol=0.001)
    assert len(found) >= 5


def test_a_piece_that_is_still_being_made_goes_on(page: Page, sounds: Sounds) -> None:
    whole = tone(12, 313.0)
    first = sounds.add("draft1.wav", whole[: RATE * 2], RATE)
    second = sounds.add("draft2.wav", whole, RATE)
    lanes = [{"id": "a", "url": first, "grows": True}]
    steps = [{"at": 0, "play": 0}, {"at": 1.0, "lanes": [{"id": "a", "url": second, "grows": True}]}]
    (heard,), done = render(page, sounds, seconds=11, rate=RATE, lanes=lanes, steps=steps)
    begin = round(done[0]["begins"] * RATE)
    np.testing.assert_allclose(heard[begin:], whole[: len(heard) - begin], atol=1e-4)


def test_at_the_end_of_an_unfinished_piece_it_waits_for_more(page: Page, sounds: Sounds) -> None:
    whole = tone(6, 313.0)
    lanes = [{"id": "a", "url": sounds.add("draft1.wav", whole[:RATE], RATE), "grows": True}]
    more = [{"id": "a", "url": sounds.add("draft2.wav", whole, RATE), "grows": True}]
    steps = [{"at": 0, "play": 0}, {"at": 3.0, "lanes": more}]
    (heard,), done = render(page, sounds, seconds=5, rate=RATE, lanes=lanes, steps=steps)
    assert np.abs(heard[round(1.2 * RATE) : 3 * RATE]).max() == 0
    assert done[1]["state"] == "playing"
    begin = round(done[1]["begins"] * RATE)
    np.testing.assert_allclose(heard[begin + 300 :], whole[RATE + 300 : RATE + len(heard) - begin], atol=1e-4)


def ebur128(samples: np.ndarray, rate: int, folder: Path) -> float:
    """Integrated loudness in LUFS, by FFmpeg."""
    path = folder / "rendered.wav"
    path.write_bytes(wav_bytes(Waveform(samples.astype(np.float32), rate)))
    command = [str(find_ffmpeg()[0]), "-nostdin", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])


def test_lanes_twelve_decibels_apart_leave_the_player_equally_loud(page: Page, sounds: Sounds, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bright = signal.lfilter([1.0, -0.7], [1.0], rng.standard_normal((2, RATE * 6)))
    dull = signal.lfilter([0.1], [1.0, -0.95], rng.standard_normal((2, RATE * 6)))
    pieces = [Waveform((0.5 * bright / np.abs(bright).max()).astype(np.float32), RATE)]
    pieces += [Waveform((0.125 * dull / np.abs(dull).max()).astype(np.float32), RATE)]
    gains = matching_gains([measure_loudness(piece) for piece in pieces])
    lanes = [
        {"id": name, "url": sounds.add(f"{name}.wav", piece.samples, RATE), "gain": gain}
        for name, piece, gain in zip("ab", pieces, gains, strict=True)
    ]
    before = [ebur128(piece.samples, RATE, tmp_path) for piece in pieces]
    assert abs(before[0] - before[1]) > 6
    after = []
    for name in "ab":
        steps = [{"at": 0, "choose": name}, {"at": 0, "play": 0}]
        heard, _ = render(page, sounds, seconds=6, rate=RATE, lanes=lanes, steps=steps, channels=2)
        assert np.abs(heard).max() <= 1.0
        after.append(ebur128(heard[:, round(0.05 * RATE) :], RATE, tmp_path))
    assert abs(after[0] - after[1]) <= 0.3
