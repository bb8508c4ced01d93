"""What a network is conditioned on beside each note event: the place in the bar, what sounds, each voice's last pitch.

The same bookkeeping runs here over whole windows (training) and in `event_stepper` one event at a time (sampling); a
test checks that the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.events import DURATION, GAP, PITCH, STEPS_PER_BEAT, VOICE, EventCodec

BEATS_IN_BAR = 16  # longer bars are counted modulo this
# How fast the pitch classes fade, per event: by half after 8 notes (the harmony) and after 48 (the key).
FADING = tuple(0.5 ** (1 / events) for events in (8, 48))
NOTHING_HEARD = 1.0  # counts as this many notes without a pitch class before: the first notes do not make a key


@dataclass(frozen=True)
class Features:
    """Per event t, for a batch of windows; leading axes (batch, steps).

    Attributes:
        phase: (…, 2) place within the beat (0 … 23) and beat within the bar, of the event's onset.
        sounding: (…, pitches) 1 where a pitch sounds at its onset, from earlier events.
        last: (…,) id of the last pitch of its voice; the number of pitches if there was none.
        tonality: (…, 24) share of each pitch class among the notes before, fading; counted from the lowest pitch id.
        sounding_after: like `sounding`, with the event itself.
    """

    phase: NDArray[np.int32]
    sounding: NDArray[np.float32]
    last: NDArray[np.int32]
    tonality: NDArray[np.float32]
    sounding_after: NDArray[np.float32]


def phase_of(position: NDArray[np.integer], bar: NDArray[np.integer] | int) -> NDArray[np.int32]:
    """(place within the beat, beat within the bar) of positions in steps, shape (…, 2)."""
    beat = (position % bar) // STEPS_PER_BEAT % BEATS_IN_BAR
    return np.stack([position % STEPS_PER_BEAT, beat], axis=-1).astype(np.int32)


def features_of(
    codec: EventCodec,
    ids: NDArray[np.integer],
    position: NDArray[np.integer],
    bar: NDArray[np.integer],
    is_real: NDArray[np.bool_] | None = None,
) -> Features:
    """Bookkeeping along windows that start in silence.

    Args:
        ids: (batch, steps, 5). position: (batch, steps), steps from the start of a bar. bar: (batch, 1).
        is_real: (batch, steps), False for padding, which makes no sound; None if all are real.
    """
    batch, steps, _ = ids.shape
    n_pitches, n_voices = codec.sizes[PITCH], codec.sizes[VOICE]
    gaps = np.asarray(codec.values[GAP])[ids[..., GAP]]
    durations = np.maximum(np.asarray(codec.values[DURATION])[ids[..., DURATION]], 1)
    left = np.zeros((batch, n_pitches), dtype=np.int64)  # steps for which each pitch will still sound
    latest = np.full((batch, n_voices), n_pitches, dtype=np.int32)
    sounding = np.empty((batch, steps, n_pitches), dtype=np.float32)
    after = np.empty_like(sounding)
    last = np.empty((batch, steps), dtype=np.int32)
    heard = np.zeros((batch, len(FADING), 12))
    tonality = np.empty((batch, steps, len(FADING), 12), dtype=np.float32)
    fading = np.array(FADING)[:, None]
    rows = np.arange(batch)
    for t in range(steps):
        np.maximum(left - gaps[:, t, None], 0, out=left)
        sounding[:, t] = left > 0
        pitch, voice = ids[:, t, PITCH], ids[:, t, VOICE]
        last[:, t] = latest[rows, voice]
        tonality[:, t] = heard / (heard.sum(axis=2, keepdims=True) + NOTHING_HEARD)
        sung = rows if is_real is None else np.flatnonzero(is_real[:, t])
        left[sung, pitch[sung]] = np.maximum(left[sung, pitch[sung]], durations[sung, t])
        latest[sung, voice[sung]] = pitch[sung]
        heard *= fading
        heard[sung, :, pitch[sung] % 12] += 1.0
        after[:, t] = left > 0
    shares = tonality.reshape(batch, steps, -1)
    return Features(phase_of(position, bar), sounding, last, shares, after)
