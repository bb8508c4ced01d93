"""A storage as after long use, made in seconds: rows as the program writes them, with clips shared by many."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from musicgen.approaches import approach
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.clips.pictures import write_pictures
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS, HISTORY, PREPARED, SIDECAR
from musicgen.runs.history import append_row
from musicgen.settings import home
from musicgen.storage import database
from musicgen.storage.files import write_json
from musicgen.symbolic.score import Score, Track, make_notes

KINDS = ("Chorale", "Rag", "Étude", "Minuet", "Waltz", "March", "Fugue", "Reel")
SECONDS = 20.0
MINUTE = 60.0


def add_songs(num_songs: int) -> list[str]:
    """Add songs, four of five of them MIDI; returns their ids."""
    rng, clips = random.Random(1), _clips(home() / "clips")
    rows: list[dict[str, Any]] = []
    for number in range(num_songs):
        clip, song_id = clips[number % len(clips)], database.new_id("song")
        _share(clip, home() / "songs" / song_id)
        rows.append(
            {
                "id": song_id, "sha256": _digest(song_id), "medium": clip.medium, "source": "upload",
                "name": f"{rng.choice(KINDS)} in {rng.choice('ABCDEFG')} minor, number {number + 1}",
                "format": "midi" if clip.medium == "midi" else "wav", "seconds": clip.seconds, "facts": clip.facts,
                "report": {}, "created_at": database.now() - MINUTE * (num_songs - number),
            }
        )  # fmt: skip
    with database.engine().begin() as connection:
        connection.execute(sa.insert(database.songs), rows)
    return [row["id"] for row in rows if row["medium"] == "midi"]


def add_runs(songs: list[str], num_runs: int, outputs_each: int, *, epochs: int = 20) -> None:
    """Add finished note trainings with their outputs."""
    known = approach("note_lstm")
    training = known.Training(**known.presets["quick"].training).model_dump(mode="json") | {"epochs": epochs}
    clip = _clips(home() / "clips")[0]
    for number in range(num_runs):
        chosen = [{"id": each, "name": "A song", "sha256": _digest(each), "tracks": None} for each in songs[:12]]
        request = {
            "approach": known.key, "preset": "quick", "training": training, "seed": 0, "songs": chosen, "device": "cpu"
        }  # fmt: skip
        run_id = _add_run(f"Run {number + 1}", request)
        for each in range(outputs_each):
            _add_output(run_id, f"Run {number + 1}, {each + 1}", chosen, clip)


def _add_run(name: str, request: dict[str, Any]) -> str:
    run_id, now = database.new_id("run"), database.now()
    run = {"id": run_id, "name": name, "approach": request["approach"], "request": request, "created_at": now - MINUTE}
    task = {
        "id": database.new_id("task"), "kind": "train", "run_id": run_id, "state": "succeeded", "device": "cpu",
        "request": {"device": "cpu"}, "created_at": now - MINUTE, "started_at": now - MINUTE, "finished_at": now,
        "work_seconds": MINUTE,
    }  # fmt: skip
    database.change(sa.insert(database.runs).values(**run))
    database.change(sa.insert(database.tasks).values(**task))
    folder = home() / "runs" / run_id
    folder.mkdir(parents=True)
    write_json(folder / PREPARED, {"facts": {"n_windows": 12_345}, "floors": {"unigram": 3.1}, "warnings": []})
    row: dict[str, Any] = {}
    for epoch in range(1, int(request["training"]["epochs"]) + 1):
        row = {"epoch": epoch, "loss": 4 / epoch, "val_loss": 5 / epoch, "seconds": 2.0, "learning_rate": 0.001}
        append_row(folder / HISTORY, row)
    Checkpoints(folder / CHECKPOINTS).publish(row["epoch"], {"score": row["val_loss"], "row": row}, {}, lambda _: None)
    return run_id


def _add_output(run_id: str, name: str, songs: list[dict[str, Any]], clip: Clip) -> None:
    output_id = database.new_id("output")
    folder = home() / "outputs" / output_id
    _share(clip, folder)
    sidecar = {
        "id": output_id, "run": {"id": run_id}, "checkpoint": {"epoch": 1, "sha256": _digest(run_id)}, "seed": 0,
        "songs": songs, "generation": {"temperature": 1.0}, "prompt": None, "reference": None, "verdicts": [],
        "metrics": {}, "facts": {}, "content_sha256": clip.facts["sha256"], "versions": {}, "index": 0, "seeds": [0],
    }  # fmt: skip
    write_json(folder / SIDECAR, sidecar)
    row = {
        "id": output_id, "run_id": run_id, "task_id": database.new_id("task"), "name": name, "medium": clip.medium,
        "seconds": clip.seconds, "sidecar": sidecar, "created_at": database.now(),
    }  # fmt: skip
    database.change(sa.insert(database.outputs).values(**row))


def _clips(folder: Path) -> list[Clip]:
    """A MIDI clip that is rendered already, and a sound clip."""
    if not folder.is_dir():
        sounding = write_audio_clip(_made(folder / "sound"), _tone())
        for number in range(4):
            written = write_score_clip(_made(folder / str(number)), _tune(200 + number))
            for name in ("audio.wav", "envelope.npz", "spectrogram.npz"):
                os.link(sounding.folder / name, written.folder / name)
            write_pictures(written)
    return [Clip(each) for each in sorted(folder.iterdir())]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _share(clip: Clip, folder: Path) -> None:
    shutil.copytree(clip.folder, folder, copy_function=os.link)


def _tone() -> Waveform:
    moment = np.arange(int(SECONDS * 8000)) / 8000
    return Waveform((0.3 * np.sin(2 * np.pi * 330 * moment))[None].astype(np.float32), 8000)


def _tune(num_notes: int) -> Score:
    pitch = np.random.default_rng(num_notes).integers(60, 72, num_notes)
    return Score(
        make_notes(np.arange(num_notes) * 240, 230, pitch, 80, np.zeros(num_notes, int)), 480, (Track("Piano"),)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
