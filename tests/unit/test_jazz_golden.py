"""The authors' own file, read as they read it. It belongs to others: without ../shared these tests are skipped.

What follows from its numbers alone is in `test_jazz_data`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from musicgen.approaches import approach
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import Prepared
from musicgen.symbolic.midi import read_midi
from musicgen.symbolic.pitches import pitch_number
from tests.makers_music import song

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "jazz"
MIDI, GOLDEN = FOLDER / "original_metheny.mid", FOLDER / "golden_metheny.json"
pytestmark = pytest.mark.skipif(not GOLDEN.exists(), reason="the authors' file lies in ../shared, which is not here")
JAZZ = approach("jazz_lstm")
MEASURES = [12, 12, 15, 12, 12, 8, 11, 7, 6, 12, 10, 11, 10, 8, 12, 19, 8, 8]


def prepare(**values: Any) -> Prepared:
    training = read_parameters(JAZZ.Training, {**JAZZ.presets["original"].training, **values})
    return JAZZ.prepare([song(read_midi(MIDI))], training)


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def original() -> Prepared:
    return prepare()


def corpus_of(made: Prepared) -> list[str]:
    return made.codec.vocabulary.decode(made.training.melodies[0].ids)


def sha(words: list[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def test_j1_to_j4_counts(original: Prepared) -> None:
    facts = original.facts
    assert hashlib.sha256(MIDI.read_bytes()).hexdigest().startswith("0da8322ceab36b03")
    assert (facts["n_measures"], facts["n_tokens"], facts["vocabulary_size"]) == (18, 193, 78)
    assert facts["token_kinds"] == {"C": 117, "S": 44, "A": 25, "X": 7, "R": 0}
    assert facts["durations"] == {"0.250": 153, "0.333": 20, "0.500": 12, "0.667": 5, "0.750": 3}
    assert facts["tokens_per_measure"] == MEASURES
    assert facts["n_tokens_without_interval"] == 18


def test_j5_and_j6_every_word(original: Prepared, golden: dict[str, Any]) -> None:
    corpus = corpus_of(original)
    assert corpus == " ".join(golden["grammars"]).split()
    assert sha(corpus) == "48fc43d86117cc42"
    assert sha(list(original.codec.vocabulary.tokens)) == "4239f342d3a3aa94"


def test_every_chord_set(original: Prepared, golden: dict[str, Any]) -> None:
    for number, expected in enumerate(golden["chords"][1:]):
        found = original.codec.forms[0].chords[number]
        start = 476 + 4 * number
        assert [start + chord.onset / 12 for chord in found] == [onset for onset, _, _ in expected]
        assert [chord.length for chord in found] == [round(12 * length) for _, _, length in expected]
        assert [chord.pitches for chord in found] == [
            tuple(pitch_number(name.replace("-", "b")) for name in names) for _, names, _ in expected
        ]


def test_j7_rests() -> None:
    facts = prepare(rests=True).facts
    assert (facts["n_tokens"], facts["vocabulary_size"], facts["token_kinds"]["R"]) == (275, 90, 82)


def test_j8_shapes(original: Prepared) -> None:
    assert original.facts["inputs_shape"] == [60, 30, 78]
    assert original.facts["targets_shape"] == [30, 60, 78]
    assert original.facts["n_distinct_windows"] == 49


def test_j9_parameters(original: Prepared) -> None:
    training = read_parameters(JAZZ.Training, JAZZ.presets["original"].training)
    assert JAZZ.cost(original, training).parameters == 41_678
    assert JAZZ.cost(prepare(rests=True), training).parameters == 45_530


def test_the_guess_finds_music_in_it() -> None:
    training = read_parameters(JAZZ.Training, JAZZ.presets["best"].training)
    facts = JAZZ.prepare([song(read_midi(MIDI))], training).facts
    assert (facts["melody_name"], facts["chord_name"]) == ("Guitar", "Piano")
    assert facts["n_tokens"] > 800
