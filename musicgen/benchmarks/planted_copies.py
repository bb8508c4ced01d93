"""Plants copies in pieces of music: how many are found, and how often something is found that was not copied.

A copy is twelve notes of one voice, or a twentieth of a whole piece; it is moved by up to five semitones, played up
to a tenth faster or slower, and one note in eight is changed. The pieces come from the corpus of music21, at run time.
Children and scripts only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.waveform import Waveform
from musicgen.evaluation.melodic_lines import melodic_lines
from musicgen.evaluation.passages import BorrowedPassage
from musicgen.songs.sample_pieces import FORTY_CHORALES
from musicgen.symbolic.score import NOTE_DTYPE, Score, Track, opening

NUM_NOTES = 12
SHARE = 0.05
MAX_SEMITONES = 5
TEMPO = 0.1
CHANGED_EVERY = 8
SLACK = 1.02  # beats: one, and the rounding of onsets to ticks
BEATS = 160.0  # of each piece
TEMPOS = {"masses": 150.0, "madrigals": 150.0, "": 100.0}  # quarter notes a minute; old prints count in halves
VOICES = tuple(Track(f"Voice {number}", 0) for number in range(1, 9))

DANCES = (
    *(
        "AcaciaReel",
        "AcrobatsHornpipe",
        "AdmiralsHornpipe",
        "AfterTheHareReel",
        "AlbemarleHornpipe",
        "AldridgesHornpipe",
    ),
    *("AlhambraReel", "AllTheGoReel", "ArkansasTravellerReel", "CollegeHornpipe", "DevilsDreamReel", "DurangsHornpipe"),
    *("FishersHornpipe", "GarryOwenJig", "HasteToTheWeddingJig", "MissMcCloudsReel", "RickettsHornpipe"),
    *("SpeedThePloughReel", "7thRegimentReel"),
)
MASSES = (
    *("00", "02", "04", "07", "09", "10", "11", "12", "13", "14", "17", "18", "20", "21", "22", "23"),
    *("25", "30", "32", "36"),
)
QUARTETS = (
    *(f"mozart/k155/movement{number}" for number in (1, 2, 3)),
    *(f"mozart/k156/movement{number}" for number in (1, 2, 3)),
    *(f"mozart/k80/movement{number}" for number in (1, 2, 3, 4)),
    *(f"haydn/opus1no1/movement{number}" for number in (1, 2, 3, 4, 5)),
)


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
            abs(each.start - self.start) <= SLACK * self.beat and abs(each.stop - self.stop) <= SLACK * self.beat
            for each in passages
        )


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Length of what they share, as a share of what they cover together."""
    return (min(one[1], other[1]) - max(one[0], other[0])) / (max(one[1], other[1]) - min(one[0], other[0]))


def names_of_pieces(*, long_only: bool = False) -> list[tuple[str, str]]:
    """(name, collection): each is another tune, so that likeness between two is no copy as far as is known.

    `long_only`: those that last for minutes."""
    masses = [(f"palestrina/Kyrie_{number}", "masses") for number in MASSES]
    madrigals = [(f"monteverdi/madrigal.3.{number}.mxl", "madrigals") for number in range(1, 17)]
    quartets = [(name, "quartets") for name in QUARTETS]
    if long_only:
        return masses + madrigals + quartets
    chorales = [(piece.name, "chorales") for piece in FORTY_CHORALES]
    dances = [(f"ryansMammoth/{name}", "dances") for name in DANCES]
    return chorales + dances + masses[:10] + madrigals[:10] + quartets[:10]


def pieces(names: Sequence[tuple[str, str]], *, beats: float = BEATS) -> Iterator[Piece]:
    """The pieces of the corpus, each part a track of its own, cut after so many beats."""
    from musicgen.symbolic.corpus import corpus_score

    for name, collection in names:
        score = corpus_score(name, tracks=VOICES, tempo=TEMPOS.get(collection, TEMPOS[""]))
        yield Piece(name, collection, opening(score, beats))


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


def _plant(
    host: Score, source: Score, copied: NDArray[np.void], track: int | None, rng: np.random.Generator
) -> Planted:
    """The notes on a beat of `host`, moved. `track`: the one whose notes give way; None: all."""
    begins, ends = int(copied["onset_ticks"].min()), int((copied["onset_ticks"] + copied["duration_ticks"]).max())
    song_start, song_stop = (float(each) for each in source.ticks_to_seconds(np.array([begins, ends])))
    stretch = 1 + rng.uniform(-TEMPO, TEMPO)
    beat = 60.0 / host.tempos[0].tempo  # seconds, in the host
    scale = stretch * (song_stop - song_start) / (ends - begins) / (beat / host.ticks_per_beat)
    length = round((ends - begins) * scale)
    place = int(rng.integers(0, max(int(host.notes["onset_ticks"].max()) - length, 1)))
    place -= place % host.ticks_per_beat
    planted, semitones = copied.copy(), int(rng.integers(-MAX_SEMITONES, MAX_SEMITONES + 1))
    planted["onset_ticks"] = place + np.rint((copied["onset_ticks"] - begins) * scale)
    planted["duration_ticks"] = np.maximum(np.rint(copied["duration_ticks"] * scale), 1)
    pitch = copied["pitch"].astype(int) + semitones
    changed = _changed(copied.size, rng)
    pitch[changed] += rng.choice([-4, -3, -2, -1, 1, 2, 3, 4], changed.size)
    planted["pitch"] = np.clip(pitch, 0, 127)
    planted["track"] = np.minimum(planted["track"], len(host.tracks) - 1) if track is None else track
    notes = np.concatenate([_without(host, place, place + length, track), planted]).astype(NOTE_DTYPE)
    start, stop = (float(each) for each in host.ticks_to_seconds(np.array([place, place + length])))
    return Planted(replace(host, notes=notes), start, stop, song_start, song_stop, semitones, beat * stretch)


def _without(host: Score, start: int, stop: int, track: int | None) -> NDArray[np.void]:
    """The notes, without those that begin between two ticks; what still sounds there is cut off."""
    gives_way = np.ones(host.num_notes, bool) if track is None else host.notes["track"] == track
    onset = host.notes["onset_ticks"]
    kept = host.notes[~(gives_way & (onset >= start) & (onset < stop))].copy()
    cut = kept["onset_ticks"] < start
    cut &= np.ones(kept.size, bool) if track is None else kept["track"] == track
    kept["duration_ticks"][cut] = np.minimum(kept["duration_ticks"][cut], start - kept["onset_ticks"][cut])
    return kept


def _changed(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Every eighth note, from a random one of the first eight."""
    return np.arange(int(rng.integers(0, CHANGED_EVERY)), size, CHANGED_EVERY)


def pairs_of(items: Sequence[Piece], count: int, rng: np.random.Generator) -> list[tuple[Piece, Piece]]:
    """`count` different ordered pairs of different pieces, half of them from one collection, in turn.

    Raises ValueError if there are not so many."""
    every = list(permutations(items, 2))
    alike = [pair for pair in every if pair[0].collection == pair[1].collection]
    others = [pair for pair in every if pair[0].collection != pair[1].collection]
    halves = (alike, -(-count // 2)), (others, count // 2)
    if any(len(pairs) < wanted for pairs, wanted in halves):
        raise ValueError(
            f"{count} pairs, half of them from one collection, need more than these {len(items)} pieces: there are "
            f"{len(alike)} pairs from one collection and {len(others)} others"
        )
    drawn = [[pairs[int(at)] for at in rng.choice(len(pairs), wanted, replace=False)] for pairs, wanted in halves]
    return [drawn[number % 2][number // 2] for number in range(count)]


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
