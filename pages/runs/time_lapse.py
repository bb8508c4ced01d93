"""How a run learned, to hear: short pieces with one seed that its training made on the way, on a slider beside the
original; or one piece from each kept checkpoint, made afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from musicgen.errors import MusicgenError
from musicgen.evaluation.curves import row_loss
from musicgen.runs.checkpoints import MAX_LAPSE
from musicgen.runs.lapse import HEAR_IT_LEARN, LapsePiece, lapse_of
from musicgen.wording import count
from pages.ui.errors import show_error, shown_errors
from pages.ui.intent import intent_key
from pages.ui.layout import kept_place, section_heading
from pages.ui.outputs.generation_view import watch
from pages.ui.player import PlayerLane, Slider, draw_player
from pages.ui.tables import text_table
from pages.ui.text import size

if TYPE_CHECKING:
    from musicgen.runs.api import Output, Run, Task

FEWEST = 2  # checkpoints
LIVE_SECONDS = 3.0
MAX_READ = 200  # outputs
COMES = (
    "The first short piece comes as soon as a twentieth of the time of this training pays for it. After half a minute "
    "on the Train page everything is prepared for it; otherwise a training of less than a minute or two has none."
)


def draw_time_lapse(run_id: str) -> None:
    """What the training made on the way, also while it goes on; and what can be made, or was made, afterwards."""
    from musicgen.runs.api import get_run

    run = get_run(run_id)
    hears = bool(run.request.get(HEAR_IT_LEARN))
    if hears or lapse_of(run_id).pieces():
        live = run.is_active and hears
        st.fragment(_draw_way, run_every=LIVE_SECONDS if live else None)(run_id)
    with kept_place():
        _draw_afterwards(run)


def _draw_way(run_id: str) -> None:
    from musicgen.runs.api import get_run

    with shown_errors():
        run = get_run(run_id)
        pieces = [piece for piece in lapse_of(run_id).pieces() if piece.about]
        if pieces or run.is_active:
            section_heading("Hear it learn")
        with kept_place():
            if pieces:
                _draw_pieces(run, pieces)
            elif run.is_active:
                st.caption(COMES)


def _draw_pieces(run: Run, pieces: list[LapsePiece]) -> None:
    lanes = [
        PlayerLane(piece.folder.name, piece.clip, title=f"After epoch {piece.epoch}", role="generated")
        for piece in pieces
    ]
    stops = [(piece.folder.name, f"epoch {piece.epoch}") for piece in pieces]
    longest = max(piece.clip.seconds for piece in pieces)
    original = _original(run, pieces[-1].about.get("reference"))
    draw_player(
        [*([original] if original else []), *lanes], key="learn_player", window=(0.0, longest),
        slider=Slider("After epoch", stops),
    )  # fmt: skip
    total = sum(piece.size_bytes for piece in pieces)
    seed = pieces[-1].about.get("seed", 0)
    st.caption(
        f"{count(len(pieces), 'short piece')} with seed {seed}, made between epochs in at most a twentieth of the time "
        f"of the training; {size(total)} on the disk. The network learns the same as without them."
    )
    rows = [(piece.epoch, _loss(piece), _faults(piece)) for piece in pieces]
    text_table(("After epoch ›", "Loss ›", "What is wrong with the piece"), rows)


def _loss(piece: LapsePiece) -> str:
    loss = row_loss(piece.about)
    return "" if loss is None else f"{loss:.3g}"


def _faults(piece: LapsePiece) -> str:
    found = piece.about.get("verdicts")
    titles = [str(each.get("title")) for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return ", ".join(titles) or "nothing found"


def _original(run: Run, reference: Any) -> PlayerLane | None:
    """The song that the pieces belong to, from the same place on; else the first song that is still there."""
    from musicgen.songs.library import get_song

    start = 0.0
    ids = [str(song.get("id")) for song in run.request.get("songs") or ()]
    if isinstance(reference, dict):
        ids, start = [str(reference.get("song_id")), *ids], float(reference.get("start_seconds") or 0.0)
    for number, song_id in enumerate(ids):
        try:
            song = get_song(song_id)
        except MusicgenError:  # it was removed
            continue
        shift = -start if number == 0 else 0.0
        return PlayerLane(song.id, song.clip, title=f"Original: {song.name}", role="reference", shift=shift)
    return None


def _draw_afterwards(run: Run) -> None:
    """Longer pieces, one from each kept checkpoint, if somebody asked for them; else the button that makes them."""
    pieces, task = made_from_all(run.id), newest_lapse(run.id)
    kept = min(sum(each["is_complete"] for each in run.checkpoints), MAX_LAPSE)
    if len(pieces) < FEWEST and kept < FEWEST:
        return
    section_heading("How it learned")
    if len(pieces) >= FEWEST:
        _draw_slider(pieces)
    is_being_made = task is not None and task.is_active
    if not run.is_active and not is_being_made and len(pieces) < kept:
        st.caption(f"A whole piece with the same seed from {kept} kept checkpoints, from the first epochs to the last.")
        if st.button("Make the time-lapse", key="lapse_make", icon=":material/slow_motion_video:"):
            _make(run)


def newest_lapse(run_id: str) -> Task | None:
    """The newest generation of this run from all its checkpoints; None also for a run that was imported."""
    from musicgen.runs.api import list_tasks

    return next((task for task in list_tasks(run_id=run_id, kind="generate") if task.request.get("checkpoints")), None)


def made_from_all(run_id: str) -> list[Output]:
    """The newest outputs that were made with one seed from all checkpoints, by epoch: the first piece of each. Read
    from the outputs themselves, which an archive has too."""
    from musicgen.runs.api import list_outputs
    from musicgen.runs.submissions import EVERY

    made = [each for each in list_outputs(run_id, limit=MAX_READ) if _weights(each).get("chosen") == EVERY]
    alike = [each for each in made if _order(each) == _order(made[0])]
    newest: dict[int, Output] = {}
    for output in alike:
        if output.sidecar.get("seed") == (output.sidecar.get("seeds") or [None])[0]:
            newest.setdefault(_epoch(output), output)
    return [newest[epoch] for epoch in sorted(newest)]


def _order(output: Output) -> tuple[Any, ...]:
    return tuple(output.sidecar.get(name) for name in ("seeds", "generation", "prompt"))


def _weights(output: Output) -> dict[str, Any]:
    found = output.sidecar.get("checkpoint")
    return found if isinstance(found, dict) else {}


def _epoch(output: Output) -> int:
    return int(_weights(output).get("epoch") or 0)


def _draw_slider(pieces: list[Output]) -> None:
    lanes = [PlayerLane(each.id, each.clip, title=f"After epoch {_epoch(each)}", role="generated") for each in pieces]
    stops = [(each.id, f"epoch {_epoch(each)}") for each in pieces]
    draw_player(lanes, key="lapse_player", slider=Slider("After epoch", stops))


def _make(run: Run) -> None:
    from musicgen.runs.api import submit_generation

    seed = int(run.request.get("seed") or 0)
    try:
        task_id = submit_generation(run.id, seed=seed, checkpoint="all", submit_key=intent_key("lapse", run.id))
    except MusicgenError as error:
        show_error(error)
        return
    watch(task_id)
    st.rerun()
