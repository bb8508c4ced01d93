"""Pieces that are bad because they repeat themselves, made from good ones; see `bad_pieces`, which has all the others.

Children and scripts only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from musicgen.symbolic.score import Score, make_notes

Maker = Callable[[Sequence[Score], Score, np.random.Generator], Score | None]
BAR_BEATS = 4


def one_note(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """One note again and again."""
    count = min(piece.num_notes, 80)
    return _one_track(
        piece, np.arange(count) * piece.ticks_per_beat, piece.ticks_per_beat, int(piece.notes["pitch"][0])
    )


def held_chord(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """One chord, held to the end."""
    return _one_track(piece, 0, 40 * piece.ticks_per_beat, [48, 60, 64, 67])


def loop(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """One bar of the piece, sixteen times."""
    length = BAR_BEATS * piece.ticks_per_beat
    onset = piece.notes["onset_ticks"]
    bars = [each for each in np.unique(onset // length) if ((onset // length) == each).sum() >= 3]
    if not bars:
        return None
    start = int(rng.choice(bars)) * length
    bar = piece.notes[(onset >= start) & (onset < start + length)]
    repeated = np.tile(bar, 16)
    repeated["onset_ticks"] += np.repeat(np.arange(16) * length, bar.size) - start
    return replace(piece, notes=repeated)


def loop_from_half(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """The first half, and then its last bar again and again."""
    length = BAR_BEATS * piece.ticks_per_beat
    onset = piece.notes["onset_ticks"]
    half = int(onset.max()) // (2 * length) * length
    bar = piece.notes[(onset >= half - length) & (onset < half)]
    times = int(onset.max() - half) // length
    if bar.size < 3 or times < 4:
        return None
    repeated = np.tile(bar, times)
    repeated["onset_ticks"] += np.repeat(np.arange(1, times + 1) * length, bar.size)
    return replace(piece, notes=np.concatenate([piece.notes[onset < half], repeated]))


def repeated_chord(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """From a third on, one chord on every beat, and between the beats one voice, on its note or on the next one."""
    begin, end = last_third(piece)
    cut, beat = end - 2 * (end - begin), piece.ticks_per_beat
    notes = piece.notes[piece.notes["onset_ticks"] < cut]
    if not notes.size:
        return None
    tracks = np.unique(notes["track"])
    pitch = np.array([notes["pitch"][notes["track"] == track][-1] for track in tracks]).astype(np.int64)
    times = np.arange(cut, end, beat)
    chords = make_notes(
        np.repeat(times, tracks.size), beat // 2, np.tile(pitch, times.size), 80, np.tile(tracks, times.size)
    )
    voice = int(rng.integers(tracks.size))
    between = make_notes(
        times + beat // 2, beat // 2, pitch[voice] + rng.integers(0, 2, times.size), 80, int(tracks[voice])
    )
    return replace(piece, notes=np.concatenate([notes, chords, between]))


def last_third(piece: Score) -> tuple[int, int]:
    """The ticks at which it begins and ends."""
    begin = int(piece.notes["onset_ticks"].min())
    end = int((piece.notes["onset_ticks"].astype(np.int64) + piece.notes["duration_ticks"]).max())
    return begin + (end - begin) * 2 // 3, end


def _one_track(piece: Score, onset: object, duration: int, pitch: object) -> Score:
    return replace(piece, notes=make_notes(onset, duration, pitch, 80), tracks=piece.tracks[:1])  # type: ignore[arg-type]
