"""Ten scores of four instruments from the corpus of music21: both note networks learn more than which notes follow."""

from __future__ import annotations

import pytest

from musicgen.approaches import approach
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.songs.sample_pieces import QUARTET
from musicgen.symbolic.corpus import corpus_score
from tests.makers_music import song

pytestmark = [pytest.mark.numeric, pytest.mark.slow]

TEN = (
    "haydn/opus1no1/movement1", "haydn/opus1no1/movement5", "haydn/opus74no1/movement3", "mozart/k155/movement1",
    "mozart/k155/movement3", "mozart/k156/movement1", "mozart/k80/movement2", "mozart/k458/movement2",
    "beethoven/opus18no1/movement3", "beethoven/opus59no1/movement3",
)  # fmt: skip


@pytest.fixture(scope="module")
def scores() -> list[TrainingSong]:
    return [song(corpus_score(name, tracks=QUARTET, tempo=110.0), number) for number, name in enumerate(TEN)]


class Rows(SilentMonitor):
    def __init__(self) -> None:
        self.rows: list[EpochRow] = []

    def epoch_ended(self, row: EpochRow, save: object) -> None:
        self.rows.append(row)


def test_there_is_enough_music(scores: list[TrainingSong]) -> None:
    assert sum(each.clip.seconds for each in scores) > 600
    assert all(len({*each.clip.score().notes["track"].tolist()}) >= 4 for each in scores)


@pytest.mark.parametrize("key", ["note_lstm", "note_wavenet"])
def test_quick_learns_more_than_pairs_of_notes(key: str, scores: list[TrainingSong]) -> None:
    kind = approach(key)
    training = read_parameters(kind.Training, kind.presets["quick"].training)
    prepared = kind.prepare(scores, training, seed=0)
    networks, seen = kind.build(prepared.codec, training, seed=0), Rows()
    kind.fit(networks, prepared, training, seed=0, monitor=seen)
    assert min(row.val_loss for row in seen.rows if row.val_loss is not None) < prepared.floors["bigram"]
