"""Where excerpts begin: inside their ground, apart where there is room, and no moment against itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicgen.listening.excerpts import Choice, Ground, choose_excerpts, pair_up


def ground(first: float, last: float, length: float, audible=lambda start: True) -> Ground:
    return Ground(first, last, length, lambda start: start, audible)


@given(st.integers(0, 10_000), st.floats(0, 9), st.floats(3, 400), st.floats(0.5, 20), st.integers(1, 25))
def test_excerpts_lie_inside_and_apart(seed: int, first: float, room: float, length: float, n: int) -> None:
    found = choose_excerpts([ground(first, first + room, length)], n, np.random.default_rng(seed))
    if room < length - 1e-6:
        assert found is None
        return
    if found is None:  # within the tolerance of "just fits"
        assert room < length + 1e-6
        return
    starts = sorted(each.start for each in found.excerpts)
    assert len(starts) == n
    assert starts[0] >= first - 1e-6
    assert starts[-1] + length <= first + room + 1e-6
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    if found.shared:
        assert room < (n + 1e-6) * length
    else:
        assert all(gap >= length - 1e-6 for gap in gaps)


def test_all_songs_are_heard_if_there_are_enough_rounds() -> None:
    songs = [ground(0, 100, 5) for _ in range(8)]
    found = choose_excerpts(songs, 10, np.random.default_rng(1))
    assert {each.number for each in found.excerpts} == set(range(8))
    assert not found.shared


def test_what_is_silent_is_left_out() -> None:
    found = choose_excerpts([ground(0, 100, 5, lambda start: start > 50)], 8, np.random.default_rng(1))
    assert all(each.start > 50 for each in found.excerpts)
    assert choose_excerpts([ground(0, 100, 5, lambda start: False)], 8, np.random.default_rng(1)) is None


def test_the_same_excerpt_again_only_if_there_is_no_other() -> None:
    found = choose_excerpts([ground(0, 5, 5)], 3, np.random.default_rng(1))
    assert found.shared
    assert {each.start for each in found.excerpts} == {0.0}


def test_another_seed_chooses_other_excerpts() -> None:
    starts = [
        tuple(each.start for each in choose_excerpts([ground(0, 300, 5)], 10, np.random.default_rng(seed)).excerpts)
        for seed in range(5)
    ]
    assert len(set(starts)) == 5


def test_no_round_has_one_moment_on_both_sides() -> None:
    one = [Choice(0, 10.0 * n) for n in range(10)]
    pairs = pair_up(one, one, lambda left, right: left.start == right.start, np.random.default_rng(2))
    assert all(left.start != right.start for left, right in pairs)
    assert sorted(right.start for _, right in pairs) == [each.start for each in one]
