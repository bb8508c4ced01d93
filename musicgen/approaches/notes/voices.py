"""Voices: which instrument plays a note, and on which of its staves, whatever the tracks are called; or which role its
track has in the song, from the bass up to the melody, where every song has instruments of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.approaches.notes.tokens import melodic_tracks
from musicgen.symbolic.score import Score

MAX_VOICES = 32
MAX_ROLES = 8
OWN = 0.25  # share of the notes on instruments of one song only, above which roles say more than instruments

Scores = Sequence[tuple[Score, Sequence[int] | None]]


@dataclass(frozen=True)
class Voice:
    """One staff of one instrument: the `number`-th track with this General MIDI program in a song."""

    program: int
    number: int
    name: str = ""


def numbered(score: Score, tracks: Sequence[int] | None, voices: Sequence[Voice], *, by_role: bool) -> dict[int, int]:
    """Track → number of its voice, by role or by instrument."""
    return role_numbers(score, tracks, len(voices)) if by_role else voice_numbers(score, tracks, voices)


def voice_numbers(score: Score, tracks: Sequence[int] | None, voices: Sequence[Voice]) -> dict[int, int]:
    """Track → number of its voice: same program and same position among the tracks of that program, else the
    nearest."""
    numbers, seen = {}, Counter[int]()
    for track in melodic_tracks(score, tracks):
        program = score.tracks[track].program
        wanted = (program, seen[program])
        seen[program] += 1
        numbers[track] = min(range(len(voices)), key=lambda v: _distance(voices[v], *wanted), default=0)
    return numbers


def _distance(voice: Voice, program: int, number: int) -> tuple[int, int, int]:
    # Programs of one family (eight each in General MIDI) sound alike; within a program the staff decides.
    return abs(voice.program // 8 - program // 8), abs(voice.program - program), abs(voice.number - number)


def role_numbers(score: Score, tracks: Sequence[int] | None, num_roles: int) -> dict[int, int]:
    """Track → its role: 0 for the lowest on average, the highest number for the highest, evenly between them. A song
    with more tracks than roles has some that share one; a single track is the melody."""
    used = melodic_tracks(score, tracks)
    pitch = {track: float(score.notes["pitch"][score.notes["track"] == track].mean()) for track in used}
    upwards = sorted(used, key=lambda track: (pitch[track], -track))
    steps = max(1, len(upwards) - 1)
    roles = [round(place * (num_roles - 1) / steps) for place in range(len(upwards))]
    return {track: role if len(upwards) > 1 else num_roles - 1 for track, role in zip(upwards, roles, strict=True)}


def has_own_instruments(scores: Scores) -> bool:
    """Whether much of the music is played by instruments that only one of the songs has."""
    notes: Counter[tuple[int, int]] = Counter()
    songs: Counter[tuple[int, int]] = Counter()
    for score, tracks in scores:
        found = _notes_of_voices(score, tracks)
        notes.update(found)
        songs.update(found.keys())
    own = sum(number for voice, number in notes.items() if songs[voice] == 1)
    return len(scores) > 1 and own > OWN * sum(notes.values())


def roles_of(scores: Scores) -> tuple[Voice, ...]:
    """As many roles as the songs usually have tracks, with the instruments of the song that fills them best."""
    sizes = [len(melodic_tracks(score, tracks)) for score, tracks in scores]
    num_roles = int(np.clip(np.median([size for size in sizes if size] or [1]), 1, MAX_ROLES))
    found = [(score, role_numbers(score, tracks, num_roles)) for score, tracks in scores]
    fullest, roles = max(found, key=lambda each: (len(set(each[1].values())), each[0].num_notes))
    track_of = {role: track for track, role in roles.items()}
    programs = {role: fullest.tracks[track].program for role, track in track_of.items()}
    return tuple(Voice(programs.get(role, 0), role, _role_name(role, num_roles)) for role in range(num_roles))


def _role_name(role: int, num_roles: int) -> str:
    if role == num_roles - 1:
        return "Melody"
    return "Bass" if role == 0 else f"Middle {num_roles - 1 - role}"


def _notes_of_voices(score: Score, tracks: Sequence[int] | None) -> Counter[tuple[int, int]]:
    """(program, number among its tracks) → notes."""
    found: Counter[tuple[int, int]] = Counter()
    seen: Counter[int] = Counter()
    for track in melodic_tracks(score, tracks):
        program = score.tracks[track].program
        found[program, seen[program]] += int((score.notes["track"] == track).sum())
        seen[program] += 1
    return found


def voices_of(scores: Sequence[tuple[Score, Sequence[int] | None]]) -> tuple[Voice, ...]:
    """The voices of some songs (score, tracks or None for all), those with the most notes if there are too many."""
    counts: Counter[tuple[int, int]] = Counter()
    names: dict[tuple[int, int], Counter[str]] = {}
    for score, tracks in scores:
        seen: Counter[int] = Counter()
        for track in melodic_tracks(score, tracks):
            program = score.tracks[track].program
            key = (program, seen[program])
            seen[program] += 1
            counts[key] += int((score.notes["track"] == track).sum())
            names.setdefault(key, Counter())[score.tracks[track].name] += 1
    kept = sorted(key for key, _ in counts.most_common(MAX_VOICES))
    return tuple(Voice(*key, names[key].most_common(1)[0][0]) for key in kept)
