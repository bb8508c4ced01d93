"""Repairs of what was filled in, whatever a network would say: never more faults, and nothing changes that stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.faults import crossings, faults
from musicgen.approaches.voices.filling_sampler import FillingSampler
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.approaches.voices.whole_notes import Note
from musicgen.codecs.examples import Arrays
from musicgen.sampling.rules import Rules

SIZES = VoiceSizes(50, 4, True, units=4, num_layers=1, head=4, channels=4, depth=1)


class ByChance(FillingSampler):
    """Any other pitch of each voice's range is as likely as the next."""

    def pitches(self, pieces: Arrays, about: Arrays, cool: float) -> NDArray[np.int32]:
        assert 0 < cool <= 1
        drawn = (about["noise"] * 12).astype(np.int32) + np.array([36, 29, 22, 12])
        drawn = np.where(drawn == about["avoided"], drawn + 1, drawn)
        return np.where(about["hidden"] > 0, drawn, pieces["ids"]).astype(np.int32)


def test_faults_become_as_few_as_in_the_songs_and_what_stays_stays() -> None:
    rng = np.random.default_rng(3)
    chords = np.repeat(rng.integers(0, 7, (2, 48, 1)), 4, axis=1) + np.array([36, 29, 24, 12])  # parallel fifths
    ids = chords.astype(np.int32)
    pieces = {"ids": ids, "struck": np.ones_like(ids), "is_beat": np.tile(np.arange(192) % 4 == 0, (2, 1))}
    free = np.zeros(ids.shape, dtype=bool)
    free[:, 32:160, 1:] = True
    sampler = ByChance(None, SIZES, np.ones((4, 50), dtype=bool), Rules())
    made: dict[float, NDArray[np.int32]] = {}
    for usual in (0.0, 0.5):
        repaired = sampler.repaired(pieces, free, (usual, usual), 4, 200, [1, 2])
        made[usual] = repaired["ids"]
        assert (made[usual][~free] == ids[~free]).all()
        assert repaired["struck"][~free].all()
    before, few, some = (sum(int(faults(each)[:2].sum()) for each in theirs) for theirs in (ids, made[0.0], made[0.5]))
    assert few < 0.35 * before
    assert few < some < before
    assert np.array_equal(sampler.repaired(pieces, free, (99.0, 99.0), 4, 9, [1, 2])["ids"], ids)


def test_clashes_become_as_few_as_in_the_songs_and_parallels_no_more() -> None:
    rng = np.random.default_rng(4)
    drawn = rng.integers(0, 7, (1, 48, 4)) + np.array([36, 29, 22, 15])
    ids = np.repeat(drawn, 4, axis=1).astype(np.int32)
    pieces = {"ids": ids, "struck": np.ones_like(ids), "is_beat": np.arange(192)[None] % 4 == 0}
    sampler = ByChance(None, SIZES, np.ones((4, 50), dtype=bool), Rules())
    parallels, crossings, clashes = (faults(ids[0]).sum(axis=(1, 2)) / 48).tolist()
    made = sampler.repaired(pieces, np.ones(ids.shape, dtype=bool), (parallels, crossings, 1.0), 4, 200, [5])["ids"]
    after = (faults(made[0]).sum(axis=(1, 2)) / 48).tolist()
    assert clashes > 1.8
    assert after[2] <= 1.0
    assert after[0] <= parallels
    assert after[1] <= crossings


def test_a_part_of_a_note_chosen_again_begins_there_and_so_does_what_it_went_on_into() -> None:
    ids = np.full((1, 24, 4), 20, dtype=np.int32)
    struck = np.zeros_like(ids)
    struck[:, 0] = 1
    pieces = {"ids": ids, "struck": struck, "is_beat": np.arange(24)[None] % 4 == 0}
    sampler = ByChance(None, SIZES, np.ones((4, 50), dtype=bool), Rules())
    note = Note(2, slice(8, 12))
    made = sampler.chosen_again(pieces, [[note]], [np.random.default_rng(0)], 0.5, may_stay=False)
    assert len(set(made["ids"][0, 8:12, 2].tolist())) == 1
    assert made["ids"][0, 8, 2] != 20
    assert np.argwhere(made["struck"][0]).tolist() == [*([0, voice] for voice in range(4)), [8, 2], [12, 2]]


def test_a_voice_that_lies_across_another_for_several_notes_comes_back() -> None:
    """The soprano stays; each note of the alto above it is as good as any other to a network that knows nothing."""
    ids = np.tile(np.array([30, 24, 20, 12], dtype=np.int32), (1, 96, 1))
    ids[:, 32:64, 1] = np.repeat(np.array([33, 35, 34, 36, 33, 35, 34, 36], dtype=np.int32), 4)
    free = np.zeros(ids.shape, dtype=bool)
    free[:, :, 1] = True
    pieces = {"ids": ids, "struck": np.ones_like(ids), "is_beat": np.arange(96)[None] % 4 == 0}
    assert crossings(ids[0]).sum() == 32
    assert faults(ids[0])[1].sum() == 1
    made = ByChance(None, SIZES, np.ones((4, 50), dtype=bool), Rules()).repaired(pieces, free, (9.0, 0.0), 4, 400, [1])
    assert not crossings(made["ids"][0]).any()
    assert (made["ids"][~free] == ids[~free]).all()
