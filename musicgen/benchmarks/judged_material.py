"""The pieces that verdicts are measured on: from the corpus of music21, at run time, and composed by this program.
Children and scripts only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from musicgen.benchmarks.held_out_music import SAMPLE_RATE, sound_of
from musicgen.benchmarks.judged_pieces import Material
from musicgen.benchmarks.planted_copies import TEMPOS, VOICES
from musicgen.errors import MusicgenError
from musicgen.songs.composed import synth_study
from musicgen.symbolic.score import Score, Track, opening

BEATS = 128.0  # of each piece: about as long as outputs are
SOUND_BEATS = 64.0
MIN_NOTES = 40
MAJOR = (0, 2, 4, 5, 7, 9, 11)
# Where the pieces of each collection lie in the corpus, and which of its files.
COLLECTIONS = {
    "chorales": ("bach", "bwv2[5-9]?.mxl bwv3??.mxl bwv4[0-3]?.mxl"),
    "dances": ("ryansMammoth", "*Reel.abc *Hornpipe.abc *Jig.abc"),
    "masses": ("palestrina", "Kyrie_*.krn Sanctus_*.krn"),
    "madrigals": ("monteverdi", "madrigal.?.*.mxl"),
    "quartets": ("", "mozart/k*/movement?.mxl haydn/*/movement?.mxl beethoven/opus18no1/movement?.mxl "
                 "beethoven/opus59no?/movement?.mxl"),
    "songs of the trecento": ("trecento", "*.xml"),
}  # fmt: skip
PROGRAMS = {"chorales": 19, "dances": 0, "masses": 52, "madrigals": 73, "quartets": 48, "songs of the trecento": 24}


def note_material(first: int, most: int) -> Iterator[Material]:
    """Every second piece of each collection, from number `first`, at most `most` of a collection."""
    for collection in COLLECTIONS:
        for name in names(collection, 2 * most)[first::2]:
            if (score := _score(name, collection)) is not None:
                yield Material(name, collection, score)


def names(collection: str, most: int) -> list[str]:
    """The names of pieces as the corpus gives them, evenly spread over the collection."""
    from musicgen.symbolic.music21_locked import music21_locked

    root = Path(music21_locked().common.getCorpusFilePath())
    folder, patterns = COLLECTIONS[collection]
    found = sorted({path for pattern in patterns.split() for path in (root / folder).glob(pattern)})
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).astype(int))
    return [str(found[place].relative_to(root).with_suffix("")) for place in chosen]


def _score(name: str, collection: str) -> Score | None:
    """None if it cannot be read, or is hardly more than a beginning."""
    from musicgen.symbolic.corpus import corpus_score

    try:
        score = corpus_score(name, tracks=VOICES, tempo=TEMPOS.get(collection, TEMPOS[""]))
    except (MusicgenError, ValueError, AttributeError, KeyError, IndexError, TypeError):  # music21 cannot read all
        return None
    score = opening(score, BEATS)
    return score if score.num_notes >= MIN_NOTES else None


def sound_material(first: int, most: int) -> Iterator[Material]:
    """Some of these pieces as sound, and studies for synthesisers."""
    for collection in COLLECTIONS:
        for name in names(collection, min(2 * most, 24))[first::2]:
            if (score := _score(name, collection)) is not None:
                tracks = tuple(Track(track.name, PROGRAMS[collection]) for track in score.tracks)
                sound = sound_of(opening(score, SOUND_BEATS), tracks)
                yield Material(name, collection, sound)
    for seed in range(first, 24, 2):
        tempo = 80.0 + 2.0 * seed
        sound = synth_study(seed, sample_rate=SAMPLE_RATE, tempo=tempo, chords=chords_of(seed))
        yield Material(f"synth study {seed}", "synth studies", sound.to_mono())


def chords_of(seed: int) -> tuple[tuple[int, ...], ...]:
    """Eight chords of a key, each with its root, third, fifth and sometimes seventh. If all shared one loop, each
    piece would be a copy of the others in another key."""
    rng = np.random.default_rng([seed, 12])
    tonic, degrees = int(rng.integers(12)), [0, *rng.integers(0, 7, 7).tolist()]
    chords = []
    for degree in degrees:
        tones = [MAJOR[(degree + third) % 7] + tonic for third in (0, 2, 4, 6)[: 3 + int(rng.integers(2))]]
        root = 48 + tones[0] % 12
        chords.append((root, *sorted(root + (tone - tones[0]) % 12 for tone in tones[1:])))
    return tuple(chords)
