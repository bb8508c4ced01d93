"""Pieces of the music21 corpus as exact MIDI, written down and read back: the same notes. A hundred are slow."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import pytest
from readers_musicxml import differences, read_musicxml, sounding, written

from musicgen.symbolic.corpus import corpus_score
from musicgen.symbolic.keys import estimate_key
from musicgen.symbolic.midi import read_midi, score_to_midi_bytes
from musicgen.symbolic.notation import score_to_musicxml
from musicgen.symbolic.score import Score, Track

PROGRAMS = (40, 71, 73, 32, 56, 65, 0, 11, 72, 57)  # a violin, a clarinet, a flute, a double bass …
FEW = (
    "bach/bwv66.6",  # a pickup, 4/4
    "bach/bwv269",  # a pickup, 3/4
    "johnson_j_r/lift_every_voice",  # 6/8 with a pickup of three eighths
    "verdi/laDonnaEMobile",  # 3/8
    "ryansMammoth/OffSheGoesJig",  # 12/8
    "schoenberg/opus19/movement2",  # tuplets in free rhythm
    "webern/webern_dormi_jesu_op_16_no_2",
)
CHORALES = tuple(f"bach/bwv{number}" for number in range(253, 306) if number != 281)
QUARTETS = (
    *(f"haydn/opus1no1/movement{number}" for number in range(1, 6)),
    *(f"haydn/opus74no1/movement{number}" for number in range(1, 5)),
    *(f"mozart/k155/movement{number}" for number in range(1, 4)),
    *(f"mozart/k156/movement{number}" for number in range(1, 5)),
    *(f"mozart/k80/movement{number}" for number in range(1, 5)),
    *(f"mozart/k458/movement{number}" for number in range(1, 5)),
    *(f"schumann_robert/opus41no1/movement{number}" for number in range(2, 5)),
    "beethoven/opus18no1/movement2",  # 9/8 with 64ths
    "beethoven/opus18no1/movement3",
)
OTHERS = (
    "joplin/maple_leaf_rag",
    "handel/rinaldo/lascia_chio_pianga",
    "liliuokalani/aloha_oe",
    "lusitano/allor_che_ignuda",
    "beach/prayer_of_a_tired_child",
    "cpebach/h186",
    "corelli/opus3no1/1grave",
    "mozart/k545/movement1_exposition",
    "schumann_clara/polonaise_op1n1",
    "schumann_clara/polonaise_op1n2",
    "schumann_clara/polonaise_op1n3",
    "schumann_clara/polonaise_op1n4",
    "schumann_robert/opus48no2",
    "schubert/lindenbaum",
    "luca/gloria",  # one metre after the other
    "schoenberg/opus19/movement6",
    "ryansMammoth/AndrewCareysSlipjig",  # 9/8
    "ryansMammoth/CockAndTheHenJig",
    "essenFolksong/han1 213",  # 7/8; the tune of this number in a collection
    "essenFolksong/ballad20 100",  # 7/8 with a pickup
    "essenFolksong/boehme10 170",  # 3/4, with a bar of 7/8
    "airdsAirs/book4 773",  # 6/8, with a bar of 5/8
    "chopin/mazurka06-2",
)
MANY = tuple(dict.fromkeys((*FEW, *QUARTETS, *OTHERS, *CHORALES)))[:100]


@pytest.mark.parametrize("name", FEW)
def test_a_piece_sounds_the_same_on_paper(name: str, tmp_path: Path) -> None:
    assert _changed(name, tmp_path) == Counter()


@pytest.mark.slow
def test_a_hundred_pieces_sound_the_same_on_paper(tmp_path: Path) -> None:
    assert len(set(MANY)) == 100
    assert {name: changed for name in MANY if (changed := _changed(name, tmp_path))} == {}


@pytest.mark.slow
def test_chorales_are_heard_in_their_keys() -> None:
    """Those that end on the tonic of their signature, major or minor; the others are modal."""
    scores = [_exact(f"bach/bwv{number}") for number in range(253, 330) if number != 281]
    ends = [(score, (_last_bass(score) - score.key_signatures[0].sharps * 7) % 12) for score in scores]
    plain = [(score, place == 9) for score, place in ends if place in (0, 9)]
    assert len(plain) >= 50
    for score, is_minor in plain:
        key = estimate_key(score)
        assert (key.tonic, key.is_minor) == (_last_bass(score), is_minor)


def _changed(name: str, folder: Path) -> Counter[str]:
    """How many notes are missing from sheet music, and how many are added; with another onset, length or loudness they
    are both."""
    score = _exact(name)
    back = read_musicxml(score_to_musicxml(score), folder)
    used = sorted(set(score.notes["track"].tolist()))
    found: Counter[str] = Counter()
    for track, part in zip(used, back.parts, strict=True):
        found.update(kind for kind, _ in differences(written(score, track), sounding(part)))
    return found


def _exact(name: str) -> Score:
    """A piece as its MIDI file has it, a track for each of its parts."""
    name, _, number = name.partition(" ")
    tracks = tuple(Track("", program) for program in PROGRAMS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what music21 says of its own files
        score = corpus_score(name, tracks=tracks, tempo=100.0, number=int(number) if number else None)
    return read_midi(score_to_midi_bytes(score))


def _last_bass(score: Score) -> int:
    ends = score.notes["onset_ticks"] + score.notes["duration_ticks"]
    return int(score.notes["pitch"][ends == ends.max()].min()) % 12
