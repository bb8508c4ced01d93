"""One-click samples: public-domain scores from the music21 corpus, sound rendered from them, and our own pieces.

Nothing is shipped: every sample is made on this machine on request. Listing them is light; `make_sample` runs
in a child, because music21 and the synthesisers are large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.contract.approach import Medium
from musicgen.errors import NotFound, sentence
from musicgen.songs.sample_pieces import (
    FORTY_CHORALES,
    FOSTER,
    HAYDN,
    JOPLIN,
    MOZART,
    TEN_CHORALES,
    TEN_DANCES,
    Piece,
)

if TYPE_CHECKING:
    from musicgen.symbolic.score import Score

CORPUS = "public domain; encoding from the corpus of music21"
OWN = "composed by this program"
Maker = Callable[[str, Path], Path]  # (key, folder) → the file, or a folder of files


@dataclass(frozen=True)
class Sample:
    """One entry of the list. `n_files`: how many songs it adds."""

    key: str
    title: str
    medium: Medium
    origin: str
    summary: str
    make: Maker
    n_files: int = 1


def make_sample(key: str, folder: Path) -> Path:
    """Make a sample inside `folder`; returns the path of its .mid or .wav file, or of a folder if it has several.

    Raises NotFound for an unknown key, ResourceUnavailable if no synthesiser works. Children only.
    """
    sample = next((sample for sample in SAMPLES if sample.key == key), None)
    if sample is None:
        raise NotFound(sentence(f"A sample must be one of {', '.join(sample.key for sample in SAMPLES)}", repr(key)))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return sample.make(sample.key, folder)


def _corpus_score(piece: Piece) -> Score:
    from musicgen.symbolic.corpus import corpus_score

    return corpus_score(
        piece.name,
        tracks=piece.tracks,
        tempo=piece.tempo,
        velocities=piece.velocities,
        with_repeats=piece.with_repeats,
    )


def _composed(name: str) -> Score:
    from musicgen.songs import composed

    return getattr(composed, name)()


def _write_scores(pieces: tuple[Piece, ...], _key: str, folder: Path) -> Path:
    from musicgen.symbolic.midi import write_midi

    for piece in pieces:
        write_midi(_corpus_score(piece), folder / f"{piece.title}.mid")
    return folder


def _write_score(make: Callable[[], Score], key: str, folder: Path) -> Path:
    from musicgen.symbolic.midi import write_midi

    path = folder / f"{key}.mid"
    write_midi(make(), path)
    return path


def _write_sound(piece: Piece, beats: float, key: str, folder: Path) -> Path:
    from musicgen.symbolic.rendering import render_score
    from musicgen.symbolic.score import opening

    path = folder / f"{key}.wav"
    render_score(opening(_corpus_score(piece), beats), path)
    return path


def _write_synth_study(key: str, folder: Path) -> Path:
    from musicgen.audio.wav import WavWriter
    from musicgen.songs.composed import synth_study

    waveform = synth_study()
    path = folder / f"{key}.wav"
    with WavWriter(path, waveform.sample_rate, waveform.n_channels) as writer:
        writer.write(waveform.samples)
    return path


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "ten_chorales",
        "Ten Bach chorales",
        "midi",
        f"J. S. Bach (1685-1750), {CORPUS}",
        "Four voices, about 2,000 notes: the quickest way to a note network with something to learn.",
        partial(_write_scores, TEN_CHORALES),
        n_files=len(TEN_CHORALES),
    ),
    Sample(
        "forty_chorales",
        "Forty Bach chorales",
        "midi",
        f"J. S. Bach (1685-1750), {CORPUS}",
        "The ten and thirty more, about 8,800 notes: for longer training.",
        partial(_write_scores, FORTY_CHORALES),
        n_files=len(FORTY_CHORALES),
    ),
    Sample(
        "ten_dances",
        "Ten folk dances",
        "midi",
        f"Ryan's Mammoth Collection (1883), {CORPUS}",
        "Reels, hornpipes and jigs for one fiddle: melodies without chords.",
        partial(_write_scores, TEN_DANCES),
        n_files=len(TEN_DANCES),
    ),
    Sample(
        "foster_song",
        "Foster: Jeanie with the Light Brown Hair",
        "midi",
        f"Stephen Foster (1854), {CORPUS}",
        "The melody of an American song, played by a flute.",
        partial(_write_score, partial(_corpus_score, FOSTER)),
    ),
    Sample(
        "haydn_quartet",
        "Haydn: String quartet op. 1 no. 1, Presto",
        "midi",
        f"Joseph Haydn (about 1760), {CORPUS}",
        "A fast movement for two violins, viola and cello; tracks can be chosen one by one.",
        partial(_write_score, partial(_corpus_score, HAYDN)),
    ),
    Sample(
        "mozart_sonata",
        "Mozart: Sonata in C, K. 545, exposition",
        "midi",
        f"W. A. Mozart (1788), {CORPUS}",
        "Half a minute of piano, with each hand on its own track.",
        partial(_write_score, partial(_corpus_score, MOZART)),
    ),
    Sample(
        "maple_leaf_rag",
        "Joplin: Maple Leaf Rag",
        "midi",
        f"Scott Joplin (1899), {CORPUS}",
        "Piano ragtime with its repeats, about 2,300 notes.",
        partial(_write_score, partial(_corpus_score, JOPLIN)),
    ),
    Sample(
        "ground_bass",
        "Variations over a ground bass",
        "midi",
        OWN,
        "Eight variations over a bass that repeats every eight bars: violins, harpsichord, cello.",
        partial(_write_score, partial(_composed, "ground_bass_variations")),
    ),
    Sample(
        "jazz_tune",
        "A jazz tune",
        "midi",
        OWN,
        "32 swung bars with a melody, piano chords, walking bass and drums, each on its own track.",
        partial(_write_score, partial(_composed, "jazz_tune")),
    ),
    Sample(
        "chorale_audio",
        "Bach: Nun danket alle Gott (sound)",
        "audio",
        f"J. S. Bach (BWV 386), {CORPUS}; rendered here",
        "Half a minute of choir in stereo: slow, steady sound.",
        partial(_write_sound, TEN_CHORALES[4], 44.0),
    ),
    Sample(
        "quartet_audio",
        "Haydn: String quartet op. 1 no. 1 (sound)",
        "audio",
        f"Joseph Haydn (about 1760), {CORPUS}; rendered here",
        "The first 24 seconds of the Presto in stereo: bowed strings.",
        partial(_write_sound, HAYDN, 67.2),
    ),
    Sample(
        "rag_audio",
        "Joplin: Maple Leaf Rag (sound)",
        "audio",
        f"Scott Joplin (1899), {CORPUS}; rendered here",
        "The first 22 seconds in stereo: piano, with a clear attack on every note.",
        partial(_write_sound, replace(JOPLIN, with_repeats=False), 32.75),
    ),
    Sample(
        "synth_study",
        "Study for synthesiser (sound)",
        "audio",
        OWN,
        "25 seconds of stereo from oscillators and noise: pad, bass, arpeggio with echo, drums.",
        _write_synth_study,
    ),
)
