"""Collage: beats where they are, units that join without a click, stretches that end in time, and honest words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.collage.bank import UnitBank
from musicgen.approaches.collage.beats import smoothed
from musicgen.approaches.collage.choosing import Beginning, UnitChooser
from musicgen.approaches.collage.codec import CollageCodec, SongUnits, stamp_of
from musicgen.approaches.collage.data import prepare_collage
from musicgen.approaches.collage.onsets import cut_at_onsets
from musicgen.approaches.collage.parameters import Generation, Training
from musicgen.approaches.collage.pieces import runs_of
from musicgen.approaches.collage.splicing import Splicer, Stretch, best_move, fade_gains
from musicgen.approaches.collage.unit_features import EDGE_WIDTH
from musicgen.approaches.collage.windows import CodeRun, CodeWindows
from musicgen.audio.waveform import Waveform
from musicgen.codecs.sounds import open_sounds
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import InvalidInput
from musicgen.evaluation.borrowing_words import MADE_OF_SONGS, verdict_words
from musicgen.evaluation.degeneracy import verdicts
from tests.makers_music import MemoryClip, song
from tests.makers_produced import Produced, band_song, rubato_song
from tests.measures_produced import flux_around, tempo_near

pytestmark = pytest.mark.numeric

RATE = 16_000
TINY = {"epochs": 2, "units": 8, "embedding": 4, "sequence_length": 8}


@pytest.fixture(scope="module")
def band() -> Produced:
    return band_song(seconds=24.0, sample_rate=RATE)


class Trained:
    """A collage of one song, trained for two epochs."""

    def __init__(self, produced: Produced) -> None:
        self.kind, self.song = approach("collage"), song(produced.sound)
        self.training = read_parameters(Training, TINY)
        self.prepared = self.kind.prepare([self.song], self.training, seed=1)
        self.codec: CollageCodec = self.prepared.codec
        self.networks = self.kind.build(self.codec, self.training, seed=1)
        self.kind.fit(self.networks, self.prepared, self.training, seed=1, monitor=SilentMonitor())

    def make(
        self, *seeds: int, songs: list[TrainingSong] | None = None, prompt: TrainingSong | None = None, **values: Any
    ) -> list[Made]:
        generation = read_parameters(Generation, {"seconds": 10.0, **values})
        order = Order(generation, seeds, [self.song] if songs is None else songs, prompt)
        return list(self.kind.generate(self.networks, self.codec, self.training, order))


@pytest.fixture(scope="module")
def trained(band: Produced) -> Trained:
    return Trained(band)


class TestCutting:
    def test_a_song_is_cut_at_half_beats_just_before_what_begins_there(self, band: Produced, trained: Trained) -> None:
        (units,) = trained.codec.songs
        assert units.cut_at == "beats"
        assert units.tempo == pytest.approx(band.tempo, rel=0.002)
        halves = np.sort(np.concatenate([band.beats, band.beats + 30.0 / band.tempo]))
        edges = units.edges / RATE
        inside = edges[(edges > halves[0] - 0.1) & (edges < halves[-1])]
        early = np.array([(halves - edge)[np.abs(halves - edge).argmin()] for edge in inside])
        assert len(inside) >= len(halves) - 2
        assert early.min() > 0.0
        assert early.max() < 0.02

    def test_the_bar_is_found(self, band: Produced, trained: Trained) -> None:
        (units,) = trained.codec.songs
        assert units.beats_per_bar == 4
        starts = units.edges[:-1][units.places == 0] / RATE
        assert np.diff(starts) == pytest.approx(240.0 / band.tempo, rel=0.01)
        first = band.beats[0] + 240.0 / band.tempo * np.arange(4)
        assert np.abs(starts[:, None] - first).min() < 0.03, "bars begin where the harmony changes"

    def test_free_tempo_is_cut_where_notes_begin_and_said_to_be(self) -> None:
        free = song(rubato_song(seconds=24.0, sample_rate=RATE).sound)
        prepared = prepare_collage([free], read_parameters(Training, TINY), seed=1)
        (units,) = prepared.codec.songs
        assert (units.cut_at, units.tempo, units.beats_per_bar) == ("onsets", 0.0, 0)
        lengths = np.diff(units.edges) / RATE
        assert lengths.max() <= 0.5 + 1e-3
        assert any("“song 0” has no steady beat, so it is cut where notes begin" in each for each in prepared.warnings)
        assert any("put together from the sound of the songs themselves" in each for each in prepared.warnings)

    def test_beats_that_are_asked_for_and_are_not_there_are_refused(self) -> None:
        noise = song(Waveform(np.full((1, 4_000), 0.1, np.float32), RATE))
        with pytest.raises(InvalidInput, match=r"none in the 4,000 samples"):
            prepare_collage([noise], read_parameters(Training, {**TINY, "cut_at": "beats"}), seed=1)

    def test_beats_on_a_line_are_put_on_it_and_others_follow_their_neighbours(self) -> None:
        steady, rng = 0.5 * np.arange(40) + 1.0, np.random.default_rng(0)
        np.testing.assert_allclose(smoothed(steady + rng.uniform(-0.01, 0.01, 40)), steady, atol=0.006)
        faster = np.cumsum(np.linspace(0.6, 0.4, 60))
        assert np.abs(smoothed(faster) - faster).max() < 0.02

    def test_where_nothing_begins_it_is_cut_evenly(self) -> None:
        frames = analyse_frames(np.zeros(RATE * 2))
        np.testing.assert_allclose(np.diff(cut_at_onsets(frames, 2.0, 0.5)), 0.5)


def analyse_frames(samples: np.ndarray) -> Any:
    from musicgen.approaches.collage.frames import read_frames

    (sound,), _ = open_sounds([song(Waveform(samples[None].astype(np.float32), RATE))], sample_rate=RATE)
    return read_frames(sound)


def test_windows_cover_every_unit_and_know_what_came_before() -> None:
    run = CodeRun(np.array([3, 1, 2, 0, 1], np.int32), np.array([0, 1, 2, 3, 0], np.int32))
    windows = CodeWindows([run], 3, 4)
    found = windows.gather(np.arange(2), None)
    assert found["inputs"].tolist() == [[4, 3, 1], [2, 0, 4]]
    assert found["target"].tolist() == [[3, 1, 2], [0, 1, 0]]
    assert found["places"].tolist() == [[0, 1, 2], [3, 0, 0]]
    assert found["mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    held = CodeWindows([replace(run, first=2)], 3, 4, context=1).gather(np.arange(1), None)
    assert held["mask"].tolist() == [[0, 1, 1, 1]]
    assert held["inputs"].tolist() == [[3, 1, 2, 0]]


class TestJoints:
    def test_a_fade_keeps_the_power_of_alike_and_of_unlike_sounds(self) -> None:
        for alike in (0.0, 0.4, 1.0):
            old, new = fade_gains(400, alike)
            np.testing.assert_allclose(old**2 + new**2 + 2 * alike * old * new, 1.0, atol=1e-5)
            assert old[0] > 0.99
            assert new[-1] > 0.99
            assert new[0] < 0.01

    def test_the_wave_is_moved_to_where_it_fits(self) -> None:
        wave = np.sin(2 * np.pi * 180.0 * np.arange(2_000) / RATE).astype(np.float32)
        move, alike = best_move(wave[500:900], wave[560 - 40 : 560 - 40 + 400 + 80])
        assert alike > 0.999
        assert abs((560 - 40 + move - 500) % (RATE / 180.0)) < 1.0 or alike > 0.9999
        assert best_move(np.zeros(100, np.float32), np.zeros(140, np.float32)) == (20, 0.0)

    def test_a_tone_that_is_cut_and_joined_does_not_click(self) -> None:
        time = np.arange(4 * RATE) / RATE
        tone = Waveform(0.5 * np.sin(2 * np.pi * 220.0 * time)[None].astype(np.float32), RATE)
        (sound,), _ = open_sounds([song(tone)], sample_rate=RATE, keeps_stereo=True)
        places = np.random.default_rng(3).integers(RATE, 2 * RATE, 12)
        splicer = Splicer(RATE, 1, 12 * 4_000, 0.025)
        for place in places.tolist():
            splicer.add(Stretch(sound, place, place + 4_000))
        made = splicer.finished()[0]
        steepest = 0.5 * 2 * np.pi * 220.0 / RATE
        assert np.abs(np.diff(made)).max() < 1.1 * steepest
        level = np.sqrt((made[800:-1_600].reshape(-1, 400) ** 2).mean(axis=1))
        assert level.min() > 0.3, "nothing cancels out at a joint"
        assert np.abs(np.diff(np.concatenate(places_hard(tone, places)))).max() > 3 * steepest, "a hard cut clicks"

    def test_one_stretch_is_the_song_itself(self, band: Produced) -> None:
        (sound,), _ = open_sounds([song(band.sound)], sample_rate=RATE, keeps_stereo=True)
        splicer = Splicer(RATE, 2, 20_000, 0.025)
        splicer.add(Stretch(sound, 5_000, 25_000))
        np.testing.assert_array_equal(splicer.finished()[:, 100:-1_000], band.sound.samples[:, 5_100:24_000])


def places_hard(tone: Waveform, places: np.ndarray) -> list[np.ndarray]:
    return [tone.samples[0, place : place + 4_000] for place in places.tolist()]


class Following:
    """Stands for a network that always expects the code after the one before."""

    nothing = 4

    def __init__(self) -> None:
        self.code = 0

    def next(self, code: int, place: int, bias: np.ndarray, uniform: float) -> int:
        wanted = (code + 1) % 4
        return wanted if bias[wanted] > -1.0 else int(bias.argmax())


def units_of(n: int) -> SongUnits:
    rng = np.random.default_rng(0)
    return SongUnits(
        "stamp", "a song", "beats", 120.0, 2, 100 * np.arange(n + 1), (np.arange(n) % 4).astype(np.int32),
        (np.arange(n) % 4).astype(np.int32), rng.normal(size=(n + 1, 2, EDGE_WIDTH)).astype(np.float32) / 5,
        np.zeros(n, np.float32),
    )  # fmt: skip


class TestChoosing:
    def chosen(self, count: int, **values: Any) -> tuple[UnitBank, list[int]]:
        (sound,), _ = open_sounds([song(Waveform(np.ones((1, 9_000), np.float32) * 0.1, RATE))], sample_rate=RATE)
        bank = UnitBank([units_of(80)], {"stamp": sound})
        chooser = UnitChooser(bank, Following(), read_parameters(Generation, values), 5)  # type: ignore[arg-type]
        nothing = np.zeros(0, np.int32)
        units: Iterator[int] = chooser.choose(Beginning(nothing, nothing, 0, natural=12), per_bar=4)
        return bank, [next(units) for _ in range(count)]

    def test_no_stretch_is_longer_than_eight_beats(self) -> None:
        bank, units = self.chosen(200)
        runs = runs_of(bank, units)
        assert units[0] == 12
        assert max(map(len, runs)) == 16
        bank, units = self.chosen(60, longest_run=1.5)
        assert max(map(len, runs_of(bank, units))) == 3

    def test_units_have_the_codes_that_the_network_wants_on_the_right_half_of_the_beat(self) -> None:
        bank, units = self.chosen(100)
        assert (bank.codes[units] == np.arange(100) % 4).mean() == 1.0
        assert ((bank.places[units] - np.arange(100)) % 2 == 0).all()

    def test_the_unit_that_joins_best_is_taken(self) -> None:
        bank, _ = self.chosen(1)
        units = np.arange(2, 80, 4)
        costs = bank.join_costs((bank.end_before[41], bank.end_after[41]), units)
        assert units[costs.argmin()] == 42
        assert costs.min() == 0.0
        assert np.median(costs) > 0.5


class TestPieces:
    def test_they_are_in_stereo_at_the_rate_and_tempo_of_the_song(self, band: Produced, trained: Trained) -> None:
        (made,) = trained.make(3, seconds=20.0)
        assert isinstance(made.content, Waveform)
        assert (made.content.n_channels, made.content.sample_rate) == (2, RATE)
        assert made.content.seconds == pytest.approx(20.0, abs=0.3)
        assert tempo_near(made.content, band.tempo) == pytest.approx(band.tempo, rel=0.01)
        assert made.facts["longest_stretch_beats"] <= 8
        assert made.facts["made_of_songs"] is True
        assert made.facts["level_db"] == pytest.approx(made.facts["level_of_songs_db"], abs=2.0)

    def test_nothing_clicks_where_they_are_joined(self, band: Produced, trained: Trained) -> None:
        edges = trained.codec.songs[0].edges / RATE
        own = flux_around(band.sound, edges[(edges > 0.5) & (edges < 22.0)])
        joints, before = [], []
        for made in trained.make(1, 2, 3, continuity=1.0):
            times = np.array(made.facts["joint_seconds"])
            joints.append(flux_around(made.content, times[times < made.content.seconds - 0.1]))
            before.append(flux_around(made.content, times[times < made.content.seconds - 0.1], 0.03, -0.01))
        assert np.concatenate(joints).size > 40
        assert np.median(np.concatenate(joints)) <= np.percentile(own, 75)
        assert (np.concatenate(joints) <= np.percentile(own, 95)).mean() > 0.85
        assert np.percentile(np.concatenate(before), 95) < np.percentile(own, 95), "the fade itself adds nothing"

    def test_each_is_the_same_whatever_is_made_with_it(self, trained: Trained) -> None:
        (alone,), (_, together) = trained.make(4), trained.make(3, 4)
        np.testing.assert_array_equal(alone.content.samples, together.content.samples)
        assert alone.facts["joint_seconds"] != trained.make(5)[0].facts["joint_seconds"]

    def test_a_song_goes_on_where_the_prompt_ends(self, band: Produced, trained: Trained) -> None:
        (made,) = trained.make(3, prompt=trained.song, start_seconds=4.0, prompt_seconds=4.0, continuity=10.0)
        assert made.reference is not None
        start = made.reference.start_seconds
        assert start == pytest.approx(8.0, abs=0.3)
        first, size = round(start * RATE), RATE
        heard, expected = made.content.samples[:, 200:size], band.sound.samples[:, first + 200 : first + size]
        gain = float((heard * expected).sum() / (expected**2).sum())
        np.testing.assert_allclose(heard, gain * expected, atol=2e-3)
        assert made.facts["prompt_seconds"] == 4.0

    def test_another_song_can_be_continued_with_this_sound(self, trained: Trained) -> None:
        other = song(band_song(seconds=12.0, tempo=121.0, sample_rate=RATE, seed=9).sound, 7)
        (made,) = trained.make(3, prompt=other, prompt_seconds=6.0)
        assert made.facts["prompt_song"] == "song 7"
        assert made.reference is not None
        assert made.reference.song_id == other.id

    def test_songs_are_known_by_their_sound_and_needed(self, trained: Trained) -> None:
        again = TrainingSong("song-ffffffffffff", "another name", MemoryClip(trained.song.clip.content))  # type: ignore[arg-type,attr-defined]
        assert stamp_of(again) == stamp_of(trained.song)
        (one,), (two,) = trained.make(6, songs=[again]), trained.make(6)
        np.testing.assert_array_equal(one.content.samples, two.content.samples)
        with pytest.raises(InvalidInput, match="none of “song 0” in the library"):
            trained.make(6, songs=[song(rubato_song(seconds=4.0, sample_rate=RATE).sound)])


class TestWords:
    def test_copies_are_no_fault_of_a_piece_that_is_made_of_its_songs(self) -> None:
        metrics = {
            "peak_db": -1.0, "silence_share": 0.0, "dc_share": 0.0, "rms_db": -15.0, "clipping_share": 0.0,
            "spectral_flatness": 0.1, "crest_factor_db": 12.0, "level_range_db": 9.0, "loop_correlation": 0.2,
            "loop_seconds": 1.0, "pattern_correlation": 0.2, "pattern_seconds": 1.0, "copied_share_training": 0.9,
        }  # fmt: skip
        assert [each.code for each in verdicts("audio", metrics)] == ["copied"]
        assert verdicts("audio", metrics, made_of_songs=True) == []
        silent = verdicts("audio", {**metrics, "silence_share": 1.0}, made_of_songs=True)
        assert [each.code for each in silent] == ["silent"]

    def test_it_is_said_what_it_is_made_of(self) -> None:
        level, text = verdict_words(0.9, 0.9, None, 1, made_of_songs=True)
        assert level == ""
        assert text == f"{MADE_OF_SONGS} Passages of 90% of it were recognised."
        assert "made of the song's own sound" in approach("collage").summary
