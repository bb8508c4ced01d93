"""Runs in words: pure functions, no page."""

from __future__ import annotations

import pytest

from pages.ui import run_words


def rows(*losses: tuple[float, float | None]) -> list[dict[str, object]]:
    return [{"epoch": index, "loss": a, "val_loss": b} for index, (a, b) in enumerate(losses, start=1)]


def test_progress_counts_whole_epochs_and_the_finished_part_of_this_one() -> None:
    progress = {"phase": "training", "epoch": 3, "epochs": 10, "step": 120, "steps": 400, "seconds_left": 80.2}
    assert run_words.progress_share("running", progress) == pytest.approx(0.23)
    assert run_words.progress_words("running", progress) == "epoch 3 of 10 · step 120 of 400 · about 1 min 20 s left"
    assert run_words.progress_share("succeeded", {}) == 1.0


def test_progress_before_the_first_epoch_names_the_phase() -> None:
    assert run_words.progress_words("running", {"phase": "preparing"}) == "preparing"


def test_loss_words_name_the_nearest_floor_on_either_side() -> None:
    said = " ".join(
        run_words.loss_words(
            rows((3.0, 3.2), (2.0, 2.5)), {"uniform": 4.2, "unigram": 3.1, "bigram": 2.4}, best_epoch=2, medium="midi"
        )
    )
    assert "Best validation loss: 2.5 in epoch 2" in said
    assert "Below the floor “unigram” (3.1): the network knows which notes are common" in said
    assert "Not below the floor “bigram” (2.4)" in said
    assert "uniform" not in said


def test_loss_words_below_every_floor() -> None:
    said = run_words.loss_words(rows((1.0, 1.1)), {"unigram": 3.1, "bigram": 2.4}, medium="midi")
    assert said[-1] == "Below the floor “bigram” (2.4): the network has learned more than pairs of notes."


@pytest.mark.parametrize(("loss", "lesson"), [(6.0, "which values are common"), (5.0, "the two before it")])
def test_for_a_network_on_sound_the_words_speak_of_values_not_notes(loss: float, lesson: str) -> None:
    floors = {"unigram": 6.5, "order_1": 6.0, "order_2": 5.5}
    said = " ".join(run_words.loss_words(rows((loss, loss)), floors, medium="audio"))
    assert lesson in said
    assert "note" not in said


def test_loss_words_say_that_nothing_was_held_out() -> None:
    assert "no music was held out" in run_words.loss_words(rows((1.0, None)), {}, medium="midi")[0]


def test_no_history_no_words() -> None:
    assert run_words.loss_words([], {"unigram": 3.0}, medium="midi") == []


def test_a_curve_that_has_not_moved_gets_no_credit_for_being_below_a_floor() -> None:
    history = rows((8.41, 8.45), (8.40, 8.44), (8.41, 8.45), (8.40, 8.44))
    said = " ".join(run_words.loss_words(history, {"linear_predictor": 10.06}, medium="audio"))
    assert "has not moved" in said
    assert "linear rule" not in said
    assert "higher learning rate" in said


def test_a_floor_that_a_blind_guess_beats_is_not_spoken_of() -> None:
    floors = {"uniform": 4.2, "unigram": 4.6, "bigram": 5.5}
    said = " ".join(run_words.loss_words(rows((5.0, 5.0), (4.4, 4.4)), floors, medium="midi"))
    assert "bigram" not in said
    assert "unigram" not in said
    assert "Not below the floor “uniform”" in said


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([(5.0, 5.0), (4.0, 4.0), (3.0, 3.0), (2.0, 2.0)], "still falling at the end"),
        ([(5.0, 5.0), (6.0, 6.0), (7.0, 7.0)], "lower learning rate"),
        ([(5.0, 5.0), (2.0, 2.0), (1.5, 2.2), (1.2, 2.4), (1.0, 2.6)], "Since epoch 3"),
    ],
)
def test_the_shape_of_the_curve_is_said(losses: list[tuple[float, float]], words: str) -> None:
    assert words in run_words.loss_words(rows(*losses), {}, medium="midi")[-1]


def test_of_a_training_that_goes_on_nobody_says_that_it_ended() -> None:
    history = rows((5.0, 5.0), (4.0, 4.0), (3.0, 3.0), (2.0, 2.0))
    assert "at the end" not in " ".join(run_words.loss_words(history, {}, medium="midi", is_active=True))


def test_a_validation_loss_that_rises_is_not_said_to_stand_still() -> None:
    history = rows((3.0, 3.0), (3.0, 3.3), (3.0, 3.9), (3.0, 4.5))
    said = " ".join(run_words.loss_words(history, {"unigram": 3.5}, medium="midi"))
    assert "The validation loss rises" in said
    assert "has not moved since" not in said
    assert "higher learning rate" not in said
    assert "Below the floor" not in said
