"""Passages that also occur in a song: in any key, at another tempo, with wrong notes; placed; none by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import librosa
import numpy as np
import pytest
from makers_music import melody

from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.finding_copies import Finding, find_notes, find_sounds
from musicgen.benchmarks.planted_copies import Piece, pairs_of, rendered
from musicgen.evaluation.melodic_lines import melodic_lines
from musicgen.evaluation.note_passages import note_passages
from musicgen.evaluation.passages import BorrowedPassage, covered_seconds, distinct
from musicgen.evaluation.pitch_onsets import FineOnsets, pitch_onsets
from musicgen.evaluation.sound_extent import FinePair
from musicgen.evaluation.sound_passages import GAP, STEPS, best_path, is_pitched, sound_passages
from musicgen.songs.synth_study import CHORDS, synth_study
from musicgen.symbolic.score import Score, TempoChange, Track, make_notes

SCALE = np.array([55, 57, 59, 60, 62, 64, 66, 67, 69, 71, 72, 74, 76, 78, 79])
LENGTHS = np.array([240, 240, 480, 480, 480, 720, 960])


def tune(seed: int, num_notes: int = 150, voices: int = 1) -> Score:
    """A wandering melody with rhythm, in one or more voices; 100 quarter notes a minute."""
    rng = np.random.default_rng(seed)
    rows = []
    for voice in range(voices):
        tick, place = 0, int(rng.integers(3, 11))
        for _ in range(num_notes):
            length = int(rng.choice(LENGTHS))
            place = int(np.clip(place + rng.choice([-4, -3, -2, -1, -1, 0, 1, 1, 2, 3, 4]), 0, len(SCALE) - 1))
            rows.append((tick, length, int(SCALE[place]) - 7 * voice, 80, voice))
            tick += length
    tracks = tuple(Track(f"Voice {voice}") for voice in range(voices))
    return Score(make_notes(*np.array(rows).T), 480, tracks, (TempoChange(0, 100.0),))


def pieces(count: int, **options: int) -> list[Piece]:
    return [Piece(f"tune {seed}", str(seed % 2), tune(seed, **options)) for seed in range(count)]


def moved(score: Score, semitones: int, tempo: float) -> Score:
    notes = score.notes.copy()
    notes["pitch"] = notes["pitch"].astype(int) + semitones
    return replace(score, notes=notes, tempos=(TempoChange(0, 100.0 * tempo),))


def test_pairs_differ_and_half_of_them_are_alike_until_there_are_too_few_pieces() -> None:
    few = pieces(6)  # 12 pairs from one collection, 18 others
    drawn = pairs_of(few, 24, np.random.default_rng(0))
    assert len({(one.name, other.name) for one, other in drawn}) == 24
    assert all(one.name != other.name for one, other in drawn)
    assert [one.collection == other.collection for one, other in drawn] == [True, False] * 12
    with pytest.raises(ValueError, match="12 pairs from one collection"):
        pairs_of(few, 26, np.random.default_rng(0))


def test_planted_notes_are_found_where_they_are_and_nothing_else() -> None:
    found = find_notes(pieces(12), num_pairs=60, seed=1)
    assert found.num_pairs == 60
    assert found.found >= 0.95 * 60
    assert found.placed >= 0.9 * 60
    assert found.false_alarms <= 0.05 * 60


def test_planted_sound_is_found_and_nothing_else() -> None:
    found = find_sounds(pieces(4, num_notes=60, voices=2), num_pairs=3, seed=1, share=0.2)
    assert found.found == 3
    assert found.false_alarms == 0


@pytest.mark.slow
def test_copies_in_pieces_of_the_corpus_are_found() -> None:
    """Fewer pairs than `scripts/originality.py`, on the same pieces."""
    from scripts.originality import measure

    for kind, most, least in (("notes", 0.07, 0.9), ("sounds", 0.07, 0.9)):
        found = measure(kind, "measure", 30, seed=4)
        assert found.found >= least * found.num_pairs, kind
        assert found.false_alarms <= most * found.num_pairs, kind


@pytest.mark.parametrize(("semitones", "tempo"), [(0, 1.0), (5, 1.1), (-7, 0.8), (12, 2.0)])
def test_a_whole_copy_says_how_it_was_moved(semitones: int, tempo: float) -> None:
    song = tune(3)
    (found, *_) = sorted(note_passages(moved(song, semitones, tempo), song), key=lambda each: each.start - each.stop)
    assert (found.semitones, found.tempo_ratio) == (semitones, pytest.approx(tempo, abs=0.01))
    assert found.stop - found.start > 0.95 * song.seconds / tempo
    assert found.similarity > 0.99


def test_notes_without_their_rhythm_are_found_if_there_are_many() -> None:
    song = tune(4)
    even = melody([int(pitch) for pitch in song.notes["pitch"][20:70]])
    (found, *_) = note_passages(even, song)
    assert found.num_notes >= 40
    assert found.song_start == pytest.approx(float(song.onset[20]), abs=1.0)


def test_scales_and_repeated_figures_that_both_have_are_no_copy() -> None:
    scales = [60 + step for step in (0, 2, 4, 5, 7, 9, 11, 12)] * 4
    figures = [60, 64, 67, 64] * 12
    for common in (scales, figures, [60] * 60):
        one = [*tune(5).notes["pitch"][:40].tolist(), *common[:10]]
        other = [*tune(6).notes["pitch"][:40].tolist(), *common]
        assert note_passages(melody(one), melody(other)) == [], common


def test_a_melody_hidden_in_other_voices_is_found() -> None:
    song, host = tune(7), tune(8, voices=3)
    part = song.notes[30:60].copy()
    part["onset_ticks"] += 4800 - part["onset_ticks"][0]
    part["track"] = 1
    kept = host.notes[host.notes["track"] != 1]
    found = note_passages(replace(host, notes=np.concatenate([kept, part])), song)
    assert any(abs(each.start - 6.0) < 0.6 and each.num_notes >= 25 for each in found)


@pytest.mark.parametrize(("ticks", "is_found"), [(3600, True), (1700, False)])
def test_a_few_notes_in_each_of_four_voices_are_found_together(ticks: int, is_found: bool) -> None:
    """As two bars of slow music are; but not a cadence, of which all music of its time has the like."""
    song, host, begin = tune(11, voices=4), tune(12, voices=4), 4800
    inside = (song.notes["onset_ticks"] >= 9600) & (song.notes["onset_ticks"] < 9600 + ticks)
    part = song.notes[inside].copy()
    assert max(np.bincount(part["track"])) <= 8
    part["onset_ticks"] += begin - 9600
    onset = host.notes["onset_ticks"]
    kept = host.notes[(onset < begin) | (onset >= begin + ticks)]
    found = note_passages(replace(host, notes=np.concatenate([kept, part])), song)
    assert [abs(each.start - 6.0) < 1.0 and each.num_notes >= 20 for each in found] == [True] * is_found


def test_nothing_to_compare_finds_nothing() -> None:
    empty = Score(make_notes([], [], [], []), 480)
    assert note_passages(empty, tune(1)) == note_passages(tune(1), empty) == note_passages(melody([60]), tune(1)) == []
    silent = Waveform(np.zeros((1, 110_250), np.float32), 11_025)
    sound = rendered(tune(1, num_notes=40))
    for one, other in ((silent, sound), (sound, silent), (silent, silent), (Waveform(np.zeros(50), 8_000), sound)):
        assert sound_passages(one, other) == []


def test_a_moved_sound_is_found_whole() -> None:
    song = tune(9, num_notes=60, voices=2)
    (found, *_) = sound_passages(rendered(moved(song, 3, 1.05)), rendered(song))
    assert (found.semitones, found.tempo_ratio) == (3, 1.05)
    assert found.stop - found.start > 0.9 * song.seconds / 1.05


@pytest.mark.parametrize(("semitones", "tempo"), [(0, 1.0), (3, 1.04), (-4, 0.93)])
def test_a_passage_of_sound_is_placed_to_a_beat_and_chance_is_no_passage(semitones: int, tempo: float) -> None:
    host, song = tune(1, num_notes=60, voices=2), tune(9, num_notes=60, voices=2)
    begin, length = 20.0, 9.0  # of the song, in seconds; a beat is 0.6 s
    inside = (song.onset >= begin) & (song.onset < begin + length)
    copied = song.notes[inside].copy()
    first = copied["onset_ticks"].min()
    start = 12 * 800  # ticks; 800 are a second
    copied["onset_ticks"] = start + (copied["onset_ticks"] - first) / tempo
    copied["duration_ticks"] = copied["duration_ticks"] / tempo
    copied["pitch"] = copied["pitch"].astype(int) + semitones
    stop = int((copied["onset_ticks"] + copied["duration_ticks"]).max())
    stays = (host.notes["onset_ticks"] + host.notes["duration_ticks"] <= start) | (host.notes["onset_ticks"] >= stop)
    planted = replace(host, notes=np.concatenate([host.notes[stays], copied]))
    (found,) = sound_passages(rendered(planted), rendered(song))
    assert found.start == pytest.approx(start / 800, abs=0.3)
    assert found.stop == pytest.approx(stop / 800, abs=0.6)
    assert found.song_start == pytest.approx(first / 800, abs=0.3)
    assert found.song_stop == pytest.approx(first / 800 + (stop - start) / 800 * tempo, abs=0.6)
    elsewhere = FinePair(pitch_onsets(rendered(planted)), pitch_onsets(rendered(song))).extent(
        replace(found, start=found.start + 12.0, stop=found.stop + 12.0)
    )
    assert not elsewhere.is_certain


def test_a_path_is_as_good_as_the_best_of_librosa(monkeypatch: pytest.MonkeyPatch) -> None:
    uncompiled = vars(librosa.sequence)["__rqa_dp"].py_func
    monkeypatch.setattr(librosa.sequence, "__rqa_dp", uncompiled)  # compiling takes half a minute
    rng = np.random.default_rng(0)
    for shape in rng.integers(2, 20, (60, 2)):
        alike = np.round(rng.normal(rng.uniform(-1.0, 1.0), 1.0, shape), int(rng.integers(0, 3)))
        gains, path = np.maximum(alike, 0.0), best_path(alike)
        scores = librosa.sequence.rqa(gains, gap_onset=GAP, gap_extend=GAP, knight_moves=True, backtrack=False)
        along = [gains[row, column] for row, column in path]
        assert sum(gain if gain > 0 else -GAP for gain in along) == pytest.approx(scores.max())
        assert {(int(up), int(left)) for up, left in np.diff(path, axis=0)} <= set(STEPS)
        assert (path >= 0).all()
        assert (path < shape).all()


def test_a_path_may_begin_in_the_first_columns_and_nothing_alike_has_none() -> None:
    alike = np.full((6, 5), -1.0)
    alike[range(1, 6), range(5)] = 0.4
    assert best_path(alike).tolist() == [[1, 0], [2, 1], [3, 2], [4, 3], [5, 4]]
    assert best_path(np.full((4, 4), -1.0)).shape == (0, 2)


def test_lines_read_each_voice_and_the_highest_and_lowest_of_all() -> None:
    lines = melodic_lines(tune(2, num_notes=20, voices=2))
    assert lines.is_first.sum() == lines.num_notes == 40
    assert np.unique(lines.line).size >= 3


def test_what_is_covered_twice_counts_once() -> None:
    one = BorrowedPassage(1.0, 4.0, "a", "A", 0.0, 3.0)
    other = replace(one, start=3.0, stop=6.0, song_start=10.0, song_stop=13.0)
    assert covered_seconds([one, other]) == 5.0
    assert covered_seconds([]) == 0.0
    assert distinct([one, replace(one, start=1.2), other]) == [one, other]


def test_a_finding_is_json() -> None:
    assert Finding(10, 9, 8, 1, 5, 1, 4).to_json()["found"] == 9


def test_the_same_drums_are_no_passage_and_the_same_chords_over_them_are() -> None:
    """Two studies have the same drums, bass rhythm and figures; only the chords tell them apart."""

    def study(chords: Sequence[tuple[int, ...]], *, seed: int = 1, tempo: float = 100.0) -> FineOnsets:
        return pitch_onsets(synth_study(seed, sample_rate=22_050, tempo=tempo, chords=chords).to_mono())

    others = ((50, 54, 57), (52, 55, 59), (47, 50, 54), (45, 49, 52))  # D, Em, Bm, A
    one, other = study(CHORDS), study(others)
    assert sound_passages(other, one) == []
    (passage,) = sound_passages(study(CHORDS, seed=2, tempo=104.0), one)
    assert (passage.semitones, passage.stop - passage.start > 10) == (0, True)
    aligned = BorrowedPassage(0.0, 20.0, "", "", 0.0, 20.0, 0, 1.0, 0.8)
    assert is_pitched(aligned, one, one)
    assert not is_pitched(aligned, other, one)
