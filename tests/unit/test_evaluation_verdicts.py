"""Verdicts say what is wrong, why and what to do; and nothing where a piece is sound."""

from __future__ import annotations

import json

import numpy as np
import pytest
from makers_music import chords, melody, plucked, song

from musicgen.audio.waveform import Waveform
from musicgen.evaluation import audio, glossary, midi, note_copies, sound_rules
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.evaluation.description import describe_clip
from musicgen.evaluation.given import Given
from musicgen.symbolic.score import Score, make_notes

SOUND = audio.describe(Waveform(np.zeros(8000, np.float32), 8000)) | {
    "rms_db": -20.0,
    "peak_db": -3.0,
    "silence_share": 0.0,
    "crest_factor_db": 14.0,
    "level_range_db": 8.0,
    "spectral_flatness": 0.2,
}
NOTES = midi.describe(Score(make_notes(np.arange(40) * 480, 480, np.random.default_rng(0).permutation(40) + 40, 80)))
RATE = 8_000
RNG = np.random.default_rng(7)


def codes(medium: glossary.Medium, metrics: dict[str, float], learned: dict[str, float] | None = None) -> list[str]:
    return [verdict.code for verdict in verdicts(medium, metrics, learned)]


def test_sound_pieces_have_no_verdict():
    assert codes("audio", SOUND) == []
    assert codes("audio", SOUND, SOUND) == []
    assert codes("midi", NOTES) == []
    assert codes("midi", NOTES, NOTES) == []


@pytest.mark.parametrize(
    ("change", "learned", "expected"),
    [
        ({"peak_db": -90.0, "rms_db": -100.0, "silence_share": 1.0}, SOUND, ["silent"]),
        ({"silence_share": 0.97}, {}, ["silent"]),
        ({"silence_share": 0.97}, {"silence_share": 0.98}, []),
        ({"dc_share": 1.0, "crest_factor_db": 0.0}, SOUND, ["silent"]),
        ({"rms_db": -33.0}, SOUND, ["faint"]),
        ({"rms_db": -31.0}, SOUND, []),
        ({"rms_db": -31.0}, {"rms_db": -120.0}, []),
        ({"rms_db": -7.0, "clipping_share": 0.1}, SOUND, ["loud", "clipped"]),
        ({"clipping_share": 0.0005}, SOUND, []),
        ({"clipping_share": 0.01}, {"clipping_share": 0.02}, []),
        ({"loop_correlation": 0.997, "loop_seconds": 1.0}, SOUND, ["looping"]),
        ({"loop_correlation": 0.93}, {"loop_correlation": 0.95}, []),
        ({"pattern_correlation": 0.8, "pattern_seconds": 1.0}, SOUND, ["looping"]),
        ({"pattern_correlation": 0.8}, {"pattern_correlation": 0.72}, []),
        ({"dc_share": 0.31}, SOUND, ["offset"]),
        ({"dc_share": 0.31}, {"dc_share": 0.3}, []),
        ({"spectral_flatness": 0.95, "level_range_db": 0.3}, SOUND, ["noise"]),
        ({"spectral_flatness": 0.7}, {"spectral_flatness": 0.6}, []),
        ({"crest_factor_db": 3.0, "loop_correlation": 1.0, "loop_seconds": 0.1}, SOUND, ["flat"]),
        ({"crest_factor_db": 3.0}, {"crest_factor_db": 5.0}, []),
        ({"level_range_db": 0.2}, SOUND, ["flat"]),
        ({"level_range_db": 0.2}, {"level_range_db": 0.7}, []),
        ({"level_range_db": 0.0}, SOUND, []),
        ({"copied_share_training": 0.6}, SOUND, ["copied"]),
        ({"copied_share_training": 0.5}, SOUND, []),
    ],
)
def test_verdicts_on_sound(change: dict[str, float], learned: dict[str, float], expected: list[str]):
    assert codes("audio", SOUND | change, learned) == expected


@pytest.mark.parametrize(
    ("change", "learned", "expected"),
    [
        ({"num_notes": 0}, {}, ["silent"]),
        ({"longest_run": 9}, {}, ["stuck"]),
        ({"longest_run": 8}, {}, []),
        ({"longest_run": 12}, {"longest_run": 6}, []),
        ({"longest_run": 12}, {"longest_run": 5}, ["stuck"]),
        ({"longest_run": 42, "top_note_share": 0.43, "loop_share": 0.95}, {}, ["stuck", "monotonous"]),
        ({"loop_share": 1.0}, {}, ["looping"]),
        ({"longest_loop": 33}, {}, ["looping"]),
        ({"longest_loop": 33}, {"longest_loop": 17}, []),
        ({"longest_vamp": 25}, {"longest_vamp": 12}, ["looping"]),
        ({"longest_vamp": 25}, {"longest_vamp": 13}, []),
        ({"longest_vamp": 25, "longest_loop": 33, "longest_run": 9}, {}, ["stuck"]),
        ({"top_note_share": 0.4}, {"top_note_share": 0.45}, []),
        ({"copied_ngram_share_training": 0.6}, {}, ["copied"]),
        ({"copied_ngram_share_training": 0.5}, {}, []),
        ({"copied_ngram_share_training": 0.9, "copied_varied_share_training": 0.5}, {}, []),
        ({"copied_ngram_share_training": 0.6, "copied_varied_share_training": 0.7}, {}, ["copied"]),
        ({"note_density": 0.1}, {"note_density": 4.0}, ["thin"]),
        ({"note_density": 1.0}, {"note_density": 4.0}, []),
        ({"pause_share": 0.6}, {}, ["thin"]),
        ({"pause_share": 0.6}, {"pause_share": 0.4}, []),
        ({"highest_centre": 105.0}, {"lowest_pitch": 40, "highest_pitch": 80}, ["out_of_range"]),
        ({"highest_centre": 97.0}, {"lowest_pitch": 40, "highest_pitch": 80}, []),
        ({"lowest_centre": 20.0}, {"lowest_pitch": 40, "highest_pitch": 80}, ["out_of_range"]),
    ],
)
def test_verdicts_on_notes(change: dict[str, float], learned: dict[str, float], expected: list[str]):
    assert codes("midi", NOTES | change, learned) == expected


