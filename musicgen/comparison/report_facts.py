"""What a report says, from the record: names, settings, songs, the run's curve, command lines. Light: JSON only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import musicgen
from musicgen.approaches import approaches
from musicgen.comparison.run_card import card_rows, source_of
from musicgen.errors import MusicgenError, NotFound
from musicgen.evaluation.curves import shape_words
from musicgen.evaluation.stretches import Seconds
from musicgen.runs.making import settings_rows
from musicgen.wording import command_line, fact_value, span

if TYPE_CHECKING:
    from musicgen.clips import Clip
    from musicgen.runs.records import Output, Run

REPORT = "report.html"

Excerpts = tuple[Seconds | None, Seconds | None]  # of both sides; None: not chosen


def report_facts(
    names: Sequence[str | Path], clips: Sequence[Clip], measured: Mapping[str, Any], excerpts: Excerpts
) -> dict[str, Any]:
    """The facts of a report.

    Args:
        names: ids or paths of both sides. measured: the result of `comparison`. excerpts: those that were asked for.

    Returns:
        JSON: version, made_at, sides [{heading, name, summary}], window (seconds of the common axis), measured,
        made [{heading, name, said, history, floors, best_epoch, tables}], listening and originality
        (sentences), songs (rows), commands.
    """
    outputs = [_output(each) for each in names]
    (start, stop), (other, end) = (measured["stretch"][side] for side in ("reference", "generated"))
    return {
        "version": musicgen.__version__,
        "made_at": _day(time.time()),
        "sides": [
            {"heading": heading, "name": name_of(each), "summary": summary(clip)}
            for heading, each, clip in zip(headings(names), names, clips, strict=True)
        ],
        "window": [start, start + max(stop - start, end - other)],
        "measured": dict(measured),
        "made": [
            _made(heading, output)
            for heading, output in zip(headings(names), outputs, strict=True)
            if output is not None
        ],
        "listening": _listening(outputs),
        "originality": _originality(outputs[1]),
        "songs": _songs(names, [output for output in outputs if output is not None]),
        "commands": _commands(names, outputs, excerpts),
    }


def headings(names: Sequence[str | Path]) -> tuple[str, str]:
    """The titles of the sides. If two outputs are compared, neither is an original."""
    return ("The other output" if str(names[0]).startswith("output-") else "Original", "Generated")


def name_of(name: str | Path) -> str:
    """The name of a song or output, or that of the file."""
    from musicgen.songs.library import get_song
    from musicgen.songs.names import song_name

    if output := _output(name):
        return output.name
    return get_song(str(name)).name if str(name).startswith("song-") else song_name(Path(name).name)


def summary(clip: Clip) -> str:
    """`2 min 5 s, 44.1 kHz` or `48 s, 200 notes`."""
    facts = clip.facts
    parts = [span(clip.seconds)]
    if facts.get("num_notes") is not None:
        parts.append(f"{facts['num_notes']:,} notes")
    elif facts.get("sample_rate"):
        parts.append(f"{facts['sample_rate'] / 1000:g} kHz")
    return ", ".join(parts)


def _output(name: str | Path) -> Output | None:
    from musicgen.runs.records import get_output

    return get_output(name) if isinstance(name, str) and name.startswith("output-") else None


def _day(seconds: float) -> str:
    moment = time.localtime(seconds)
    return f"{moment.tm_mday} {time.strftime('%B %Y', moment)}"


def _run(output: Output) -> Run | None:
    from musicgen.runs.records import get_run

    try:
        return get_run(output.run_id)
    except NotFound:  # deleted since
        return None


def _made(heading: str, output: Output) -> dict[str, Any]:
    run, sidecar = _run(output), output.sidecar
    key = run.approach if run else str((sidecar.get("run") or {}).get("approach"))
    known = approaches().get(key)
    said = [f"Made on {_day(output.created_at)} with {known.title if known else key}."]
    if known:
        said.append(f"{known.summary} {known.reference}")
    if run is not None:
        said += [f"Its training is the run “{run.name}”.", shape_words(run.history, is_active=run.is_active)]
    training = (run.request.get("training") if run else None) or sidecar.get("training") or {}
    return {
        "heading": heading,
        "name": output.name,
        "said": [words for words in said if words],
        "history": [{name: row.get(name) for name in ("epoch", "loss", "val_loss")} for row in run.history]
        if run
        else [],
        "floors": (run.prepared.get("floors") or {}) if run else {},
        "best_epoch": run.best_epoch if run else None,
        "tables": [
            ("Card of the run", card_rows(run) if run is not None else []),
            ("Settings of the generation, and versions", settings_rows(sidecar)),
            ("Settings of the training", _training_rows(training, known, run)),
        ],
    }


def _training_rows(training: Mapping[str, Any], known: Any, run: Run | None) -> list[tuple[str, str]]:
    fields = known.Training.model_fields if known else {}
    rows = [("Approach", known.title)] if known else []
    if run is not None:
        rows += [("Preset", str(run.request.get("preset") or "none")), ("Seed", str(run.request.get("seed") or 0))]
    titled = ((str(fields[name].title or name) if name in fields else name, value) for name, value in training.items())
    return rows + [(title, fact_value(value)) for title, value in titled]


def _listening(outputs: Sequence[Output | None]) -> list[str]:
    """What came out of finished blind tests of these outputs."""
    from musicgen.listening.records import list_tests
    from musicgen.listening.results import confusion_of, finished_abx, score_words, verdict_words

    said = []
    for output in outputs:
        found = confusion_of(output.id) if output is not None else None
        if output is not None and found is not None:
            said.append(f"“{output.name}” in “Which one is real?”: {found['text']}")
    ids = {output.id for output in outputs if output is not None}
    if len(ids) == 2:
        abx = finished_abx(test for test in list_tests(min(ids)) if {test.output_id, test.other_id} == ids)
        said += [f"The two outputs (ABX): {score_words(each)}. {verdict_words(test.kind, each)}" for test, each in abx]
    return said


def _originality(output: Output | None) -> str:
    """What the output borrows from its songs, with the songs as the yardstick; "" for a file or a song."""
    from musicgen.comparison.borrowed import originality

    if output is None:
        return ""
    with suppress(MusicgenError):  # its songs cannot be read: the rest of the report does not need them
        return str((originality(output.id) or {}).get("text") or "")
    return ""


def _songs(names: Sequence[str | Path], outputs: Sequence[Output]) -> list[tuple[str, str, str]]:
    """Rows: name, length, source; the original first, then the songs that the networks learned from."""
    from musicgen.songs.library import get_song

    known: dict[str, str] = {str(name): "" for name in names if str(name).startswith("song-")}
    for output in outputs:
        known |= {str(song["id"]): str(song.get("name") or song["id"]) for song in output.sidecar.get("songs") or ()}
    rows = []
    for song_id, name in known.items():
        try:
            song = get_song(song_id)
            rows.append((song.name, span(song.seconds), source_of(song_id)))
        except MusicgenError:
            rows.append((name, "", "removed since"))
    return rows


def _commands(names: Sequence[str | Path], outputs: Sequence[Output | None], excerpts: Excerpts) -> list[str]:
    """Train, generate, compare: what makes the generated piece and this report again."""
    lines = []
    for output in outputs:
        if output is not None:
            run = _run(output)
            lines += [_train(run)] if run is not None else []
            lines.append(_generate(output))
    shown = [each if isinstance(each, str) else each.name for each in names]
    return [*lines, command_line("compare", *shown, **excerpt_options(excerpts), report=REPORT)]


def excerpt_options(excerpts: Excerpts) -> dict[str, Any]:
    """The excerpts as options of the command `compare`."""
    sides = zip(("original", "generated"), excerpts, strict=True)
    return {f"{side}_excerpt": f"{part[0]:.3f}-{part[1]:.3f}" for side, part in sides if part is not None}


def _train(run: Run) -> str:
    request, known = run.request, approaches().get(run.approach)
    songs = [str(song["id"]) for song in request.get("songs") or ()]
    preset = str(request.get("preset") or "")
    usual: dict[str, Any] = {}
    if known and preset in known.presets:
        usual = known.Training(**known.presets[preset].training).model_dump(mode="json")
    changed = {name: value for name, value in (request.get("training") or {}).items() if usual.get(name) != value}
    tracks = {tuple(song.get("tracks") or ()) for song in request.get("songs") or ()}
    shared = next(iter(tracks)) if len(tracks) == 1 else ()  # the command line gives all songs the same tracks
    return command_line(
        "train", run.approach, *songs, preset=preset, settings=changed, seed=request.get("seed") or None,
        tracks=",".join(map(str, shared)),
    )  # fmt: skip


def _generate(output: Output) -> str:
    sidecar = output.sidecar
    checkpoint = (sidecar.get("checkpoint") or {}).get("epoch")
    return command_line(
        "generate", output.run_id, settings=sidecar.get("generation") or {}, seed=sidecar.get("seed") or None,
        prompt=(sidecar.get("prompt") or {}).get("id"), checkpoint=checkpoint,
    )  # fmt: skip
