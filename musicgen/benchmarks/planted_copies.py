"""Plants copies in pieces of music: how many are found, and how often something is found that was not copied.

A copy is twelve notes of one voice, or a twentieth of a whole piece; it is moved by up to five semitones, played up
to a tenth faster or slower, and one note in eight is changed. The pieces come from the corpus of music21, at run time.
Children and scripts only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.evaluation.melodic_lines import melodic_lines
from musicgen.evaluation.passages import BorrowedPassage
from musicgen.songs.sample_pieces import FORTY_CHORALES
from musicgen.symbolic.score import NOTE_DTYPE, Score, TempoChange, Track, opening

NUM_NOTES = 12
SHARE = 0.05
MAX_SEMITONES = 5
TEMPO = 0.1
CHANGED_EVERY = 8
BEATS = 160.0  # of each piece
VOICES = tuple(Track(f"Voice {number}", 0) for number in range(1, 9))

_DANCES = (
    "AcaciaReel AcrobatsHornpipe AlbemarleHornpipe AlhambraReel AllTheGoReel AldridgesHornpipe "
    "AdmiralsHornpipe AfterTheHareReel ArkansasTravellerReel CollegeHornpipe DevilsDreamReel DurangsHornpipe "
    "FishersHornpipe GarryOwenJig HasteToTheWeddingJig MissMcCloudsReel RickettsHornpipe SpeedThePloughReel "
    "AlbemarleHornpipe 7thRegimentReel"
).split()


@dataclass(frozen=True)
class Piece:
    """A piece of the corpus. `collection`: pieces of one are more alike than others."""

    name: str
    collection: str
    score: Score


@dataclass(frozen=True)
class Planted:
    """A piece with a copy from another in it, and where that is, in seconds. `beat`: seconds of one in this piece."""

    score: Score
    start: float
    stop: float
    song_start: float
    song_stop: float
    semitones: int
    beat: float

    def is_found(self, passages: Sequence[BorrowedPassage]) -> bool:
        """A passage lies where the copy was planted."""
        return any(_overlap((each.start, each.stop), (self.start, self.stop)) > 0.5 for each in passages)

    def is_placed(self, passages: Sequence[BorrowedPassage]) -> bool:
        """A passage begins and ends where the copy does, to one beat."""
        return any(
            abs(each.start - self.start) <= self.beat and abs(each.stop - self.stop) <= self.beat for each in passages
        )


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Length of what they share, as a share of what they cover together."""
    return (min(one[1], other[1]) - max(one[0], other[0])) / (max(one[1], other[1]) - min(one[0], other[0]))


def names_of_pieces() -> list[tuple[str, str]]:
    """(name, collection): each is another tune, so that likeness between two is no copy as far as is known."""
    chorales = [(piece.name, "chorales") for piece in FORTY_CHORALES]
    dances = [(f"ryansMammoth/{name}", "dances") for name in dict.fromkeys(_DANCES)]
    masses = [(f"palestrina/Kyrie_{number:02d}", "masses") for number in (0, 2, 4, 7, 9, 10, 11, 12, 13, 14)]
    madrigals = [(f"monteverdi/madrigal.3.{number}.mxl", "madrigals") for number in range(1, 11)]
    movements = [(f"mozart/k155/movement{number}", "quartets") for number in (1, 2, 3)]
    movements += [(f"mozart/k156/movement{number}", "quartets") for number in (1, 2, 3)]
    movements += [(f"haydn/opus1no1/movement{number}", "quartets") for number in (1, 2, 3, 4)]
    return chorales + dances + masses + madrigals + movements


def pieces(names: Sequence[tuple[str, str]], tempo: float = 100.0) -> Iterator[Piece]:
    """The pieces of the corpus, each part a track of its own, cut after `BEATS`."""
    from musicgen.symbolic.corpus import corpus_score

    for name, collection in names:
        yield Piece(name, collection, opening(corpus_score(name, tracks=VOICES, tempo=tempo), BEATS))


def plant_notes(host: Score, source: Score, rng: np.random.Generator) -> Planted:
    """Twelve notes of a voice of `source` in place of what a voice of `host` has there."""
    lines = melodic_lines(source)
    begins = [at for at in range(lines.note.size - NUM_NOTES) if lines.line[at] == lines.line[at + NUM_NOTES - 1]]
    at = int(rng.choice(begins))
    copied = source.notes[lines.note[at : at + NUM_NOTES]].copy()
    tracks = [int(track) for track in np.unique(host.notes["track"])]
    return _plant(host, source, copied, int(rng.choice(tracks)), rng)


def plant_stretch(host: Score, source: Score, rng: np.random.Generator, share: float = SHARE) -> Planted:
    """A share of `source`, with all its voices, in place of what `host` has there."""
    length = share * source.seconds
    start = rng.uniform(0.0, source.seconds - length)
    inside = (source.onset >= start) & (source.onset < start + length)
    if inside.sum() < 3:
        return plant_stretch(host, source, rng, share)
    copied = source.notes[inside].copy()
    end = round((start + length) * source.ticks_per_beat * source.tempos[0].tempo / 60)
    copied["duration_ticks"] = np.minimum(copied["duration_ticks"], end - copied["onset_ticks"])
    return _plant(host, source, copied, None, rng)


