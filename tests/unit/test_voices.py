"""Voices on a grid: reading scores, looking up what came before, and the network that goes on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.voices.assigning import LEFT_OUT, count_voices
from musicgen.approaches.voices.codec import GridCodec
from musicgen.approaches.voices.drawing import sizes_of
from musicgen.approaches.voices.examples import (
    LAST_BEATS,
    GridExamples,
    GridSong,
    hidden_notes,
    nearness,
    surroundings,
    told,
)
from musicgen.approaches.voices.grid import REST, grid_notes, score_to_grid
from musicgen.approaches.voices.matches import (
    HELD,
    LENGTHS,
    MEMORY,
    SHORTEST,
    classes,
    earlier_matches,
    held_steps,
    longest_silence,
    longest_steps,
)
from musicgen.approaches.voices.network import build_voice_network
from musicgen.approaches.voices.shared_network import KeyFit, PairTables, TonesAround, ToneShares, from_anchor
from musicgen.approaches.voices.sizes import LEFT, STRETCHES, TONES, TONES_REACH, VoiceSizes
from musicgen.approaches.voices.whole_notes import note_starts
from musicgen.contract.made import Order
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput
from musicgen.symbolic.keys import estimate_key
from musicgen.symbolic.metre import Metre
from musicgen.symbolic.score import Score, TimeSignature, make_notes
from tests.makers_midi import four_part_score
from tests.makers_music import MemoryClip, chords, melody, song

VOICES = approach("voices")


def grid_of(score: Score, n_voices: int = 4, **options: Any) -> Any:
    return score_to_grid(score, None, n_voices, **options)


def test_tracks_of_single_notes_are_voices_from_high_to_low() -> None:
    score = four_part_score(8)
    grid = grid_of(score)
    assert grid.pitches.shape == (32, 4)
    for track in range(4):
        lines = score.notes["pitch"][score.notes["track"] == track]
        np.testing.assert_array_equal(grid.pitches[::4, track], lines)
        assert grid.struck[:, track].tolist() == [True, False, False, False] * 8
    assert count_voices(score, None) == 4
    assert grid.left_out == 0
    assert grid.moved == 0.0


def test_chords_are_shared_out_by_height_and_held() -> None:
    grid = grid_of(chords(4))
    assert count_voices(chords(4), None) == 4
    bar = grid.pitches[:16]
    assert (bar[:, 1:] == bar[0, 1:]).all()  # the left hand's triad, held for a bar
    assert grid.struck[:16, 1:].sum(axis=0).tolist() == [1, 1, 1]
    assert (np.diff(bar[0].astype(int)) < 0).all()


def test_more_notes_than_voices_keep_the_outer_ones_and_are_counted() -> None:
    pitches = [40, 52, 56, 59, 64, 71]
    score = Score(make_notes(np.repeat([0, 480], 6), 480, pitches * 2, 80), 480)
    grid = grid_of(score, 3)
    assert grid.left_out == 6
    assert grid.pitches[0].tolist() == [71, 64, 40]
    assert (grid.voices == LEFT_OUT).sum() == 6


def test_a_single_line_is_the_top_voice() -> None:
    grid = grid_of(melody([60, 62, 64, 65]))
    assert grid.pitches[::4, 0].tolist() == [60, 62, 64, 65]
    assert (grid.pitches[:, 1:] == REST).all()


def test_notes_off_the_grid_are_moved_and_counted() -> None:
    score = Score(make_notes([0, 150, 240], 100, [60, 62, 64], 80), 480)
    grid = grid_of(score, 2)
    assert grid.pitches[:, 0].tolist() == [60, 62, 64]
    assert grid.moved == pytest.approx(1 / 3)


def test_the_upbeat_is_counted_from_the_first_note() -> None:
    signatures = (TimeSignature(0, 1, 4), TimeSignature(480, 4, 4))
    grid = grid_of(replace(four_part_score(9), time_signatures=signatures))
    assert grid.metre == Metre(4, 4, Fraction(1))
    codec = codec_of(grid)
    assert codec.song(grid).start == 12  # sixteenths into a bar


def test_a_grid_becomes_the_same_notes_again() -> None:
    score = four_part_score(12)
    grid = grid_of(score)
    codec = codec_of(grid)
    back = codec.to_score(codec.to_ids(grid.pitches), grid.struck, tempo=96.0, metre=grid.metre)
    for name in ("onset_ticks", "duration_ticks", "pitch", "track"):
        np.testing.assert_array_equal(back.notes[name], score.notes[name])
    assert [track.name for track in back.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert back.time_signatures == (TimeSignature(0, 4, 4),)


def test_a_note_struck_again_is_another_note() -> None:
    pitches = np.full((8, 2), 60, dtype=np.int16)
    struck = np.zeros((8, 2), dtype=bool)
    struck[[0, 4], 0] = struck[0, 1] = True
    onset, duration, _, voice = grid_notes(pitches, struck)
    assert list(zip(voice.tolist(), onset.tolist(), duration.tolist(), strict=True)) == [
        (0, 0, 4),
        (0, 4, 4),
        (1, 0, 8),
    ]


@pytest.mark.parametrize("sharps", range(-5, 7))
@pytest.mark.parametrize("is_minor", [False, True])
def test_the_key_signature_is_that_of_the_key_heard(sharps: int, is_minor: bool) -> None:
    tonic = (7 * sharps + (9 if is_minor else 0)) % 12
    steps = [0, 2, 3, 5, 7, 8, 11, 12, 7, 3, 0] if is_minor else [0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0]
    pitches = np.repeat(np.array(steps) + 60 + tonic, 4)
    ids = np.stack([pitches, np.full(len(pitches), 48 + tonic)], axis=1).astype(np.int16)
    codec = GridCodec.spanning(ids, ranges=((40, 90),) * 2, programs=(0, 0))
    struck = np.ones(ids.shape, dtype=bool)
    score = codec.to_score(codec.to_ids(ids), struck, tempo=100.0, metre=Metre())
    key = estimate_key(score)
    assert (key.tonic, key.is_minor) == (tonic, is_minor)
    (signature,) = score.key_signatures
    assert (signature.sharps, signature.is_minor) == (sharps, is_minor)


def codec_of(grid: Any, **more: Any) -> GridCodec:
    n_voices = grid.pitches.shape[1]
    ranges = tuple((int(line[line != REST].min()), int(line.max())) for line in grid.pitches.T)
    return GridCodec.spanning(grid.pitches, ranges=ranges, programs=(52,) * n_voices, **more)


def slow_match(ids: np.ndarray, step: int, kind: int) -> tuple[int, int]:
    """(step that followed, length) of the longest earlier match by trying all."""
    best = (-1, 0)
    for place in range(max(1, step - MEMORY + 1), step):
        length = 0
        while length < place and (
            (ids[place - 1 - length] == ids[step - 1 - length]).all()
            if kind == 0
            else ids[place - 1 - length, 0] == ids[step - 1 - length, 0]
        ):
            length += 1
        if length >= max(best[1], 1):
            best = place, length
    return best


def test_the_longest_earlier_match_is_found() -> None:
    ids = np.random.default_rng(1).integers(1, 3, (160, 2)).astype(np.int32)
    followed, lengths = earlier_matches(ids, 9)
    found = 0
    for step in range(len(ids)):
        for kind in (0, 1):
            place, length = slow_match(ids, step, kind)
            if length >= SHORTEST:
                found += 1
                assert lengths[step, kind] == length
                np.testing.assert_array_equal(followed[step, kind], ids[place])
            else:
                assert lengths[step, kind] == 0
                assert (followed[step, kind] == 9).all()
    assert found > 100


def test_held_steps_count_from_where_a_note_begins() -> None:
    ids = np.array([[1], [1], [1], [2], [0], [0]], dtype=np.int32)
    struck = np.array([[1], [0], [1], [1], [0], [0]], dtype=bool)
    assert held_steps(ids, struck)[:, 0].tolist() == [1, 2, 1, 1, 1, 2]
    assert classes(np.array([0, 4, 5, 6, 99]), LENGTHS).tolist() == [0, 1, 1, 2, len(LENGTHS)]


def test_tones_are_counted_in_the_song_so_far_and_in_its_last_beats() -> None:
    one = random_song(7, 100)
    made = told(one, 60, 100, counts_tones=True)["tones"]
    for row, step in enumerate(range(60, 100)):
        for stretch, first in enumerate((0, max(0, step - LAST_BEATS * one.beat))):
            heard = one.ids[first:step]
            expected = np.bincount(heard[heard > 0] % TONES, minlength=TONES)
            np.testing.assert_array_equal(made[row, stretch], expected)


def test_the_longest_notes_and_rests_are_found_but_for_the_last_ones() -> None:
    line = np.array([5] * 3 + [0] * 4 + [6] * 2 + [7] * 6)
    ids = np.stack([line, line], axis=1)
    struck = np.zeros(ids.shape, bool)
    struck[[0, 7, 9]] = True
    struck[13, 1] = True  # the last note is struck again
    assert longest_steps([(ids, struck)], 1) == ((3, 4), (4, 4))
    assert longest_steps([(ids, struck)], 4) == ((4, 4), (4, 4))
    assert longest_steps([(ids, struck), (ids[::-1], struck[::-1])], 1) == ((5, 4), (4, 4))


def test_the_end_is_near_by_the_beat() -> None:
    assert nearness(np.array([1, 4, 5, 8, 400]), 4).tolist() == [1, 1, 2, 2, LEFT - 1]


def test_each_step_is_told_the_last_beat_before_it() -> None:
    one = random_song(5)
    arrays = told(one, 0, 48)
    assert arrays["is_beat"].tolist() == [1, 0, 0, 0] * 12
    for step in range(48):
        last = (step - 1) // 4 * 4
        np.testing.assert_array_equal(arrays["last_beat"][step], one.ids[last] if step else 30)
    np.testing.assert_array_equal(told(one, 17, 30)["last_beat"], arrays["last_beat"][17:30])


def test_what_is_near_a_cell_is_what_is_found_by_looking() -> None:
    rng = np.random.default_rng(3)
    there = rng.integers(0, 9, (2, 24, 3)).astype(np.int32)
    there[rng.random(there.shape) < 0.6] = 99
    is_beat = np.tile(np.arange(24) % 4 == 1, (2, 1))
    found = surroundings(there, is_beat, 99)
    for piece, step, voice in np.ndindex(there.shape):
        line = there[piece, :, voice].tolist()
        beats = [place for place in range(24) if place % 4 == 1]
        known = [place for place in range(24) if line[place] != 99]
        places = [
            max((each for each in known if each <= step), default=-1),
            min((each for each in known if each >= step), default=24),
            step - 1,
            step + 1,
            max((each for each in beats if each < step), default=-1),
            min((each for each in beats if each > step), default=24),
        ]
        expected = [line[place] if 0 <= place < 24 else 99 for place in places]
        ours = [int(found[name][piece, step, voice]) for name in ("before", "after")]
        assert ours + found["then"][piece, step, voice].tolist() == expected


def test_whole_notes_are_hidden_a_beat_apart_and_each_of_them_at_times() -> None:
    one = random_song(1)
    starts = note_starts(one.ids, one.struck)
    ever = np.zeros(one.ids.shape, dtype=bool)
    for seed in range(300):
        hidden = hidden_notes(one.ids, one.struck, 4, np.random.default_rng(seed)) > 0
        assert hidden.any()
        assert not (hidden & (one.ids == 0)).any(), "rests are never hidden"
        rows = [np.flatnonzero(hidden[:, voice]) for voice in range(3)]
        for voice, row in enumerate(rows):
            begins = row[np.diff(row, prepend=-9) > 1]
            ends = row[np.diff(row, append=999) > 1] + 1
            assert starts[begins, voice].all()
            assert all(end == len(starts) or starts[end, voice] for end in ends)
            assert not starts[np.setdiff1d(row, begins), voice].any()
        at = np.flatnonzero(hidden.any(axis=1))
        assert (hidden.sum(axis=1) <= 1).all(), "one voice at a time"
        assert not ((np.diff(at) > 1) & (np.diff(at) <= 4)).any(), "a beat apart"
        ever |= hidden
    assert (ever == (one.ids > 0)).all()


def random_song(seed: int = 0, n_steps: int = 48, values: int = 30, n_voices: int = 3) -> GridSong:
    rng = np.random.default_rng(seed)
    ids = np.repeat(rng.integers(0, 14, (n_steps // 2, n_voices)) + 8, 2, axis=0).astype(np.int32)
    ids[rng.random(ids.shape) < 0.1] = 0
    ids[n_steps // 2 :] = ids[: n_steps - n_steps // 2]  # it comes back, to be matched
    struck = rng.random(ids.shape) < 0.3
    struck[1:] |= ids[1:] != ids[:-1]
    return GridSong.of(ids, struck & (ids > 0), start=4, bar=16, beat=4, values=values)


SIZES = VoiceSizes(30, 3, True, units=8, num_layers=2, head=8, channels=8, depth=2)
WITHOUT = replace(SIZES, strikes=False, depth=0)
COUNTING = replace(WITHOUT, counts_tones=True)
BOTH = replace(SIZES, counts_tones=True)


@pytest.mark.numeric
class TestNetwork:
    def batch(self, *songs: GridSong, sizes: VoiceSizes = SIZES, steps: int = 48) -> Any:
        stretches = [(each, 0, len(each)) for each in songs]
        examples = GridExamples(stretches, steps, fills=bool(sizes.depth), counts_tones=sizes.counts_tones)
        return examples.gather(np.arange(len(songs)), None)

    @pytest.mark.parametrize("sizes", [SIZES, WITHOUT, COUNTING, BOTH])
    def test_weights_are_counted_in_closed_form(self, sizes: VoiceSizes) -> None:
        assert build_voice_network(sizes).count_params() == sizes.parameters

    def test_logits_by_interval_are_moved_to_pitches(self) -> None:
        values, rng = 30, np.random.default_rng(0)
        steps = rng.normal(size=(5, SIZES.shifted)).astype("float32")
        anchors = np.array([1, 15, 29, 0, 30], dtype=np.int32)
        made = np.asarray(from_anchor(steps, anchors, values))
        for row, anchor in enumerate(anchors[:3].tolist()):
            np.testing.assert_array_equal(made[row], steps[row, values - 1 - anchor : 2 * values - 1 - anchor])
        assert not made[3:].any()  # no pitch, no interval

    def test_tables_of_two_voices_say_what_each_pitch_would_make(self) -> None:
        """Against one pitch, one pair and one moment at a time."""
        rng, values, others, moments = np.random.default_rng(2), 30, 2, 2
        layer = PairTables(SIZES, moments)
        layer.build()
        motion, spacing = (rng.normal(size=each.shape).astype("float32") for each in (layer.motion, layer.spacing))
        layer.set_weights([motion, spacing])
        note = rng.integers(0, 31, (5, 3, others)).astype(np.int32)  # rests and nothing too
        own_then = rng.integers(0, 31, (5, 3, moments)).astype(np.int32)
        then = rng.integers(0, 31, (5, 3, others, moments)).astype(np.int32)
        then[:, 0] = note[:, 0, :, None]  # voices that stay
        pair, is_beat = np.arange(6).reshape(3, 2), rng.integers(0, 2, 5).astype(np.int32)
        told = np.broadcast_to(pair, note.shape).astype(np.int32), note, own_then, then, is_beat[:, None, None, None]
        made = np.asarray(layer(*told))

        def sings(number: int) -> bool:
            return 0 < number < values

        for row, cell, pitch in np.ndindex(made.shape):
            expected = 0.0
            for other in range(others):
                sung = int(note[row, cell, other])
                if not (sings(sung) and sings(pitch)):
                    continue
                expected += spacing[pair[cell, other], (pitch - sung) % (2 * values - 1)]
                for moment in range(moments):
                    own, was = int(own_then[row, cell, moment]), int(then[row, cell, other, moment])
                    interval = (was - own) % TONES if sings(own) and sings(was) else TONES
                    place = ((moment * 6 + pair[cell, other]) * 2 + is_beat[row]) * 2 + (sung != was)
                    numbers = motion[place * (TONES + 1) + interval]
                    expected += numbers[(sung - pitch) % TONES]
                    expected += numbers[TONES + (sung - pitch) % TONES] if own == pitch else 0.0
            if pitch:
                assert made[row, cell, pitch] == pytest.approx(expected, abs=1e-4)

    def test_every_pitch_is_told_how_well_it_fits_the_tones_heard(self) -> None:
        """Against one pitch and one interval at a time."""
        rng, values = np.random.default_rng(4), 30
        layer = KeyFit(SIZES)
        layer.build()
        weights = rng.normal(size=layer.kernel.shape).astype("float32")
        layer.set_weights([weights])
        tones = rng.integers(0, 9, (5, STRETCHES, TONES)).astype("float32")
        tones[0] = 0.0
        told = np.asarray(ToneShares()(tones))
        assert not told[0].any()
        np.testing.assert_allclose(told[1:].reshape(4, 4, TONES)[:, :STRETCHES].mean(axis=-1), 1.0, rtol=1e-5)
        made = np.asarray(layer(told)).reshape(5, SIZES.voices, values)
        facts = told.reshape(5, 2 * STRETCHES, TONES)
        kernel = weights.reshape(2 * STRETCHES, TONES, SIZES.voices)
        for row, voice, pitch in np.ndindex(made.shape):
            expected = sum(
                facts[row, fact, (pitch + interval) % TONES] * kernel[fact, interval, voice]
                for fact in range(2 * STRETCHES)
                for interval in range(TONES)
            )
            assert made[row, voice, pitch] == pytest.approx(expected if pitch else 0.0, abs=1e-4)

    def test_tones_are_counted_of_what_is_there(self) -> None:
        rng, n_steps = np.random.default_rng(6), 90
        ids = rng.integers(0, 31, (2, n_steps, 3)).astype(np.int32)
        hidden = (rng.random(ids.shape) < 0.3).astype(np.int32)
        made = np.asarray(TonesAround(30)(ids, hidden))
        for piece, step in np.ndindex(2, n_steps):
            near = slice(max(0, step - TONES_REACH), step + TONES_REACH + 1)
            for number, part in enumerate((slice(None), near)):
                its, is_there = ids[piece, part], hidden[piece, part] == 0
                sung = its[is_there & (its > 0) & (its < 30)]
                np.testing.assert_array_equal(made[piece, step, number], np.bincount(sung % TONES, minlength=TONES))

    def test_what_is_hidden_is_not_seen(self) -> None:
        model = build_voice_network(BOTH)
        batch = {name: array for name, array in self.batch(random_song(7), sizes=BOTH).items() if name != "mask"}
        hidden = batch["hidden"] > 0
        other = {**batch, "ids": np.where(hidden, 9, batch["ids"]), "struck": np.where(hidden, 0, batch["struck"])}
        assert not np.array_equal(batch["ids"], other["ids"])
        before, after = (np.asarray(model(each)["filled"]) for each in (batch, other))
        np.testing.assert_array_equal(before, after)
        assert np.abs(before[0, 1:] - before[0, :-1]).max() > 1e-6

    def test_padding_counts_for_nothing_and_knowing_nothing_costs_the_logarithm(self) -> None:
        from musicgen.approaches.voices.network import voice_objective

        model = build_voice_network(WITHOUT)
        model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
        short, long = random_song(1, 20), random_song(2, 48)
        batch = self.batch(short, long, sizes=WITHOUT) | {"weight": np.ones(2, dtype=np.float32)}
        loss, count = np.asarray(voice_objective(WITHOUT).sums(model, batch, False))
        assert count == 3 * (20 + 48)
        assert loss / count == pytest.approx(np.log(30), rel=1e-6)

    @pytest.mark.parametrize("sizes", [SIZES, COUNTING])
    def test_nothing_is_heard_of_the_future(self, sizes: VoiceSizes) -> None:
        model = build_voice_network(sizes)
        one = random_song(3)
        step, number = 30, 1  # the second voice in order
        ids = one.ids.copy()
        voice = sizes.order[number]
        ids[step, voice] = 5 if ids[step, voice] != 5 else 6
        ids[step + 1 :] = 7
        changed = one.struck.copy()
        changed[step, voice] = True
        changed[step + 1 :] = True
        other = GridSong.of(ids, changed & (ids > 0), start=4, bar=16, beat=4, values=30)
        whole, altered = (
            {name: array for name, array in self.batch(each, sizes=sizes).items() if name != "mask"}
            for each in (one, other)
        )
        before, after = np.asarray(model(whole)["notes"])[0], np.asarray(model(altered)["notes"])[0]
        np.testing.assert_array_equal(before[:step], after[:step])
        np.testing.assert_array_equal(before[step, : number + 1], after[step, : number + 1])
        assert np.abs(before[step, number + 1 :] - after[step, number + 1 :]).max() > 1e-6

    def test_transposed_music_is_told_transposed(self) -> None:
        one = random_song(4)
        up = told(one, 0, 48, 3, counts_tones=True)
        np.testing.assert_array_equal(up["tones"], told(one.moved(3), 0, 48, counts_tones=True)["tones"])
        sung = one.ids > 0
        np.testing.assert_array_equal(up["ids"][sung], one.ids[sung] + 3)
        np.testing.assert_array_equal(up["ids"][~sung], 0)
        np.testing.assert_array_equal(up["match_length"], told(one, 0, 48)["match_length"])


def test_one_voice_and_short_songs_are_refused_with_the_numbers() -> None:
    training = read_parameters(VOICES.Training, VOICES.tiny.training)
    with pytest.raises(InvalidInput, match="1 voice with 40 notes"):
        VOICES.prepare([song(melody([60, 62] * 20))], training)
    with pytest.raises(InvalidInput, match="8 at most"):
        VOICES.prepare([song(four_part_score(2))], training)


def test_what_was_rounded_or_left_out_is_said() -> None:
    score = four_part_score(24)
    notes = score.notes.copy()
    notes["onset_ticks"][::2] += 60
    training = read_parameters(VOICES.Training, {**VOICES.tiny.training, "voices": 3})
    prepared = VOICES.prepare([song(replace(score, notes=notes))], training)
    assert any("50% of the notes were not on the grid" in each for each in prepared.warnings)
    crowded = Score(make_notes(np.repeat(np.arange(24) * 480, 4), 480, [48, 55, 64, 72] * 24, 80), 480)
    prepared = VOICES.prepare([song(crowded)], training)
    assert any("24 of 96 notes were left out" in each for each in prepared.warnings)


@pytest.mark.numeric
def test_a_piece_continues_in_whole_bars_with_the_upbeat_and_metre_of_its_prompt() -> None:
    training = read_parameters(VOICES.Training, VOICES.tiny.training)
    signatures = (TimeSignature(0, 1, 4), TimeSignature(480, 3, 4))
    source = song(replace(four_part_score(25), time_signatures=signatures))
    prepared = VOICES.prepare([source], training)
    networks = VOICES.build(prepared.codec, training, seed=1)
    generation = read_parameters(VOICES.Generation, {"bars": 2, "prompt_bars": 2, "keep_prompt": True})
    (made,) = VOICES.generate(networks, prepared.codec, training, Order(generation, [1], [source], source))
    score = made.content
    assert isinstance(score, Score)
    assert score.time_signatures == signatures
    assert [track.name for track in score.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    kept = score.notes[score.notes["onset_ticks"] < 7 * 480]
    theirs = source.clip.score().notes
    for name in ("onset_ticks", "pitch", "track"):
        np.testing.assert_array_equal(kept[name], theirs[name][: len(kept)])
    assert len(kept) == 7 * 4
    last = int((score.notes["onset_ticks"] + score.notes["duration_ticks"]).max())
    assert last <= (7 + 6) * 480
    low, high = np.array(prepared.codec.ranges).T
    new = score.notes[score.notes["onset_ticks"] >= 7 * 480]
    assert (new["pitch"] >= low[new["track"]]).all()
    assert (new["pitch"] <= high[new["track"]]).all()


@pytest.mark.numeric
def test_notes_last_as_long_as_in_the_songs_however_little_is_left_to_chance() -> None:
    training = read_parameters(VOICES.Training, VOICES.tiny.training)
    source = song(four_part_score(24))
    prepared = VOICES.prepare([source], training)
    networks = VOICES.build(prepared.codec, training, seed=1)
    assert set(prepared.codec.longest) == {(16, 16)}  # a bar at least; its notes last one beat

    def lengths(codec: GridCodec, temperature: float) -> np.ndarray:
        generation = read_parameters(VOICES.Generation, {"bars": 8, "temperature": temperature})
        (made,) = VOICES.generate(networks, codec, training, Order(generation, [1], [source]))
        return made.content.duration_beats

    # Untrained, the network nearly always says that something else comes next.
    assert lengths(prepared.codec, 1.0).mean() < 0.4
    assert lengths(prepared.codec, 0.05).mean() < 0.4
    # One that always goes on as before comes to the longest in the songs, and no further.
    stays = networks.models["voices"].get_layer("decide")
    kernel, bias = stays.get_weights()
    sizes = sizes_of(training, prepared.codec.values, 4)
    bias[sizes.values + sizes.values - 1] = 30.0  # the interval 0 from the own last note
    bias[-1] = -30.0  # and it is not struck again
    stays.set_weights([kernel, bias])
    assert lengths(prepared.codec, 1.0).max() == 4.0
    assert lengths(replace(prepared.codec, longest=((8, 8),) * 4), 1.0).max() == 2.0
    assert lengths(replace(prepared.codec, longest=None), 1.0).max() > 8.0


@pytest.mark.numeric
def test_all_voices_are_silent_no_longer_than_in_the_songs() -> None:
    assert longest_silence([np.array([[0, 0], [0, 3], [0, 0], [0, 0], [4, 0]]), np.array([[0, 0]])]) == 2
    training = read_parameters(VOICES.Training, VOICES.tiny.training)
    source = song(four_part_score(24))
    prepared = VOICES.prepare([source], training)
    assert prepared.codec.silence == 0
    networks = VOICES.build(prepared.codec, training, seed=1)
    rests = networks.models["voices"].get_layer("decide")
    kernel, bias = rests.get_weights()
    bias[0] = 30.0
    rests.set_weights([kernel, bias])

    def silences(codec: GridCodec) -> int:
        generation = read_parameters(VOICES.Generation, {"bars": 8})
        (made,) = VOICES.generate(networks, codec, training, Order(generation, [1], [source]))
        return longest_silence([score_to_grid(made.content, None, 4).pitches != REST])

    codec = replace(prepared.codec, longest=((99, 999),) * 4)
    assert silences(codec) == 0
    assert silences(replace(codec, silence=6)) == 6


def test_the_memory_clip_is_what_songs_here_are() -> None:
    assert isinstance(song(chords(2)).clip, MemoryClip)
    assert sizes_of(read_parameters(VOICES.Training, {}), 50, 4).depth == 10
    assert len(HELD) < 30
