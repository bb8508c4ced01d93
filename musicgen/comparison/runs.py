"""Runs against each other: which settings differ, how far each one came, and which pieces were made alike. Light."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.approaches import approaches
from musicgen.evaluation.curves import row_loss, useful_floors

if TYPE_CHECKING:
    from musicgen.runs.records import Output, Run

MISSING = object()  # the run's approach has no such setting


@dataclass(frozen=True)
class Setting:
    """A setting that differs: its title, and the value in each run (`MISSING`: its approach has none)."""

    name: str
    title: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Standing:
    """How far a run came.

    Attributes:
        loss: of its best epoch; None before the first. is_validation: whether it is of held-out music.
        margin: the lowest floor that is useful, minus the loss; positive if the network is better than all of them.
            None without floors.
    """

    run: Run
    loss: float | None
    is_validation: bool
    epoch: int | None
    margin: float | None
    weights: int | None


@dataclass(frozen=True)
class Making:
    """How a piece was made, apart from the run: pieces with the same making can be heard against each other."""

    seed: int
    prompt: str | None
    generation: tuple[tuple[str, str], ...]


def standing(run: Run) -> Standing:
    rows = [row for row in run.history if row_loss(row) is not None]
    best = next((row for row in rows if row["epoch"] == run.best_epoch), None)
    loss = row_loss(best) if best else None
    floors = useful_floors(run.prepared.get("floors") or {})
    sizes = run.prepared.get("parameters")
    return Standing(
        run,
        loss,
        best is not None and best.get("val_loss") is not None,
        best["epoch"] if best else None,
        min(floors.values()) - loss if floors and loss is not None else None,
        _total(sizes, run.prepared.get("networks")),
    )


def _total(sizes: Any, networks: Any) -> int | None:
    """Weights in all, from the list of networks or from the number of one."""
    if isinstance(sizes, list | tuple):
        return sum(int(size) for size in sizes)
    return int(sizes) * int(networks or 1) if sizes is not None else None


def differing_settings(runs: Sequence[Run]) -> list[Setting]:
    """The settings in which the runs differ: approach, preset, songs, seed, then the parameters of the training."""
    named = [_settings_of(run) for run in runs]
    names = dict.fromkeys(name for each in named for name in each)
    found = []
    for name in names:
        values = tuple(each.get(name, MISSING) for each in named)
        if any(value != values[0] for value in values[1:]):
            found.append(Setting(name, _title(name, runs), values))
    return found


def _settings_of(run: Run) -> dict[str, Any]:
    request = run.request
    known = approaches().get(run.approach)
    songs = [str(song.get("name") or song.get("id")) for song in request.get("songs") or ()]
    return {
        "approach": known.title if known else run.approach,
        "preset": request.get("preset") or "none",
        "songs": ", ".join(sorted(songs)),
        "seed": request.get("seed") or 0,
        **(request.get("training") or {}),
    }


def _title(name: str, runs: Iterable[Run]) -> str:
    for run in runs:
        known = approaches().get(run.approach)
        if known and name in known.Training.model_fields:
            return str(known.Training.model_fields[name].title or name)
    return name.capitalize()


def making(output: Output) -> Making:
    sidecar = output.sidecar
    values = sidecar.get("generation") or {}
    prompt = (sidecar.get("prompt") or {}).get("id")
    return Making(int(sidecar.get("seed") or 0), prompt, tuple(sorted((k, repr(v)) for k, v in values.items())))


def made_alike(outputs: Mapping[str, Sequence[Output]]) -> list[tuple[Making, dict[str, Output]]]:
    """Makings that at least two of the runs have a piece of, those of most runs first.

    Args:
        outputs: run id → its outputs, newest first. Of pieces made alike by one run, the newest counts.
    """
    found: dict[Making, dict[str, Output]] = {}
    for run_id, made in outputs.items():
        for output in made:
            found.setdefault(making(output), {}).setdefault(run_id, output)
    shared = [(how, pieces) for how, pieces in found.items() if len(pieces) > 1]
    return sorted(shared, key=lambda each: -len(each[1]))
