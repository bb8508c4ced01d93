"""How well notes are heard: F-measure of onsets on ten pieces that are rendered here, with mir_eval as the oracle.

None of these movements is among those that the onset judge was trained on (scripts/onset_judge.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

mir_eval = pytest.importorskip("mir_eval")

from musicgen.hearing.hearing import hear_sound  # noqa: E402
from musicgen.symbolic.score import Score, Track, opening  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.framework]

PIANO = (Track("Right hand", 0), Track("Left hand", 0))
QUARTET = tuple(Track(str(program), program) for program in (40, 40, 41, 42))
VELOCITIES = (92, 78, 76, 84)
SECONDS = 60.0
TOLERANCE = 0.05
# The piece, how it is played, its tempo, and the F-measure below which something has become worse.
PIECES = [
    ("mozart/k545/movement1_exposition", PIANO, 132.0, 0.95),
    ("joplin/maple_leaf_rag", PIANO, 88.0, 0.90),
    ("chopin/mazurka06-2", PIANO, 132.0, 0.93),
    ("schumann_clara/polonaise_op1n1", PIANO, 100.0, 0.93),
    ("cpebach/h186", PIANO, 100.0, 0.93),
    ("haydn/opus1no1/movement1", QUARTET, 168.0, 0.80),
    ("haydn/opus74no1/movement1", QUARTET, 132.0, 0.79),
    ("mozart/k155/movement1", QUARTET, 120.0, 0.75),
    ("mozart/k458/movement1", QUARTET, 160.0, 0.76),
    ("beethoven/opus18no1/movement1", QUARTET, 150.0, 0.76),
]
MEANS = {"piano": 0.94, "quartet": 0.785}


def hertz(pitches: NDArray[np.integer]) -> NDArray[np.float64]:
    return 440.0 * 2.0 ** ((pitches.astype(np.float64) - 69.0) / 12.0)


def sounding_notes(score: Score) -> tuple[NDArray[np.float64], NDArray[np.integer]]:
    """Intervals and pitches; two parts in unison are one sound, as long as the longer."""
    longest: dict[tuple[float, int], float] = {}
    for onset, offset, pitch in zip(score.onset, score.offset, score.notes["pitch"], strict=True):
        place = (round(float(onset), 3), int(pitch))
        longest[place] = max(longest.get(place, 0.0), float(offset))
    intervals = np.array([(onset, offset) for (onset, _), offset in longest.items()])
    return intervals, np.array([pitch for _, pitch in longest])


def test_notes_of_ten_rendered_pieces_are_heard(home: Path, tmp_path: Path) -> None:
    from musicgen.hearing import USUAL_CONFIDENCE
    from musicgen.symbolic.corpus import corpus_score
    from musicgen.symbolic.rendering import render_score

    found = {}
    for name, tracks, tempo, _ in PIECES:
        score = corpus_score(name, tracks=tracks, tempo=tempo, velocities=VELOCITIES[: len(tracks)])
        score = opening(score, SECONDS * tempo / 60)
        render_score(score, tmp_path / "sound.wav")
        notes = hear_sound(tmp_path / "sound.wav", lambda _message: None)[0].above(USUAL_CONFIDENCE)
        intervals, pitches = sounding_notes(score)
        heard = np.stack([notes.onset, notes.offset], axis=1)
        precision, recall, f_measure, _ = mir_eval.transcription.precision_recall_f1_overlap(
            *(intervals, hertz(pitches), heard, hertz(notes.pitch)), onset_tolerance=TOLERANCE, offset_ratio=None
        )
        found[name] = f_measure
        print(f"{name:36} precision {precision:.3f} recall {recall:.3f} F {f_measure:.3f}")
    means = {
        kind: float(np.mean([found[name] for name, played, *_ in PIECES if played is tracks]))
        for kind, tracks in (("piano", PIANO), ("quartet", QUARTET))
    }
    print(means)
    assert not [name for name, *_, least in PIECES if found[name] < least], found
    assert all(means[kind] >= least for kind, least in MEANS.items()), means


def test_the_tempo_and_the_bars_of_a_steady_piece_are_found(home: Path, tmp_path: Path) -> None:
    from musicgen.symbolic.corpus import corpus_score
    from musicgen.symbolic.rendering import render_score

    score = opening(corpus_score("haydn/opus1no1/movement2", tracks=QUARTET, tempo=120.0), 80)
    render_score(score, tmp_path / "sound.wav")
    _, grid = hear_sound(tmp_path / "sound.wav", lambda _message: None)
    assert (grid.tempo, grid.metre, grid.is_steady) == (pytest.approx(120.0, rel=0.002), 3, True)
    bars = grid.times[grid.upbeat :: grid.metre] / 1.5
    assert np.abs(bars - np.rint(bars)).max() < 0.05
