"""Samples: the list is light, each one can be made, and our own pieces are music."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from musicgen.audio.wav import read_wav, wav_info
from musicgen.errors import NotFound
from musicgen.songs.composed import ground_bass_variations, jazz_tune, synth_study
from musicgen.songs.sample_pieces import FORTY_CHORALES, TEN_CHORALES
from musicgen.songs.samples import SAMPLES, make_sample
from musicgen.symbolic.keys import estimate_key
from musicgen.symbolic.midi import read_midi, score_to_midi_bytes
from musicgen.symbolic.rolls import score_facts
from musicgen.symbolic.score import Score

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"forty_chorales", "ten_dances", "maple_leaf_rag", "rag_audio", "quartet_audio"}


def test_the_list_names_every_sample_once_and_says_where_it_comes_from() -> None:
    assert len({sample.key for sample in SAMPLES}) == len({sample.title for sample in SAMPLES}) == len(SAMPLES)
    assert {sample.medium for sample in SAMPLES} == {"audio", "midi"}
    assert all("public domain" in sample.origin or "this program" in sample.origin for sample in SAMPLES)
    assert all(sample.summary.endswith(".") for sample in SAMPLES)
    sets = {sample.key: sample.n_files for sample in SAMPLES if sample.n_files > 1}
    assert sets == {"ten_chorales": 10, "forty_chorales": 40, "ten_dances": 10}
    assert len({piece.title for piece in FORTY_CHORALES}) == 40
    assert FORTY_CHORALES[:10] == TEN_CHORALES


def test_listing_loads_nothing_heavy() -> None:
    code = """
import sys
import musicgen.songs.samples
heavy = {"music21", "symusic", "scipy", "midi2audio", "soundfile"}
print(sorted({name.partition(".")[0] for name in sys.modules} & heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("key", [pytest.param(s.key, marks=pytest.mark.slow if s.key in SLOW else ()) for s in SAMPLES])
def test_every_sample_can_be_made(key: str, home: Path, tmp_path: Path) -> None:
    sample = next(sample for sample in SAMPLES if sample.key == key)
    made = make_sample(key, tmp_path / "place")
    files = [made] if made.is_file() else sorted(made.iterdir())
    assert len(files) == sample.n_files
    for path in files:
        if sample.medium == "midi":
            _check_score(path)
        else:
            _check_sound(path)


def _check_score(path: Path) -> None:
    score = read_midi(path)
    facts = score_facts(score)
    assert facts["num_notes"] >= 90
    assert 15 <= facts["seconds"] <= 240
    assert all(track["name"] and track["num_notes"] for track in facts["tracks"])
    assert facts["key_confidence"] > 0.6
    assert score.time_signatures
    assert score.key_signatures
    assert facts["time_signature"] in {"2/4", "3/4", "4/4", "6/8"}


def _check_sound(path: Path) -> None:
    info = wav_info(path)
    assert (info.sample_rate, info.n_channels) == (44_100, 2)
    assert 20 <= info.seconds <= 32
    samples = read_wav(path).samples
    assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert -30 < 10 * np.log10((samples**2).mean()) < -10


def test_chorales_have_four_voices_in_order(home: Path, tmp_path: Path) -> None:
    files = sorted(make_sample("ten_chorales", tmp_path / "place").iterdir())
    scores = [read_midi(path) for path in files]
    for score in scores:
        assert [track.name for track in score.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
        means = [score.notes["pitch"][score.notes["track"] == index].mean() for index in range(4)]
        assert means == sorted(means, reverse=True)
    assert 1_800 < sum(score.num_notes for score in scores) < 2_600
    upbeats = [score.time_signatures[0] for score in scores if len(score.time_signatures) > 1]
    assert {(upbeat.numerator, upbeat.denominator) for upbeat in upbeats} == {(1, 4)}


def test_an_unknown_sample_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="ten_chorales"):
        make_sample("../etc", tmp_path)


@pytest.mark.parametrize("compose", [ground_bass_variations, jazz_tune])
def test_a_seed_gives_one_piece(compose) -> None:
    assert score_to_midi_bytes(compose(3)) == score_to_midi_bytes(compose(3))
    assert score_to_midi_bytes(compose(3)) != score_to_midi_bytes(compose(4))


@pytest.mark.parametrize("seed", range(4))
def test_the_ground_bass_returns_and_the_melody_stays_in_d_minor(seed: int) -> None:
    score = ground_bass_variations(seed)
    assert estimate_key(score).name == "D minor"
    bass = _track(score, "Cello")
    for variation in range(8):
        bars = bass[(bass["onset_ticks"] >= variation * 24 * 480) & (bass["onset_ticks"] < (variation + 1) * 24 * 480)]
        assert bars["pitch"].tolist() == [50, 49, 48, 47, 46, 45, 43, 45]
    melody = _track(score, "Violin")
    _check_melody(melody, low=66, high=90)
    assert len(score.tempos) == 4


@pytest.mark.parametrize("seed", range(4))
def test_the_jazz_tune_swings_and_repeats_its_first_part(seed: int) -> None:
    score = jazz_tune(seed)
    melody = _track(score, "Melody")
    _check_melody(melody, low=58, high=88)
    off_beats = melody["onset_ticks"] % 480
    assert set(off_beats.tolist()) == {0, 320}
    parts = [melody[(melody["onset_ticks"] // (32 * 480)) == place] for place in range(4)]
    assert parts[0]["pitch"].tolist() == parts[3]["pitch"].tolist()
    assert parts[0]["pitch"].tolist() != parts[2]["pitch"].tolist()
    bass = _track(score, "Bass")
    assert (np.diff(bass["onset_ticks"][:128]) == 480).all()
    assert score.tracks[3].is_drum


def _track(score: Score, name: str) -> np.ndarray:
    index = [track.name for track in score.tracks].index(name)
    return score.notes[score.notes["track"] == index]


def _check_melody(notes: np.ndarray, *, low: int, high: int) -> None:
    """One voice, singable: no overlaps, no leap beyond an octave and a third, mostly steps, many different notes."""
    ends = notes["onset_ticks"] + notes["duration_ticks"]
    assert (ends[:-1] <= notes["onset_ticks"][1:]).all()
    intervals = np.abs(np.diff(notes["pitch"].astype(int)))
    assert intervals.max() <= 16
    assert np.median(intervals) <= 4
    assert (intervals == 0).mean() < 0.2
    assert len(np.unique(notes["pitch"])) >= 10
    assert notes["pitch"].min() >= low
    assert notes["pitch"].max() <= high


def test_the_synthesiser_study_is_stereo_and_repeatable() -> None:
    study = synth_study(1, sample_rate=16_000)
    assert study.n_channels == 2
    assert 24 < study.seconds < 26
    assert np.array_equal(study.samples, synth_study(1, sample_rate=16_000).samples)
    assert not np.array_equal(study.samples, synth_study(2, sample_rate=16_000).samples)
    assert np.abs(study.samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-6)
    assert np.corrcoef(study.samples)[0, 1] < 0.9
    assert np.abs(study.samples[:, -1]).max() < 1e-6
