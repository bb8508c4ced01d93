"""What a piece recalls of itself at each note: what followed when it last sounded like this, for all voices and for
one, which voices are free, when the next one ends, and which values it has used.

Values are pointed at, not learned by heart: a figure, an instrument or a length that no training song has is as easy
to go on with as a known one. Everything comes from earlier notes of the same piece. The same bookkeeping runs here
over songs and windows (training) and in `event_recall_stepper` one event at a time (sampling); a test checks that they
agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.events import (
    DURATION,
    FIELDS,
    GAP,
    LENGTHS,
    PITCH,
    VELOCITY,
    VOICE,
    EventCodec,
    nearest,
)

REACH = 512  # events back that are searched for what sounded like the last ones
# A match of n notes counts as class number np.searchsorted(CLASSES, n, "right"): none, 1, 2, 3, 4 to 5 …
CLASSES = np.array([1, 2, 3, 4, 6, 10, 20])
N_CLASSES = len(CLASSES) + 1
# Columns of `pointers`: the event that followed the longest earlier match, and the class of its length; pitch and
# length of the note that followed in the voice alone, and the class; the gap to the next end of a voice; length and
# level of the voice's last note; length and level of the event before.
FOLLOWED, FOLLOWED_CLASS = slice(0, len(FIELDS)), len(FIELDS)
VOICED_PITCH, VOICED_DURATION, VOICED_CLASS, NEXT_END, LAST_DURATION, LAST_VELOCITY, THEN_DURATION, THEN_VELOCITY = (
    range(len(FIELDS) + 1, len(FIELDS) + 9)
)
N_POINTERS = THEN_VELOCITY + 1
# Of each voice: it sounds, it has just ended, it ended within a beat, it plays at this onset already, it was heard.
N_STATES = 5
RECENT, LONG_AGO, NEVER_YET = -24, -10_000, -10_001
FORGETTING = 0.5 ** (1 / 64)  # how fast the used values fade, per event
BASE = 2.0  # counts as this many events with all values alike


def habit_fields(sizes: tuple[int, ...]) -> list[int]:
    """The fields whose used values are kept: all that are predicted but the pitch."""
    return [field for field, size in enumerate(sizes) if field != PITCH and size > 1]


@dataclass(frozen=True)
class SongRecall:
    """For each event of a song the numbers of the events that it may repeat, -1 for none: (n_notes,) each.

    Attributes:
        followed: the event after the longest earlier match of gap, voice and pitch of all that came before.
        voiced: the note after the longest earlier match of pitch and length in the voice of this event.
        followed_length, voiced_length: notes of the match.
    """

    followed: NDArray[np.int64]
    followed_length: NDArray[np.int64]
    voiced: NDArray[np.int64]
    voiced_length: NDArray[np.int64]


def song_recall(ids: NDArray[np.integer]) -> SongRecall:
    """From all events of a song, ids (n_notes, 5)."""
    alike, of_voice = _keys(ids, (GAP, VOICE, PITCH)), _keys(ids, (VOICE, PITCH, DURATION))
    followed, followed_length = _longest_matches(alike)
    voiced, voiced_length = np.full(len(ids), -1), np.zeros(len(ids), dtype=np.int64)
    for voice in np.unique(ids[:, VOICE]):
        mine = np.flatnonzero(ids[:, VOICE] == voice)
        after, length = _longest_matches(of_voice[mine], mine)
        voiced[mine], voiced_length[mine] = np.where(after >= 0, mine[after], -1), length
    return SongRecall(followed, followed_length, voiced, voiced_length)


def _keys(ids: NDArray[np.integer], fields: tuple[int, ...]) -> NDArray[np.int64]:
    return np.asarray(np.ravel_multi_index(ids[:, fields].T.astype(np.int64), (1024,) * len(fields)), dtype=np.int64)


def _longest_matches(
    keys: NDArray[np.int64], places: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each key the number of the one after the longest earlier match of those before it (the latest of several),
    and the length of the match. Where a figure comes again and again, the match is as long as the figure: the tenth
    time says no more than the second, or what repeats itself would become likelier with each time, and never end.

    Args:
        places: of the keys among all events: nothing more than REACH events back is remembered.
    """
    places = np.arange(len(keys)) if places is None else places
    found, length = np.full(len(keys), -1), np.zeros(len(keys), dtype=np.int64)
    matched = np.zeros(len(keys), dtype=np.int64)  # notes up to each one that equal the latest ones
    for now in range(len(keys) - 1):
        first = int(np.searchsorted(places, places[now] - REACH + 1))
        before = np.concatenate([[0], matched[first : max(first, now - 1)]])[: now - first]
        matched[first:now] = (keys[first:now] == keys[now]) * (before + 1)
        # What is remembered when the next key is predicted: everything up to the event before it.
        kept = max(first, int(np.searchsorted(places, places[now + 1] - REACH)))
        if kept < now and (longest := matched[kept:now].max()):
            back = np.arange(now - kept, 0, -1)  # events from each one to the latest
            again = back[matched[kept:now] >= back]
            if again.size and longest <= matched[now - again[-1]] + again[-1]:  # goes back no further than the figure
                found[now + 1], length[now + 1] = now - again[-1] + 1, again[-1]
            else:
                found[now + 1] = now - int(np.argmax(matched[kept:now][::-1] == longest))
                length[now + 1] = longest
    return found, length


