"""Measures how often real pieces are blamed and how many bad ones are named; writes benchmarks/verdicts.*.

    .venv/bin/python -m scripts.verdicts [--only notes|sounds] [--set tune|measure] [--songs 8] [--rules]

With --rules, notes are judged by their metrics alone, in minutes: copies are neither made nor looked for. The limits
were set on every second piece (`--set tune`) and are measured on the others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from musicgen.benchmarks import bad_pieces, bad_sounds
from musicgen.benchmarks.judged_material import note_material, sound_material
from musicgen.benchmarks.judged_pieces import NUM_SONGS, RulesOnly, Tally, tallies
from musicgen.benchmarks.table import RESULTS, machine
from musicgen.evaluation.degeneracy import COPIED
from musicgen.evaluation.knowledge import Knowledge

KINDS = {"notes": "notes", "sounds": "sound"}
RULES_ONLY = "Judged by the rules on metrics alone: copies were neither made nor looked for."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=tuple(KINDS))
    parser.add_argument("--set", choices=("tune", "measure"), default="measure")
    parser.add_argument("--songs", type=int, default=NUM_SONGS, help="training songs of each piece")
    parser.add_argument("--pieces", type=int, default=40, help="most pieces of a collection")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--rules", action="store_true", help="notes by their metrics alone")
    options = parser.parse_args()
    for kind in KINDS if options.only is None else (options.only,):
        began = time.monotonic()
        found = measure(kind, options)
        row = {
            "tallies": {name: tally.to_json() for name, tally in found.items()},
            "seconds": round(time.monotonic() - began), "seed": options.seed, "songs": options.songs,
            **({"note": RULES_ONLY} if options.rules and kind == "notes" else {}),
        }  # fmt: skip
        print("\n".join(lines_of(kind, row)))
        if options.set == "measure":
            publish(kind, row)


def measure(kind: str, options: argparse.Namespace) -> dict[str, Tally]:
    """All pieces of one kind of the chosen half, judged."""
    first = 1 if options.set == "tune" else 0
    material = note_material if kind == "notes" else sound_material
    bad: Any = bad_pieces if kind == "notes" else bad_sounds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICGEN_HOME"] = str(Path(folder) / "home")
        pieces = list(material(first, options.pieces))
        makers, judge_of = bad.MAKERS, Knowledge
        if options.rules and kind == "notes":
            makers = {name: make for name, make in makers.items() if bad.EXPECTED[name] != (COPIED,)}
            judge_of = RulesOnly
        return tallies(
            pieces, makers, bad.EXPECTED, Path(folder), num_songs=options.songs, seed=options.seed, judge_of=judge_of,
            progress=Progress(),
        )  # fmt: skip


class Progress:
    """Says on stderr how many pieces are judged, and how long the others may take."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        seconds = time.monotonic() - self._began
        left = seconds / done * (total - done)
        print(f"{done} of {total} pieces in {seconds:.0f} s, about {left:.0f} s left", file=sys.stderr, flush=True)


def publish(kind: str, row: dict[str, Any]) -> None:
    """Keep the row of the other kind; write both files."""
    path = RESULTS / "verdicts.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else {}
    there[kind] = {**row, "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine()}
    path.write_text(json.dumps(there, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (RESULTS / "verdicts.md").write_text("\n".join(text(there)) + "\n", "utf-8")


def text(rows: dict[str, Any]) -> Iterator[str]:
    yield from (
        "# Can the verdicts be trusted?",
        "",
        "Written by `.venv/bin/python -m scripts.verdicts`. Real pieces of the music21 corpus (and, as sound, rendered",
        "ones and some that this program composes) are judged as outputs are, each with other pieces of its collection",
        "as the training songs. A real piece with any verdict is a false alarm. From each, one bad piece of every kind",
        "is made; *named* counts those with any verdict, *for what it is* those with the verdict that says what is",
        "wrong. What is copied is looked for in real pieces and in copies. Limits were set on other pieces than these.",
    )
    for kind in KINDS:
        if kind in rows:
            yield from ("", *lines_of(kind, rows[kind]))
            row = rows[kind]
            yield from (
                "",
                *([row["note"]] if "note" in row else []),
                f"Measured {row['measured']} in {row['seconds']} s: {row['machine']}",
            )


def lines_of(kind: str, row: dict[str, Any]) -> Iterator[str]:
    found = row["tallies"]
    real, bad = found["real"], {name: tally for name, tally in found.items() if name != "real" and tally["num_pieces"]}
    yield f"## {KINDS[kind].capitalize()}: {real['num_pieces']} pieces, each beside {row['songs']} songs"
    yield ""
    yield f"False alarms: {real['named']} of {real['num_pieces']} ({_share(real['named'], real['num_pieces'])})."
    yield from (f"- {each}" for each in real["noted"])
    yield ""
    yield "| bad pieces | made | named | for what it is | verdicts |"
    yield "|---|---:|---:|---:|---|"
    for name, tally in bad.items():
        yield _line(name, [tally], ", ".join(f"{code} {number}" for code, number in tally["codes"].items()))
    yield _line("**all**", list(bad.values()), "")


def _line(name: str, found: Sequence[dict[str, Any]], codes: str) -> str:
    number, named, right = (sum(each[key] for each in found) for key in ("num_pieces", "named", "right"))
    return f"| {name} | {number} | {_share(named, number)} | {_share(right, number)} | {codes} |"


def _share(count: int, of: int) -> str:
    return f"{count / max(of, 1):.1%}"


if __name__ == "__main__":
    main()
