"""`search APPROACH PATH|SONG_ID…`: good settings for these songs, found by trying. Waits, with progress on stderr."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from musicgen.cli.bringing import Strict
from musicgen.cli.shown import AsJson, Settings, console, preset_values, print_json, print_table, read_settings
from musicgen.cli.train import choices, library_songs, say_left_out, song_ids
from musicgen.errors import MusicgenError
from musicgen.wording import count, span

POLL_SECONDS = 0.5

Trials = Annotated[int | None, typer.Option(min=1, help="At most this many trials. Default: 30, unless --minutes.")]
Minutes = Annotated[float | None, typer.Option(help="At most this much training. Default: 20, unless --trials.")]


def search(
    approach: Annotated[str, typer.Argument(help="The key of an approach. The command `approaches` lists them.")],
    given: Annotated[
        list[str] | None, typer.Argument(metavar="PATH|SONG_ID...", help="Files, folders or ids of songs.")
    ] = None,
    all_songs: Annotated[bool, typer.Option("--all-songs", help="All songs in the library that it can read.")] = False,
    find: Annotated[str, typer.Option("--search", help="With --all-songs: only names that contain this.")] = "",
    preset: Annotated[str | None, typer.Option(help="The preset that the search starts from, such as quick.")] = None,
    sets: Settings = None,
    trials: Trials = None,
    minutes: Minutes = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of everything random.")] = 0,
    name: Annotated[str, typer.Option(help="A name for the study.")] = "",
    tracks: Annotated[str | None, typer.Option(help="MIDI tracks to learn from, such as 0,2.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, gpu:N or gpu:all")] = "auto",
    by_ear: Annotated[
        bool, typer.Option("--by-ear", help="You compare pieces on the page of the search, or by `studies judge`.")
    ] = False,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Search for good settings. Trial 0 is the preset; each trial is a run and has as much work as the preset.

    A parameter that is given with --set stays as it is. The result is kept as a study: see `studies`."""
    from musicgen.approaches import approach as find_approach
    from musicgen.search import api

    if bool(given) == all_songs:
        raise typer.BadParameter("Give either songs or --all-songs, not both.", param_hint="PATH|SONG_ID...")
    chosen, fixed = find_approach(approach), read_settings(sets)
    values = {**preset_values(chosen, preset, "training"), **fixed}
    ids, left_out = library_songs(chosen, find) if all_songs else song_ids(given or [], is_strict=strict)
    say_left_out(left_out)
    study_id = api.submit_study(
        approach, choices(ids, tracks), values, preset=preset or "", fixed=list(fixed), trials=trials, minutes=minutes,
        seed=seed, name=name, device=device, leave_out=not strict, by_ear=by_ear,
    )  # fmt: skip
    console.print(f"{study_id}: it goes on if you close this; `studies show {study_id}` tells how far it is.")
    wait_and_show(study_id, as_json=as_json)


def wait_and_show(study_id: str, *, as_json: bool) -> None:
    """Wait until a study ends and print it. Raises MusicgenError if it failed."""
    from musicgen.search import api

    study = wait_for_study(study_id, lambda: api.stop_study(study_id))
    if study.state == "failed":
        raise MusicgenError(study.reason)
    show_study(study, as_json=as_json)


def wait_for_study(study_id: str, stop: Callable[[], None]) -> Any:
    """Poll a study until it and its trials have ended. A line on stderr for each trial; Ctrl-C stops the study."""
    import time

    from musicgen.search import api

    asked, told, remark = False, set[int](), ""
    while True:
        try:
            study = api.get_study(study_id)
            for trial in study.trials:
                if not trial.is_open and trial.number not in told:
                    told.add(trial.number)
                    _say(_words(trial) + _against(study, trial))
            if study.is_active and study.reason and study.reason != remark:
                _say(study.reason + (f" Run `studies judge {study.id}`, or open its page." if study.by_ear else ""))
            remark = study.reason
            if not study.is_active and not any(trial.is_open for trial in study.trials):
                return study
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            _say("Stopping. What was found so far is kept. Press Ctrl-C again to leave at once.")
            stop()


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _words(trial: Any) -> str:
    value = "no loss" if trial.value is None else f"held-out loss {trial.value:.5g}"
    return f"trial {trial.number}: {trial.state}, {value}, {span(trial.seconds)}"


def _against(study: Any, trial: Any) -> str:
    best = study.best
    return ", the best so far" if best is not None and best.number == trial.number else ""


def show_study(study: Any, *, as_json: bool) -> None:
    """Print a study: a JSON document, or tables."""
    if as_json:
        print_json(study.to_json())
        return
    best, preset = study.best, study.preset
    rows = [("study", study.id), ("name", study.name), ("state", study.state), ("training time", span(study.seconds))]
    rows += [("reason", study.reason)] if study.reason else []
    if study.by_ear:
        told = count(len(study.judgements), "comparison") if study.judgements else "nothing yet: see `studies judge`"
        rows += [("by ear", told)]
    if study.by_ear and best is not None and preset is not None:
        rows += [("liked best", f"trial {best.number}: {study.likings[best.number]:+.2f} ({best.run_id})")]
    elif best is not None and best.value is not None and preset is not None and preset.value is not None:
        rows += [("preset", f"held-out loss {preset.value:.5g}")]
        rows += [("best", f"trial {best.number}: held-out loss {best.value:.5g} ({best.run_id})")]
    if best is not None and preset is not None:
        changed = {name: value for name, value in best.parameters.items() if value != preset.parameters[name]}
        rows += [("changed", " ".join(f"--set {name}={_plain(value)}" for name, value in changed.items()) or "nothing")]
    rows += [(f"importance: {name}", f"{share:.0%}") for name, share in list(study.importance.items())[:5]]
    print_table(("", ""), rows)
    liked = {number: f"{value:+.2f}" for number, value in study.likings.items()}
    columns = ("trial", "run", "state", "held-out loss", *(["liked"] if study.by_ear else []), "epochs", "time")
    print_table(
        columns,
        [
            (each.number, each.run_id, each.state, "" if each.value is None else f"{each.value:.5g}",
             *([liked.get(each.number, "")] if study.by_ear else []), each.epochs or "", span(each.seconds))
            for each in study.trials
        ],
    )  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
