"""The cost of every preset is what is built. Apart from the contract, because some presets build large networks."""

from __future__ import annotations

import pytest

from musicgen.approaches import approach, approaches
from musicgen.contract.parameters import read_parameters
from tests.makers_music import audio_song, midi_song

pytestmark = pytest.mark.framework

SLOW = ("collage",)  # finds the beats of its songs first
KEYS = [pytest.param(key, marks=pytest.mark.slow) if key in SLOW else key for key in sorted(approaches())]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "preset", ["quick", *(pytest.param(name, marks=pytest.mark.slow) for name in ("original", "best"))]
)
def test_cost_of_the_presets_is_what_is_built(key: str, preset: str) -> None:
    kind = approach(key)
    training = read_parameters(kind.Training, kind.presets[preset].training)
    large = [audio_song(40_000, 0)] if kind.medium == "audio" else [midi_song(120, 0), midi_song(90, 1)]
    prepared = kind.prepare(large, training, seed=0)
    networks = kind.build(prepared.codec, training, seed=0)
    assert set(networks.parameters) == {kind.cost(prepared, training).parameters}
