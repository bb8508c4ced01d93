"""The same excerpt of two clips: arithmetic, no page."""

from __future__ import annotations

from pages.compare.stretch import align, cut


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
