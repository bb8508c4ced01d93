"""Trains a tiny run of every approach and keeps it, with a piece of each, as `tests/data/earlier_runs`.

    PYTHONPATH=.:tests/unit python tests/data/make_earlier_runs.py

`tests/unit/test_earlier_runs.py` loads these runs in every later version, and expects the same pieces. Run this again
only where a change is meant to make earlier runs useless. What it keeps was made before the code moved into the folders
of the approaches.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from runs_at_work import nobody_supervises, work_here

from musicgen.approaches import approach
from musicgen.clips import write_audio_clip, write_score_clip
from musicgen.runs import api
from musicgen.storage import database
from musicgen.storage.database import new_id, songs
from tests.makers_jazz import tune
from tests.makers_music import audio_song, midi_song

FOLDER = Path(__file__).parent / "earlier_runs"
# name → approach, training beside its `tiny` preset, generation beside it
RUNS = {
    "amplitude_lstm": ("amplitude_lstm", {}, {"seconds": 0.02}),
    "amplitude_lstm_frames": (
        "amplitude_lstm",
        {
            "recurrence": "frames", "look_back": 16, "hop_length": 16, "num_predictors": 6, "num_levels": 5,
            "activation": "tanh", "recurrent_activation": "sigmoid", "batch_size": 4, "samples_per_song": 0,
            "held_out_samples": 0, "dense": (),
        },
        {"seconds": 0.05},
    ),
    "audio_wavenet": ("audio_wavenet", {}, {}),
    "jazz_lstm": ("jazz_lstm", {}, {}),
    "note_lstm": ("note_lstm", {}, {}),
    "note_lstm_tokens": ("note_lstm", {"representation": "tokens", "threshold": 0}, {}),
    "note_wavenet": ("note_wavenet", {}, {}),
    "note_wavenet_tokens": ("note_wavenet", {"representation": "tokens", "threshold": 0}, {}),
    "spectral_lstm": ("spectral_lstm", {}, {}),
    "spectral_lstm_blocks": (
        "spectral_lstm", {"representation": "blocks", "block_size": 32, "clip_seconds": 0.1}, {"steps": 6}
    ),
}  # fmt: skip


def add_song(key: str) -> str:
    song_id = new_id("song")
    folder = Path(os.environ["MUSICGEN_HOME"]) / "songs" / song_id
    if approach(key).medium == "audio":
        clip = write_audio_clip(folder, audio_song(4_000).clip.waveform())
    else:
        clip = write_score_clip(folder, tune(8) if key == "jazz_lstm" else midi_song(24).clip.score())
    database.change(
        songs.insert().values(
            id=song_id, sha256=song_id.encode().hex().ljust(64, "0"), name="A song", medium=clip.medium, format="wav",
            source="upload", seconds=clip.seconds, facts=clip.facts, report={}, created_at=0.0,
        )
    )  # fmt: skip
    return song_id


def content(output: api.Output) -> np.ndarray:
    """float32 samples (n_channels, n_samples), or notes (n, 5): pitch, velocity, onset and duration in ticks, track."""
    if output.medium == "audio":
        return output.clip.waveform().samples
    notes = output.clip.score().notes
    return np.stack([notes[name] for name in ("pitch", "velocity", "onset_ticks", "duration_ticks", "track")], axis=1)


def make(name: str) -> None:
    key, training, generation = RUNS[name]
    kind = approach(key)
    values = {**kind.tiny.training, **training}
    run = work_here(api.submit_training(key, [api.SongChoice(add_song(key))], values, seed=1, name=name))
    assert run.state == "succeeded", run.reason
    shutil.copyfile(api.export_run(run.id), FOLDER / f"{name}.zip")
    for song in database.every(songs.select()):
        database.change(songs.delete().where(songs.c.id == song["id"]))
    settings = {**kind.tiny.generation, **generation}
    task = work_here(api.submit_generation(run.id, settings, seed=3))
    assert task.state == "succeeded", task.reason
    (FOLDER / f"{name}.json").write_text(json.dumps(settings, indent=1))
    np.save(FOLDER / f"{name}.npy", content(api.get_output(task.output_ids[0])))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["MUSICGEN_HOME"] = home
        with nobody_supervises():
            for each in RUNS:
                make(each)
                print(each, sum(path.stat().st_size for path in FOLDER.glob(f"{each}.*")), "bytes")
