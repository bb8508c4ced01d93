"""Real blind tests, made by the function of the child, once in a process of its own: what is on the disk gives nothing
away, and the excerpts are what they should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicgen.audio.levels import peak_db
from musicgen.audio.loudness import measure_loudness
from musicgen.audio.wav import HEADER_BYTES, read_wav, wav_info
from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput, MusicgenError, WrongState
from musicgen.listening import rounds
from musicgen.listening.finishing import anonymous_wav
from musicgen.listening.material import BlindOrder, find_material
from musicgen.listening.records import BlindTest, get_test, sound_path, start_test
from musicgen.symbolic.score import Score, TempoChange, Track, make_notes
from tests.app.stored_work import add_output, add_run, add_song

pytestmark = [pytest.mark.record(slow=True), pytest.mark.usefixtures("quick_children")]

LEAD = 0.05  # seconds before the first note of an excerpt of notes


def sweep(seconds: float, *, rate: int = 8000, level: float = 0.3, low: float = 200.0, channels: int = 1) -> Waveform:
    """A tone that rises by 10 Hz a second: its frequency tells the time."""
    time = np.arange(round(seconds * rate)) / rate
    samples = level * np.sin(2 * np.pi * (low * time + 5.0 * time**2))
    return Waveform(np.repeat(samples[None], channels, axis=0).astype(np.float32), rate)


def scale(
    n_notes: int = 200, *, program: int = 0, velocity: int | None = 64, tempo: float = 120.0, low: int = 48
) -> Score:
    """Quarter notes going up and down; `velocity` None: another one for each note."""
    pitch = low + np.abs(np.arange(n_notes) % 48 - 24)
    loud = velocity if velocity is not None else 30 + np.arange(n_notes) * 37 % 90
    notes = make_notes(np.arange(n_notes) * 480, 440, pitch, loud)
    return Score(notes, 480, (Track("Solo", program),), tempos=(TempoChange(0, tempo),))


def sealed(test: BlindTest) -> list[dict[str, Any]]:
    return list(test.sealed["rounds"])


def made(output_id: str, **more: Any) -> BlindTest:
    return get_test(start_test(BlindOrder(output_id, **{"n_rounds": 10, "seconds": 2.0, **more})))


def planned(output_id: str, **more: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """The rounds and whose excerpts overlap, without sound: in this process."""
    order = BlindOrder(output_id, **{"n_rounds": 10, "seconds": 2.0, **more})
    payload = {**asdict(order), **asdict(find_material(order)), "folder": ""}
    plan = rounds.plan_rounds(payload, np.random.default_rng())
    return rounds.describe(plan), plan.shared


def files(test: BlindTest) -> dict[tuple[int, str], Path]:
    numbers = range(1, test.n_rounds + 1)
    return {(number, place): sound_path(test, number, place) for number in numbers for place in test.positions}


def sides(test: BlindTest) -> tuple[list[Path], list[Path]]:
    """Files of originals, files of generated ones."""
    found = files(test)
    right = [found[number, one["right"]] for number, one in enumerate(sealed(test), 1)]
    return right, [path for path in found.values() if path not in right]


@pytest.fixture
def audio(home: Path) -> tuple[str, str]:
    """A song in stereo at 16 kHz, and a soft output in mono at 8 kHz: (song, output)."""
    song = add_song("The original", sweep(60, rate=16_000, level=0.6, channels=2))
    output = add_output(add_run([song]), sweep(40, level=0.02, low=900.0), name="The piece")
    return song, output


@pytest.mark.real_children
def test_files_are_alike_and_equally_loud(audio: tuple[str, str]) -> None:
    test = made(audio[1])
    found = list(files(test).values())
    assert len(found) == 20
    assert {path.stat().st_size for path in found} == {HEADER_BYTES + 2 * 2 * 8000}
    stamps = [wav_info(path).stamp for path in found]
    heads = {
        path.read_bytes()[:HEADER_BYTES].replace(stamp.encode(), b"") for path, stamp in zip(found, stamps, strict=True)
    }
    assert len(heads) == 1, "the headers differ in more than the stamp"
    assert len(set(stamps)) == 20
    levels = [measure_loudness(read_wav(path)).lufs for path in found]
    assert max(levels) - min(levels) < 0.3
    assert max(peak_db(read_wav(path)) for path in found) <= -0.9
    for path in found:
        ends = np.abs(read_wav(path).samples[:, [0, -1]])
        assert ends.max() < 1e-3, "no fade"
    original, generated = ([measure_loudness(read_wav(path)).lufs for path in side] for side in sides(test))
    assert np.mean(original) == pytest.approx(np.mean(generated), abs=0.1)
    assert [each for each in test.facts["levelled"] if "8 kHz" in each]
    assert [each for each in test.facts["levelled"] if "mono" in each]


def noise(seconds: float, *, rate: int, level: float, channels: int, offset: float, seed: int) -> Waveform:
    """Noise that two channels have in common, with a constant offset."""
    samples = np.random.default_rng(seed).normal(offset, level, (1, round(seconds * rate)))
    return Waveform(np.repeat(np.clip(samples, -1, 1), channels, axis=0).astype(np.float32), rate)


def features(sound: Waveform) -> dict[str, float]:
    """What a machine would look at first to tell two kinds of files apart."""
    samples = sound.to_mono().samples[0].astype(np.float64)
    power = np.abs(np.fft.rfft(samples)) ** 2
    size = power.size
    return {
        "offset": float(samples.mean()),
        "level": float(samples.std()),
        "peak": float(np.abs(samples).max()),
        "lowest": float(power[1 : size // 50].sum() / power.sum()),
        "highest": float(power[size * 92 // 100 :].sum() / power.sum()),
        "centre": float((power * np.arange(size)).sum() / power.sum()),
        "begins": float(np.abs(samples[:100]).mean()),
        "ends": float(np.abs(samples[-100:]).mean()),
        "last bit": float((np.rint(samples * 32_767) % 2).mean()),
    }


def test_the_same_kind_of_music_cannot_be_told_apart_by_any_number(home: Path) -> None:
    """Both sides are noise, so nothing but their making could tell them apart: level, offset, sample rate, channels.

    For each number: how often it is higher in an original than in a generated excerpt; by chance, in half of the pairs.
    The seed is fixed, so the outcome is too."""
    song = add_song("The original", noise(80, rate=16_000, level=0.2, channels=2, offset=0.05, seed=1))
    output = add_output(add_run([song]), noise(80, rate=8000, level=0.01, channels=1, offset=-0.002, seed=2))
    order = BlindOrder(output, n_rounds=25, seconds=2.0)
    rng = np.random.default_rng(5)
    plan = rounds.plan_rounds({**asdict(order), **asdict(find_material(order)), "folder": ""}, rng)
    made, _ = rounds.sounds_of(plan)
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for number, (one, sides) in enumerate(zip(plan.rounds, batched_pairs(made), strict=True)):
        for place, sound in zip("ab", sides, strict=True):
            path = home / f"{number}{place}.wav"
            path.write_bytes(anonymous_wav(sound, rng))
            found[place == one.right].append(features(read_wav(path)))
    for name in found[True][0]:
        original, generated = (np.array([each[name] for each in found[side]]) for side in (True, False))
        higher = np.mean(original[:, None] > generated) + 0.5 * np.mean(original[:, None] == generated)
        assert 0.25 < higher < 0.75, f"{name}: {higher:.2f}"


def batched_pairs(sounds: list[Waveform]) -> list[list[Waveform]]:
    return [sounds[first : first + 2] for first in range(0, len(sounds), 2)]


def test_the_excerpts_are_where_they_are_said_to_be(audio: tuple[str, str]) -> None:
    """Measured on the sound itself: each excerpt's mean frequency is that of its moment."""
    test = made(audio[1])
    for number, one in enumerate(sealed(test), 1):
        assert one["sides"][one["right"]]["id"] == audio[0]
        for place, side in one["sides"].items():
            sound = read_wav(sound_path(test, number, place)).samples[0]
            heard = np.count_nonzero(np.diff(np.signbit(sound))) / 2 / 2.0
            low = 200.0 if side["id"] == audio[0] else 900.0
            middle = (side["start_seconds"] + side["stop_seconds"]) / 2
            assert heard == pytest.approx(low + 10.0 * middle, abs=8.0)


