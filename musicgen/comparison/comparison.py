"""Compares two clips: `comparison` for pages and the command line, `compare_clips` for the child it starts.

    comparison("song-…", "output-…")  →  sides → kept? → child: compare_clips → comparisons/<key>.json

Light to import: the calling process decodes, renders and measures nothing. A result is stored under the hash of
everything that it depends on, so it is never stale and nothing is measured twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.comparison.sides import Side, open_sides
from musicgen.contract.prepared import TrainingSong
from musicgen.evaluation.given import NOTHING, Given
from musicgen.evaluation.judging import song_from_json, song_to_json
from musicgen.evaluation.stretches import Seconds, StretchPlace, Wish
from musicgen.processes import child_main, run_child
from musicgen.settings import home
from musicgen.storage.files import read_json, write_json

if TYPE_CHECKING:
    from musicgen.clips import Clip

MODULE = "musicgen.comparison.comparison"
VERSION = 6  # of the metrics: increase it when the meaning of one changes
SECONDS = 600.0
MEMORY_MB = 6144
KEPT = 2000  # results; the oldest go first
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def comparison(
    reference: str | Path,
    generated: str | Path,
    *,
    reference_stretch: Seconds | None = None,
    generated_stretch: Seconds | None = None,
) -> dict[str, Any]:
    """Compare two pieces in a child process, or return the stored result.

    Args:
        reference, generated: a song id, an output id, or the path of a music file.
        reference_stretch, generated_stretch: (start, stop) in seconds; None: see `choose_stretches`.

    Returns:
        JSON: see `compare_clips`. The training songs of an output are those its run was trained on.

    Raises:
        NotFound: no such id or file. RejectedFile: not a music file. InvalidInput: an impossible excerpt.
        ResourceUnavailable, CorruptArtifact: errors of the child.
    """
    with open_sides(reference, generated) as (one, other):
        wish = Wish(reference_stretch, generated_stretch, (one.place, other.place))
        kept = home() / "comparisons" / f"{_key(one, other, wish)}.json"
        found = _recall(kept)
        if found is None:
            found = _measure(one, other, wish)
            write_json(kept, found)
            _forget_oldest(kept.parent)
    return found


def compare_clips(
    reference: Clip,
    generated: Clip,
    *,
    reference_stretch: Seconds | None = None,
    generated_stretch: Seconds | None = None,
    training_clips: Sequence[Clip | TrainingSong] = (),
    places: tuple[StretchPlace | None, StretchPlace | None] = (None, None),
    given: Given = NOTHING,
) -> dict[str, Any]:
    """Compare two clips. Children only: decodes, renders and computes for seconds.

    Two scores are compared as scores; everything else as sound, with scores rendered.

    Args:
        reference_stretch, generated_stretch: (start, stop) in seconds; None: see `choose_stretches`.
        training_clips: the training songs of the generated clip, the basis for originality and verdicts.
        places: where the clips belong, so that they can be aligned.
        given: what the training songs gave the generated clip on purpose.

    Returns:
        JSON: {medium, stretch: {reference: [start, stop], generated: [start, stop], kind, text}, reference: {metric:
        value}, generated: {metric: value}, between: {metric: value}, verdicts: [about the generated clip]}; with
        training songs also `training`: how much of it comes from which of them, and where; `passages`: of the generated
        clip, that also occur in the reference (see `evaluation.passages`).
    """
    from musicgen.evaluation.comparing import compare_scores, compare_sounds
    from musicgen.evaluation.description import as_training_songs

    wish = Wish(reference_stretch, generated_stretch, places)
    compare = compare_scores if reference.medium == generated.medium == "midi" else compare_sounds
    return compare(reference, generated, wish, as_training_songs(training_clips), given)


def _key(one: Side, other: Side, wish: Wish) -> str:
    """The hash of everything that the result depends on."""
    training = [(learned.sha256, learned.song.name, learned.song.tracks) for learned in other.training]
    parts = {"version": VERSION, "contents": (one.sha256, other.sha256), "wish": asdict(wish), "training": training}
    parts["led_seconds"] = other.given.led_seconds
    if other.given.made_of_songs:
        parts["made_of_songs"] = True
    if other.given.own_tracks:
        parts["own_tracks"] = other.given.own_tracks
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _recall(path: Path) -> dict[str, Any] | None:
    with suppress(ValueError):  # a damaged file is measured again
        return read_json(path)
    return None


def _forget_oldest(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another process tidies at the same moment
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-KEPT]:
            path.unlink()


def _measure(one: Side, other: Side, wish: Wish) -> dict[str, Any]:
    training = [song_to_json(learned.song) for learned in other.training]
    payload = {
        "folders": [str(side.open().folder) for side in (one, other)],
        "wish": asdict(wish),
        "training": training,
        "given": other.given.to_json(),
    }
    return run_child(MODULE, payload, seconds=SECONDS, memory_mb=MEMORY_MB, environment=dict(ONE_THREAD))


def _compare_folders(payload: dict[str, Any]) -> dict[str, Any]:
    """The child's side of `_measure`."""
    from musicgen.clips import Clip

    reference, generated = (Clip(Path(folder)) for folder in payload["folders"])
    wish = payload["wish"]
    songs = [song_from_json(song) for song in payload["training"]]
    one, other = (None if place is None else StretchPlace(**place) for place in wish["places"])
    return compare_clips(
        reference,
        generated,
        reference_stretch=wish["reference"],
        generated_stretch=wish["generated"],
        training_clips=songs,
        places=(one, other),
        given=Given.from_json(payload["given"]),
    )


if __name__ == "__main__":
    child_main(_compare_folders)