def test_of_several_songs_the_one_that_goes_furthest_sets_the_limit():
    calm, busy = SOUND | {"crest_factor_db": 4.0, "loop_correlation": 0.2}, SOUND | {"loop_correlation": 0.96}
    found = learned_from([calm, busy])
    assert (found["crest_factor_db"], found["loop_correlation"]) == (4.0, 0.96)
    assert learned_from([]) == {}


def test_a_verdict_brings_evidence_cause_and_remedy():
    (verdict,) = verdicts("audio", SOUND | {"loop_correlation": 0.997, "loop_seconds": 0.5})
    assert (verdict.metric, verdict.value, verdict.limit) == ("loop_correlation", 0.997, sound_rules.LOOP)
    assert "0.50 s" in verdict.cause
    document = json.loads(json.dumps(verdict.to_json()))
    assert document["remedies"][0] == {
        "text": "Generate again with a higher temperature.",
        "action": "generate",
        "factors": {"temperature": 1.25},
        "values": {},
        "unless": {"greedy": True, "mode": "predict", "representation": "blocks"},
    }


def test_every_verdict_names_a_known_metric_and_has_a_remedy():
    bad_sound = SOUND | {"clipping_share": 1.0, "loop_correlation": 1.0, "rms_db": 0.0, "dc_share": 0.4}
    bad_sound |= {"copied_share_training": 1.0}
    bad_notes = NOTES | {"longest_run": 9, "top_note_share": 1.0, "copied_ngram_share_training": 1.0}
    bad_notes |= {"note_density": 0.0, "highest_centre": 120.0}
    found = [*verdicts("audio", bad_sound, SOUND), *verdicts("midi", bad_notes, NOTES)]
    found += [*verdicts("audio", SOUND | {"rms_db": -99.0}, SOUND), *verdicts("midi", NOTES | {"loop_share": 1.0})]
    found += [
        *verdicts("audio", SOUND | {"spectral_flatness": 1.0}, SOUND),
        *verdicts("audio", SOUND | {"dc_share": 1.0}),
    ]
    found += verdicts("audio", SOUND | {"crest_factor_db": 0.0}, SOUND)
    assert {verdict.code for verdict in found} == {
        "silent", "loud", "clipped", "looping", "stuck", "monotonous", "copied", "faint", "offset", "noise", "flat",
        "thin", "out_of_range",
    }  # fmt: skip
    for verdict in found:
        assert glossary.metric(verdict.metric)
        assert verdict.remedies
        assert verdict.cause.endswith(".")


# What real sounds and scores get. The songs are plucked tones, and chords with a melody.


def sound(samples: np.ndarray) -> Waveform:
    return Waveform(np.atleast_2d(samples).clip(-1, 1).astype(np.float32), RATE)


MUSIC = plucked(24 * RATE, seed=3)
SECOND = MUSIC.samples[:, 5 * RATE : 6 * RATE]
TIME = np.arange(10 * RATE) / RATE
BAD_SOUNDS = {
    "silence": (np.zeros((1, 4 * RATE)), ["silent"]),
    "a constant": (np.full((1, 4 * RATE), 0.4), ["silent"]),
    "clipped": (2.5 * plucked(10 * RATE, seed=8).samples, ["clipped"]),
    "faint": (0.05 * plucked(10 * RATE, seed=8).samples, ["faint"]),
    "one second again and again": (np.tile(SECOND, (1, 12)), ["looping"]),
    "a tenth of a second again and again": (np.tile(SECOND[:, :800], (1, 100)), ["looping"]),
    "five seconds again and again": (np.tile(MUSIC.samples[:, : 5 * RATE], (1, 4)), ["looping", "copied"]),
    "a loop with noise in it": (np.tile(SECOND, (1, 12)) + RNG.normal(0, 0.02, (1, 12 * RATE)), ["looping"]),
    "driven into a limiter": (0.2 * np.tanh(200 * plucked(10 * RATE, seed=8).samples), ["flat"]),
    "half a wave": (np.maximum(plucked(10 * RATE, seed=8).samples, 0), ["offset"]),
    "white noise": (RNG.normal(0, 0.1, 10 * RATE), ["noise"]),
    "dark noise": (np.convolve(RNG.normal(0, 0.1, 10 * RATE), np.hanning(16), "same"), ["noise"]),
    "a tone": (0.2 * np.sin(2 * np.pi * 220 * TIME), ["flat"]),
    "a held chord": (sum(0.06 * np.sin(2 * np.pi * f * TIME) for f in (220, 277, 330, 415)), ["flat"]),
    "a copy, 14 dB softer and upside down": (-0.2 * plucked(24 * RATE, seed=3).samples, ["faint", "copied"]),
    "other music of the kind": (plucked(20 * RATE, seed=9).samples, []),
}