def test_no_excerpt_twice_and_none_at_the_ends(audio: tuple[str, str]) -> None:
    found, shared = planned(audio[1], n_rounds=12, seconds=2.5)
    assert shared == []
    for piece, seconds in zip(audio, (60, 40), strict=True):
        starts = sorted(side["start_seconds"] for one in found for side in one["sides"].values() if side["id"] == piece)
        assert len(starts) == 12
        assert min(np.diff(starts)) >= 2.499
        assert starts[0] >= 0.99
        assert starts[-1] + 2.5 <= seconds - 0.94


def test_which_side_is_which_is_left_to_chance(audio: tuple[str, str]) -> None:
    right = [one["right"] for _ in range(20) for one in planned(audio[1], n_rounds=25, seconds=1.0)[0]]
    assert 190 <= right.count("a") <= 310  # outside of it once in ten million times
    same = sum(one == following for one, following in pairwise(right))
    assert 190 <= same <= 310, "one round tells about the next"


def test_too_little_music_is_told_and_still_works(home: Path) -> None:
    song = add_song("The original", sweep(60))
    test = made(add_output(add_run([song]), sweep(6, low=500.0)), seconds=4.0)
    assert test.facts["shared"] == ["output"]
    starts = {side["start_seconds"] for one in sealed(test) for side in one["sides"].values() if side["id"] != song}
    assert starts == {1.0}, "without its edges it has exactly one excerpt"
    contents = [path.read_bytes() for path in files(test).values()]
    assert len(set(contents)) == 20
    assert len({content[HEADER_BYTES:] for content in contents}) == 20, "equal excerpts can be recognised"


