"""Spoils a thousand good files at random places, gives them to the program, and counts what it keeps: `make spoil`.

    python -m scripts.spoil_songs [--count N] [--seed N] [--folder FOLDER]

The good files are pieces of the music21 corpus and of our own composers, and sound in every format that is read. Each
kind of fault in `tests/makers_spoiled_*.py` is used in turn. The files are added by the command line, as a person
would, and what is in the library is compared with what independent readers find: mido, which forgives large data
bytes, and FFmpeg. What a fault certainly left of a good MIDI file counts too. Fails below 97 %.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen.settings import settings
from musicgen.symbolic.midi import read_midi
from tests.makers_spoiled_containers import add_good_files, spoiled_sounds
from tests.makers_spoiled_midi import Note
from tests.makers_spoiled_pieces import LOOSE, good_pieces, spoiled_pieces
from tests.makers_spoiled_sound import SECONDS, good_files
from tests.readers_lenient import notes_of_mido, seconds_by_ffmpeg

ROOT = Path(__file__).resolve().parents[1]
LEAST_SHARE = 0.97
MIDI_SHARE = 0.6
DELAY_SECONDS, DELAY_SAMPLES = (
    0.1,
    1_700,
)  # what encoders add at the ends of a part; FFmpeg does not always leave it out
MOST_PARTS = 4
OF_OTHER_PIECES = ("behind_the_end",)  # where mido reads on into what is no music


@dataclass(frozen=True)
class Case:
    """One spoiled file: how it was made, and what must be found in it."""

    path: Path
    fault: str
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0

    @property
    def is_midi(self) -> bool:
        return self.path.suffix == ".mid"


@dataclass(frozen=True)
class Result:
    """`what`: accepted, refused, or incomplete. `reason`: why it was refused, or what is missing."""

    case: Case
    what: str
    reason: str = ""


def make_cases(folder: Path, count: int, seed: int, *, with_corpus: bool = True) -> list[Case]:
    """Write `count` spoiled files."""
    num_midi = round(MIDI_SHARE * count)
    cases = []
    for number, spoiled in enumerate(spoiled_pieces(num_midi, good_pieces(with_corpus=with_corpus), seed)):
        path = folder / f"{number:04}_{spoiled.kind}.mid"
        path.write_bytes(spoiled.content)
        cases.append(Case(path, spoiled.kind, tuple(spoiled.notes)))
    with tempfile.TemporaryDirectory() as place:
        files = good_files(Path(place)) | add_good_files(Path(place), SECONDS)
    for number, (name, fault, content) in enumerate(spoiled_sounds(count - num_midi, files, seed), num_midi):
        path = folder / f"{number:04}_{fault}_{name}"
        path.write_bytes(content)
        found = seconds_by_ffmpeg(path)
        cases.append(Case(path, fault, seconds=min(found, SECONDS) if "page_twice" in fault else found))
    return cases


def add_songs(folder: Path, home: Path) -> dict[str, Any]:
    """The import report of `songs add`, by file name."""
    command = [sys.executable, "-m", "musicgen", "songs", "add", str(folder), "--json"]
    environment = {**os.environ, "MUSICGEN_HOME": str(home)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return {file["path"].rpartition("/")[2]: file for file in json.loads(done.stdout)["files"]}


def judge(case: Case, report: dict[str, Any], home: Path) -> Result:
    """Compare what is in the library with what the readers find in the file."""
    if report["status"] != "accepted":
        is_right = not case.is_midi and case.seconds < settings().min_audio_seconds  # FFmpeg finds nothing either
        return Result(case, "nothing in it" if is_right else "refused", report["reason"])
    missing = _missing_notes(case, report, home) if case.is_midi else _missing_sound(case, report)
    return Result(case, "incomplete" if missing else "accepted", missing)


def _missing_notes(case: Case, report: dict[str, Any], home: Path) -> str:
    """In words; empty if there are none. The channels of a score are its own, so they are not compared."""
    notes = read_midi(home / "songs" / report["id"] / "score.mid").notes
    columns = (notes[name].tolist() for name in ("onset_ticks", "pitch", "velocity"))
    ours = Counter(zip(*columns, strict=True))
    meant = Counter((onset, pitch, velocity) for onset, pitch, _, velocity in case.notes)
    if case.fault in LOOSE:
        lost = _untimed(meant) - _untimed(ours)
        return f"{lost.total()} of {meant.total()} notes" if lost else ""
    if lost := meant - ours:
        return f"{lost.total()} of {meant.total()} notes"
    found = notes_of_mido(case.path.read_bytes()) if case.fault not in OF_OTHER_PIECES else []
    theirs = Counter((onset, pitch, velocity) for onset, pitch, _, velocity in found)
    if not meant - theirs and (lost := theirs - ours):  # else it lost its way: notes that nobody wrote
        return f"{lost.total()} notes that mido finds"
    return ""


def _untimed(notes: Counter[tuple[int, int, int]]) -> Counter[tuple[int, int]]:
    return Counter(note[1:] for note in notes.elements())


def _missing_sound(case: Case, report: dict[str, Any]) -> str:
    seconds = report["kept"]["seconds"]
    rate = 11_025 if "oldest" in case.path.name else 44_100
    slack = max(DELAY_SECONDS, DELAY_SAMPLES / rate) * (MOST_PARTS if "joined" in case.fault else 1)
    return f"{seconds:.2f} s of {case.seconds:.2f} s" if seconds < case.seconds - slack else ""


def show(results: Iterable[Result]) -> float:
    """Print a line for each fault, and each file that fell short. Returns the share that did not."""
    by_fault: dict[str, Counter[str]] = {}
    counts: Counter[str] = Counter()
    short = []
    for result in results:
        by_fault.setdefault(result.case.fault.partition("+")[0], Counter())[result.what] += 1
        counts[result.what] += 1
        if result.what != "accepted":
            short.append(f"{result.what}: {result.case.path.name}: {result.reason}")
    for fault, of_fault in sorted(by_fault.items()):
        print(f"{fault:24} " + ", ".join(f"{count} {what}" for what, count in sorted(of_fault.items())))
    print("\n" + "\n".join(short))
    share = 1 - (counts["refused"] + counts["incomplete"]) / max(counts.total(), 1)
    print(f"\n{counts.total()} files: {dict(counts)}; {share:.1%} with all that was meant.")
    return share


def spoil(count: int, seed: int, folder: Path, *, with_corpus: bool = True) -> list[Result]:
    """Make the files in `folder`, add them to a library there, and judge every one."""
    songs, home = folder / "songs", folder / "home"
    songs.mkdir(parents=True)
    cases = make_cases(songs, count, seed, with_corpus=with_corpus)
    reports = add_songs(songs, home)
    return [judge(case, reports[case.path.name], home) for case in cases]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000, help="files to make")
    parser.add_argument("--seed", type=int, default=9, help="the same seed makes the same files")
    parser.add_argument("--folder", type=Path, help="a new folder that keeps the files and the library")
    known = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musicgen-spoiled-") as place:
        share = show(spoil(known.count, known.seed, known.folder or Path(place)))
    return int(share < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main())
