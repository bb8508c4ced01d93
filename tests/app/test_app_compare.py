"""The Compare page through the entry point: the same excerpt, one axis, equal loudness, the table."""

from __future__ import annotations

from typing import Any

import pytest
from stored_work import (
    NASTY,
    add_output,
    add_run,
    add_song,
    is_clean,
    lanes,
    markup,
    players,
    said,
    tone,
    tune,
    visit,
    with_sound,
)

from musicgen.comparison import comparison
from musicgen.runs.api import get_output

pytestmark = pytest.mark.usefixtures("home", "measured")
MEASURED = {
    "medium": "audio",
    "stretch": {"text": "Both from the start."},
    "reference": {"rms_db": -12.3456, "unheard_of": 3},
    "generated": {"rms_db": -20.0, "unheard_of": None},
    "between": {"log_spectral_distance_db": 6.54321},
    "verdicts": [{"title": "Faint", "cause": "It is faint.", "remedies": []}],
}


@pytest.fixture
def measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Immediate comparisons instead of a child process, unless a test wants the real one; the excerpts asked for."""
    asked: list[dict[str, Any]] = []
    if not request.node.name.startswith("test_a_real"):
        monkeypatch.setattr(comparison, "comparison", lambda one, other, **more: asked.append(more) or MEASURED)
    return asked


def test_without_outputs_the_page_says_what_to_do() -> None:
    app = visit("compare")
    assert is_clean(app)
    assert "Nothing generated yet" in said(app)


def test_an_aligned_output_is_shown_beside_its_own_song_and_measured() -> None:
    song, other = add_song("The original", tone(4)), add_song("Another", tone(3))
    run = add_run([other, song])
    output = add_output(run, tone(2, level=0.1), reference={"song_id": song, "start_seconds": 1.0, "stop_seconds": 3.0})
    app = visit("compare")
    assert is_clean(app)
    assert app.selectbox(key="compare_generated").value == output
    assert app.selectbox(key="compare_reference").value == song
    assert app.query_params["reference"] == song
    (aligned,) = [toggle for toggle in app.toggle if "0:01 to 0:03" in toggle.label]
    assert aligned.value
    (told,) = players(app)
    original, generated = told["lanes"]
    assert (original["shift"], generated["shift"]) == (0.0, 1.0)
    assert (original["role"], generated["role"]) == ("reference", "generated")
    assert told["window"] == [1.0, 3.0]
    assert set(original["pictures"]) == {"waveform", "spectrogram"}
    assert not app.get("plotly_chart")
    assert "dB quieter than" in said(app)


def test_measurements_have_titles_units_and_meanings(measured: list[dict[str, Any]]) -> None:
    song = add_song("The original", tone(4))
    add_output(add_run([song]), tone(2))
    app = visit("compare")
    words = said(app)
    for shown in ("Loudness (RMS)", "-12.3", "-20", "dB", "unheard of", "–", "6.54", "Faint", "Both from the start"):
        assert shown in words
    assert {} in measured  # it was not judged when it was made, so that is done now: once, whatever excerpt is shown
    assert next(more for more in measured if more)["reference_stretch"] == (0.0, 2.0)
    app.button_group(key="compare_scope").set_value("whole").run()
    assert measured[-1] == {"reference_stretch": None, "generated_stretch": None}
    assert measured.count({}) == 1


@pytest.mark.real_children
def test_a_real_comparison_comes_from_a_child_process() -> None:
    song = add_song("The original", tone(3))
    add_output(add_run([song]), tone(2, level=0.1))
    app = visit("compare")
    assert is_clean(app)
    assert "Loudness (RMS)" in said(app)
    assert "Between the two" in said(app)


def test_the_switch_makes_both_equally_loud_and_says_by_how_much() -> None:
    song = add_song("The original", tone(3, level=0.4))
    add_output(add_run([song]), tone(3, level=0.1))
    app = visit("compare")
    before = lanes(app)
    assert [lane["gain_db"] for lane in before] == [0.0, 0.0]
    app.toggle(key="match_loudness").set_value(True).run()
    assert is_clean(app)
    after = lanes(app)
    assert after[1]["gain_db"] - after[0]["gain_db"] == pytest.approx(12.0, abs=0.1)
    assert [lane["sound"] for lane in after] == [lane["sound"] for lane in before], "the sound itself is the same"
    assert all("LUFS, peak" in lane["note"] for lane in after)


def test_a_link_chooses_both_and_a_choice_changes_the_link() -> None:
    first, second = add_song("First", tone(3)), add_song("Second", tone(3))
    run = add_run([first, second])
    old = add_output(run, tone(2), name="Old")
    add_output(run, tone(2), name="New")
    app = visit("compare", reference=second, generated=old)
    assert app.selectbox(key="compare_generated").value == old
    assert app.selectbox(key="compare_reference").value == second
    app.selectbox(key="compare_reference").set_value(first).run()
    assert app.query_params["reference"] == first
    assert app.query_params["generated"] == old


def test_another_output_brings_its_own_song_with_it() -> None:
    first, second = add_song("First", tone(3)), add_song("Second", tone(3))
    one = add_output(add_run([first]), tone(2), name="Of the first")
    two = add_output(add_run([second]), tone(2), name="Of the second")
    app = visit("compare", generated=one)
    assert app.selectbox(key="compare_reference").value == first
    app.selectbox(key="compare_generated").set_value(two).run()
    assert app.selectbox(key="compare_reference").value == second


def test_two_outputs_of_one_song_are_aligned_to_each_other() -> None:
    song = add_song("The original", tone(6))
    run = add_run([song])
    first = add_output(run, tone(3), reference={"song_id": song, "start_seconds": 1.0, "stop_seconds": 4.0})
    second = add_output(run, tone(3), reference={"song_id": song, "start_seconds": 2.0, "stop_seconds": 5.0})
    app = visit("compare", reference=first, generated=second)
    assert is_clean(app)
    assert any("0:01 to 0:03" in toggle.label for toggle in app.toggle)


def test_a_piece_that_runs_beyond_its_song_can_be_aligned_or_not() -> None:
    song = add_song("The original", tone(10))
    reference = {"song_id": song, "start_seconds": 8.0, "stop_seconds": 18.0}
    add_output(add_run([song]), tone(10), reference=reference)
    app = visit("compare")
    (aligned,) = [toggle for toggle in app.toggle if "0:08 to 0:10" in toggle.label]
    assert not aligned.value
    assert app.slider(key="compare_seconds").value == 10.0
    aligned.set_value(True).run()
    assert is_clean(app)
    assert app.slider(key="compare_seconds").value == 2.0


def test_scores_are_shown_as_rolls_on_one_axis_and_measured_whole() -> None:
    song = add_song("A tune", tune(40))
    output = add_output(add_run([song]), tune(24, seed=1), name="A piece")
    for clip in (get_output(output).clip, get_clip(song)):
        with_sound(clip, tone(2))
    app = visit("compare")
    assert is_clean(app)
    assert [lane["picture"] for lane in lanes(app)] == ["roll", "roll"]
    assert all(set(lane["pictures"]) == {"roll", "waveform", "spectrogram"} for lane in lanes(app))
    assert app.button_group(key="compare_scope").value == "whole"


def get_clip(song_id: str):
    from musicgen.songs.library import get_song

    return get_song(song_id).clip


def test_a_removed_song_leaves_the_other_output_to_compare_with() -> None:
    gone = "song-000000000000"
    run = add_run([])
    add_output(run, tone(2), reference={"song_id": gone, "start_seconds": 0.0, "stop_seconds": 2.0})
    app = visit("compare", reference=gone)
    assert "Nothing to compare it with" in said(app)
    add_output(run, tone(2), name="Another")
    app.run()
    assert is_clean(app)
    assert len(lanes(app)) == 2


def test_names_are_data() -> None:
    song = add_song(NASTY, tone(2))
    add_output(add_run([song], name=NASTY), tone(2), name=NASTY)
    app = visit("compare")
    assert is_clean(app)
    assert markup(app) == ""


@pytest.mark.parametrize("seconds", [0.05, 0.6, 1.04])
def test_the_shortest_outputs_can_be_compared(seconds: float) -> None:
    song = add_song("The original", tone(3))
    add_output(add_run([song]), tone(seconds))
    app = visit("compare")
    assert is_clean(app)
    assert len(lanes(app)) == 2


def test_passages_of_the_song_are_marked_in_both_lanes_and_linked() -> None:
    song = add_song("The original", tune(60))
    run = add_run([song], approach="note_lstm")
    passage = {
        "start": 2.0, "stop": 5.0, "song_id": song, "song": "The original", "song_start": 7.5, "song_stop": 10.0,
        "semitones": 2, "tempo_ratio": 1.2, "similarity": 0.9,
    }  # fmt: skip
    other = {**passage, "song_id": "song-000000000000"}
    originality = {"passages": [passage, other], "text": "It borrows.", "num_passages": 2}
    output = add_output(run, tune(60, seed=1), originality=originality)
    app = visit("compare", generated=output, reference=song)
    assert is_clean(app)
    (told,) = players(app)
    marked = [(each["lane"], each["start"], each["stop"], each["group"]) for each in told["regions"]]
    assert marked == [("generated", 2.0, 5.0, "passage 1"), ("reference", 7.5, 10.0, "passage 1")]
    assert "One passage occurs in both pieces, the first at 0:02" in said(app)
