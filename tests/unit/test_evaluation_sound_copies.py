"""Copies of training sounds are found at any gain, in any order, and say where they come from."""

from __future__ import annotations

import numpy as np
import pytest
from makers_music import midi_song, plucked, song

from musicgen.audio.waveform import Waveform
from musicgen.evaluation import sound_copies
from musicgen.evaluation.sound_copies import find_sound_copies

RATE = 8_000
SONGS = [song(plucked(20 * RATE, seed=number), number) for number in range(2)]
FIRST, SECOND = (each.clip.content for each in SONGS)


def test_a_verbatim_copy_has_correlation_one_whatever_its_gain():
    for gain in (1.0, 0.01, -0.5):
        piece = Waveform(gain * FIRST.samples[:, 3 * RATE : 12 * RATE], RATE)
        found = find_sound_copies(piece, SONGS)
        assert found.correlation == pytest.approx(1.0, abs=1e-3)
        assert (found.share, found.name, found.num_songs) == (1.0, "song 0", 2)
        assert found.song_seconds - found.generated_seconds == pytest.approx(3.0, abs=0.01)


def test_a_copy_at_another_sample_rate_in_stereo_with_noise_is_one():
    from musicgen.audio.resampling import resample

    noise = np.random.default_rng(0).normal(0, 0.01, (2, 10 * 22_050))
    copied = resample(SECOND.between(0, 10 * RATE), 22_050).samples + noise
    found = find_sound_copies(Waveform(copied.clip(-1, 1).astype(np.float32), 22_050), SONGS)
    assert found.correlation > 0.98
    assert (found.share, found.name) == (1.0, "song 1")


def test_a_splice_is_found_piece_by_piece_and_its_share_told():
    half = 6 * RATE
    stranger = plucked(12 * RATE, seed=77).samples[:, :half]
    piece = Waveform(np.concatenate([FIRST.samples[:, 9 * RATE : 9 * RATE + half], stranger], axis=1), RATE)
    found = find_sound_copies(piece, SONGS)
    assert found.share == pytest.approx(0.5, abs=0.13)


def test_other_music_of_the_same_kind_is_no_copy():
    found = find_sound_copies(plucked(12 * RATE, seed=77), SONGS)
    assert found.correlation < 0.8
    assert found.share == 0.0
    assert found.metrics() == {"copied_correlation_training": found.correlation, "copied_share_training": 0.0}


def test_silence_short_sounds_and_no_songs_copy_nothing():
    for samples in (np.zeros((1, 4 * RATE)), FIRST.samples[:, :100], np.zeros((1, 0))):
        assert find_sound_copies(Waveform(samples.astype(np.float32), RATE), SONGS).share == 0.0
    assert find_sound_copies(FIRST, []).correlation == 0.0
    assert find_sound_copies(FIRST, [midi_song(4)]).num_songs == 0
    silent = song(Waveform(np.zeros((1, 4 * RATE), np.float32), RATE))
    assert find_sound_copies(FIRST, [silent]).correlation == 0.0


def test_what_a_song_led_is_left_out():
    half = 6 * RATE
    stranger = plucked(12 * RATE, seed=77).samples[:, :half]
    led = Waveform(np.concatenate([FIRST.samples[:, :half], stranger], axis=1), RATE)
    assert find_sound_copies(led, SONGS, start_seconds=6.0).share == 0.0
    own = Waveform(np.concatenate([stranger, FIRST.samples[:, :half]], axis=1), RATE)
    found = find_sound_copies(own, SONGS, start_seconds=6.0)
    assert (found.share, found.generated_seconds >= 6.0) == (1.0, True)


def test_of_a_large_library_the_first_songs_are_listened_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sound_copies, "MAX_SONGS", 1)
    assert find_sound_copies(SECOND, SONGS).share == 0.0
    assert "of the first 1 of 2 training songs" in find_sound_copies(FIRST, SONGS).to_json()["text"]


def test_it_says_how_much_it_listened_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sound_copies, "LISTENED_SECONDS", 10.0)
    found = find_sound_copies(FIRST.between(0, 4 * RATE), SONGS)
    assert (found.share, found.listened_seconds) == (1.0, 10.0)
    document = found.to_json()
    assert document["text"].startswith("Compared with 10 s of the 2 training songs: the best match is at ")
    assert document["copied_correlation_song"] == "song 0"
    assert find_sound_copies(FIRST.between(8 * RATE, 12 * RATE), SONGS).share == 0.0  # beyond what was listened to
