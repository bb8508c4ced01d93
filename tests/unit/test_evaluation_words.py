"""The glossary names exactly what is measured; verdicts say what is wrong, why and what to do; stretches fit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput
from musicgen.evaluation import audio, degeneracy, glossary, midi, originality
from musicgen.evaluation.degeneracy import possible_remedies, verdicts
from musicgen.evaluation.stretches import Place, Wish, choose_stretches
from musicgen.symbolic.score import Score, make_notes

SOUND = audio.describe(Waveform(np.zeros(8000, np.float32), 8000)) | {
    "rms_db": -20.0,
    "peak_db": -3.0,
    "silence_share": 0.0,
}
ALIGNED = Wish(places=(Place("song-a"), Place("song-a", 3.0)))
NOTES = midi.describe(Score(make_notes(np.arange(40) * 480, 480, np.random.default_rng(0).permutation(40) + 40, 80)))


def codes(medium: glossary.Medium, metrics: dict[str, float], learned: dict[str, float] | None = None) -> list[str]:
    return [verdict.code for verdict in verdicts(medium, metrics, learned)]


def test_the_glossary_explains_every_metric_and_no_other():
    wave, score = Waveform(np.zeros(8000, np.float32), 8000), Score(make_notes([0], 480, 60, 80))
    sound, notes = audio.evaluate(wave, wave), midi.evaluate(score, score)
    copies = originality.evaluate(score, score)
    trained = {"longest_copied_notes_training", "copied_ngram_share_training"}
    measured = {
        ("audio", "single"): set(sound["generated"]),
        ("audio", "between"): set(sound["between"]),
        ("midi", "single"): set(notes["generated"]),
        ("midi", "between"): {*notes["between"], *copies, *trained},
    }
    for (medium, kind), keys in measured.items():
        assert {metric.key for metric in glossary.metrics(medium, kind)} == keys  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", glossary.METRICS, ids=lambda metric: metric.key)
def test_every_metric_is_explained_in_a_sentence(metric: glossary.Metric):
    assert metric.summary.endswith(".")
    assert metric.summary.count(".") == 1 or metric.summary.replace("2.8", "").replace("3.58", "").count(".") == 1
    assert metric.title[0].isupper()
    assert metric.better in ("higher", "lower", "closer", "none")
    assert glossary.metric(metric.key) is metric


def test_sound_pieces_have_no_verdict():
    assert codes("audio", SOUND) == []
    assert codes("audio", SOUND, SOUND) == []
    assert codes("midi", NOTES) == []


@pytest.mark.parametrize(
    ("change", "learned", "expected"),
    [
        ({"peak_db": -90.0, "rms_db": -100.0, "silence_share": 1.0}, SOUND, ["silent"]),
        ({"silence_share": 0.97}, {}, ["silent"]),
        ({"silence_share": 0.97}, {"silence_share": 0.98}, []),
        ({"rms_db": -33.0}, SOUND, ["faint"]),
        ({"rms_db": -31.0}, SOUND, []),
        ({"rms_db": -31.0}, {"rms_db": -120.0}, []),
        ({"rms_db": -7.0, "clipping_share": 0.1}, SOUND, ["loud", "clipped"]),
        ({"clipping_share": 0.0005}, SOUND, []),
        ({"clipping_share": 0.01}, {"clipping_share": 0.02}, []),
        ({"loop_correlation": 0.997, "loop_seconds": 1.0}, SOUND, ["looping"]),
        ({"loop_correlation": 0.93}, {"loop_correlation": 0.95}, []),
    ],
)
def test_verdicts_on_sound(change: dict[str, float], learned: dict[str, float], expected: list[str]):
    assert codes("audio", SOUND | change, learned) == expected


@pytest.mark.parametrize(
    ("change", "learned", "expected"),
    [
        ({"num_notes": 0}, {}, ["silent"]),
        ({"longest_run": 9}, {}, ["stuck"]),
        ({"longest_run": 8}, {}, []),
        ({"longest_run": 12}, {"longest_run": 12}, []),
        ({"longest_run": 42, "top_note_share": 0.43, "loop_share": 0.95}, {}, ["stuck", "monotonous"]),
        ({"loop_share": 1.0}, {}, ["looping"]),
        ({"top_note_share": 0.4}, {"top_note_share": 0.45}, []),
        ({"copied_ngram_share_training": 0.6}, {}, ["copied"]),
        ({"copied_ngram_share_training": 0.5}, {}, []),
    ],
)
def test_verdicts_on_notes(change: dict[str, float], learned: dict[str, float], expected: list[str]):
    assert codes("midi", NOTES | change, learned) == expected


def test_a_verdict_brings_evidence_cause_and_remedy():
    (verdict,) = verdicts("audio", SOUND | {"loop_correlation": 0.997, "loop_seconds": 0.5})
    assert (verdict.metric, verdict.value, verdict.limit) == ("loop_correlation", 0.997, degeneracy.LOOP)
    assert "0.50 s" in verdict.cause
    document = json.loads(json.dumps(verdict.to_json()))
    assert document["remedies"][0] == {
        "text": "Generate again with a higher temperature.",
        "action": "generate",
        "factors": {"temperature": 1.25},
    }


def test_every_verdict_names_a_known_metric_and_has_a_remedy():
    bad_sound = SOUND | {"clipping_share": 1.0, "loop_correlation": 1.0, "rms_db": 0.0}
    bad_notes = NOTES | {"longest_run": 9, "top_note_share": 1.0, "copied_ngram_share_training": 1.0}
    found = [*verdicts("audio", bad_sound, SOUND), *verdicts("midi", bad_notes)]
    found += [*verdicts("audio", SOUND | {"rms_db": -99.0}, SOUND), *verdicts("midi", NOTES | {"loop_share": 1.0})]
    assert {verdict.code for verdict in found} == {
        "loud", "clipped", "looping", "stuck", "monotonous", "copied", "faint",
    }  # fmt: skip
    for verdict in found:
        assert glossary.metric(verdict.metric)
        assert verdict.remedies
        assert verdict.cause.endswith(".")


def test_only_remedies_that_an_approach_has_are_offered():
    (verdict,) = verdicts("audio", SOUND | {"loop_correlation": 1.0, "loop_seconds": 0.5})
    offered = possible_remedies(verdict, training={"epochs", "look_back"}, generation={"seconds"})
    assert [set(remedy.factors) for remedy in offered] == [{"look_back"}, {"epochs"}]
    (copied,) = verdicts("midi", NOTES | {"copied_ngram_share_training": 1.0})
    assert [remedy.action for remedy in possible_remedies(copied, training=set(), generation=set())] == ["songs"]


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
    wish = Wish(places=(Place("song-a", 2.0), Place("song-a", 0.5)))
    found = choose_stretches(wish, 4.0, 4.0, is_sound=True)
    assert (found.reference, found.generated) == ((0.0, 2.5), (1.5, 4.0))
    apart = Wish(places=(Place("song-a", 0.0), Place("song-a", 9.0)))
    assert choose_stretches(apart, 4.0, 4.0, is_sound=True).kind == "from_start"
    strangers = Wish(places=(Place("song-a"), Place("song-b", 1.0)))
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
        with pytest.raises(InvalidInput, match=r"The generated stretch lies within its 5\.00 s") as caught:
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
        (ALIGNED, True, "The stretch that both cover: 3.00 s to 8.00 s of the reference."),
        (Wish((1.0, 2.0), (3.0, 4.0)), True, "Reference 1.00 s to 2.00 s; generated 3.00 s to 4.00 s."),
    ],
)
def test_a_stretch_is_stated_in_words(wish: Wish, is_sound: bool, text: str):
    assert choose_stretches(wish, 20.0, 5.0, is_sound=is_sound).to_json()["text"] == text
