"""Seconds from an order to the first sound, and to a training's first step: with processes kept ready, against one
that is started for each task.

Two storages with a supervisor each, one of which keeps nothing ready. An order is what a click makes; the sound is
there when the output can be played. The order before it is not measured, as in "generate again".
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from musicgen.approaches import approach
from musicgen.benchmarks import Line
from musicgen.benchmarks.race_music import sounding, written
from musicgen.processes import ROOT
from musicgen.runs import api, identity, launching
from musicgen.runs.expecting import expect_training, training_name
from musicgen.runs.folders import expected_file, ready_file, supervisor_lock
from musicgen.runs.locks import holder, is_held
from musicgen.settings import home
from musicgen.storage import database
from musicgen.storage.files import read_json

ROUNDS = 3
PATIENCE = 600.0
POLL_SECONDS = 0.01
COLD = "a process started for each task"
MINUTES = {"warm": "5", "cold": "0"}


@dataclass(frozen=True)
class Waiting:
    """What is trained (for one epoch, with the sizes of `preset`) and generated: `made`, in words."""

    key: str
    generation: Mapping[str, Any]
    made: str
    preset: str = "quick"
    training: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "note_lstm": Waiting("note_lstm", {"num_notes": 200}, "200 notes"),
    "note_wavenet": Waiting("note_wavenet", {"num_notes": 200}, "200 notes"),
    "voices": Waiting("voices", {"bars": 12}, "12 bars of all voices"),
    "jazz_lstm": Waiting("jazz_lstm", {"choruses": 1}, "a chorus"),
    "audio_wavenet": Waiting("audio_wavenet", {"seconds": 10.0}, "10 s of sound"),
    "spectral_lstm": Waiting("spectral_lstm", {"seconds": 10.0}, "10 s of sound"),
    "amplitude_lstm": Waiting("amplitude_lstm", {"seconds": 10.0, "mode": "free"}, "10 s of sound"),
    "collage": Waiting("collage", {"seconds": 10.0}, "10 s of sound"),
}


@contextmanager
def storages_of_both() -> Iterator[dict[str, Path]]:
    """A storage folder for each side; what runs there is ended at the end."""
    with tempfile.TemporaryDirectory() as folder:
        storages = {side: Path(folder) / side for side in MINUTES}
        try:
            yield storages
        finally:
            for side in storages:
                enter(storages, side)
                _end_supervisor()


def enter(storages: Mapping[str, Path], side: str) -> None:
    os.environ |= {"MUSICGEN_HOME": str(storages[side]), "MUSICGEN_WARM_MINUTES": MINUTES[side]}
    os.environ |= {"MUSICGEN_WARM_FREE_MB": "0"}


def _end_supervisor() -> None:
    """Kill it; what it kept ready ends with it."""
    pid = holder(supervisor_lock())
    if pid is not None and is_held(supervisor_lock()):
        identity.end_tree({"pid": pid, "started": identity.started(pid)})


def add_songs(key: str) -> list[api.SongChoice]:
    folder = home() / "songs"
    made = written(folder, 2) if approach(key).medium == "midi" else sounding(folder, 2, 12.0, 22_050)
    rows = []
    for song in made:
        song_id = database.new_id("song")
        facts = song.clip.facts
        song.clip.folder.rename(folder / song_id)
        rows.append(
            {
                "id": song_id, "sha256": os.urandom(32).hex(), "name": song.name, "medium": facts["medium"],
                "format": "midi" if facts["medium"] == "midi" else "wav", "source": "upload",
                "seconds": facts["seconds"], "facts": facts, "report": {}, "created_at": database.now(),
            }
        )  # fmt: skip
    with database.engine().begin() as connection:
        connection.execute(sa.insert(database.songs), rows)
    return [api.SongChoice(row["id"]) for row in rows]


def _until(condition: Callable[[], Any]) -> Any:
    ends_at = time.monotonic() + PATIENCE
    while time.monotonic() < ends_at:
        if found := condition():
            return found
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"nothing after {PATIENCE:g} s")


def rested(look: Callable[[], Any]) -> Any:
    seen = _until(lambda: None if (found := look()).is_active else found)
    assert seen.state == "succeeded", seen.reason
    return seen


def expect(key: str, training: Mapping[str, Any], songs: list[api.SongChoice], **more: Any) -> str:
    """As the form of the Train page does while it is filled in; the name of the training. `more`: of its request."""
    values = approach(key).Training(**training).model_dump(mode="json")
    chosen = [{"id": song.id, "name": "", "tracks": song.tracks} for song in songs]
    request = {"approach": key, "training": values, "songs": chosen, "seed": 0, **more}
    launching.ensure_supervisor()
    expected_file().touch()
    expect_training(request)
    return training_name(request)


def _training(case: Waiting) -> dict[str, Any]:
    """Values of all settings, for one epoch."""
    return {**approach(case.key).presets[case.preset].training, **case.training, "epochs": 1}


def _train(case: Waiting, songs: list[api.SongChoice], **changes: Any) -> str:
    values = {**_training(case), **changes}
    return api.submit_training(case.key, songs, values, preset=case.preset, device="cpu")


def wait_for_ready(rehearsed: str = "") -> None:
    """Until as much is kept ready as will be, and a training with this name is rehearsed."""
    if os.environ["MUSICGEN_WARM_MINUTES"] != "0":
        _until(
            lambda: any(
                not each["run_id"] and (not rehearsed or each["rehearsed"] == rehearsed)
                for each in read_json(ready_file(), [])
            )
        )
        time.sleep(1.0)


def _sound_after(order: Callable[[], str]) -> float:
    """Seconds from the order until its first output can be played."""
    began = time.perf_counter()
    task = order()

    def sounds() -> bool:
        made = api.get_task(task).output_ids
        return bool(made) and api.get_output(made[0]).clip.has_audio

    _until(sounds)
    seconds = time.perf_counter() - began
    rested(lambda: api.get_task(task))
    return seconds


def _again(name: str, case: Waiting) -> Line:
    """The same run, another seed each time."""
    with storages_of_both() as storages:
        runs = {}
        for side in storages:
            enter(storages, side)
            runs[side] = _train(case, add_songs(case.key))
            rested(partial(api.get_run, runs[side]))
            _sound_after(lambda: api.submit_generation(runs[side], _generation(case), device="cpu"))  # noqa: B023

        def once(side: str, seed: int) -> float:
            enter(storages, side)
            return _sound_after(
                lambda: api.submit_generation(runs[side], _generation(case), seed=seed, device="cpu"),
            )

        rounds = [(once("warm", seed), once("cold", seed)) for seed in range(1, ROUNDS + 1)]
    return _line(name, rounds, f"s from the order to {case.made}, the same run again")


def _generation(case: Waiting) -> dict[str, Any]:
    return {**approach(case.key).presets[case.preset].generation, **case.generation}


def _line(name: str, rounds: list[tuple[float, float]], unit: str) -> Line:
    ours, baseline = (statistics.median(times) for times in zip(*rounds, strict=True))
    return Line(name, ours, baseline, COLD, unit, less_is_better=True)


def _first_step(name: str, case: Waiting) -> Line:
    with storages_of_both() as storages:
        songs = {}
        for side in storages:
            enter(storages, side)
            songs[side] = add_songs(case.key)
            rested(partial(api.get_run, _train(case, songs[side])))

        def once(side: str) -> float:
            enter(storages, side)
            expected = expect(case.key, _training(case), songs[side])
            wait_for_ready(expected)
            began = time.perf_counter()
            run_id = _train(case, songs[side], epochs=1)
            _until(lambda: api.get_run(run_id).progress.get("step"))
            seconds = time.perf_counter() - began
            rested(lambda: api.get_run(run_id))
            return seconds

        rounds = [(once("warm"), once("cold")) for _ in range(ROUNDS)]
    return _line(name, rounds, "s from the order to the first step of a training, its form filled in before")


def _command_line(name: str, case: Waiting) -> Line:
    """`generate` as typed, until it has ended."""
    with storages_of_both() as storages:
        runs = {}
        for side in storages:
            enter(storages, side)
            runs[side] = _train(case, add_songs(case.key))
            rested(partial(api.get_run, runs[side]))

        def once(side: str, seed: int) -> float:
            enter(storages, side)
            launching.ensure_supervisor()
            return _typed("generate", runs[side], "--seed", str(seed))

        once("warm", 0)
        rounds = [(once("warm", seed), once("cold", seed)) for seed in range(1, ROUNDS + 1)]
    return _line(name, rounds, "s of the command `generate`, the same run again")


def _command_train(name: str, case: Waiting) -> Line:
    """`train` as typed, for one epoch, until it has ended."""
    with storages_of_both() as storages:
        songs = {}
        for side in storages:
            enter(storages, side)
            songs[side] = [choice.id for choice in add_songs(case.key)]
            launching.ensure_supervisor()

        def once(side: str, seed: int) -> float:
            enter(storages, side)
            expected_file().touch()
            wait_for_ready()
            return _typed("train", case.key, *songs[side], "--set", "epochs=1", "--seed", str(seed))

        once("warm", 0)
        rounds = [(once("warm", seed), once("cold", seed)) for seed in range(1, ROUNDS + 1)]
    return _line(name, rounds, "s of the command `train`, one epoch")


def _command_songs(name: str) -> Line:
    """`songs add` as typed, against a process that reads the same file with music21."""
    code = "import sys; from music21 import converter; converter.parseFile(sys.argv[1], forceSource=True).flatten()"
    with storages_of_both() as storages, tempfile.TemporaryDirectory() as folder:
        enter(storages, "cold")
        files = [song.clip.folder / "score.mid" for song in written(Path(folder), ROUNDS)]
        rounds = [(_typed("songs", "add", str(path)), _run([sys.executable, "-c", code, str(path)])) for path in files]
    ours, baseline = (statistics.median(times) for times in zip(*rounds, strict=True))
    unit = "s of the command `songs add`, one MIDI file"
    return Line(name, ours, baseline, "music21 reads the file, and nothing else", unit, less_is_better=True)


def _typed(*words: str) -> float:
    return _run([sys.executable, "-m", "musicgen", *words])


def _run(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


LINES: dict[str, Callable[[], Line]] = {
    **{f"waiting_{key}": partial(_again, f"waiting_{key}", case) for key, case in CASES.items()},
    **{
        f"waiting_first_step_{key}": partial(_first_step, f"waiting_first_step_{key}", CASES[key])
        for key in ("note_lstm", "audio_wavenet")
    },
    "waiting_command_line": partial(_command_line, "waiting_command_line", CASES["note_lstm"]),
    "waiting_command_train": partial(_command_train, "waiting_command_train", CASES["note_lstm"]),
    "waiting_command_songs": partial(_command_songs, "waiting_command_songs"),
}
