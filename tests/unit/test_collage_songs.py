"""Collage on whole songs of our own making, beside the other networks for sound: slow, run with --run-slow.

Each song is learned from with the preset quick, and pieces of twenty seconds are measured like the song.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicgen.approaches import approach
from musicgen.contract.made import Order
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.parameters import read_parameters
from tests.makers_music import song
from tests.makers_produced import Produced, band_song, rubato_song, synth_song
from tests.measures_produced import chroma_likeness, flux_around, measured, tempo_near

pytestmark = [pytest.mark.numeric, pytest.mark.slow]

SONGS = {"band": band_song, "synth": synth_song, "rubato": rubato_song}
# What must be nearer to the song than in the pieces of the others, and what difference counts as the same.
NEARER = {"rms_step_db": 0.7, "onset_rate": 0.6, "beat_strength": 0.15, "chroma_step": 0.1, "flatness": 0.015}


class Best(SilentMonitor):
    """Keeps the weights of the best epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.least = folder, np.inf

    def epoch_ended(self, row: EpochRow, save: Any) -> None:
        if row.val_loss is not None and row.val_loss < self.least:
            self.least = row.val_loss
            save(self.folder)


def pieces(key: str, produced: Produced, folder: Path, seconds: float) -> tuple[list[Any], Any]:
    kind, songs = approach(key), [song(produced.sound)]
    training = read_parameters(kind.Training, kind.presets["quick"].training)
    prepared = kind.prepare(songs, training, seed=1)
    networks = kind.build(prepared.codec, training, seed=1)
    kind.fit(networks, prepared, training, seed=1, monitor=Best(folder))
    networks.load(folder)
    generation = read_parameters(kind.Generation, {**kind.presets["quick"].generation, "seconds": seconds})
    return list(kind.generate(networks, prepared.codec, training, Order(generation, [1, 2], songs))), prepared.codec


@pytest.fixture(scope="module", params=sorted(SONGS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Produced, Any, Any]:
    produced = SONGS[request.param]()
    return request.param, produced, *pieces("collage", produced, tmp_path_factory.mktemp("collage"), 20.0)


def test_joints_are_no_louder_than_what_begins_in_the_song(made: tuple[str, Produced, Any, Any]) -> None:
    _, produced, found, codec = made
    edges = codec.songs[0].edges / codec.sample_rate
    edges = edges[(edges > 1.0) & (edges < produced.sound.seconds - 2.0)]
    own = flux_around(produced.sound, edges)
    anywhere = flux_around(produced.sound, np.random.default_rng(0).uniform(1.0, produced.sound.seconds - 2.0, 1_000))
    limit = max(np.percentile(own, 95), np.percentile(anywhere, 95))
    for each in found:
        times = np.array(each.facts["joint_seconds"])
        times = times[times < each.content.seconds - 0.1]
        joints, fades = flux_around(each.content, times), flux_around(each.content, times, 0.03, -0.008)
        print(made[0], "joints", len(times), np.percentile(joints, [50, 95, 100]).round(3), "limit", round(limit, 3))
        assert np.percentile(joints, 90) <= limit
        assert fades.max() <= limit, "before the new attack, nothing is heard of the joint"
        assert each.facts["longest_stretch_beats"] <= 8.0


def test_the_tempo_is_that_of_the_song(made: tuple[str, Produced, Any, Any]) -> None:
    name, produced, found, _ = made
    if not produced.tempo:
        assert name == "rubato"
        assert all(each.facts["cut_at"] == "onsets" for each in found)
        return
    for each in found:
        assert tempo_near(each.content, produced.tempo) == pytest.approx(produced.tempo, rel=0.01)


def test_it_is_nearer_to_the_song_than_other_networks(made: tuple[str, Produced, Any, Any], tmp_path: Path) -> None:
    name, produced, found, _ = made
    rivals = {}
    for key in ("spectral_lstm", "audio_wavenet"):
        folder = tmp_path / key
        folder.mkdir()
        rivals[key] = pieces(key, produced, folder, 10.0)[0]
    truth = measured(produced.sound)

    def misses(pieces: list[Any]) -> dict[str, float]:
        each = [measured(piece.content) for piece in pieces]
        return {what: abs(float(np.mean([one[what] for one in each])) - truth[what]) for what in NEARER}

    own = misses(found)
    alike = np.mean([chroma_likeness(produced.sound, each.content) for each in found])
    for key, theirs in rivals.items():
        other = misses(theirs)
        print(name, key, {what: (round(own[what], 3), round(other[what], 3)) for what in NEARER})
        assert all(own[what] <= max(other[what], same) for what, same in NEARER.items()), (key, own, other)
        assert alike >= np.mean([chroma_likeness(produced.sound, each.content) for each in theirs]) - 0.1
