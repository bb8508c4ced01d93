"""The card of a run: where its music comes from, what may be done with it, how good it is, how much of it is new.

    card_rows(run) → [("Sources", "…"), ("Rights", "…"), …]     for pages, reports and the command line
    export_with_card("run-…") → the archive of the run, with the card as Markdown

Light: it reads what is stored and measures nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.approaches import approaches
from musicgen.errors import MusicgenError
from musicgen.evaluation.curves import row_loss, useful_floors
from musicgen.listening.records import list_tests_of_run
from musicgen.listening.results import added_up, confusion_words
from musicgen.runs.starting import start_words
from musicgen.wording import count, span

if TYPE_CHECKING:
    from musicgen.runs.records import Run

UPLOADED = "upload"
NOT_STATED = "not stated"
NAMED = 20  # songs
ROWS = (
    "Approach",
    "Sources",
    "Start",
    "Rights to the songs, as stated by who added them",
    "Rights, as stated by the owner of the run",
    "Loss",
    "Floors",
    "Originality",
    "Confusion rate",
)
LEVELS = {
    "less": "borrows less than its songs do from each other", "as_much": "borrows as much as its songs do",
    "more": "borrows more than its songs do from each other", "copies": "copies",
}  # fmt: skip


def card_rows(run: Run) -> list[tuple[str, str]]:
    """Title and text of each part; the texts are data."""
    known = approaches().get(run.approach)
    preset = run.request.get("preset")
    title = known.title if known else run.approach
    values = (
        f"{title}, preset {preset}" if preset else title,
        sources_words(run.request.get("songs") or ()),
        start_words(run.request, run.prepared.get("facts") or {}) or "New weights.",
        songs_rights_words(run.request.get("songs") or ()),
        run.rights or NOT_STATED,
        _loss_words(run),
        _floors_words(run),
        _originality_words(run.id),
        _confusion_words(run.id),
    )
    return list(zip(ROWS, values, strict=True))


def sources_words(songs: Iterable[Mapping[str, Any]]) -> str:
    """`3 songs: “A”, “B” (added by hand), “C” (not in this library)`: the songs of one source together."""
    chosen, by_source = list(songs), dict[str, list[str]]()
    for song in chosen[:NAMED]:
        by_source.setdefault(source_of(str(song.get("id"))), []).append(f"“{song.get('name') or song.get('id')}”")
    named = [f"{', '.join(names)} ({source})" for source, names in by_source.items()]
    if len(chosen) > NAMED:
        named.append(f"and {len(chosen) - NAMED:,} more")
    return f"{count(len(chosen), 'song')}: {', '.join(named)}" if named else "unknown"


def songs_rights_words(songs: Iterable[Mapping[str, Any]]) -> str:
    """`“A”, “B”: my own. “C”: not stated`: what is stated now, or was when the run began for songs that are gone."""
    from musicgen.songs.library import stated_rights

    chosen, by_words = list(songs), dict[str, list[str]]()
    now_stated = stated_rights([str(song.get("id")) for song in chosen])
    for song in chosen:
        words = now_stated.get(str(song.get("id")), str(song.get("rights") or "")) or NOT_STATED
        by_words.setdefault(words, []).append(f"“{song.get('name') or song.get('id')}”")
    if len(by_words) <= 1:
        return next(iter(by_words), NOT_STATED)
    said = []
    for words, names in by_words.items():
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        said.append(f"{', '.join(names[:NAMED])}{more}: {words.rstrip('.')}.")
    return "\n".join(said)


def source_of(song_id: str) -> str:
    """Where a song comes from, in words."""
    from musicgen.songs.library import get_song

    with suppress(MusicgenError):
        source = get_song(song_id).source
        return "a file that was added by hand" if source == UPLOADED else source
    return "not in this library"


def card_markdown(run: Run) -> str:
    """The card as a text file for the archive."""
    from musicgen.runs.archiving_outputs import outputs_to_archive

    made, left_out = outputs_to_archive(run.id)
    outputs = f"{count(len(made), 'output')} in this archive"
    outputs += f"; {left_out:,} more left out" if left_out else ""
    rows = [*card_rows(run), ("Training time", span(run.seconds) if run.seconds else "unknown"), ("Outputs", outputs)]
    lines = [f"# {run.name}", "", "A network trained with musicgen. `runs import` reads this archive.", ""]
    for title, text in rows:
        lines += [f"## {title}", "", text, ""]
    return "\n".join(lines)


def export_with_card(run_id: str) -> Path:
    """The archive of a run with its outputs, its blind tests and its card. Raises as `export_run`."""
    from musicgen.runs.archives import export_run
    from musicgen.runs.records import get_run

    return export_run(run_id, card=card_markdown(get_run(run_id)))


def _loss_words(run: Run) -> str:
    best = next((row for row in run.history if row["epoch"] == run.best_epoch), None)
    loss = row_loss(best) if best else None
    if best is None or loss is None:
        return "none yet"
    kind = "validation" if best.get("val_loss") is not None else "training"
    return f"Best {kind} loss: {loss:.4g} in epoch {best['epoch']} of {len(run.history)}."


def _floors_words(run: Run) -> str:
    """The losses that need no network, and how many of them the network is below."""
    floors = useful_floors(run.prepared.get("floors") or {})
    if not floors:
        return "none"
    best = next((row for row in run.history if row["epoch"] == run.best_epoch), None)
    loss = row_loss(best) if best else None
    said = ", ".join(f"{name.replace('_', ' ')} {level:.4g}" for name, level in floors.items())
    if loss is None:
        return f"{said}."
    below = sum(loss < level for level in floors.values())
    return f"{said}. The network is below {below} of {len(floors)}."


def _originality_words(run_id: str) -> str:
    """How much the outputs that were compared share with their training songs."""
    from musicgen.runs.records import each_output

    found = [output.sidecar.get("originality") or {} for output in each_output(run_id=run_id)]
    shares = [float(each["share"]) for each in found if each.get("share") is not None]
    if not shares:
        return "No output has been compared with its songs."
    low, high = min(shares), max(shares)
    between = f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}"
    levels = Counter(each["level"] for each in found if each.get("level") in LEVELS)
    said = [f"{number:,} {LEVELS[level]}" for level, number in levels.items()]
    text = f"Of {count(len(shares), 'output')}, {between} of the time also occurs in a training song"
    return f"{text}: {', '.join(said)}." if said else f"{text}."


def _confusion_words(run_id: str) -> str:
    chance = added_up(list_tests_of_run(run_id))
    return f"{confusion_words(chance)}." if chance else "No blind test is finished."
