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

from musicgen.audio.resampling import resample
from musicgen.audio.wav import read_wav, wav_bytes
from musicgen.audio.waveform import Waveform
from musicgen.benchmarks.listening import SAMPLE_RATE, features
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
COUNT = 12  # pieces of each approach: with four, one feature in ten was far from the song by chance
# Of the spread of the song's own stretches: the mean of so many of these is as far from that of the song in one of
# twenty draws, so what is nearer cannot be told from the song.
SAME = 2 / COUNT**0.5
SAME_CHROMA = 0.1  # of a correlation


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
    made = {}
    made["collage"], row["approaches"]["collage"] = by_command("collage", path, folder / "home")
    for key in RIVALS:
        made[key], row["approaches"][key] = by_queue(key, path, minutes)
    seconds = min(sound.seconds for pieces in made.values() for sound, _ in pieces)
    stretches = [described(each) for each in cut(produced.sound, seconds)]
    row["song"] = {what: round(float(np.mean([each[what] for each in stretches])), 3) for what in stretches[0]}
    for key, pieces in made.items():
        own = [described(each) for sound, _ in pieces for each in cut(sound, seconds)]
        away = {what: apart([each[what] for each in own], [each[what] for each in stretches]) for what in row["song"]}
        likeness = float(np.mean([chroma_likeness(produced.sound, sound) for sound, _ in pieces]))
        row["approaches"][key] |= {
            "means": {what: round(float(np.mean([each[what] for each in own])), 3) for what in row["song"]},
            "away": away, "chroma_likeness": round(likeness, 3),
        }  # fmt: skip
    row |= {
        "seconds_compared": round(seconds, 2),
        **joints(produced, made["collage"]),
        **tempo(produced, made["collage"]),
    }
    return row


def apart(own: Sequence[float], songs: Sequence[float]) -> float:
    """How far the mean of the pieces is from that of the song's stretches, in units of the spread of these."""
    return round(abs(float(np.mean(own)) - float(np.mean(songs))) / max(float(np.std(songs)), 1e-3), 3)


Piece = tuple[Waveform, dict[str, Any]]  # and its sidecar


def by_command(key: str, path: Path, home: Path) -> tuple[list[Piece], dict[str, Any]]:
    """(the pieces that the commands make, {seconds} of the command that trains and generates)."""
    environment = os.environ | {"MUSICGEN_HOME": str(home)}
    program = [sys.executable, "-m", "musicgen"]
    subprocess.run([*program, "songs", "add", str(path)], env=environment, check=True, capture_output=True)
    asked = [*program, "train", key, "--all-songs", "--preset", "quick", "--generate", str(COUNT), "--json"]
    began = time.monotonic()
    found = json.loads(subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout)
    seconds = round(time.monotonic() - began, 1)
    return [read_output(home / "outputs" / each) for each in found["outputs"]], {"seconds": seconds}


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
    """What a listener notices, and how it moves: level, harmony and beat."""
    heard = resample(sound, SAMPLE_RATE)
    moving = ("rms_step_db", "rms_range_db", "beat_strength", "chroma_step")
    return features(heard) | {name: value for name, value in measured(heard).items() if name in moving}


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
        "Written by `.venv/bin/python -m scripts.collage_songs`. Songs that our own scripts compose and synthesise;",
        f"preset *quick*. *Seconds*: of the command `train collage --generate {COUNT}`, from its start to the last",
        "piece. *Joints*: the share at which the spectrum rises at most as much as at 95 % of the song's own beats,",
        "and the highest one in units of that. *Tempo*: how far the worst piece is off.",
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
    first = next(iter(rows.values()))
    yield from (
        "",
        f"How far the pieces are from the song, both cut to {first['seconds_compared']:g} s, in units of the spread of",
        f"the song's own stretches: what is below {SAME:.2f} cannot be told from the song. *Chroma*: correlation of",
        f"the tones of a piece with those of the song; {SAME_CHROMA} less counts as none. The others learn for",
        f"{first['minutes']:g} minutes at most.",
        "",
    )
    names = list(first["approaches"]["collage"]["away"])
    columns = " | ".join(each.replace("_", " ") for each in names)
    yield f"| song | approach | {columns} | chroma | nearer than collage in |"
    yield "|---|---|" + "---:|" * (len(names) + 1) + "---|"
    for name, row in rows.items():
        for key, found in row["approaches"].items():
            away = " | ".join(f"{found['away'][what]:.2f}" for what in names)
            nearer = "" if key == "collage" else ", ".join(nearer_than(row["approaches"], key)) or "nothing"
            learned = f" ({found['epochs']} epochs)" if "epochs" in found else ""
            yield f"| {name} | {key}{learned} | {away} | {found['chroma_likeness']:.2f} | {nearer} |"
    yield ""
    yield from (f"Measured {row['measured']} ({name}): {row['machine']}" for name, row in rows.items())


def nearer_than(approaches: dict[str, dict[str, Any]], key: str) -> Iterator[str]:
    """The features in which an approach is nearer to the song than collage, if that cannot be chance."""
    own, theirs = approaches["collage"], approaches[key]
    for what, value in own["away"].items():
        if value > max(theirs["away"][what], SAME):
            yield what.replace("_", " ")
    if own["chroma_likeness"] < theirs["chroma_likeness"] - SAME_CHROMA:
        yield "chroma"


if __name__ == "__main__":
    main()
