"""Outputs beside held-out songs: percentiles, diversity and kernel distance."""

from __future__ import annotations

import numpy as np
import pytest
from makers_music import chords, plucked

from musicgen.audio.resampling import resample
from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.bad_pieces import random_notes
from musicgen.benchmarks.listening import (
    NOTE_FEATURES,
    SOUND_FEATURES,
    distance,
    features,
    percentiles,
    share_inside,
)
from musicgen.benchmarks.self_similarity import onset_rate, returns
from musicgen.evaluation import audio

SONGS = [features(chords(16, seed=seed)) for seed in range(12)]


def test_every_piece_has_the_same_features():
    assert tuple(SONGS[0]) == NOTE_FEATURES
    found = features(plucked(6 * 8_000))
    assert set(found) == set(SOUND_FEATURES)
    assert all(np.isfinite(list(found.values())))


def test_sounds_are_heard_at_one_rate():
    rng = np.random.default_rng(0)
    tones = resample(plucked(6 * 8_000, seed=2), 44_100).samples[0]
    fine = Waveform(
        np.stack([tones, 0.5 * tones]) + rng.normal(scale=0.02, size=(2, tones.size)).astype(np.float32), 44_100
    )
    coarse = features(resample(fine, 22_050))
    for name, value in features(fine).items():
        assert value == pytest.approx(coarse[name], rel=1e-6), name
    assert audio.describe(fine)["spectral_centroid"] > 1.5 * coarse["spectral_centroid"]


def test_a_percentile_is_the_share_of_songs_below():
    songs = [{"leaps": value} for value in (0.0, 1.0, 2.0, 3.0)]
    found = [percentiles({"leaps": value}, songs)["leaps"] for value in (-1.0, 0.5, 1.0, 9.0)]
    assert found == [0.0, 25.0, 37.5, 100.0]
    assert share_inside([{"leaps": 0.5}, {"leaps": 9.0}], songs) == 0.5


def test_like_music_is_near_and_other_music_is_far():
    like = distance([features(chords(16, seed=seed)) for seed in range(20, 26)], SONGS)
    rng = np.random.default_rng(0)
    bad = [random_notes([], chords(16, seed=seed), rng) for seed in range(20, 26)]
    far = distance([features(piece) for piece in bad if piece is not None], SONGS)
    assert like.p_value > 0.05
    assert far.p_value < 0.01
    assert far.distance > 5 * abs(like.distance)
    assert abs(like.real) < far.distance / 5
    assert 0.5 < like.diversity < 2.0


def test_outputs_that_are_all_the_same_have_no_diversity():
    assert distance([SONGS[0]] * 4, SONGS[1:]).diversity == 0.0


def test_bars_that_come_back_are_counted():
    song = chords(8, seed=1)
    notes = np.concatenate([song.notes, song.notes])
    notes["onset_ticks"][song.num_notes :] += 8 * 1920
    from dataclasses import replace

    twice = replace(song, notes=notes)
    assert returns(twice, 1) >= 0.5
    assert returns(twice, 4) == pytest.approx(5 / 13, abs=0.1)  # the first five of thirteen stretches
    assert returns(song, 8) == 0.0


def test_onsets_are_counted():
    assert onset_rate(plucked(6 * 8_000, seed=2)) == pytest.approx(8, rel=0.35)
