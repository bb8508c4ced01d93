"""Songs, runs and outputs as they are stored after real work, made in milliseconds: rows in the database, clips with
`write_audio_clip` and `write_score_clip`, and a run's small files with the modules that normally write them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from musicgen.approaches import approach as find_approach
from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.runs.checkpoints import Checkpoints
from musicgen.runs.folders import CHECKPOINTS, HISTORY, LOG, PREPARED, PROGRESS, SIDECAR, searcher_lock, supervisor_lock
from musicgen.runs.history import append_row
from musicgen.runs.locks import FileLock
from musicgen.runs.song_choices import SongChoice
from musicgen.settings import home
from musicgen.songs.library import get_song
from musicgen.storage import database
from musicgen.storage.files import write_json
from musicgen.symbolic.score import Score, Track, make_notes
from pages.ui.navigation import PLACES

ENTRY = Path(__file__).resolve().parents[2] / "streamlit_app.py"
NASTY = (
    'Ünïcode 🎹 *bold* ![x](http://evil.example/p.png) <img src=x onerror="window.__x=1"> [a](b) $x$ ' + "long " * 12
)
FLOORS = {
    "audio": {"persistence": 5.0, "linear predictor": 2.5},
    "midi": {"uniform": 4.2, "unigram": 3.1, "bigram": 2.3},
}


def tone(seconds: float = 2.0, *, frequency: float = 330.0, level: float = 0.3, channels: int = 2) -> Waveform:
    """A decaying tone, 8 kHz."""
    moment = np.arange(int(seconds * 8000)) / 8000
    samples = level * np.sin(2 * np.pi * frequency * moment) * np.exp(-moment)
    return Waveform(np.stack([samples / (1 + channel) for channel in range(channels)]).astype(np.float32), 8000)


def tune(n_notes: int = 32, *, seed: int = 0, tracks: int = 2) -> Score:
    """Random quarter notes of a scale, distributed over the tracks in turn."""
    rng = np.random.default_rng(seed)
    pitch = rng.choice([60, 62, 64, 65, 67, 69, 71, 72], n_notes)
    onsets = np.arange(n_notes) // tracks * 480
    names = ("Right hand", "Left hand", "Flute", "Bass")
    return Score(
        make_notes(onsets, 470, pitch, 80, np.arange(n_notes) % tracks),
        480,
        tuple(Track(names[index % 4], program=0) for index in range(tracks)),
    )


def add_song(name: str, content: Waveform | Score) -> str:
    """Add a song to the library; return its id."""
    song_id = database.new_id("song")
    clip = _write(home() / "songs" / song_id, content)
    row = {
        "id": song_id, "sha256": hashlib.sha256(song_id.encode()).hexdigest(), "name": name, "medium": clip.medium,
        "format": "midi" if clip.medium == "midi" else "wav", "source": "upload", "seconds": clip.seconds,
        "facts": clip.facts, "report": {}, "created_at": database.now(),
    }  # fmt: skip
    database.change(sa.insert(database.songs).values(**row))
    return song_id


def many_songs(number: int, *, every_fifth_audio: bool = False) -> list[str]:
    """Add songs `tune 001` …, oldest first, which share one or two clips; return their ids."""
    stencils = [add_song("tune 001", tune()), *([add_song("sound 002", tone())] if every_fifth_audio else [])]
    rows, ids = [], list(stencils)
    for count in range(len(stencils) + 1, number + 1):
        model = get_song(stencils[-1] if count % 5 == 0 else stencils[0])
        song_id = database.new_id("song")
        shutil.copytree(model.folder, model.folder.with_name(song_id), copy_function=os.link)
        name = f"{'sound' if model.medium == 'audio' else 'tune'} {count:03d}"
        row = {column.name: getattr(model, column.name) for column in database.songs.c}
        rows.append(row | {"id": song_id, "sha256": song_id * 2, "name": name, "created_at": database.now() + count})
        ids.append(song_id)
    with database.engine().begin() as connection:
        connection.execute(sa.insert(database.songs), rows)
    return ids


def add_run(
    songs: list[str],
    *,
    approach: str = "amplitude_lstm",
    name: str = "A run",
    state: str = "succeeded",
    epochs: int = 4,
    wanted: int = 4,
    reason: str = "",
    advice: str = "",
    progress: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    """Add a run with its task and files; return its id. `epochs`: how many are finished, each with weights."""
    known = find_approach(approach)
    training = known.Training(**known.presets["quick"].training).model_dump(mode="json") | {"epochs": wanted}
    run_id, now = database.new_id("run"), database.now()
    named = [{"id": song_id, "name": _song_name(song_id), "sha256": "0" * 64, "tracks": None} for song_id in songs]
    request = {"approach": approach, "preset": "quick", "training": training, "seed": 3, "songs": named} | more
    request["device"] = "cpu"
    run = {"id": run_id, "name": name, "approach": approach, "request": request, "created_at": now}
    task = {
        "id": database.new_id("task"), "kind": "train", "run_id": run_id, "state": state, "device": "cpu",
        "request": {"device": "cpu"}, "reason": reason, "advice": advice, "fence": secrets.token_hex(4),
        "created_at": now, "started_at": now - 60, "finished_at": None if state == "running" else now,
    }  # fmt: skip
    database.change(sa.insert(database.runs).values(**run))
    database.change(sa.insert(database.tasks).values(**task))
    _write_run_files(home() / "runs" / run_id, known.medium, epochs, progress)
    return run_id


def _write_run_files(folder: Path, medium: str, epochs: int, progress: dict[str, Any] | None) -> None:
    folder.mkdir(parents=True)
    if epochs or progress:
        facts = {"n_windows": 12_345, "n_songs": 2, "inputs_shape": [12_345, 100], "targets_shape": [12_345]}
        prepared = {"facts": facts, "floors": FLOORS[medium], "warnings": [], "networks": 2, "parameters": 48_250}
        write_json(folder / PREPARED, prepared | {"memory_bytes": 840_000_000})
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "loss": 4.0 / epoch, "val_loss": 4.4 / epoch, "seconds": 2.0, "learning_rate": 0.001}
        append_row(folder / HISTORY, row)
        state = {"score": row["val_loss"], "row": row}
        Checkpoints(folder / CHECKPOINTS).publish(epoch, state, {}, lambda path: None)
    if progress:
        write_json(folder / PROGRESS, progress)
    (folder / LOG).write_text("".join(f"line {number} of the log\n" for number in range(1, 31)))


def add_output(
    run_id: str, content: Waveform | Score, *, name: str = "", reference: dict[str, Any] | None = None, **more: Any
) -> str:
    """Add an output of the run; return its id."""
    output_id = database.new_id("output")
    folder = home() / "outputs" / output_id
    clip = _write(folder, content)
    sidecar = {
        "id": output_id, "run": {"id": run_id}, "checkpoint": {"epoch": 4, "sha256": "0" * 64}, "seed": 7,
        "songs": _songs_of(run_id), "generation": {"temperature": 1.0}, "prompt": None, "reference": reference,
        "facts": {"notes_per_second": 812.5}, "content_sha256": clip.facts["sha256"], "versions": {"keras": "3.15"},
        "index": 0, "seeds": [7],
    } | more  # fmt: skip
    row = {
        "id": output_id, "run_id": run_id, "task_id": database.new_id("task"), "name": name or "A piece",
        "medium": clip.medium, "seconds": clip.seconds, "sidecar": sidecar, "created_at": database.now(),
    }  # fmt: skip
    write_json(folder / SIDECAR, sidecar)
    database.change(sa.insert(database.outputs).values(**row))
    return output_id


def with_sound(score_clip: Clip, waveform: Waveform) -> None:
    """Give a clip of notes the sound of `waveform`, without rendering it."""
    from musicgen.clips.writing import write_audio_clip as write

    sounding = write(score_clip.folder.with_name(f"{score_clip.folder.name}.sound"), waveform)
    for name in ("audio.wav", "envelope.npz", "spectrogram.npz"):
        (sounding.folder / name).rename(score_clip.folder / name)


def players(app: AppTest) -> list[dict[str, Any]]:
    """What each player on the page was told, in the order of the page."""
    told = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [each for each in told if "lanes" in each]


def lanes(app: AppTest) -> list[dict[str, Any]]:
    """The lanes of all players on the page that have sound."""
    return [lane for told in players(app) for lane in told["lanes"] if lane["sound"]]


@contextmanager
def nobody_works() -> Iterator[None]:
    """Inside this block no supervisor starts: queued tasks wait, and tasks marked as running are left alone. Nor does
    a process that goes on with searches."""
    with FileLock(supervisor_lock()), FileLock(searcher_lock()):
        yield


def add_study(
    songs: list[str], *, trials: int = 9, state: str = "finished", reason: str = "", name: str = "Chorales"
) -> str:
    """Add a search with note LSTMs; return its id. Trial 3 is the best, trial 5 was stopped early, trial 6 failed."""
    from musicgen.search.orders import submit_study

    with nobody_works():
        study_id = submit_study(
            "note_lstm", [SongChoice(song) for song in songs], {}, preset="quick", trials=trials, name=name
        )
    row = database.one(sa.select(database.studies).where(database.studies.c.id == study_id))
    assert row is not None
    for number in range(trials):
        places = {knob["name"]: knob["start"] if number == 0 else (number * 7 + len(knob["name"])) % len(knob["values"])
                  for knob in row["request"]["knobs"]}  # fmt: skip
        value = 2.5 - 0.1 * number + 0.12 * max(0, number - 3)
        ended = {5: "pruned", 6: "failed"}.get(number, "succeeded")
        run_id = add_run(songs, approach="note_lstm", name=f"Trial {number}", epochs=2, wanted=2)
        trial = {
            "id": f"{study_id}-{number}", "study_id": study_id, "number": number, "run_id": run_id, "state": ended,
            "reason": "The loss must stay finite." if ended == "failed" else "",
            "parameters": {knob["name"]: knob["values"][places[knob["name"]]] for knob in row["request"]["knobs"]},
            "facts": {"epochs": 80 - number, "patience": 20}, "value": None if ended == "failed" else value,
            "seconds": 40.0, "created_at": database.now(),
        }  # fmt: skip
        database.change(sa.insert(database.trials).values(**trial))
    found = {"importance": {"learning_rate": 0.6, "units": 0.3, "dropout": 0.1}}
    values = {"state": state, "reason": reason, "findings": found}
    database.change(sa.update(database.studies).where(database.studies.c.id == study_id).values(**values))
    return study_id


def _write(folder: Path, content: Waveform | Score) -> Clip:
    folder.mkdir(parents=True)
    return write_audio_clip(folder, content) if isinstance(content, Waveform) else write_score_clip(folder, content)


def _song_name(song_id: str) -> str:
    row = database.one(sa.select(database.songs.c.name).where(database.songs.c.id == song_id))
    return str(row["name"]) if row else "gone"


def _songs_of(run_id: str) -> list[dict[str, Any]]:
    row = database.one(sa.select(database.runs.c.request).where(database.runs.c.id == run_id))
    return list(row["request"]["songs"]) if row else []


def visit(page: str, **query: str) -> AppTest:
    """A page, opened through the entry point as by a link."""
    app = AppTest.from_file(str(ENTRY), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(PLACES[page].file).run()


def until(app: AppTest, is_so: Callable[[AppTest], bool], *, times: int = 100) -> AppTest:
    """Run the page again (a browser does so by itself) until it shows the result of background work."""
    for _ in range(times):
        if is_so(app):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError(f"the page never got there: {said(app)}")


def said(app: AppTest) -> str:
    """All text on the page, including boxes and tables."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "text", "error", "warning", "info")
    texts = (str(element.value) for kind in kinds for element in getattr(app, kind))
    return "\n".join([*texts, *tables(app), *code_blocks(app)]).replace("\\", "").replace("\u2060", "")


