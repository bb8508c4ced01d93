"""Measures how well planted copies are found in pieces of the music21 corpus; writes benchmarks/originality.*.

    .venv/bin/python -m scripts.originality [--pairs 200] [--only notes|sounds] [--set tune|measure]

The limits were set on every second piece (`--set tune`) and are measured on the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from threadpoolctl import threadpool_limits

from musicgen.benchmarks.finding_copies import Finding, find_notes, find_sounds
from musicgen.benchmarks.planted_copies import names_of_pieces, pieces
from musicgen.benchmarks.table import RESULTS, machine

SOUND_BEATS = 400.0
MIN_SOUND_SECONDS = 105.0
TOLD_EVERY = 10  # pairs: so that a measurement that is stopped has told something
KINDS = {
    "notes": "12 notes of one voice (symbolic)",
    "sounds": "5 % of a piece (sound)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--only", choices=tuple(KINDS))
    parser.add_argument("--set", choices=("tune", "measure"), default="measure")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    for kind in KINDS if options.only is None else (options.only,):
        began = time.process_time()
        with threadpool_limits(1):  # as in the product's processes: the matrices are too small for two
            finding = measure(kind, options.set, options.pairs, options.seed)
        row = {**finding.to_json(), "cpu_seconds": round(time.process_time() - began), "seed": options.seed}
        print(kind, json.dumps(row))
        if options.set == "measure":
            publish(kind, row)


def measure(kind: str, part: str, num_pairs: int, seed: int) -> Finding:
    """One kind of copy, on every second piece."""
    first = 1 if part == "tune" else 0

    def tell(so_far: Finding) -> None:
        if so_far.num_pairs % TOLD_EVERY == 0:
            print(json.dumps(so_far.to_json()), file=sys.stderr, flush=True)

    if kind == "notes":
        return find_notes(list(pieces(names_of_pieces()[first::2])), num_pairs, seed, tell)
    long = pieces(names_of_pieces(long_only=True)[first::2], beats=SOUND_BEATS)
    return find_sounds([each for each in long if each.score.seconds >= MIN_SOUND_SECONDS], num_pairs, seed, tell=tell)


def publish(kind: str, row: dict[str, Any]) -> None:
    """Keep the row of the other kind; write both files."""
    path = RESULTS / "originality.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else {}
    there[kind] = {**row, "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine()}
    path.write_text(json.dumps(there, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (RESULTS / "originality.md").write_text("\n".join(text(there)) + "\n", "utf-8")


def text(rows: dict[str, Any]) -> list[str]:
    lines = [
        "# Are copies found?",
        "",
        "Written by `.venv/bin/python -m scripts.originality`. A copy is planted in another piece: moved by up to five",
        "semitones, up to 10 % faster or slower, with one note in eight changed. It counts as found if a passage lies",
        "where it was planted (they share more than half of what they cover together), and as placed if that passage",
        "begins and ends within one beat of it. A false alarm is a pair of different pieces, nothing planted, in which",
        "any passage is found; half of the pairs are from one collection (chorales, dances, masses, madrigals,",
        "quartets). The pieces come from the corpus of music21; the limits were set on other pieces than these.",
        "",
        "| copy | pieces | pairs | found | placed to one beat | false alarms | within one collection |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, title in KINDS.items():
        if kind in rows:
            row = rows[kind]
            shares = [row[name] / row["num_pairs"] for name in ("found", "placed", "false_alarms")]
            cells = [title, row["num_pieces"], row["num_pairs"], *(f"{share:.1%}" for share in shares)]
            cells.append(f"{row['alike_alarms'] / max(row['alike_pairs'], 1):.1%}")
            lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    measured = [
        f"- {KINDS[kind]}: {row['measured']}, {row['cpu_seconds']} CPU s, {row['machine']}"
        for kind, row in rows.items()
    ]
    return [*lines, "", *measured]


if __name__ == "__main__":
    main()
