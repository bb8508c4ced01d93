"""`runs lapse RUN`: the short pieces that a training made on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import AsJson, print_json, print_table
from musicgen.wording import span

Folder = Annotated[Path | None, typer.Option("--out", help="A folder to write the pieces to.")]


def lapse(
    run_id: Annotated[str, typer.Argument(help="The id of a run.", show_default=False)],
    out: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show the short pieces that a training made on the way, and write them to a folder with --out."""
    from musicgen.runs import api
    from musicgen.runs.lapse import lapse_of

    pieces = lapse_of(api.get_run(run_id).id).pieces()
    told = [{**_told(piece), **({"files": _write(piece, out)} if out else {})} for piece in pieces]
    if as_json:
        print_json({"run": run_id, "pieces": told, "bytes": sum(each["bytes"] for each in told)})
        return
    rows = [(each["epoch"], each["loss"], span(each["seconds"]), ", ".join(each["verdicts"])) for each in told]
    print_table(("epoch", "loss", "length", "verdicts"), rows)


def _told(piece: Any) -> dict[str, Any]:
    about = piece.about
    known = {name: about.get(name) for name in ("seed", "loss", "val_loss", "generation", "reference")}
    verdicts = [str(each.get("code")) for each in about.get("verdicts") or () if isinstance(each, dict)]
    return {
        "epoch": piece.epoch, **known, "verdicts": verdicts, "seconds": piece.clip.seconds, "bytes": piece.size_bytes,
    }  # fmt: skip


def _write(piece: Any, folder: Path) -> list[str]:
    """The sound, and the notes if there are any; complete or not at all. Returns the paths."""
    from musicgen.clips.exports import export_clip
    from musicgen.storage.files import write_out

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in ("wav", "mid") if piece.clip.medium == "midi" else ("wav",):
        path = folder / f"epoch-{piece.epoch:06d}.{kind}"
        write_out(export_clip(piece.clip, kind), path)
        written.append(str(path))
    return written
