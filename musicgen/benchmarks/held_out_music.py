"""For each sample, music of the same kind that no network has learned: what outputs are measured beside. Children and
scripts only.

For the chorales, others; for the pieces that this program composes, the same with other seeds; for a rag or a
quartet, later parts of the piece, or its other movements, in stretches as long as the outputs.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.listening import SAMPLE_RATE
from musicgen.evaluation.note_events import between_seconds
from musicgen.songs.sample_pieces import FORTY_CHORALES, HAYDN, JOPLIN, TEN_CHORALES, TEN_DANCES, Piece
from musicgen.symbolic.score import Score, Track

SEEDS = range(1, 25)
STRETCHES = 24  # at most
RAG = replace(JOPLIN, with_repeats=False)
RAG_BEATS = 32.75  # of the rag are the sample; the rest is held out
MORE_DANCES = ("AcaciaReel", "AfterTheHareReel", "AlhambraReel", "AllTheGoReel", "AcrobatsHornpipe", "AdmiralsHornpipe")
MOVEMENTS = (2, 3, 4, 5)


def held_out(sample: str, seconds: float) -> list[Score | Waveform]:
    """Pieces or stretches, none longer than `seconds`; [] for a sample without any."""
    return [_opening(piece, seconds) for piece in _pieces(sample, seconds)]


def _pieces(sample: str, seconds: float) -> Iterator[Score | Waveform]:
    from musicgen.songs import composed

    if sample == "ten_chorales":
        yield from (_score(piece) for piece in FORTY_CHORALES[len(TEN_CHORALES) :])
    elif sample == "ten_dances":
        dance = TEN_DANCES[0]
        for name in MORE_DANCES:
            yield _score(Piece(f"ryansMammoth/{name}", name, dance.tracks, dance.tempo, dance.velocities))
    elif sample == "jazz_tune":
        yield from (composed.jazz_tune(seed) for seed in SEEDS)
    elif sample == "ground_bass":
        yield from (composed.ground_bass_variations(seed) for seed in SEEDS)
    elif sample == "synth_study":
        yield from (composed.synth_study(seed, sample_rate=SAMPLE_RATE) for seed in SEEDS[:12])
    elif sample == "rag_audio":
        yield from _stretches(RAG, seconds, RAG_BEATS * 60 / RAG.tempo)
    elif sample == "quartet_audio":
        movements = (
            Piece(f"haydn/opus1no1/movement{number}", "", HAYDN.tracks, HAYDN.tempo, HAYDN.velocities)
            for number in MOVEMENTS
        )
        for piece in movements:
            yield from _stretches(piece, seconds, 0.0, STRETCHES // len(MOVEMENTS))


def _score(piece: Piece) -> Score:
    from musicgen.symbolic.corpus import corpus_score

    return corpus_score(
        piece.name, tracks=piece.tracks, tempo=piece.tempo, velocities=piece.velocities, with_repeats=piece.with_repeats
    )


def _stretches(piece: Piece, seconds: float, start: float, most: int = STRETCHES) -> Iterator[Waveform]:
    """Stretches of the sound of a piece, one after the other, from `start` seconds."""
    sound = sound_of(_score(piece), piece.tracks)
    count = min(int((sound.seconds - start) // seconds), most)
    for number in range(count):
        first = start + number * seconds
        yield sound.between(round(first * sound.sample_rate), round((first + seconds) * sound.sample_rate))


def sound_of(score: Score, tracks: tuple[Track, ...]) -> Waveform:
    """The sound of a score as this program makes it, in mono."""
    from musicgen.audio.wav import read_wav
    from musicgen.symbolic.rendering import render_score

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        render_score(replace(score, tracks=tracks), path, sample_rate=SAMPLE_RATE)
        return read_wav(path).to_mono()


def _opening(piece: Score | Waveform, seconds: float) -> Score | Waveform:
    if isinstance(piece, Score):
        return between_seconds(piece, 0.0, seconds) if math.isfinite(seconds) else piece
    return piece.between(0, min(round(seconds * piece.sample_rate), piece.n_samples))