def test_what_was_given_to_the_network_is_not_its_own(home: Path) -> None:
    song = add_song("The original", sweep(60))
    found, _ = planned(add_output(add_run([song]), sweep(60, low=500.0), facts={"seeded_seconds": 30.0}))
    starts = [side["start_seconds"] for one in found for side in one["sides"].values() if side["id"] != song]
    assert min(starts) >= 30.0
    notes = add_song("Notes", scale())
    more = {"facts": {"prompt_notes": 100}, "generation": {"keep_prompt": True}}
    found, _ = planned(add_output(add_run([notes], approach="note_lstm"), scale(), **more))
    starts = [side["start_seconds"] for one in found for side in one["sides"].values() if side["id"] != notes]
    assert min(starts) >= 50.0  # 100 quarter notes at 120 BPM


def test_a_predicted_piece_never_meets_its_own_moment(home: Path) -> None:
    song = add_song("The original", sweep(40))
    place = {"song_id": song, "start_seconds": 5.0, "stop_seconds": 35.0}
    found, _ = planned(add_output(add_run([song]), sweep(30, low=250.0), reference=place))
    for one in found:
        original, generated = sorted(one["sides"].values(), key=lambda side: side["id"] != song)
        assert abs(original["start_seconds"] - generated["start_seconds"] - 5.0) > 2.0


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_impossible_tests_are_refused_in_a_sentence(home: Path, rate: int) -> None:
    song = add_song("The original", sweep(60, rate=rate))
    run = add_run([song])
    short, silent = add_output(run, sweep(3)), add_output(run, Waveform(np.zeros((1, 40 * 8000)), 8000))
    for output in (short, silent):
        with pytest.raises(InvalidInput, match=r"must fit into the audible part of the output.*Received: 2 s"):
            made(output)
    for wrong in (
        {"n_rounds": 9},
        {"n_rounds": 26},
        {"seconds": 0.5},
        {"kind": "abc"},
        {"other_id": short, "kind": "abx"},
    ):
        with pytest.raises(InvalidInput, match="Received: "):
            made(short, **wrong)
    orphan = add_output(add_run([]), sweep(40))
    with pytest.raises(WrongState, match="whose songs are gone"):
        made(orphan)
    assert not list(home.glob("outputs/*/listening/*"))


def rendered(test: BlindTest) -> tuple[list[Waveform], list[Waveform]]:
    return tuple([read_wav(path) for path in side] for side in sides(test))  # type: ignore[return-value]


def spectrum(sounds: list[Waveform]) -> np.ndarray:
    """Mean power in octaves: the colour of an instrument."""
    power = np.mean([np.abs(np.fft.rfft(sound.to_mono().samples[0])) ** 2 for sound in sounds], axis=0)
    edges = [125 * 2**n for n in range(8)]
    bands = np.array([power[2 * low : 4 * low].sum() for low in edges])
    return 10 * np.log10(bands / bands.sum())


