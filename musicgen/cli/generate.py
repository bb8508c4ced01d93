"""`generate RUN`: new music from a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import AsJson, Settings, preset_values, print_json, print_table, read_settings
from musicgen.cli.train import choices, song_ids
from musicgen.cli.waiting import raise_if_failed, wait_for
from musicgen.errors import InvalidParameter, sentence
from musicgen.storage.files import copy_out, write_out
from musicgen.wording import span


def written_files(output: Any, folder: Path | None) -> dict[str, str]:
    """format → path. If a folder is given, the files are copied there under readable names."""
    from musicgen.clips.exports import export_clip
    from musicgen.songs.names import file_name

    clip = output.clip
    stored = {"wav": clip.audio_path, "json": clip.folder / "sidecar.json"}
    if output.medium == "midi":
        stored["mid"] = clip.score_path
    if folder is None:
        return {kind: str(path) for kind, path in stored.items() if path.is_file()}
    folder.mkdir(parents=True, exist_ok=True)
    copied = {}
    for kind in ("wav", "mid", "musicxml") if output.medium == "midi" else ("wav",):
        path = folder / file_name(f"{output.name} {output.id}", kind)
        write_out(export_clip(clip, kind), path)
        copied[kind] = str(path)
    sidecar = folder / file_name(f"{output.name} {output.id}", "json")
    copy_out(stored["json"], sidecar)
    return {**copied, "json": str(sidecar)}


def output_json(output: Any, folder: Path | None = None) -> dict[str, Any]:
    """An output as one JSON object: files, length, speed and verdicts."""
    facts = output.sidecar.get("facts", {})
    return {
        "id": output.id,
        "run": output.run_id,
        "name": output.name,
        "medium": output.medium,
        "files": written_files(output, folder),
        "seconds": output.seconds,
        **facts,
        "seed": output.sidecar.get("seed"),
        "reference": output.sidecar.get("reference"),
        "metrics": output.sidecar.get("metrics"),
        "verdicts": output.sidecar.get("verdicts"),
        "copied": output.sidecar.get("copied"),
    }


def verdict_words(verdicts: list[dict[str, Any]] | None) -> str:
    """`Looping, Faint`; `no fault found`; a dash if it was not checked."""
    return "–" if verdicts is None else ", ".join(verdict["title"] for verdict in verdicts) or "no fault found"


def filling_in(approach: Any, keep: str | None, bars: str | None, prompt: str | None) -> dict[str, str]:
    """The settings of --keep and --bars. Raises InvalidParameter if the approach cannot fill in, or without a song."""
    if keep is None and bars is None:
        return {}
    if prompt is None:
        raise InvalidParameter(
            sentence("--keep and --bars need a song to fill in", "no --prompt", "Add --prompt with a file or an id.")
        )
    if "prompt_use" not in approach.Generation.model_fields:
        raise InvalidParameter(
            sentence("--keep and --bars are for approaches that fill in", approach.key, "Use a run of voices.")
        )
    return {"prompt_use": "fill_in", "keep_voices": keep or "", "new_bars": bars or ""}


def generate(
    run: Annotated[str, typer.Argument(help="The id of a run that has weights.", show_default=False)],
    preset: Annotated[str | None, typer.Option(help="Use the generation settings of this preset.")] = None,
    sets: Settings = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the first output; the next adds 1.")] = 0,
    prompt: Annotated[str | None, typer.Option(help="A song (file or id) to begin from.")] = None,
    keep: Annotated[
        str | None, typer.Option(help="Fill in the prompt: voices that stay, such as soprano or 1,4.")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(help="Fill in the prompt: bars to make anew, such as 5-8; all others stay.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=64, help="How many outputs.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Also write the files to this folder.")] = None,
    checkpoint: Annotated[
        str, typer.Option(help="Which weights: best, last, the number of an epoch, or all.")
    ] = "best",
    as_json: AsJson = False,
) -> None:
    """Generate music from a trained run."""
    from musicgen.approaches import approach as find
    from musicgen.runs import api

    trained = api.get_run(run)
    # Without --preset, the generation settings of the preset that the run was trained with.
    chosen = preset if preset is not None else trained.request.get("preset") or None
    kind = find(trained.approach)
    values = {
        **preset_values(kind, chosen, "generation"),
        **filling_in(kind, keep, bars, prompt),
        **read_settings(sets),
    }
    start = choices(song_ids([prompt])[0])[0] if prompt else None
    task_id = api.submit_generation(run, values, count=count, seed=seed, prompt=start, checkpoint=checkpoint)
    task = wait_for(lambda: api.get_task(task_id), lambda: api.cancel(task_id))
    raise_if_failed(task)
    outputs = [output_json(output, out) for output in reversed(api.list_outputs(task_id=task_id))]
    if as_json:
        print_json({"task": task_id, "state": task.state, "outputs": outputs})
        return
    rows = [
        (each["id"], span(each["seconds"]), verdict_words(each["verdicts"]), " ".join(each["files"].values()))
        for each in outputs
    ]
    print_table(("output", "length", "checked", "files"), rows)
