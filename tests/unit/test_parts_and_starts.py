"""Notes: the part that is taken of much music, voices by role, and weights carried over from another run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs_at_work import add_score, nobody_supervises, work_here

from musicgen.approaches import approach
from musicgen.approaches.notes.events import EventCodec
from musicgen.approaches.notes.part import take_part
from musicgen.approaches.notes.voices import has_own_instruments, role_numbers
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, NotFound
from musicgen.runs import api
from musicgen.runs.api import SongChoice
from musicgen.runs.starting import start_words
from musicgen.symbolic.score import Score, Track
from tests.makers_music import chords, melody, midi_song, song

pytestmark = pytest.mark.numeric


class TestPart:
    def test_all_is_taken_where_there_is_room(self) -> None:
        part = take_part([midi_song(12, 0), midi_song(12, 1)], 10_000, seed=0)
        assert part.num_notes is None
        assert not part.facts
        assert not part.warnings

    def test_long_songs_give_their_start_and_short_ones_everything(self) -> None:
        songs = [song(melody([60] * length), number) for number, length in enumerate((100, 3_000, 5_000))]
        part = take_part(songs, 4_100, seed=0)
        assert part.num_notes == 2_000
        assert part.facts["part"]["notes"] == 4_100
        assert part.facts["part"]["notes_in_these_songs"] == 8_100
        assert "4,100 of their 8,100 notes" in part.warnings[0]
        assert part.facts["part_songs"] == [each.id for each in songs]

    def test_of_very_many_songs_only_some_are_read(self) -> None:
        read: list[int] = []

        class Clip:
            def __init__(self, number: int) -> None:
                self.number = number

            def score(self) -> Score:
                read.append(self.number)
                return melody([60] * 500)

        songs = [replace(midi_song(1, number), clip=Clip(number)) for number in range(2_000)]  # type: ignore[arg-type]
        part = take_part(songs, 5_000, seed=3)
        assert len(read) == 10
        assert sorted(read) != list(range(10))  # drawn, not the first ones
        assert "10 of 2,000 songs" in part.warnings[0]
        assert part.facts["part_songs"] == [songs[number].id for number in sorted(read)]
        read.clear()
        assert take_part(songs, 5_000, seed=3).facts == part.facts

    def test_the_plan_says_it(self) -> None:
        kind = approach("note_lstm")
        training = read_parameters(kind.Training, {"max_notes": 40, "sequence_length": 8})
        prepared = kind.prepare([midi_song(24, 0), midi_song(24, 1)], training)
        assert prepared.facts["n_tokens"] == 40
        assert "part" in prepared.warnings[0]


def ensemble(programs: tuple[int, ...], lowest_first: bool = True) -> Score:
    """As many tracks as programs, an octave apart."""
    rows = [
        (beat * 480, 480, 36 + 12 * (track if lowest_first else len(programs) - 1 - track), 80, track)
        for beat in range(12)
        for track in range(len(programs))
    ]
    notes = melody([60] * len(rows)).notes.copy()
    for name, column in zip(
        ("onset_ticks", "duration_ticks", "pitch", "velocity", "track"), np.array(rows).T, strict=True
    ):
        notes[name] = column
    return replace(melody([60]), notes=notes, tracks=tuple(Track(f"t{p}", p) for p in programs))


class TestRoles:
    def test_from_the_bass_up_to_the_melody(self) -> None:
        assert role_numbers(ensemble((1, 2, 3)), None, 3) == {0: 0, 1: 1, 2: 2}
        assert role_numbers(ensemble((1, 2, 3), lowest_first=False), None, 3) == {0: 2, 1: 1, 2: 0}
        assert role_numbers(ensemble((1, 2)), None, 4) == {0: 0, 1: 3}
        assert role_numbers(ensemble((1,)), None, 4) == {0: 3}

    def test_songs_with_instruments_of_their_own_teach_roles(self) -> None:
        alike = [(ensemble((40, 42)), None), (ensemble((40, 42)), None)]
        other = [(ensemble((40, 42)), None), (ensemble((60, 58)), None)]
        assert not has_own_instruments(alike)
        assert has_own_instruments(other)
        kind = approach("note_lstm")
        training = read_parameters(kind.Training, {"voices": "automatic", "sequence_length": 8})
        codec = kind.prepare([song(score, number) for number, (score, _) in enumerate(other)], training).codec
        assert codec.by_role
        assert [voice.name for voice in codec.voices] == ["Bass", "Melody"]
        assert EventCodec.from_json(codec.to_json()) == codec
        assert "by_role" not in kind.prepare([song(score) for score, _ in alike[:1]], training).codec.to_json()


def test_a_start_carries_over_what_means_the_same() -> None:
    from musicgen.networks.starting import inherit

    kind = approach("note_lstm")
    training = read_parameters(kind.Training, kind.tiny.training)
    codecs = [
        kind.prepare([song(score)], training).codec
        for score in (chords(12, 0), melody([50, 52, 54, 66, 67] * 8, ticks=300))
    ]
    before, now = (kind.build(codec, training, seed=number) for number, codec in enumerate(codecs))
    found = inherit(
        now, before, kind.weight_labels(codecs[1], training, codecs[0]), kind.weight_labels(codecs[0], training)
    )
    assert 0 < found.carried < found.weights == now.parameters[0]
    heads = [networks.models["notes"].get_layer("pitch_logits").kernel.numpy() for networks in (before, now)]
    pitch = 60
    places = [codec.values[2].index(pitch) for codec in codecs]
    np.testing.assert_array_equal(heads[0][:, places[0]], heads[1][:, places[1]])
    lstm = [networks.models["notes"].get_layer("lstm_1").kernel.numpy() for networks in (before, now)]
    np.testing.assert_array_equal(lstm[0], lstm[1])
    # To the same songs, everything is carried over.
    again = kind.build(codecs[0], training, seed=5)
    labels = kind.weight_labels(codecs[0], training, codecs[0])
    assert inherit(again, before, labels, labels).share == 1.0


@pytest.mark.slow  # three trainings
def test_a_run_starts_from_another_and_says_so(home: Path) -> None:
    with nobody_supervises():
        songs = [add_score(f"Song {number}", chords(16, number)) for number in range(2)]
        values = dict(approach("note_lstm").tiny.training)
        first = work_here(api.submit_training("note_lstm", [SongChoice(songs[0])], values))
        assert first.state == "succeeded", first.reason
        asked = [SongChoice(songs[1])]
        second = work_here(api.submit_training("note_lstm", asked, values, train_from=first.id))
        assert second.state == "succeeded", second.reason
        started = second.prepared["facts"]["started_from"]
        assert started["run"] == first.id
        assert 0 < started["carried"] <= started["weights"]
        assert f"“{first.name}”" in start_words(second.request, second.prepared["facts"])
        anew = work_here(api.submit_training("note_lstm", asked, values))
        assert anew.history[0]["loss"] != second.history[0]["loss"]
        assert start_words(anew.request, anew.prepared["facts"]) == ""
        with pytest.raises(NotFound, match="starts from a run that exists"):
            api.submit_training("note_lstm", asked, values, train_from="run-000000000000")
        with pytest.raises(InvalidInput, match="a run of the same approach"):
            api.submit_training("note_wavenet", asked, {}, train_from=first.id)
