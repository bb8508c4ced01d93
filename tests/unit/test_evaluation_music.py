"""Key, rhythm, voices, tones and clicks: values that can be counted by hand, and the verdicts that come of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers_midi import four_part_score
from makers_music import chords, melody, plucked

from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.bad_pieces import EXPECTED, MAKERS
from musicgen.evaluation import fine_structure, glossary, hiss, joints, midi, rhythm, texture, tonality, voice_leading
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.symbolic.score import Score, Track, make_notes

RATE = 8_000
BEAT = 480
C_MAJOR = [60, 62, 64, 65, 67, 69, 71, 72]
EMPTY = Score(make_notes([], [], [], []), BEAT)
TIME = np.arange(8 * RATE) / RATE


def two_tracks(high: list[int], low: list[int]) -> Score:
    onset = np.concatenate([np.arange(len(high)), np.arange(len(low))]) * BEAT
    track = [0] * len(high) + [1] * len(low)
    return Score(make_notes(onset, BEAT, high + low, 80, track), BEAT, (Track("High"), Track("Low")))


def test_notes_in_key_are_counted():
    assert tonality.describe(melody(C_MAJOR * 4))["in_key_share"] == 1.0
    assert tonality.describe(melody(list(range(60, 72)) * 4))["in_key_share"] == pytest.approx(7 / 12)
    there_and_back = [*C_MAJOR * 8, *(pitch + 6 for pitch in C_MAJOR * 8)]
    found = tonality.describe(melody(there_and_back))
    assert found["in_key_share"] == pytest.approx((64 + 16) / 128)  # of the scale on F sharp, F and B belong to C
    assert found["local_key_share"] > 0.9


def test_pairs_that_clash_are_counted():
    third, second = two_tracks([64] * 12, [60] * 12), two_tracks([61] * 12, [60] * 12)
    assert tonality.describe(third)["dissonance_share"] == 0.0
    assert tonality.describe(second)["dissonance_share"] == 1.0
    assert tonality.describe(two_tracks([66] * 12, [60] * 12))["dissonance_share"] == 1.0
    assert tonality.describe(melody([60, 61] * 20))["dissonance_share"] == 0.0  # one after the other


@pytest.mark.parametrize(
    ("onsets", "off_grid", "on_beat"),
    [
        (np.arange(24) * BEAT, 0.0, 1.0),
        (np.arange(24) * BEAT + 100, 1.0, 1.0),
        (np.arange(24) * BEAT // 2, 0.0, 0.5),
        (np.arange(24) * BEAT // 3, 0.0, 1 / 3),
        (np.arange(24) * BEAT // 5, 0.8, 0.2),
    ],
)
def test_the_grid_and_the_beat(onsets: np.ndarray, off_grid: float, on_beat: float):
    found = rhythm.describe(Score(make_notes(onsets, 90, 60, 80), BEAT))
    assert found["off_grid_share"] == pytest.approx(off_grid, abs=0.05)
    assert found["beat_share"] == pytest.approx(on_beat, abs=0.05)


def test_note_lengths_and_notes_begun_together():
    lengths = [BEAT, BEAT // 2] * 8
    found = rhythm.describe(Score(make_notes(np.arange(16) * BEAT, lengths, 60, 80), BEAT))
    assert (found["length_variety"], found["together_share"]) == (pytest.approx(2.0), 0.0)
    assert rhythm.describe(two_tracks([64] * 8, [60] * 4))["together_share"] == pytest.approx(8 / 12)


def test_steps_leaps_and_crossings_are_counted():
    found = voice_leading.describe(melody([60, 62, 74, 74, 73]))
    assert (found["mean_interval"], found["step_share"], found["leap_share"]) == (15 / 4, 2 / 3, 1 / 4)
    high, low = [72] * 16, [60] * 16
    assert voice_leading.describe(two_tracks(high, low))["crossing_share"] == 0.0
    high[:4], low[:4] = low[:4], high[:4]
    assert voice_leading.describe(two_tracks(high, low))["crossing_share"] == 0.25


def test_stops_and_thin_stretches_are_measured():
    found = texture.describe(two_tracks([64] * 16, [60] * 16))
    assert found == {"longest_still": 1.0, "thinnest_share": 1.0, "fewest_tracks_share": 1.0, "longest_vamp": 16}
    # The lower voice is silent in the last quarter: one note at once of 1.75 on average.
    assert texture.describe(two_tracks([64] * 16, [60] * 12))["thinnest_share"] == pytest.approx(1 / 1.75)
    # It comes in after the first quarter: voices may.
    assert texture.describe(two_tracks([64] * 12, [60] * 16))["thinnest_share"] < 0.6
    late = two_tracks([64] * 16, [60] * 16)
    late = replace(late, notes=late.notes[(late.notes["track"] == 0) | (late.notes["onset_ticks"] >= 4 * BEAT)])
    assert texture.describe(late)["thinnest_share"] == 1.0
    held = Score(make_notes(np.arange(12) * BEAT, [BEAT] * 11 + [5 * BEAT], 60, 80), BEAT)
    found = texture.describe(held)
    assert (found["longest_still"], found["thinnest_share"]) == (5.0, pytest.approx(1.0))
    paused = Score(make_notes(np.append(np.arange(11), 15) * BEAT, BEAT, 60, 80), BEAT)
    found = texture.describe(paused)
    assert (found["longest_still"], found["thinnest_share"]) == (5.0, pytest.approx(0.0, abs=0.02))


def test_tracks_that_fall_silent_and_few_chords_in_turn_are_measured():
    whole = two_tracks([64] * 32, [60] * 32)
    stops = replace(whole, notes=whole.notes[(whole.notes["track"] == 0) | (whole.notes["onset_ticks"] < 16 * BEAT)])
    assert texture.describe(stops)["fewest_tracks_share"] == 0.5
    enters = replace(whole, notes=whole.notes[(whole.notes["track"] == 0) | (whole.notes["onset_ticks"] >= 8 * BEAT)])
    assert texture.describe(enters)["fewest_tracks_share"] == 1.0
    assert texture.longest_vamp(melody([60, 62, 64, 65, 67, 60, 67, 65, 60, 65, 67, 60, 72])) == 9
    assert texture.longest_vamp(melody([60, 62, 64, 65, 67, 69, 71])) == 3


def test_long_notes_off_the_beat_are_counted():
    onsets = np.arange(24) * BEAT
    lengths = np.full(24, BEAT // 2)
    lengths[:16] = BEAT
    onsets[12:16] += BEAT // 2
    found = rhythm.describe(Score(make_notes(onsets, lengths, 60, 80), BEAT))
    assert found["syncopated_share"] == 4 / 16
    assert rhythm.describe(Score(make_notes(onsets, BEAT // 2, 60, 80), BEAT))["syncopated_share"] == 0.0


def test_leaps_within_tracks_are_counted():
    high, low = [72, 74] * 8, [60, 62] * 8
    assert voice_leading.describe(two_tracks(high, low))["track_leap_share"] == 0.0
    high[8:], low[8:] = low[8:], high[8:]  # the tracks swap their voices once
    found = voice_leading.describe(two_tracks(high, low))
    assert found["track_leap_share"] == 2 / 30
    assert found["leap_share"] == 0.0


def test_a_score_without_notes_has_defined_values():
    for module in (tonality, rhythm, voice_leading, texture):
        assert set(module.describe(EMPTY).values()) == {0}


def chord(*frequencies: float) -> np.ndarray:
    return sum(np.sin(2 * np.pi * each * TIME) for each in frequencies) / len(frequencies)


def sound(samples: np.ndarray) -> Waveform:
    return Waveform(samples[None].clip(-1, 1).astype(np.float32), RATE)


def test_tones_that_stay_the_same_are_still():
    rng = np.random.default_rng(0)
    drone = 0.3 * chord(220, 277, 330)
    assert fine_structure.stillness(sound(drone)) > 0.95
    assert fine_structure.stillness(sound(drone + rng.normal(scale=0.03, size=TIME.size))) > 0.85
    in_rhythm = drone * (np.sin(2 * np.pi * 2 * TIME) > 0)
    assert fine_structure.stillness(sound(in_rhythm)) > 0.85
    assert fine_structure.stillness(plucked(8 * RATE, seed=4)) < 0.6
    assert abs(fine_structure.stillness(sound(rng.normal(scale=0.2, size=TIME.size)))) < 0.3
    assert fine_structure.stillness(sound(np.zeros(8 * RATE))) == 0.0
    assert fine_structure.stillness(sound(drone[:RATE])) == 0.0


def test_jumps_of_the_wave_are_found_where_they_are():
    calm = 0.3 * chord(220, 330)
    assert joints.find_clicks(calm.astype(np.float32), RATE).size == 0
    jumps = calm.copy()
    for second in (2, 3, 5):
        jumps[second * RATE :] *= -1
        jumps[second * RATE :] += 0.02
    found = joints.find_clicks(jumps.astype(np.float32), RATE)
    assert np.allclose(found, (2, 3, 5), atol=0.003)
    assert joints.clicks_per_minute(sound(jumps)) == pytest.approx(22.5)
    assert joints.clicks_per_minute(sound(np.zeros(RATE))) == 0.0


def heard(samples: np.ndarray, rate: int = hiss.RATE) -> float:
    return hiss.hiss_db(Waveform(np.atleast_2d(0.05 * samples / samples.std()).astype(np.float32), rate))


@pytest.mark.parametrize("rate", [8_000, hiss.RATE, 44_100])
def test_hiss_is_the_noise_between_tones_at_any_rate(rate: int):
    rng, time = np.random.default_rng(0), np.arange(4 * rate) / rate
    tones = sum(np.sin(2 * np.pi * f * time) for f in (220, 277.2, 330))
    noise = np.fft.irfft(
        np.where(np.fft.rfftfreq(time.size, 1 / rate) < 4_000, np.fft.rfft(rng.normal(size=time.size)), 0)
    )
    tones, noise = tones / tones.std(), noise / noise.std()
    found = [heard(tones + 10 ** (level / 20) * noise, rate) for level in (-30, -20, -10)]
    assert found == pytest.approx([-30, -20, -10.4], abs=1.5)
    assert heard(noise, rate) == pytest.approx(0.0, abs=1.0)
    assert heard(tones, rate) < -40
    stereo = np.stack([tones + 0.3 * noise, tones - 0.3 * noise])
    assert heard(stereo, rate) == pytest.approx(heard(stereo[0], rate), abs=0.2), "it is heard beside the tones"
    assert heard(tones[: hiss.FRAMES[-1] // 4], rate) == hiss.LEAST_DB


def test_hiss_is_neither_a_low_chord_nor_a_fast_run_nor_a_drum():
    rng, time = np.random.default_rng(0), np.arange(8 * hiss.RATE) / hiss.RATE
    low = sum(np.sin(2 * np.pi * f * n * time) / n for f in (65.4, 82.4, 98.0, 123.5) for n in range(1, 12))
    steps = (time * 12).astype(int)
    run = sum(
        np.sin(2 * np.pi * 440 * 2 ** (np.array([0, 4, 7, 12])[steps % 4] / 12) * n * time) / n for n in (1, 2, 3)
    )
    run = run * np.exp(-8 * (time * 12 % 1))
    drums = low + 3 * low.std() * rng.normal(size=time.size) * np.exp(-40 * (time % 0.5))
    high = np.fft.irfft(
        np.where(np.fft.rfftfreq(time.size, 1 / hiss.RATE) > 4_200, np.fft.rfft(rng.normal(size=time.size)), 0)
    )
    assert heard(low) < -18
    assert heard(run) < -16
    assert heard(drums) < -16
    assert heard(low / low.std() + 0.4 * high / high.std()) > -12, "above all tones, too"


def test_a_drum_is_no_click():
    rng = np.random.default_rng(1)
    beats = rng.normal(scale=0.3, size=TIME.size) * np.exp(-30 * (TIME % 0.5))
    assert joints.clicks_per_minute(sound(beats)) == 0.0


SONGS = [chords(24, seed=number) for number in range(6)]
LEARNED = learned_from([midi.describe(song) for song in SONGS])
SILENT = "all voices but one silent"
OF_MUSIC = {"out_of_key", "no_rhythm", "leaping", "clashing", "thin"}
MUSICAL = [name for name, codes in EXPECTED.items() if OF_MUSIC & set(codes)]


def found_in(score: Score) -> list[str]:
    return [verdict.code for verdict in verdicts("midi", midi.describe(score), LEARNED)]


def test_other_songs_of_the_kind_get_no_verdict():
    assert [found_in(chords(24, seed=seed)) for seed in range(10, 16)] == [[]] * 6


@pytest.mark.parametrize("kind", [name for name in MUSICAL if name not in ("rhythm shuffled", SILENT)])
def test_each_kind_of_bad_piece_is_named(kind: str):
    made = MAKERS[kind](SONGS, chords(24, seed=20), np.random.default_rng(3))
    assert made is not None
    assert set(found_in(made)) & set(EXPECTED[kind])


def test_a_verdict_says_what_was_measured_beside_the_songs():
    made = MAKERS["another key in every bar"](SONGS, chords(24, seed=20), np.random.default_rng(3))
    assert made is not None
    verdict = next(each for each in verdicts("midi", midi.describe(made), LEARNED) if each.code == "out_of_key")
    assert "in the songs at least 100%" in verdict.cause
    assert glossary.metric(verdict.metric)
    assert verdict.remedies
    assert verdicts("midi", midi.describe(made), LEARNED, is_trained_on=False) == []  # beside any music, it may be fine


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stillness": 0.9}, "buzz"),
        ({"clicks_per_minute": 30.0}, "seams"),
        ({"silence_share": 0.4}, "gaps"),
        ({"hiss_db": -13.0}, "hiss"),
        ({"stillness": 0.55, "clicks_per_minute": 5.0, "silence_share": 0.1, "hiss_db": -14.5}, ""),
    ],
)
def test_sound_is_compared_with_the_songs(change: dict[str, float], code: str):
    from musicgen.evaluation import audio

    song = audio.describe(plucked(8 * RATE, seed=4)) | {"stillness": 0.4, "clicks_per_minute": 0.0, "hiss_db": -21.0}
    found = verdicts("audio", song | change, song)
    assert [verdict.code for verdict in found] == [code] * bool(code)
    assert all("the songs" in verdict.cause and glossary.metric(verdict.metric) for verdict in found)
    assert verdicts("audio", song | change, song | change) == []  # the songs do it too


def test_voices_that_stop_are_named_where_the_songs_go_on():
    songs = [four_part_score(32 + 4 * number) for number in range(6)]
    learned = learned_from([midi.describe(song) for song in songs])
    made = MAKERS[SILENT](songs, four_part_score(40), np.random.default_rng(0))
    assert made is not None
    (verdict,) = verdicts("midi", midi.describe(made), learned)
    assert (verdict.code, verdict.title) == ("thin", "Voices stop")
    assert not verdicts("midi", midi.describe(four_part_score(40)), learned)