def _plant(host: Score, source: Score, copied: np.ndarray, track: int | None, rng: np.random.Generator) -> Planted:
    """`track`: the one whose notes give way; None: all."""
    begins, ends = int(copied["onset_ticks"].min()), int((copied["onset_ticks"] + copied["duration_ticks"]).max())
    seconds = source.ticks_to_seconds(np.array([begins, ends]))
    semitones = int(rng.integers(-MAX_SEMITONES, MAX_SEMITONES + 1))
    stretch = 1 + rng.uniform(-TEMPO, TEMPO)
    per_tick = stretch * (seconds[1] - seconds[0]) / (ends - begins)
    beat = 60.0 / host.tempos[0].tempo
    ticks = per_tick / (beat / host.ticks_per_beat)
    beat *= stretch
    last = int(host.notes["onset_ticks"].max())
    place = int(rng.integers(0, max(last - round((ends - begins) * ticks), 1)))
    place -= place % host.ticks_per_beat
    planted = copied.copy()
    planted["onset_ticks"] = place + np.rint((copied["onset_ticks"] - begins) * ticks)
    planted["duration_ticks"] = np.maximum(np.rint(copied["duration_ticks"] * ticks), 1)
    pitch = copied["pitch"].astype(int) + semitones
    changed = _changed(copied.size, rng)
    pitch[changed] += rng.choice([-4, -3, -2, -1, 1, 2, 3, 4], changed.size)
    planted["pitch"] = np.clip(pitch, 0, 127)
    stop = place + round((ends - begins) * ticks)
    gives_way = np.ones(host.num_notes, bool) if track is None else host.notes["track"] == track
    onset, offset = host.notes["onset_ticks"], host.notes["onset_ticks"] + host.notes["duration_ticks"]
    there = host.notes[~(gives_way & (onset >= place) & (onset < stop))].copy()
    runs_in = np.isin(there["track"], there["track"] if track is None else [track])
    runs_in &= (there["onset_ticks"] < place) & (there["onset_ticks"] + there["duration_ticks"] > place)
    there["duration_ticks"][runs_in] = place - there["onset_ticks"][runs_in]
    del offset
    planted["track"] = track if track is not None else np.minimum(planted["track"], len(host.tracks) - 1)
    score = replace(host, notes=np.concatenate([there, planted]).astype(NOTE_DTYPE))
    here = score.ticks_to_seconds(np.array([place, stop]))
    return Planted(score, float(here[0]), float(here[1]), float(seconds[0]), float(seconds[1]), semitones, beat)


def _changed(size: int, rng: np.random.Generator) -> np.ndarray:
    """Every eighth note, from a random one of the first eight."""
    return np.arange(int(rng.integers(0, CHANGED_EVERY)), size, CHANGED_EVERY)


def at_tempo(score: Score, tempo: float) -> Score:
    """The same notes at one other tempo."""
    return replace(score, tempos=(TempoChange(0, tempo),))


def pairs_of(items: Sequence[Piece], count: int, rng: np.random.Generator) -> list[tuple[Piece, Piece]]:
    """`count` different ordered pairs of different pieces, half of them from one collection."""
    found: dict[tuple[str, str], tuple[Piece, Piece]] = {}
    while len(found) < count:
        one, other = (items[int(number)] for number in rng.choice(len(items), 2, replace=False))
        alike = one.collection == other.collection
        if alike == (len(found) % 2 == 0):
            found.setdefault((one.name, other.name), (one, other))
    return list(found.values())


SAMPLE_RATE = 11_025
HARMONICS = 5
DECAY = 3.0  # of the first harmonic, in a second; the others fade faster


def rendered(score: Score, sample_rate: int = SAMPLE_RATE) -> Waveform:
    """The score on a plain plucked instrument, in mono: cheap, and with everything that a copy can be known by."""
    samples = np.zeros(round((score.seconds + 1.0) * sample_rate), np.float32)
    for onset, offset, pitch, velocity in zip(
        score.onset, score.offset, score.notes["pitch"].tolist(), score.notes["velocity"].tolist(), strict=True
    ):
        start, count = round(onset * sample_rate), max(round((offset - onset) * sample_rate), 64)
        tone = _tone(pitch, sample_rate)[: min(count, samples.size - start)]
        samples[start : start + tone.size] += velocity * tone
    return Waveform(0.9 * samples / max(float(np.abs(samples).max()), 1e-9), sample_rate)


@lru_cache(maxsize=256)
def _tone(pitch: int, sample_rate: int, seconds: float = 4.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    frequency = 440.0 * 2.0 ** ((pitch - 69) / 12)
    heard = [number for number in range(1, HARMONICS + 1) if number * frequency < sample_rate / 2]
    tone = sum(
        np.sin(2 * np.pi * number * frequency * time) * np.exp(-DECAY * number**0.5 * time) / number for number in heard
    )
    return np.asarray(tone * np.minimum(time / 0.01, 1.0), np.float32)
