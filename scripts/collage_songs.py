"""Collage on three produced songs of our own, beside the other networks for sound; writes benchmarks/collage.*.

    .venv/bin/python -m scripts.collage_songs [--seconds 180] [--only band|synth|rubato] [--minutes 8]

Each song is added, and collage learns from it and plays, by the commands that a user has, in a library of its own; the
seconds are those of `train --generate`, with everything in it. The other networks learn from it for so many minutes at
most. What a listener would notice in the pieces is then compared with the song: how far is the mean of the pieces from
that of stretches of the song that are as long?
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.audio.wav import read_wav, wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.listening import features
from musicgen.benchmarks.table import RESULTS, machine
from scripts.quality import wait_for_training
from tests.makers_produced import Produced, band_song, rubato_song, synth_song
from tests.measures_produced import chroma_likeness, flux_around, measured, tempo_near

SONGS = {"band": band_song, "synth": synth_song, "rubato": rubato_song}
ABOUT = {
    "band": "drums, bass, pads and a lead like a voice, 118 BPM",
    "synth": "bass, pads and an arpeggio, 87 BPM",
    "rubato": "a piano whose tempo wanders by a third",
}
RIVALS = ("spectral_lstm", "audio_wavenet")
COUNT = 4  # pieces of each approach
WITHIN = 0.25  # of the spread of the song's own stretches: a smaller difference is none


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(SONGS))
    parser.add_argument("--seconds", type=float, default=180.0, help="length of each song")
    parser.add_argument("--minutes", type=float, default=8.0, help="longest training of the others")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICGEN_HOME"] = str(Path(folder) / "others")
        for name in SONGS if asked.only is None else (asked.only,):
            (Path(folder) / name).mkdir()
            row = measure(SONGS[name](seconds=asked.seconds), Path(folder) / name, asked.minutes)
            print(json.dumps({name: row}), flush=True)
            publish(name, row | {"seconds_of_song": asked.seconds, "minutes": asked.minutes})


def measure(produced: Produced, folder: Path, minutes: float) -> dict[str, Any]:
    """One song: what each approach makes of it, beside the song itself."""
    path = folder / "song.wav"
    path.write_bytes(wav_bytes(produced.sound))
    row: dict[str, Any] = {"approaches": {}, "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine()}
    began = time.monotonic()
    made = {"collage": by_command("collage", path, folder / "home")}
    row["approaches"]["collage"] = {"seconds": round(time.monotonic() - began, 1)}
    for key in RIVALS:
        made[key], row["approaches"][key] = by_queue(key, path, minutes)
    for key, pieces in made.items():
        row["approaches"][key] |= beside(produced.sound, [sound for sound, _ in pieces])
    row |= joints(produced, made["collage"]) | tempo(produced, made["collage"])
    own = row["approaches"]["collage"]["away"]
    for key in RIVALS:
        theirs = row["approaches"][key]["away"]
        row["approaches"][key]["nearer"] = sorted(what for what in own if own[what] > max(theirs[what], WITHIN))
    return row


def beside(song: Waveform, pieces: Sequence[Waveform]) -> dict[str, Any]:
    """{song, means, away}: the features of stretches of the song that are as long as the pieces, of the pieces, and how
    far apart they are in units of the spread of the stretches."""
    stretches = [described(each) for each in cut(song, float(np.median([piece.seconds for piece in pieces])))]
    own = [described(each) for each in pieces]
    names = list(own[0])
    known = {what: np.array([each[what] for each in stretches]) for what in names}
    means = {what: float(np.mean([each[what] for each in own])) for what in names}
    away = {what: abs(means[what] - known[what].mean()) / max(known[what].std(), 1e-9) for what in names}
    away["chroma"] = 1.0 - float(np.mean([chroma_likeness(song, each) for each in pieces]))
    songs = {what: float(values.mean()) for what, values in known.items()}
    return {"song": rounded(songs), "means": rounded(means), "away": rounded(away)}


Piece = tuple[Waveform, dict[str, Any]]  # and its sidecar


def by_command(key: str, path: Path, home: Path) -> list[Piece]:
    """The pieces that the commands make."""
    environment = os.environ | {"MUSICGEN_HOME": str(home)}
    program = [sys.executable, "-m", "musicgen"]
    subprocess.run([*program, "songs", "add", str(path)], env=environment, check=True, capture_output=True)
    asked = [*program, "train", key, "--all-songs", "--preset", "quick", "--generate", str(COUNT), "--json"]
    found = json.loads(subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout)
    return [read_output(home / "outputs" / each) for each in found["outputs"]]


def by_queue(key: str, path: Path, minutes: float) -> tuple[list[Piece], dict[str, Any]]:
    """(the pieces, {epochs}) of a training that is stopped after so many minutes, which keeps what it learned."""
    from musicgen.approaches import approach
    from musicgen.runs import api
    from musicgen.songs.intake import Upload, add_uploads

    preset = approach(key).presets["quick"]
    songs = [api.SongChoice(file.id) for file in add_uploads([Upload(path.parent.name + ".wav", path)]).files]
    run_id = api.submit_training(key, songs, preset.training, preset="quick", seed=0)
    run = wait_for_training(run_id, 60 * minutes)
    task_id = api.submit_generation(run_id, dict(preset.generation), count=COUNT, seed=0)
    while api.get_task(task_id).is_active:
        time.sleep(0.5)
    made = [read_output(output.clip.folder) for output in api.list_outputs(task_id=task_id)]
    return made, {"epochs": len(run.history)}


def read_output(folder: Path) -> Piece:
    return read_wav(folder / "audio.wav"), json.loads((folder / "sidecar.json").read_text("utf-8"))


def cut(sound: Waveform, seconds: float) -> Iterator[Waveform]:
    size = round(seconds * sound.sample_rate)
    for start in range(0, sound.n_samples - size + 1, size):
        yield sound.between(start, start + size)


def described(sound: Waveform) -> dict[str, float]:
    """What a listener notices, and how it moves: level, chroma and beat."""
    moving = ("rms_step_db", "rms_range_db", "beat_strength", "chroma_step")
    return features(sound) | {name: value for name, value in measured(sound).items() if name in moving}


def joints(produced: Produced, pieces: Sequence[Piece]) -> dict[str, Any]:
    """How much the spectrum rises at the joints, beside the 95th percentile of the song's own attacks."""
    seconds = produced.sound.seconds
    at = produced.beats[(produced.beats > 1.0) & (produced.beats < seconds - 2.0)]
    limit = float(np.percentile(flux_around(produced.sound, at), 95))
    found, before = [], []
    for sound, sidecar in pieces:
        times = np.array(sidecar["facts"]["joint_seconds"])
        times = times[times < sound.seconds - 0.1]
        found.append(flux_around(sound, times))
        before.append(flux_around(sound, times, 0.03, -0.008))
    rises, fades = np.concatenate(found), np.concatenate(before)
    longest = max(sidecar["facts"]["longest_stretch_beats"] for _, sidecar in pieces)
    return {
        "joints": int(rises.size), "joints_below": round(float(np.mean(rises <= limit)), 3),
        "highest_joint": round(float(rises.max() / limit), 3), "highest_before": round(float(fades.max() / limit), 3),
        "longest_beats": longest,
    }  # fmt: skip