@dataclass(frozen=True)
class Recall:
    """What is recalled at each event t of some windows, from events before it (and the fields of it that are chosen
    before the one that the value is for); leading axes (batch, steps).

    Attributes:
        pointers: (…, N_POINTERS) ids, or the number of values of the field for none; and the classes.
        states: (…, N_STATES · voices) 0 or 1, once the gap is chosen.
        habits: (…, sizes of `habit_fields`) shares of the values used so far, fading.
    """

    pointers: NDArray[np.int32]
    states: NDArray[np.float32]
    habits: NDArray[np.float32]


def followed_columns(
    codec: EventCodec, ids: NDArray[np.int32], recall: SongRecall, begin: int, stop: int, *, first: int, shift: int
) -> NDArray[np.int32]:
    """The first columns of the pointers of the events `begin` to `stop` of a song, (n, NEXT_END).

    Args:
        ids: of the whole song. first: earlier events are unknown. shift: semitones that all is transposed by.
    """
    there, none = slice(begin, stop), np.array(codec.sizes, dtype=np.int32)

    def moved(sources: NDArray[np.int64]) -> NDArray[np.int32]:
        events = ids[sources]
        pitch = events[:, PITCH] + shift
        events[:, PITCH] = np.where((pitch >= 0) & (pitch < none[PITCH]), pitch, none[PITCH])
        return np.where(sources[:, None] >= first, events, none)

    columns = np.empty((stop - begin, NEXT_END), dtype=np.int32)
    followed, voiced = recall.followed[there], recall.voiced[there]
    columns[:, FOLLOWED] = moved(followed)
    columns[:, FOLLOWED_CLASS] = _class(recall.followed_length[there]) * (followed >= first)
    columns[:, VOICED_PITCH], columns[:, VOICED_DURATION] = moved(voiced)[:, [PITCH, DURATION]].T
    columns[:, VOICED_CLASS] = _class(recall.voiced_length[there]) * (voiced >= first)
    return columns


def _class(length: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(CLASSES, length, side="right")


def end_ids(codec: EventCodec) -> NDArray[np.int32]:
    """Steps until a note ends → the id of the nearest gap."""
    return nearest(np.asarray(codec.values[GAP]), np.arange(LENGTHS[-1] + 1)).astype(np.int32)


def recall_of(
    codec: EventCodec,
    ids: NDArray[np.integer],
    followed: NDArray[np.int32],
    is_real: NDArray[np.bool_] | None = None,
) -> Recall:
    """Bookkeeping along windows that start in silence.

    Args:
        ids: (batch, steps, 5). is_real: (batch, steps), False for padding.
        followed: (batch, steps, 9) the first columns of the pointers, from `SongRecall`.
    """
    batch, steps, _ = ids.shape
    sizes, n_voices, fields = codec.sizes, codec.sizes[VOICE], habit_fields(codec.sizes)
    gaps = np.asarray(codec.values[GAP])[ids[..., GAP]]
    durations = np.maximum(np.asarray(codec.values[DURATION])[ids[..., DURATION]], 1)
    ends, longest = end_ids(codec), int(LENGTHS[-1])
    left = np.full((batch, n_voices), NEVER_YET, dtype=np.int64)  # steps until a voice ends; below 0: since it ended
    plays = np.zeros((batch, n_voices), dtype=bool)
    latest = {
        DURATION: np.full((batch, n_voices), sizes[DURATION]),
        VELOCITY: np.full((batch, n_voices), sizes[VELOCITY]),
    }
    then = {field: np.full(batch, sizes[field]) for field in latest}
    used = {field: np.zeros((batch, sizes[field])) for field in fields}
    pointers = np.empty((batch, steps, N_POINTERS), dtype=np.int32)
    pointers[..., : followed.shape[-1]] = followed
    states = np.empty((batch, steps, N_STATES, n_voices), dtype=np.float32)
    habits = np.empty((batch, steps, sum(sizes[field] for field in fields)), dtype=np.float32)
    rows = np.arange(batch)
    for t in range(steps):
        sung = rows if is_real is None else np.flatnonzero(is_real[:, t])
        sounding = np.where(left > 0, left, longest + 1).min(axis=1)
        pointers[:, t, NEXT_END] = np.where(sounding > longest, sizes[GAP], ends[np.minimum(sounding, longest)])
        left = np.where(left > NEVER_YET, np.maximum(left - gaps[:, t, None], LONG_AGO), NEVER_YET)
        plays[gaps[:, t] > 0] = False
        states[:, t] = np.stack(state_flags(left, plays), axis=1)
        voice = ids[:, t, VOICE]
        pointers[:, t, LAST_DURATION], pointers[:, t, LAST_VELOCITY] = (
            latest[field][rows, voice] for field in (DURATION, VELOCITY)
        )
        pointers[:, t, THEN_DURATION], pointers[:, t, THEN_VELOCITY] = then[DURATION], then[VELOCITY]
        habits[:, t] = np.concatenate([_share(used[field]) for field in fields], axis=1) if fields else 0.0
        for field in fields:
            used[field] *= FORGETTING
            used[field][sung, ids[sung, t, field]] += 1.0
        for field, of_voice in latest.items():
            of_voice[sung, voice[sung]] = then[field][sung] = ids[sung, t, field]
        left[sung, voice[sung]] = np.maximum(left[sung, voice[sung]], durations[sung, t])
        plays[sung, voice[sung]] = True
    return Recall(pointers, states.reshape(batch, steps, -1), habits)


def state_flags(left: NDArray[np.int64], plays: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The N_STATES flags of each voice (batch, voices)."""
    return [left > 0, left == 0, (left < 0) & (left >= RECENT), plays, left > NEVER_YET]


def _share(used: NDArray[np.float64]) -> NDArray[np.float64]:
    return (used + BASE / used.shape[1]) / (used.sum(axis=1, keepdims=True) + BASE)
