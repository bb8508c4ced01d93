"""Is a search worth its time? Its best network against the preset trained for as long as the whole search. Writes
benchmarks/search.*.

    .venv/bin/python -m scripts.search_against_preset [--only note_lstm …] [--preset quick] [--trials 30] [--minutes 20]
        [--set note_lstm.epochs=20 …] [--songs 10] [--seeds 2]

For each approach, in a storage folder of its own: a search on the samples; then the preset with as many times more
epochs as the search took longer than its first trial (which is the preset), without early stopping; then the preset and
the best settings with other seeds, which shows how far losses differ by chance. One line of JSON for each approach;
the rows of other approaches stay in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from musicgen.approaches import approach as find_approach
from musicgen.approaches import approaches
from musicgen.benchmarks.table import RESULTS, machine

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = {
    "note_lstm": "ten_chorales", "note_wavenet": "ten_chorales", "voices": "ten_chorales", "jazz_lstm": "jazz_tune",
    "amplitude_lstm": "rag_audio", "audio_wavenet": "rag_audio", "spectral_lstm": "rag_audio",
    "collage": "rag_audio",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=sorted(approaches()), default=sorted(approaches()))
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--set", nargs="*", default=[], dest="sets", help="approach.parameter=value")
    parser.add_argument("--songs", type=int, default=10, help="use only the first songs of the sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=2, help="other seeds, for what is chance")
    options = parser.parse_args()
    for key in options.only:
        with tempfile.TemporaryDirectory() as home:
            row = compare(key, Path(home), options)
            print(json.dumps(row), flush=True)
            publish(row)


def compare(key: str, home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one approach."""
    songs = [file["id"] for file in run(home, "songs", "samples", SAMPLES[key])["files"] if file["id"]][: options.songs]
    fixed = [each.removeprefix(f"{key}.") for each in options.sets if each.startswith(f"{key}.")]
    start = ["--preset", options.preset, *(word for pair in fixed for word in ("--set", pair))]
    budget = ["--trials", str(options.trials), "--minutes", str(options.minutes), "--seed", str(options.seed)]
    study = run(home, "search", key, *songs, *start, *budget)
    first, best = study["trials"][0], study["best"]
    longer = study["seconds"] / first["seconds"]
    patience = ["--set", "patience=0"] if "patience" in find_approach(key).Training.model_fields else []
    epochs = max(first["epochs"], round(first["epochs"] * longer))
    whole = run(home, "train", key, *songs, *start, "--set", f"epochs={epochs}", *patience, "--seed", str(options.seed))
    found = [word for name, value in best["parameters"].items() for word in ("--set", f"{name}={json.dumps(value)}")]
    found += ["--set", f"epochs={best['epochs']}"]
    seeds = [str(options.seed + 1 + number) for number in range(options.seeds)]
    return {
        "approach": key, "preset": first["value"], "preset_with_all_the_time": loss(whole), "search": best["value"],
        "trials": len(study["trials"]), "stopped_early": sum(each["state"] == "pruned" for each in study["trials"]),
        "seconds": study["seconds"], "seconds_of_the_preset": whole["seconds"], "epochs_of_the_preset": epochs,
        "changed": {name: value for name, value in best["parameters"].items() if value != first["parameters"][name]},
        "preset_with_other_seeds": [loss(run(home, "train", key, *songs, *start, "--seed", seed)) for seed in seeds],
        "search_with_other_seeds": [
            loss(run(home, "train", key, *songs, *start, *found, "--seed", seed)) for seed in seeds
        ],
    }  # fmt: skip


def publish(row: dict[str, Any]) -> None:
    """Keep the rows of other approaches; write both files."""
    path = RESULTS / "search.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else {}
    there[row["approach"]] = {**row, "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine()}
    kept = [there[key] for key in sorted(there)]
    path.write_text(json.dumps(dict(zip(sorted(there), kept, strict=True)), indent=1) + "\n", "utf-8")
    (RESULTS / "search.md").write_text("\n".join(text(kept)) + "\n", "utf-8")


def text(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "# Is a search worth its time?",
        "",
        "Written by `.venv/bin/python -m scripts.search_against_preset`. Held-out losses, lower is better. *All the",
        "time*: the preset with as many times its epochs as the search took times its first trial, without early",
        "stopping. A search chooses the lowest of many losses, so part of its gain is chance: *other seeds* trains the",
        "preset and the settings that were found again, each with the same other seeds.",
        "",
        "| approach | preset | all the time | search | trials (stopped early) | minutes | preset, other seeds "
        "| search, other seeds | changed |",
        "|---|---:|---:|---:|---:|---:|---|---|---|",
    ]
    for row in rows:
        losses = [f"{row[name]:.4g}" for name in ("preset", "preset_with_all_the_time", "search")]
        seeds = [
            ", ".join(f"{value:.4g}" for value in row[f"{name}_with_other_seeds"]) for name in ("preset", "search")
        ]
        trials = f"{row['trials']} ({row['stopped_early']})"
        changed = ", ".join(f"{name} {value}" for name, value in row["changed"].items()) or "nothing"
        cells = [row["approach"], *losses, trials, f"{row['seconds'] / 60:.1f}", *seeds, changed]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *(f"- {row['approach']}: {row['measured']}, {row['machine']}" for row in rows)]


def loss(run_document: dict[str, Any]) -> float:
    """The lowest held-out loss of a training."""
    return float(run_document["best"]["val_loss"])


def run(home: Path, *words: str) -> Any:
    """The JSON document of one command."""
    environment = {**os.environ, "MUSICGEN_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "musicgen", *words, "--json"], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
