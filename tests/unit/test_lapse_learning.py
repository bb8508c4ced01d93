"""With short pieces on the way, every approach learns the same to the bit: weights, optimiser and all else it saves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_at_work import nobody_supervises, work_here

from musicgen.approaches import approach, approaches
from musicgen.clips import write_audio_clip, write_score_clip
from musicgen.contract.approach import Approach
from musicgen.runs import api, lapse_budget
from musicgen.runs.checkpoints import CODEC, MANIFEST, STATE, Checkpoints
from musicgen.runs.folders import CHECKPOINTS
from musicgen.runs.lapse import lapse_of
from musicgen.storage import database
from musicgen.storage.database import new_id, songs
from tests.makers_music import chords, plucked

pytestmark = pytest.mark.numeric
FAST = ("amplitude_lstm",)
KEYS = [pytest.param(key, marks=[] if key in FAST else pytest.mark.slow) for key in sorted(approaches())]
UNLIKE = {STATE, MANIFEST}  # they have times in them


@pytest.fixture(autouse=True)
def generous(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lapse_budget, "SHARE", 1e6)  # a piece after every epoch
    monkeypatch.setattr(lapse_budget, "PARTS", 1e6)
    with nobody_supervises():
        yield


def add_songs(kind: Approach) -> list[api.SongChoice]:
    chosen = []
    for seed in range(2):
        song_id = new_id("song")
        folder = Path(os.environ["MUSICGEN_HOME"]) / "songs" / song_id
        clip = (
            write_audio_clip(folder, plucked(2_000, seed=seed))
            if kind.medium == "audio"
            else write_score_clip(folder, chords(12, seed=seed))
        )
        row = {
            "id": song_id, "sha256": os.urandom(32).hex(), "name": f"song {seed}", "medium": kind.medium,
            "format": "wav", "source": "upload", "seconds": clip.seconds, "facts": clip.facts, "report": {},
            "created_at": database.now(),
        }  # fmt: skip
        database.change(songs.insert().values(**row))
        chosen.append(api.SongChoice(song_id))
    return chosen


def learned(run_id: str) -> dict[str, bytes]:
    """The files of the last weights, without those that have times in them."""
    last = Checkpoints(api.get_run(run_id).folder / CHECKPOINTS).chosen("last")[0]
    return {path.name: path.read_bytes() for path in last.folder.iterdir() if path.name not in UNLIKE}


@pytest.mark.parametrize("key", KEYS)
def test_the_weights_are_the_same_to_the_bit(key: str) -> None:
    kind = approach(key)
    values = {**kind.tiny.training, "epochs": 3}
    if "dropout" in kind.Training.model_fields:
        values["dropout"] = 0.3
    chosen = add_songs(kind)
    with_pieces, without = (
        work_here(api.submit_training(key, chosen, values, seed=4, hear_it_learn=hears)) for hears in (True, False)
    )
    assert with_pieces.state == without.state == "succeeded", with_pieces.reason
    assert with_pieces.advice == "", "no piece has failed"
    pieces = lapse_of(with_pieces.id).pieces()
    assert [piece.epoch for piece in pieces][:1] == [1]
    assert len(pieces) >= 2, "one was followed by more training"
    assert all(piece.clip.seconds > 0 for piece in pieces)
    found = learned(with_pieces.id)
    assert found == learned(without.id)
    assert {"weights.npz", "optimizer.npz", CODEC} <= set(found)
