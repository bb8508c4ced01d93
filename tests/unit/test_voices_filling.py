"""Filling in: what stays is equal to the bit, whichever voices and bars are made anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.drafting import cells_anew
from musicgen.approaches.voices.drawing import sizes_of
from musicgen.approaches.voices.examples import told
from musicgen.approaches.voices.faults import faults, faults_per_beat
from musicgen.approaches.voices.filling_pieces import task_of, written
from musicgen.approaches.voices.filling_sampler import COOLED, FillingSampler, cooling
from musicgen.approaches.voices.grid import REST, score_to_grid
from musicgen.approaches.voices.keeping import bar_of_steps, new_cells, read_bars, read_voices
from musicgen.approaches.voices.repairing import repairs_of
from musicgen.approaches.voices.whole_notes import note_starts
from musicgen.contract.made import Order
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidParameter
from musicgen.networks import programs
from musicgen.sampling.rules import Rules
from musicgen.symbolic.score import Score, make_notes
from tests.makers_midi import four_part_score
from tests.makers_music import melody, song

VOICES = approach("voices")
NAMES = ("Soprano", "Alto", "Tenor", "Bass")


def test_voices_are_told_by_name_or_number() -> None:
    assert read_voices("soprano, 4", NAMES) == [0, 3]
    assert read_voices("", NAMES) == []
    with pytest.raises(InvalidParameter, match=r"soprano, alto, tenor, bass.*'viola'"):
        read_voices("viola", NAMES)


def test_bars_are_told_one_by_one_or_from_to() -> None:
    assert read_bars("1, 3-5", 8) == [0, 2, 3, 4]
    assert read_bars("", 3) == [0, 1, 2]
    for bad in ("9", "5-3", "0", "x", "2-"):
        with pytest.raises(InvalidParameter, match="1 to 8"):
            read_bars(bad, 8)


def test_a_note_goes_with_the_bar_in_which_it_begins() -> None:
    onsets, durations = [0, 1440, 2880, 3840], [1440, 1440, 960, 480]  # one is held over each barline
    score = Score(make_notes(onsets * 2, durations * 2, [72, 71, 69, 67, 60, 59, 57, 55], 80), 480)
    grid = score_to_grid(score, None, 2)
    bars = bar_of_steps(grid, 4, 16)
    free, removed = new_cells(grid, [], bars, [1])
    assert sorted(score.notes["pitch"][grid.numbers[removed]].tolist()) == [57, 69]
    assert free[:, 0].tolist() == [24 <= step < 32 for step in range(36)]
    _, nothing = new_cells(grid, [0, 1], bars, [1])
    assert not nothing.any()


def test_a_variation_writes_some_beats_of_some_voices_anew() -> None:
    free = np.zeros((64, 4), dtype=bool)
    free[16:48, 1:] = True
    assert (cells_anew(free, 1.0, 4, seed=1) == free).all()
    drawn = np.array([cells_anew(free, 0.3, 4, seed) for seed in range(200)])
    assert not (drawn & ~free).any()
    assert drawn[:, free].mean() == pytest.approx(0.3, abs=0.03)
    beats = drawn.reshape(200, 16, 4, 4)
    assert (beats.all(axis=2) == beats.any(axis=2)).all(), "whole beats"


def a_choice(number: int) -> tuple[list[int], int, int]:
    """Voices that stay, the first and the last bar made anew."""
    rng = np.random.default_rng([5, number])
    first = int(rng.integers(1, 9))
    return sorted(rng.permutation(4)[: rng.integers(0, 4)].tolist()), first, int(rng.integers(first, 9))


def assert_only_that_changed(source: Score, made: Score, stays: list[int], first: int, last: int) -> None:
    begins = source.notes["onset_ticks"] // 1920 + 1
    kept = source.notes[np.isin(source.notes["track"], stays) | (begins < first) | (begins > last)]
    assert made.tracks == source.tracks
    assert {row.tobytes() for row in kept} <= {row.tobytes() for row in made.notes}
    others = made.notes[~np.isin(made.notes, kept)]
    assert not np.isin(others["track"], stays).any()
    assert ((others["onset_ticks"] // 1920 + 1 >= first) & (others["onset_ticks"] // 1920 + 1 <= last)).all()


def test_whatever_is_written_what_stays_is_equal_to_the_bit() -> None:
    """200 choices of voices and bars, and anything at all instead of what a network would say."""
    source, rng = uneven(four_part_score(32)), np.random.default_rng(5)
    grid = score_to_grid(source, None, 4)
    low, high = int(grid.pitches.min()), int(grid.pitches.max())
    codec = GridCodec.spanning(grid.pitches, ranges=((low, high),) * 4, programs=(52,) * 4)
    for number in range(200):
        stays, first, last = a_choice(number)
        values = {"keep_voices": ",".join(str(each + 1) for each in stays), "new_bars": f"{first}-{last}"}
        task = task_of(codec, grid, source, read_parameters(VOICES.Generation, values))
        ids = rng.integers(0, codec.values, grid.pitches.shape).astype(np.int32)
        made = written(codec, task, ids, (rng.random(ids.shape) < 0.3) & (ids > 0), None)
        assert_only_that_changed(source, made, stays, first, last)


def test_less_and_less_is_left_to_chance() -> None:
    factors = [cooling(number, 20) for number in range(20)]
    assert factors == sorted(factors, reverse=True)
    assert factors[0] < 1
    assert factors[-1] == pytest.approx(COOLED)
    assert cooling(0, 1) == pytest.approx(COOLED)


@pytest.fixture(scope="module")
def trained() -> Any:
    training = read_parameters(VOICES.Training, VOICES.tiny.training)
    source = song(uneven(four_part_score(32)))
    prepared = VOICES.prepare([source], training)
    return VOICES.build(prepared.codec, training, seed=1), prepared.codec, training, source


@pytest.mark.numeric
class TestFilled:
    def fill(self, trained: Any, source: Any = None, seeds: tuple[int, ...] = (1,), **values: Any) -> list[Score]:
        networks, codec, training, usual = trained
        generation = read_parameters(VOICES.Generation, {"prompt_use": "fill_in", "rounds": 4, **values})
        order = Order(generation, seeds, [usual], source or usual)
        return [made.content for made in VOICES.generate(networks, codec, training, order)]

    def test_what_stays_is_equal_to_the_bit(self, trained: Any) -> None:
        for number in range(6):
            stays, first, last = a_choice(number)
            (made,) = self.fill(
                trained, seeds=(number,), keep_voices=",".join(str(each + 1) for each in stays),
                new_bars=f"{first}-{last}", rounds=2,
            )  # fmt: skip
            assert_only_that_changed(trained[3].clip.score(), made, stays, first, last)

    def test_no_voice_has_two_notes_at_once(self, trained: Any) -> None:
        for made in self.fill(trained, seeds=(1, 2, 3), new_bars="2-5", keep_voices="soprano"):
            for track in range(4):
                notes = made.notes[made.notes["track"] == track]
                ends = notes["onset_ticks"] + notes["duration_ticks"]
                assert (ends[:-1] <= notes["onset_ticks"][1:]).all()

    def test_a_tune_gets_the_other_voices(self, trained: Any) -> None:
        tune = melody([72, 74, 76, 77, 79, 77, 76, 74] * 2)
        (made,) = self.fill(trained, song(tune))
        np.testing.assert_array_equal(made.notes[made.notes["track"] == 0], tune.notes)
        assert [track.name for track in made.tracks[1:]] == ["Alto", "Tenor", "Bass"]

    def test_seeds_differ_and_repeat(self, trained: Any) -> None:
        one, two = self.fill(trained, seeds=(1, 2), new_bars="1-4")
        (again,) = self.fill(trained, seeds=(1,), new_bars="1-4")
        assert not np.array_equal(one.notes, two.notes)
        np.testing.assert_array_equal(one.notes, again.notes)

    def test_a_variation_keeps_most_of_what_was_there(self, trained: Any) -> None:
        source = trained[3].clip.score()
        shares = []
        for variation in (0.1, 1.0):
            (made,) = self.fill(trained, variation=variation)
            theirs = {(row["onset_ticks"], row["pitch"], row["track"]) for row in source.notes}
            ours = {(row["onset_ticks"], row["pitch"], row["track"]) for row in made.notes}
            shares.append(len(theirs & ours) / len(theirs))
        assert shares[1] < 0.5 < shares[0] < 1.0

    def test_a_note_chosen_again_keeps_its_length_and_agrees_with_itself(self, trained: Any) -> None:
        networks, codec, training, source = trained
        sizes = sizes_of(training, codec.values, 4)
        grid = codec.song(score_to_grid(source.clip.score(), None, 4))
        arrays = told(grid, 0, len(grid))
        names = ("ids", "struck", "place", "bar", "near", "is_beat")
        pieces = {name: np.repeat(arrays[name][None], 2, axis=0) for name in names}
        free = np.zeros((2, len(grid), 4), dtype=bool)
        free[:, 8:40] = True
        sampler = FillingSampler(networks.models["voices"], sizes, codec.allowed(), Rules(2.0))
        seen: list[int] = []
        made = sampler.settled(pieces, free, 4, 12, [1, 2], lambda done, _: seen.append(done))
        assert seen == list(range(1, 13))
        np.testing.assert_array_equal(made["struck"], pieces["struck"])
        changed = made["ids"] != pieces["ids"]
        assert changed.mean(axis=(1, 2)).min() > 0.02
        assert not (changed & ~free).any()
        assert not np.array_equal(made["ids"][0], made["ids"][1])
        for piece in range(2):
            starts = note_starts(made["ids"][piece], made["struck"][piece] > 0)
            np.testing.assert_array_equal(starts, note_starts(grid.ids, grid.struck))
        np.testing.assert_array_equal(made["ids"] == 0, pieces["ids"] == 0)

    def test_another_seed_and_temperature_need_no_other_program(self, trained: Any) -> None:
        self.fill(trained, seeds=(1,), new_bars="2-3")
        known = set(programs._programs)
        self.fill(trained, seeds=(2,), new_bars="2-3", temperature=0.8)
        assert set(programs._programs) == known

    def test_it_needs_a_network_that_fills_in(self, trained: Any) -> None:
        networks, codec, training, source = trained
        generation = read_parameters(VOICES.Generation, {"prompt_use": "fill_in"})
        other = training.model_copy(update={"fill_in": False})
        with pytest.raises(InvalidParameter, match="trained with fill_in"):
            list(VOICES.generate(networks, codec, other, Order(generation, [1], [source], source)))


@pytest.mark.numeric
def test_a_new_piece_is_revised_as_often_as_asked_and_its_prompt_is_not(trained: Any) -> None:
    networks, codec, training, source = trained

    def grid_of(rounds: int, repairs: int) -> Any:
        values = {"bars": 6, "rounds": rounds, "repairs": repairs, "prompt_bars": 2, "keep_prompt": True}
        order = Order(read_parameters(VOICES.Generation, values), [3], [source], source)
        (made,) = VOICES.generate(networks, codec, training, order)
        return score_to_grid(made.content, None, 4)

    plain, revised, repaired = grid_of(0, 0), grid_of(12, 0), grid_of(0, 60)
    for grid in (revised, repaired):
        np.testing.assert_array_equal(grid.pitches[:32], plain.pitches[:32])
        assert (grid.pitches[32:] != plain.pitches[32:]).mean() > 0.02
        np.testing.assert_array_equal(grid.pitches == REST, plain.pitches == REST)
    before, after = (faults(np.maximum(grid.pitches, 0)).sum(axis=(1, 2)) for grid in (plain, repaired))
    assert after[:2].sum() < 0.7 * before[:2].sum()
    assert after[2] < 0.8 * before[2]


def uneven(score: Score) -> Score:
    """The score with velocities of its own and one long note held over a barline."""
    notes = score.notes.copy()
    notes["velocity"] = 60 + np.arange(len(notes)) % 40
    return replace(score, notes=notes)


class TestRepairs:
    PARALLEL = np.array([[36, 29, 24, 17]] * 4 + [[38, 31, 26, 19]] * 4 + [[38, 29, 26, 14]] * 8, dtype=np.int32)

    def test_parallels_crossings_and_clashes_are_found_where_they_begin(self) -> None:
        ids = self.PARALLEL[:, :2].copy()  # a fifth that moves up a tone, then only the lower voice moves
        ids[12:, 1] = 40  # above the upper voice
        found = faults(ids)
        assert np.argwhere(found).tolist() == [[0, 4, 0], [1, 12, 0], [2, 12, 0]]
        silent = ids.copy()
        silent[14:, 0] = 0
        assert np.array_equal(faults(silent)[2], found[2])  # that a voice falls silent is no new clash
        rest = ids.copy()
        rest[3, 1] = 0
        assert not faults(rest)[0].any()
        assert faults_per_beat([ids], 4) == (0.25, 0.25, 0.25)

    def test_one_note_that_takes_part_is_chosen_again(self) -> None:
        free = np.zeros(self.PARALLEL.shape, dtype=bool)
        free[:, 1] = True
        (repair,) = repairs_of(self.PARALLEL, free, (0.0, 0.0), 4, np.random.default_rng(0))
        assert repair.note.voice == 1
        assert repair.note.steps in (slice(0, 4), slice(4, 8))
        assert not repairs_of(self.PARALLEL, free, (9.0, 0.0), 4, np.random.default_rng(0)), "as many as usual"
        assert not repairs_of(self.PARALLEL, np.zeros_like(free), (0.0, 0.0), 4, np.random.default_rng(0)), "all stay"

    def test_a_repair_stays_only_if_it_helps(self) -> None:
        free = np.ones(self.PARALLEL.shape, dtype=bool)
        repair = repairs_of(self.PARALLEL, free, (0.0, 0.0), 4, np.random.default_rng(0))[0]
        better = self.PARALLEL.copy()
        better[:, 1] = 33
        assert repair.is_better(self.PARALLEL, better)
        assert not repair.is_better(better, self.PARALLEL)
        assert not repair.is_better(better, better)
