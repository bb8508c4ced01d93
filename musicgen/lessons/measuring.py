"""The numbers of one attempt, from its runs, its pieces and its songs. Light: only the songs are read, in a child.

A number that cannot be measured (a run without held-out music, a piece that could not be judged) is None, and no
condition with it holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.approaches import approaches
from musicgen.evaluation.curves import row_loss, useful_floors
from musicgen.lessons.lesson import FLOOR, METRIC, SONGS, Value
from musicgen.processes import child_main, run_child

if TYPE_CHECKING:
    from musicgen.lessons.attempts import Attempt
    from musicgen.runs.records import Run

MODULE = "musicgen.lessons.measuring"
SECONDS = 120.0
MEMORY_MB = 2048
MAX_SONGS = 24  # whose mean is taken
MAX_SECONDS = 120.0  # of each song that is sound
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measured(attempt: Attempt) -> dict[str, float | None]:
    """name → number of every value of the lesson."""
    from musicgen.lessons.following import outputs_of, runs_of

    lesson, runs = attempt.lesson, runs_of(attempt)
    sidecars = {name: [output.sidecar for output in made] for name, made in outputs_of(attempt).items()}
    songs: dict[str, float] = {}
    if any(value.of == SONGS for value in lesson.values):
        songs = measure_songs(_folders(attempt))
    found: dict[str, float | None] = {}
    for value in lesson.values:
        if value.derived_from:
            number = derived(value, found)
        elif value.of == SONGS:
            number = songs.get(value.what.removeprefix(METRIC))
        elif value.of in sidecars:
            number = of_pieces(value.what, sidecars[value.of])
        else:
            number = of_run(value.what, runs[value.of]) if value.of in runs else None
        found[value.name] = number if number is not None and math.isfinite(number) else None
    return found


def derived(value: Value, known: Mapping[str, float | None]) -> float | None:
    """The distance, ratio or difference of two values; None if one is missing, or for a ratio to 0."""
    first, second = (known.get(name) for name in value.derived_from or ("", ""))
    if first is None or second is None:
        return None
    if value.ratio:
        return first / second if second else None
    return abs(first - second) if value.distance else first - second


def of_run(what: str, run: Run) -> float | None:
    """A number of a training, see `lesson.OF_RUNS`."""
    rows, floors = run.history, useful_floors((run.prepared or {}).get("floors") or {})
    if what.startswith(FLOOR):
        return floors.get(what.removeprefix(FLOOR))
    if what == "lowest_floor":
        return min(floors.values(), default=None)
    if what.startswith("receptive"):
        return _receptive(what, run)
    if what == "weights":
        weights = (run.prepared or {}).get("parameters")
        return float(sum(weights) if isinstance(weights, list) else weights) if weights else None
    if not rows:
        return None
    losses = [loss for row in rows if (loss := row_loss(row)) is not None]
    trained = [float(row["loss"]) for row in rows if row.get("loss") is not None]
    numbers: dict[str, float | None] = {
        "best_loss": min(losses, default=None),
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
        "first_training_loss": trained[0] if trained else None,
        "last_training_loss": trained[-1] if trained else None,
        "best_epoch": run.best_epoch,
        "epochs": len(rows),
    }
    return numbers[what]


def _receptive(what: str, run: Run) -> float | None:
    known = approaches().get(run.approach)
    field = known.receptive_field(known.Training(**run.request["training"])) if known else None
    if field is None:
        return None
    if what == "receptive_steps":
        return float(field.steps)
    return field.steps / field.sample_rate if field.sample_rate else None


def of_pieces(what: str, sidecars: Sequence[Mapping[str, Any]]) -> float | None:
    """The mean of a number over the pieces that have it, see `lesson.OF_PIECES`; of passages the longest."""
    numbers = [number for sidecar in sidecars if (number := _of_piece(what, sidecar)) is not None]
    if what == "longest_passage":
        return max(numbers, default=None)
    return sum(numbers) / len(numbers) if numbers else None


def _of_piece(what: str, sidecar: Mapping[str, Any]) -> float | None:
    if what.startswith(METRIC):
        number = (sidecar.get("metrics") or {}).get(what.removeprefix(METRIC))
        return None if number is None else float(number)
    found = sidecar.get("originality")
    if not found:
        return None
    passages = found.get("passages") or ()
    if what == "songs_share":
        shares = (found.get("yardstick") or {}).get("shares") or ()
        return sum(shares) / len(shares) if shares else None
    numbers = {
        "borrowed_share": found.get("share"),
        "num_passages": found.get("num_passages", len(passages)),
        "longest_passage": max((each["stop"] - each["start"] for each in passages), default=0.0),
    }
    return None if numbers[what] is None else float(numbers[what])


def _folders(attempt: Attempt) -> list[str]:
    from musicgen.songs.library import songs_of

    return [str(song.folder) for song in songs_of([song["id"] for song in attempt.songs])[:MAX_SONGS]]


def measure_songs(folders: Sequence[str]) -> dict[str, float]:
    """The mean of each measurement over songs, made in a child."""
    payload = {"folders": list(folders)}
    found = run_child(MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD))
    return dict(found["metrics"])


def _measure(payload: dict[str, Any]) -> dict[str, Any]:
    """The child's side of `measure_songs`. A song that has nothing to measure is left out of the mean."""
    from musicgen.clips import Clip
    from musicgen.errors import MusicgenError
    from musicgen.evaluation import audio, midi

    measured: list[Mapping[str, float]] = []
    for folder in payload["folders"]:
        clip = Clip(Path(folder))
        try:
            if clip.medium == "midi":
                measured.append(midi.describe(clip.score()))
            else:
                measured.append(audio.describe(clip.waveform(0.0, MAX_SECONDS)))
        except MusicgenError:
            continue
    names = measured[0] if measured else ()
    means = {name: sum(float(each[name]) for each in measured) / len(measured) for name in names}
    return {"metrics": {name: number for name, number in means.items() if math.isfinite(number)}}


if __name__ == "__main__":
    child_main(_measure)
