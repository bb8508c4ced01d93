"""Trains both note approaches on ten quartets, from nothing and from their starters; writes benchmarks/quartets.*.

    .venv/bin/python -m scripts.quartets [--only note_lstm|note_wavenet] [--count 24]

Ten movements of the music21 corpus with four instruments, half an hour of music, none of them known to a starter. For
each training with the preset `quick`: the held-out loss beside its floors, and what a listener would notice in the
outputs, as percentiles among other quartets (`musicgen.benchmarks.listening`).
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from musicgen.approaches import approach as find_approach
from musicgen.benchmarks.listening import distance, features, percentiles, share_inside
from musicgen.benchmarks.table import RESULTS, machine
from musicgen.contract.made import Order
from musicgen.contract.parameters import read_parameters
from musicgen.evaluation import midi
from musicgen.evaluation.degeneracy import learned_from, verdicts
from musicgen.evaluation.manners import manners_of
from musicgen.runs.starting import TRAIN_FROM, carried_over, of_starter, start_pace
from musicgen.songs.sample_pieces import QUARTET
from musicgen.starters.card import FOLDER
from musicgen.symbolic.corpus import corpus_score
from musicgen.symbolic.score import Score, opening
from scripts.starters import SEED, BestLoss, songs_of

LEARNED = (
    *(f"haydn/opus1no1/movement{number}" for number in range(1, 6)),
    *(f"schumann_robert/opus41no1/movement{number}" for number in (2, 4, 5)),
    *(f"beethoven/opus59no3/movement{number}" for number in (2, 3)),
)
OTHERS = (
    *(f"haydn/opus74no1/movement{number}" for number in range(1, 5)),
    *("mozart/k155/movement1", "mozart/k155/movement2", "mozart/k156/movement1", "mozart/k458/movement1"),
    *("mozart/k458/movement3", "mozart/k80/movement1", "mozart/k80/movement3", "beethoven/opus18no1/movement1"),
    *("beethoven/opus18no1/movement3", "beethoven/opus59no1/movement3"),
    *("schumann_robert/opus41no1/movement1", "schumann_robert/opus41no1/movement3"),
)
APPROACHES = ("note_lstm", "note_wavenet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=APPROACHES)
    parser.add_argument("--count", type=int, default=24, help="outputs of each training")
    asked = parser.parse_args()
    scores, others = _scores(LEARNED), _scores(OTHERS)
    for key in APPROACHES if asked.only is None else (asked.only,):
        for starter in (None, FOLDER / f"{key}.zip"):
            row = measure(key, starter, scores, others, asked.count)
            print(json.dumps(row), flush=True)
            publish(row)


def _scores(names: Sequence[str]) -> list[Score]:
    return [corpus_score(name, tracks=QUARTET, tempo=110.0, velocities=(92, 78, 76, 84)) for name in names]


def measure(
    key: str, starter: Path | None, scores: Sequence[Score], others: Sequence[Score], count: int
) -> dict[str, Any]:
    """One training and its outputs. `starter`: of what it starts from."""
    kind: Any = find_approach(key)
    training = read_parameters(kind.Training, kind.presets["quick"].training)
    songs, began = songs_of(scores), time.monotonic()
    prepared = kind.prepare(songs, training, seed=SEED)
    networks = kind.build(prepared.codec, training, seed=SEED)
    if starter is not None:
        carried_over(of_starter(starter, kind), kind, networks, prepared.codec, training)
        training = start_pace(kind, {TRAIN_FROM: {"starter": key}}, training)
    best = BestLoss()
    kind.fit(networks, prepared, training, seed=SEED, monitor=best)
    seconds = time.monotonic() - began
    generation = read_parameters(kind.Generation, kind.presets["quick"].generation)
    order = Order(generation, list(range(count)), songs, None)
    made = [each.content for each in kind.generate(networks, prepared.codec, training, order)]
    return {
        "approach": key, "start": starter is not None, "seconds": round(seconds), "loss": round(best.loss, 3),
        "floors": {name: round(loss, 3) for name, loss in prepared.floors.items()},
        "minutes_of_music": round(sum(score.seconds for score in scores) / 60, 1), "songs": len(scores),
        "count": count, **heard(made, others), "verdicts": dict(blamed(made, songs, scores)),
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"), "machine": machine(),
    }  # fmt: skip


def heard(made: Sequence[Score], others: Sequence[Score]) -> dict[str, Any]:
    """What a listener would notice, beside openings of the other quartets that are as long."""
    beats = median(float(score.notes["onset_ticks"].max() + 1) / score.ticks_per_beat for score in made)
    held = [features(opening(score, beats)) for score in others]
    own = [features(score) for score in made]
    places = [percentiles(each, held) for each in own]
    return {
        "inside": round(share_inside(own, held), 3),
        "percentiles": {name: round(median(place[name] for place in places)) for name in places[0]},
        **distance(own, held).to_json(),
    }


def blamed(made: Sequence[Score], songs: Sequence[Any], scores: Sequence[Score]) -> Counter[str]:
    """How often each verdict is given; `none` for pieces without."""
    manners = manners_of(songs)
    assert manners is not None  # for the type checker: there are ten
    learned = learned_from([midi.describe(score) for score in scores]) | manners.learned()
    found: Counter[str] = Counter()
    for score in made:
        its = verdicts("midi", midi.describe(score) | manners.metrics(score), learned)
        found.update({verdict.title for verdict in its} or {"none"})
    return found


def publish(row: dict[str, Any]) -> None:
    """Keep the other rows; write both files."""
    path = RESULTS / "quartets.json"
    there = json.loads(path.read_text("utf-8")) if path.exists() else {}
    there[f"{row['approach']}, {'starter' if row['start'] else 'nothing'}"] = row
    path.write_text(json.dumps(there, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (RESULTS / "quartets.md").write_text("\n".join(text(there)) + "\n", "utf-8")


def text(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    first = next(iter(rows.values()))
    yield from (
        "# Ten quartets",
        "",
        f"Written by `.venv/bin/python -m scripts.quartets`. {first['songs']} movements for four instruments from the",
        f"music21 corpus ({first['minutes_of_music']} minutes), preset *quick*, from nothing and from the starter,",
        "which does not know them. Losses are in nats per note, on held-out music. *Inside*: the share of what a",
        "listener would notice that lies between the 5th and the 95th percentile of other quartets.",
        "",
        "| approach | start | trained in | held-out loss | bigram floor | inside | without a verdict |",
        "|---|---|---:|---:|---:|---:|---:|",
    )
    for row in rows.values():
        fine = row["verdicts"].get("none", 0)
        yield (
            f"| {row['approach']} | {'starter' if row['start'] else 'nothing'} | {row['seconds']} s | {row['loss']} | "
            f"{row['floors']['bigram']} | {row['inside']:.0%} | {fine} of {row['count']} |"
        )
    yield from ("", "Median percentiles among the other quartets:", "")
    names = list(first["percentiles"])
    yield "| approach | start | " + " | ".join(names) + " |"
    yield "|---|---|" + "---:|" * len(names)
    for row in rows.values():
        places = " | ".join(str(row["percentiles"][name]) for name in names)
        yield f"| {row['approach']} | {'starter' if row['start'] else 'nothing'} | {places} |"
    yield from ("", f"Measured {first['measured']}: {first['machine']}")


if __name__ == "__main__":
    main()
