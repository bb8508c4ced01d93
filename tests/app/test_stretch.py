"""The same excerpt and the same loudness: arithmetic, no page."""

from __future__ import annotations

import pytest

from pages.compare.stretch import align, cut, matching_gains


def test_an_aligned_output_covers_only_its_part_of_the_song() -> None:
    both = align(180.0, 20.0, 40.0)
    assert (both.is_aligned, both.offset, both.first, both.last) == (True, 40.0, 40.0, 60.0)


def test_an_output_that_runs_past_the_end_of_the_song_is_cut_there() -> None:
    assert align(50.0, 20.0, 40.0).last == 50.0


def test_without_a_reference_both_start_at_zero() -> None:
    both = align(180.0, 20.0, None)
    assert (both.is_aligned, both.first, both.last) == (False, 0.0, 180.0)


def test_a_cut_stays_inside_the_clip() -> None:
    assert cut(20.0, 15.0, 10.0) == cut(20.0, 10.0, 10.0)
    assert cut(5.0, 3.0, 30.0).seconds == 5.0


@pytest.mark.parametrize(
    ("reference", "generated"),
    [((-12.0, -1.0), (-30.0, -20.0)), ((-12.0, -1.0), (-20.0, -2.0)), ((-30.0, -9.0), (-10.0, -0.1))],
)
def test_matched_levels_are_equal_and_nothing_clips(
    reference: tuple[float, float], generated: tuple[float, float]
) -> None:
    gain_a, gain_b = matching_gains(*reference, *generated)
    assert reference[0] + gain_a == pytest.approx(generated[0] + gain_b)
    assert reference[1] + gain_a <= 1e-9
    assert generated[1] + gain_b <= 1e-9


def test_the_quieter_one_is_raised_before_the_louder_one_is_lowered() -> None:
    assert matching_gains(-12.0, -1.0, -30.0, -20.0) == (0.0, 18.0)


def test_silence_is_left_alone() -> None:
    assert matching_gains(-12.0, -1.0, -120.0, -120.0) == (0.0, 0.0)