def tables(app: AppTest) -> list[str]:
    """The rows of all tables, as `| cell | cell |`."""
    drawn = "".join(element.proto.body for element in app.get("html") if "text-table" in element.proto.body)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr.*?</tr>", drawn)]
    return [f"| {' | '.join(map(unescape, row))} |" for row in cells]


def code_blocks(app: AppTest) -> list[str]:
    """The texts in fixed width, such as command lines and logs."""
    drawn = (re.search(r"<pre[^>]*><code>(.*?)</code>", element.proto.body, re.DOTALL) for element in app.get("html"))
    return [unescape(found[1]) for found in drawn if found]


def markup(app: AppTest) -> str:
    """Markdown that a name could have added to the page: pictures, links and tags that are not escaped."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning", "info", "button", "badge")
    texts = [str(getattr(element, "value", "")) for kind in kinds for element in app.get(kind)]
    # Every label is Markdown, also one that is not shown, and so are the answers of a radio.
    texts += [str(getattr(element, "label", "")) for element in app.main]
    texts += [str(option) for radio in app.radio for option in radio.options]
    return " ".join(found for text in texts for found in re.findall(r"\]\(http|(?<!\\)<img|(?<!\\)\*bold", text))


def is_clean(app: AppTest) -> bool:
    """Whether the page shows no error of ours."""
    return not app.exception and "our side" not in said(app)
