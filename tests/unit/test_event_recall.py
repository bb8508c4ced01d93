"""What a piece recalls of itself: found as a plain search finds it, and the same in training and in sampling."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen.approaches.notes import event_recall, event_recall_stepper
from musicgen.approaches.notes.event_examples import EventExamples, EventStretch
from musicgen.approaches.notes.event_recall import FOLLOWED_CLASS, N_POINTERS, NEXT_END, SongRecall, song_recall
from musicgen.approaches.notes.events import DURATION, FIELDS, GAP, PITCH, VOICE, EventCodec, EventSong
from musicgen.approaches.notes.voices import Voice
from musicgen.networks.backend import ops

pytestmark = pytest.mark.numeric

N_EVENTS, REACH = 90, 24


@pytest.fixture
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short song goes beyond what is remembered."""
    for module in (event_recall, event_recall_stepper):
        monkeypatch.setattr(module, "REACH", REACH)


def some_events(seed: int) -> np.ndarray:
    """Raw values of a song of few values, so that much of it returns."""
    rng = np.random.default_rng(seed)
    events = np.stack(
        [rng.choice([0, 6, 12], N_EVENTS), rng.integers(0, 3, N_EVENTS), rng.choice([60, 62, 64], N_EVENTS),
         rng.choice([6, 12, 24], N_EVENTS), rng.choice([8, 10], N_EVENTS)], axis=1,
    )  # fmt: skip
    events[40:60] = events[20:40]  # a passage returns
    events[0, GAP] = 0
    return events.astype(np.int32)


def codec_of(events: np.ndarray) -> EventCodec:
    values = [np.unique(events[:, field]).tolist() for field in range(len(FIELDS))]
    values[PITCH] = list(range(54, 72))
    voices = tuple(Voice(number, 0) for number in range(3))
    return EventCodec(tuple(map(tuple, values)), voices, (True,) * 3, ((54, 71),) * 3, 3, 9, 120.0, 96, (4, 4))


def searched(ids: np.ndarray) -> SongRecall:
    """The same by trying every earlier place."""

    def of(fields: list[int], places: np.ndarray, now: int) -> tuple[int, int]:
        before = [place for place in places.tolist() if now - REACH <= place < now]
        matches: list[tuple[int, int, int]] = []  # (length, how far back, the event after it)
        for end in range(len(before) - 1):
            length = 0
            while length <= end and (ids[before[end - length], fields] == ids[before[-1 - length], fields]).all():
                length += 1
            matches.append((length, len(before) - 1 - end, before[end + 1]))
        longest, _, after = max(matches, key=lambda each: (each[0], each[2]), default=(0, 0, -1))
        figures = [each for each in matches if each[0] >= each[1]]
        if figures:
            again, back, place = min(figures, key=lambda each: each[1])
            if longest <= again + back:
                return place, back
        return (after, longest) if longest else (-1, 0)

    everything = np.arange(len(ids))
    followed = [of([GAP, VOICE, PITCH], everything, now) for now in everything]
    voiced = [
        of([PITCH, DURATION], np.flatnonzero(ids[:, VOICE] == ids[now, VOICE]), now) for now in everything.tolist()
    ]
    columns = [np.array(each) for pairs in (followed, voiced) for each in zip(*pairs, strict=True)]
    return SongRecall(columns[0], columns[1], columns[2], columns[3])


@pytest.mark.usefixtures("short_reach")
def test_the_longest_earlier_match_is_found() -> None:
    """A match that began before what is remembered counts as longer than this search can tell, and may win."""
    ids = codec_of(some_events(0)).events_to_ids(some_events(0))
    found, right = song_recall(ids), searched(ids)
    for name in ("followed", "voiced"):
        is_same = getattr(found, f"{name}_length") == getattr(right, f"{name}_length")
        assert is_same.mean() > 0.75
        np.testing.assert_array_equal(getattr(found, name)[is_same], getattr(right, name)[is_same])
        assert (getattr(found, f"{name}_length") >= getattr(right, f"{name}_length")).all()
    assert found.followed[45:60].tolist() == list(range(25, 40))  # the passage that returns
    assert found.followed_length[59] >= 15


def test_what_repeats_itself_does_not_become_likelier() -> None:
    """A chord of three that comes twenty times is like itself a chord earlier: three notes, not sixty."""
    chord = np.array([[6, 0, 60, 6, 8], [0, 1, 64, 6, 8], [0, 2, 67, 6, 8]], dtype=np.int32)
    events = np.tile(chord, (20, 1))
    found = song_recall(codec_of(events).events_to_ids(events))
    assert found.followed[6:].tolist() == list(range(3, 57))
    assert set(found.followed_length[6:].tolist()) == {3}
    assert set(found.voiced_length[6:].tolist()) == {1}


# Columns of the pointers: what counts before the voice is chosen, and what counts after that.
WITH_THE_VOICE = [column for column in range(N_POINTERS) if column != NEXT_END]
BEFORE_THE_VOICE = [*range(FOLLOWED_CLASS + 1), NEXT_END]


@pytest.mark.usefixtures("short_reach")
def test_sampling_recalls_what_training_shows() -> None:
    events = some_events(1)
    codec = codec_of(events)
    ids = codec.events_to_ids(events)
    stretch = EventStretch(EventSong(events), 0, N_EVENTS)
    shown = EventExamples(codec, [stretch], N_EVENTS, recalls=True).gather(np.arange(1), None)
    stepper = event_recall_stepper.RecallStepper(codec)
    state, then = stepper.empty(1), np.array([codec.sizes], dtype=np.int32)
    durations = np.array(codec.values[DURATION])
    for number in range(N_EVENTS):
        event = ids[number : number + 1]
        before = stepper.recalled(state, then)
        at_once = ops.convert_to_numpy(before.pointers)[:, BEFORE_THE_VOICE]
        np.testing.assert_array_equal(at_once, shown["pointers"][:, number, BEFORE_THE_VOICE], str(number))
        state = stepper.moved_on(state, np.array([codec.values[GAP][event[0, GAP]]], dtype=np.int32))
        state = stepper.given_voice(state, event[:, VOICE])
        now = stepper.recalled(state, then)
        later = ops.convert_to_numpy(now.pointers)[:, WITH_THE_VOICE]
        np.testing.assert_array_equal(later, shown["pointers"][:, number, WITH_THE_VOICE], str(number))
        np.testing.assert_array_equal(ops.convert_to_numpy(now.states), shown["states"][:, number])
        np.testing.assert_allclose(ops.convert_to_numpy(before.habits), shown["habits"][:, number], atol=1e-5)
        state = stepper.sung(state, event, durations[event[:, DURATION]].astype(np.int32))
        then = event
