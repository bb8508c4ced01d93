"""A piece a little beyond its songs in one thing is let pass; one that is unlike them as a whole is not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from musicgen.evaluation import midi
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.evaluation.musical_rules import BOUNDS, IN_HARMONY, IN_KEY
from musicgen.evaluation.unlikeness import WEIGHTS, terms, unlikeness
from musicgen.symbolic.score import Score, make_notes
from scripts.fit_verdicts import fitted
from tests.makers_music import chords

SONGS = [midi.describe(chords(40, seed=seed)) for seed in range(6)]
LEARNED = learned_from(SONGS)


def test_excess_is_minus_one_at_the_furthest_song_and_zero_at_the_limit() -> None:
    for bound in (IN_KEY[0], IN_HARMONY[0]):
        furthest = SONGS[0] | {bound.metric: LEARNED[bound.metric]}
        assert bound.excess(furthest, LEARNED) == pytest.approx(-1.0)
        at_limit = SONGS[0] | {bound.metric: bound.limit(furthest, LEARNED)}
        assert bound.excess(at_limit, LEARNED) == pytest.approx(0.0, abs=1e-9)
        assert not bound.is_broken(at_limit, LEARNED)
    assert IN_KEY[0].excess(SONGS[0], {}) is None


def test_every_bound_is_weighed_and_nothing_beyond_the_songs_speaks_for_a_piece() -> None:
    weights = json.loads(WEIGHTS.read_text("utf-8"))["weights"]
    assert set(weights) == {bound.metric for bound in BOUNDS}
    assert all(each[1] >= 0 and each[2] >= 0 for each in weights.values())
    assert sum(sum(each[1:]) for each in weights.values()) > 1
    assert len(terms(SONGS[0], LEARNED)) == 3 * len(BOUNDS)
    assert terms(SONGS[0], {}) == [0.0] * (3 * len(BOUNDS))


def test_songs_pass_and_what_is_random_does_not() -> None:
    rng, song = np.random.default_rng(1), chords(40, seed=9)
    assert unlikeness(midi.describe(song), LEARNED) < 0
    notes = song.notes.copy()
    notes["pitch"] = rng.integers(30, 95, len(notes))
    notes["onset_ticks"] += rng.integers(0, 200, len(notes))
    random = midi.describe(Score(make_notes(*(notes[name] for name in ("onset_ticks", "duration_ticks", "pitch")), 80)))
    assert unlikeness(random, LEARNED) > 0
    assert len(verdicts("midi", random, LEARNED)) > 1


def test_a_little_too_much_of_one_thing_is_no_verdict() -> None:
    song: dict[str, Any] = midi.describe(chords(40, seed=9))
    bound = IN_HARMONY[0]
    limit = bound.limit(song, LEARNED)
    little = song | {bound.metric: limit + 0.01}
    assert bound.is_broken(little, LEARNED)
    assert not verdicts("midi", little, LEARNED)


def test_weights_are_those_of_a_logistic_regression() -> None:
    """Two groups that one number tells apart, and one that says nothing."""
    rng = np.random.default_rng(0)
    is_bad = rng.random(4_000) < 0.8
    table = np.stack([rng.normal(0, 1, 4_000), rng.normal(2.0 * is_bad, 1.0), rng.normal(-1.0 * is_bad, 1.0)], axis=1)
    weights, offset = fitted(table, is_bad)
    assert weights[0] == pytest.approx(0.0, abs=0.15)
    assert weights[1] == pytest.approx(2.0, abs=0.2)  # the distance over the variance
    assert weights[2] == 0.0  # it would speak for bad pieces
    assert offset == pytest.approx(-2.0, abs=0.3)
