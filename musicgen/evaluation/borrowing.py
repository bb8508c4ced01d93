"""What an output borrows from its training songs, measured with the yardstick of these songs. Children only.

    originality_of(clip, songs)  →  {passages, share, yardstick, level, text}: see `borrowing_words`

The yardstick is leave-one-out: of each song, how much occurs in the others. It is stored under the hash of the songs,
so that one run's songs are compared once. It is made with `YARDSTICK_SONGS` songs at most, evenly spread, and in
`YARDSTICK_SECONDS`; an output is then compared with the same songs, and with more if there is time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation.borrowing_words import VERSION, Yardstick, verdict_words
from musicgen.evaluation.given import NOTHING, Given
from musicgen.evaluation.melodic_lines import MelodicLines, melodic_lines
from musicgen.evaluation.note_copies import score_of
from musicgen.evaluation.note_passages import note_passages
from musicgen.evaluation.passages import BorrowedPassage, covered_seconds, in_order
from musicgen.evaluation.pitch_onsets import FineOnsets, pitch_onsets
from musicgen.evaluation.sound_passages import sound_passages
from musicgen.evaluation.surprise import Surprise, surprise_of
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

if TYPE_CHECKING:
    from musicgen.clips import Clip

YARDSTICK_SONGS = {"midi": 24, "audio": 8}
YARDSTICK_SECONDS = 30.0
MAX_SONGS = {"midi": 200, "audio": 20}
SEARCH_SECONDS = 15.0  # for each output
LISTENED_SECONDS = 480.0  # of all songs together
OUTPUT_SECONDS = 300.0  # of the output
MAX_PASSAGES = 50  # kept; the longest
OWN_TRACKS = "Only what the network wrote was compared: the accompaniment is the song's."
KEPT = 200  # yardsticks; the oldest go first


@dataclass(frozen=True)
class Source:
    """A song or output as it is searched. `content`: lines of notes, or onsets of sound. `seconds`: searched."""

    id: str
    name: str
    content: MelodicLines | FineOnsets
    seconds: float


def originality_of(clip: Clip, songs: Sequence[TrainingSong], given: Given = NOTHING) -> dict[str, Any] | None:
    """See the module. None without songs of its kind, or if a song led all of it. `given`: what the songs gave it on
    purpose."""
    basis = read_basis(songs, clip.medium)
    if basis is None:
        return None
    return basis.originality_of(clip, given)


@dataclass(frozen=True)
class Basis:
    """The training songs of one kind, read once for all outputs of a run.

    Attributes:
        sources: those that are searched, the ones of the yardstick first. measured: the ids of these.
        of_songs: how many songs there are.
    """

    sources: tuple[Source, ...]
    measured: frozenset[str]
    surprise: Surprise | None
    yardstick: Yardstick | None
    of_songs: int

    def originality_of(self, clip: Clip, given: Given = NOTHING) -> dict[str, Any] | None:
        """What the clip borrows; None if a song led all of it."""
        if not clip.seconds or given.is_all_of(clip.seconds):
            return None
        led_seconds = given.led_seconds
        own = source_of(clip, tracks=given.own_tracks)
        passages, searched = _search(own, self.sources, self.surprise, led_seconds)
        seconds = max(own.seconds - led_seconds, 1e-9)
        share = min(covered_seconds(passages) / seconds, 1.0)
        compared = min(covered_seconds(each for each in passages if each.song_id in self.measured) / seconds, 1.0)
        level, text = verdict_words(share, compared, self.yardstick, self.of_songs, made_of_songs=given.made_of_songs)
        if given.own_tracks:
            text = f"{text} {OWN_TRACKS}"
        longest = sorted(passages, key=lambda each: each.start - each.stop)[:MAX_PASSAGES]
        return {
            "medium": clip.medium,
            "passages": [each.to_json() for each in in_order(longest)],
            "num_passages": len(passages),
            "share": round(share, 4),
            "compared_share": round(compared, 4),
            "num_songs": searched,
            "of_songs": self.of_songs,
            "is_partial": searched < self.of_songs,
            "yardstick": self.yardstick and self.yardstick.to_json(),
            "level": level,
            "text": text,
        }


def read_basis(songs: Sequence[TrainingSong], medium: str) -> Basis | None:
    """The songs of this medium, with their yardstick; None if there are none."""
    known = [song for song in songs if song.clip.medium == medium]
    if not known:
        return None
    looked_at = _spread(known, MAX_SONGS[medium])
    measured = frozenset(song.id for song in _spread(looked_at, YARDSTICK_SONGS[medium]))
    sources = [_song_source(song, len(looked_at)) for song in looked_at]
    sources.sort(key=lambda each: each.id not in measured)
    surprise = _surprise(sources)
    yardstick = _kept_yardstick(known, [each for each in sources if each.id in measured], surprise)
    return Basis(tuple(sources), measured, surprise, yardstick, len(known))


def _spread(songs: Sequence[TrainingSong], most: int) -> list[TrainingSong]:
    if len(songs) <= most:
        return list(songs)
    return [songs[int(place)] for place in np.linspace(0, len(songs) - 1, most)]


def source_of(clip: Clip, start: float = 0.0, stop: float = OUTPUT_SECONDS, tracks: tuple[int, ...] = ()) -> Source:
    """An output as it is searched: all notes, or those of some tracks, or the sound from `start` to `stop`."""
    if clip.medium == "midi":
        score = clip.score()
        return Source("", "", melodic_lines(score.only_tracks(tracks) if tracks else score), clip.seconds)
    found = pitch_onsets(clip.waveform(start, stop))
    return Source("", "", found, found.seconds)


def _song_source(song: TrainingSong, num_songs: int) -> Source:
    if song.clip.medium == "midi":
        return Source(song.id, song.name, melodic_lines(score_of(song)), song.clip.seconds)
    found = pitch_onsets(song.clip.waveform(0.0, LISTENED_SECONDS / num_songs))
    return Source(song.id, song.name, found, found.seconds)


def _surprise(sources: Sequence[Source]) -> Surprise | None:
    lines = [each.content for each in sources if isinstance(each.content, MelodicLines)]
    return surprise_of(lines) if lines else None


def _search(
    own: Source, sources: Sequence[Source], surprise: Surprise | None, led_seconds: float
) -> tuple[list[BorrowedPassage], int]:
    """(passages that begin after `led_seconds`, how many of the songs were searched in the time allowed)."""
    began, found, searched = time.monotonic(), list[BorrowedPassage](), 0
    for source in sources:
        if searched and time.monotonic() - began > SEARCH_SECONDS:
            break
        found += [each.of_song(source.id, source.name) for each in _between(own, source, surprise)]
        searched += 1
    return in_order(_after(found, led_seconds)), searched


def _after(passages: Sequence[BorrowedPassage], led_seconds: float) -> list[BorrowedPassage]:
    """What of the passages comes after the part that a song led."""
    kept = [each for each in passages if each.stop > led_seconds]
    return [
        replace(
            each,
            start=max(each.start, led_seconds),
            song_start=each.song_start + max(led_seconds - each.start, 0.0) * each.tempo_ratio,
        )
        for each in kept
    ]


def _between(one: Source, other: Source, surprise: Surprise | None) -> list[BorrowedPassage]:
    if isinstance(one.content, MelodicLines) and isinstance(other.content, MelodicLines):
        return note_passages(one.content, other.content, surprise)
    if isinstance(one.content, FineOnsets) and isinstance(other.content, FineOnsets):
        return sound_passages(one.content, other.content)
    return []


def yardstick_of(sources: Sequence[Source], surprise: Surprise | None, of_songs: int) -> Yardstick | None:
    """Leave-one-out; None for fewer than two songs. Each pair is searched once: a passage is one in both songs."""
    if len(sources) < 2:
        return None
    borrowed: list[list[BorrowedPassage]] = [[] for _ in sources]
    compared = np.zeros(len(sources), int)
    began, pairs = time.monotonic(), list(combinations(range(len(sources)), 2))
    # Near neighbours first, so that every song has been compared with some when the time runs out.
    for one, other in sorted(pairs, key=lambda pair: (pair[1] - pair[0], pair)):
        if compared.all() and time.monotonic() - began > YARDSTICK_SECONDS:
            break
        for each in _between(sources[one], sources[other], surprise):
            borrowed[one].append(each)
            borrowed[other].append(replace(each, start=each.song_start, stop=each.song_stop))
        compared[[one, other]] += 1
    shares = [
        round(min(covered_seconds(found) / max(source.seconds, 1e-9), 1.0), 4)
        for found, source in zip(borrowed, sources, strict=True)
    ]
    return Yardstick(tuple(shares), of_songs, bool((compared < len(sources) - 1).any()))


def _kept_yardstick(
    songs: Sequence[TrainingSong], sources: Sequence[Source], surprise: Surprise | None
) -> Yardstick | None:
    if len(sources) < 2:
        return None
    path = home() / "yardsticks" / f"{_key(songs)}.json"
    with suppress(ValueError, KeyError, TypeError):  # a damaged file is measured again
        if (found := read_json(path)) is not None:
            return Yardstick.from_json(found)
    yardstick = yardstick_of(sources, surprise, len(songs))
    if yardstick is not None:
        write_json(path, yardstick.to_json(), survives_power_cut=False)
        _forget_oldest(path.parent)
    return yardstick


def _key(songs: Sequence[TrainingSong]) -> str:
    """The hash of the songs' contents and of how they are compared."""
    contents = [(song.clip.facts["sha256"], song.tracks) for song in songs]
    bounds = (VERSION, YARDSTICK_SONGS, LISTENED_SECONDS)
    return hashlib.sha256(json.dumps([bounds, contents]).encode()).hexdigest()


def _forget_oldest(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another process tidies at the same moment
        for path in sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
            path.unlink()