def unevenness(sound: Waveform, seconds: float) -> float:
    """Standard deviation of the levels of the notes in dB; each lasts so many seconds."""
    n_samples = round(seconds * sound.sample_rate)
    power = np.square(sound.to_mono().samples[0, round(LEAD * sound.sample_rate) :], dtype=np.float64)
    notes = power[: power.size // n_samples * n_samples].reshape(-1, n_samples).mean(axis=1)
    return float(np.std(10 * np.log10(notes)))


def test_notes_differ_neither_in_instrument_nor_in_velocity_nor_in_tempo(home: Path) -> None:
    """Both sides have the same notes here. The original is a string ensemble with changing velocities at 90 BPM."""
    song = add_song("Strings", scale(program=48, velocity=None, tempo=90.0))
    test = made(add_output(add_run([song], approach="note_lstm"), scale(tempo=150.0)), seconds=4.0)
    assert {"tempo", "velocities", "instruments", "loudness"} <= set(test.facts["levelled"])
    original, generated = rendered(test)
    assert len(original) == len(generated) == 10
    assert len({sound.samples.shape for sound in [*original, *generated]}) == 1
    # In dB. The excerpts begin at places of their own, so neither side has exactly the other's notes.
    np.testing.assert_allclose(spectrum(original), spectrum(generated), atol=5.0)
    assert np.mean([unevenness(sound, 60 / 90) for sound in original]) < 3.0
    loud = [measure_loudness(sound).lufs for sound in [*original, *generated]]
    assert max(loud) - min(loud) < 0.3
    for one in sealed(test):
        for side in one["sides"].values():
            beats = (side["stop_seconds"] - side["start_seconds"]) * (90.0 if side["id"] == song else 150.0) / 60
            assert beats == pytest.approx(4.0 * 90.0 / 60, abs=0.02)


def test_what_both_sides_have_is_kept(home: Path) -> None:
    song = add_song("Strings", scale(program=48, velocity=None))
    test = made(add_output(add_run([song], approach="note_lstm"), scale(program=48, velocity=None, low=50)))
    assert not {"velocities", "instruments"} & set(test.facts["levelled"])


def test_excerpts_of_notes_begin_with_a_note(home: Path) -> None:
    song = add_song("Piano", scale())
    test = made(add_output(add_run([song], approach="note_lstm"), scale(low=52)))
    for path in files(test).values():
        sound = read_wav(path)
        before, after = (round(each * sound.sample_rate) for each in (LEAD - 0.01, LEAD + 0.1))
        assert np.abs(sound.samples[:, :before]).max() < 0.01
        assert np.abs(sound.samples[:, before:after]).max() > 0.02


def two_outputs(content: Callable[[float], Any], **more: Any) -> tuple[str, str]:
    song = add_song("The original", content(200.0))
    run = add_run([song])
    return tuple(
        add_output(run, content(low), **{name: make(song) for name, make in more.items()}) for low in (500.0, 520.0)
    )  # type: ignore[return-value]


def test_abx_of_two_predictions_plays_the_same_moment_and_x_once_more(home: Path) -> None:
    place = {"reference": lambda song: {"song_id": song, "start_seconds": 0.0, "stop_seconds": 40.0}}
    one, other = two_outputs(lambda low: sweep(40, low=low), facts=lambda _: {"mode": "predict"}, **place)
    test = made(one, kind="abx", other_id=other)
    assert test.positions == ("a", "b", "x")
    for number, each in enumerate(sealed(test), 1):
        a, b, x = (read_wav(sound_path(test, number, place)).samples[0] for place in "abx")
        assert each["sides"]["a"]["start_seconds"] == each["sides"]["b"]["start_seconds"]
        alike = {"a": np.corrcoef(a, x)[0, 1], "b": np.corrcoef(b, x)[0, 1]}
        assert max(alike, key=alike.get) == each["right"]
        assert alike[each["right"]] > 0.99
        assert not np.array_equal(x, a)
        assert not np.array_equal(x, b)


def test_abx_of_two_pieces_plays_different_excerpts(home: Path) -> None:
    one, other = two_outputs(lambda low: sweep(70, low=low))
    found, _ = planned(one, kind="abx", other_id=other)
    excerpts = [(side["id"], side["start_seconds"]) for each in found for side in each["sides"].values()]
    assert len(set(excerpts)) == 30
    for each in found:
        assert [each["sides"][place]["id"] for place in "ab"] == [one, other]
        assert each["sides"]["x"]["id"] == each["sides"][each["right"]]["id"]


def test_abx_needs_a_song_in_common(home: Path) -> None:
    one = add_output(add_run([add_song("One", sweep(40))]), sweep(40))
    other = add_output(add_run([add_song("Other", sweep(40))]), sweep(40))
    with pytest.raises(MusicgenError, match="a song in common"):
        made(one, kind="abx", other_id=other)
