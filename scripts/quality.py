"""Trains each approach on the samples: time, loss against floors, the verdicts on its outputs, and how they sound to a
listener who knows the songs (see `musicgen.benchmarks.listening`).

Run by `make quality`. It uses the queue and its workers as a user does, in a storage of its own, so it also measures
how long a user waits. Writes `benchmarks/quality.json` and `.md`, and keeps rows that were not measured again. A
preset that would take hours is stopped after --minutes; what was learned by then is used, and the row says so.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks"
SAMPLES = {"midi": ("ten_chorales", "jazz_tune"), "audio": ("rag_audio", "quartet_audio")}
PRESETS = ("quick", "best", "original")
MIN_SONGS = 4  # held out; with fewer there are no percentiles
SHOWN = {
    "midi": ("longest_run", "top_note_share", "num_distinct_pitches", "copied_ngram_share_training"),
    "audio": ("rms_db", "crest_factor_db", "loop_correlation", "copied_correlation_training"),
}


def main() -> None:
    """Measure what was requested; each row is written as soon as it is measured."""
    asked = _arguments()
    os.environ["MUSICGEN_HOME"] = str(asked.home)
    from musicgen.approaches import approaches

    for key, kind in approaches().items():
        for sample in asked.samples or SAMPLES[kind.medium]:
            for preset in asked.presets:
                if asked.only in ("", key) and preset in kind.presets:
                    row = _row(kind, preset, sample, asked)
                    print(json.dumps(row), flush=True)
                    _publish(row)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the key of one approach")
    parser.add_argument("--presets", nargs="*", default=PRESETS)
    parser.add_argument("--samples", nargs="*", help="keys of samples; by default two for each medium")
    parser.add_argument("--minutes", type=float, default=8.0, help="longest training, in minutes")
    parser.add_argument("--count", type=int, default=8, help="outputs of each run")
    parser.add_argument("--set", nargs="*", default=[], help="training parameters, name=value")
    parser.add_argument("--run", default="", help="a run of --home that is played and judged anew, not trained again")
    parser.add_argument("--home", type=Path, default=Path("workspace/quality"))
    return parser.parse_args()


def _row(kind: Any, preset: str, sample: str, asked: argparse.Namespace) -> dict[str, Any]:
    """One approach with one preset on one sample; a sentence instead of figures if it refuses."""
    from musicgen.cli.shown import read_settings
    from musicgen.errors import MusicgenError
    from musicgen.runs import api
    from musicgen.songs.intake import add_sample

    row: dict[str, Any] = {"approach": kind.key, "preset": preset, "sample": sample, "set": asked.set}
    try:
        songs = [api.SongChoice(file.id) for file in add_sample(sample).files]
        training = {**kind.presets[preset].training, **read_settings(asked.set)}
        run_id = asked.run or api.submit_training(kind.key, songs, training, preset=preset, seed=0)
        run = wait_for_training(run_id, asked.minutes * 60)
        row |= _learned(run, training.get("epochs") or kind.Training.model_fields["epochs"].default)
        task_id = api.submit_generation(run_id, dict(kind.presets[preset].generation), count=asked.count, seed=0)
        while (task := api.get_task(task_id)).is_active:
            time.sleep(0.5)
        if task.state != "succeeded":
            raise MusicgenError(task.reason)
        made = api.list_outputs(task_id=task_id)
        row |= _made(made, run, SHOWN[kind.medium])
        row |= _heard([output.clip for output in made], sample)
    except MusicgenError as error:
        row["refused"] = str(error)
    return row


def wait_for_training(run_id: str, longest: float) -> Any:
    """The finished run. One that takes too long is cancelled, which keeps what it learned."""
    from musicgen.errors import MusicgenError
    from musicgen.runs import api

    while (run := api.get_run(run_id)).is_active:
        if (run.seconds or 0) > longest and run.history:
            api.cancel(run_id)
            longest = float("inf")
        time.sleep(0.5)
    if run.state == "failed":
        raise MusicgenError(run.reason)
    return run


def _learned(run: Any, epochs: int) -> dict[str, Any]:
    best = next((each for each in run.history if each["epoch"] == run.best_epoch), {})
    return {
        "train_seconds": round(run.seconds or 0, 1),
        "epochs": len(run.history),
        "epochs_of_preset": epochs,
        "was_cut": run.state == "cancelled",
        "loss": best.get("loss"),
        "val_loss": best.get("val_loss"),
        "floors": run.prepared.get("floors", {}),
        "parameters": run.prepared.get("parameters"),
    }


def _made(outputs: list[Any], run: Any, shown: tuple[str, ...]) -> dict[str, Any]:
    """The verdicts on all outputs, and the range of the metrics behind them."""
    judged = list(_judged(outputs, run))
    ranges = {}
    for name in shown:
        values = [metrics[name] for metrics, _ in judged if name in metrics]
        if values:
            ranges[name] = [round(float(min(values)), 3), round(float(max(values)), 3)]
    return {
        "outputs": len(judged),
        "sound": sum(not codes for _, codes in judged),
        "verdicts": dict(Counter(code for _, codes in judged for code in codes)),
        "ranges": ranges,
    }


def _heard(clips: list[Any], sample: str) -> dict[str, Any]:
    """{heard: …}: the outputs beside held-out music of the same kind; {} where there is too little of that."""
    from musicgen.benchmarks.held_out_music import held_out
    from musicgen.benchmarks.listening import distance, features, percentiles, share_inside

    pieces = [clip.score() if clip.medium == "midi" else clip.waveform() for clip in clips]
    songs = [features(song) for song in held_out(sample, float(median(piece.seconds for piece in pieces)))]
    heard = [features(piece) for piece in pieces if piece.seconds > 0]
    if len(songs) < MIN_SONGS or len(heard) < 2:
        return {}
    places = [percentiles(each, songs) for each in heard]
    return {
        "heard": {
            "percentiles": {name: round(median(place[name] for place in places), 1) for name in places[0]},
            "share_inside": round(share_inside(heard, songs), 3),
            "num_songs": len(songs),
            **distance(heard, songs).to_json(),
        }
    }


def _judged(outputs: list[Any], run: Any) -> Iterator[tuple[dict[str, float], list[str]]]:
    """(metrics, codes of verdicts) of each output, as the worker stored them."""
    for output in outputs:
        sidecar = output.sidecar
        yield sidecar["metrics"], [verdict["code"] for verdict in sidecar["verdicts"]]


def _publish(row: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "quality.json"
    known = json.loads(path.read_text()) if path.exists() else []
    key = ("approach", "sample", "preset")
    rows = [each for each in known if [each[name] for name in key] != [row[name] for name in key]]
    rows = sorted([*rows, row], key=lambda each: [each[name] for name in key])
    path.write_text(json.dumps(rows, indent=1) + "\n")
    (RESULTS / "quality.md").write_text("\n".join([*_table(rows), *_heard_table(rows)]) + "\n")


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "# Quality of the presets on the samples"
    yield ""
    yield "Written by `make quality`. Seconds are those of a whole run on one machine, including the start of the"
    yield "framework. Loss and floors have the same unit. *Sound* counts the outputs in which nothing was found wrong."
    yield ""
    yield "| approach | sample | preset | seconds | epochs | loss | validation | floors | sound | verdicts | measured |"
    yield "|---|---|---|---:|---:|---:|---:|---|---:|---|---|"
    for row in rows:
        place = f"| {row['approach']} | {row['sample']} | {row['preset']} |"
        if "refused" in row:
            yield f"{place} | | | | | | | {row['refused']} |"
            continue
        floors = ", ".join(f"{name} {value:.4g}" for name, value in row["floors"].items())
        epochs = f"{row['epochs']} of {row['epochs_of_preset']}{' (cut)' if row['was_cut'] else ''}"
        loss, validation = (_figure(row[name]) for name in ("loss", "val_loss"))
        found = ", ".join(f"{code} {number}" for code, number in row["verdicts"].items()) or "none"
        ranges = "; ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in row["ranges"].items())
        yield (
            f"{place} {row['train_seconds']:.0f} | {epochs} | {loss} | {validation} | {floors} "
            f"| {row['sound']} of {row['outputs']} | {found} | {ranges} |"
        )


def _heard_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield from (
        "",
        "## As a listener would hear them",
        "",
        "Outputs beside held-out music of the same kind, cut to their length. *Inside*: the share of all features",
        "whose percentile among these songs lies between 5 and 95. *Diversity*: mean distance between two outputs",
        "over that between two songs. *Distance*: kernel distance (squared MMD) from outputs to songs, with its",
        "permutation p-value; *real*: that of songs to other songs. Percentiles are medians: 50 is the middle.",
        "",
    )
    yield "| approach | sample | preset | songs | inside | diversity | distance (p) | real | percentiles |"
    yield "|---|---|---|---:|---:|---:|---:|---:|---|"
    for row in (each for each in rows if "heard" in each):
        heard = row["heard"]
        places = ", ".join(f"{name.replace('_', ' ')} {place:.0f}" for name, place in heard["percentiles"].items())
        yield (
            f"| {row['approach']} | {row['sample']} | {row['preset']} | {heard['num_songs']} "
            f"| {heard['share_inside']:.0%} "
            f"| {heard['diversity']:.2f} | {heard['distance']:.3f} ({heard['p_value']:.3f}) | {heard['real']:.3f} "
            f"| {places} |"
        )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    main()
