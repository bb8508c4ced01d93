"""Repairs of what was filled in, whatever a network would say: never more faults, and nothing changes that stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.voices.faults import faults
from musicgen.approaches.voices.filling_sampler import FillingSampler
from musicgen.approaches.voices.sizes import VoiceSizes
from musicgen.sampling.rules import Rules

SIZES = VoiceSizes(50, 4, True, units=4, num_layers=1, head=4, channels=4, depth=1)


class ByChance(FillingSampler):
    """Any pitch of each voice's range is as likely as the next."""

    def _compiled(self, rules: Rules) -> Callable[..., dict[str, NDArray[Any]]]:
        def run(
            told: dict[str, NDArray[Any]], hidden: NDArray[Any], salt: list[int], seeds: list[int], cool: float
        ) -> dict[str, NDArray[Any]]:
            rng = np.random.default_rng([*seeds, *salt])
            drawn = rng.integers(0, 12, (len(hidden), 1, 4)) + np.array([36, 29, 22, 12])
            ids = np.where(hidden > 0, drawn, told["ids"]).astype(np.int32)
            return {"ids": ids, "struck": np.where(hidden > 0, 1, told["struck"]).astype(np.int32)}

        return run


def test_faults_become_as_few_as_in_the_songs_and_what_stays_stays() -> None:
    rng = np.random.default_rng(3)
    chords = np.repeat(rng.integers(0, 7, (2, 48, 1)), 4, axis=1) + np.array([36, 29, 24, 12])  # parallel fifths
    ids = chords.astype(np.int32)
    told = {"ids": ids, "struck": np.ones_like(ids), "is_beat": np.tile(np.arange(192) % 4 == 0, (2, 1))}
    free = np.zeros((192, 4), dtype=bool)
    free[32:160, 1:] = True
    sampler = ByChance(None, SIZES, np.ones((4, 50), dtype=bool))
    made: dict[float, NDArray[np.int32]] = {}
    for usual in (0.0, 0.5):
        made[usual], struck = sampler.repaired(told, free, (usual, usual), 4, 200, Rules(), [1, 2])
        assert (made[usual][:, ~free] == ids[:, ~free]).all()
        assert struck[:, ~free].all()
    before, few, some = (sum(int(faults(each).sum()) for each in pieces) for pieces in (ids, made[0.0], made[0.5]))
    assert few < 0.35 * before
    assert few < some < before
    assert np.array_equal(sampler.repaired(told, free, (99.0, 99.0), 4, 9, Rules(), [1, 2])[0], ids)
