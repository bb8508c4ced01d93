"""The codec of note events that fits some songs: their values, their voices, and the habits that pieces keep."""

from __future__ import annotations

import numpy as np

from musicgen.approaches.notes.events import (
    DURATION,
    FIELDS,
    GAP,
    PITCH,
    STEPS_PER_BEAT,
    TRANSPOSE,
    VOICE,
    EventCodec,
    Events,
    EventSong,
    score_to_song,
)
from musicgen.approaches.notes.parameters import VoicesAre
from musicgen.approaches.notes.voices import Scores, has_own_instruments, numbered, roles_of, voices_of
from musicgen.symbolic.metre import usual_metre
from musicgen.symbolic.score import Score


def make_event_codec(
    scores: Scores, *, num_notes: int | None = None, voices_are: VoicesAre = "instruments"
) -> tuple[EventCodec, list[EventSong]]:
    """The codec of some songs (score, tracks or None for all), and the events of each: at most the first `num_notes`.

    Args:
        voices_are: automatic takes roles if the songs have few instruments in common.
    """
    by_role = voices_are == "roles" or (voices_are == "automatic" and has_own_instruments(scores))
    voices, metre = (roles_of if by_role else voices_of)(scores), usual_metre(score for score, _ in scores)
    songs = [
        score_to_song(score, numbered(score, tracks, voices, by_role=by_role), num_notes=num_notes)
        for score, tracks in scores
    ]
    together = np.concatenate([np.zeros((0, len(FIELDS)), np.int32), *(song.events for song in songs)])
    low, high = (int(together[:, PITCH].min()), int(together[:, PITCH].max())) if len(together) else (60, 60)
    pitches = range(max(0, low - TRANSPOSE), min(127, high + TRANSPOSE - 1) + 1)
    values = [np.unique(together[:, field]).tolist() for field in range(len(FIELDS))]
    values[GAP] = sorted({0, *values[GAP]})
    values[PITCH] = list(pitches)
    codec = EventCodec(
        values=tuple(tuple(each) for each in values),
        voices=voices,
        is_single=tuple(all(_is_single(song.events, voice) for song in songs) for voice in range(len(voices))),
        ranges=tuple(_pitch_range(together, voice) for voice in range(len(voices))),
        most_together=max((_largest_chord(song.events) for song in songs), default=1),
        most_repeats=max((_longest_repeat(song.events) for song in songs), default=1),
        tempo=float(np.median([_tempo(score) for score, _ in scores])),
        bar=max(1, round(metre.bar * STEPS_PER_BEAT)),
        metre=(metre.numerator, metre.denominator),
        by_role=by_role,
        most_still=max((_longest_still(song.events) for song in songs), default=1),
    )
    return codec, songs


def _largest_chord(events: Events) -> int:
    if not len(events):
        return 1
    chords = np.cumsum(events[:, GAP] > 0)
    return int(np.bincount(chords).max())


def _pitch_range(events: Events, voice: int) -> tuple[int, int]:
    pitches = events[events[:, VOICE] == voice, PITCH]
    return (int(pitches.min()), int(pitches.max())) if pitches.size else (0, 127)


def _is_single(events: Events, voice: int) -> bool:
    """Whether a voice has one note at a time; up to 2% of its notes may overlap."""
    onset = np.cumsum(events[:, GAP])
    mine = events[:, VOICE] == voice
    overlapping = onset[mine][:-1] + events[mine, DURATION][:-1] > onset[mine][1:]
    return bool(overlapping.mean() <= 0.02) if overlapping.size else True


def _longest_repeat(events: Events) -> int:
    """The longest run of one pitch in a voice."""
    longest = 1
    for voice in np.unique(events[:, VOICE]):
        changes = np.flatnonzero(np.diff(events[events[:, VOICE] == voice, PITCH]))
        runs = np.diff(np.concatenate([[-1], changes, [(events[:, VOICE] == voice).sum() - 1]]))
        longest = max(longest, int(runs.max()))
    return longest


def _longest_still(events: Events) -> int:
    """The most notes in a row that repeat the last pitch of their voice, and the one before them."""
    longest, still, latest = 1, 1, dict[int, int]()
    for voice, pitch in events[:, [VOICE, PITCH]].tolist():
        still = still + 1 if latest.get(voice) == pitch else 1
        latest[voice] = pitch
        longest = max(longest, still)
    return longest


def _tempo(score: Score) -> float:
    return float(score.tempos[0].tempo) if score.tempos else 120.0