@pytest.mark.parametrize("name", BAD_SOUNDS)
def test_what_is_wrong_with_a_sound_is_found(name: str):
    samples, expected = BAD_SOUNDS[name]
    learned = learned_from([audio.describe(MUSIC)])
    piece = song(sound(samples))
    from musicgen.evaluation.sound_copies import find_sound_copies

    found = audio.describe(piece.clip.content) | find_sound_copies(piece.clip.content, [song(MUSIC)]).metrics()
    found_codes = codes("audio", found, learned)
    if "again and again" in name or "loop" in name:  # pieces of the song, so copied or not by their length
        found_codes = [code for code in found_codes if code != "copied" or "copied" in expected]
    assert found_codes == expected


def test_a_loop_of_ever_new_phases_is_found_by_its_levels():
    rng = np.random.default_rng(0)
    steps = np.tile(rng.uniform(0, 1, (6, 12)) > 0.6, (1, 8))  # six bands, a bar of twelve steps, eight times
    frequency = np.fft.rfftfreq(20 * RATE, 1 / RATE)
    bands = []
    for low in (100, 250, 500, 900, 1500, 2500):
        spectrum = np.fft.rfft(rng.normal(size=20 * RATE)) * ((frequency > low) & (frequency < 1.5 * low))
        bands.append(np.fft.irfft(spectrum))
    levels = np.repeat(steps, 20 * RATE // steps.shape[1], axis=1)
    mixed = sum(band[: levels.shape[1]] * level for band, level in zip(bands, levels, strict=True))
    found = audio.describe(sound(mixed / 4))
    assert found["loop_correlation"] < 0.3
    assert found["pattern_correlation"] > sound_rules.PATTERN
    assert found["pattern_seconds"] == pytest.approx(2.5, abs=0.1)


def test_a_slow_fade_is_no_loop():
    music = plucked(20 * RATE, seed=9).samples
    for shape in (np.exp(-np.linspace(0, 5, 20 * RATE)), np.sin(np.linspace(0, np.pi, 20 * RATE))):
        assert audio.describe(sound(music * shape))["pattern_correlation"] < 0.5


BAD_NOTES = {
    "one note": (melody([60] * 80), ["stuck", "monotonous"]),
    "a figure in a circle": (melody([60, 64, 67, 72] * 20), ["looping"]),
    "a figure in a circle, after another beginning": (
        melody([*RNG.permutation(40) + 40, *[60, 64, 67, 72] * 10]),
        ["looping"],
    ),
    "two notes and another between": (melody([*RNG.permutation(40) + 40, *RNG.choice([60, 61, 72], 40)]), ["looping"]),
    "a copy in another key": (None, ["copied"]),
    "hardly anything": (Score(make_notes([0, 60_000, 90_000], 480, [60, 64, 67], 80), 480), ["thin"]),
    "climbing for ever": (melody([40 + step // 2 + step % 5 for step in range(160)]), ["out_of_range"]),
    "other music of the kind": (chords(24, seed=9), []),
}


@pytest.mark.parametrize("name", BAD_NOTES)
def test_what_is_wrong_with_notes_is_found(name: str):
    learned = song(chords(24, seed=3))
    score, expected = BAD_NOTES[name]
    if score is None:
        notes = learned.clip.content.notes.copy()
        notes["pitch"] += 5
        score = Score(notes, 480, learned.clip.content.tracks)
    described = describe_clip(song(score).clip, training_clips=[learned])
    assert [verdict["code"] for verdict in described["verdicts"]] == expected
    assert described["copied"]["num_songs"] == 1


def test_of_a_large_library_the_first_songs_are_read(monkeypatch: pytest.MonkeyPatch):
    songs = [song(chords(12, seed=number), number) for number in range(3)]
    monkeypatch.setattr(note_copies, "MAX_SONGS", 2)
    found = note_copies.find_copies(songs[0].clip.content, songs)
    assert (found.share, found.num_songs, found.of_songs) == (1.0, 2, 3)
    assert "(of the first 2 of 3 training songs)" in found.to_json()["text"]


def test_a_prediction_is_no_copy():
    piece = song(chords(24, seed=3))
    described = describe_clip(piece.clip, training_clips=[piece], given=Given(1e9))
    assert (described["verdicts"], described["copied"]) == ([], None)
    assert "copied_ngram_share_training" not in described["metrics"]
