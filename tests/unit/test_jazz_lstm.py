"""The jazz network learns; its pieces keep to measures, tempo and instruments, or do as the authors' did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.jazz_lstm.sizes import JazzSizes
from musicgen.approaches.jazz_lstm.stepper import FreeStepper, allowed_words
from musicgen.approaches.jazz_lstm.tokens import read_token
from musicgen.contract.made import Made, Order
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.parameters import read_parameters
from tests.makers_jazz import NUM_WORDS, PIANO, SAX, tune
from tests.makers_music import chords, song

pytestmark = pytest.mark.numeric

JAZZ = approach("jazz_lstm")
SONG = song(tune(8), 1)


class Learned:
    """A network after some epochs."""

    def __init__(self, *songs: Any, seed: int = 0, **values: Any) -> None:
        self.songs = list(songs) or [SONG]
        self.training = read_parameters(JAZZ.Training, values)
        self.prepared = JAZZ.prepare(self.songs, self.training, seed=seed)
        self.networks = JAZZ.build(self.prepared.codec, self.training, seed=seed)
        self.rows: list[EpochRow] = []
        JAZZ.fit(self.networks, self.prepared, self.training, seed=seed, monitor=self)

    def progress(self, phase: str, done: int, total: int, **details: float) -> None:
        assert phase == "training"

    def epoch_ended(self, row: EpochRow, save: Any) -> None:
        self.rows.append(row)

    def make(self, *seeds: int, prompt: Any = None, **values: Any) -> list[Made]:
        order = Order(read_parameters(JAZZ.Generation, values), seeds, self.songs, prompt, SilentMonitor())
        return list(JAZZ.generate(self.networks, self.prepared.codec, self.training, order))


@pytest.fixture(scope="module")
def original() -> Learned:
    values = {**JAZZ.presets["original"].training, "melody_track": SAX, "chord_track": PIANO, "epochs": 40}
    return Learned(**{**values, "first_beat": 0, "last_beat": 64})


@pytest.fixture(scope="module")
def modern() -> Learned:
    return Learned(
        song(chords(40, 0), 2), song(chords(40, 1), 3), units=32, embedding=16, dropout=0.3, epochs=25, batch_size=8,
        window_step=4, learning_rate=0.01,
    )  # fmt: skip


def line(score: Any, track: int = 0) -> np.ndarray:
    return score.notes[score.notes["track"] == track]


def test_j10_the_loss_of_the_authors_falls(original: Learned) -> None:
    first, last = original.rows[0], original.rows[-1]
    assert first.extra["summed_loss"] == pytest.approx(29 * np.log(NUM_WORDS), rel=0.1)
    assert first.extra["summed_loss"] == pytest.approx(29 * first.loss, rel=1e-5)
    assert first.val_loss is None
    assert last.loss < 0.5 < original.prepared.floors["unigram"]
    steps = 2 * 40
    assert last.learning_rate == pytest.approx(0.01 / (1 + 0.01 * steps), rel=0.02)


def test_j9_parameters_by_arithmetic_and_by_building(original: Learned) -> None:
    assert JazzSizes(78, 0, 64, 1, 0, 0, 0.0).parameters == 41_678
    assert JazzSizes(90, 0, 64, 1, 0, 0, 0.0).parameters == 45_530
    assert original.networks.parameters == [JazzSizes(NUM_WORDS, 0, 64, 1, 0, 0, 0.0).parameters]


def test_j11_argmax_repeats_and_chance_depends_on_the_seed(original: Learned) -> None:
    codec = original.prepared.codec
    stepper = FreeStepper(original.networks.models["words"], JazzSizes(NUM_WORDS, 0, 64, 1, 0, 0, 0.0), codec.tokens)
    assert stepper.start(np.array([48], dtype=np.int32), allowed_words(codec.tokens, rests_first=True))[0].shape == (
        1,
        11,
    )
    options = {"measures": "overlapping", "nearness": 0, "max_tries": 1}
    one, two = original.make(1, 2, greedy=True, **options)
    np.testing.assert_array_equal(line(one.content)["duration_ticks"], line(two.content)["duration_ticks"])
    assert one.facts["steps"] == 50
    chance = original.make(1, 2, 1, temperature=2.0, **options)
    np.testing.assert_array_equal(chance[0].content.notes, chance[2].content.notes)
    assert not np.array_equal(chance[0].content.notes, chance[1].content.notes)
    np.testing.assert_array_equal(
        original.make(2, temperature=2.0, **options)[0].content.notes, chance[1].content.notes
    )


def test_j12_and_j13_as_the_authors_did(original: Learned) -> None:
    (made,) = original.make(
        3, measures="overlapping", greedy=True, nearness=None, round_durations=True, chord_tones_only=True,
        drop_repeats=True, tempo=130, max_tries=1,
    )  # fmt: skip
    score = made.content
    assert score.tempos[0].tempo == 130
    melody, harmony = line(score), line(score, 1)
    assert not (melody["onset_ticks"] % 120).any()
    assert not (melody["duration_ticks"] % 120).any()
    assert (melody["duration_ticks"] > 0).all()
    assert (melody["pitch"] >= 48).all()
    # 16 measures: the loop of the authors ran over (16 + 1) // 3 - 1 = 4 sets
    assert sorted({int(tick) // 1920 for tick in harmony["onset_ticks"]}) == [0, 1, 2, 3]
    assert (melody["onset_ticks"] + melody["duration_ticks"]).max() > 4 * 1920


def test_j13_fitted_measures(original: Learned) -> None:
    (made,) = original.make(5, tempo=130.0)
    score = made.content
    assert made.facts["measures"] == 16
    melody = line(score)
    ends = melody["onset_ticks"] + melody["duration_ticks"]
    assert (melody["onset_ticks"] // 1920 == (ends - 1) // 1920).all()
    assert {0, 1920, 3840} <= set(melody["onset_ticks"].tolist())  # each measure begins with a note
    assert [(track.name, track.program) for track in score.tracks] == [("Sax", 65), ("Piano", 0)]
    assert score.seconds == pytest.approx(64 * 60 / 130, rel=0.05)
    assert line(score)["velocity"].min() >= 48
    assert line(score, 1)["velocity"].min() >= 48


def test_swing_is_kept(original: Learned) -> None:
    (made,) = original.make(5)
    assert (line(made.content)["onset_ticks"] % 120).any()  # thirds of a beat
    assert made.content.tempos[0].tempo == 96


def test_choruses_measures_and_the_band(modern: Learned, original: Learned) -> None:
    (made,) = modern.make(1, choruses=2)
    assert made.facts["measures"] == 2 * modern.prepared.codec.forms[0].n_measures
    (short,) = modern.make(1, num_measures=3)
    assert short.content.seconds <= 3 * 4 * 60 / 100
    assert len(short.content.tracks) == 2
    (band,) = original.make(1, accompaniment=True, num_measures=4)
    assert [track.name for track in band.content.tracks] == ["Sax", "Piano", "Bass", "Drums"]
    assert line(band.content, 2).size == 16


def test_the_chords_of_a_prompt(modern: Learned) -> None:
    (made,) = modern.make(1, prompt=SONG, num_measures=4)
    assert made.facts["chords_of"] == SONG.name
    assert [track.name for track in made.content.tracks] == ["Sax", "Piano"]
    assert set(line(made.content, 1)["pitch"].tolist()) == {48, 52, 55, 50, 53, 57, 59, 62, 65}


def test_the_same_seed_makes_the_same_whatever_is_made_beside_it(modern: Learned) -> None:
    (_, one), (other, beside) = modern.make(4, 7), modern.make(5, 7)  # as many: equal shapes round alike
    np.testing.assert_array_equal(one.content.notes, beside.content.notes)
    assert not np.array_equal(other.content.notes, beside.content.notes)


def test_a_melody_stays_in_the_register_of_the_song(modern: Learned) -> None:
    form = modern.prepared.codec.forms[0]
    for made in modern.make(0, 1, 2):
        pitches = line(made.content)["pitch"]
        assert form.lowest <= pitches.min() <= pitches.max() <= form.highest


def test_words_that_may_come_first() -> None:
    tokens = [read_token(word) for word in ("C,0.250", "C,0.250,<P4,m-2>", "R,1.000")]
    assert allowed_words(tokens, rests_first=False).tolist() == [[1, 0, 0], [0, 1, 1]]
    assert allowed_words(tokens, rests_first=True).tolist() == [[1, 0, 1], [0, 1, 1]]


def test_validation_falls_below_the_unigram_floor(modern: Learned) -> None:
    best = min(row.val_loss for row in modern.rows if row.val_loss is not None)
    assert best < modern.prepared.floors["unigram"] < modern.prepared.floors["uniform"]
