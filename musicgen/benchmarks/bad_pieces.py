"""Pieces that are bad on purpose, made from good ones, to see whether each is named. Children and scripts only.

Every maker takes the songs of a run, one more piece of their kind, and a generator of random numbers, and gives a
score, or None where that piece cannot be spoiled in this way (a single voice has no voices to swap).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musicgen.benchmarks import bad_repeats
from musicgen.benchmarks.bad_repeats import BAR_BEATS, Maker, last_third
from musicgen.evaluation.tonality import KEYS
from musicgen.symbolic.score import Score, make_notes, opening

MIN_MOVED = 0.3  # of the notes; a shuffle that leaves more where they were spoils nothing
SPLICE_BEATS = 8


def random_notes(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Any pitch in the range of its track."""
    return _with_pitches(piece, lambda pitch: rng.integers(pitch.min(), pitch.max() + 1, pitch.size))


def random_notes_in_key(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Any pitch of the key in the range of its track."""
    key = KEYS[(KEYS @ np.bincount(piece.notes["pitch"] % 12, minlength=12)).argmax()]

    def drawn(pitch: NDArray[np.int64]) -> NDArray[np.int64]:
        allowed = [each for each in range(pitch.min(), pitch.max() + 1) if key[each % 12]]
        return rng.choice(allowed or [int(pitch[0])], pitch.size)

    return _with_pitches(piece, drawn)


def shuffled_pitches(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """The pitches of each track, in another order."""
    found = _with_pitches(piece, rng.permutation)
    return found if (found.notes["pitch"] != piece.notes["pitch"]).mean() >= MIN_MOVED else None


def common_notes(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Pitches and lengths as frequent as in the songs, in no order: all that a bad network knows."""
    pitch = np.concatenate([song.notes["pitch"] for song in songs])
    length = np.concatenate([song.duration_beats for song in songs])
    count, number = min(piece.num_notes, 400), len(np.unique(piece.notes["track"]))
    rows = []
    for voice in range(number):
        lengths = np.rint(rng.choice(length, count // number) * piece.ticks_per_beat).astype(int)
        onset = np.cumsum(lengths) - lengths
        rows.append(make_notes(onset, lengths, rng.choice(pitch, lengths.size), 80, voice))
    return replace(piece, notes=np.concatenate(rows), tracks=piece.tracks[:number]) if number else None


def jittered(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Every note early or late by up to a third of a beat."""
    third = piece.ticks_per_beat / 3
    return _with_onsets(piece, lambda onset: np.rint(onset + rng.uniform(-third, third, onset.size)).astype(np.int64))


def random_onsets(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Notes that begin at any time."""
    return _with_onsets(piece, lambda onset: np.sort(rng.integers(0, onset.max() + 1, onset.size)))


def shuffled_rhythm(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """The times from note to note of each track, in another order."""

    def shuffled(onset: NDArray[np.int64]) -> NDArray[np.int64]:
        gaps = np.diff(onset, prepend=0)
        return np.cumsum(np.concatenate([gaps[:1], rng.permutation(gaps[1:])]))

    found = _with_onsets(piece, shuffled)
    ours = np.sort(piece.notes, order=["track", "onset_ticks"])["onset_ticks"]
    theirs = np.sort(found.notes, order=["track", "onset_ticks"])["onset_ticks"]
    beat = piece.ticks_per_beat
    return found if (ours % beat != theirs % beat).mean() >= MIN_MOVED else None


def wandering(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Each bar one to three semitones away from the one before, up or down."""
    bar = piece.notes["onset_ticks"] // (BAR_BEATS * piece.ticks_per_beat)
    if not bar.size or bar.max() < 5:
        return None
    steps = rng.integers(1, 4, bar.max() + 1) * rng.choice([-1, 1], bar.max() + 1)
    place = (np.cumsum(steps) + 6) % 12 - 6
    return _moved(piece, place[bar])


def octave_leaps(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Every fourth note, by chance, an octave higher or lower."""
    leaps = rng.random(piece.num_notes) < 0.25
    return _moved(piece, np.where(leaps, rng.choice([-12, 12], piece.num_notes), 0))


def swapped_voices(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """In every bar, the voices belong to other tracks."""
    used = np.unique(piece.notes["track"])
    if used.size < 2:
        return None
    notes = piece.notes.copy()
    bar = notes["onset_ticks"] // (BAR_BEATS * piece.ticks_per_beat)
    for number in np.unique(bar):
        inside = bar == number
        to = dict(zip(used.tolist(), rng.permutation(used).tolist(), strict=True))
        notes["track"][inside] = [to[track] for track in notes["track"][inside].tolist()]
    return replace(piece, notes=notes)


def spliced_copies(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Two bars of one song, two of another, and so on."""
    parts, at = [], 0
    for _ in range(12):
        song = songs[int(rng.integers(len(songs)))]
        length = SPLICE_BEATS * song.ticks_per_beat
        last = int(song.notes["onset_ticks"].max()) // length
        start = int(rng.integers(0, max(last, 1))) * length
        onset = song.notes["onset_ticks"]
        notes = song.notes[(onset >= start) & (onset < start + length)].copy()
        notes["onset_ticks"] += at - start
        parts.append(notes)
        at += length
    return replace(songs[0], notes=np.concatenate(parts), time_signatures=(), key_signatures=())


def copy_moved(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """A song, a semitone higher or lower."""
    song = songs[int(rng.integers(len(songs)))]
    return _moved(song, np.full(song.num_notes, int(rng.choice([-1, 1]))))


def copy_stretched(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """A song, a tenth slower, with every eighth note changed."""
    song = songs[int(rng.integers(len(songs)))]
    notes = song.notes.copy()
    for name in ("onset_ticks", "duration_ticks"):
        notes[name] = np.rint(notes[name] * 1.1)
    changed = np.arange(0, notes.size, 8)
    notes["pitch"][changed] += rng.choice([1, 2], changed.size).astype(np.uint8)
    return replace(song, notes=notes)


def held_to_the_end(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """From two thirds on, what sounds is held and nothing begins."""
    notes, (cut, last) = piece.notes.copy(), last_third(piece)
    notes = notes[notes["onset_ticks"] < cut]
    sounds = notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"] >= cut
    if not sounds.any():
        sounds = notes["onset_ticks"] == notes["onset_ticks"].max()
    notes["duration_ticks"][sounds] = last - notes["onset_ticks"][sounds]
    return replace(piece, notes=notes)


def silent_voices(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """From two thirds on, one voice goes on alone."""
    used = np.unique(piece.notes["track"])
    if used.size < 2:
        return None
    cut, _ = last_third(piece)
    stays = (piece.notes["onset_ticks"] < cut) | (piece.notes["track"] == rng.choice(used))
    return replace(piece, notes=piece.notes[stays])


def silences(songs: Sequence[Score], piece: Score, rng: np.random.Generator) -> Score | None:
    """Eight beats of silence after every eight beats."""
    notes = piece.notes.copy()
    length = SPLICE_BEATS * piece.ticks_per_beat
    part = notes["onset_ticks"] // length
    notes["duration_ticks"] = np.minimum(notes["duration_ticks"], (part + 1) * length - notes["onset_ticks"])
    notes["onset_ticks"] += part * length
    return replace(piece, notes=notes)


MAKERS: Mapping[str, Maker] = {
    "random notes": random_notes,
    "random notes of the key": random_notes_in_key,
    "pitches shuffled": shuffled_pitches,
    "common notes, no order": common_notes,
    "notes early and late": jittered,
    "random onsets": random_onsets,
    "rhythm shuffled": shuffled_rhythm,
    "another key in every bar": wandering,
    "leaps by octaves": octave_leaps,
    "voices swapped": swapped_voices,
    "copies spliced": spliced_copies,
    "copy, a semitone off": copy_moved,
    "copy, slower, every eighth note changed": copy_stretched,
    "one note": bad_repeats.one_note,
    "one chord held": bad_repeats.held_chord,
    "one bar again and again": bad_repeats.loop,
    "one bar again and again, from half on": bad_repeats.loop_from_half,
    "one chord again and again, from a third on": bad_repeats.repeated_chord,
    "silences": silences,
    "held to the end": held_to_the_end,
    "all voices but one silent": silent_voices,
}
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "random notes": ("out_of_key", "leaping", "clashing"),
    "random notes of the key": ("leaping", "clashing"),
    "pitches shuffled": ("leaping", "clashing", "out_of_key"),
    "common notes, no order": ("leaping", "clashing", "no_rhythm", "out_of_key"),
    "notes early and late": ("no_rhythm",),
    "random onsets": ("no_rhythm",),
    "rhythm shuffled": ("no_rhythm", "clashing"),
    "another key in every bar": ("out_of_key",),
    "leaps by octaves": ("leaping",),
    "voices swapped": ("leaping",),
    "copies spliced": ("copied",),
    "copy, a semitone off": ("copied",),
    "copy, slower, every eighth note changed": ("copied",),
    "one note": ("stuck",),
    "one chord held": ("thin",),
    "one bar again and again": ("looping", "stuck", "copied"),
    "one bar again and again, from half on": ("looping", "stuck"),
    "one chord again and again, from a third on": ("looping", "stuck"),
    "silences": ("thin",),
    "held to the end": ("thin",),
    "all voices but one silent": ("thin",),
}


def _with_pitches(piece: Score, change: Callable[[NDArray[np.int64]], NDArray[np.integer]]) -> Score:
    notes = piece.notes.copy()
    for track in np.unique(notes["track"]):
        inside = notes["track"] == track
        notes["pitch"][inside] = np.clip(change(notes["pitch"][inside].astype(np.int64)), 0, 127)
    return replace(piece, notes=notes)


def _with_onsets(piece: Score, change: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Score:
    notes = piece.notes.copy()
    for track in np.unique(notes["track"]):
        inside = notes["track"] == track
        notes["onset_ticks"][inside] = np.maximum(change(notes["onset_ticks"][inside]), 0)
    return replace(piece, notes=notes)


def _moved(piece: Score, semitones: NDArray[np.integer]) -> Score:
    notes = piece.notes.copy()
    notes["pitch"] = np.clip(notes["pitch"].astype(int) + semitones, 0, 127)
    return replace(piece, notes=notes)


def excerpt(piece: Score, beats: float) -> Score:
    """The opening, as long as outputs are."""
    return opening(piece, beats)