def tempo(produced: Produced, pieces: Sequence[Piece]) -> dict[str, Any]:
    if not produced.tempo:
        return {"tempo_off": None, "cut_at": sorted({sidecar["facts"]["cut_at"] for _, sidecar in pieces})}
    found = [tempo_near(sound, produced.tempo) / produced.tempo - 1 for sound, _ in pieces]
    return {"tempo_off": round(max(map(abs, found)), 4), "cut_at": ["beats"]}


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in values.items()}


def publish(name: str, row: dict[str, Any]) -> None:
    """Keep the other rows; write both files."""
    path = RESULTS / "collage.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else {}
    there[name] = row
    path.write_text(json.dumps(there, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (RESULTS / "collage.md").write_text("\n".join(text(there)) + "\n", "utf-8")


def text(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield from (
        "# Collage on three produced songs",
        "",
        "Written by `.venv/bin/python -m scripts.collage_songs`. Songs that our own scripts compose and synthesise.",
        f"*Seconds*: from the command `train collage --generate {COUNT}` to the last piece, everything included.",
        "*Joints*: the share at which the spectrum rises at most as much as at 95 % of the song's own beats, and the",
        "highest one in units of that. *Tempo*: how far the worst piece is off.",
        "",
        "| song | length | seconds | joints | below | highest | longest stretch | tempo |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    )
    for name, row in rows.items():
        off = "free, cut at " + ", ".join(row["cut_at"]) if row["tempo_off"] is None else f"{row['tempo_off']:.2%}"
        yield (
            f"| {name}: {ABOUT[name]} | {row['seconds_of_song']:.0f} s | {row['approaches']['collage']['seconds']} | "
            f"{row['joints']} | {row['joints_below']:.0%} | {row['highest_joint']} | {row['longest_beats']:g} beats | "
            f"{off} |"
        )
    yield from (
        "",
        "How far the pieces are from the song, in units of the spread of the song's own stretches of that length",
        f"(chroma: 1 − correlation). Differences below {WITHIN} count as none. Preset *quick*; the others learn for",
        f"{next(iter(rows.values()))['minutes']:g} minutes at most.",
        "",
    )
    first = next(iter(rows.values()))
    names = list(first["approaches"]["collage"]["away"])
    yield "| song | approach | " + " | ".join(each.replace("_", " ") for each in names) + " | nearer than collage in |"
    yield "|---|---|" + "---:|" * len(names) + "---|"
    for name, row in rows.items():
        for key, found in row["approaches"].items():
            away = " | ".join(f"{found['away'][what]:.2f}" for what in names)
            nearer = "" if key == "collage" else ", ".join(found["nearer"]).replace("_", " ") or "nothing"
            yield f"| {name} | {key} | {away} | {nearer} |"
    yield from ("", f"Measured {first['measured']}: {first['machine']}")


if __name__ == "__main__":
    main()
