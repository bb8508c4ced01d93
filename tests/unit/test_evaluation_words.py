"""The glossary names exactly what is measured; stretches fit."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput
from musicgen.evaluation import audio, glossary, midi, originality
from musicgen.evaluation.sound_copies import SoundCopies
from musicgen.evaluation.stretches import StretchPlace, Wish, choose_stretches
from musicgen.symbolic.score import Score, make_notes

ALIGNED = Wish(places=(StretchPlace("song-a"), StretchPlace("song-a", 3.0)))


def test_the_glossary_explains_every_metric_and_no_other():
    wave, score = Waveform(np.zeros(8000, np.float32), 8000), Score(make_notes([0], 480, 60, 80))
    sound, notes = audio.evaluate(wave, wave), midi.evaluate(score, score)
    copies = originality.evaluate(score, score)
    trained = {"longest_copied_notes_training", "copied_ngram_share_training", "copied_varied_share_training"}
    trained |= {"interval_bits_training", "rhythm_bits_training"}
    heard = set(SoundCopies().metrics())
    measured = {
        ("audio", "single"): set(sound["generated"]),
        ("audio", "between"): {*sound["between"], *heard},
        ("midi", "single"): set(notes["generated"]),
        ("midi", "between"): {*notes["between"], *copies, *trained},
    }
    for (medium, kind), keys in measured.items():
        assert {metric.key for metric in glossary.metrics(medium, kind)} == keys  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", glossary.METRICS, ids=lambda metric: metric.key)
def test_every_metric_is_explained_in_a_sentence(metric: glossary.Metric):
    assert metric.summary.endswith(".")
    assert (
        metric.summary.count(".") == 1
        or metric.summary.replace("2.8", "").replace("3.58", "").replace("2.5", "").count(".") == 1
    )
    assert metric.title[0].isupper()
    assert metric.better in ("higher", "lower", "closer", "none")
    assert glossary.metric(metric.key) is metric


def test_sound_is_compared_from_the_start_and_scores_whole():
    found = choose_stretches(Wish(), 20.0, 5.0, is_sound=True)
    assert (found.reference, found.generated, found.kind) == ((0.0, 5.0), (0.0, 5.0), "from_start")
    found = choose_stretches(Wish(), 20.0, 5.0, is_sound=False)
    assert (found.reference, found.generated, found.kind) == ((0.0, 20.0), (0.0, 5.0), "whole")


@pytest.mark.parametrize("is_sound", [True, False])
def test_a_prediction_is_laid_beside_what_it_predicts(is_sound: bool):
    found = choose_stretches(ALIGNED, 20.0, 5.0, is_sound=is_sound)
    assert (found.reference, found.generated, found.kind) == ((3.0, 8.0), (0.0, 5.0), "aligned")
    assert choose_stretches(ALIGNED, 6.0, 5.0, is_sound=is_sound).generated == (0.0, 3.0)


def test_two_predictions_of_one_song_are_compared_where_both_are():
    wish = Wish(places=(StretchPlace("song-a", 2.0), StretchPlace("song-a", 0.5)))
    found = choose_stretches(wish, 4.0, 4.0, is_sound=True)
    assert (found.reference, found.generated) == ((0.0, 2.5), (1.5, 4.0))
    apart = Wish(places=(StretchPlace("song-a", 0.0), StretchPlace("song-a", 9.0)))
    assert choose_stretches(apart, 4.0, 4.0, is_sound=True).kind == "from_start"
    strangers = Wish(places=(StretchPlace("song-a"), StretchPlace("song-b", 1.0)))
    assert choose_stretches(strangers, 4.0, 4.0, is_sound=True).kind == "from_start"


def test_chosen_stretches_are_clipped_to_what_there_is():
    found = choose_stretches(Wish((1.0, 99.0), (2.0, 3.0)), 20.0, 5.0, is_sound=True)
    assert (found.reference, found.generated, found.kind) == ((1.0, 20.0), (2.0, 3.0), "chosen")


def test_one_chosen_stretch_gives_the_other():
    places = ALIGNED.places
    assert choose_stretches(Wish((4.0, 6.0), None, places), 20.0, 5.0, is_sound=True).generated == (1.0, 3.0)
    assert choose_stretches(Wish(None, (1.0, 3.0), places), 20.0, 5.0, is_sound=True).reference == (4.0, 6.0)
    assert choose_stretches(Wish((15.0, 17.0), None, places), 20.0, 5.0, is_sound=True).generated == (0.0, 2.0)
    assert choose_stretches(Wish((4.0, 6.0)), 20.0, 5.0, is_sound=True).generated == (0.0, 2.0)


def test_impossible_stretches_are_refused_in_a_sentence():
    for stretch in ((3.0, 2.0), (6.0, 9.0), (1.0, 1.0)):
        with pytest.raises(
            InvalidInput,
            match=r"The excerpt of the generated piece must end after it begins and lie within 0 to 5\.00 s",
        ) as caught:
            choose_stretches(Wish(None, stretch), 20.0, 5.0, is_sound=True)
        assert caught.value.code == "bad_stretch"


def test_very_long_sounds_are_cut_and_say_so():
    found = choose_stretches(Wish(), 7200.0, 7000.0, is_sound=True, longest=600.0)
    assert found.to_json() == {
        "reference": [0.0, 600.0],
        "generated": [0.0, 600.0],
        "kind": "from_start",
        "text": "Both from the start, for 600.00 s.",
    }


@pytest.mark.parametrize(
    ("wish", "is_sound", "text"),
    [
        (Wish(), False, "All of both: 20.00 s and 5.00 s."),
        (ALIGNED, True, "The part that both cover: 3.00 s to 8.00 s of the original."),
        (Wish((1.0, 2.0), (3.0, 4.0)), True, "Original 1.00 s to 2.00 s; generated 3.00 s to 4.00 s."),
    ],
)
def test_a_stretch_is_stated_in_words(wish: Wish, is_sound: bool, text: str):
    assert choose_stretches(wish, 20.0, 5.0, is_sound=is_sound).to_json()["text"] == text
