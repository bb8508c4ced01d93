"""Makes the starters: weights learned from music in the public domain, one file for each approach on written voices and
notes. Run by `make starters`.

    .venv/bin/python -m scripts.starters [--only note_lstm …] [--minutes 8] [--pieces 0] [--out assets/starters]

The pieces are those of `scripts.starter_pieces`, read from the music21 corpus without what sounds like a sample. Each
approach learns for so many minutes by the clock, with the network of its preset `quick`. Then `quick` is trained twice
on samples, from nothing and from the starter, and the card says what was gained on their held-out part.

`jazz_lstm` has no starter: the corpus has no solos over chords, and its vocabulary is made from those of one song.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from musicgen.approaches import approach as find_approach
from musicgen.benchmarks.timed_training import train_for
from musicgen.contract.monitor import EpochRow, SilentMonitor
from musicgen.contract.parameters import read_parameters
from musicgen.contract.prepared import TrainingSong
from musicgen.errors import NotFound
from musicgen.runs.starting import TRAIN_FROM, carried_over, of_starter, start_pace
from musicgen.songs.sample_pieces import FORTY_CHORALES, HAYDN, TEN_CHORALES, TEN_DANCES, Piece
from musicgen.starters.card import FOLDER, HeldOut, Source, Starter
from musicgen.symbolic.corpus import corpus_score
from musicgen.symbolic.score import Score
from scripts.starter_pieces import GROUPS, Group

SEED = 0
TUNE = 12  # intervals of the upper part in a row that no two tunes share by chance
IN_PARTS = 0.9  # share of the notes of a part that begin alone, if it is a voice
LICENCE = (
    "The music is in the public domain: its composers died before 1926, and the printed collection is from 1883. "
    "The weights have the licence of this program."
)
# Far more music than a preset is made for is not learned by heart, so less is left out at random.
TRAINED_WITH: dict[str, dict[str, Any]] = {
    "note_lstm": {"dropout": 0.2, "max_notes": 0, "validation": "none"},
    "note_wavenet": {"dropout": 0.2, "weight_decay": 0.05, "max_notes": 0, "validation": "none"},
    "voices": {"dropout": 0.1, "validation_share": 0.0},
}
MEASURED: dict[str, dict[str, tuple[Piece, ...]]] = {
    "note_lstm": {"ten Bach chorales": TEN_CHORALES, "ten folk dances": TEN_DANCES},
    "note_wavenet": {"ten Bach chorales": TEN_CHORALES, "ten folk dances": TEN_DANCES},
    "voices": {"ten Bach chorales": TEN_CHORALES, "a Haydn quartet": (HAYDN,)},
}


@dataclass(frozen=True)
class _Clip:
    """What approaches ask of a clip of written music."""

    content: Score
    medium: str = "midi"

    @property
    def seconds(self) -> float:
        return self.content.seconds

    def score(self) -> Score:
        return self.content


@dataclass(frozen=True)
class _Learned:
    """A piece to learn from."""

    source: Source
    score: Score
    of_voices: bool


class BestLoss(SilentMonitor):
    """The lowest held-out loss of a training."""

    loss = float("inf")

    def epoch_ended(self, row: EpochRow, save: Callable[[Path], None]) -> None:
        if row.val_loss is not None:
            self.loss = min(self.loss, row.val_loss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=sorted(MEASURED), default=sorted(MEASURED))
    parser.add_argument("--minutes", type=float, default=8.0, help="of training for each approach")
    parser.add_argument("--pieces", type=int, default=0, help="of each composer at most, for a trial; 0 for all")
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    learned = list(read_pieces(asked.pieces))
    say(pieces=len(learned), notes=sum(each.score.num_notes for each in learned))
    for key in asked.only:
        make(key, learned, asked.minutes, asked.out / f"{key}.zip")


def say(**facts: Any) -> None:
    """One line of JSON."""
    print(json.dumps(facts), flush=True)


def read_pieces(most: int) -> Iterator[_Learned]:
    """The pieces of all groups, at most so many of each, without those that have a tune of a sample."""
    taken = [_tune(_score(piece)) for piece in (*FORTY_CHORALES, *TEN_DANCES, HAYDN)]
    known = set().union(*taken)
    for group in GROUPS:
        left_out = 0
        for name in group.names[: most or None]:
            score = _score_of(name, group)
            if score is None or (group.of_voices and not _in_parts(score)) or _tune(score) & known:
                left_out += 1
                continue
            yield _Learned(Source(title=name, composer=group.composer), score, group.of_voices)
        say(composer=group.composer, left_out=left_out)


def _score_of(name: str, group: Group) -> Score | None:
    try:
        return corpus_score(name, tracks=group.tracks, tempo=group.tempo, velocities=group.velocities)
    except NotFound:
        return None


def _score(piece: Piece) -> Score:
    return corpus_score(piece.name, tracks=piece.tracks, tempo=piece.tempo, velocities=piece.velocities)


def _tune(score: Score) -> set[tuple[int, ...]]:
    """Every TUNE intervals in a row of the upper part: the same in any key."""
    notes = score.notes[score.notes["track"] == 0]
    pitches = [int(pitch) for _, pitch in sorted(zip(notes["onset_ticks"], notes["pitch"], strict=True))]
    steps = [after - before for before, after in pairwise(pitches)]
    return {tuple(steps[first : first + TUNE]) for first in range(len(steps) - TUNE + 1)}


def _in_parts(score: Score) -> bool:
    """Whether every track is there and is a single line: further staves join the last one."""
    for track in range(len(score.tracks)):
        onsets = score.notes["onset_ticks"][score.notes["track"] == track]
        if not onsets.size or len(set(onsets.tolist())) < IN_PARTS * onsets.size:
            return False
    return True


def make(key: str, learned: Sequence[_Learned], minutes: float, path: Path) -> None:
    """Train one starter, write it, measure it, and write it again with what it is worth."""
    from musicgen.starters.weights import write_starter

    used = [each for each in learned if each.of_voices or key != "voices"]
    kind: Any = find_approach(key)
    training = read_parameters(kind.Training, {**kind.presets["quick"].training, **TRAINED_WITH[key]})
    prepared = kind.prepare(songs_of([each.score for each in used]), training, seed=SEED)
    networks = kind.build(prepared.codec, training, seed=SEED)
    train_for(
        60 * minutes, kind, networks, prepared, training, seed=SEED,
        looked_at=lambda passed, epoch: say(approach=key, minutes=round(passed, 2), epoch=epoch),
    )  # fmt: skip
    starter = Starter(
        approach=key, title="Common practice", training=training.model_dump(mode="json"),
        codec=prepared.codec.to_json(), weights=sum(networks.parameters), minutes=minutes,
        sources=tuple(each.source for each in used), licence=LICENCE, held_out=(),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        unmeasured = Path(folder) / path.name
        write_starter(unmeasured, starter, networks)
        held_out = [measure(kind, songs, pieces, unmeasured) for songs, pieces in MEASURED[key].items()]
    write_starter(path, starter.model_copy(update={"held_out": tuple(held_out)}), networks)
    say(approach=key, weights=starter.weights, bytes=path.stat().st_size)


def songs_of(scores: Sequence[Score]) -> list[TrainingSong]:
    """Scores as approaches see them."""
    return [
        TrainingSong(f"song-{number:012x}", f"song {number}", _Clip(score))  # type: ignore[arg-type]
        for number, score in enumerate(scores)
    ]


def measure(kind: Any, songs: str, pieces: Sequence[Piece], path: Path) -> HeldOut:
    """What the starter is worth for the preset `quick` on these pieces."""
    scores = [_score(replace(piece, with_repeats=False)) for piece in pieces]
    from_nothing, prepared = quick_loss(kind, scores)
    from_starter, _ = quick_loss(kind, scores, path)
    found = HeldOut(
        songs=songs, unit=prepared.facts["loss_unit"], from_nothing=round(from_nothing, 4),
        from_starter=round(from_starter, 4), floors={name: round(loss, 4) for name, loss in prepared.floors.items()},
    )  # fmt: skip
    say(approach=kind.key, **found.model_dump())
    return found


def quick_loss(kind: Any, scores: Sequence[Score], path: Path | None = None) -> tuple[float, Any]:
    """(the lowest held-out loss of `quick` on these scores, what was prepared). `path`: of what it starts from."""
    training = read_parameters(kind.Training, kind.presets["quick"].training)
    prepared = kind.prepare(songs_of(scores), training, seed=SEED)
    networks = kind.build(prepared.codec, training, seed=SEED)
    if path is not None:
        found = carried_over(of_starter(path, kind), kind, networks, prepared.codec, training)
        say(approach=kind.key, carried=round(found.share, 3))
        training = start_pace(kind, {TRAIN_FROM: {"starter": kind.key}}, training)
    best = BestLoss()
    kind.fit(networks, prepared, training, seed=SEED, monitor=best)
    return best.loss, prepared


if __name__ == "__main__":
    main()
