"""Metre: where bars begin in a score, and that pieces are made in the metre of their songs, or of their prompt."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.approaches.notes.event_fitting import make_event_codec
from musicgen.approaches.notes.events import EventCodec
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.codecs.vocabulary import Vocabulary
from musicgen.contract.made import Order
from musicgen.contract.parameters import read_parameters
from musicgen.symbolic.metre import (
    NEAR,
    Metre,
    bar_to_signature,
    lay_out_measures,
    metre_at,
    signatures_of,
    usual_metre,
)
from musicgen.symbolic.score import Score, TempoChange, TimeSignature, Track, make_notes
from tests.makers_music import song

METRES = ((6, 8), (12, 8), (9, 8), (3, 8), (7, 8), (2, 2), (3, 2), (5, 4), (3, 4), (4, 4))


def in_metre(*signatures: tuple[int, int, int], num_notes: int = 96, program: int = 0) -> Score:
    """A tune of eighths whose signatures stand at so many quarter notes."""
    pitches = 60 + np.array([0, 4, 7, 5, 2, 9, 11])[np.arange(num_notes) % 7]
    return Score(
        make_notes(np.arange(num_notes) * 240, 240, pitches, 80),
        tracks=(Track("Tune", program),),
        tempos=(TempoChange(0, 100.0),),
        time_signatures=tuple(TimeSignature(480 * beat, *metre) for beat, *metre in signatures),
    )


@pytest.mark.parametrize(
    ("signatures", "metre"),
    [
        ([], None),
        ([(0, 6, 8)], Metre(6, 8)),
        ([(0, 1, 4), (1, 4, 4)], Metre(4, 4, Fraction(1))),
        ([(0, 4, 4), (1, 4, 4)], Metre(4, 4, Fraction(1))),
        ([(0, 2, 4), (2, 4, 4)], Metre(4, 4, Fraction(2))),
        ([(0, 4, 4), (8, 3, 4)], Metre(3, 4, Fraction(2))),
        ([(0, 4, 4), (2, 3, 4)], Metre(3, 4, Fraction(2))),
        ([(0, 2, 4), (40, 6, 8)], Metre(2, 4)),
        ([(7, 7, 8)], Metre(7, 8)),
        ([(0, 1, 64)], None),
    ],
)
def test_the_metre_in_force_longest_and_where_its_bars_begin(signatures: list, metre: Metre | None) -> None:
    assert metre_at(in_metre(*signatures)) == metre


def test_the_metre_at_a_place() -> None:
    score = in_metre((0, 4, 4), (8, 6, 8), (20, 3, 4))
    assert [metre_at(score, Fraction(beat)) for beat in (0, 8, 19, 20)] == [
        Metre(4, 4),
        Metre(6, 8, Fraction(2)),
        Metre(6, 8, Fraction(2)),
        Metre(3, 4, Fraction(2)),
    ]


def test_a_first_bar_that_is_no_pickup() -> None:
    mixed = lay_out_measures(
        [TimeSignature(0, 2, 4), TimeSignature(960, 3, 4), TimeSignature(2_400, 2, 4)], 480, Fraction(7)
    )
    assert [measure.is_pickup for measure in mixed] == [False] * 3
    twice = lay_out_measures([TimeSignature(0, 2, 4), TimeSignature(1_920, 3, 4)], 480, Fraction(7))
    assert [(measure.start, measure.is_pickup) for measure in twice] == [(0, False), (2, False), (4, False)]


@pytest.mark.parametrize("metre", [Metre(*each, Fraction(upbeat, 4)) for each in METRES for upbeat in (0, 1, 2, 4)])
def test_signatures_say_the_metre_again(metre: Metre) -> None:
    score = Score(make_notes([0, 9_600], 9_600, 60, 80), time_signatures=signatures_of(metre, 480))
    assert metre_at(score) == Metre(metre.numerator, metre.denominator, metre.upbeat % metre.bar)
    assert lay_out_measures(score.time_signatures, 480, Fraction(9))[0].is_pickup == bool(metre.upbeat % metre.bar)


@pytest.mark.parametrize("upbeat", [Fraction(1, 3), Fraction(5, 8), Fraction(1, 24)])
def test_an_upbeat_that_no_signature_says_still_sets_the_barlines(upbeat: Fraction) -> None:
    score = Score(make_notes(0, 480, 60, 80), 24, time_signatures=signatures_of(Metre(4, 4, upbeat), 24))
    assert metre_at(score) == Metre(4, 4, upbeat if upbeat > NEAR else Fraction(0))


def test_bars_as_signatures() -> None:
    found = [bar_to_signature(Fraction(*each)) for each in ((1, 1), (3, 2), (7, 2), (1, 8), (1, 3), (0, 1))]
    assert found == [(1, 4), (3, 8), (7, 8), (1, 32), None, None]


def test_the_usual_metre_leaves_pickups_and_unsigned_songs_out() -> None:
    chorale, waltz = in_metre((0, 1, 4), (1, 4, 4)), in_metre((0, 3, 4))
    assert usual_metre([chorale, waltz, chorale, in_metre()]) == Metre(4, 4)
    assert usual_metre([in_metre()]) == Metre()


ASKED = [(metre, kind) for metre in METRES for kind in ("events", "tokens")]
AT_ONCE = (((12, 8), "events"),)


@pytest.mark.parametrize(
    ("metre", "representation"),
    [pytest.param(*each, marks=[] if each in AT_ONCE or each[1] == "tokens" else pytest.mark.slow) for each in ASKED],
)
def test_pieces_are_in_the_metre_of_the_songs_or_of_the_prompt(metre: tuple[int, int], representation: str) -> None:
    other = (3, 4) if metre != (3, 4) else (7, 8)
    songs = [in_metre((0, *metre)), in_metre((0, *metre)), in_metre((0, 2, 4))]
    own, kept, following = _pieces(representation, songs, in_metre((0, *other)))
    assert metre_at(own) == Metre(*metre)
    found = [metre_at(piece) for piece in (kept, following)]
    assert [(each.numerator, each.denominator) for each in found if each] == [other] * 2
    assert kept.time_signatures[0] == TimeSignature(0, *other), "it begins as its prompt does"


CHORALE = ((0, 1, 4), (1, 4, 4))


@pytest.mark.parametrize(
    ("songs", "prompt", "heard", "signed"),
    [
        (CHORALE, CHORALE, ((4, 4), 72, 96), [(0, 1, 4), (24, 4, 4)]),
        (CHORALE, ((0, 7, 8),), ((7, 8), 0, 84), [(0, 7, 8)]),
        (((0, 6, 8),), (), ((6, 8), 0, 72), [(0, 6, 8)]),
        (((0, 6, 8),), ((0, 4, 4), (4, 3, 4), (40, 2, 2)), ((3, 4), 48, 72), [(0, 1, 4), (24, 3, 4)]),
        (((0, 12, 8),), ((0, 2, 2),), ((2, 2), 0, 96), [(0, 2, 2)]),
    ],
)
def test_a_prompt_is_heard_and_written_in_its_metre(songs: tuple, prompt: tuple, heard: tuple, signed: list) -> None:
    """And in that of the songs where it has none, with its pickup, in the metre where it ends."""
    codec, _ = make_event_codec([(in_metre(*songs), None)])
    song = codec.score_to_song(in_metre(*prompt), None, num_notes=16)
    assert len(song) == 16
    assert (song.metre, song.start, song.bar) == heard
    score = codec.events_to_score(song.events, metre=song.metre, start=song.start)
    assert [(each.tick, each.numerator, each.denominator) for each in score.time_signatures] == signed


@pytest.mark.framework
def test_jazz_is_in_the_metre_of_its_song() -> None:
    kind = approach("jazz_lstm")
    for metre in ((6, 8), (12, 8), (3, 4), (2, 2)):
        score = in_metre((0, *metre), num_notes=240, program=65)
        bar = 1_920 * metre[0] // metre[1]
        chords = np.arange(0, 240 * 240, bar)
        notes = np.concatenate([score.notes, *(make_notes(chords, bar, pitch, 70, 1) for pitch in (48, 52, 55))])
        tune = Score(notes, tracks=(Track("Sax", 65), Track("Piano")), time_signatures=score.time_signatures)
        trained = read_parameters(kind.Training, dict(kind.tiny.training))
        prepared = kind.prepare([song(tune)], trained)
        networks = kind.build(prepared.codec, trained)
        asked = read_parameters(kind.Generation, {})
        (made,) = kind.generate(networks, prepared.codec, trained, Order(asked, (1,)))
        assert metre_at(made.content) == Metre(*metre)


def test_codecs_of_older_runs_sign_as_they_did() -> None:
    codec, _ = make_event_codec([(in_metre((0, 6, 8)), None)])
    document = json.loads(json.dumps(codec.to_json()))
    assert EventCodec.from_json(document) == codec
    del document["metre"]
    older = EventCodec.from_json(document)
    assert older.events_to_score(np.zeros((0, 5), np.int32), start=36).time_signatures == (TimeSignature(0, 3, 4),)
    pickup = in_metre((0, 1, 4), (1, 4, 4))
    assert (older.score_to_song(pickup).bar, codec.score_to_song(pickup).bar) == (24, 96)
    tokens = TokenCodec(Vocabulary(["C4", "E4"]), ((0, 1),), False, True, 96.0, (6, 8))
    document = json.loads(json.dumps(tokens.to_json()))
    assert TokenCodec.from_json(document).metre == (6, 8)
    del document["metre"]
    older_tokens = TokenCodec.from_json(document)
    assert older_tokens.ids_to_score(np.array([0]), metre=Metre(7, 8)).time_signatures == (TimeSignature(0, 4, 4),)


def _pieces(representation: str, songs: list[Score], prompt: Score) -> list[Score]:
    """Pieces of an untrained network: one of its own, one that keeps a prompt, one that goes on after it."""
    kind = approach("note_lstm")
    small = {"units": 8, "epochs": 1, "sequence_length": 8}
    small |= {"dense": 8, "threshold": 0} if representation == "tokens" else {}
    trained = read_parameters(kind.Training, {**kind.tiny.training, **small, "representation": representation})
    prepared = kind.prepare([song(score, number) for number, score in enumerate(songs)], trained)
    networks = kind.build(prepared.codec, trained)
    made: list[Score] = []
    for source, keeps in ((None, False), (song(prompt), True), (song(prompt), False)):
        asked = read_parameters(kind.Generation, {"num_notes": 20, "prompt_notes": 16, "keep_prompt": keeps})
        pieces = kind.generate(networks, prepared.codec, trained, Order(asked, (1,), prompt=source))
        made += [each.content for each in pieces]
    return made
